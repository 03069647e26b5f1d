"""Exact integer distances between codes, and float32 distances between embeddings.

NumKong computes them with the best instructions of the processor at hand. Without NumKong, NumPy gives the same numbers, slower.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

try:
    import numkong
except ImportError:  # a platform without a wheel
    numkong = None  # type: ignore[assignment]

_BLOCK_ROWS = 65_536  # of packed codes: the results of a block stay in the processor's cache
_ROWS_AT_ONCE = 4096  # by NumPy, which widens them to compute
# NumKong's kernels are up to five times slower where their tiles do not divide the numbers of rows and coordinates.
_ALIGNED = 64
_ALIGNED_COORDINATES = 16

Codes = npt.NDArray[np.int8]
Integers = npt.NDArray[np.int32]
Vectors = npt.NDArray[np.float32]


class PackedCodes:
    """Codes in the layout of a scan, in blocks of rows: a copy.

    ``columns``: int8 (rows, any), within [-127, 127], which stand side by side in the codes: of each part.
    """

    def __init__(self, columns: Sequence[Codes]) -> None:
        rows = len(columns[0])
        self.blocks = [slice(start, min(start + _BLOCK_ROWS, rows)) for start in range(0, rows, _BLOCK_ROWS)]
        """The rows of each block."""
        self._blocks = [_Block([column[rows] for column in columns]) for rows in self.blocks]

    @property
    def nbytes(self) -> int:
        return sum(block.nbytes for block in self._blocks)

    def squared_distances(self, block: int, queries: Codes) -> Iterator[Vectors]:
        """|c - q|^2 of every code c of a block, for each query q in turn: rounded once to float32, (rows,).

        ``queries``: int8 (queries, coordinates).
        """
        return self._blocks[block].squared_distances(queries)

    def squared_distances_of_parts(
        self, block: int, queries: Codes, squares: Sequence[Integers]
    ) -> Iterator[list[Vectors]]:
        """The same of each part alone. ``squares``: of each part the ``squared_lengths`` of all rows."""
        rows = self.blocks[block]
        return self._blocks[block].squared_distances_of_parts(queries, [of_part[rows] for of_part in squares])


class _Block:
    def __init__(self, columns: Sequence[Codes]) -> None:
        self._rows, self._coordinates = len(columns[0]), sum(column.shape[1] for column in columns)
        codes = np.zeros((_aligned(self._rows, _ALIGNED), packed_bytes(self._coordinates)), np.int8)
        np.concatenate(columns, axis=1, out=codes[: self._rows, : self._coordinates])
        self._squares = squared_lengths(codes)[: self._rows]
        ends = [0, *accumulate(column.shape[1] for column in columns)]
        self._parts = [slice(start, end) for start, end in pairwise(ends)]
        # Multiplying row by row costs more in calls than in arithmetic: packed rows are multiplied many at a time.
        self._packed = codes if numkong is None else numkong.dots_pack(codes, dtype="int8")

    @property
    def nbytes(self) -> int:
        return int(self._squares.nbytes) + self._packed.nbytes

    def squared_distances(self, queries: Codes) -> Iterator[Vectors]:
        return self._squared_distances(self._padded(queries), [self._squares] * len(queries))

    def squared_distances_of_parts(self, queries: Codes, squares: Sequence[Integers]) -> Iterator[list[Vectors]]:
        for query in self._padded(queries):
            alone = np.zeros((len(self._parts), len(query)), np.int8)
            for part, columns in zip(alone, self._parts, strict=True):
                part[columns] = query[columns]
            yield list(self._squared_distances(alone, squares))

    def _padded(self, queries: Codes) -> Codes:
        padded = np.zeros((len(queries), packed_bytes(self._coordinates)), np.int8)
        padded[:, : self._coordinates] = queries
        return padded

    def _squared_distances(self, padded: Codes, squares: Sequence[Integers]) -> Iterator[Vectors]:
        if numkong is None:
            dots = products(self._packed, padded).T
        else:
            dots = np.asarray(numkong.dots_packed(padded, self._packed))
        # Query by query, as the arrays of one fit the processor's cache.
        wide = padded.astype(np.int32)
        for place, squared_length in enumerate(np.einsum("ij,ij->i", wide, wide)):
            squared = dots[place, : self._rows]
            squared *= -2
            squared += squares[place]
            squared += squared_length
            yield squared.astype(np.float32)


def packed_bytes(coordinates: int) -> int:
    """The bytes of a packed row, without what NumKong adds."""
    return _aligned(coordinates, _ALIGNED_COORDINATES)


def _aligned(number: int, to: int) -> int:
    return -(-number // to) * to


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
