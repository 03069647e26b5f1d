"""Trousers and shorts: two legs, a waistband and pockets."""

from dataclasses import dataclass

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Style, solid
from scripts.drawing.curves import Points, ellipse, mirrored, path, ribbon
from scripts.drawing.palette import lighter


@dataclass(frozen=True, slots=True)
class Legs:
    """The measures of trousers: half widths across the whole, and a leg's inner and outer edge at its end."""

    waist: float
    hip: float
    knee: float
    end_out: float
    end_in: float
    top: float
    crotch: float
    bottom: float


_TROUSERS = {
    "slim": Legs(72, 92, 82, 74, 26, -250, -108, 250),
    "straight": Legs(76, 98, 94, 92, 22, -250, -104, 250),
    "wide-leg": Legs(70, 98, 118, 140, 20, -250, -104, 246),
    "tapered": Legs(80, 108, 96, 72, 28, -246, -90, 236),
}


_SHORTS = {
    "chino": Legs(98, 128, 0, 146, 14, -140, 12, 140),
    "sport": Legs(100, 138, 0, 164, 12, -125, 24, 108),
    "bermuda": Legs(92, 120, 0, 130, 20, -180, -20, 180),
}


def trousers(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    _legs(canvas, style, _TROUSERS[cut], view, cut)


def shorts(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    _legs(canvas, style, _SHORTS[cut], view, cut)


def _leg(fit: Legs) -> Points:
    """The right leg with its half of the hips."""
    outer: tuple[tuple[float, ...], ...]
    if fit.knee:
        outer = (
            (fit.hip - 4, fit.top + 40, fit.hip, fit.crotch - 50, fit.hip, fit.crotch - 14),
            (fit.hip, fit.crotch + 60, fit.knee, 20, fit.knee, 70),
            (fit.knee, 150, fit.end_out, 190, fit.end_out, fit.bottom),
        )
    else:
        outer = ((fit.hip - 6, fit.top + 40, fit.hip + 2, fit.crotch - 40, fit.end_out, fit.bottom),)
    return path(
        (-3, fit.top + 6),
        (fit.waist, fit.top),
        *outer,
        ((fit.end_out + fit.end_in) / 2, fit.bottom + 9, fit.end_in, fit.bottom + 3),
        (fit.end_in - 6, (fit.crotch + fit.bottom) / 2, 3, fit.crotch + 4),
        (-3, fit.crotch),
    )


def _leg_creases(fit: Legs, rng: np.random.Generator, *, pressed: bool) -> list[Crease]:
    creases: list[Crease] = []
    for reach, sink, height in ((54, -16, 1.0), (70, 12, -0.9), (52, 38, 0.8)):
        line = path(
            (8, fit.crotch - 2),
            (reach * 0.5, fit.crotch + sink * 0.3, reach * rng.uniform(0.9, 1.2), fit.crotch + sink),
        )
        creases.append((line, 10, height * rng.uniform(0.7, 1.2)))
    middle = (fit.end_in + fit.end_out) / 2
    if pressed:
        creases.append((path((fit.waist * 0.55, fit.top + 50), (fit.hip * 0.52, 0, middle, fit.bottom)), 8, 1.0))
    if fit.knee:
        for y in (56, 74, 92, fit.bottom - 40, fit.bottom - 24):
            lean = rng.uniform(-12, 12)
            start, end = fit.end_in + rng.uniform(0, 14), middle + rng.uniform(5, 26)
            creases.append((path((start, y + lean), (middle, y + 10, end, y - lean)), 9, rng.uniform(-1, 1)))
    return creases


def _legs(canvas: Canvas, style: Style, fit: Legs, view: str, cut: str) -> None:
    casual = cut in {"tapered", "sport"}
    leg = _leg(fit)
    creases = _leg_creases(fit, canvas.rng, pressed=cut in {"straight", "wide-leg"} and style.pattern != "denim")
    opening = mirrored(
        path(
            (0, fit.top - 4),
            (fit.waist * 0.6, fit.top - 5, fit.waist - 1, fit.top + 2),
            (fit.waist * 0.5, fit.top + 13, 0, fit.top + 14),
        )
    )
    for side in (-1, 1):
        flip = np.array([side, 1])
        lines = [(line * flip, width, height) for line, width, height in creases]
        canvas.fill(
            leg * flip,
            style.main,
            creases=lines,
            folds=0.7,
            reach=24,
            origin=(0, (fit.crotch + fit.bottom) / 2 if fit.knee else fit.crotch),
            drop=0.18,
        )
        canvas.seam(
            path(
                (fit.end_in, fit.bottom - 8),
                ((fit.end_out + fit.end_in) / 2, fit.bottom - 2, fit.end_out, fit.bottom - 11),
            )
            * flip,
            depth=0.22,
        )
        if cut == "sport":
            stripe = path(
                (fit.waist + 14, fit.top + 30), (fit.hip + 8, fit.crotch - 10, fit.end_out - 10, fit.bottom + 3)
            )
            canvas.fill(ribbon(stripe * flip, 9), solid(style.accent), reach=3, swell=0.2, drop=0)
    canvas.seam(
        path((0, fit.top + 20), (1.5, fit.crotch - 30, 0, fit.crotch)),
        depth=0.4,
        stitch=4 if style.pattern == "denim" else 0,
    )
    canvas.fill(opening, style.inside, reach=6, swell=0.2, drop=0)
    _waistband(canvas, style, fit, casual=casual)
    if view == "back":
        _back_pockets(canvas, style, fit)
    else:
        _front_details(canvas, style, fit, casual=casual)
    if cut == "tapered":
        for side in (-1, 1):
            cuff = path(
                (fit.end_in - 1, fit.bottom - 20),
                (fit.end_out + 2, fit.bottom - 24),
                (fit.end_out - 3, fit.bottom + 6),
                (fit.end_in + 3, fit.bottom + 8),
            )
            canvas.fill(cuff * np.array([side, 1]), style.trim, reach=9, drop=0.15)


def _waistband(canvas: Canvas, style: Style, fit: Legs, *, casual: bool) -> None:
    top, half = fit.top, fit.waist
    band = path((-half, top), (0, top + 22, half, top), (half + 5, top + 22), (0, top + 45, -half - 5, top + 22))
    if not casual:
        canvas.fill(band, style.main.plain(shade=0.06), reach=7, swell=0.7, drop=0.18)
        for share in (-0.72, -0.3, 0.3, 0.72):
            x = half * share
            sag = 11 * (1 - share * share)
            loop = path((x, top + sag - 2), (x * 1.03, top + sag + 27))
            canvas.fill(ribbon(loop, 6), style.main.plain(shade=0.03), reach=3, drop=0.3)
        canvas.fill(
            ellipse(0, top + 23, 5),
            solid((0.62, 0.55, 0.42) if style.pattern == "denim" else lighter(style.base, 0.5), gloss=0.5),
            reach=3,
            drop=0.4,
        )
        return
    gathers: list[Crease] = [
        (path((x, top + 8 - abs(x) * 0.08), (x * 1.02, top + 32 - abs(x) * 0.1)), 4, 0.9)
        for x in np.linspace(-half * 0.94, half * 0.94, 24)
    ]
    canvas.fill(band, style.trim, creases=gathers, reach=8, swell=0.9, drop=0.25)
    for side in (-1, 1):
        cord = path((5 * side, top + 22), (16 * side, top + 52, 8 * side, top + 88))
        canvas.fill(ribbon(cord, 4), solid(lighter(style.base, 0.65)), reach=3, drop=0.4)


def _front_details(canvas: Canvas, style: Style, fit: Legs, *, casual: bool) -> None:
    for side in (-1, 1):
        flip = np.array([side, 1])
        pocket = path((fit.waist * 0.42, fit.top + 36), (fit.waist * 0.55, fit.top + 70, fit.hip - 5, fit.top + 82))
        if casual:
            pocket = path((fit.waist * 0.80, fit.top + 32), (fit.hip - 9, fit.top + 96))
        canvas.seam(pocket * flip, depth=0.42, width=1.8, stitch=4.5 * side)
    if not casual:
        fly = path((17, fit.top + 40), (19, fit.top + 92, 1, fit.top + 112))
        canvas.stroke(fly, style.thread, 1.0, opacity=0.55, dash=(3.5, 2.4))


def _back_pockets(canvas: Canvas, style: Style, fit: Legs) -> None:
    for side in (-1, 1):
        yoke = path((0, fit.top + 62), (fit.hip * 0.9, fit.top + 44)) * np.array([side, 1])
        canvas.seam(yoke, depth=0.3, stitch=3 * side)
        x = fit.hip * 0.5 * side
        patch = path(
            (x - 23, fit.top + 74),
            (x + 23, fit.top + 74),
            (x + 21, fit.top + 112),
            (x, fit.top + 124),
            (x - 21, fit.top + 112),
        )
        canvas.fill(patch, style.main, reach=6, swell=0.5, drop=0.25)
        canvas.stroke(patch * 1.0, style.thread, 1.0, opacity=0.5, dash=(3.5, 2.4))
