"""The messages between ``DecoderPool`` and its processes: what both sides must agree on, without the imports of either.

A request is the length of a file, the number of regions, the regions and the file. An answer is a kind of one byte, a length and
that many bytes.
"""

import struct
from collections.abc import Sequence
from typing import Final

from lookalike.photos.regions import Region

PIXELS, REFUSED, FAILED = b"P", b"R", b"F"
"""The kinds of answers: RGB bytes of each region; ``reason`` and message, with a NUL between them; the traceback of an error in
our own code."""

LENGTH: Final = struct.Struct("<Q")
REQUEST: Final = struct.Struct("<QB")
"""The beginning of a request: the file's length in bytes, and the number of regions."""
_REGION: Final = struct.Struct("<4d")
REGION_BYTES: Final = _REGION.size


def packed(regions: Sequence[Region]) -> bytes:
    """The regions of a request."""
    return b"".join(_REGION.pack(region.x, region.y, region.width, region.height) for region in regions)


def unpacked(data: bytes) -> list[Region]:
    """The regions that ``packed`` wrote."""
    return [Region(*numbers) for numbers in _REGION.iter_unpack(data)]
