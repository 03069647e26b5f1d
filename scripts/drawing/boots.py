"""Boots, seen from the side with the toe to the right, standing on a floor."""

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Cloth, Style, metal, ribbed, solid
from scripts.drawing.curves import ellipse, path, point_at, ribbon
from scripts.drawing.palette import STEEL, brightness, darker


def boot(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    top = {"Chelsea": -130.0, "lace-up": -150.0, "knee-high": -262.0, "wellington": -236.0}[cut]
    canvas.stand(-132, 164, 143, depth=14)
    wide = 6.0 if cut == "wellington" else 0.0
    calf = 22.0 if cut == "knee-high" else 0.0
    shaft_back, shaft_front = -128 - calf - wide, 2 + calf * 0.6 + wide
    opening = path(
        (shaft_back + 3, top + 4),
        ((shaft_back + shaft_front) / 2, top - 12, shaft_front - 3, top + 6),
        ((shaft_back + shaft_front) / 2, top + 20, shaft_back + 3, top + 4),
    )
    canvas.fill(opening, style.inside, reach=8, swell=-0.6)
    shape = path(
        (-126, 112),
        (-138, 60, -118, 10, -118, -30),
        (shaft_back + 4, (top - 30) / 2, shaft_back, top),
        ((shaft_back + shaft_front) / 2, top + 22, shaft_front, top + 2),
        (shaft_front + 2, (top - 30) / 2, 4, -34),
        (10, 10, 44, 24, 84, 36),
        (140, 52, 172, 76, 172, 116),
        (120, 134, 80, 136),
        (20, 136, -30, 112, -60, 110),
    )
    canvas.fill(
        shape,
        style.panelled,
        reach=34,
        swell=1.25,
        creases=_ankle_creases(canvas.rng, soft=cut != "wellington"),
        origin=(-60, 30),
    )
    panel = style.second if style.pattern == "colour-block" else style.trim
    if cut == "Chelsea":
        gore = path((-92, top + 10), (-36, top + 10), (-40, -40, -50, 22), (-74, 26, -84, -40, -92, top + 10))
        canvas.fill(gore, solid(darker(style.base, 0.45), ribbed), reach=8, swell=0.5, drop=0.1)
        for x in (shaft_back + 6,):
            tab = path((x, top + 14), (x - 6, top - 24, x + 10, top - 22), (x + 14, top + 12))
            canvas.fill(ribbon(tab, 7), panel, reach=4)
        canvas.seam(path((-112, 108), (-80, 66, -60, 26)), depth=0.3, stitch=3)
        canvas.seam(path((-54, 22), (-10, 60, 0, 110)), depth=0.3, stitch=3)
    if cut == "lace-up":
        _lace_up(canvas, style, panel, top)
    if cut == "knee-high":
        canvas.seam(path((-70, top + 12), (-58, -60, -64, 104)), depth=0.35, width=1.6)
        strap = ribbon(path((-124, -22), (-60, 4, 6, -22)), 16)
        canvas.fill(strap, panel, reach=6, drop=0.35)
        canvas.fill(ribbon(ellipse(-52, -9, 11, 12), 4), metal(STEEL), reach=3, drop=0.4)
    if cut == "wellington":
        canvas.fill(
            ribbon(path((shaft_back, top + 8), ((shaft_back + shaft_front) / 2, top + 28, shaft_front, top + 9)), 14),
            panel,
            reach=6,
        )
        canvas.fill(path((-126, 110), (-134, 80, -126, 62), (-90, 60, -80, 110)), panel, reach=10, swell=0.7)
        canvas.fill(
            path((104, 134), (110, 60, 124, 52), (168, 66, 172, 114), (140, 132, 104, 134)), panel, reach=14, swell=0.8
        )
    elif view == "back":
        canvas.stroke(path((-70, top + 30), (-60, -20, -66, 60)), (0.75, 0.75, 0.77), 3, dash=(2.2, 1.6))
    _boot_sole(canvas, style, heavy=cut in {"lace-up", "wellington"})


def _ankle_creases(rng: np.random.Generator, *, soft: bool) -> list[Crease]:
    creases: list[Crease] = []
    for y in (-36, -20, -4, 12):
        start, end = -70 + rng.uniform(-14, 10), 0 + rng.uniform(-6, 12)
        creases.append(
            (path((start, y + 10), (-30, y + 18, end, y)), 10, (0.7 if soft else 0.3) * rng.uniform(0.6, 1.2))
        )
    creases.append((path((74, 52), (70, 70, 56, 88)), 10, 0.5))
    return creases


def _lace_up(canvas: Canvas, style: Style, panel: Cloth, top: float) -> None:
    tongue = path((-22, top + 10), (-30, top - 20, 6, top - 22), (12, top - 4), (12, -30), (-14, -30))
    canvas.fill(tongue, panel, reach=8)
    facing = path((-30, top + 6), (-2, top + 6), (2, -40), (14, 2, 50, 22), (34, 42), (-18, 20, -28, -30))
    canvas.fill(facing, panel, reach=9, swell=0.7)
    line = path((-2, top + 16), (0, -30), (12, 0, 44, 22))
    inner = path((-22, top + 22), (-20, -24), (-8, 14, 28, 36))
    cord = solid(
        (0.86, 0.74, 0.50)
        if style.colour == "brown"
        else (0.22, 0.19, 0.17)
        if brightness(style.base) > 0.3
        else (0.62, 0.60, 0.56)
    )
    for share in np.linspace(0.03, 0.96, 7):
        start, end = point_at(line, float(share)), point_at(inner, float(share))
        canvas.fill(ellipse(end[0], end[1], 3.4), metal(STEEL), reach=2, drop=0.3)
        bar = path(end, ((start[0] + end[0]) / 2 + 4, (start[1] + end[1]) / 2 - 7, start[0] + 4, start[1] - 2))
        canvas.fill(ribbon(bar, 4.6), cord, reach=3, swell=1.2, drop=0.45)
    canvas.seam(path((-118, 0), (-70, 30, -40, 30)), depth=0.3, stitch=3)
    canvas.seam(path((92, 132), (84, 70, 104, 42)), depth=0.3, stitch=-3)


def _boot_sole(canvas: Canvas, style: Style, *, heavy: bool) -> None:
    colour = (0.16, 0.14, 0.13) if brightness(style.base) > 0.25 else (0.42, 0.30, 0.21)
    sole = solid(colour)
    depth = 10.0 if not heavy else 15.0
    welt = path((-130, 106), (-60, 106), (-30, 110, 20, 130, 76, 131), (130, 130, 172, 106))
    slab = ribbon(welt + np.array([0, depth / 2]), depth)
    canvas.fill(slab, sole, reach=5, drop=0.35)
    canvas.stroke(welt + np.array([0, 2.5]), (0.85, 0.8, 0.7), 1.1, opacity=0.6, dash=(4, 2.6))
    floor = 131 + depth
    heel = path((-131, 104 + depth), (-62, 104 + depth), (-66, floor + 1), (-128, floor + 1))
    canvas.fill(heel, sole, reach=8, drop=0.1)
    if heavy:
        for x in range(14, 150, 16):
            canvas.seam(path((x, floor - 6), (x - 1, floor + 2)), depth=0.8, width=3)
