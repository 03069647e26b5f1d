"""Cloths: what a part's surface looks like. A pattern gives the colour at each point, a weave its fine texture.

Patterns and weaves are functions of the cloth's own coordinates, so that stripes run across a sleeve whichever way
the sleeve hangs. All lengths are drawing units.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from scripts.drawing.fields import Field
from scripts.drawing.palette import ACCENTS, BLOCKS, COLOURS, Rgb, brightness, darker, lighter, mix

type Pattern = Callable[[Field, Field, float], Field]
"""u, v and the size of a pixel in units -> how much of the accent shows, 0 to 1."""
type Weave = Callable[[Field, Field, np.random.Generator], Field]
"""u, v and a source of noise -> brightness around 1."""


@dataclass(frozen=True, slots=True)
class Cloth:
    """A surface: two colours, the pattern they form, the weave and how glossy it is (0 to 1)."""

    base: Rgb
    accent: Rgb
    pattern: Pattern
    weaving: Weave
    gloss: float = 0.0

    def colour(self, u: Field, v: Field, pixel: float) -> Field:
        """RGB in 0 to 1, shape (3, height, width), where ``u`` and ``v`` are (height, width)."""
        base = np.array(self.base, dtype=np.float32)[:, None, None]
        if self.pattern is _plain:
            return base
        accent = np.array(self.accent, dtype=np.float32)[:, None, None]
        return np.asarray(base + (accent - base) * self.pattern(u, v, pixel), dtype=np.float32)

    def weave(self, u: Field, v: Field, rng: np.random.Generator) -> Field:
        return self.weaving(u, v, rng)

    def plain(self, *, shade: float = 0) -> "Cloth":
        """The same cloth without its pattern, darker by ``shade`` (lighter where below 0)."""
        base = darker(self.base, shade) if shade >= 0 else lighter(self.base, -shade)
        return Cloth(base, base, PATTERNS["plain"], self.weaving, self.gloss)


# Patterns


def _soft_edge(inside: Field, pixel: float) -> Field:
    """1 where ``inside``, the distance to an edge, is above 0, and 0 outside, with one pixel in between."""
    return np.asarray(np.clip(inside / pixel + 0.5, 0, 1), dtype=np.float32)


def _band(position: Field, period: float, share: float, pixel: float) -> Field:
    """1 inside bands that fill ``share`` of each period and are centred on its multiples, with soft edges."""
    distance = np.abs((position / period + 0.5) % 1 - 0.5) * period
    return _soft_edge(period * share / 2 - distance, pixel)


def _plain(u: Field, v: Field, _pixel: float) -> Field:
    return np.zeros(np.broadcast_shapes(u.shape, v.shape), dtype=np.float32)


def _sag(u: Field, v: Field) -> Field:
    """Cloth worn by a body hangs a little lower in the middle."""
    return np.asarray(v + 5e-4 * u * u - 2.2 * np.sin(u / 31), dtype=np.float32)


def _striped(u: Field, v: Field, pixel: float) -> Field:
    return _band(_sag(u, v), 19, 0.36, pixel)


def _wide_striped(u: Field, v: Field, pixel: float) -> Field:
    return _band(_sag(u, v), 62, 0.5, pixel)


def _pinstriped(u: Field, v: Field, pixel: float) -> Field:
    return _band(u + 1.5 * np.sin(v / 60), 15, 0.17, pixel)


def _checked(u: Field, v: Field, pixel: float) -> Field:
    across, down = _band(u + 1.2 * np.sin(v / 40), 34, 0.5, pixel), _band(_sag(u, v) + 9, 34, 0.5, pixel)
    return np.asarray((across + down) * 0.5, dtype=np.float32)


def _tartan(u: Field, v: Field, pixel: float) -> Field:
    x, y = u + 1.2 * np.sin(v / 40), _sag(u, v)
    wide = 0.28 * (_band(x, 58, 0.42, pixel) + _band(y, 58, 0.42, pixel))
    thin = 0.55 * np.maximum(_band(x + 29, 58, 0.07, pixel), _band(y + 29, 58, 0.07, pixel))
    return np.asarray(np.clip(wide + thin, 0, 1), dtype=np.float32)


def _dotted(u: Field, v: Field, pixel: float) -> Field:
    row = np.floor(v / 17)
    x, y = (u + (row % 2) * 10) % 20 - 10, v - (row + 0.5) * 17
    return _soft_edge(4.4 - np.hypot(x, y), pixel)


def _scatter(u: Field, v: Field, cell: float, seed: float) -> tuple[Field, Field, Field]:
    """The place relative to the flower of one's cell (x, y), and a number of its own for each cell, 0 to 1."""
    column, row = np.floor(u / cell), np.floor(v / cell)
    mixed = np.sin(column * 127.1 + row * 311.7 + seed) * 43758.547
    own = (mixed - np.floor(mixed)).astype(np.float32)
    reach = cell * 0.18
    x = u - (column + 0.5) * cell - reach * np.sin(own * 40)
    y = v - (row + 0.5) * cell - reach * np.cos(own * 40)
    return x, y, own


