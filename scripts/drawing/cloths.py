"""Cloths: what a part's surface looks like. A pattern gives the colour at each point, a texture the fine grain.

Both are functions of the cloth's own coordinates, so that stripes run across a sleeve whichever way the sleeve hangs.
All lengths are drawing units.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

type Field = NDArray[np.floating[Any]]
type Rgb = Field
"""Red, green and blue from 0 to 1."""
type Pattern = Callable[[Field, Field, float], Field]
"""u, v and the size of a pixel in units -> how much of the accent shows, 0 to 1."""
type Texture = Literal["smooth", "knit", "twill"]


def rgb(code: str) -> Rgb:
    return np.frombuffer(bytes.fromhex(code), np.uint8).astype(np.float32) / 255


def shade(colour: Rgb, by: float) -> Rgb:
    """Darker by a share from 0 to 1, or lighter where ``by`` is below 0."""
    return colour + (rgb("0D0D17" if by > 0 else "FFFFFF") - colour) * abs(by)


def brightness(colour: Rgb) -> float:
    """0 for black to 1 for white, as the eye weighs the three primaries."""
    return float(colour @ (0.299, 0.587, 0.114))


COLOURS: Final[dict[str, tuple[Rgb, str, str]]] = {
    "white": (rgb("F6F4EF"), "navy", "blue"),
    "black": (rgb("26262B"), "white", "grey"),
    "grey": (rgb("9A9DA3"), "white", "yellow"),
    "navy": (rgb("26375C"), "white", "red"),
    "blue": (rgb("5B8FC4"), "white", "navy"),
    "teal": (rgb("2C7F7C"), "beige", "white"),
    "green": (rgb("6B8458"), "beige", "beige"),
    "yellow": (rgb("E6B644"), "white", "grey"),
    "orange": (rgb("D9793F"), "white", "navy"),
    "red": (rgb("BF3238"), "white", "navy"),
    "pink": (rgb("E7A6B4"), "white", "red"),
    "purple": (rgb("7D6199"), "pink", "white"),
    "beige": (rgb("D6BF9E"), "brown", "teal"),
    "brown": (rgb("7C543A"), "beige", "orange"),
}
"""Each colour, the second colour of its patterns, and the colour of the other panels of a colour-block product."""


@dataclass(frozen=True, slots=True)
class Cloth:
    """A surface: two colours, the pattern that they form, and the texture."""

    base: Rgb
    accent: Rgb
    pattern: str = "plain"
    texture: Texture = "smooth"

    def colour(self, u: Field, v: Field, pixel: float) -> Field:
        """RGB in 0 to 1, shape (3, height, width), or (3, 1, 1) where it is the same everywhere."""
        base, accent = self.base[:, None, None], self.accent[:, None, None]
        return base + (accent - base) * PATTERNS[self.pattern](u, v, pixel) if self.pattern in PATTERNS else base

    def grain(self, u: Field, v: Field, rng: np.random.Generator) -> Field:
        """The brightness of the texture, around 1."""
        noise = rng.standard_normal(u.shape, dtype=np.float32)
        if self.texture == "knit":  # columns of stitches
            return 1 + 0.05 * np.sin(u * 1.2) * (0.75 + 0.25 * np.sin(v * 1.4)) + 0.008 * noise
        if self.texture == "twill":  # diagonal threads, and places worn paler
            worn = np.sin(u / 38 + 1.3 * np.sin(v / 88)) + np.sin(v / 54 + 1.1 * np.sin(u / 45))
            return 1 + 0.035 * np.sin((u + 0.6 * v) * 1.85) + 0.03 * worn + 0.025 * noise
        return 1 + 0.008 * noise

    def plain(self, by: float = 0) -> "Cloth":
        """The same cloth without its pattern, darker by ``by``."""
        return replace(self, base=shade(self.base, by), pattern="plain")


def solid(colour: Rgb) -> Cloth:
    return Cloth(colour, colour)


RUBBER: Final = solid(rgb("EDEBE3"))
STEEL: Final = solid(rgb("B8B9BC"))
LEATHER: Final = solid(rgb("8C5C38"))


def _soft_edge(inside: Field, pixel: float) -> Field:
    """1 where ``inside``, the distance to an edge, is above 0, and 0 outside, with one pixel in between."""
    return np.asarray(np.clip(inside / pixel + 0.5, 0, 1), dtype=np.float32)


def _band(position: Field, period: float, share: float, pixel: float) -> Field:
    """1 inside bands that fill ``share`` of each period and are centred on its multiples, with soft edges."""
    distance = np.abs((position / period + 0.5) % 1 - 0.5) * period
    return _soft_edge(period * share / 2 - distance, pixel)


def _sag(u: Field, v: Field) -> Field:
    """Cloth that a body wears hangs a little lower in the middle."""
    return v + 5e-4 * u * u - 2.2 * np.sin(u / 31)


def _dotted(u: Field, v: Field, pixel: float) -> Field:
    row = np.floor(v / 17)
    return _soft_edge(4.4 - np.hypot((u + (row % 2) * 10) % 20 - 10, v - (row + 0.5) * 17), pixel)


def _floral(u: Field, v: Field, pixel: float) -> Field:
    """One flower and one leaf to a cell, each moved and turned by a number of the cell's own."""
    cell = 40
    mixed = np.sin(np.floor(u / cell) * 127.1 + np.floor(v / cell) * 311.7) * 43758.547
    own = mixed - np.floor(mixed)
    x, y = u % cell - cell * (0.4 + 0.12 * np.sin(own * 40)), v % cell - cell * (0.4 + 0.12 * np.cos(own * 40))
    distance, angle = np.hypot(x, y), np.arctan2(y, x) + own * 6.3
    petals = (8.6 + 3.2 * own) * (0.66 + 0.34 * np.cos(5 * angle))
    flower = _soft_edge(petals - distance, pixel) * _soft_edge(distance - 2.5, pixel)
    across, down, cos, sin = u % cell - cell * 0.84, v % cell - cell * 0.82, np.cos(own * 6.3), np.sin(own * 6.3)
    leaf = _soft_edge(2.6 * (1 - ((across * cos + down * sin) / 6) ** 2) - np.abs(down * cos - across * sin), pixel)
    return np.asarray(np.maximum(flower, leaf * 0.55), dtype=np.float32)


