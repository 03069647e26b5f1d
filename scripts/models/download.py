"""Download one file of known size and checksum, going on where an earlier attempt was cut off."""

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tqdm import tqdm

from lookalike.errors import ModelError
from lookalike.photos.model import file_sha256

_CHUNK_BYTES: Final = 1 << 18
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def fetch(
    url: str,
    path: Path,
    *,
    file_bytes: int,
    sha256: str,
    attempts: int = 4,
    pause_s: float = 1.0,
    timeout_s: float = 30.0,
) -> None:
    """Download ``url`` to ``path``, which is complete and of the right checksum when this returns.

    What has arrived is kept in ``path`` + ".part", so that the next attempt, or the next call, asks for
    the rest only. Raises ``ModelError`` where the server is out of reach or sends something else.
    """
    _check_scheme(url)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    for attempt in range(1, attempts + 1):
        try:
            _go_on(url, partial, file_bytes, timeout_s)
            break
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 or attempt == attempts:
                raise ModelError(f"{url} was not downloaded: the server answered {error.code}.") from error
        except (OSError, http.client.HTTPException) as error:
            if attempt == attempts:
                raise ModelError(f"{url} was not downloaded: {error}.") from error
        time.sleep(pause_s * attempt)
    found = file_sha256(partial)
    if found != sha256:
        partial.unlink()
        raise ModelError(f"{url} has the SHA-256 {found} instead of {sha256}, and was not kept.")
    partial.replace(path)


def _go_on(url: str, partial: Path, file_bytes: int, timeout_s: float) -> None:
    """Append to ``partial`` until it holds ``file_bytes``; OSError where the connection ends before."""
    have = partial.stat().st_size if partial.exists() else 0
    if have == file_bytes:
        return
    headers = {"Range": f"bytes={have}-"} if 0 < have < file_bytes else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (the scheme has been checked)
    with urllib.request.urlopen(request, timeout=timeout_s) as response:  # noqa: S310
        _check_scheme(response.url)  # after redirects
        # A server that knows no ranges sends the whole file with status 200: start again.
        goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if goes_on else 0
        with (
            partial.open("ab" if goes_on else "wb") as stream,
            tqdm(total=file_bytes, initial=have, unit="B", unit_scale=True, desc=partial.stem) as bar,
        ):
            while have <= file_bytes and (chunk := response.read(_CHUNK_BYTES)):
                have += len(chunk)
                stream.write(chunk)
                bar.update(len(chunk))
    if have > file_bytes:
        partial.unlink()
        raise ModelError(f"{url} is larger than the {file_bytes:,} bytes expected, and was not kept.")
    if have < file_bytes:
        raise ConnectionError(f"the connection ended after {have:,} of {file_bytes:,} bytes")


def _check_scheme(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ModelError(f"{url} is refused: models are downloaded over https only.")
