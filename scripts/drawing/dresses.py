"""Skirts and dresses, whose folds fan out from the waist."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Style, solid
from scripts.drawing.curves import Point, Points, ellipse, flipped, mirrored, path, ribbon
from scripts.drawing.palette import lighter


def _hanging_folds(
    rng: np.random.Generator, waist: Point, hem: Point, *, count: int, height: float = 1.0
) -> list[Crease]:
    """Folds that fan out from a waist to a hem, each given as half its width and where it lies."""
    (half_top, top), (half_hem, bottom) = waist, hem
    creases: list[Crease] = []
    for share in np.linspace(-0.86, 0.86, count):
        at = float(share) + rng.uniform(-0.05, 0.05)
        start = rng.uniform(0.0, 0.3) * (bottom - top) + top
        line = path((at * half_top, start), (at * half_hem * 0.8, (top + bottom) / 2, at * half_hem, bottom + 90))
        creases.append((line, max(12.0, half_hem / count * 1.1), 2.2 * height * rng.uniform(0.7, 1.2)))
    return creases


def _waved(outline: Points, bottom: float, period: float, height: float = 2.6) -> Points:
    """The hem of a skirt that hangs in folds: its points below ``bottom`` move up and down."""
    below = outline[:, 1] > bottom - 3
    ripple = np.sin(outline[:, 0] * (2 * np.pi / period)) * height * below
    return outline + np.stack([np.zeros_like(ripple), ripple], axis=1)


def skirt(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    waist, hem, top, bottom, bow = {
        "A-line": (72, 142, -150, 110, 14),
        "pleated": (74, 158, -150, 120, 8),
        "pencil": (76, 84, -180, 170, 4),
        "maxi": (66, 140, -220, 220, 16),
    }[cut]
    hip = waist + (hem - waist) * (0.45 if cut != "pencil" else 2.2)
    right = path(
        (0, top),
        (waist, top),
        (hip, top + 40, (hip + hem) / 2 + 6, top + 120, hem, bottom),
        (hem * 0.6, bottom + bow, 0, bottom + bow),
    )
    lines = [path((waist * s, top + 18), (hem * s, bottom + bow * (1 - s * s))) for s in np.linspace(-0.88, 0.88, 12)]
    creases: list[Crease]
    if cut == "pleated":
        creases = [(line, 15, 1.0) for line in lines]
    elif cut == "pencil":
        creases = [(path((-waist * 0.7, top + 60), (0, top + 84, waist * 0.7, top + 56)), 12, 0.6)]
    else:
        count, height = (6, 0.8) if cut == "A-line" else (8, 1.0)
        creases = _hanging_folds(canvas.rng, (waist, top + 20), (hem, bottom), count=count, height=height)
    canvas.fill(
        _waved(mirrored(right), bottom, 52, 0 if cut == "pencil" else 2.6),
        style.main,
        creases=creases,
        folds=0.5 if cut != "pleated" else 0.1,
        origin=(0, (top + bottom) / 2),
        reach=26,
    )
    if cut == "pleated":
        for line in lines:
            canvas.seam(line + np.array([7, 0]), depth=0.22, width=1.6)
    band = mirrored(
        path((0, top - 12), (waist - 1, top - 14), (waist + 2, top + 10), (waist * 0.5, top + 15, 0, top + 15))
    )
    canvas.fill(band, style.trim, reach=8, swell=0.8, drop=0.2)
    if cut == "A-line" and view == "front":
        canvas.seam(path((0, top + 14), (0, bottom + bow)), depth=0.2)
        for y in np.linspace(top + 34, bottom - 14, 6):
            canvas.fill(ellipse(0, float(y), 5), solid(lighter(style.base, 0.6), gloss=0.3), reach=3, drop=0.4)
    if view == "back":
        canvas.seam(path((0, top - 10), (0, top + 86)), depth=0.4, width=1.6)
        canvas.fill(ellipse(0, top - 4, 3), solid((0.75, 0.75, 0.77), gloss=0.5), reach=2)
    if cut == "pencil":
        canvas.seam(path((0, bottom - 70), (0, bottom + 4)), depth=0.45, width=1.8)
    canvas.seam(path((-hem + 3, bottom - 9), (0, bottom + bow * 2 - 12, hem - 3, bottom - 9)), depth=0.14)


@dataclass(frozen=True, slots=True)
class Gown:
    """The measures of a dress: half widths, then heights on the picture."""

    bust: float
    waist: float
    hem: float
    shoulder: float
    neck: float
    drop: float
    """How far the neckline hangs below the neck's sides."""
    top: float
    middle: float
    bottom: float
    armhole: float = 96


