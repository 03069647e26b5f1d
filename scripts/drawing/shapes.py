"""Outlines and lines: arrays of points (n, 2) in drawing units, x to the right and y down from the picture's centre.

A picture is 450 units wide and 600 high whatever its size in pixels.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

type Points = NDArray[np.float64]
type Point = tuple[float, float]

_T: Final = np.linspace(0, 1, 25)[1:, None, None]


def path(start: Point, *steps: Sequence[float]) -> Points:
    """A line through ``steps``: two numbers are a straight line to that point, four a quadratic and six a cubic
    Bézier curve, control points first."""
    pieces = [np.array([start], dtype=np.float64)]
    for step in steps:
        knots = np.vstack([pieces[-1][-1:], np.reshape(step, (-1, 2))])[None]
        while knots.shape[1] > 1:  # de Casteljau's construction
            knots = knots[:, :-1] * (1 - _T) + knots[:, 1:] * _T
        pieces.append(knots[:, 0])
    return np.vstack(pieces)


def flipped(points: Points, side: float = -1) -> Points:
    """The mirror image, left for right; the points themselves where ``side`` is 1."""
    return np.asarray(points * (side, 1.0), dtype=np.float64)


def mirrored(right: Points) -> Points:
    """The whole outline of something symmetrical from its right half, drawn from the top to the bottom."""
    return np.vstack([right, flipped(right)[::-1]])


def ellipse(x: float, y: float, rx: float, ry: float | None = None) -> Points:
    angle = np.linspace(0, 2 * np.pi, 49)
    return np.stack([x + rx * np.cos(angle), y + (rx if ry is None else ry) * np.sin(angle)], axis=1)


def box(left: float, top: float, right: float, bottom: float, radius: float = 0) -> Points:
    """A rectangle with rounded corners: a circle, its quarters moved into the corners."""
    # Turned a little: a point on an axis would be in no quarter.
    circle = ellipse(0, 0, 1)[:-1] @ np.array([[0.998, 0.06], [-0.06, 0.998]])
    half = np.array([right - left, bottom - top]) / 2
    return np.asarray(circle * radius + np.sign(circle) * (half - radius) + (left, top) + half, dtype=np.float64)


def normals(line: Points) -> Points:
    """At each point of ``line``, one unit at a right angle to it."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    return np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)


def ribbon(line: Points, *widths: float) -> Points:
    """The outline of a band that follows ``line``; several widths are spread evenly along it."""
    along = np.linspace(0, len(widths) - 1, len(line))
    half = normals(line) * np.interp(along, np.arange(len(widths)), widths)[:, None] / 2
    return np.vstack([line + half, (line - half)[::-1]])


def dashes(line: Points, drawn: float, gap: float) -> list[Points]:
    """The pieces of ``line`` that a dashed pen draws."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    starts = np.arange(0, length[-1], drawn + gap)
    at = starts[:, None] + np.linspace(0, drawn, 4)
    return list(np.stack([np.interp(at, length, line[:, 0]), np.interp(at, length, line[:, 1])], axis=-1))
