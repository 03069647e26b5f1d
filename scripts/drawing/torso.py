"""What all tops have in common: the body, the sleeves, the collar band and the cuffs, cut to measure."""

import math
from dataclasses import dataclass, replace

import numpy as np

from scripts.drawing.canvas import Canvas, Crease
from scripts.drawing.cloths import Cloth, Style
from scripts.drawing.curves import (
    Point,
    Points,
    flipped,
    mirrored,
    path,
)


@dataclass(frozen=True, slots=True)
class Fit:
    """The measures of a top, in drawing units from the middle of the picture."""

    shoulder: float = 104
    chest: float = 108
    waist: float = 103
    hem: float = 110
    top: float = -196
    bottom: float = 200
    neck: float = 40
    drop: float = 36
    """How far the neckline hangs below the neck's sides."""
    pointed: bool = False
    sleeve: float = 112
    sleeve_turn: float = 38
    """Degrees between the hanging sleeve and straight down."""
    cuff: float = 62
    """Width of the sleeve's end."""
    curved_hem: float = 0


def neckline(fit: Fit) -> Points:
    """The front of the neck from left to right."""
    side, low = (fit.neck, fit.top), fit.top + fit.drop
    if fit.pointed:
        half = path(side, (fit.neck * 0.72, fit.top + fit.drop * 0.45, 0, low))
    else:
        half = path(side, (fit.neck * 0.98, low - 2, fit.neck * 0.45, low, 0, low))
    return np.vstack([flipped(half), half[::-1]])


