"""Scarves, watches and sunglasses."""

import math

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Cloth, Style, metal, solid
from scripts.drawing.curves import (
    Points,
    box,
    ellipse,
    flipped,
    moved,
    path,
    ribbon,
)
from scripts.drawing.palette import GOLD, STEEL, Rgb, brightness, darker, mix


def scarf(canvas: Canvas, style: Style, cut: str, _view: str) -> None:
    """A scarf folded over: a loop at the top and two hanging ends."""
    rng = canvas.rng
    wide = {"classic": 48.0, "blanket": 64.0, "skinny": 33.0}[cut]
    ends = ((-52.0, 236.0, 3.0), (50.0, 196.0, -3.0))
    for x, bottom, lean in ends:
        piece = path(
            (x - wide * 0.62, -170),
            (x - wide - lean, 40, x - wide, bottom),
            (x, bottom + 6, x + wide, bottom),
            (x + wide - lean, 40, x + wide * 0.62, -170),
        )
        for step in np.linspace(-wide + 4, wide - 4, round(wide / 4.4)):
            sway = rng.uniform(-4, 4)
            thread = path((x + step, bottom - 4), (x + step + sway * 0.3, bottom + 16, x + step + sway, bottom + 34))
            canvas.fill(ribbon(thread, 3.6), style.main.plain(shade=0.03), reach=2, drop=0.1)
        creases: list[Crease] = [
            (
                path((x + s * wide * 0.4, -160), (x + s * wide * 0.6, 40, x + s * wide * 0.8, bottom + 40)),
                20,
                1.7 * rng.uniform(0.7, 1.2),
            )
            for s in (-0.8, -0.1, 0.6)
        ]
        canvas.fill(
            piece,
            style.second if x > 0 else style.main,
            creases=creases,
            folds=0.6,
            reach=22,
            swell=1.1,
            turn=lean,
            drop=0.35,
            origin=(x, 60),
        )
    loop = path(
        (-112, -150),
        (-118, -236, -50, -252, 0, -250),
        (60, -252, 120, -236, 112, -150),
        (96, -92, 40, -82, 0, -84),
        (-40, -82, -98, -92, -112, -150),
    )
    hollow = path((-56, -178), (-40, -214, 40, -214, 56, -178), (30, -160, -30, -160, -56, -178))
    creases = [(path((-100, -150 + d), (0, -96 + d, 100, -150 + d)), 16, 1.8) for d in (-18, 4, 24)]
    canvas.fill(hollow, style.inside, reach=10, swell=-0.8)
    canvas.fill(
        loop, style.main, holes=[hollow], creases=creases, folds=0.5, fold_turn=90, reach=24, swell=1.2, drop=0.45
    )


def watch(canvas: Canvas, style: Style, cut: str, view: str) -> None:
    """The strap laid out straight, the case in its middle."""
    gold = style.colour in {"brown", "red", "green", "beige", "pink", "white", "purple"}
    case_metal = metal(GOLD if gold else STEEL)
    square = cut == "square"
    size = {"dress": 74.0, "diver": 82.0, "chronograph": 84.0, "square": 72.0}[cut]
    _strap(canvas, style, size, case_metal, slim=cut in {"dress", "square"})
    for side in (-1, 1):
        for end in (-1, 1):
            lug = path(
                (side * 24, end * size * 0.8),
                (side * 50, end * size * 0.7),
                (side * 44, end * (size + 26)),
                (side * 30, end * (size + 26)),
            )
            canvas.fill(lug, case_metal, reach=8, swell=1.2, drop=0.25)
    canvas.fill(box(size - 4, -9, size + 14, 9, 3), case_metal, reach=4, drop=0.3)
    if cut == "chronograph":
        for y in (-40, 40):
            canvas.fill(
                moved(box(-6, -7, 10, 7, 2), math.sqrt(size**2 - y**2) + 2, y, turn=math.degrees(math.asin(y / size))),
                case_metal,
                reach=4,
                drop=0.3,
            )
    case = box(-size, -size * 1.1, size, size * 1.1, 18) if square else ellipse(0, 0, size)
    canvas.fill(case, case_metal, reach=12, swell=1.4, drop=0.45)
    if view == "back":
        canvas.fill(case * 0.86, case_metal, reach=8, swell=-0.7, drop=0)
        for angle in range(0, 360, 60):
            screw = 52 * math.cos(math.radians(angle)), 52 * math.sin(math.radians(angle))
            canvas.fill(ellipse(*screw, 4), solid(darker(case_metal.base, 0.3)), reach=2, drop=0)
        canvas.stroke(ellipse(0, 0, 36), (0.3, 0.3, 0.3), 1.2, opacity=0.5)
        return
    if cut == "diver":
        bezel = solid(mix(style.base, (0.08, 0.08, 0.12), 0.35), gloss=0.4)
        canvas.fill(ellipse(0, 0, size * 0.93), bezel, reach=8, swell=1.0, drop=0.1)
        for i in range(12):
            _mark(canvas, i * 30, (size * 0.81, size * 0.89), 3 if i % 3 else 6, (0.95, 0.95, 0.93))
    _dial(canvas, style, cut, size, square=square)


