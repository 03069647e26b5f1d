"""The environment of each function as one typed value. template.yaml sets every variable that a function needs.

The variable of a field is its name in capitals. Fields with a default may be missing from the environment.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from lookalike.errors import LookalikeError

BASELINE_BYTES = 400 * 1024 * 1024
"""Memory of a query beside the catalogue and the photo: Python, libraries and the model 240 MB, windows, a request, a search."""

DECODING_BYTES_PER_PIXEL = 16
"""Most memory that decoding takes: WebP's decoder holds four copies of 32 bits per pixel. A test measures every format.

An AVIF can take more, and may have fewer pixels for it: ``avif.AVIF_SHARE``."""

MAX_IMAGE_BYTES = 20 * 1024 * 1024
"""Size of the largest catalogue photo that is read; ingest has a variable for it, and backfill has not."""

MAX_DATA_BYTES = 400 * 1024 * 1024
"""Size of the largest data file that is read; ingest has a variable for it, and backfill has not."""

GRACE_S = 15 * 60.0
"""How long objects stay after compaction has replaced them: the same for the functions that read and that collect."""

SEGMENT_BYTES = 128 * 1024 * 1024
"""Size of a full segment, which compaction merges no further and an index follows."""

_GRACE_MARGIN_S = 60.0  # an answer may read for 29 seconds, and clocks differ


class SettingsError(LookalikeError):
    """An environment variable is missing or has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """``threads``: threads of the model.

    ``reserve_s``: time that must be left when a group of photos is begun; ``data_reserve_s``: when a data file is.
    """

    catalogue_bucket: str
    store_bucket: str
    queue_url: str
    model_dir: Path = Path("/opt/model")
    threads: int = 2
    max_image_bytes: int = MAX_IMAGE_BYTES
    max_image_pixels: int = 64_000_000
    max_data_bytes: int = MAX_DATA_BYTES
    reserve_s: float = 60
    data_reserve_s: float = 150


class Engine(StrEnum):
    """What searches the catalogue: a scan of all codes, or an index of candidates beside a scan of the newest ones."""

    EXACT = "exact"
    INDEX = "index"


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """``threads``: threads of the model and of a large scan; ``aws_lambda_function_memory_size``: MiB, set by Lambda.

    ``grace_s``: see ``CompactSettings``. ``origin_secrets``: each lets a request in; without one, every request is let in.
    ``hide_out_of_stock``: whether an answer leaves out products that are out of stock, unless its filters name availability.
    ``index``: the place of the index where ``engine`` is one, as ``lookalike.index.opening`` reads it.
    """

    catalogue_bucket: str
    store_bucket: str
    queue_url: str
    dead_letter_queue_url: str
    model_dir: Path = Path("/opt/model")
    threads: int = 2
    max_image_pixels: int = 64_000_000
    max_staleness_s: float = 5
    grace_s: float = GRACE_S
    aws_lambda_function_memory_size: int = 1769
    origin_secrets: tuple[str, ...] = ()
    hide_out_of_stock: bool = True
    engine: Engine = Engine.EXACT
    index: str = ""

    @property
    def stale_if_error_s(self) -> float:
        """The age up to which a snapshot answers while S3 does not: until then its objects are sure to exist."""
        return max(self.max_staleness_s, self.grace_s - _GRACE_MARGIN_S)

    @property
    def snapshot_bytes(self) -> int:
        """Memory that a snapshot may take."""
        memory_bytes = self.aws_lambda_function_memory_size * 1024 * 1024
        return max(0, memory_bytes - BASELINE_BYTES - DECODING_BYTES_PER_PIXEL * self.max_image_pixels)


@dataclass(frozen=True, slots=True)
class CompactSettings:
    """``grace_s``: how long segments stay after compaction has replaced them; ``segment_bytes``: of a full segment."""

    store_bucket: str
    grace_s: float = GRACE_S
    segment_bytes: int = SEGMENT_BYTES


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """``index``: its place; ``grace_s``, ``segment_bytes``: see ``CompactSettings``, whose values must be the same."""

    store_bucket: str
    index: str
    model_dir: Path = Path("/opt/model")
    grace_s: float = GRACE_S
    segment_bytes: int = SEGMENT_BYTES


def ingest(environ: Mapping[str, str]) -> IngestSettings:
    """The settings of the ingest function. Raises SettingsError."""
    return IngestSettings(**_values(IngestSettings, environ))


def query(environ: Mapping[str, str]) -> QuerySettings:
    """The settings of the query function. Raises SettingsError."""
    return QuerySettings(**_values(QuerySettings, environ))


def compact(environ: Mapping[str, str]) -> CompactSettings:
    """The settings of the compact function. Raises SettingsError."""
    return CompactSettings(**_values(CompactSettings, environ))


def follow(environ: Mapping[str, str]) -> FollowSettings:
    """The settings of the follow function. Raises SettingsError."""
    return FollowSettings(**_values(FollowSettings, environ))


def _values(kind: Any, environ: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for field in fields(kind):
        name = field.name.upper()
        text = environ.get(name)
        if text is not None:
            try:
                values[field.name] = _CONVERT[field.type](text)
            except ValueError as error:
                raise SettingsError(f"the environment variable {name} is {text!r}: {error}") from error
        elif field.default is MISSING:
            raise SettingsError(f"the environment variable {name} is not set; template.yaml sets it")
    return values


def _name(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError("must be a whole number, at least 1")
    return int(text)


def _seconds(text: str) -> float:
    value = float(text)
    # Nothing is ever older than NaN seconds: a snapshot would stay for good.
    if not 0 <= value < math.inf:
        raise ValueError("must be a number of seconds, 0 or more")
    return value


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


_CONVERT: Mapping[Any, Callable[[str], Any]] = {
    str: _name,
    bool: _switch,
    Engine: Engine,
    int: _count,
    float: _seconds,
    Path: Path,
    tuple[str, ...]: _words,
}
