"""Smooth fields over a picture: blurring, moving and folding arrays of float32 (height, width)."""

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scripts.drawing.curves import Points

type Field = NDArray[np.floating[Any]]

COARSE: Final = 3
"""The side, in pixels, of a square of the coarse grid that everything smooth is computed on."""


def as_field(image: Image.Image) -> Field:
    """An 8-bit greyscale image as numbers from 0 to 1."""
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def enlarged(field: Field, height: int, width: int) -> Field:
    """A field on the coarse grid at full size."""
    box = (0, 0, width / COARSE, height / COARSE)
    fine = Image.fromarray(field).resize((width, height), Image.Resampling.BILINEAR, box=box)
    return np.asarray(fine, dtype=np.float32)


def blurred(field: Field, radius: float) -> Field:
    """A Gaussian blur, zero outside. ``radius`` is the standard deviation in pixels, taken to a twentieth.

    Two products with banded matrices: for fields this small that is several times faster than any filter.
    """
    rows, columns = field.shape
    kernel = _kernel(max(round(radius * 20), 1), -(-max(rows, columns) // 256) * 256)
    return np.asarray(kernel[:rows, :rows] @ field @ kernel[:columns, :columns], dtype=np.float32)


@lru_cache(maxsize=64)
def _kernel(twentieths: int, size: int) -> Field:
    """The blur of ``size`` values as a matrix. Its upper left corner blurs fewer."""
    radius = twentieths / 20
    weights = np.exp(-0.5 * (np.arange(1 - size, size, dtype=np.float32) / np.float32(radius)) ** 2)
    weights /= weights.sum()
    # Row i holds the weights shifted by i: a Toeplitz matrix, symmetrical as the weights are.
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(weights, size)[::-1], dtype=np.float32)


def waves(u: Field, v: Field, rng: np.random.Generator) -> Field:
    """Irregular folds that run along v: three sines, each bent and fading along its length. Heights around 1."""
    field = np.zeros(u.shape, dtype=np.float32)
    for period in (46, 71, 117):
        a, b, c, d = rng.uniform(0, 2 * math.pi, 4)
        bend = 0.9 * np.sin(v / (period * 1.9) + a) + 0.5 * np.sin((u + v) / (period * 1.3) + b)
        fade = 0.55 + 0.45 * np.sin(v / (period * 1.4) + u / (period * 2.3) + c)
        field += (np.sin(u * (2 * math.pi / period) + bend * 1.6 + d) * fade * (period / 117)).astype(np.float32)
    return field


def tapered(line: Points, width: float) -> Points:
    """An outline along ``line``, ``width`` wide in its middle, that ends in points: a crease in cloth."""
    half = (np.sin(np.linspace(0.08, 0.97, len(line)) * math.pi) * width / 2)[:, None]
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    return np.vstack([line + normal * half, (line - normal * half)[::-1]])


def dashes(line: Points, drawn: float, gap: float) -> list[Points]:
    """The pieces of ``line`` that a dashed pen draws."""
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    starts = np.arange(0, length[-1], drawn + gap)
    at = np.minimum(starts[:, None] + np.linspace(0, drawn, 4), length[-1])
    return list(np.stack([np.interp(at, length, line[:, 0]), np.interp(at, length, line[:, 1])], axis=-1))
