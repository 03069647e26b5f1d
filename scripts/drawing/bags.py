"""Tote bags and backpacks."""

from typing import Final

import numpy as np

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import LEATHER, STEEL, Style
from scripts.drawing.shapes import Point, Points, box, flipped, mirrored, path, ribbon

_TOTES: Final = {
    "shopper": (132, 118, -60, 215, 150, 15),
    "market tote": (158, 126, -35, 165, 128, 20),
    "tall tote": (104, 100, -85, 250, 120, 13),
}
"""Half the width at the top and at the bottom, where these lie, how high the handles rise and how wide they are."""

_BACKPACKS: Final = {"day pack": (116, -190, 190), "rucksack": (118, -185, 185), "mini backpack": (98, -140, 140)}
"""Half the width, the top and the bottom."""


def tote(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    wide, narrow, top, bottom, rise, handle = _TOTES[cut]
    x = wide * 0.52
    behind = path((-x + 6, top + 4), (-x + 10, top - rise * 1.22, x - 10, top - rise * 1.22, x - 6, top + 4))
    canvas.fill(ribbon(behind, handle * 0.9), style.panel.plain(0.18), reach=5)
    inner = path((-wide + 3, top + 3), (0, top - 16, wide - 3, top + 3), (0, top + 22, -wide + 3, top + 3))
    canvas.fill(inner, style.inside, reach=8, swell=-0.6)
    right = path(
        (0, top + 12),
        (wide * 0.5, top + 11, wide, top),
        (wide + 5, (top + bottom) / 2, narrow, bottom - 10),
        (narrow - 2, bottom, narrow - 14, bottom + 1),
        (narrow * 0.4, bottom + 5, 0, bottom + 5),
    )
    canvas.fill(mirrored(right), style.main, folds=0.8, reach=30, origin=(0, bottom - 96))
    canvas.seam(path((-wide + 1, top + 20), (0, top + 32, wide - 1, top + 20)), depth=0.14, stitch=-3)
    front = path((0, top - rise), (x * 0.9, top - rise, x + 6, top - rise * 0.4, x, top + 50))
    canvas.fill(ribbon(np.vstack([flipped(front)[::-1], front[1:]]), handle), style.panel, reach=6, drop=0.35)
    if view == "back":
        canvas.fill(box(-58, top + 80, 58, top + 170, 5), style.main, reach=7, swell=0.4)
        canvas.seam(path((-58, top + 90), (58, top + 90)), stitch=3)
    else:
        canvas.fill(box(-20, top + 66, 20, top + 80, 2), LEATHER, reach=4)


def backpack(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    half, top, bottom = _BACKPACKS[cut]
    for side in (-1, 1):
        out = side * (half + 22)
        strap = path((side * 34, top + 10), (out, top + 60, out, bottom - 120, side * (half - 12), bottom - 30))
        canvas.fill(ribbon(strap, 26, 26, 16), style.trim.plain(0.1), reach=9)
    canvas.fill(ribbon(path((-30, top + 14), (-28, top - 34, 28, top - 34, 30, top + 14)), 12), style.trim, reach=5)
    right = path(
        (0, top),
        (half * 0.8, top, half, top + 40, half, top + 110),
        (half + 10, bottom - 80, half, bottom - 24),
        (half - 4, bottom, half - 34, bottom + 2),
        (half * 0.4, bottom + 5, 0, bottom + 5),
    )
    canvas.fill(mirrored(right), style.panelled, reach=40, swell=1.3, folds=0.35)
    if view == "back":
        _harness(canvas, style, half, top, bottom)
    elif cut == "rucksack":
        _flap(canvas, style, half, top, bottom)
    else:
        _pocket(canvas, style, half, top, bottom)


def _pocket(canvas: Canvas, style: Style, half: float, top: float, bottom: float) -> None:
    """The zip of a day pack, and the pocket below it."""
    arch = path((-half + 12, bottom - 190), (-half + 10, top + 16, half - 10, top + 16, half - 12, bottom - 190))
    _zip(canvas, arch, (half * 0.62, top + 60))
    high = bottom - 168
    right = path(
        (0, high),
        (half * 0.72, high - 2, half * 0.80, high + 26),
        (half * 0.90, bottom - 50, half * 0.84, bottom - 16),
        (half * 0.6, bottom - 8, 0, bottom - 8),
    )
    canvas.fill(mirrored(right), style.second, reach=22, swell=1.1, drop=0.35)
    _zip(canvas, path((-half * 0.68, high + 34), (0, high + 26, half * 0.68, high + 34)), (half * 0.5, high + 32))


def _zip(canvas: Canvas, line: Points, pull: Point) -> None:
    canvas.seam(line, depth=0.6, width=6)
    canvas.stroke(line, STEEL.base, 2.6, dash=(2, 1.6))
    canvas.fill(box(pull[0] - 3, pull[1], pull[0] + 3, pull[1] + 18, 2), STEEL, reach=3, drop=0.4)


def _flap(canvas: Canvas, style: Style, half: float, top: float, bottom: float) -> None:
    """The flap of a rucksack over its two pockets, and the leather straps that hold it."""
    for x in (-half * 0.47, half * 0.47):
        canvas.fill(box(x - 44, bottom - 120, x + 44, bottom - 18, 14), style.second, reach=16, drop=0.35)
    right = path(
        (0, top - 6),
        (half * 0.86, top - 6, half + 4, top + 40),
        (half + 8, top + 150, half - 6, top + 178),
        (half * 0.6, top + 196, 0, top + 196),
    )
    canvas.fill(mirrored(right), style.second, reach=26, swell=1.1, drop=0.45)
    for x in (-half * 0.47, half * 0.47):
        canvas.fill(ribbon(path((x, top + 120), (x, bottom - 76)), 15), LEATHER, reach=5, drop=0.4)
        canvas.fill(ribbon(box(x - 11, top + 199, x + 11, top + 217, 3), 3.2), STEEL, reach=3, drop=0.4)


def _harness(canvas: Canvas, style: Style, half: float, top: float, bottom: float) -> None:
    """The side that one wears: a padded panel and two shoulder straps."""
    panel = box(-half * 0.74, top + 46, half * 0.74, bottom - 22, 24)
    canvas.fill(panel, style.trim.plain(0.15), reach=18)
    for side in (-half, half):
        lower = path((side * 0.62, bottom - 108), (side * 0.86, bottom - 30))
        canvas.fill(ribbon(lower, 10), style.trim, reach=4, drop=0.35)
        strap = path(
            (side * 0.27, top + 36), (side * 0.75, top + 60, side * 0.86, bottom - 190, side * 0.62, bottom - 100)
        )
        canvas.fill(ribbon(strap, 30, 36, 32, 22), style.second.plain(), reach=11, swell=1.2, drop=0.45)
