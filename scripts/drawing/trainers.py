"""Trainers, seen from the side with the toe to the right, standing on a floor."""

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Style, ribbed, solid
from scripts.drawing.curves import ellipse, path, point_at, ribbon
from scripts.drawing.palette import RUBBER, brightness, darker, lighter


def trainer(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    high = cut == "high-top"
    runner = cut == "runner"
    canvas.stand(-176, 188, 112, depth=14)
    collar = -152.0 if high else -58.0
    sole_top = 66.0 if not runner else 58.0
    _trainer_lining(canvas, style, collar, high=high)
    upper = path(
        (-172, sole_top + 12),
        (-182, 20, -164, -20, -160, collar + 8),
        (-150, collar - 8, -136, collar + 4) if not high else (-152, collar - 6, -140, collar),
        (-112, collar + 38, -72, collar + 34, -46, collar - 10)
        if not high
        else (-110, collar + 12, -82, collar + 8, -44, collar - 6),
        (-28, collar - 12, -20, collar + 4),
        (14, -8, 62, 4) if not high else (-2, -40, 16, -6, 62, 6),
        (116, 14, 178, 22, 184, sole_top + 6),
        (190, sole_top + 18),
    )
    canvas.fill(upper, style.panelled, reach=34, swell=1.15, creases=_toe_creases(), origin=(0, 20), drop=0.2)
    _trainer_panels(canvas, style, cut, collar, sole_top)
    if cut != "slip-on":
        _laces(canvas, style, high=high)
    else:
        gore = path((-40, collar + 2), (-2, -16), (-14, 14), (-58, -22))
        canvas.fill(gore, solid(darker(style.base, 0.45), ribbed), turn=35, reach=6, swell=0.5)
    _trainer_sole(canvas, style, sole_top, runner=runner)
    _trainer_mark(canvas, style, cut, view)


def _toe_creases() -> list[Crease]:
    return [(path((62 + i * 13, 18 + i * 2), (66 + i * 13, 34, 58 + i * 13, 50)), 8, 0.45) for i in range(3)]


def _trainer_lining(canvas: Canvas, style: Style, collar: float, *, high: bool) -> None:
    back = path((-150, collar + 4), (-110, collar - 14, -48, collar - 18), (-40, collar + 40), (-140, collar + 44))
    canvas.fill(back, style.inside, reach=10, swell=-0.8)
    lift = -30 if high else -34
    tongue = path(
        (-54, collar + 10),
        (-62, collar + lift, -40, collar + lift - 6),
        (-14, collar + lift, -8, collar + 6),
        (30, 6),
        (-20, 20),
    )
    canvas.fill(tongue, style.trim, reach=12, swell=1.0)


def _trainer_panels(canvas: Canvas, style: Style, cut: str, collar: float, sole_top: float) -> None:
    panel = style.second if style.pattern == "colour-block" else style.trim
    edge = path((-168, -16), (-130, -14, -112, 20, -108, sole_top + 12))
    counter = np.vstack([path((-173, sole_top + 12), (-182, 20, -168, -16)), edge])
    canvas.fill(counter, panel, reach=14, swell=0.7, drop=0.15)
    canvas.seam(edge, depth=0.25, stitch=3.5)
    if cut == "slip-on":
        return
    edge = path((110, sole_top + 12), (104, 40, 112, 16))
    toe = np.vstack([edge, path((112, 16), (166, 24, 184, 36, 186, sole_top + 12))])
    if cut == "high-top":
        canvas.fill(toe, solid(RUBBER), reach=16, swell=0.9, drop=0.2)
    else:
        canvas.fill(toe, panel, reach=16, swell=0.8, drop=0.15)
        canvas.seam(edge, depth=0.25, stitch=-3.5)
    facing = path((-40, collar + 2), (-20, collar + 4), (16, -10, 66, 5), (70, 20), (10, 16, -34, collar + 34))
    if cut == "high-top":
        facing = path(
            (-38, collar + 2), (-22, collar + 4), (-2, -40, 16, -6, 64, 6), (66, 22), (4, 8, -16, -30, -40, collar + 26)
        )
        ankle = ellipse(-104, -62, 21)
        canvas.fill(ankle, panel, reach=9, swell=0.7, drop=0.2)
        canvas.stroke(ellipse(-104, -62, 16), style.thread, 1, opacity=0.5, dash=(3, 2.4))
    canvas.fill(facing, panel, reach=9, swell=0.7, drop=0.2)
    if cut == "runner":
        saddle = path((-96, sole_top + 12), (-70, 20, -20, -10), (6, 0), (-20, 30, -34, sole_top + 12))
        canvas.fill(saddle, panel, reach=9, swell=0.6, drop=0.18)


def _laces(canvas: Canvas, style: Style, *, high: bool) -> None:
    line = path((-24, -142), (-4, -44, 14, -8, 60, 8)) if high else path((-22, -44), (14, -4, 58, 10))
    inner = line + (np.array([-17, 14]) if not high else np.array([-19, 10]))
    lace = solid(RUBBER if brightness(style.base) < 0.8 else lighter(style.base, 0.5))
    count = 8 if high else 5
    for share in np.linspace(0.04, 0.94, count):
        start, end = point_at(line, float(share)), point_at(inner, float(share))
        canvas.fill(ellipse(end[0], end[1], 3.1), solid(darker(style.base, 0.55)), reach=2, drop=0)
        bar = path(end, ((start[0] + end[0]) / 2 + 5, (start[1] + end[1]) / 2 - 8, start[0] + 4, start[1] - 3))
        canvas.fill(ribbon(bar, 6.4), lace, reach=3, swell=1.2, drop=0.45)
    top = point_at(line, 0.04)
    for dx, dy in ((-26, 12), (20, 20)):
        loop = path((top[0] - 4, top[1]), (top[0] + dx * 0.8, top[1] - 4, top[0] + dx, top[1] + dy + 12))
        canvas.fill(ribbon(loop, 4.4), lace, reach=3, swell=1.2, drop=0.45)


def _trainer_sole(canvas: Canvas, style: Style, top: float, *, runner: bool) -> None:
    if not runner:
        sole = path(
            (-178, top + 8),
            (-120, top + 16, 100, top + 16, 189, top + 4),
            (198, top + 22, 190, 100, 176, 108),
            (0, 113, -166, 110),
            (-184, 100, -178, top + 8),
        )
        canvas.fill(sole, solid(RUBBER), reach=12, swell=0.9, drop=0.35)
        stripe = style.base if brightness(style.base) < 0.8 else style.accent
        canvas.stroke(path((-179, top + 20), (-20, top + 30, 192, top + 18)), stripe, 2.6, opacity=0.85)
        canvas.seam(path((-178, 101), (0, 106, 186, 99)), depth=0.18)
        return
    foam = path(
        (-182, top + 4),
        (-150, top + 22, -60, top + 10),
        (40, top + 26, 120, top + 30, 192, top + 2),
        (206, top + 20, 198, 88, 176, 100),
        (40, 106, -60, 106),
        (-150, 108, -178, 96),
        (-196, 78, -182, top + 4),
    )
    canvas.fill(foam, solid(RUBBER), reach=16, swell=1.2, drop=0.35)
    for shift in (14, 26):
        canvas.seam(
            path(
                (-184, top + shift + 4),
                (-120, top + shift + 20, -30, top + shift + 4),
                (90, top + shift + 14, 194, top + shift - 2),
            ),
            depth=0.13,
            width=1.6,
        )
    outsole = path(
        (-180, 94),
        (-60, 104, 60, 104),
        (140, 104, 190, 84),
        (190, 100, 170, 110),
        (0, 114, -160, 112),
        (-176, 108, -180, 94),
    )
    canvas.fill(
        outsole,
        solid(style.accent if brightness(style.accent) < 0.8 else darker(style.base, 0.25)),
        reach=5,
        swell=0.7,
        drop=0.1,
    )


def _trainer_mark(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    """Two slanted bars on the side, or a line of holes on the inside of the foot."""
    if cut in {"slip-on", "runner"}:
        return
    if view == "back":
        for i in range(5):
            canvas.fill(ellipse(-70 + i * 13, 44 - i * 1.5, 2.6), solid(darker(style.base, 0.6)), reach=2, drop=0)
        return
    mark = style.accent if style.pattern in {"plain", "colour-block"} else RUBBER
    for x in (-84, -62):
        bar = path((x, 66), (x + 34, -4), (x + 46, -2), (x + 12, 66))
        canvas.fill(bar, solid(mark), reach=3, swell=0.4, drop=0.15)