PATTERNS: Final[dict[str, Pattern]] = {
    "striped": lambda u, v, pixel: _band(_sag(u, v), 21, 0.4, pixel),
    "checked": lambda u, v, pixel: (_band(u, 34, 0.5, pixel) + _band(_sag(u, v) + 9, 34, 0.5, pixel)) / 2,
    "zigzag": lambda u, v, pixel: _band(v + np.abs(u % 36 - 18) * 0.9, 30, 0.36, pixel),
    "dotted": _dotted,
    "floral": _floral,
    # One edge across, with the other colour below it. The part's origin says where it lies.
    "colour-block": lambda u, v, pixel: _soft_edge(_sag(u, v), pixel),
}


@dataclass(frozen=True, slots=True)
class Style:
    """What one product is made of: its colour and pattern by name, and the cloths of its parts."""

    colour: str
    pattern: str
    texture: Texture = "smooth"

    @property
    def base(self) -> Rgb:
        base = COLOURS[self.colour][0]
        # Indigo over a white weft: denim is greyer and cooler than a plain cloth of the same name.
        return base * 0.65 + rgb("4D6180") * 0.35 if self.pattern == "denim" else base

    @property
    def accent(self) -> Rgb:
        _, second, block = COLOURS[self.colour]
        accent = COLOURS[block if self.pattern == "colour-block" else second][0]
        return self.base * 0.28 + accent * 0.72 if self.pattern == "checked" else accent

    @property
    def main(self) -> Cloth:
        """The body."""
        return Cloth(self.base, self.accent, self.pattern, "twill" if self.pattern == "denim" else self.texture)

    @property
    def panelled(self) -> Cloth:
        """The body of something whose panels carry the other colour of a colour-block."""
        return self.main.plain() if self.pattern == "colour-block" else self.main

    @property
    def second(self) -> Cloth:
        """Sleeves and pockets: the other colour of a colour-block product, the body's cloth otherwise."""
        return replace(self.main, base=self.accent).plain() if self.pattern == "colour-block" else self.main

    @property
    def trim(self) -> Cloth:
        """Collars, cuffs, bands and straps: plain, and a shade away from the body."""
        light = brightness(self.base)
        return self.main.plain(0.06 if light > 0.85 else 0.14 if light > 0.3 else -0.1)

    @property
    def panel(self) -> Cloth:
        """Parts that stand out: the other colour of a colour-block product, the trim otherwise."""
        return self.second if self.pattern == "colour-block" else self.trim

    @property
    def inside(self) -> Cloth:
        """The lining that shows in an opening, and holes."""
        return solid(shade(self.base, 0.3 if brightness(self.base) > 0.85 else 0.45))
