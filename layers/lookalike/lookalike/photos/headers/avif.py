"""AVIF: the largest picture in the file, and the number of its items."""

import re
from typing import Final

from lookalike.errors import TooMuchWork
from lookalike.photos.headers.header import Header, check_size, damaged, not_read

AVIF_SHARE: Final = 0.6
"""The share of the pixel limit that an AVIF may have.

One of 12 bits, 4:4:4, translucent and with film grain takes 26 bytes a pixel while it is decoded; other formats take at most 16.
"""

_EXTENT: Final = re.compile(rb"ispe\0\0\0\0(.{4})(.{4})", re.DOTALL)
_HDR: Final = re.compile(rb"colrnclx..\0(\x10|\x12)", re.DOTALL)

# A picture may be a grid of items, each decoded on its own. Phones write some dozens.
_MAX_ITEMS: Final = 1_000


def read(data: bytes, max_pixels: float) -> Header:
    """Read the header. Raises ``NotAnImage``, ``TooManyPixels``, ``TooMuchWork`` or ``UndecodableImage``."""
    boxes = data[: data.find(b"mdat") if b"mdat" in data[:1_000_000] else 1_000_000]
    sizes = [(int.from_bytes(width), int.from_bytes(height)) for width, height in _EXTENT.findall(boxes)]
    if not sizes:
        raise damaged()
    if boxes.count(b"infe") > _MAX_ITEMS or len(sizes) > _MAX_ITEMS:
        raise TooMuchWork("The AVIF is made of too many pieces. Save it as one picture.")
    if _HDR.search(boxes):
        raise not_read("An AVIF with a high dynamic range (HDR)", "AVIF in sRGB")
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    check_size(width, height, max_pixels * AVIF_SHARE, "of AVIF ")
    return Header("AVIF", width, height, data)
