"""TIFF: the first directory, and the kinds of picture that are read.

TIFF allows thousands of combinations of its tags. Those below are read as an independent decoder reads them, which a test
shows for each; all others are refused by name.
"""

import struct
from collections.abc import Mapping
from typing import Final

from lookalike.errors import TooMuchWork
from lookalike.photos.headers.header import Header, check_parts, check_size, damaged, not_read

_ADVICE: Final = "TIFF of 8-bit RGB"
_SIZES: Final = {1: 1, 3: 2, 4: 4}  # bytes of a value, by type; no tag below has another type
_FORMATS: Final = {1: "B", 3: "H", 4: "I"}
_MAX_VALUES: Final = 32

_NEW_SUBFILE_TYPE: Final = 254
_WIDTH: Final = 256
_HEIGHT: Final = 257
_BITS: Final = 258
_COMPRESSION: Final = 259
_PHOTOMETRIC: Final = 262
_FILL_ORDER: Final = 266
_STRIP_OFFSETS: Final = 273
_SAMPLES: Final = 277
_ROWS_PER_STRIP: Final = 278
_PLANAR: Final = 284
_PREDICTOR: Final = 317
_TILE_WIDTH: Final = 322
_TILE_HEIGHT: Final = 323
_TILE_OFFSETS: Final = 324
_EXTRA_SAMPLES: Final = 338
_SAMPLE_FORMAT: Final = 339
_TAGS: Final = frozenset(
    {
        _NEW_SUBFILE_TYPE,
        _WIDTH,
        _HEIGHT,
        _BITS,
        _COMPRESSION,
        _PHOTOMETRIC,
        _FILL_ORDER,
        _STRIP_OFFSETS,
        _SAMPLES,
        _ROWS_PER_STRIP,
        _PLANAR,
    }
    | {_PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _EXTRA_SAMPLES, _SAMPLE_FORMAT}
)

_JPEG: Final = 7
_COMPRESSIONS: Final = {
    1: "none",
    5: "LZW",
    _JPEG: "JPEG",
    8: "deflate",
    32946: "deflate",
    32773: "PackBits",
    50000: "Zstandard",
}
_PREDICTED: Final = (5, 8, 32946, 50000)

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_COLOURS: Final = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
_NAMES: Final = {4: "A transparency mask", 8: "A TIFF in CIELab", 9: "A TIFF in ICCLab", 10: "A TIFF in ITULab"}


def read(data: bytes, max_pixels: float) -> Header:
    """Read the header. Raises ``NotAnImage``, ``TooManyPixels``, ``TooMuchWork`` or ``UndecodableImage``."""
    tags, counts = _directory(data)
    width, height = (_one(tags, tag, 0) for tag in (_WIDTH, _HEIGHT))
    check_size(width, height, max_pixels)
    if _one(tags, _NEW_SUBFILE_TYPE, 0) & 1:
        raise not_read("A camera's raw file, or a TIFF that begins with a preview,", "JPEG")
    photometric = _one(tags, _PHOTOMETRIC, _WHITE_IS_ZERO)
    samples = _one(tags, _SAMPLES, 3 if photometric in (_RGB, _YCBCR) and _BITS not in tags else 1)
    bits = set(tags.get(_BITS, (1,)))
    extra = tags.get(_EXTRA_SAMPLES, ())
    _check_compression(tags, photometric)
    if photometric == _WHITE_IS_ZERO and bits == {16} and data[:2] == b"MM":
        raise not_read("A big-endian TIFF of 16-bit grey whose 0 is white", _ADVICE)
    _check_samples(tags, photometric, samples, bits, extra)
    check_parts(max(counts.get(_STRIP_OFFSETS, 0), counts.get(_TILE_OFFSETS, 0)), "strips or tiles")
    tile = _one(tags, _TILE_WIDTH, 1) * _one(tags, _TILE_HEIGHT, 1)
    if tile == 0 or _one(tags, _ROWS_PER_STRIP, 1) == 0:
        raise damaged()
    if tile > max(4 * width * height, 1024 * 1024):
        raise TooMuchWork("The TIFF has tiles far larger than its picture. Save it without tiles.")
    if _one(tags, _COMPRESSION, 1) == _JPEG and b"\xff\xc2" in data:
        raise not_read("A TIFF with a progressive JPEG in it", _ADVICE)
    return Header(
        "TIFF",
        width,
        height,
        data,
        is_white_zero=photometric == _WHITE_IS_ZERO and bits == {16},
        may_lack_alpha=photometric == _RGB and samples == 4 and not extra,
    )


