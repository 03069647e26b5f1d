"""The environment of each function, read once and typed. template.yaml sets every variable that a function needs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import LookalikeError

MAX_IMAGE_BYTES = 20 * 1024 * 1024
"""Largest file of a catalogue photo, where the environment does not say."""

MAX_IMAGE_PIXELS = 64_000_000
"""Largest photo, where the environment does not say."""

BASELINE_BYTES = 320 * 1024 * 1024
"""Memory of a query beside the catalogue and the photo: Python, libraries and the model 190 MB, a request, a search."""

DECODING_BYTES_PER_PIXEL = 16
"""Most memory that decoding takes: WebP's decoder holds four copies of 32 bits per pixel. A test measures every format.

An AVIF can take more, and may have fewer pixels for it: ``images.AVIF_SHARE``."""


class SettingsError(LookalikeError):
    """An environment variable is missing or has a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """``threads``: threads of the model."""

    catalogue_bucket: str
    store_bucket: str
    queue_url: str
    model_dir: Path
    threads: int
    max_image_bytes: int
    max_image_pixels: int


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """``threads``: threads of the model and of a large scan; ``snapshot_bytes``: memory that a snapshot may take."""

    catalogue_bucket: str
    store_bucket: str
    model_dir: Path
    threads: int
    max_image_pixels: int
    max_staleness_s: float
    snapshot_bytes: int


@dataclass(frozen=True, slots=True)
class CompactSettings:
    """``grace_s``: how long segments stay after compaction has replaced them."""

    store_bucket: str
    grace_s: float


def ingest(environ: Mapping[str, str]) -> IngestSettings:
    """The settings of the ingest function. Raises SettingsError."""
    return IngestSettings(
        catalogue_bucket=_value(environ, "CATALOGUE_BUCKET", _name),
        store_bucket=_value(environ, "STORE_BUCKET", _name),
        queue_url=_value(environ, "QUEUE_URL", _name),
        model_dir=_value(environ, "MODEL_DIR", Path, "/opt/model"),
        threads=_value(environ, "THREADS", _count, "2"),
        max_image_bytes=_value(environ, "MAX_IMAGE_BYTES", _count, str(MAX_IMAGE_BYTES)),
        max_image_pixels=_value(environ, "MAX_IMAGE_PIXELS", _count, str(MAX_IMAGE_PIXELS)),
    )


def query(environ: Mapping[str, str]) -> QuerySettings:
    """The settings of the query function. Raises SettingsError."""
    max_image_pixels = _value(environ, "MAX_IMAGE_PIXELS", _count, str(MAX_IMAGE_PIXELS))
    # Lambda gives the function's memory in MiB.
    memory_bytes = _value(environ, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", _count, "1769") * 1024 * 1024
    return QuerySettings(
        catalogue_bucket=_value(environ, "CATALOGUE_BUCKET", _name),
        store_bucket=_value(environ, "STORE_BUCKET", _name),
        model_dir=_value(environ, "MODEL_DIR", Path, "/opt/model"),
        threads=_value(environ, "THREADS", _count, "2"),
        max_image_pixels=max_image_pixels,
        max_staleness_s=_value(environ, "MAX_STALENESS_S", _seconds, "5"),
        snapshot_bytes=max(0, memory_bytes - BASELINE_BYTES - DECODING_BYTES_PER_PIXEL * max_image_pixels),
    )


def compact(environ: Mapping[str, str]) -> CompactSettings:
    """The settings of the compact function. Raises SettingsError."""
    return CompactSettings(
        store_bucket=_value(environ, "STORE_BUCKET", _name),
        grace_s=_value(environ, "GRACE_S", _seconds, str(15 * 60)),
    )


def _value[T](environ: Mapping[str, str], name: str, convert: Callable[[str], T], default: str | None = None) -> T:
    text = environ.get(name, default)
    if text is None:
        raise SettingsError(f"the environment variable {name} is not set; template.yaml sets it")
    try:
        return convert(text)
    except ValueError as error:
        raise SettingsError(f"the environment variable {name} is {text!r}: {error}") from error


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