def _mark(canvas: Canvas, degrees: float, reach: tuple[float, float], width: float, colour: Rgb) -> None:
    """A line on the dial, ``reach`` units from its middle, at ``degrees`` after twelve o'clock."""
    angle = math.radians(degrees - 90)
    x, y = math.cos(angle), math.sin(angle)
    canvas.stroke(path((x * reach[0], y * reach[0]), (x * reach[1], y * reach[1])), colour, width)


def _dial(canvas: Canvas, style: Style, cut: str, size: float, *, square: bool) -> None:
    dark = cut == "diver" or (style.colour in {"white", "grey", "beige", "yellow", "pink"} and cut == "chronograph")
    face: Rgb = (0.13, 0.14, 0.18) if dark else (0.96, 0.95, 0.92)
    if cut == "dress" and style.colour in {"navy", "teal", "green", "red", "purple"}:
        face, dark = darker(style.base, 0.25), True
    ink: Rgb = (0.94, 0.94, 0.92) if dark else (0.16, 0.16, 0.19)
    radius = size * (0.74 if cut == "diver" else 0.86)
    shape = box(-radius, -radius * 1.12, radius, radius * 1.12, 12) if square else ellipse(0, 0, radius)
    canvas.fill(shape, solid(face), reach=10, swell=-0.5, drop=0, edge=0.1)
    for i in range(60 if cut in {"chronograph", "diver"} else 12):
        hour = i % 5 == 0 if cut in {"chronograph", "diver"} else True
        degrees = i * (6 if cut in {"chronograph", "diver"} else 30)
        long = 0.80 if hour else 0.90
        stretch = 1 / max(abs(math.sin(math.radians(degrees))), abs(math.cos(math.radians(degrees)))) if square else 1.0
        stretch = min(stretch, 1.3)
        _mark(canvas, degrees, (radius * long * stretch, radius * 0.95 * stretch), 3.6 if hour else 1.2, ink)
    if cut == "chronograph":
        for x, y in ((-26, 0), (26, 0), (0, 28)):
            canvas.fill(ellipse(x, y, 17), solid(mix(face, ink, 0.14)), reach=4, swell=-0.6, drop=0, edge=0.1)
            canvas.stroke(path((x, y), (x + 8, y - 8)), ink, 1.6)
    accent: Rgb = (0.85, 0.25, 0.2)
    for degrees, length, width in ((305, 0.52, 5.0), (55, 0.76, 3.6)):
        angle = math.radians(degrees - 90)
        hand = path(
            (-math.cos(angle) * 8, -math.sin(angle) * 8),
            (math.cos(angle) * radius * length, math.sin(angle) * radius * length),
        )
        canvas.fill(ribbon(hand, (width, width * 0.5)), solid(ink), reach=2, drop=0.4)
    if cut != "dress":
        angle = math.radians(170 - 90)
        canvas.stroke(
            path(
                (-math.cos(angle) * 14, -math.sin(angle) * 14),
                (math.cos(angle) * radius * 0.84, math.sin(angle) * radius * 0.84),
            ),
            accent,
            1.5,
        )
    canvas.fill(ellipse(0, 0, 4.4), solid(ink), reach=2, drop=0.3)
    glare = path(
        (-radius * 0.62, -radius * 0.62),
        (-radius * 0.1, -radius * 0.95, radius * 0.3, -radius * 0.86),
        (-radius * 0.3, -radius * 0.4, -radius * 0.8, radius * 0.2),
        (-radius * 0.9, -radius * 0.2, -radius * 0.62, -radius * 0.62),
    )
    canvas.glow(glare, 0.16, 4)


