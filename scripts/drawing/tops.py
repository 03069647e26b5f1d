"""T-shirts, jumpers, shirts and hoodies: a torso and what is at its neck."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import Cloth, Style, ribbed, solid
from scripts.drawing.curves import Points, between, box, ellipse, moved, path, ribbon
from scripts.drawing.palette import Rgb, darker, lighter
from scripts.drawing.torso import Fit, back, collar_band, cuffs, torso


def tee(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    fit = {
        "crew-neck": Fit(shoulder=110, chest=114, waist=110, hem=114, bottom=186, top=-186, cuff=68),
        "V-neck": Fit(drop=78, pointed=True, neck=38, waist=101, hem=108, top=-188, bottom=192),
        "boxy": Fit(
            shoulder=118, chest=122, waist=122, hem=124, bottom=168, sleeve=108, sleeve_turn=34, cuff=76, neck=44
        ),
        "scoop-neck": Fit(
            shoulder=98,
            chest=100,
            waist=88,
            hem=104,
            top=-176,
            bottom=176,
            neck=54,
            drop=64,
            sleeve=78,
            cuff=52,
            sleeve_turn=44,
        ),
    }[cut]
    fit = back(fit) if view == "back" else fit
    torso(canvas, style, fit)
    hem = path((-fit.hem, fit.bottom - 9), (0, fit.bottom + 4, fit.hem, fit.bottom - 9))
    canvas.seam(hem, depth=0.18, width=1.0)
    collar_band(canvas, style.trim, fit, 9 if cut != "scoop-neck" else 6)


def long_sleeve(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    base = Fit(shoulder=110, chest=116, waist=110, hem=108, top=-172, bottom=158, sleeve=278, sleeve_turn=13, cuff=50)
    fit = {
        "crew-neck": base,
        "turtleneck": replace(base, neck=37, drop=14, shoulder=106, chest=109, waist=101, hem=104, cuff=46),
        "V-neck": replace(base, drop=84, pointed=True, neck=38),
        "chunky": replace(base, shoulder=120, chest=130, waist=130, hem=116, cuff=62, sleeve=272, neck=44, drop=30),
    }[cut]
    fit = back(fit) if view == "back" and cut != "turtleneck" else fit
    torso(canvas, style, fit, folds=0.8)
    rib = replace(style.trim, weaving=ribbed)
    cuffs(canvas, rib, fit, 22 if cut != "chunky" else 30)
    depth = 20 if cut != "chunky" else 32
    band = path(
        (-fit.hem + 3, fit.bottom - depth),
        (0, fit.bottom - depth + 12, fit.hem - 3, fit.bottom - depth),
        (fit.hem - 5, fit.bottom + 1),
        (0, fit.bottom + 13, -fit.hem + 5, fit.bottom + 1),
    )
    canvas.fill(band, rib, reach=9, drop=0.15)
    if cut == "turtleneck":
        neck = path(
            (-34, fit.top + 14),
            (-38, fit.top - 10, -33, fit.top - 36),
            (0, fit.top - 42, 33, fit.top - 36),
            (38, fit.top - 10, 34, fit.top + 14),
            (0, fit.top + 26, -34, fit.top + 14),
        )
        canvas.fill(neck, rib, reach=16, swell=1.2, drop=0.35)
        fold = path((-37, fit.top - 2), (0, fit.top + 9, 37, fit.top - 2))
        canvas.seam(fold, depth=0.3, width=2)
    else:
        collar_band(canvas, rib, fit, 13 if cut != "chunky" else 18)


def shirt(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    fit = Fit(
        shoulder=110,
        chest=116,
        waist=108,
        hem=112,
        top=-176,
        bottom=186,
        curved_hem=28,
        sleeve=282,
        sleeve_turn=14,
        cuff=50,
        neck=40,
        drop=34,
    )
    if cut in {"short-sleeved", "camp-collar"}:
        fit = replace(fit, sleeve=122, sleeve_turn=33, cuff=68)
    if cut == "camp-collar":
        fit = replace(fit, shoulder=112, chest=116, waist=116, hem=118, bottom=184, curved_hem=0, drop=62, pointed=True)
    back = view == "back"
    fit = replace(fit, drop=10, pointed=False) if back else fit
    torso(canvas, style, fit, folds=0.8)
    if fit.sleeve > 160:
        cuffs(canvas, style.main.plain(shade=0.05), fit, 34)
    collar = style.second
    if back:
        canvas.seam(
            path((-fit.shoulder + 4, fit.top + 52), (0, fit.top + 60, fit.shoulder - 4, fit.top + 52)),
            depth=0.3,
            stitch=-4,
        )
        for x in (-9, 9):
            canvas.seam(path((x, fit.top + 58), (x * 1.1, fit.bottom - 30)), depth=0.12, width=2)
        canvas.fill(
            path(
                (-44, fit.top + 10),
                (-34, fit.top - 22),
                (0, fit.top - 32, 34, fit.top - 22),
                (44, fit.top + 10),
                (0, fit.top + 22, -44, fit.top + 10),
            ),
            collar,
            reach=10,
        )
        return
    low = fit.top + fit.drop
    canvas.fill(
        box(-10, low - 4, 11, fit.bottom + 6), style.main, reach=5, swell=0.5, origin=(0, fit.top + 132), drop=0.2
    )
    for x in (-7, 8):
        canvas.stroke(path((x, low), (x, fit.bottom + 4)), style.thread, 0.9, opacity=0.35, dash=(3.5, 2.5))
    for y in np.linspace(low + 22, fit.bottom - 26, 6):
        _button(canvas, 0.5, float(y), style.base)
    _shirt_collar(canvas, collar, fit, style, open_=cut == "camp-collar")
    if cut in {"chest-pocket", "camp-collar"}:
        pocket = path(
            (34, fit.top + 104), (84, fit.top + 104), (84, fit.top + 148), (59, fit.top + 162), (34, fit.top + 148)
        )
        canvas.fill(pocket, style.main, reach=6, swell=0.4, origin=(3, fit.top + 135), drop=0.18)
        canvas.seam(path((34, fit.top + 114), (84, fit.top + 114)), depth=0.2)


def _button(canvas: Canvas, x: float, y: float, base: Rgb) -> None:
    canvas.fill(ellipse(x, y, 4.2), solid(lighter(base, 0.75), gloss=0.3), reach=3, drop=0.4)
    for dx in (-1.2, 1.2):
        canvas.stroke(path((x + dx, y - 0.6), (x + dx, y + 0.6)), (0.3, 0.3, 0.3), 1.1, opacity=0.7)


def _shirt_collar(canvas: Canvas, cloth: Cloth, fit: Fit, style: Style, *, open_: bool) -> None:
    top, low = fit.top, fit.top + fit.drop
    neck = fit.neck
    stand = path(
        (-neck, top - 6),
        (-neck * 0.6, top - 21, 0, top - 22),
        (neck * 0.6, top - 21, neck, top - 6),
        (neck, top + 12),
        (0, top - 8, -neck, top + 12),
    )
    canvas.fill(stand, style.main.plain(shade=0.10), reach=6, drop=0)
    if open_:
        leaf = path(
            (neck - 2, top - 7),
            (neck + 14, top - 2, neck + 24, top + 14),
            (neck + 32, top + 34, neck + 30, top + 44),
            (neck + 4, top + 46),
            (neck + 6, top + 62),
            (24, low - 10, 0, low + 4),
            (neck * 0.75, top + 30, neck - 2, top - 7),
        )
    else:
        leaf = path(
            (neck - 3, top - 8),
            (neck + 6, top - 2, neck + 13, top + 12),
            (neck + 12, top + 34, neck + 6, top + 55),
            (20, low - 2, 1, low - 3),
            (neck * 0.70, top + 20, neck - 3, top - 8),
        )
    for side in (1, -1):
        shape = leaf * np.array([side, 1])
        canvas.fill(shape, cloth, turn=-34 * side, reach=8, swell=0.8, drop=0.4)
        canvas.stroke(
            between(shape, np.broadcast_to(shape.mean(axis=0), shape.shape), 0.10),
            style.thread,
            0.9,
            opacity=0.3,
            dash=(3, 2.5),
        )


def hoodie(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    fit = Fit(
        shoulder=116,
        chest=124,
        waist=122,
        hem=112,
        top=-138,
        bottom=188,
        neck=48,
        drop=42,
        sleeve=272,
        sleeve_turn=14,
        cuff=60,
    )
    if cut == "cropped":
        fit = replace(fit, bottom=138, hem=118)
    rib = replace(style.trim, weaving=ribbed)
    back = view == "back"
    hood = path(
        (-64, fit.top + 34),
        (-92, fit.top - 30, -62, fit.top - 112, 0, fit.top - 112),
        (62, fit.top - 112, 92, fit.top - 30, 64, fit.top + 34),
        (0, fit.top + 72, -64, fit.top + 34),
    )
    if not back:
        canvas.fill(hood, style.second, reach=26, swell=1.1)
    torso(canvas, style, fit, folds=0.9)
    cuffs(canvas, rib, fit, 30)
    band = path(
        (-fit.hem + 2, fit.bottom - 26),
        (0, fit.bottom - 14, fit.hem - 2, fit.bottom - 26),
        (fit.hem - 8, fit.bottom + 3),
        (0, fit.bottom + 13, -fit.hem + 8, fit.bottom + 3),
    )
    canvas.fill(band, rib, reach=10, drop=0.2)
    if back:
        canvas.fill(moved(hood, 0, 26), style.second, reach=30, swell=1.2, drop=0.4)
        canvas.seam(path((0, fit.top - 84), (3, fit.top, 0, fit.top + 76)), depth=0.3, width=1.6)
        return
    if cut == "zip":
        canvas.seam(path((0, fit.top + 40), (0, fit.bottom + 6)), depth=0.5, width=8)
        canvas.stroke(path((0, fit.top + 40), (0, fit.bottom + 6)), (0.78, 0.78, 0.8), 4, dash=(2.2, 1.6))
        canvas.fill(box(-3.5, fit.top + 60, 3.5, fit.top + 80, 2), solid((0.72, 0.72, 0.74), gloss=0.6), reach=3)
    pocket = path(
        (-50, fit.bottom - 124),
        (50, fit.bottom - 124),
        (54, fit.bottom - 112, 84, fit.bottom - 62),
        (84, fit.bottom - 24),
        (0, fit.bottom - 13, -84, fit.bottom - 24),
        (-84, fit.bottom - 62),
        (-54, fit.bottom - 112, -50, fit.bottom - 124),
    )
    holes: Sequence[Points] = [box(-5, fit.bottom - 130, 5, fit.bottom)] if cut == "zip" else ()
    canvas.fill(pocket, style.second, holes=holes, reach=12, swell=0.7, drop=0.3, origin=(0, fit.top + 132))
    for side in (1, -1):
        slit = path((50, fit.bottom - 124), (54, fit.bottom - 112, 84, fit.bottom - 62)) * np.array([side, 1])
        canvas.seam(slit, depth=0.4, width=2.2, stitch=5 * side)
    _hood_opening(canvas, style, fit)


def _hood_opening(canvas: Canvas, style: Style, fit: Fit) -> None:
    top = fit.top
    opening = path(
        (0, top + 62), (-46, top + 24, -58, top - 62, 0, top - 84), (58, top - 62, 46, top + 24, 0, top + 62)
    )
    rim = path((0, top + 80), (-70, top + 46, -84, top - 76, 0, top - 102), (84, top - 76, 70, top + 46, 0, top + 80))
    canvas.fill(rim, style.second, reach=14, swell=1.1, drop=0.35)
    canvas.fill(opening, solid(darker(style.base, 0.5)), reach=18, swell=-0.9, drop=0, edge=0.05)
    canvas.stroke(between(rim, opening, 0.55), style.thread, 0.9, opacity=0.35, dash=(4, 3))
    cord = lighter(style.base, 0.6) if sum(style.base) < 1.7 else darker(style.base, 0.45)
    for side in (1, -1):
        line = path((20 * side, top + 54), (30 * side, top + 86, 22 * side, top + 132))
        canvas.fill(ribbon(line, 4.6), solid(cord), reach=3, drop=0.45)
        canvas.fill(
            ribbon(path((22 * side, top + 130), (21.5 * side, top + 144)), 6),
            solid((0.75, 0.75, 0.77), gloss=0.5),
            reach=3,
        )
