"""The header of a photo, and the limits that all formats share."""

from dataclasses import dataclass
from typing import Final

from lookalike.errors import NotAnImage, TooManyPixels, TooMuchWork, UndecodableImage

MAX_PIXELS: Final = 64_000_000
"""The default pixel limit: above a phone's 50 megapixels, below a function's memory."""

MAX_SIDE: Final = 65_535
"""The longest side, which is JPEG's own limit. Pillow keeps a pointer for each row: 64 million rows would take 2 GB."""

MAX_PROFILE_BYTES: Final = 8 * 1024 * 1024
"""The largest colour profile that is applied. Those of printers have 0.5 to 3 MB."""

_MAX_PARTS: Final = 65_536

DAMAGED: Final = "The photo is damaged or incomplete. Send the original file."


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a photo before it is decoded. ``format`` is Pillow's name of the format.

    ``data`` are the bytes to decode, without the metadata that has no part in the picture. ``profile`` is an ICC profile that
    the decoder does not report itself. ``has_end`` is false for a JPEG without its end marker. ``is_white_zero`` is true for a
    greyscale of 16 bits whose 0 is white. ``may_lack_alpha`` is true where an alpha of 0 everywhere means an opaque picture.
    ``frame`` is the part (left, upper, right, lower) that the first frame of an animation covers, if it is not the whole.
    """

    format: str
    width: int
    height: int
    data: bytes
    profile: bytes | None = None
    has_end: bool = True
    is_white_zero: bool = False
    may_lack_alpha: bool = False
    frame: tuple[int, int, int, int] | None = None


def damaged() -> UndecodableImage:
    """The error for a file that ends too early or contradicts itself."""
    return UndecodableImage(DAMAGED)


def not_read(kind: str, advice: str) -> NotAnImage:
    """The error for a sound file of a kind that is not read: ``kind`` names it, and ``advice`` names one that is read."""
    return NotAnImage(f"{kind} is not read here. Save the photo as {advice}.")


def check_parts(count: int, parts: str) -> None:
    """Raise ``TooMuchWork`` if a file has more ``parts`` (segments, chunks, tiles) than any encoder writes."""
    if count > _MAX_PARTS:
        raise TooMuchWork(f"The file has more than {_MAX_PARTS:,} {parts}. Save the photo again as JPEG or PNG.")


def check_size(width: int, height: int, limit: float, of_format: str = "") -> None:
    """Raise ``TooManyPixels`` if the picture has more than ``limit`` pixels or a side above ``MAX_SIDE``."""
    if width < 1 or height < 1:
        raise damaged()
    if width * height > limit:
        raise TooManyPixels(
            f"The photo has {width:,} x {height:,} pixels, and at most {limit / 1e6:g} megapixels {of_format}are read. "
            "Send a smaller one."
        )
    if max(width, height) > MAX_SIDE:
        raise TooManyPixels(
            f"The photo has {width:,} x {height:,} pixels, and at most {MAX_SIDE:,} on each side are read. Send a smaller one."
        )
