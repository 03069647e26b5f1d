"""How far away rows are at least, from their codes alone. ``codes`` has the formulas and why they hold."""

import numpy as np
import numpy.typing as npt

from lookalike.code_distance import squared_distances
from lookalike.codes import CodedQuery, Codes, Lengths

_ROUNDING = 2.0**-20  # of a limit: above what squaring and adding in float32 is off by
_REFINED_AT_ONCE = 4096  # rows; as float32 they take four times the memory they are stored in


def raised_square(distance: float) -> float:
    """What a row's squared lower bound must not exceed if the row is to be within ``distance``."""
    return distance * distance * (1 + _ROUNDING)


def squared_limit(distance: float, codes: Codes) -> np.float32:
    """The same in units of the step."""
    with np.errstate(over="ignore"):  # infinite where float32 ends, and then every row may be within
        return np.float32(raised_square(distance / codes.frame.step) + np.finfo(np.float32).tiny)


def scan(codes: Codes, query: CodedQuery, part: slice, *, threads: int = 1) -> Lengths:
    """Squared lower bounds of the distance of consecutive rows, from their heads, in units of the step: float32 (rows,)."""
    low = squared_distances(codes.head[part], query.head, threads=threads)
    np.sqrt(low, out=low)
    low -= codes.head_error[part]
    low -= np.float32(query.head_error + query.slack)
    return _squared_sum(low, codes.rest[part] - np.float32(query.rest), query.slack)


def refine(codes: Codes, query: CodedQuery, rows: npt.NDArray[np.int64]) -> Lengths:
    """Tighter squared lower bounds of these rows, from all of their coordinates and the query as it is: float32 (rows,)."""
    refined = np.empty(len(rows), np.float32)
    for start in range(0, len(rows), _REFINED_AT_ONCE):
        part = rows[start : start + _REFINED_AT_ONCE]
        head = codes.head[part] - query.exact[: codes.head.shape[1]]
        squared = np.einsum("ij,ij->i", head, head)
        if codes.body.shape[1]:
            body = codes.body[part] - query.exact[codes.head.shape[1] :]
            squared += np.einsum("ij,ij->i", body, body)
        low = np.sqrt(squared)
        low *= np.float32(1 - len(query.exact) * 2.0**-24)  # summing so many squares may have added as much
        low -= codes.error[part]
        low -= np.float32(query.slack)
        refined[start : start + len(part)] = _squared_sum(low, codes.tail[part] - np.float32(query.tail), query.slack)
    return refined


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