def _flowered(u: Field, v: Field, pixel: float) -> Field:
    x, y, own = _scatter(u, v, 40, 0.0)
    distance, angle = np.hypot(x, y), np.arctan2(y, x) + own * 6.3
    petals = (8.2 + 3.6 * own) * (0.66 + 0.34 * np.cos(5 * angle))
    flower = _soft_edge(petals - distance, pixel) * _soft_edge(distance - 2.5, pixel)
    x, y, own = _scatter(u + 20, v + 20, 40, 4.7)
    cos, sin = np.cos(own * 6.3), np.sin(own * 6.3)
    along, across = x * cos + y * sin, y * cos - x * sin
    leaf = _soft_edge(3.4 * (1 - (along / 9.5) ** 2) - np.abs(across), pixel)
    return np.asarray(np.maximum(flower, leaf * 0.55), dtype=np.float32)


def _zigzag(u: Field, v: Field, pixel: float) -> Field:
    return _band(v + np.abs(u % 36 - 18) * 0.9, 30, 0.36, pixel)


def _blocked(u: Field, v: Field, pixel: float) -> Field:
    """One edge across: below it the other colour. Where it lies is the part's ``origin``."""
    return _soft_edge(_sag(u, v), pixel)


PATTERNS: Final[dict[str, Pattern]] = {
    "plain": _plain,
    "striped": _striped,
    "wide-striped": _wide_striped,
    "pinstriped": _pinstriped,
    "checked": _checked,
    "tartan": _tartan,
    "dotted": _dotted,
    "floral": _flowered,
    "zigzag": _zigzag,
    "colour-block": _blocked,
    "denim": _plain,
}

# Weaves


def _mottle(u: Field, v: Field, rng: np.random.Generator) -> Field:
    """Clouds of uneven dye, heights around 0."""
    a, b, c = rng.uniform(0, 2 * math.pi, 3)
    clouds = np.sin(u / 23 + a + 1.3 * np.sin(v / 31 + b)) + np.sin(v / 19 + c + 1.1 * np.sin(u / 27 + a))
    return np.asarray(clouds * 0.5, dtype=np.float32)


def _grain(shape: tuple[int, ...], rng: np.random.Generator, amount: float) -> Field:
    return (1 + amount * rng.standard_normal(shape, dtype=np.float32)).astype(np.float32)


def jersey(u: Field, _v: Field, rng: np.random.Generator) -> Field:
    return _grain(u.shape, rng, 0.008)


def knit(u: Field, v: Field, rng: np.random.Generator) -> Field:
    """Columns of stitches."""
    stitches = np.sin(u * (2 * math.pi / 5.2)) * (0.75 + 0.25 * np.sin(v * (2 * math.pi / 4.4)))
    return np.asarray(1 + 0.05 * stitches + 0.008 * rng.standard_normal(u.shape, dtype=np.float32), dtype=np.float32)


def ribbed(u: Field, _v: Field, _rng: np.random.Generator) -> Field:
    return np.asarray(0.98 + 0.085 * np.sin(u * (2 * math.pi / 5.6)), dtype=np.float32)


