"""Distances between codes, exact in integers: by NumKong, which picks the processor's best instructions as it runs.

Where NumKong is not installed NumPy gives the same numbers, slower.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

try:
    import numkong
except ImportError:  # a platform without a wheel
    numkong = None  # type: ignore[assignment]

_ROWS_AT_ONCE = 4096  # by NumPy, which widens them to compute

Codes = npt.NDArray[np.int8]


def squared_distances(
    codes: Codes, query: Codes, dtype: type[np.float32 | np.float64] = np.float64
) -> npt.NDArray[Any]:
    """|c - q|^2 of every code c, (rows,): the exact integer, rounded once where ``dtype`` is float32.

    ``codes``: int8 (rows, coordinates), contiguous, and ``query``: int8 (coordinates,), both within [-127, 127].
    """
    if numkong is None or not codes.size:
        return squared_distances_by_numpy(codes, query).astype(dtype)
    return _by_numkong(codes, query, "sqeuclidean", dtype)


def products(codes: Codes, query: Codes) -> npt.NDArray[np.float64]:
    """c . q of every code c: the exact integer, float64 (rows,). The rest as above."""
    if numkong is None or not codes.size:
        return products_by_numpy(codes, query)
    return _by_numkong(codes, query, "dot", np.float64)


def _by_numkong(
    codes: Codes, query: Codes, metric: Literal["sqeuclidean", "dot"], dtype: type[np.float32 | np.float64]
) -> npt.NDArray[Any]:
    out = np.empty((1, len(codes)), dtype)
    numkong.cdist(query[np.newaxis], codes, metric, out=out, out_dtype="f32" if dtype is np.float32 else "f64")
    row: npt.NDArray[Any] = out[0]
    return row


def squared_distances_by_numpy(codes: Codes, query: Codes) -> npt.NDArray[np.float64]:
    """The same without NumKong."""
    squared = np.empty(len(codes))
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        difference = codes[start : start + _ROWS_AT_ONCE].astype(np.int16) - query
        squared[start : start + _ROWS_AT_ONCE] = np.einsum("ij,ij->i", difference, difference, dtype=np.float64)
    return squared


def products_by_numpy(codes: Codes, query: Codes) -> npt.NDArray[np.float64]:
    """The same without NumKong."""
    wide = query.astype(np.float64)
    parts = [codes[start : start + _ROWS_AT_ONCE] @ wide for start in range(0, len(codes), _ROWS_AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty(0)
