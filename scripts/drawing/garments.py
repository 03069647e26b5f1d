"""T-shirts, jumpers and dresses: a body with or without sleeves, cut to measure."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Style
from scripts.drawing.shapes import Points, flipped, mirrored, path, ribbon


@dataclass(frozen=True, slots=True)
class Fit:
    """The measures of a garment: half widths and heights, in drawing units from the middle of the picture."""

    neck: float = 40
    drop: float = 36
    """How far the neckline hangs below the neck's sides. One that hangs low is pointed."""
    shoulder: float = 110
    bust: float = 115
    waist: float = 110
    hem: float = 114
    top: float = -186
    armhole: float = 124
    """How far the armholes reach below the top."""
    middle: float = -54
    """The height of the waist, and of a colour-block's edge."""
    bottom: float = 186
    sleeve: tuple[float, float, float] | None = (112, 38, 66)
    """Its length, the degrees between it and straight down, and the width of its end."""
    folds: int = 0
    """How many folds fan out from the waist to the hem."""
    rib: float = 0
    """The width of ribbed bands at the hem and the cuffs."""
    high: bool = False
    """Does the collar stand up around the neck?"""


_LONG: Final = (278.0, 13.0, 50.0)
_FITS: Final = {
    "crew-neck T-shirt": Fit(),
    "V-neck T-shirt": Fit(drop=80, waist=104, hem=108),
    "boxy T-shirt": Fit(44, 36, 120, 126, 126, 128, bottom=150, sleeve=(102, 34, 78)),
    "crew-neck jumper": Fit(bust=118, hem=110, top=-172, bottom=160, sleeve=_LONG, rib=25),
    "V-neck jumper": Fit(drop=86, bust=118, hem=110, top=-172, bottom=160, sleeve=_LONG, rib=25),
    "turtleneck": Fit(36, 14, 106, 110, 102, 104, top=-172, bottom=160, sleeve=_LONG, rib=25, high=True),
    "A-line dress": Fit(34, 52, 66, 70, 54, 138, -208, 96, -45, 207, sleeve=None, folds=7),
    "tea dress": Fit(34, 92, 74, 72, 54, 120, -226, 96, -60, 226, sleeve=(146, 17, 54), folds=6),
    "shift dress": Fit(36, 26, 74, 78, 74, 96, -195, 96, -25, 195, sleeve=(90, 26, 50), folds=3),
    "maxi dress": Fit(36, 40, 62, 68, 54, 136, -254, 96, -110, 254, sleeve=None, folds=9),
}