def _check_compression(tags: Mapping[int, tuple[int, ...]], photometric: int) -> None:
    compression, predictor = _one(tags, _COMPRESSION, 1), _one(tags, _PREDICTOR, 1)
    if compression not in _COMPRESSIONS:
        raise not_read(f"A TIFF of compression {compression}", "TIFF with LZW compression")
    if predictor != 1 and not (predictor == 2 and compression in _PREDICTED):
        raise not_read(f"A TIFF with predictor {predictor} and {_COMPRESSIONS[compression]} compression", _ADVICE)
    if compression == _JPEG and photometric not in (_BLACK_IS_ZERO, _RGB, _YCBCR):
        raise not_read("A JPEG-compressed TIFF of other colours than grey, RGB and YCbCr", _ADVICE)
    if photometric == _YCBCR and compression != _JPEG:
        raise not_read("A TIFF in YCbCr without JPEG compression", _ADVICE)
    if _one(tags, _FILL_ORDER, 1) != 1:
        raise not_read("A TIFF with reversed bits", _ADVICE)


def _check_samples(
    tags: Mapping[int, tuple[int, ...]], photometric: int, samples: int, bits: set[int], extra: tuple[int, ...]
) -> None:
    if photometric not in _COLOURS:
        raise not_read(_NAMES.get(photometric, f"A TIFF of photometric interpretation {photometric}"), _ADVICE)
    if set(tags.get(_SAMPLE_FORMAT, (1,))) != {1}:
        raise not_read("A TIFF of signed or floating-point samples", _ADVICE)
    is_separate = _one(tags, _PLANAR, 1) == 2 and samples > 1
    colours = _COLOURS[photometric]
    if photometric in (_RGB, _CMYK):
        allowed_bits = {8} if is_separate else {8, 16}
    elif photometric == _YCBCR or samples > 1:
        allowed_bits = {8}
    else:
        allowed_bits = {1, 2, 4, 8} if photometric == _PALETTE else {1, 2, 4, 8, 16}
    if len(bits) != 1 or not bits <= allowed_bits:
        layout = " in separate planes" if is_separate else ""
        raise not_read(f"A TIFF of {'/'.join(map(str, sorted(bits)))} bits a sample{layout}", _ADVICE)
    if _one(tags, _COMPRESSION, 1) == _JPEG and (bits != {8} or is_separate):
        raise not_read("A JPEG-compressed TIFF in separate planes, or not of 8 bits,", _ADVICE)
    if is_separate and photometric not in (_RGB, _CMYK):
        raise not_read("A TIFF of grey and alpha in separate planes", _ADVICE)
    # Extra samples: 0 is unspecified, 1 premultiplied alpha, 2 alpha.
    known = {
        _BLACK_IS_ZERO: ((), (0,), (1,), (2,)),
        _RGB: ((), (2,)) if is_separate else ((), (0,), (1,), (2,)),
        _CMYK: ((), (0,)) if bits == {8} and not is_separate else ((),),
    }.get(photometric, ((),))
    missing_alpha = photometric == _RGB and samples == 4 and not extra and not is_separate
    if extra not in known or (samples != colours + len(extra) and not missing_alpha):
        raise not_read(f"A TIFF of {samples} samples a pixel, {samples - colours} of them beside the colours,", _ADVICE)


def _one(tags: Mapping[int, tuple[int, ...]], tag: int, default: int) -> int:
    values = tags.get(tag, (default,))
    if not values:
        raise damaged()
    return values[0]


def _directory(data: bytes) -> tuple[dict[int, tuple[int, ...]], dict[int, int]]:
    """The values of the tags that matter in the first directory, at most ``_MAX_VALUES`` each, and their counts."""
    order = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2) == (43,):
        raise not_read("A BigTIFF", "an ordinary TIFF")
    tags: dict[int, tuple[int, ...]] = {}
    counts: dict[int, int] = {}
    try:
        (start,) = struct.unpack_from(order + "I", data, 4)
        (entries,) = struct.unpack_from(order + "H", data, start)
        for at in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", data, at)
            if tag in _TAGS and kind in _SIZES:
                taken = min(count, _MAX_VALUES)
                fits = _SIZES[kind] * count <= 4
                place = at + 8 if fits else struct.unpack_from(order + "I", data, at + 8)[0]
                tags[tag] = struct.unpack_from(f"{order}{taken}{_FORMATS[kind]}", data, place)
                counts[tag] = count
    except struct.error as error:
        raise damaged() from error
    return tags, counts
