"""A calibration for tests, whose stores are too small to be measured."""

import numpy as np

from lookalike.codes.codes import Frame
from lookalike.codes.rotation import rotation_of
from lookalike.compaction.calibration import Choice
from lookalike.layout import Layout


def turned(vectors: np.ndarray, rows: int, layout: Layout) -> Choice:
    """Of each part all coordinates of a rotation but one, where there are several, and two of them scanned."""
    return Choice(tuple(_mirrored(part.dimensions) for part in layout.parts), rows, rows)


def _mirrored(dimensions: int) -> Frame:
    mirror = np.eye(dimensions) - 2 / dimensions
    matrix = mirror[: max(1, dimensions - 1)].astype(np.float32)
    return Frame(rotation_of(np.full(dimensions, 0.25, np.float32), matrix), 1 / 64, min(2, len(matrix)))
