"""Distances between codes, exact in integers, and rough ones between embeddings: by NumKong, which picks the processor's best instructions as it runs.

Where NumKong is not installed NumPy gives the same numbers, slower.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

try:
    import numkong
except ImportError:  # a platform without a wheel
    numkong = None  # type: ignore[assignment]

_ROWS_AT_ONCE = 4096  # by NumPy, which widens them to compute

Codes = npt.NDArray[np.int8]
Vectors = npt.NDArray[np.float32]


def squared_distances(codes: Codes, query: Codes) -> npt.NDArray[np.float64]:
    """|c - q|^2 of every code c: the exact integer, float64 (rows,).

    ``codes``: int8 (rows, coordinates), contiguous, and ``query``: int8 (coordinates,), both within [-127, 127].
    """
    if numkong is None or not codes.size:
        return squared_distances_by_numpy(codes, query)
    return _by_numkong(codes, query, "sqeuclidean")


def squared_distances_of_many(codes: Codes, squares: npt.NDArray[np.int32], query: Codes) -> Vectors:
    """The same, rounded once to float32, faster where there are many codes: ``squares``, int32 (rows,), are their |c|^2."""
    if numkong is None or not codes.size:
        return squared_distances_by_numpy(codes, query).astype(np.float32)
    # As a product of matrices: going over pairs costs more than the arithmetic does.
    product = numkong.dots_packed(codes, numkong.dots_pack(query[np.newaxis], dtype="int8"))
    squared = np.asarray(product).reshape(-1)
    squared *= -2
    squared += squares
    squared += np.int32(query.astype(np.int64) @ query.astype(np.int64))
    return squared.astype(np.float32)


def products(codes: Codes, query: Codes) -> npt.NDArray[np.float64]:
    """c . q of every code c: the exact integer, float64 (rows,). The rest as above."""
    if numkong is None or not codes.size:
        return products_by_numpy(codes, query)
    return _by_numkong(codes, query, "dot")


def squared_float_distances(vectors: Vectors, query: Vectors) -> npt.NDArray[np.float64]:
    """|x - q|^2 of every row x, float64 (rows,), computed in float32 or better: infinite where that ends.

    ``vectors``: float32 (rows, dimensions), contiguous; ``query``: float32 (dimensions,).
    """
    if numkong is None or not vectors.size:
        with np.errstate(over="ignore"):
            difference = vectors - query
            summed: Vectors = np.einsum("ij,ij->i", difference, difference)
            return summed.astype(np.float64)
    return _by_numkong(vectors, query, "sqeuclidean")


def _by_numkong(
    rows: Codes | Vectors, query: Codes | Vectors, metric: Literal["sqeuclidean", "dot"]
) -> npt.NDArray[np.float64]:
    out: npt.NDArray[np.float64] = np.empty((1, len(rows)))
    numkong.cdist(query[np.newaxis], rows, metric, out=out, out_dtype="f64")
    row: npt.NDArray[np.float64] = out[0]
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
