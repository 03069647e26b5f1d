"""Outlines: arrays of points (n, 2) in drawing units, x to the right and y down from the picture's centre.

A picture is 450 units wide and 600 high whatever its size in pixels.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

type Points = NDArray[np.float64]
type Point = tuple[float, float]

_STEPS: Final = 24
"""Straight pieces a curve is made of: at four times the picture's size no corner shows."""

_T: Final = np.linspace(0, 1, _STEPS + 1)[1:]
# Bernstein polynomials: how much each control point of a quadratic and of a cubic curve counts at each step.
_BLENDS: Final = {
    3: np.stack([(1 - _T) ** 2, 2 * (1 - _T) * _T, _T**2], axis=1),
    4: np.stack([(1 - _T) ** 3, 3 * (1 - _T) ** 2 * _T, 3 * (1 - _T) * _T**2, _T**3], axis=1),
}


def path(start: Point, *steps: Sequence[float]) -> Points:
    """A line through ``steps``: two numbers are a straight line to that point, four a quadratic and six a cubic
    Bézier curve, control points first."""
    pieces = [np.array([start], dtype=np.float64)]
    for step in steps:
        knots = np.empty((len(step) // 2 + 1, 2))
        knots[0], knots[1:] = pieces[-1][-1], np.reshape(step, (-1, 2))
        pieces.append(_BLENDS[len(knots)] @ knots if len(knots) > 2 else knots[1:])
    return np.vstack(pieces)


def mirrored(right: Points) -> Points:
    """The whole outline of something symmetrical from its right half, drawn from the top to the bottom."""
    return np.vstack([right, flipped(right)[::-1]])


def flipped(points: Points) -> Points:
    """The mirror image, left for right."""
    return np.asarray(points * np.array([-1.0, 1.0]), dtype=np.float64)


def moved(points: Points, x: float = 0, y: float = 0, *, turn: float = 0, scale: float = 1) -> Points:
    """Scaled, turned clockwise by ``turn`` degrees about the origin, then moved."""
    cos, sin = math.cos(math.radians(turn)) * scale, math.sin(math.radians(turn)) * scale
    return np.stack([points[:, 0] * cos - points[:, 1] * sin + x, points[:, 0] * sin + points[:, 1] * cos + y], axis=1)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, *, start: float = 0, end: float = 360) -> Points:
    """An ellipse, or the arc of it between two angles in degrees (0 is to the right, 90 is down)."""
    angle = np.radians(np.linspace(start, end, 49))
    return np.stack([x + rx * np.cos(angle), y + (rx if ry is None else ry) * np.sin(angle)], axis=1)


def box(left: float, top: float, right: float, bottom: float, radius: float = 0) -> Points:
    """A rectangle with rounded corners."""
    if radius <= 0:
        return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)
    corners = ((right, bottom, 0), (left, bottom, 90), (left, top, 180), (right, top, 270))
    pieces = []
    for x, y, angle in corners:
        inward_x = -radius if x == right else radius
        inward_y = -radius if y == bottom else radius
        pieces.append(ellipse(x + inward_x, y + inward_y, radius, start=angle, end=angle + 90)[::6])
    return np.vstack(pieces)


def ribbon(line: Points, width: float | Sequence[float]) -> Points:
    """The outline of a band that follows ``line``; several widths are spread evenly along it."""
    widths = np.atleast_1d(np.asarray(width, dtype=np.float64))
    along = np.linspace(0, len(widths) - 1, len(line))
    half = np.interp(along, np.arange(len(widths)), widths)[:, None] / 2
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    return np.vstack([line + normal * half, (line - normal * half)[::-1]])


def point_at(line: Points, share: float) -> Point:
    """The point ``share`` of the way along ``line``."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = share * length[-1]
    return float(np.interp(at, length, line[:, 0])), float(np.interp(at, length, line[:, 1]))


def between(first: Points, second: Points, share: float) -> Points:
    """The line ``share`` of the way from ``first`` to ``second``, both with the same number of points."""
    return first * (1 - share) + second * share
