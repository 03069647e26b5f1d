"""The worst photos of each format that are accepted: the processor time and the memory that one takes to decode."""

import argparse
import io
import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from lookalike.errors import ImageError
from lookalike.photos.decoder import DecoderPool
from lookalike.photos.headers.avif import AVIF_SHARE
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.worker import processor_s

_SIZE: Final = 224


@dataclass(frozen=True, slots=True)
class Limit:
    """What a function accepts: the queries' 4 MB and 25 megapixels, or ingest's 20 MB and 64 megapixels."""

    max_bytes: int
    max_pixels: int

    @property
    def side(self) -> int:
        return math.isqrt(self.max_pixels)


LIMITS: Final = {"query": Limit(4 * 1024 * 1024, 25_000_000), "ingest": Limit(20 * 1024 * 1024, 64_000_000)}


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Decode each photo in a fresh process and report what that took."""
    if not Path("/proc/self/stat").exists():
        raise BenchError("This benchmark reads /proc, which Linux has.")
    for name in options.limits:
        limit = LIMITS[name]
        for kind, write in PHOTOS.items():
            data = write(limit)
            if len(data) > limit.max_bytes:
                raise BenchError(f"{kind} has {len(data):,} bytes, above the limit of {name}")
            yield {"bench": "photos", "limit": name, "photo": kind, "file_bytes": len(data)} | _measured(data, limit)


def _measured(data: bytes, limit: Limit) -> dict[str, Any]:
    pool = DecoderPool(size=_SIZE, max_pixels=limit.max_pixels, processes=1, processor_s=120, elapsed_s=600)
    pid = pool.process_id()
    outcome = "decoded"
    try:
        pool.decode(_TINY)  # the process has started
        started_s = processor_s(pid)
        pool.decode(data)
    except ImageError as error:
        outcome = error.reason
    peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    return {
        "outcome": outcome,
        "seconds": round(processor_s(pid) - started_s, 2),
        "peak_bytes": int(peak[1]) * 1024 if peak else 0,
    }


def _encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


_TINY: Final = _encoded(Image.new("RGB", (8, 8)), "PNG")


def _noise(width: int, height: int, channels: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


def _filling(mode: str, kind: str, share: float = 1.0, **options: Any) -> Callable[[Limit], bytes]:
    """A picture of all pixels whose upper rows are noise: as many of them as fill the file."""

    def write(limit: Limit) -> bytes:
        side = math.isqrt(int(limit.max_pixels * share))
        channels = len(Image.new(mode, (1, 1)).getbands())

        def picture(rows: int) -> Image.Image:
            samples = np.full((side, side, channels), 128, np.uint8)
            samples[:rows] = _noise(side, rows, channels)
            return Image.frombytes(mode, (side, side), samples.tobytes())

        flat, some = len(_encoded(picture(0), kind, **options)), len(_encoded(picture(200), kind, **options))
        rows = min(side, int(200 * (0.95 * limit.max_bytes - flat) / max(1, some - flat)))
        while len(data := _encoded(picture(max(0, rows)), kind, **options)) > limit.max_bytes:
            rows = rows * limit.max_bytes // len(data) * 9 // 10
        return data

    return write


def _flat(mode: str, kind: str, share: float = 1.0, **options: Any) -> Callable[[Limit], bytes]:
    def write(limit: Limit) -> bytes:
        side = math.isqrt(int(limit.max_pixels * share))
        return _encoded(Image.new(mode, (side, side)), kind, **options)

    return write


def _jpeg_of_scans(limit: Limit) -> bytes:
    """A progressive JPEG that repeats its most expensive scan as often as its bytes and the budget of scans allow."""
    side = limit.side
    samples = np.full((side, side), 128, np.uint8)
    samples[: side // 4] = _noise(side, side // 4, 1)[..., 0]
    plain = _encoded(Image.fromarray(samples), "JPEG", progressive=True, quality=20)
    start = plain.rindex(b"\xff\xc4", 0, plain.rindex(b"\xff\xda"))
    scan = plain[start:-2]
    repeats = min((limit.max_bytes - len(plain)) // len(scan), 2_000_000_000 // side**2 - 8)
    return plain[:-2] + scan * max(0, repeats) + plain[-2:]


def _png_of_16_bits(limit: Limit) -> bytes:
    """16 bits of RGBA in seven passes, which Pillow does not write."""
    side = limit.side
    deflate = zlib.compressobj(1)
    parts = []
    for left, top, across, down in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        line = b"\4" + b"\1\2\3\4\5\6\xf0\0" * (-(-(side - left) // across))
        parts += [deflate.compress(line) for _ in range(top, side, down)]
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 1)),
        (b"IDAT", b"".join([*parts, deflate.flush()])),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def _bmp_of_runs(_: Limit) -> bytes:
    """Runs of one pixel each: the most work for Pillow's decoder, which is written in Python."""
    width, height = 1_600, 1_240
    pixels = (b"\1\7" * width + b"\0\0") * height
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 0, 0, 0, 54 + 1024, 40, width, height, 1, 8, 1, 0, 0, 0, 0, 0)
    return header + bytes(range(256)) * 4 + pixels


def _tiff_of_tiles(limit: Limit) -> bytes:
    """As many tiles as are accepted, all of them at one place of the file."""
    across = 255
    tile = -(-limit.side // across // 16) * 16
    count = across * across
    side = min(limit.side, tile * across)
    body = bytes(tile * tile)
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (277, 1), (322, tile), (323, tile)]
    start = 8 + len(body)
    end = start + 2 + 12 * (len(tags) + 2) + 4
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags]
    entries += [struct.pack("<HHII", 324, 4, count, end), struct.pack("<HHII", 325, 4, count, end + 4 * count)]
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return (
        b"II*\0"
        + struct.pack("<I", start)
        + body
        + directory
        + struct.pack("<I", 8) * count
        + struct.pack("<I", len(body)) * count
    )


PHOTOS: Final[dict[str, Callable[[Limit], bytes]]] = {
    "JPEG": _filling("RGB", "JPEG", quality=95, subsampling=0),
    "JPEG, progressive": _filling("RGB", "JPEG", quality=90, subsampling=0, progressive=True),
    "JPEG, progressive CMYK": _filling("CMYK", "JPEG", quality=90, progressive=True),
    "JPEG, repeated scans": _jpeg_of_scans,
    "PNG": _filling("RGB", "PNG", compress_level=1),
    "PNG, translucent": _filling("RGBA", "PNG", compress_level=1),
    "PNG, 16 bits, interlaced": _png_of_16_bits,
    "WebP": _filling("RGB", "WEBP", quality=50, method=0),
    "WebP, translucent": _filling("RGBA", "WEBP", quality=50, method=0),
    "WebP, lossless": _filling("RGB", "WEBP", lossless=True, method=0),
    "AVIF": _filling("RGB", "AVIF", AVIF_SHARE, quality=95, speed=10, subsampling="4:4:4"),
    "AVIF, translucent": _flat("RGBA", "AVIF", AVIF_SHARE, speed=10, subsampling="4:4:4"),
    "GIF": _filling("P", "GIF"),
    "BMP, runs": _bmp_of_runs,
    "TIFF, LZW": _filling("RGBA", "TIFF", compression="tiff_lzw"),
    "TIFF, deflate": _filling("CMYK", "TIFF", compression="tiff_adobe_deflate"),
    "TIFF, Zstandard": _filling("RGBA", "TIFF", compression="zstd"),
    "TIFF, many tiles": _tiff_of_tiles,
}
