"""The embeddings of a segment's file, read from the object store by ranges of verified blocks (``embedding_blocks``)."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.store.damage import undamaged
from lookalike.store.embedding_blocks import EmbeddingBlocks
from lookalike.store.object_store import ObjectStore
from lookalike.store.ranges import NEAR_BYTES, ranges
from lookalike.store.rows import Embeddings, copy_rows

_READ_AT_ONCE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StoredEmbeddings:
    """``start``: the place of the first embedding in the file; ``pool`` runs the reads of ``start_reading``."""

    store: ObjectStore
    name: str
    start: int
    blocks: EmbeddingBlocks
    pool: Executor

    def spans(self) -> Iterator[tuple[int, int]]:
        """Ranges of blocks that together are all, each for one read."""
        at_once = self._in_blocks(_READ_AT_ONCE_BYTES)
        for first in range(0, len(self.blocks), at_once):
            yield first, min(first + at_once, len(self.blocks))

    def read(self, first: int, end: int, needed: Sequence[int]) -> Embeddings:
        """The rows of the blocks ``first`` to ``end`` (exclusive); only those of the blocks ``needed`` are verified.

        Raises StoreError, ObjectMissing.
        """
        start, stop = (self.start + place for place in self.blocks.place(first, end))

        def read() -> Embeddings:
            data = self.store.get_range(self.name, start, stop)
            if len(data) != stop - start:
                raise CorruptObject("the object ends inside its embeddings")
            return self.blocks.verified(data, first, needed)

        return undamaged(self.name, read)

    def start_reading(self, places: npt.NDArray[np.int64]) -> Callable[[Embeddings], None]:
        """As ``Rows.start_reading``, of the embeddings at these places of the file.

        Blocks of rows near each other share a request, and all requests run in parallel.
        """
        rows_each = self.blocks.rows_each
        distinct, place = np.unique(places, return_inverse=True)
        needed = np.unique(distinct // rows_each)
        spans = list(ranges(needed, self._in_blocks(NEAR_BYTES), self._in_blocks(_READ_AT_ONCE_BYTES)))
        reads = [
            self.pool.submit(self.read, first, end, needed[(first <= needed) & (needed < end)].tolist())
            for first, end in spans
        ]

        def wait(target: Embeddings) -> None:
            matrix = np.empty((len(distinct), self.blocks.dimensions), np.float32)
            for (first, end), read in zip(spans, reads, strict=True):
                start, stop = np.searchsorted(distinct, [first * rows_each, end * rows_each])
                matrix[start:stop] = read.result()[distinct[start:stop] - first * rows_each]
            copy_rows(matrix, place, target)

        return wait

    def _in_blocks(self, size: int) -> int:
        """How many blocks of embeddings have about that many bytes, at least one."""
        return max(1, size // self.blocks.bytes_each)
