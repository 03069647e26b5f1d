"""The embeddings of a segment's file in blocks of rows, each with a check (``damage``): a ranged read asks for whole blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.store.damage import check_of, checks_of
from lookalike.store.rows import Embeddings

_BLOCK_BYTES = 8 * 1024  # a block is one row where a row is longer; zlib lets other threads run for more than 5 kB


def _row_bytes(dimensions: int) -> int:
    return dimensions * np.dtype(np.float32).itemsize


def _rows_each(dimensions: int) -> int:
    return max(_BLOCK_BYTES // _row_bytes(dimensions), 1)


def embedding_checks(embeddings: Embeddings) -> npt.NDArray[np.uint32]:
    """The check of each block of embeddings, float32 (rows, dimensions), contiguous: uint32 (blocks,)."""
    block_bytes = _rows_each(embeddings.shape[1]) * _row_bytes(embeddings.shape[1])
    return np.array(checks_of(embeddings.data.cast("B") if embeddings.size else b"", block_bytes), np.uint32)


@dataclass(frozen=True, slots=True)
class EmbeddingBlocks:
    """``checks``: uint32 (blocks,). Raises CorruptObject unless there is one for each block."""

    rows: int
    dimensions: int
    checks: npt.NDArray[np.uint32]

    def __post_init__(self) -> None:
        if self.dimensions < 1 or len(self) != -(-self.rows // self.rows_each):
            raise CorruptObject(
                f"the segment has {len(self)} checks for {self.rows} embeddings of {self.dimensions} numbers"
            )

    def __len__(self) -> int:
        return len(self.checks)

    @property
    def rows_each(self) -> int:
        """The rows of a block; the last block may have fewer."""
        return _rows_each(self.dimensions)

    @property
    def bytes_each(self) -> int:
        """The bytes of a block."""
        return self.rows_each * _row_bytes(self.dimensions)

    def place(self, first: int, end: int) -> tuple[int, int]:
        """The bytes of blocks ``first`` to ``end`` (exclusive), as offsets from the first embedding."""
        return first * self.bytes_each, min(end * self.bytes_each, self.rows * _row_bytes(self.dimensions))

    def verified(self, data: bytes | memoryview, first: int, needed: Sequence[int]) -> Embeddings:
        """The rows in these bytes, which begin at the block ``first``: float32 (rows, dimensions), read-only.

        Raises CorruptObject unless the blocks ``needed`` are as they were written, and all numbers finite.
        """
        view, size = memoryview(data), self.bytes_each
        for block, check in zip(needed, self.checks[list(needed)].tolist(), strict=True):
            start = (block - first) * size
            if check_of(view[start : start + size]) != check:
                raise CorruptObject(f"block {block} of the embeddings is not as it was written")
        rows = np.frombuffer(data, np.float32).reshape(-1, self.dimensions)
        if not np.isfinite(rows).all():
            raise CorruptObject("an embedding is not finite")
        return rows
