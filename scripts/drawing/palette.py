"""The colours that products come in, chosen to sit well beside each other on a near-white page."""

from typing import Final

type Rgb = tuple[float, float, float]


def rgb(code: int) -> Rgb:
    """0xRRGGBB as three numbers from 0 to 1."""
    return ((code >> 16) / 255, (code >> 8 & 255) / 255, (code & 255) / 255)


COLOURS: Final[dict[str, Rgb]] = {
    "white": rgb(0xF6F4EF),
    "black": rgb(0x26262B),
    "grey": rgb(0x9A9DA3),
    "navy": rgb(0x26375C),
    "blue": rgb(0x5B8FC4),
    "teal": rgb(0x2C7F7C),
    "green": rgb(0x6B8458),
    "yellow": rgb(0xE6B644),
    "orange": rgb(0xD9793F),
    "red": rgb(0xBF3238),
    "pink": rgb(0xE7A6B4),
    "purple": rgb(0x7D6199),
    "beige": rgb(0xD6BF9E),
    "brown": rgb(0x7C543A),
}

RUBBER: Final[Rgb] = rgb(0xEDEBE3)
STEEL: Final[Rgb] = rgb(0xB8B9BC)
BRASS: Final[Rgb] = rgb(0xC7A159)
GOLD: Final[Rgb] = rgb(0xD6AD61)

ACCENTS: Final[dict[str, str]] = {
    "white": "navy",
    "black": "white",
    "grey": "white",
    "navy": "white",
    "blue": "white",
    "teal": "beige",
    "green": "beige",
    "yellow": "white",
    "orange": "white",
    "red": "white",
    "pink": "white",
    "purple": "pink",
    "beige": "brown",
    "brown": "beige",
}
"""The second colour of a patterned product: always one that stands out from the first."""

BLOCKS: Final[dict[str, str]] = {
    "white": "blue",
    "black": "grey",
    "grey": "yellow",
    "navy": "red",
    "blue": "navy",
    "teal": "white",
    "green": "beige",
    "yellow": "grey",
    "orange": "navy",
    "red": "navy",
    "pink": "red",
    "purple": "white",
    "beige": "teal",
    "brown": "orange",
}
"""The colour of the other panels of a colour-block product."""


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """``share`` of the way from ``first`` to ``second``."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def darker(colour: Rgb, by: float) -> Rgb:
    return mix(colour, (0.05, 0.05, 0.09), by)


def lighter(colour: Rgb, by: float) -> Rgb:
    return mix(colour, (1.0, 1.0, 1.0), by)


def brightness(colour: Rgb) -> float:
    """0 for black to 1 for white, as the eye weighs the three primaries."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]