def twill(u: Field, v: Field, rng: np.random.Generator) -> Field:
    """Denim: diagonal threads, slubs and worn places."""
    threads = 0.035 * np.sin((u + 0.6 * v) * (2 * math.pi / 3.4))
    slubs = 0.009 * rng.standard_normal((u.shape[0], 1), dtype=np.float32)
    worn = 0.055 * _mottle(u * 0.6, v * 0.35, rng)
    speckle = 0.025 * rng.standard_normal(u.shape, dtype=np.float32)
    return np.asarray(1 + threads + slubs + worn + speckle, dtype=np.float32)


def canvas(u: Field, v: Field, rng: np.random.Generator) -> Field:
    threads = 0.018 * (np.sin(u * (2 * math.pi / 3.6)) + np.sin(v * (2 * math.pi / 3.6)))
    return np.asarray(1 + threads + 0.010 * rng.standard_normal(u.shape, dtype=np.float32), dtype=np.float32)


def hide(u: Field, v: Field, rng: np.random.Generator) -> Field:
    """Leather: clouded, with a fine pebble."""
    pebble = 0.014 * rng.standard_normal(u.shape, dtype=np.float32)
    return np.asarray(1 + 0.03 * _mottle(u * 1.6, v * 1.6, rng) + pebble, dtype=np.float32)


def smooth(u: Field, _v: Field, _rng: np.random.Generator) -> Field:
    return np.ones(u.shape, dtype=np.float32)


# Cloths by name


def solid(colour: Rgb, weaving: Weave = smooth, gloss: float = 0.0) -> Cloth:
    return Cloth(colour, colour, PATTERNS["plain"], weaving, gloss)


def metal(colour: Rgb) -> Cloth:
    return solid(colour, smooth, 0.6)


@dataclass(frozen=True, slots=True)
class Style:
    """What one product is made of: its colour and pattern by name, and the cloths of its parts."""

    colour: str
    pattern: str
    weaving: Weave
    gloss: float = 0.0

    @property
    def base(self) -> Rgb:
        base = COLOURS[self.colour]
        if self.pattern == "denim":
            # Indigo over a white weft: greyer and cooler than a plain cloth of the same name.
            return mix(base, (0.30, 0.38, 0.50) if brightness(base) < 0.7 else (0.85, 0.87, 0.9), 0.35)
        return base

    @property
    def accent(self) -> Rgb:
        if self.pattern == "colour-block":
            return COLOURS[BLOCKS[self.colour]]
        accent = COLOURS[ACCENTS[self.colour]]
        return mix(self.base, accent, 0.72) if self.pattern in {"checked", "tartan"} else accent

    @property
    def main(self) -> Cloth:
        """The body."""
        return Cloth(self.base, self.accent, PATTERNS[self.pattern], self._weave, self.gloss)

    @property
    def panelled(self) -> Cloth:
        """The body of something small: without a colour-block's edge, since its panels carry the other colour."""
        return self.main.plain() if self.pattern == "colour-block" else self.main

    @property
    def second(self) -> Cloth:
        """Sleeves and panels: the other colour of a colour-block product, the body's cloth otherwise."""
        return solid(self.accent, self._weave, self.gloss) if self.pattern == "colour-block" else self.main

    @property
    def trim(self) -> Cloth:
        """Collars, cuffs, bands and straps: plain, and a shade away from the body."""
        light = brightness(self.base)
        away = 0.06 if light > 0.85 else 0.14 if light > 0.3 else -0.10
        return solid(self._shade(away), self._weave, self.gloss)

    @property
    def inside(self) -> Cloth:
        """The lining that shows in an opening."""
        return solid(self._shade(0.30 if brightness(self.base) > 0.85 else 0.42), jersey)

    @property
    def thread(self) -> Rgb:
        """Stitches that can be seen."""
        if self.pattern == "denim":
            return (0.80, 0.60, 0.34)
        return self._shade(0.30) if brightness(self.base) > 0.45 else lighter(self.base, 0.32)

    @property
    def _weave(self) -> Weave:
        return twill if self.pattern == "denim" else self.weaving

    def _shade(self, by: float) -> Rgb:
        return darker(self.base, by) if by >= 0 else lighter(self.base, -by)
