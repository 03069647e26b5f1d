"""Exact integer distances between codes, and float32 distances between embeddings.

NumKong computes them with the best instructions of the processor at hand. Without NumKong, NumPy gives the same numbers, slower.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

try:
    import numkong
except ImportError:  # a platform without a wheel
    numkong = None  # type: ignore[assignment]

_BLOCK_ROWS = 65_536  # of packed codes: the results of a block stay in the processor's cache
_ROWS_AT_ONCE = 4096  # by NumPy, which widens them to compute

Codes = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]


class PackedCodes:
    """Codes in the layout of a scan, in blocks of rows: a copy where NumKong is installed.

    ``codes``: int8 (rows, coordinates), within [-127, 127].
    """

    def __init__(self, codes: Codes) -> None:
        starts = range(0, len(codes), _BLOCK_ROWS)
        self.blocks = [slice(start, min(start + _BLOCK_ROWS, len(codes))) for start in starts]
        """The rows of each block."""
        self._blocks = [_Block(codes[rows]) for rows in self.blocks]

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self._blocks)

    def squared_distances(self, block: int, queries: Codes) -> Iterator[Vectors]:
        """|c - q|^2 of every code c of a block, for each query q in turn: rounded once to float32, (rows,).

        ``queries``: int8 (queries, coordinates), contiguous.
        """
        return self._blocks[block].squared_distances(queries)


class _Block:
    def __init__(self, codes: Codes) -> None:
        self._codes = codes if numkong is None else None
        codes = np.ascontiguousarray(codes)
        self._squares = squared_lengths(codes)
        # Multiplying row by row costs more in calls than in arithmetic: packed rows are multiplied many at a time.
        self._packed = None if numkong is None else numkong.dots_pack(codes, dtype="int8")

    @property
    def nbytes(self) -> int:
        return int(self._squares.nbytes) + (0 if self._packed is None else self._packed.nbytes)

    def squared_distances(self, queries: Codes) -> Iterator[Vectors]:
        if self._codes is not None:
            dots = products(self._codes, queries).T
        else:
            dots = np.asarray(numkong.dots_packed(queries, self._packed))
        # Query by query, as the arrays of one fit the processor's cache.
        for place, squared_length in enumerate(squared_lengths(queries)):
            squared = dots[place]
            squared *= -2
            squared += self._squares
            squared += squared_length
            yield squared.astype(np.float32)


def squared_lengths(codes: Codes) -> Integers:
    """|c|^2 of every code c, int8 (rows, coordinates), contiguous: the exact integer, int32 (rows,)."""
    if numkong is not None and codes.size:
        origin = np.zeros((1, codes.shape[1]), np.int8)
        return np.asarray(numkong.cdist(origin, codes, "sqeuclidean", out_dtype="f64")).reshape(-1).astype(np.int32)
    squares = np.empty(len(codes), np.int32)
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        wide = codes[start : start + _ROWS_AT_ONCE].astype(np.int16)
        squares[start : start + _ROWS_AT_ONCE] = np.einsum("ij,ij->i", wide, wide, dtype=np.float64)
    return squares


def products(codes: Codes, queries: Codes) -> Integers:
    """c . q of every code c and every query q: the exact integers, int32 (rows, queries).

    ``codes``: int8 (rows, coordinates), and ``queries``: int8 (queries, coordinates), both within [-127, 127] and contiguous.
    """
    if numkong is not None and codes.size:
        return np.asarray(numkong.dots_packed(codes, numkong.dots_pack(queries, dtype="int8")))
    dots = np.empty((len(codes), len(queries)), np.int32)
    wide = queries.T.astype(np.float64)
    for start in range(0, len(codes), _ROWS_AT_ONCE):
        dots[start : start + _ROWS_AT_ONCE] = codes[start : start + _ROWS_AT_ONCE] @ wide
    return dots


def squared_float_distances(vectors: Vectors, queries: Vectors) -> npt.NDArray[np.float64]:
    """|x - q|^2 of every query q and row x, float64 (queries, rows), by float32 or better: infinite beyond float32's range.

    ``vectors``: float32 (rows, dimensions), and ``queries``: float32 (queries, dimensions), each row contiguous.
    """
    squared: npt.NDArray[np.float64] = np.empty((len(queries), len(vectors)))
    if numkong is not None and vectors.size:
        numkong.cdist(queries, vectors, "sqeuclidean", out=squared, out_dtype="f64")
        return squared
    for query, row in zip(queries, squared, strict=True):
        with np.errstate(over="ignore"):
            difference = vectors - query
            row[:] = np.einsum("ij,ij->i", difference, difference)
    return squared
