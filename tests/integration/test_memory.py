"""The largest photos that are accepted fit into the functions' memory: every format decoded, and the built functions run."""

import base64
import io
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.photos.headers.avif import AVIF_SHARE
from lookalike.settings import BASELINE_BYTES, DECODING_BYTES_PER_PIXEL
from tests.support.api import event as http_event
from tests.support.built import Built, built_with_s3

ROOT = Path(__file__).resolve().parents[2]
SIDE = 4000


def ramp(side: int, mode: str = "RGB") -> Image.Image:
    return Image.linear_gradient("L").resize((side, side)).convert(mode)


def translucent(side: int) -> Image.Image:
    picture = ramp(side)
    picture.putalpha(128)
    return picture


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


# The kinds of each format that take the most, and those that are special.
PHOTOS: dict[str, Callable[[int], bytes]] = {
    "WebP": lambda side: encoded(ramp(side), "WEBP", quality=10, method=0),
    "WebP, lossless": lambda side: encoded(Image.new("RGB", (side, side), "tan"), "WEBP", lossless=True, method=0),
    "WebP, translucent": lambda side: encoded(translucent(side), "WEBP", quality=10, method=0),
    "AVIF": lambda side: encoded(ramp(side), "AVIF", quality=30, speed=10),
    "AVIF, translucent, 4:4:4": lambda side: encoded(translucent(side), "AVIF", speed=10, subsampling="4:4:4"),
    "JPEG": lambda side: encoded(ramp(side), "JPEG"),
    "JPEG, progressive": lambda side: encoded(ramp(side), "JPEG", progressive=True, subsampling=0),
    "JPEG, CMYK": lambda side: encoded(ramp(side).convert("CMYK"), "JPEG", progressive=True),
    "PNG": lambda side: encoded(ramp(side), "PNG", compress_level=1),
    "PNG, translucent": lambda side: encoded(translucent(side), "PNG", compress_level=1),
    "PNG, grey and translucent": lambda side: encoded(translucent(side).convert("LA"), "PNG", compress_level=1),
    "PNG, one colour transparent": lambda side: encoded(ramp(side), "PNG", compress_level=1, transparency=(1, 2, 3)),
    "PNG, 16 bits": lambda side: encoded(Image.fromarray(np.full((side, side), 999, np.uint16)), "PNG"),
    "PNG, palette": lambda side: encoded(ramp(side, "L").convert("P"), "PNG", transparency=3),
    "GIF": lambda side: encoded(ramp(side, "L").convert("P"), "GIF", transparency=3),
    "TIFF, translucent": lambda side: encoded(translucent(side), "TIFF", compression="tiff_lzw"),
    "TIFF, 16 bits": lambda side: encoded(
        Image.fromarray(np.full((side, side), 999, np.uint16)), "TIFF", compression="tiff_lzw"
    ),
    "TIFF, CMYK": lambda side: encoded(ramp(side).convert("CMYK"), "TIFF", compression="tiff_deflate"),
    "TIFF, grey and translucent": lambda side: encoded(
        translucent(side).convert("LA"), "TIFF", compression="tiff_deflate"
    ),
}
DECODE = """
import re, sys
from pathlib import Path
from lookalike.photos.images import decode

def memory_bytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

data = Path(sys.argv[1]).read_bytes()
before = memory_bytes("VmRSS")
decode(data, size=224)
print(memory_bytes("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says how much memory a process has ever had")
@pytest.mark.parametrize("kind", PHOTOS)
def test_no_format_takes_more_than_is_set_aside_for_a_pixel(kind: str, tmp_path: Path) -> None:
    photo = tmp_path / "photo"
    photo.write_bytes(PHOTOS[kind](SIDE))
    done = subprocess.run(
        [sys.executable, "-c", DECODE, str(photo)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    a_pixel = int(done.stdout) / SIDE**2
    assert a_pixel < DECODING_BYTES_PER_PIXEL + 1, "and what does not depend on the pixels"


# --- the built functions, within their limits ------------------------------------------------------------------------


@pytest.fixture
def built(tmp_path: Path) -> Iterator[Built]:
    with built_with_s3(tmp_path) as built:
        yield built


def test_a_batch_of_the_largest_photos_is_taken_in(built: Built) -> None:
    """One that ended the process would take the other 99 of its batch to the dead-letter queue."""
    side = math.isqrt(built.limit("IngestFunction", "MAX_IMAGE_PIXELS"))
    photos = [
        PHOTOS[kind](side).ljust(built.limit("IngestFunction", "MAX_IMAGE_BYTES"), b"\0")
        for kind in ("WebP, lossless", "WebP", "TIFF, translucent")
    ]
    assert built.take_in(*islice(cycle(photos), 17)) == {"batchItemFailures": []}
    assert '"embedded":17' in built.log("IngestFunction").replace(" ", "")
    print(f"ingest: {built.peak_mib('IngestFunction')} MiB at most")


def test_queries_take_no_more_than_is_set_aside_beside_the_catalogue(built: Built) -> None:
    """One after the other in one process: what the first leaves in pieces must not add to what the next one takes."""
    pixels = built.limit("QueryFunction", "MAX_IMAGE_PIXELS")
    built.take_in(encoded(ramp(100), "PNG"))
    avif, png, webp = "AVIF, translucent, 4:4:4", "PNG, one colour transparent", "WebP, lossless"
    for kind in (avif, avif, avif, png, png, webp, webp):
        side = math.isqrt(int(pixels * (AVIF_SHARE if kind == avif else 1)))
        request = http_event(
            "POST /api/search",
            headers={"content-type": "image/webp"},
            body=base64.b64encode(PHOTOS[kind](side).ljust(4 * 1024 * 1024, b"\0")).decode(),
            isBase64Encoded=True,
        )
        assert built.call("QueryFunction", request)["statusCode"] == 200
    print(f"query: {built.peak_mib('QueryFunction')} MiB at most")
    assert built.peak_mib("QueryFunction") * 1024 * 1024 < BASELINE_BYTES + DECODING_BYTES_PER_PIXEL * pixels
