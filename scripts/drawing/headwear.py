"""Caps and beanies."""

import math

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Style, metal, solid
from scripts.drawing.curves import (
    box,
    ellipse,
    mirrored,
    path,
    ribbon,
)
from scripts.drawing.palette import STEEL, darker


def cap(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    """A cap from the front and a little from the side, its peak to the right; from behind, with its strap."""
    if view == "back":
        _cap_back(canvas, style)
        return
    flat = cut == "flat-brim"
    canvas.stand(-150, 190 if not flat else 196, 100, depth=16, strength=0.32)
    tall = 14.0 if cut == "trucker" else 0.0
    crown = path(
        (-146, 66),
        (-160, -60 - tall, -86, -128 - tall, -4, -128 - tall),
        (86, -128 - tall, 128, -66, 126, 46),
        (60, 92, -60, 104, -146, 66),
    )
    blocked = style.pattern == "colour-block"
    mesh = style.second if cut == "trucker" else style.main.plain() if blocked else style.main
    canvas.fill(crown, mesh, reach=44, swell=1.3, origin=(0, -20), drop=0)
    if cut == "trucker":
        for i in range(-9, 3):
            canvas.seam(path((i * 15 - 6, 92), (i * 15 - 30, 0, i * 15 + 40, -130)), depth=0.10, width=1.4)
    front = path(
        (8, -127 - tall),
        (86, -126 - tall, 128, -66, 126, 46),
        (70, 82, 20, 92, -28, 90),
        (-20, 20, -30, -70 - tall, 8, -127 - tall),
    )
    panel = style.main.plain() if blocked else style.main
    canvas.fill(front, panel, reach=36, swell=1.1, origin=(0, -20), drop=0.1)
    for line in (
        path((4, -128 - tall), (-30, -60, -28, 92)),
        path((4, -128 - tall), (74, -90, 84, 74)),
        path((2, -128 - tall), (-120, -90, -106, 84)),
    ):
        canvas.seam(line, depth=0.28, stitch=3.2 if cut != "trucker" else 0)
    for x, y in ((-76, -50), (30, -62), (100, -22)):
        canvas.fill(ellipse(x, y, 4), solid(darker(style.base, 0.5)), reach=2, drop=0)
        canvas.stroke(ellipse(x, y, 5.2), style.thread, 1.4, opacity=0.6)
    canvas.fill(ellipse(4, -129 - tall, 11, 6), style.trim, reach=5, drop=0.2)
    if flat:
        brim = path(
            (-40, 76),
            (40, 84, 106, 60, 126, 28),
            (176, 40, 206, 66, 206, 84),
            (180, 112, 40, 130, -22, 112),
            (-42, 106, -40, 76),
        )
    else:
        brim = path(
            (-40, 76),
            (40, 84, 106, 60, 126, 28),
            (190, 46, 214, 92, 196, 108),
            (150, 92, 60, 112, -8, 122),
            (-40, 118, -40, 76),
        )
    canvas.fill(brim, style.second if blocked else style.trim, reach=16, swell=1.2, drop=0.35)
    for share in (0.3, 0.52, 0.74):
        line = path(
            (-32, 88 + 24 * share),
            (50 + 10 * share, 98 + 16 * share, 122 + 20 * share, 74 + 22 * share, 140 + 58 * share, 46 + 44 * share),
        )
        canvas.stroke(line, style.thread, 1, opacity=0.28, dash=(4, 2.8))


def _cap_back(canvas: Canvas, style: Style) -> None:
    canvas.stand(-136, 136, 100, depth=16, strength=0.32)
    crown = mirrored(path((0, -128), (90, -128, 146, -60, 138, 76), (100, 98, 50, 104, 0, 104)))
    gap = path((-52, 110), (-56, 40, -30, 30, 0, 30), (30, 30, 56, 40, 52, 110))
    canvas.fill(gap, style.inside, reach=12, swell=-0.8)
    canvas.fill(crown, style.main, holes=[gap], reach=44, swell=1.3, origin=(0, -20), drop=0)
    for line in (path((0, -128), (0, 28)), path((0, -128), (84, -80, 92, 92)), path((0, -128), (-84, -80, -92, 92))):
        canvas.seam(line, depth=0.28, stitch=3.2)
    canvas.fill(ribbon(path((-60, 84), (0, 94, 60, 84)), 18), style.trim, reach=6, drop=0.3)
    canvas.fill(box(-12, 78, 12, 102, 3), metal(STEEL), holes=[box(-7, 83, 7, 97, 2)], reach=3, drop=0.3)
    canvas.fill(ellipse(0, -129, 11, 6), style.trim, reach=5, drop=0.2)


def beanie(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    slouch = 34.0 if cut == "slouchy" else 0.0
    top = -120 - slouch
    crown = path(
        (-122, 70),
        (-140, -40, -104, top + slouch * 0.2, -10 + slouch, top),
        (104 + slouch * 0.6, top + slouch * 0.4, 140, -40, 122, 70),
    )
    ribs: list[Crease] = [
        (path((x * 112, 90), (x * 130, -30, x * 24 + slouch, top + 6)), 13, 0.9) for x in np.linspace(-1, 1, 11)
    ]
    if cut == "pom-pom":
        _pompom(canvas, style, 0, top - 14)
    canvas.fill(
        crown, style.main, creases=ribs if style.pattern == "plain" else ribs[::2], reach=44, swell=1.2, origin=(0, -10)
    )
    if cut == "fisherman":
        cuff = path((-124, 34), (0, 54, 124, 34), (130, 70, 122, 116), (0, 138, -122, 116), (-130, 70, -124, 34))
    else:
        cuff = path((-125, 44), (0, 64, 125, 44), (131, 74, 124, 104), (0, 124, -124, 104), (-131, 74, -125, 44))
    cloth = style.second if style.pattern == "colour-block" else style.trim
    ribs = [
        (
            path((x * 122, 46 + 16 * (1 - x * x)), (x * 126, 84 + 20 * (1 - x * x), x * 122, 124 + 10 * (1 - x * x))),
            6,
            0.9,
        )
        for x in np.linspace(-0.97, 0.97, 22)
    ]
    canvas.fill(cuff, cloth, creases=ribs, reach=16, swell=1.1, drop=0.4)
    if view == "front" and cut != "pom-pom":
        canvas.fill(
            box(52, 74, 84, 98, 2),
            solid((0.74, 0.57, 0.38) if style.colour not in {"brown", "orange", "beige"} else (0.25, 0.22, 0.2)),
            reach=4,
            drop=0.3,
        )


def _pompom(canvas: Canvas, style: Style, x: float, y: float) -> None:
    rng = canvas.rng
    angle = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    for radius, shade in ((44, 0.16), (36, 0.06), (25, -0.06)):
        reach = radius * rng.uniform(0.86, 1.1, len(angle))
        tuft = np.stack([x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)
        wool = style.second if style.pattern == "colour-block" else style.main
        canvas.fill(tuft, wool.plain(shade=shade), reach=14, swell=0.9, drop=0.15, edge=0.08)
