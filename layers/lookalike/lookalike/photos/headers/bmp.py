"""BMP: the kinds that are read, and the colour profile of newer ones."""

import struct
from typing import Final

from lookalike.errors import TooMuchWork
from lookalike.photos.headers.header import MAX_PROFILE_BYTES, Header, check_size, damaged, not_read

_RUN_LENGTH: Final = (1, 2)
_COMPRESSIONS: Final = {0: (1, 4, 8, 16, 24, 32), 1: (8,), 2: (4,), 3: (16, 32)}
"""The bits a pixel that each compression may have: none, runs of 8 bits, runs of 4 bits, bit fields."""

# The masks of red, green, blue and alpha that Pillow knows.
_MASKS: Final = {
    16: ((0xF800, 0x7E0, 0x1F, 0), (0x7C00, 0x3E0, 0x1F, 0)),
    32: (
        (0xFF0000, 0xFF00, 0xFF, 0),
        (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
        (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
        (0xFF000000, 0xFF0000, 0xFF00, 0),
        (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
    ),
}

# Pillow decodes runs in Python, which takes up to half a microsecond a pixel.
_MAX_RUN_LENGTH_PIXELS: Final = 2_000_000


def read(data: bytes, max_pixels: float) -> Header:
    """Read the header. Raises ``NotAnImage``, ``TooManyPixels``, ``TooMuchWork`` or ``UndecodableImage``."""
    if len(data) < 26:
        raise damaged()
    (size,) = struct.unpack_from("<I", data, 14)
    compression = 0
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    elif size in (40, 52, 56, 64, 108, 124) and len(data) >= 14 + size:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    else:
        raise not_read(f"A BMP with a header of {size} bytes", "PNG")
    check_size(width, abs(height), max_pixels)
    if bits not in _COMPRESSIONS.get(compression, ()) or (size == 64 and compression == 3):
        raise not_read(f"A BMP of {bits} bits a pixel with compression {compression}", "PNG")
    if compression == 3 and _masks(data, size) not in _MASKS[bits]:
        raise not_read("A BMP with unusual bit fields", "PNG")
    if compression in _RUN_LENGTH and width * abs(height) > _MAX_RUN_LENGTH_PIXELS:
        raise TooMuchWork("The BMP is compressed and has more than 2 megapixels. Save it as PNG.")
    return Header("BMP", width, abs(height), data, profile=_profile(data, size), may_lack_alpha=True)


def _masks(data: bytes, size: int) -> tuple[int, ...]:
    if len(data) < 70:
        raise damaged()
    masks = struct.unpack_from("<4I", data, 54)  # behind a header of 40 bytes, inside those that are longer
    return masks if size >= 56 else (*masks[:3], 0)


def _profile(data: bytes, size: int) -> bytes | None:
    """The profile that a header of version 5 embeds."""
    if size < 124 or data[70:74] != b"DEBM":
        return None
    offset, length = struct.unpack_from("<II", data, 126)
    return data[14 + offset : 14 + offset + min(length, MAX_PROFILE_BYTES)] or None
