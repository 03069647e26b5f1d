"""Tote bags and handbags, standing on a floor."""

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Style, solid
from scripts.drawing.curves import box, ellipse, mirrored, path, ribbon
from scripts.drawing.hardware import fittings, zip_line


def tote(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    top_half, bottom_half, top, bottom, rise, handle = {
        "shopper": (132, 118, -80, 205, 150, 15),
        "market": (150, 128, -40, 170, 128, 20),
        "tall": (104, 100, -110, 225, 120, 13),
        "structured": (128, 146, -60, 170, 130, 12),
    }[cut]
    canvas.stand(-bottom_half - 2, bottom_half + 2, bottom + 1, depth=14)
    strap = style.trim if style.pattern != "colour-block" else style.second
    x = top_half * 0.52
    behind = path((-x + 6, top + 4), (-x + 10, top - rise * 1.22, x - 10, top - rise * 1.22, x - 6, top + 4))
    canvas.fill(ribbon(behind, handle * 0.9), strap.plain(shade=0.18), reach=5)
    inner = path((-top_half + 3, top + 3), (0, top - 16, top_half - 3, top + 3), (0, top + 22, -top_half + 3, top + 3))
    canvas.fill(inner, style.inside, reach=8, swell=-0.6)
    body = mirrored(
        path(
            (0, top + 12),
            (top_half * 0.5, top + 11, top_half, top),
            (top_half + 5, (top + bottom) / 2, bottom_half, bottom - 10),
            (bottom_half - 2, bottom, bottom_half - 14, bottom + 1),
            (bottom_half * 0.4, bottom + 5, 0, bottom + 5),
        )
    )
    rng = canvas.rng
    creases: list[Crease] = []
    if cut != "structured":
        for side in (-1, 1):
            creases.append(
                (
                    path((side * x, top + 44), (side * x * 0.6, top + 110, side * x * 0.2, bottom - 70)),
                    26,
                    1.6 * rng.uniform(0.6, 1.2),
                )
            )
            creases.append(
                (
                    path(
                        (side * (bottom_half - 6), bottom - 16),
                        (side * bottom_half * 0.7, bottom - 60, side * bottom_half * 0.66, bottom - 100),
                    ),
                    20,
                    1.4,
                )
            )
    canvas.fill(
        body, style.main, creases=creases, folds=0.5 if cut != "structured" else 0.1, reach=30, origin=(0, bottom - 96)
    )
    if cut == "structured":
        base = path(
            (-bottom_half - 2, bottom - 50),
            (0, bottom - 46, bottom_half + 2, bottom - 50),
            (bottom_half, bottom - 8),
            (bottom_half - 10, bottom + 2),
            (0, bottom + 6, -bottom_half + 10, bottom + 2),
            (-bottom_half, bottom - 8),
        )
        canvas.fill(base, strap, reach=14, swell=0.9, drop=0.1)
        canvas.seam(path((-bottom_half, bottom - 50), (0, bottom - 46, bottom_half, bottom - 50)), depth=0.25, stitch=4)
    canvas.seam(path((-top_half + 1, top + 20), (0, top + 32, top_half - 1, top + 20)), depth=0.14, stitch=-3)
    front = path(
        (-x, top + 38),
        (-x - 6, top - rise * 0.4, -x * 0.9, top - rise, 0, top - rise),
        (x * 0.9, top - rise, x + 6, top - rise * 0.4, x, top + 38),
    )
    canvas.fill(ribbon(front, handle), strap, reach=6, drop=0.35)
    for side in (-1, 1):
        patch = box(side * x - handle * 0.62, top + 20, side * x + handle * 0.62, top + 50, 2)
        canvas.fill(patch, strap, reach=5, drop=0.25)
        canvas.stroke(path((side * x - 5, top + 26), (side * x + 5, top + 44)), style.thread, 1, opacity=0.6)
        canvas.stroke(path((side * x + 5, top + 26), (side * x - 5, top + 44)), style.thread, 1, opacity=0.6)
    if view == "back":
        pocket = box(-58, top + 80, 58, top + 170, 5)
        canvas.fill(pocket, style.main, reach=7, swell=0.4, drop=0.2)
        canvas.seam(path((-58, top + 90), (58, top + 90)), depth=0.3, stitch=3)
    elif cut in {"shopper", "structured"}:
        canvas.fill(
            box(-20, top + 66, 20, top + 80, 2),
            solid((0.72, 0.55, 0.38) if style.colour not in {"brown", "orange"} else (0.92, 0.87, 0.76)),
            reach=4,
            drop=0.25,
        )


def handbag(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    {"satchel": _satchel, "hobo": _hobo, "crossbody": _crossbody, "bucket": _bucket}[cut](canvas, style, view)


def _satchel(canvas: Canvas, style: Style, view: str) -> None:
    canvas.stand(-160, 160, 152, depth=15)
    handle = path((-62, -66), (-66, -190, 66, -190, 62, -66))
    canvas.fill(ribbon(handle, 13), style.trim, reach=5)
    body = mirrored(path((0, -70), (132, -72), (150, -66, 156, 100), (160, 150, 140, 152), (0, 156)))
    canvas.fill(body, style.main, reach=26, swell=1.1, origin=(0, 60))
    for side in (-1, 1):
        canvas.fill(ribbon(ellipse(side * 62, -66, 11, 12), 4.5), fittings(style), reach=3, drop=0.35)
    if view == "back":
        canvas.fill(box(-104, -20, 104, 110, 10), style.main, reach=8, swell=0.4, drop=0.2, origin=(0, 60))
        zip_line(canvas, path((-90, -6), (90, -6)), (84, -6))
        return
    flap = mirrored(path((0, -74), (134, -76), (146, -60, 146, 20), (140, 54, 100, 58), (0, 62)))
    canvas.fill(flap, style.second, reach=20, swell=0.9, drop=0.45, origin=(0, 60))
    canvas.stroke(flap * np.array([0.965, 0.95]) + np.array([0, -1]), style.thread, 1, opacity=0.45, dash=(4, 2.8))
    canvas.fill(ribbon(path((0, 20), (0, 96)), 24), style.trim, reach=6, drop=0.4)
    canvas.fill(box(-15, 50, 15, 78, 4), fittings(style), reach=6, drop=0.4)
    canvas.fill(ellipse(0, 64, 5), solid((0.25, 0.2, 0.15)), reach=3, drop=0)


def _hobo(canvas: Canvas, style: Style, view: str) -> None:
    canvas.stand(-132, 132, 160, depth=15)
    strap = path((-118, -20), (-92, -262, 92, -262, 118, -20))
    canvas.fill(ribbon(strap, (24, 17, 17, 24)), style.trim, reach=8)
    body = mirrored(
        path(
            (0, -4),
            (50, -8, 92, -34, 122, -46),
            (140, -44, 146, -10),
            (176, 100, 150, 156, 100, 160),
            (50, 163, 0, 163),
        )
    )
    creases: list[Crease] = [(path((s * 118, -36), (s * 84, 30, s * 30, 60 + 20 * s)), 20, 1.6) for s in (-1, 1)]
    creases += [(path((s * 124, -30), (s * 118, 50, s * 70, 110)), 18, -1.4) for s in (-1, 1)]
    canvas.fill(body, style.main, creases=creases, folds=0.6, reach=34, swell=1.2, origin=(0, 70))
    zip_line(canvas, path((-108, -34), (-50, 0, 50, 0, 108, -34)), (60, -14))
    for side in (-1, 1):
        canvas.fill(ribbon(ellipse(side * 122, -40, 15, 16), 5), fittings(style), reach=3, drop=0.4)
    if view == "front":
        canvas.fill(ribbon(path((96, -24), (108, 30, 98, 70)), 3.5), style.trim, reach=3, drop=0.4)
        for x in (92, 96, 100, 104):
            canvas.fill(ribbon(path((98, 68), (x, 92, x + (x - 98) * 0.8, 112)), 3.4), style.trim, reach=2, drop=0.3)


def _crossbody(canvas: Canvas, style: Style, view: str) -> None:
    canvas.stand(-116, 116, 150, depth=14)
    strap = path((-112, -4), (-120, -330, 120, -330, 112, -4))
    canvas.fill(ribbon(strap, 8), style.trim, reach=4)
    body = mirrored(path((0, -20), (104, -22), (116, -18, 116, 0), (120, 130), (118, 150, 100, 151), (0, 154)))
    canvas.fill(body, style.main, reach=24, swell=1.1, origin=(0, 60))
    if view == "back":
        canvas.seam(path((-94, 20), (94, 20)), depth=0.35, width=2, stitch=4)
    else:
        flap = mirrored(path((0, -26), (108, -28), (122, -20, 119, 20), (104, 92, 0, 98)))
        canvas.fill(flap, style.second, reach=20, swell=1.0, drop=0.45, origin=(0, 60))
        canvas.fill(ellipse(0, 78, 13), fittings(style), reach=8, drop=0.4)
        canvas.fill(ellipse(0, 78, 6), style.trim, reach=4, drop=0)
    for side in (-1, 1):
        canvas.fill(ribbon(ellipse(side * 113, -8, 8, 10), 3.6), fittings(style), reach=3, drop=0.4)


def _bucket(canvas: Canvas, style: Style, view: str) -> None:
    canvas.stand(-92, 92, 170, depth=16)
    strap = path((-104, -60), (-80, -280, 80, -280, 104, -60))
    canvas.fill(ribbon(strap, 12), style.trim, reach=5)
    opening = path((-112, -80), (0, -104, 112, -80), (60, -50), (-60, -50))
    canvas.fill(opening, style.inside, reach=10, swell=-0.6)
    body = mirrored(path((0, -62), (50, -62, 112, -80), (116, -40, 100, 60, 96, 150), (94, 172, 70, 173), (0, 178)))
    creases: list[Crease] = [
        (path((x, -66 - abs(x) * 0.14), (x * 0.97, -20, x * 0.9, 40)), 13, 1.8) for x in (-88, -60, -32, 0, 32, 60, 88)
    ]
    canvas.fill(body, style.main, creases=creases, folds=0.3, reach=34, swell=1.3, origin=(0, 90))
    cord = path((-106, -40), (0, -14, 106, -40))
    canvas.stroke(cord, style.trim.base, 5, dash=(16, 11))
    if view == "front":
        for side in (-1, 1):
            tail = path((0, -26), (side * 16, 10, side * 10, 50))
            canvas.fill(ribbon(tail, 4.6), style.trim, reach=3, drop=0.4)
            canvas.fill(ellipse(side * 10, 54, 6, 8), style.trim, reach=4, drop=0.4)
    for side in (-1, 1):
        canvas.fill(ribbon(ellipse(side * 104, -58, 9, 11), 4), fittings(style), reach=3, drop=0.4)
    base = mirrored(path((0, 132), (50, 132, 98, 126), (96, 160, 90, 170), (50, 178, 0, 179)))
    canvas.fill(base, style.trim if style.pattern != "colour-block" else style.second, reach=14, drop=0.1)
