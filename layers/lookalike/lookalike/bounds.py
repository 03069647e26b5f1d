"""How far away rows are at least, from their codes alone. ``codes`` has the formulas and why they hold."""

import numpy as np
import numpy.typing as npt

from lookalike.code_distance import products, squared_distances, squared_distances_of_many
from lookalike.codes import FINENESS, CodedQuery, Codes, Lengths

_REFINED_AT_ONCE = 65_536  # rows; their codes are copied
_ROUNDING = 2.0**-20  # of a limit: above what squaring and adding in float32 is off by


def raised_square(distance: float) -> float:
    """What a row's squared lower bound must not exceed if the row is to be within ``distance``."""
    return distance * distance * (1 + _ROUNDING)


def squared_limit(distance: float, codes: Codes) -> np.float32:
    """The same in units of the step."""
    with np.errstate(over="ignore"):  # infinite where float32 ends, and then every row may be within
        return np.float32(raised_square(distance / codes.frame.step) + np.finfo(np.float32).tiny)


def scan(codes: Codes, query: CodedQuery, part: slice) -> Lengths:
    """Squared lower bounds of the distance of consecutive rows, from their heads, in units of the step: float32 (rows,)."""
    low = squared_distances_of_many(codes.head[part], codes.head_squares[part], query.coarse[: codes.frame.head])
    np.sqrt(low, out=low)
    low -= codes.head_error[part]
    low -= np.float32(query.head_error + query.slack)
    return _squared_sum(low, codes.rest[part] - np.float32(query.rest), query.slack)


def refine(codes: Codes, query: CodedQuery, rows: npt.NDArray[np.int64]) -> Lengths:
    """Tighter squared lower bounds of these rows, from all of their coordinates and the finer query: float32 (rows,)."""
    if len(rows) > _REFINED_AT_ONCE:
        parts = [rows[start : start + _REFINED_AT_ONCE] for start in range(0, len(rows), _REFINED_AT_ONCE)]
        return np.concatenate([refine(codes, query, part) for part in parts])
    head, body = codes.head.take(rows, axis=0), codes.body.take(rows, axis=0)
    cut = codes.frame.head
    squared = squared_distances(head, query.coarse[:cut]) + squared_distances(body, query.coarse[cut:])
    across = products(head, query.fine[:cut]) + products(body, query.fine[cut:])
    # |(x - c) - f|^2 = |x - c|^2 - 2 (x - c) . f + |f|^2, all of it in integers until the fine code is scaled
    coarse, fine = query.coarse.astype(np.float64), query.fine.astype(np.float64)
    squared -= (across - coarse @ fine) * (2 / FINENESS) - fine @ fine / FINENESS**2
    low = np.sqrt(np.maximum(squared, 0)).astype(np.float32)
    low -= codes.error[rows]
    low -= np.float32(query.error + query.slack)
    return _squared_sum(low, codes.tail[rows] - np.float32(query.tail), query.slack)


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