def _strap(canvas: Canvas, style: Style, size: float, metal: Cloth, *, slim: bool) -> None:
    half = 33.0 if slim else 38.0
    upper = path(
        (-half, -size + 14),
        (-half * 0.8, -226),
        (-half * 0.76, -240),
        (half * 0.76, -240),
        (half * 0.8, -226),
        (half, -size + 14),
    )
    lower = path(
        (-half, size - 14),
        (-half * 0.78, 236),
        (-half * 0.6, 258, 0, 262),
        (half * 0.6, 258, half * 0.78, 236),
        (half, size - 14),
    )
    for piece in (upper, lower):
        canvas.fill(piece, style.main, reach=12, swell=1.0, origin=(0, size + 70 if piece is lower else -size - 70))
    if style.pattern == "plain":
        for piece in (upper, lower):
            canvas.stroke(piece * np.array([0.84, 0.985]), style.thread, 1.1, opacity=0.6, dash=(4, 2.8))
    for y in np.linspace(size + 60, 220, 5):
        canvas.fill(ellipse(0, float(y), 3.4, 4), solid(darker(style.base, 0.6)), reach=2, drop=0)
    canvas.fill(box(-half * 0.82, -176, half * 0.82, -162, 3), style.trim, reach=4, drop=0.35)
    canvas.fill(
        box(-half * 1.0, -262, half * 1.0, -230, 8),
        metal,
        holes=[box(-half * 0.76, -254, half * 0.76, -238, 3)],
        reach=4,
        swell=1.2,
        drop=0.3,
    )
    canvas.fill(box(-2, -260, 2, -228, 1), metal, reach=2, drop=0.3)


def sunglasses(canvas: Canvas, style: Style, cut: str, _view: str) -> None:
    canvas.stand(-176, 176, 66, depth=14, strength=0.30)
    frame_colour = style.base
    frame = Cloth(style.base, style.accent, style.main.pattern, style.main.weaving, 0.35)
    lens: Points = {
        "round": moved(ellipse(0, 0, 62), 88, 0),
        "wayfarer": path(
            (28, -44), (80, -60, 150, -58, 160, -36), (160, 0, 146, 54, 92, 56), (44, 56, 24, 20, 28, -44)
        ),
        "aviator": path(
            (30, -42), (80, -56, 150, -52, 158, -34), (164, 20, 130, 74, 88, 70), (50, 66, 26, 20, 30, -42)
        ),
        "cat-eye": path(
            (26, -20), (70, -46, 130, -54, 172, -66), (168, -20, 150, 46, 96, 48), (46, 48, 26, 26, 26, -20)
        ),
    }[cut]
    thick = {"round": 1.12, "wayfarer": 1.22, "aviator": 1.08, "cat-eye": 1.22}[cut]
    centre = lens.mean(axis=0)
    rim = moved((lens - centre) * thick, centre[0], centre[1])
    tint = darker(mix(style.base, (0.25, 0.22, 0.2), 0.5), 0.45) if brightness(style.base) > 0.2 else (0.16, 0.17, 0.19)
    for side in (-1, 1):
        # The arms, folded behind the lenses.
        arm = path((154, -28), (40, -14, -48, 16), (-74, 26, -92, 44))
        canvas.fill(ribbon(arm * np.array([side, 1]), (11, 7, 8)), solid(darker(frame_colour, 0.3), gloss=0.3), reach=4)
    bridge = path((-34, -22), (0, -44, 34, -22))
    canvas.fill(ribbon(bridge, 9 if thick > 1.1 else 5), frame, reach=4)
    if cut == "aviator":
        canvas.fill(ribbon(path((-44, -46), (0, -52, 44, -46)), 4.5), frame, reach=3)
    for side in (-1, 1):
        outer, glass = (rim, lens) if side > 0 else (flipped(rim), flipped(lens))
        canvas.fill(glass, solid(tint, gloss=0.3), reach=20, swell=0.8, drop=0)
        pane = moved(
            (glass - glass.mean(axis=0)) * np.array([0.9, 0.46]), glass.mean(axis=0)[0], glass.mean(axis=0)[1] + 24
        )
        canvas.glow(pane, 0.24, 12)
        x = 88 * side
        canvas.glow(path((x - 34, -34), (x - 10, -40), (x - 30, 26), (x - 44, 10)), 0.22, 3)
        canvas.fill(outer, frame, holes=[glass], reach=6, swell=1.2, drop=0.35)
        if cut != "aviator":
            canvas.fill(ellipse(x + side * 58, -34, 3.2), metal(STEEL), reach=2, drop=0.2)
