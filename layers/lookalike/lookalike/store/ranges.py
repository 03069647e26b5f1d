"""Ranges of rows that are read at once: a request for two rows with a gap between them, or a request for each."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

NEAR_BYTES = 192 * 1024
"""A gap between two rows that takes less time to read than a second request."""


def ranges(rows: npt.NDArray[np.int64], near: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Ranges that hold these ascending rows: one range for rows less than ``near`` apart, none of more than ``at_once``."""
    if not len(rows):
        return
    starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - near - 1) > near)
    for first, last in zip(rows[starts], rows[np.append(starts[1:], len(rows)) - 1], strict=True):
        for start in range(int(first), int(last) + 1, at_once):
            yield start, min(start + at_once, int(last) + 1)