def _body(fit: Fit) -> Points:
    right = neckline(fit)[len(neckline(fit)) // 2 :]
    side = path(
        (fit.neck, fit.top),
        (fit.shoulder * 0.72, fit.top + 10, fit.shoulder, fit.top + 26),
        (fit.shoulder - 7, fit.top + 70, fit.shoulder - 5, fit.top + 98, fit.chest, fit.top + 124),
        (fit.waist, (fit.top + fit.bottom) / 2 + 30, fit.hem, fit.bottom - fit.curved_hem),
        (fit.hem * 0.78, fit.bottom - fit.curved_hem * 0.9 + 5, fit.hem * 0.5, fit.bottom + 7, 0, fit.bottom + 7),
    )
    return mirrored(np.vstack([right, side]))


def _sleeve(fit: Fit) -> tuple[Points, Points]:
    """The right sleeve, and its end as a line from the outside to the inside."""
    turn = math.radians(fit.sleeve_turn)
    along, across = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
    top = np.array([fit.shoulder, fit.top + 26])
    end = top + along * fit.sleeve + across * (2 if fit.sleeve < 160 else 12)
    outer = end + across * fit.cuff * 0.30
    inner = end - across * fit.cuff * 0.70
    bulge = top + along * fit.sleeve * 0.45 + across * (18 if fit.sleeve < 160 else 26)
    armpit = (fit.chest - 3, fit.top + 126)
    elbow = np.array(armpit) * 0.5 + inner * 0.5 - across * 3
    outline = path(
        (fit.shoulder - 26, fit.top + 15),
        (fit.shoulder - 4, fit.top + 19, *(top + across * 5)),
        (*(top + along * 22 + across * 12), *bulge, *outer),
        (*(end - across * fit.cuff * 0.2 + along * 4), *inner),
        (*elbow, *armpit),
        (fit.shoulder - 30, fit.top + 120),
    )
    return outline, path((outer[0], outer[1]), (*(end - across * fit.cuff * 0.2 + along * 4), *inner))


def _middle(line: Points) -> Point:
    x, y = line[len(line) // 2]
    return float(x), float(y)


def _body_creases(fit: Fit, rng: np.random.Generator) -> list[Crease]:
    """Lines that pull from the armpits, and slack above the hem."""
    creases: list[Crease] = []
    for side in (-1, 1):
        x, y = side * (fit.chest - 6), fit.top + 118
        for reach, sink, height in ((46, 46, 1.1), (30, 78, -0.9), (66, 18, 0.6)):
            across, down = side * reach * rng.uniform(0.8, 1.25), sink * rng.uniform(0.8, 1.25)
            line = path((x, y), (x - across * 0.5, y + down * 0.2, x - across, y + down))
            creases.append((line, 11, height))
    for _ in range(4):
        x, y = rng.uniform(-0.8, 0.8) * fit.waist, rng.uniform(0.55, 0.9) * (fit.bottom - fit.top) + fit.top
        lean = rng.uniform(-26, 26)
        creases.append((path((x, y - 44), (x + lean * 0.2, y, x + lean, y + 40)), 14, rng.uniform(-0.9, 0.9)))
    return creases


def _sleeve_creases(fit: Fit, rng: np.random.Generator) -> list[Crease]:
    if fit.sleeve < 160:
        start = np.array([fit.chest, fit.top + 118])
        return [(path((start[0], start[1]), (start[0] + 10, start[1] - 30, start[0] + 4, start[1] - 62)), 10, 0.8)]
    turn = math.radians(fit.sleeve_turn)
    along, across = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
    creases: list[Crease] = []
    for share in (0.34, 0.44, 0.53, 0.62, 0.78, 0.86):
        middle = np.array([fit.shoulder, fit.top + 26]) + along * fit.sleeve * share - across * 8
        start = middle - across * rng.uniform(18, 30)
        end = middle + across * rng.uniform(6, 22) + along * rng.uniform(6, 18)
        bend = middle + along * 14
        creases.append((path((start[0], start[1]), (*bend, *end)), 9, rng.uniform(0.6, 1.1) * rng.choice((-1, 1))))
    return creases


def torso(canvas: Canvas, style: Style, fit: Fit, *, sleeves: Cloth | None = None, folds: float = 0.8) -> None:
    """Back of the neck, sleeves and body, in that order."""
    canvas.fill(
        path(
            (-fit.neck, fit.top + 2),
            (0, fit.top - 12, fit.neck, fit.top + 2),
            (fit.neck, fit.top + fit.drop + 6),
            (-fit.neck, fit.top + fit.drop + 6),
        ),
        style.inside,
        swell=0.3,
        edge=0.3,
    )
    outline, end = _sleeve(fit)
    cloth = sleeves or style.second
    creases = _sleeve_creases(fit, canvas.rng)
    for mirror in (False, True):
        shape, line = (flipped(outline), flipped(end)) if mirror else (outline, end)
        lines = [(flipped(crease), width, height) for crease, width, height in creases] if mirror else creases
        turn = fit.sleeve_turn if mirror else -fit.sleeve_turn
        canvas.fill(
            shape, cloth, turn=turn, origin=_middle(line), creases=lines, reach=20, folds=folds * 0.7, drop=0.12
        )
        if fit.sleeve < 160:
            canvas.seam(line - np.array([0, 8]), depth=0.16, width=1.0)
    canvas.fill(
        _body(fit),
        style.main,
        creases=_body_creases(fit, canvas.rng),
        folds=folds,
        origin=(0, fit.top + 132),
        reach=30,
        drop=0.3,
    )
    for side in (-1, 1):
        hole = path(
            (fit.shoulder, fit.top + 26),
            (fit.shoulder - 7, fit.top + 70, fit.shoulder - 5, fit.top + 98, fit.chest, fit.top + 124),
        )
        canvas.seam(hole * np.array([side, 1]), depth=0.22)


def collar_band(canvas: Canvas, cloth: Cloth, fit: Fit, width: float) -> None:
    """A ring around the neck: the front of it lies on the body, the back of it shows behind the opening."""
    front = neckline(fit)
    back = path(
        (fit.neck, fit.top),
        (fit.neck * 0.6, fit.top - 8, 0, fit.top - 8),
        (-fit.neck * 0.6, fit.top - 8, -fit.neck, fit.top),
    )
    ring = np.vstack([front, back])
    middle = np.array([0, fit.top + fit.drop * 0.4])
    inner, outer = (_offset(ring, middle, by) for by in (-width * 0.62, width * 0.38))
    canvas.fill(outer, cloth, holes=[inner], reach=6, swell=0.8, drop=0.3)
    canvas.seam(outer[: len(front)], depth=0.22, width=0.9)


def _offset(ring: Points, middle: Points, by: float) -> Points:
    """``ring`` grown by ``by`` units away from ``middle``."""
    away = ring - middle
    return ring + away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-9) * by


def cuffs(canvas: Canvas, cloth: Cloth, fit: Fit, length: float) -> None:
    _, end = _sleeve(fit)
    turn = math.radians(fit.sleeve_turn)
    along, across = np.array([math.sin(turn), math.cos(turn)]), np.array([math.cos(turn), -math.sin(turn)])
    middle = (end[0] + end[-1]) / 2
    half = fit.cuff * 0.5 + 1
    corners = [
        middle + across * half - along * length * 0.6,
        middle - across * half - along * length * 0.6,
        middle - across * half * 0.97 + along * length * 0.4,
        middle + across * half * 0.97 + along * length * 0.4,
    ]
    shape = path(
        tuple(corners[0]), tuple(corners[1]), tuple(corners[2]), (*(middle + along * length * 0.55), *corners[3])
    )
    for side in (1, -1):
        canvas.fill(shape * np.array([side, 1]), cloth, turn=-fit.sleeve_turn * side, reach=9, drop=0.2)


def back(fit: Fit) -> Fit:
    return replace(fit, drop=9, pointed=False)