_GOWNS: Final = {
    "A-line": Gown(70, 54, 138, 66, 34, 52, -255, -92, 160),
    "slip": Gown(64, 56, 100, 50, 40, 46, -262, -80, 205, 88),
    "shift": Gown(78, 76, 96, 74, 36, 22, -240, -70, 150),
    "wrap": Gown(72, 54, 118, 74, 34, 96, -262, -96, 190),
    "maxi": Gown(68, 54, 136, 62, 36, 40, -272, -124, 252),
}


def dress(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    back = view == "back"
    gown = _GOWNS[cut]
    bust, waist, hem, neck, top, middle, bottom = (
        gown.bust,
        gown.waist,
        gown.hem,
        gown.neck,
        gown.top,
        gown.middle,
        gown.bottom,
    )
    drop = 14 if back and cut != "slip" else gown.drop
    if cut in {"shift", "wrap"}:
        _dress_sleeves(canvas, style, gown, short=cut == "shift")
    if cut == "slip":
        _straps(canvas, style, gown)
    else:
        inside = path((-neck, top), (0, top - 8, neck, top), (neck, top + drop), (-neck, top + drop))
        canvas.fill(inside, style.inside, swell=0.3)
    outline = _outline(gown, cut, drop, back=back)
    count = {"A-line": 7, "slip": 4, "shift": 3, "wrap": 6, "maxi": 9}[cut]
    creases = _hanging_folds(
        canvas.rng, (waist, middle), (hem, bottom), count=count, height=0.9 if cut != "shift" else 0.5
    )
    sink = top + gown.armhole
    for side in (-1, 1):
        for reach, sag in ((26, 30), (38, 58)):
            line = path(
                (side * (bust - 4), sink),
                (side * (bust - reach * 0.5), sink + sag * 0.3, side * (bust - reach), sink + sag),
            )
            creases.append((line, 9, 0.7))
    canvas.fill(outline, style.main, creases=creases, folds=0.6, reach=24, origin=(0, middle))
    hem_line = path((-hem + 3, bottom - 10), (0, bottom + (22 if cut != "shift" else 6), hem - 3, bottom - 10))
    canvas.seam(hem_line, depth=0.14)
    if cut in {"A-line", "maxi"}:
        canvas.fill(
            ribbon(path((-waist - 1, middle), (0, middle + 10, waist + 1, middle)), 14), style.trim, reach=6, swell=0.7
        )
    if cut == "wrap":
        _wrap(canvas, style, gown, back=back)
    if cut in {"A-line", "maxi", "shift"}:
        rim = path((0, top + drop), (neck * 0.5, top + drop, neck, top))
        canvas.fill(ribbon(np.vstack([flipped(rim)[::-1], rim[1:]]), 5), style.trim, reach=3, swell=0.6)
    if back:
        canvas.seam(path((0, top + drop + 4), (0, middle + 60)), depth=0.35, width=1.5)


def _outline(gown: Gown, cut: str, drop: float, *, back: bool) -> Points:
    neck, shoulder, top, waist, hem = gown.neck, gown.shoulder, gown.top, gown.waist, gown.hem
    middle, bottom, low, sink = gown.middle, gown.bottom, gown.top + drop, gown.top + gown.armhole
    if cut == "slip":
        half = path(
            (0, low + 34),
            (30, low + 26, shoulder - 6, low),
            (shoulder + 2, low + 18, gown.bust, sink + 6),
        )
    else:
        crossed = cut == "wrap" and not back
        half = path(
            (0, low),
            (neck * 0.3, low - 26, neck, top) if crossed else (neck * 0.5, low, neck, top),
            (shoulder * 0.85, top + 4, shoulder, top + 12),
            (shoulder - 14, top + 56, gown.bust, sink),
        )
    if cut == "shift":
        lower = path(
            (gown.bust, sink),
            (waist - 6, middle - 10, waist + 2, middle + 40),
            (hem - 4, bottom - 60, hem, bottom),
            (hem * 0.5, bottom + 8, 0, bottom + 8),
        )
    else:
        lower = path(
            (gown.bust, sink),
            (waist + 4, middle - 26, waist, middle),
            (waist + 8, middle + 20, hem * 0.9, bottom - 90, hem, bottom),
            (hem * 0.5, bottom + 16, 0, bottom + 16),
        )
    return _waved(mirrored(np.vstack([half, lower])), bottom, 58, 0 if cut in {"shift", "slip"} else 2.6)


def _straps(canvas: Canvas, style: Style, gown: Gown) -> None:
    shoulder, top = gown.shoulder, gown.top
    strap = path((shoulder - 6, top + gown.drop + 4), (shoulder - 12, top + 16, shoulder - 18, top - 14))
    for side in (-1, 1):
        canvas.fill(ribbon(strap * np.array([side, 1]), 5), style.trim, reach=3)


def _dress_sleeves(canvas: Canvas, style: Style, gown: Gown, *, short: bool) -> None:
    shoulder, top, bust = gown.shoulder, gown.top, gown.bust
    end = (shoulder + 42, top + 92) if short else (shoulder + 46, top + 150)
    inner = (shoulder + 4, top + 112) if short else (shoulder + 6, top + 162)
    outline = path(
        (shoulder - 18, top + 8),
        (shoulder + 8, top + 8, shoulder + 22, top + 34),
        (shoulder + 36, top + 60, *end),
        inner,
        (bust - 4, top + 104),
        (shoulder - 24, top + 90),
    )
    for side in (1, -1):
        turn = -24.0 if short else -15.0
        canvas.fill(outline * np.array([side, 1]), style.second, turn=turn * side, reach=16, folds=0.5, drop=0.12)


def _wrap(canvas: Canvas, style: Style, gown: Gown, *, back: bool) -> None:
    """The belt of a wrap dress and, from the front, the edges that cross."""
    neck, top, drop, waist, middle = gown.neck, gown.top, gown.drop, gown.waist, gown.middle
    hem, bottom = gown.hem, gown.bottom
    band = ribbon(path((-waist - 1, middle + 2), (0, middle + 10, waist + 1, middle - 2)), 17)
    canvas.fill(band, style.trim, reach=7, swell=0.8, drop=0.3)
    if back:
        return
    edge = path((neck, top), (neck * 0.4, top + drop - 20, -waist * 0.55, middle - 6))
    canvas.seam(edge, depth=0.4, width=2, stitch=-5)
    front = path((-waist * 0.3, middle + 16), (hem * 0.1, middle + 90, hem * 0.18, bottom + 14))
    canvas.seam(front, depth=0.38, width=2.2)
    for reach, sag in ((-20, 74), (10, 84)):
        tail = path(
            (waist * 0.62, middle + 6), (waist * 0.8 + reach, middle + sag * 0.5, waist * 0.62 + reach, middle + sag)
        )
        canvas.fill(ribbon(tail, (8, 13)), style.trim, reach=5, drop=0.35)
    canvas.fill(ellipse(waist * 0.62, middle + 5, 10, 9), style.trim, reach=6, drop=0.35)
