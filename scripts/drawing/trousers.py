"""Trousers: two legs, a waistband and pockets."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import Style
from scripts.drawing.shapes import box, ellipse, flipped, mirrored, path, ribbon


@dataclass(frozen=True, slots=True)
class Legs:
    """The measures of trousers: half widths across the whole, and a leg's inner and outer edge at its end."""

    waist: float
    hip: float
    knee: float
    outer: float
    inner: float
    crotch: float
    top: float = -250
    bottom: float = 250


_LEGS: Final = {
    "slim trousers": Legs(72, 92, 82, 74, 26, -108),
    "straight trousers": Legs(76, 98, 96, 94, 22, -104),
    "wide-leg trousers": Legs(70, 98, 118, 142, 18, -104),
    "joggers": Legs(80, 108, 98, 70, 28, -90),
}


def trousers(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    fit, elastic = _LEGS[cut], cut == "joggers"
    for side in (-1, 1):
        _leg(canvas, style, fit, side, elastic=elastic)
    half, top = fit.waist, fit.top
    canvas.seam(path((0, top + 20), (1.5, fit.crotch - 30, 0, fit.crotch)), stitch=4 if style.pattern == "denim" else 0)
    opening = path((0, top - 4), (half * 0.6, top - 5, half - 1, top + 2), (half * 0.5, top + 13, 0, top + 14))
    canvas.fill(mirrored(opening), style.inside, reach=6, swell=0.2, drop=0)
    band = ribbon(path((-half - 2, top + 11), (0, top + 33, half + 2, top + 11)), 22)
    gathers = [(path((x, top + 8), (x, top + 40)), 4, 0.9) for x in np.linspace(-half, half, 24)] if elastic else []
    canvas.fill(band, style.trim, creases=gathers, reach=8, swell=0.8)
    for side in (-1, 1):
        if view == "back":
            x = fit.hip * 0.5
            right = path((x, top + 74), (x + 23, top + 74), (x + 21, top + 112), (x, top + 124))
            patch = np.vstack([right, (right * (-1, 1) + (2 * x, 0))[::-1]])
            canvas.fill(flipped(patch, side), style.main, reach=6, swell=0.5)
            canvas.seam(flipped(patch, side), stitch=3)
        else:
            pocket = path((half * 0.42, top + 36), (half * 0.55, top + 70, fit.hip - 5, top + 82))
            canvas.seam(flipped(pocket, side), width=1.8, stitch=4.5 * side)
    if view == "front" and not elastic:
        canvas.seam(path((17, top + 40), (19, top + 92, 1, top + 112)), depth=0.2)
        canvas.fill(ellipse(0, top + 23, 5), style.main.plain(-0.5), reach=3, drop=0.4)


def _leg(canvas: Canvas, style: Style, fit: Legs, side: int, *, elastic: bool) -> None:
    """One leg with its half of the hips."""
    crotch, bottom, inner, outer, hip = fit.crotch, fit.bottom, fit.inner, fit.outer, fit.hip
    middle = (inner + outer) / 2
    outline = path(
        (-3, fit.top + 6),
        (fit.waist, fit.top),
        (hip - 4, fit.top + 40, hip, crotch - 50, hip, crotch - 14),
        (hip, crotch + 60, fit.knee, 20, fit.knee, 70),
        (fit.knee, 150, outer, 190, outer, bottom),
        (middle, bottom + 9, inner, bottom + 3),
        (inner - 6, (crotch + bottom) / 2, 3, crotch + 4),
        (-3, crotch),
    )
    place = (0, (crotch + bottom) / 2)
    canvas.fill(flipped(outline, side), style.main, folds=1, reach=24, origin=place)
    if elastic:
        canvas.fill(flipped(box(inner, bottom - 22, outer - 1, bottom + 7, 4), side), style.trim, reach=9)
    else:
        canvas.seam(flipped(path((inner, bottom - 8), (middle, bottom - 2, outer, bottom - 11)), side), depth=0.22)
