"""Distances between codes, exact in integers: by NumKong, which picks the processor's best instructions as it runs.

Where NumKong is not installed NumPy gives the same numbers, slower.
"""

import numpy as np
import numpy.typing as npt

try:
    import numkong
except ImportError:  # a platform without a wheel
    numkong = None  # type: ignore[assignment]

_ROWS_AT_ONCE = 4096  # as float32 they take four times the memory they are stored in


def squared_distances(
    codes: npt.NDArray[np.int8], query: npt.NDArray[np.int8], *, threads: int = 1
) -> npt.NDArray[np.float32]:
    """|c - q|^2 of every code: the exact integer, rounded once to float32 (rows,).

    ``codes``: int8 (rows, coordinates), contiguous, and ``query``: int8 (coordinates,), both within [-127, 127].
    """
    if numkong is None or not codes.size:
        return squared_distances_by_numpy(codes, query)
    out: npt.NDArray[np.float32] = np.empty((1, len(codes)), np.float32)
    numkong.cdist(query[np.newaxis], codes, "sqeuclidean", out=out, out_dtype="float32", threads=threads)
    squared: npt.NDArray[np.float32] = out[0]
    return squared


def squared_distances_by_numpy(codes: npt.NDArray[np.int8], query: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """The same without NumKong."""
    squared = np.empty(len(codes), np.float32)
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        difference = codes[start : start + _ROWS_AT_ONCE].astype(np.int16) - query
        # Differences reach 254 and the sums 2^28: exact in float64, not in float32.
        squared[start : start + _ROWS_AT_ONCE] = np.einsum("ij,ij->i", difference, difference, dtype=np.float64)
    return squared
