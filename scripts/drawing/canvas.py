"""The studio: fills outlines with lit cloth, and lays the product on a near-white background with its shadow.

Every part of a product is an outline filled with a cloth. A field of heights makes it look solid: the blurred outline
(a swelling), creases (soft lines) and folds (waves). The slope of the heights towards the light brightens or darkens
the cloth.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from scripts.drawing.cloths import Cloth, Field, Rgb, rgb
from scripts.drawing.shapes import Point, Points, dashes, normals, ribbon

type Crease = tuple[Points, float, float]
"""A line, its width in drawing units, and its height: above 0 a ridge, below 0 a furrow."""
type View = tuple[slice, slice]
"""The rows and the columns of the pixels that a part covers."""

_WIDTH: Final = 450
_OVERSAMPLING: Final = 4
_LIGHT: Final = (-0.47, -0.88)
"""Where the light comes from: above, and a little from the left."""
_TINT: Final = np.array((1.0, 0.997, 0.992), dtype=np.float32)
_SHADOW: Final = np.array((1.0, 0.967, 0.913), dtype=np.float32)
"""How much of the shadow each channel takes: shadows are a little blue."""


class Canvas:
    """A picture of one product, turned by ``turn`` degrees; ``flip`` shows its mirror image."""

    def __init__(
        self, width: int, rng: np.random.Generator, *, turn: float = 0, zoom: float = 1, flip: bool = False
    ) -> None:
        self.width, self.height, self.rng = width, round(width * 4 / 3), rng
        self._scale = width / _WIDTH * zoom  # pixels to a drawing unit
        self._axes = _rotation(turn) @ np.diag([-1 if flip else 1, 1]) * self._scale
        self._rgb = np.zeros((3, self.height, self.width), dtype=np.float32)  # premultiplied by alpha
        self._alpha = np.zeros((self.height, self.width), dtype=np.float32)

    def fill(
        self,
        outline: Points,
        cloth: Cloth,
        *,
        turn: float = 0,
        origin: Point = (0, 0),
        swell: float = 1,
        reach: float = 26,
        creases: Sequence[Crease] = (),
        folds: float = 0,
        drop: float = 0.25,
    ) -> None:
        """Lay ``cloth`` inside ``outline`` over what is there.

        ``turn`` (degrees, clockwise) and ``origin`` place the cloth's pattern; ``swell`` and ``reach`` say how far it
        bulges and over how many units from its edge; ``folds`` is the height of waves along the cloth's length;
        ``drop`` is the shadow it casts on the parts below.
        """
        view = self._view(outline, 14)
        inside = self._drawn(view, [(outline, 1)])
        rim = self._blurred(inside, 3.2)
        if drop:
            self._rgb[:, *view] *= 1 - drop * self._blurred(self._drawn(view, [(outline + np.array([1.5, 4]), 1)]), 3.2)
        u, v = self._cloth_coordinates(view, turn, origin)
        heights = self._blurred(inside, reach) * (reach * 0.62 * swell) + rim * (1.6 * swell)
        if creases:
            lines = self._drawn(view, [(ribbon(line, 1, width, 1), height) for line, width, height in creases])
            heights += self._blurred(lines, creases[0][1] * 0.45) * 5
        if folds:
            heights += _waves(u, v, self.rng) * (folds * 9)
        down, across = np.gradient(heights, 1 / self._scale)
        shade = 1 + 0.3 * np.tanh((across * -_LIGHT[0] + down * -_LIGHT[1]) * 1.25) - 0.32 * (1 - rim)
        shade *= cloth.grain(u, v, self.rng)
        # Dark cloth shows its highlights as added light: a multiple of black is black.
        colour = cloth.colour(u, v, 1 / self._scale) * np.minimum(shade, 1) + 0.42 * np.maximum(shade - 1, 0)
        self._over(view, np.clip(colour, 0, 1), inside)

    def stroke(
        self, line: Points, colour: Rgb, width: float = 1.2, *, opacity: float = 1, dash: Point | None = None
    ) -> None:
        """A line of even width, over the cloth alone; ``dash`` is the units drawn and the units left out."""
        view = self._view(line, width + 2)
        pieces = [line] if dash is None else dashes(line, *dash)
        ink = self._drawn(view, [(ribbon(piece, width), opacity) for piece in pieces])
        self._over(view, colour[:, None, None], ink * self._alpha[view])

    def seam(self, line: Points, *, depth: float = 0.35, width: float = 1.3, stitch: float = 0) -> None:
        """A dark line with, where ``stitch`` is not 0, a row of light stitches beside it (units away)."""
        self.stroke(line, rgb("0A0A0F"), width, opacity=depth)
        if stitch:
            self.stroke(line + normals(line) * stitch, rgb("FFFFFF"), 1.1, opacity=0.38, dash=(4, 2.6))

    def picture(self, *, standing: bool) -> Image.Image:
        """The product in the middle of its background. It stands on a floor, or it lies flat."""
        rows, columns = (np.flatnonzero(self._alpha.max(axis=axis) > 0.05) for axis in (1, 0))
        middle = (rows[0] + rows[-1] + 1) // 2, (columns[0] + columns[-1] + 1) // 2
        move = self.height // 2 - int(middle[0]), self.width // 2 - int(middle[1])
        alpha, colour = np.roll(self._alpha, move, (0, 1)), np.roll(self._rgb, move, (1, 2))
        y, x = (at.astype(np.float32) for at in np.ogrid[0 : 1 : self.height * 1j, -1 : 1 : self.width * 1j])
        wall = 0.972 - 0.038 * y**2 - 0.02 * x**2 + 0.01 * np.exp(-((y - 0.4) ** 2) * 8 - x**2 * 2)
        if standing:
            shadow = self._floor(alpha, int(rows[-1]) + move[0])
        else:
            below = np.roll(alpha, (round(8 * self._scale), round(3 * self._scale)), (0, 1))
            shadow = 0.12 * self._blurred(below, 3.5) + 0.17 * self._blurred(below, 13)
        bare = wall * (1 - alpha)
        pixels = colour + bare * _TINT[:, None, None] - bare * shadow * _SHADOW[:, None, None]
        return Image.fromarray(np.moveaxis(np.clip(pixels * 255 + 0.5, 0, 255), 0, -1).astype(np.uint8))

    def _floor(self, alpha: Field, bottom: int) -> Field:
        """The shadow at the feet of a product that stands: a soft line as wide as what touches the floor."""
        feet = alpha[max(0, bottom - round(8 * self._scale)) : bottom + 1].max(axis=0, keepdims=True)
        down = (np.arange(self.height, dtype=np.float32)[:, None] - bottom) / self._scale
        narrow, wide = np.exp(-((down / 8) ** 2)), np.exp(-((down / 18) ** 2))
        return 0.28 * narrow * self._blurred(feet, 4) + 0.2 * wide * self._blurred(feet, 14)

    def _view(self, points: Points, margin: float) -> View:
        """The pixels that ``points`` and a margin around them cover."""
        pixels = self._pixels(points)
        left, top = np.maximum(np.floor(pixels.min(axis=0) - margin * self._scale - 2), 0).astype(int).tolist()
        right, bottom = np.ceil(pixels.max(axis=0) + margin * self._scale + 2).astype(int).tolist()
        return slice(top, min(bottom, self.height)), slice(left, min(right, self.width))

    def _pixels(self, points: Points) -> Points:
        return np.asarray(points @ self._axes + (self.width / 2, self.height / 2), dtype=np.float64)

    def _drawn(self, view: View, shapes: Iterable[tuple[Points, float]]) -> Field:
        """Outlines filled with a number each, and 0 around them."""
        rows, columns = view
        size = (columns.stop - columns.start) * _OVERSAMPLING, (rows.stop - rows.start) * _OVERSAMPLING
        sheet = Image.new("F", size)
        pen = ImageDraw.Draw(sheet)
        for outline, value in shapes:
            fine = (self._pixels(outline) - (columns.start, rows.start)) * _OVERSAMPLING
            pen.polygon([(x, y) for x, y in fine.tolist()], fill=value)
        return np.asarray(sheet.reduce(_OVERSAMPLING), dtype=np.float32)

    def _cloth_coordinates(self, view: View, turn: float, origin: Point) -> tuple[Field, Field]:
        """Where each pixel lies on the cloth, in drawing units."""
        y, x = np.ogrid[view]
        axes = np.linalg.inv(self._axes) @ _rotation(-turn)
        x, y = x + 0.5 - self.width / 2, y + 0.5 - self.height / 2
        start = origin @ _rotation(-turn)
        u, v = (x * axes[0, i] + y * axes[1, i] - start[i] for i in (0, 1))
        return u.astype(np.float32), v.astype(np.float32)

    def _blurred(self, field: Field, radius: float) -> Field:
        """A Gaussian blur, zero outside: ``radius`` is the standard deviation in drawing units."""
        pixels = max(radius * self._scale, 0.6)
        step = max(1, round(pixels / 4))  # a wide blur looks the same on a coarser grid, and is many times faster
        small = np.asarray(Image.fromarray(field).reduce(step))
        down, across = (_kernel(size, pixels / step) for size in small.shape)
        height, width = field.shape
        large = Image.fromarray(down @ small @ across)
        fine = large.resize((width, height), Image.Resampling.BICUBIC, box=(0, 0, width / step, height / step))
        return np.asarray(fine, dtype=np.float32)

    def _over(self, view: View, colour: Field, coverage: Field) -> None:
        self._rgb[:, *view] += (colour - self._rgb[:, *view]) * coverage
        self._alpha[view] += (1 - self._alpha[view]) * coverage


def _rotation(degrees: float) -> Points:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, sin], [-sin, cos]])


def _kernel(size: int, radius: float) -> Field:
    """The blur of ``size`` values as a matrix."""
    at = np.arange(size, dtype=np.float32) / np.float32(radius)
    return np.exp(-0.5 * (at[:, None] - at) ** 2) / np.float32(radius * math.sqrt(2 * math.pi))


def _waves(u: Field, v: Field, rng: np.random.Generator) -> Field:
    """Irregular folds that run along v: three sines, each bent and fading along its length. Heights around 1."""
    heights = np.zeros_like(u)
    for period in (46, 71, 117):
        a, b, c, d = rng.uniform(0, 2 * math.pi, 4).astype(np.float32)
        bend = 0.9 * np.sin(v / (period * 1.9) + a) + 0.5 * np.sin((u + v) / (period * 1.3) + b)
        fade = 0.55 + 0.45 * np.sin(v / (period * 1.4) + u / (period * 2.3) + c)
        heights += np.sin(u * (2 * math.pi / period) + bend * 1.6 + d) * fade * (period / 117)
    return heights
