"""Download one file of known size and checksum."""

import http.client
import tempfile
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from lookalike.errors import ModelError
from lookalike.photos.model_parts import file_sha256
from scripts.common.progress import Progress

_CHUNK_BYTES: Final = 1 << 18
_TIMEOUT_S: Final = 30
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def fetch(url: str, path: Path, *, file_bytes: int, sha256: str) -> None:
    """Download ``url`` to ``path``, which appears complete and with the right checksum or not at all.

    Raises ModelError if the server is out of reach, answers an error, or sends another file.
    """
    _check_scheme(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        file = Path(folder) / path.name
        try:
            with (
                urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer,  # noqa: S310 - the scheme was checked
                file.open("wb") as stream,
                Progress(file_bytes, path.name, "B") as progress,
            ):
                _check_scheme(answer.url)  # after redirects
                while stream.tell() <= file_bytes and (chunk := answer.read(_CHUNK_BYTES)):
                    stream.write(chunk)
                    progress.to(stream.tell())
        except (OSError, http.client.HTTPException) as error:
            raise ModelError(f"{url} was not downloaded: {error}.") from error
        if (actual := file_sha256(file)) != sha256:
            raise ModelError(
                f"{url} gave another file, which was not kept: {file.stat().st_size:,} bytes instead of {file_bytes:,}, "
                f"SHA-256 {actual} instead of {sha256}."
            )
        file.replace(path)


def _check_scheme(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ModelError(f"{url} is refused: models are downloaded over https only.")
