"""Lower bounds of distances, from codes alone. ``codes`` has the formulas and their proof."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import FINE_SCALE, CodedQuery, Codes, Lengths
from lookalike.codes.distance import Integers, products, squared_lengths

_ROUNDING = 2.0**-20  # of a limit: more than the error of squaring and adding in float32


def inflated_square[Distance: (float, npt.NDArray[np.float64])](distance: Distance) -> Distance:
    """The largest squared lower bound that a row within ``distance`` can have."""
    return distance * distance * (1 + _ROUNDING)


def squared_limit(distance: float, unit: float) -> np.float32:
    """The same in units of ``unit``."""
    with np.errstate(over="ignore"):  # infinite beyond float32's range: then every row may be within
        return np.float32(inflated_square(distance / unit) + np.finfo(np.float32).tiny)


def scan(codes: Codes, queries: Sequence[CodedQuery], block: int) -> Iterator[Lengths]:
    """Squared lower bounds of the distances of a block of rows, from their heads, in units of the step.

    Float32 (rows,) for each query in turn.
    """
    error = codes.head_error[codes.packed_head.blocks[block]]
    scanned = np.stack([query.scanned for query in queries])
    squared = codes.packed_head.squared_distances(block, scanned)
    return (less_errors(of_query, error, query.scan_error) for of_query, query in zip(squared, queries, strict=True))


def less_errors(squared: Lengths, error: Lengths, query_error: float) -> Lengths:
    """Squared lower bounds from squared distances of codes, in the same array, and the errors of rows and query."""
    low = np.sqrt(squared, out=squared)
    low -= error
    low -= np.float32(query_error)
    np.maximum(low, 0, out=low)
    return np.square(low, out=low)


def refine(pieces: Sequence[tuple[Codes, npt.NDArray[np.int64]]], queries: Sequence[CodedQuery]) -> Iterator[Lengths]:
    """Tighter squared lower bounds, from all coordinates and both codes of each query: float32 (rows,) for each in turn.

    ``pieces``: codes in one frame, and which rows of each.
    """
    matrix, error, tail = (_gathered(name, pieces) for name in ("matrix", "error", "tail"))
    squares = squared_lengths(matrix)
    coarse, fine = (np.stack(codes) for codes in zip(*((query.coarse, query.fine) for query in queries), strict=True))
    across = products(matrix, np.concatenate([coarse, fine])).T

    def bound(query: CodedQuery, coarsely: Integers, finely: Integers) -> Lengths:
        whole = query.coarse + query.fine / FINE_SCALE
        # |c - f|^2 = |c|^2 - 2 c . f + |f|^2, in integers until the fine code is scaled, and then in float64
        squared = finely / FINE_SCALE
        squared += coarsely
        squared *= -2
        squared += squares
        squared += whole @ whole
        low = np.sqrt(np.maximum(squared, 0)).astype(np.float32)
        low -= error
        low -= np.float32(query.error + query.slack)
        return _squared_sum(low, tail - np.float32(query.tail), query.slack)

    return map(bound, queries, across, across[len(queries) :])


def _gathered(name: str, pieces: Sequence[tuple[Codes, npt.NDArray[np.int64]]]) -> npt.NDArray[Any]:
    taken = [getattr(codes, name).take(rows, axis=0) for codes, rows in pieces]
    return taken[0] if len(taken) == 1 else np.concatenate(taken)


def _squared_sum(inside: Lengths, outside: Lengths, slack: float) -> Lengths:
    """max(0, inside)^2 + max(0, |outside| - slack)^2, in the arrays given."""
    np.maximum(inside, 0, out=inside)
    np.square(inside, out=inside)
    np.abs(outside, out=outside)
    outside -= np.float32(slack)
    np.maximum(outside, 0, out=outside)
    np.square(outside, out=outside)
    inside += outside
    return inside
