"""The studio: fills outlines with lit cloth, and lays the product on a near-white background with its shadow.

Every part of a product is an outline filled with a cloth. What makes it look solid is one height field for each
part: its blurred outline (a swelling), its creases (soft lines) and its folds (waves). The slope of that field
towards the light brightens or darkens the cloth. The field is smooth, so it is computed at a third of the picture's
size; outlines are drawn at four times the size and averaged down.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from scripts.drawing.backdrop import photograph
from scripts.drawing.cloths import Cloth
from scripts.drawing.curves import Points
from scripts.drawing.fields import COARSE, Field, as_field, blurred, dashes, enlarged, tapered, waves

type Frame = tuple[int, int, int, int]
"""Left, top, right and bottom in whole pixels."""
type Crease = tuple[Points, float, float]
"""A line, its width in drawing units, and its height: above 0 a ridge, below 0 a furrow."""

WIDTH: Final = 450
HEIGHT: Final = 600
_OVERSAMPLING: Final = 4


class Canvas:
    """A picture of one product. ``scale`` is pixels to a drawing unit; the rest is the product's pose."""

    def __init__(
        self,
        width: int,
        rng: np.random.Generator,
        *,
        turn: float = 0,
        shift: tuple[float, float] = (0, 0),
        zoom: float = 1,
        stretch: float = 0,
        light: float = 0,
        flip: bool = False,
    ) -> None:
        self.width, self.height = width, round(width * HEIGHT / WIDTH)
        self.scale = width / WIDTH * zoom
        self.rng = rng
        angle = math.radians(turn)
        rotation = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        self._axes = np.diag([(1 + stretch) * (-1 if flip else 1), 1 - stretch]) @ rotation * self.scale
        self._back = np.linalg.inv(self._axes)
        self._origin = np.array([self.width / 2, self.height / 2])
        self._shift = (shift[0] * width / WIDTH, shift[1] * width / WIDTH)
        towards = math.radians(-118 + light)  # from above and a little from the left
        self._light = (math.cos(towards), math.sin(towards))
        self._rgb = np.zeros((3, self.height, self.width), dtype=np.float32)  # premultiplied by alpha
        self._alpha = np.zeros((self.height, self.width), dtype=np.float32)
        self._floor: Field | None = None

    # What products are made of

    def fill(
        self,
        outline: Points,
        cloth: Cloth,
        *,
        holes: Sequence[Points] = (),
        turn: float = 0,
        origin: tuple[float, float] = (0, 0),
        swell: float = 1,
        reach: float = 26,
        creases: Sequence[Crease] = (),
        folds: float = 0,
        fold_turn: float | None = None,
        drop: float = 0.25,
        edge: float = 0.16,
    ) -> None:
        """Lay ``cloth`` inside ``outline`` over what is there.

        ``turn`` (degrees, clockwise) and ``origin`` place the cloth's pattern; ``swell`` and ``reach`` say how far it
        bulges and over how many units from its edge; ``folds`` is the height of waves that run along the
        cloth's length, or across it by ``fold_turn`` degrees; ``drop`` is the shadow it casts on the parts below and
        ``edge`` how much its rim darkens.
        """
        # Where nothing is below the part, its shadow falls on nothing.
        frame = self._frame(outline, 14 if drop else 0)
        if frame is None:
            return
        view = _view(frame)
        mask = self._mask(frame, outline, holes)
        coverage, inside = as_field(mask), as_field(mask.reduce(COARSE))
        rim = blurred(inside, max(3.2 * self.scale / COARSE, 0.6))
        if drop:
            self._cast(rim, view, drop)
        u, v = self._cloth_coordinates(frame, turn, origin)
        light = self._relief(
            frame,
            inside,
            rim,
            turn=turn,
            swell=swell,
            reach=reach,
            creases=creases,
            folds=folds,
            fold_turn=fold_turn,
            edge=edge,
        )
        shade = enlarged(light, *coverage.shape) * cloth.weave(u, v, self.rng)
        # Dark cloth shows its highlights as added light: a multiple of black is black.
        lit = np.maximum(shade - 1, 0) * np.float32(0.35 + cloth.gloss)
        colour = cloth.colour(u, v, 1 / self.scale) * np.minimum(shade, 1) + lit
        self._over(view, np.minimum(np.maximum(colour, 0, out=colour), 1, out=colour), coverage)

    def stroke(
        self,
        line: Points,
        colour: tuple[float, float, float],
        width: float = 1.2,
        *,
        opacity: float = 1,
        dash: tuple[float, float] | None = None,
    ) -> None:
        """A line of even width: seams, stitches (``dash``: units drawn, units left out), laces."""
        pieces = [line] if dash is None else dashes(line, *dash)
        frame = self._frame(line, width + 2)
        if frame is None:
            return
        image = self._sheet(frame)
        pen = ImageDraw.Draw(image)
        thickness = max(1, round(width * self.scale * _OVERSAMPLING))
        for piece in pieces:
            pen.line(self._fine(piece, frame), fill=255, width=thickness, joint="curve")
        view = _view(frame)
        # Thread and ink do not reach past the cloth they are on.
        coverage = as_field(image.reduce(_OVERSAMPLING)) * (np.float32(opacity) * self._alpha[view])
        self._over(view, np.array(colour, dtype=np.float32)[:, None, None], coverage)

    def seam(self, line: Points, *, depth: float = 0.35, width: float = 1.3, stitch: float = 0) -> None:
        """A dark line with, where ``stitch`` is above 0, a row of light stitches beside it (units away)."""
        self.stroke(line, (0.04, 0.04, 0.06), width, opacity=depth)
        if stitch:
            normal = np.gradient(line, axis=0)[:, ::-1] * np.array([-1.0, 1.0])
            normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
            self.stroke(line + normal * stitch, (1, 1, 1), 1.1, opacity=0.38, dash=(4, 2.6))

    def glow(self, outline: Points, amount: float, blur: float = 5) -> None:
        """Brighten (``amount`` above 0) or darken softly what lies inside ``outline``: reflections, hollows."""
        frame = self._frame(outline, blur * 2.5)
        if frame is None:
            return
        view = _view(frame)
        inside = as_field(self._mask(frame, outline).reduce(COARSE))
        soft = enlarged(blurred(inside, blur * self.scale / COARSE), *self._alpha[view].shape) * np.float32(abs(amount))
        target = self._alpha[view] if amount > 0 else np.float32(0)
        self._rgb[:, *view] += (target - self._rgb[:, *view]) * soft

    def stand(self, left: float, right: float, y: float, *, depth: float = 12, strength: float = 0.42) -> None:
        """The product stands on a floor at height ``y`` between ``left`` and ``right``, instead of lying flat."""
        rows, columns = -(-self.height // COARSE), -(-self.width // COARSE)
        u, v = self._cloth_coordinates((0, 0, self.width, self.height), 0, (0, 0), (rows, columns))
        across, down = (u - (left + right) / 2) * (2 / (right - left)), (v - y) / depth
        wide = np.exp(-((across / 1.04) ** 8) - down**2 / 2)
        narrow = np.exp(-((across / 0.97) ** 16) - down**2 * 3)
        self._floor = np.asarray((0.36 * wide + 0.48 * narrow) * strength, dtype=np.float32)

    def picture(self) -> Image.Image:
        """The product on its background, RGB."""
        return photograph(self._rgb, self._alpha, self._floor, scale=self.scale, shift=self._shift)

    # Geometry

    def _pixels(self, points: Points) -> Points:
        return np.asarray(points @ self._axes + self._origin, dtype=np.float64)

    def _frame(self, points: Points, margin: float) -> Frame | None:
        """The pixels that ``points`` and a margin around them cover, or None where the picture has none of them."""
        pixels = self._pixels(points)
        pad = margin * self.scale + 2
        left, top = np.maximum(np.floor(pixels.min(axis=0) - pad), 0).astype(int)
        right, bottom = np.ceil(pixels.max(axis=0) + pad).astype(int)
        right, bottom = min(int(right), self.width), min(int(bottom), self.height)
        return (int(left), int(top), right, bottom) if left < right and top < bottom else None

    def _sheet(self, frame: Frame) -> Image.Image:
        left, top, right, bottom = frame
        return Image.new("L", ((right - left) * _OVERSAMPLING, (bottom - top) * _OVERSAMPLING))

    def _fine(self, points: Points, frame: Frame) -> list[tuple[float, float]]:
        fine = (self._pixels(points) - np.array(frame[:2])) * _OVERSAMPLING
        return [(x, y) for x, y in fine.tolist()]

    def _mask(self, frame: Frame, outline: Points, holes: Sequence[Points] = ()) -> Image.Image:
        """How much of each pixel of the frame is inside the outline, 0 to 255."""
        image = self._sheet(frame)
        pen = ImageDraw.Draw(image)
        pen.polygon(self._fine(outline, frame), fill=255)
        for hole in holes:
            pen.polygon(self._fine(hole, frame), fill=0)
        return image.reduce(_OVERSAMPLING)

    def _cloth_coordinates(
        self,
        frame: Frame,
        turn: float,
        origin: tuple[float, float],
        shape: tuple[int, ...] | None = None,
    ) -> tuple[Field, Field]:
        """Where each pixel of the frame lies on the cloth; ``shape`` asks for a coarser grid of the same frame."""
        left, top, right, bottom = frame
        step = COARSE if shape else 1
        rows, columns = shape or (bottom - top, right - left)
        angle = math.radians(turn)
        cos, sin = math.cos(angle), math.sin(angle)
        axes = self._back @ np.array([[cos, -sin], [sin, cos]])
        start = np.array(origin) @ np.array([[cos, -sin], [sin, cos]])
        x = left + (np.arange(columns)[:, None] + 0.5) * step - self._origin[0]
        y = top + (np.arange(rows)[:, None] + 0.5) * step - self._origin[1]
        across, down = x @ axes[:1] - start, y @ axes[1:]
        u = across[None, :, 0].astype(np.float32) + down[:, None, 0].astype(np.float32)
        v = across[None, :, 1].astype(np.float32) + down[:, None, 1].astype(np.float32)
        return u, v

    # Light

    def _relief(
        self,
        frame: Frame,
        inside: Field,
        rim: Field,
        *,
        turn: float,
        swell: float,
        reach: float,
        creases: Sequence[Crease],
        folds: float,
        fold_turn: float | None,
        edge: float,
    ) -> Field:
        """How bright a part is, around 1, on the coarse grid: the slope of its heights towards the light."""
        unit = self.scale / COARSE  # coarse pixels to a drawing unit
        radius = max(reach * unit, 0.6)
        heights = blurred(inside, radius) * np.float32(radius * 0.62 * swell)
        heights += rim * np.float32(0.55 * min(swell, 1.0))
        if creases:
            heights += self._creased(frame, inside.shape, creases) * np.float32(5.1 * unit)
        if folds:
            u, v = self._cloth_coordinates(frame, turn if fold_turn is None else fold_turn, (0, 0), inside.shape)
            heights += waves(u, v, self.rng) * np.float32(folds * unit * 9)
        down, across = np.gradient(heights)
        slope = across * np.float32(-self._light[0]) + down * np.float32(-self._light[1])
        shade = 1 + np.float32(0.30) * np.tanh(slope * np.float32(1.25)) - np.float32(edge * 2) * (1 - rim) * inside
        return np.asarray(shade, dtype=np.float32)

    def _creased(self, frame: Frame, shape: tuple[int, ...], creases: Sequence[Crease]) -> Field:
        """The heights of creases. Ridges are drawn on one sheet and furrows on another, higher ones brighter."""
        highest = max(abs(height) for *_, height in creases)
        ridges, furrows = (Image.new("L", (shape[1] * 2, shape[0] * 2)) for _ in range(2))
        pens = ImageDraw.Draw(ridges), ImageDraw.Draw(furrows)
        for line, width, height in creases:
            outline = tapered(self._pixels(line) - np.array(frame[:2]), width * self.scale) * (2 / COARSE)
            ink = round(abs(height) / highest * 255)
            pens[0 if height > 0 else 1].polygon([(x, y) for x, y in outline.tolist()], fill=ink)
        field = (as_field(ridges.reduce(2)) - as_field(furrows.reduce(2))) * np.float32(highest)
        width = float(np.mean([width for _, width, _ in creases]))
        return blurred(field, width * self.scale / COARSE * 0.45)

    def _cast(self, soft: Field, view: tuple[slice, slice], strength: float) -> None:
        """Darken what lies below and to the right of a part, given its softened outline on the coarse grid."""
        x, y = round(1.5 * self.scale / COARSE), round(4 * self.scale / COARSE)
        shadow = np.zeros_like(soft)
        shadow[y:, x:] = soft[: soft.shape[0] - y, : soft.shape[1] - x] * np.float32(strength)
        self._rgb[:, *view] *= 1 - enlarged(shadow, *self._alpha[view].shape)

    def _over(self, view: tuple[slice, slice], colour: Field, coverage: Field) -> None:
        rest = 1 - coverage
        self._rgb[:, *view] *= rest
        self._rgb[:, *view] += colour * coverage
        self._alpha[view] *= rest
        self._alpha[view] += coverage


def _view(frame: Frame) -> tuple[slice, slice]:
    left, top, right, bottom = frame
    return slice(top, bottom), slice(left, right)
