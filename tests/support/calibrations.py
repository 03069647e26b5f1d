"""A calibration for tests, whose stores are too small to be measured."""

import numpy as np

from lookalike.codes.codes import Frame
from lookalike.codes.rotation import rotation_of
from lookalike.compaction.calibration import Choice
from lookalike.layout import Layout


def turned(vectors: np.ndarray, rows: int, layout: Layout) -> Choice:
    """Three coordinates of a rotation of four dimensions, two of them scanned."""
    matrix = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]], np.float32) / 2
    return Choice((Frame(rotation_of(np.full(4, 0.25, np.float32), matrix), 1 / 64, 2),), rows, rows)
