"""Backpacks, standing on a floor, from the front and from the side that one wears."""

import numpy as np

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import Style, solid
from scripts.drawing.curves import box, mirrored, path, ribbon
from scripts.drawing.hardware import buckle, fittings, zip_line


def backpack(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    half, top, bottom = {
        "day": (116, -190, 190),
        "roll-top": (112, -200, 195),
        "rucksack": (118, -180, 190),
        "mini": (96, -130, 150),
    }[cut]
    canvas.stand(-half + 4, half - 4, bottom + 2, depth=16)
    for side in (-1, 1):
        strap = path(
            (side * 34, top + 10),
            (side * (half + 18), top + 60, side * (half + 22), bottom - 120, side * (half - 12), bottom - 30),
        )
        canvas.fill(ribbon(strap, (26, 26, 16)), style.trim.plain(shade=0.1), reach=9)
    canvas.fill(ribbon(path((-30, top + 14), (-28, top - 34, 28, top - 34, 30, top + 14)), 12), style.trim, reach=5)
    body = mirrored(
        path(
            (0, top),
            (half * 0.8, top, half, top + 40, half, top + 110),
            (half + 10, bottom - 80, half, bottom - 24),
            (half - 4, bottom, half - 34, bottom + 2),
            (half * 0.4, bottom + 5, 0, bottom + 5),
        )
    )
    if cut == "roll-top":
        body = mirrored(
            path(
                (0, top - 4),
                (half * 0.8, top - 4),
                (half * 0.9, top + 60, half, top + 110),
                (half + 8, bottom - 80, half, bottom - 24),
                (half - 4, bottom, half - 34, bottom + 2),
                (half * 0.4, bottom + 5, 0, bottom + 5),
            )
        )
    canvas.fill(body, style.main, reach=40, swell=1.3, folds=0.35, origin=(0, (top + bottom) / 2 + 10))
    if view == "back":
        _harness(canvas, style, half, top, bottom)
        return
    {"day": _day, "roll-top": _roll_top, "rucksack": _rucksack, "mini": _day}[cut](canvas, style, half, top, bottom)


def _day(canvas: Canvas, style: Style, half: float, top: float, bottom: float) -> None:
    arch = path((-half + 12, bottom - 190), (-half + 10, top + 16, half - 10, top + 16, half - 12, bottom - 190))
    zip_line(canvas, arch, (half * 0.62, top + 60))
    high = bottom - 168
    pocket = mirrored(
        path(
            (0, high),
            (half * 0.72, high - 2, half * 0.80, high + 26),
            (half * 0.90, bottom - 50, half * 0.84, bottom - 16),
            (half * 0.6, bottom - 8, 0, bottom - 8),
        )
    )
    canvas.fill(pocket, style.second, reach=22, swell=1.1, drop=0.35, origin=(0, 20))
    zip_line(canvas, path((-half * 0.68, high + 34), (0, high + 26, half * 0.68, high + 34)), (half * 0.5, high + 32))
    canvas.fill(box(-16, high - 52, 16, high - 24, 3), style.trim, reach=5, drop=0.3)


def _roll_top(canvas: Canvas, style: Style, half: float, top: float, bottom: float) -> None:
    roll = path(
        (-half * 0.84, top - 12),
        (0, top - 22, half * 0.84, top - 12),
        (half * 0.94, top + 4, half * 0.86, top + 34),
        (0, top + 44, -half * 0.86, top + 34),
        (-half * 0.94, top + 4, -half * 0.84, top - 12),
    )
    canvas.fill(roll, style.second, reach=16, swell=1.3, drop=0.35)
    canvas.seam(path((-half * 0.86, top + 14), (0, top + 22, half * 0.86, top + 14)), depth=0.2, width=2)
    for x in (-half * 0.46, half * 0.46):
        canvas.fill(ribbon(path((x, top - 16), (x, bottom - 120)), 15), style.trim, reach=5, drop=0.35)
        buckle(canvas, fittings(style), (x, bottom - 190), (24, 20))
    pocket = box(-half * 0.78, bottom - 130, half * 0.78, bottom - 16, 16)
    canvas.fill(pocket, style.second, reach=18, swell=1.0, drop=0.35)
    canvas.seam(path((-half * 0.76, bottom - 100), (half * 0.76, bottom - 100)), depth=0.35, width=1.8, stitch=4)


def _rucksack(canvas: Canvas, style: Style, half: float, top: float, bottom: float) -> None:
    for side in (-1, 1):
        x = side * half * 0.47
        pocket = box(x - 44, bottom - 120, x + 44, bottom - 18, 14)
        canvas.fill(pocket, style.second, reach=16, swell=1.1, drop=0.35)
        canvas.fill(
            path(
                (x - 46, bottom - 124),
                (x + 46, bottom - 124),
                (x + 44, bottom - 84, x + 30, bottom - 82),
                (x - 30, bottom - 82),
                (x - 44, bottom - 84, x - 46, bottom - 124),
            ),
            style.second,
            reach=10,
            drop=0.35,
        )
    flap = mirrored(
        path(
            (0, top - 6),
            (half * 0.86, top - 6, half + 4, top + 40),
            (half + 8, top + 150, half - 6, top + 178),
            (half * 0.6, top + 196, 0, top + 196),
        )
    )
    canvas.fill(flap, style.second, reach=26, swell=1.1, drop=0.45, origin=(0, 20))
    canvas.seam(path((-half - 1, top + 150), (0, top + 190, half + 1, top + 150)), depth=0.15, stitch=-3)
    leather = solid((0.55, 0.36, 0.22) if style.colour not in {"brown", "orange", "red"} else (0.85, 0.74, 0.58))
    for side in (-1, 1):
        x = side * half * 0.47
        canvas.fill(ribbon(path((x, top + 120), (x, bottom - 76)), 15), leather, reach=5, drop=0.4)
        buckle(canvas, fittings(style), (x, top + 208), (24, 22))


def _harness(canvas: Canvas, style: Style, half: float, top: float, bottom: float) -> None:
    """The back of a backpack: a padded panel and the two shoulder straps."""
    panel = box(-half * 0.74, top + 46, half * 0.74, bottom - 22, 24)
    canvas.fill(panel, style.trim.plain(shade=0.15), reach=18, swell=1.0, drop=0.2)
    for y in np.linspace(top + 120, bottom - 70, 4):
        canvas.seam(path((-half * 0.7, float(y)), (0, float(y) + 6, half * 0.7, float(y))), depth=0.25, width=2.5)
    for side in (-1, 1):
        strap = path(
            (side * 30, top + 36),
            (side * half * 0.75, top + 60, side * half * 0.86, bottom - 190, side * half * 0.62, bottom - 100),
        )
        canvas.fill(ribbon(strap, (30, 36, 32, 22)), style.second.plain(), reach=11, swell=1.2, drop=0.45)
        canvas.fill(
            ribbon(path((side * half * 0.62, bottom - 108), (side * half * 0.86, bottom - 30)), 10),
            style.trim,
            reach=4,
            drop=0.35,
        )
        buckle(canvas, fittings(style), (side * half * 0.63, bottom - 98), (26, 16))