def garment(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    """The back of the neck, the sleeves and the body, in that order, then bands and seams."""
    fit = _FITS[cut]
    neck, top, waist, hem, middle, bottom = fit.neck, fit.top, fit.waist, fit.hem, fit.middle, fit.bottom
    low = top + (10 if view == "back" else fit.drop)  # the back is cut high at the neck
    inside = path((0, top - 7), (neck * 0.5, top - 6, neck, top + 2), (neck, low + 6), (0, low + 6))
    canvas.fill(mirrored(inside), style.inside, swell=0.3)
    for side in (1, -1):
        _sleeve(canvas, style, fit, side)
    creases: list[Crease] = []
    for at in np.linspace(-0.86, 0.86, fit.folds):
        share, start = at + canvas.rng.uniform(-0.05, 0.05), middle + canvas.rng.uniform(0, 0.3) * (bottom - middle)
        line = path((share * waist, start), (share * hem * 0.8, (middle + bottom) / 2, share * hem, bottom + 90))
        creases.append((line, max(12, hem / fit.folds * 1.1), canvas.rng.uniform(1.2, 2.2)))
    pointed = low > top + 60
    neckline = path(
        (0, low), (neck * 0.3, low - 24, neck, top) if pointed else (neck * 0.5, low, neck, low - 6, neck, top)
    )
    canvas.fill(_body(fit, neckline), style.main, creases=creases, folds=0.9, reach=28, origin=(0, middle))
    canvas.seam(path((-hem + 3, bottom - 10), (0, bottom + 4 + fit.folds * 2, hem - 3, bottom - 10)), depth=0.16)
    if fit.sleeve:
        armhole = path((fit.shoulder, top + 22), *_armhole(fit))
        for side in (-1, 1):
            canvas.seam(flipped(armhole, side), depth=0.2)
    if fit.rib:
        band = path((-hem + 3, bottom - 9), (0, bottom + 3, hem - 3, bottom - 9))
        canvas.fill(ribbon(band, fit.rib), style.trim, reach=9)
    if waist < fit.bust - 12:
        belt = path((-waist - 1, middle), (0, middle + 10, waist + 1, middle))
        canvas.fill(ribbon(belt, 15), style.trim, reach=6, swell=0.7)
    if fit.high:
        right = path(
            (0, top - 42), (20, top - 42, 33, top - 36), (40, top - 10, 34, top + 14), (20, top + 22, 0, top + 22)
        )
        canvas.fill(mirrored(right), style.trim)
        canvas.seam(path((-37, top - 2), (0, top + 9, 37, top - 2)), width=2)
    else:
        back = path((neck, top), (neck * 0.6, top - 8, 0, top - 8))
        collar = mirrored(np.vstack([neckline, back])[::-1])
        canvas.fill(ribbon(collar, 14 if fit.rib else 6 if fit.folds else 9), style.trim, reach=6, swell=0.8)


def _armhole(fit: Fit) -> list[tuple[float, ...]]:
    inner = min(fit.shoulder, fit.bust) - 9
    return [(inner, fit.top + fit.armhole * 0.6, fit.bust, fit.top + fit.armhole)]


def _body(fit: Fit, neckline: Points) -> Points:
    shoulder, top, waist, hem, middle, bottom = fit.shoulder, fit.top, fit.waist, fit.hem, fit.middle, fit.bottom
    side = path(
        (fit.neck, top),
        (shoulder * 0.8, top + 6, shoulder, top + 22),
        *_armhole(fit),
        (waist + 4, middle - 26, waist, middle),
        (waist + 8, middle + 20, hem * 0.9 + waist * 0.1, bottom - 90, hem, bottom),
        (hem * 0.5, bottom + 6 + fit.folds, 0, bottom + 6 + fit.folds),
    )
    outline = mirrored(np.vstack([neckline, side]))
    if fit.folds:  # a hem that hangs in folds goes up and down
        outline[:, 1] += np.sin(outline[:, 0] * (2 * np.pi / 58)) * 2.6 * (outline[:, 1] > bottom - 3)
    return outline


def _sleeve(canvas: Canvas, style: Style, fit: Fit, side: int) -> None:
    if not fit.sleeve:
        return
    length, degrees, cuff = fit.sleeve
    angle, turn = np.radians(degrees), -degrees * side
    along, across = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
    top, armpit = np.array([fit.shoulder, fit.top + 24]), np.array([fit.bust - 3, fit.top + fit.armhole + 2])
    end = top + along * length + across * (length / 25 - 2)
    outer, inner, middle = end + across * cuff * 0.3, end - across * cuff * 0.7, end - across * cuff * 0.2
    outline = path(
        (fit.shoulder - 26, fit.top + 15),
        (fit.shoulder - 4, fit.top + 18, *(top + across * 5)),
        (*(top + along * 22 + across * 12), *(top + along * length * 0.45 + across * (14 + length / 25)), *outer),
        (*(middle + along * 4), *inner),
        (*((armpit + inner) / 2 - across * 3), *armpit),
        (fit.shoulder - 30, fit.top + fit.armhole - 4),
    )
    place = (float(middle[0]) * side, float(middle[1]))
    canvas.fill(flipped(outline, side), style.second, turn=turn, origin=place, reach=20, folds=0.6)
    hem = flipped(path((outer[0], outer[1]), (*(middle + along * 4), *inner)) - along * 8, side)
    if fit.rib:
        canvas.fill(ribbon(hem, fit.rib), style.trim, turn=turn, reach=9)
    else:
        canvas.seam(hem, depth=0.16)
