"""The environment of the functions, read once and typed. template.yaml sets every variable a function needs."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lookalike.errors import LookalikeError

BESIDE_BYTES = 320 * 1024 * 1024
"""Memory that a query takes beside the catalogue and its photo: Python, libraries and the model 190 MB, a request, a search."""

DECODING_BYTES_A_PIXEL = 16
"""Memory that decoding takes at most: WebP's decoder holds four copies of 32 bits a pixel. A test measures every format.

An AVIF can take more, and may have fewer pixels for it: ``images.AVIF_SHARE``."""


class SettingsError(LookalikeError):
    """An environment variable is missing or is not what it should be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What all functions share.

    ``threads``: how many threads the model and a large scan use; ``snapshot_bytes``: how much memory a snapshot may take.
    """

    store_bucket: str
    catalogue_bucket: str
    model_dir: Path
    threads: int
    image_prefix: str
    max_image_bytes: int
    max_image_pixels: int
    max_staleness_s: float
    grace_s: float
    snapshot_bytes: int


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in the environment. Raises SettingsError."""

    def value[T](name: str, convert: Callable[[str], T], default: str | None = None) -> T:
        text = environ.get(name, default)
        if text is None:
            raise SettingsError(f"the environment variable {name} is not set; template.yaml sets it")
        try:
            return convert(text)
        except ValueError as error:
            raise SettingsError(f"the environment variable {name} is {text!r}: {error}") from error

    max_image_pixels = value("MAX_IMAGE_PIXELS", _count, str(64_000_000))
    # Lambda says how much memory the function has, in MiB.
    memory_bytes = value("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", _count, "1769") * 1024 * 1024
    return Settings(
        store_bucket=value("STORE_BUCKET", _name),
        catalogue_bucket=value("CATALOGUE_BUCKET", _name),
        model_dir=value("MODEL_DIR", Path, "/opt/model"),
        threads=value("THREADS", _count, "2"),
        image_prefix=value("IMAGE_PREFIX", str, "images/"),
        max_image_bytes=value("MAX_IMAGE_BYTES", _count, str(20 * 1024 * 1024)),
        max_image_pixels=max_image_pixels,
        max_staleness_s=value("MAX_STALENESS_S", _seconds, "5"),
        grace_s=value("GRACE_S", _seconds, str(15 * 60)),
        snapshot_bytes=max(0, memory_bytes - BESIDE_BYTES - DECODING_BYTES_A_PIXEL * max_image_pixels),
    )


def _name(text: str) -> str:
    if not text:
        raise ValueError("a name is wanted")
    return text


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError("at least 1 is wanted")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    # Nothing is ever older than NaN seconds: a snapshot would stay for good.
    if not 0 <= value < math.inf:
        raise ValueError("a number of seconds is wanted, 0 or more")
    return value
