"""Trainers, seen from the side with the toe to the right."""

import numpy as np

from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import RUBBER, Style, brightness, solid
from scripts.drawing.shapes import ellipse, path, ribbon


def trainer(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    high = cut == "high-top trainers"
    top = -152 if high else -58
    lining = path((-150, top + 4), (-110, top - 14, -48, top - 18), (-40, top + 40), (-140, top + 44))
    canvas.fill(lining, style.inside, reach=10, swell=-0.8)
    tongue = path((-54, top + 10), (-62, top - 32, -40, top - 38), (-14, top - 32, -8, top + 6), (30, 6), (-20, 20))
    canvas.fill(tongue, style.trim, reach=12)
    upper = path(
        (-172, 78),
        (-182, 20, -164, -20, -160, top + 8),
        (-151, top - 7, -138, top + 2),
        (-110, top + 12, -82, top + 8, -44, top - 6) if high else (-112, top + 38, -72, top + 34, -46, top - 10),
        (-28, top - 12, -20, top + 4),
        (-2, -40, 16, -6, 62, 6) if high else (14, -8, 62, 4),
        (116, 14, 178, 22, 184, 72),
        (190, 84),
    )
    canvas.fill(upper, style.panelled, reach=34, swell=1.15, origin=(0, 20))
    edge = path((-168, -16), (-130, -14, -112, 20, -108, 78))
    canvas.fill(np.vstack([path((-173, 78), (-182, 20, -168, -16)), edge]), style.panel, reach=14, swell=0.7)
    canvas.seam(edge, stitch=3.5)
    if cut == "slip-on trainers":
        gore = path((-40, top + 2), (-2, -16), (-14, 14), (-58, -22))
        canvas.fill(gore, style.inside, reach=6, swell=0.5)
    else:
        _front(canvas, style, top, high=high)
    if view == "front" and cut == "court trainers":  # the inner side of the foot has no bars
        for x in (-84, -62):
            bar = path((x, 66), (x + 34, -4), (x + 46, -2), (x + 12, 66))
            canvas.fill(bar, solid(style.accent), reach=3, swell=0.4)
    sole = path(
        (-178, 74),
        (-120, 82, 100, 82, 189, 70),
        (198, 88, 190, 100, 176, 108),
        (0, 113, -166, 110),
        (-184, 100, -178, 74),
    )
    canvas.fill(sole, RUBBER, reach=12, swell=0.9, drop=0.35)
    stripe = style.base if brightness(style.base) < 0.8 else style.accent
    canvas.stroke(path((-179, 86), (-20, 96, 192, 84)), stripe, 2.6, opacity=0.85)
    canvas.seam(path((-178, 101), (0, 106, 186, 99)), depth=0.18)


def _front(canvas: Canvas, style: Style, top: float, *, high: bool) -> None:
    """The toe cap, the facing and its laces, and a high-top's patch at the ankle."""
    edge = path((110, 78), (104, 40, 112, 16))
    toe = np.vstack([edge, path((112, 16), (166, 24, 184, 36, 186, 78))])
    canvas.fill(toe, RUBBER if high else style.panel, reach=16, swell=0.8)
    if high:
        facing = path(
            (-38, top + 2), (-22, top + 4), (-2, -40, 16, -6, 64, 6), (66, 22), (4, 8, -16, -30, -40, top + 26)
        )
        line, step = path((-24, -142), (-4, -44, 14, -8, 60, 8)), 3
        canvas.fill(ellipse(-104, -62, 21), style.panel, reach=9, swell=0.7)
    else:
        facing = path((-40, top + 2), (-20, top + 4), (16, -10, 66, 5), (70, 20), (10, 16, -34, top + 34))
        line, step = path((-22, -44), (14, -4, 58, 10)), 5
        canvas.seam(edge, stitch=-3.5)
    canvas.fill(facing, style.panel, reach=9, swell=0.7)
    for x, y in line[1::step].tolist():
        hole = (x - 18, y + 12)
        canvas.fill(ellipse(*hole, 3.1), style.inside, reach=2, drop=0)
        canvas.fill(ribbon(path(hole, (x - 4, y - 2, x + 4, y - 3)), 6.4), RUBBER, reach=3, swell=1.2, drop=0.45)
    x, y = line[0].tolist()
    for dx, dy in ((-26, 24), (20, 32)):  # the bow
        loop = path((x, y), (x + dx * 0.8, y - 4, x + dx, y + dy))
        canvas.fill(ribbon(loop, 4.4), RUBBER, reach=3, swell=1.2, drop=0.45)
