"""A segment in the object store, as a reader uses it: the scan tier in memory, embeddings in memory or read as needed."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.codes.parted import PartedCodes
from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject
from lookalike.store import chunks, code_columns, columns, segment_file
from lookalike.store.damage import undamaged
from lookalike.store.object_store import ObjectStore
from lookalike.store.ranges import NEAR_BYTES, ranges
from lookalike.store.records import Op
from lookalike.store.rows import Embeddings, Rows, copy_rows

_READ_AT_ONCE_BYTES = 8 * 1024 * 1024
_CHUNKS_KEPT = 256  # of a few kB


class StoredSegment(Rows):
    """A segment with its scan tier in memory; the embeddings stay in the store until ``make_resident``.

    ``scanned``: the first ``scan_bytes`` of the file, or all of it. ``rotation`` gives a rotation by name. ``pool`` runs the
    reads. Raises CorruptObject, and the errors of ``rotation``.
    """

    def __init__(
        self, store: ObjectStore, name: str, scanned: bytes, *, rotation: Callable[[str], Rotation], pool: Executor
    ) -> None:
        self._store, self._name, self._pool = store, name, pool
        header = segment_file.decode_header(scanned)

        def column(name: str) -> npt.NDArray[Any]:
            # A copy, so that the bytes of the file can be freed: most of them are deflated codes.
            copied = columns.read(header, name, scanned).copy()
            copied.flags.writeable = False
            return copied

        self.layout = columns.read_layout(header, "embedding")
        self.key_hash, self.order, self.product_hash = map(column, columns.HASH_COLUMNS)
        self.op = column("op")
        self._put_rows = column("put_row").astype(np.int64)
        self._put_rows.flags.writeable = False
        segment_file.put_places(self._put_rows, self.is_put)
        self._embedding = header.tensors["embedding"]
        self._blocks = segment_file.embedding_blocks(header, scanned)
        if any(len(hashes) != len(self) for hashes in (self.key_hash, self.order, self.product_hash)):
            raise CorruptObject("the columns of the segment are not of one length")
        if np.any(self.op > max(Op)):
            raise CorruptObject("the segment has an operation that does not exist")
        if self._embedding.shape[0] != len(self._put_rows):
            raise CorruptObject("the segment does not have one embedding for each put")
        is_whole = len(scanned) == self._embedding.end
        self._resident: npt.NDArray[np.float32] | None = column("embedding") if is_whole else None
        self._codes = code_columns.read(header, scanned, self.layout, rotation=rotation, pool=pool)
        self._texts = chunks.split(column("text"), column("text_end"))
        rows_of = segment_file.chunk_rows(self._texts, len(self))
        # Do not capture self: the reference cycle would keep hundreds of MB until the next garbage collection.
        texts = self._texts
        self._text = lru_cache(_CHUNKS_KEPT)(lambda number: segment_file.read_text(texts[number], rows_of[number]))

    @property
    def codes(self) -> PartedCodes:
        return self._codes

    @property
    def put_rows(self) -> npt.NDArray[np.int64]:
        return self._put_rows

    @property
    def embedding_bytes(self) -> int:
        """Memory that the embeddings take once they are resident."""
        return self._embedding.end - self._embedding.start

    @property
    def scan_bytes(self) -> int:
        """Memory that everything else takes."""
        arrays = (self.key_hash, self.order, self.product_hash, self.op, self._put_rows, *self._texts)
        return sum(array.nbytes for array in arrays) + self._codes.nbytes

    @property
    def is_resident(self) -> bool:
        return self._resident is not None

    def make_resident(self, stop: threading.Event | None = None) -> None:
        """Read all embeddings into memory, where they stay until ``release``. Raises StoreError, ObjectMissing.

        Once ``stop`` is set it returns before the next read and changes nothing.
        """
        matrix = np.empty(self._embedding.shape, np.float32)
        at_once = self._in_blocks(_READ_AT_ONCE_BYTES)
        for first in range(0, len(self._blocks), at_once):
            if stop is not None and stop.is_set():
                return
            end = min(first + at_once, len(self._blocks))
            rows = self._read(first, end, range(first, end))
            matrix[first * self._blocks.rows_each :][: len(rows)] = rows
        if stop is not None and stop.is_set():
            return
        matrix.flags.writeable = False
        self._resident = matrix

    def release(self) -> None:
        """Drop the embeddings from memory; searches read the few that they need."""
        self._resident = None

    def start_reading(self, puts: npt.NDArray[np.int64]) -> Callable[[Embeddings], None]:
        """See ``Rows``. Blocks of rows near each other share a request, and all requests run in parallel."""
        resident = self._resident
        if resident is not None:
            return partial(copy_rows, resident, puts)
        rows_each = self._blocks.rows_each
        distinct, place = np.unique(puts, return_inverse=True)
        needed = np.unique(distinct // rows_each)
        spans = list(ranges(needed, self._in_blocks(NEAR_BYTES), self._in_blocks(_READ_AT_ONCE_BYTES)))
        reads = [
            self._pool.submit(self._read, first, end, needed[(first <= needed) & (needed < end)].tolist())
            for first, end in spans
        ]

        def wait(target: Embeddings) -> None:
            matrix = np.empty((len(distinct), self.dimensions), np.float32)
            for (first, end), read in zip(spans, reads, strict=True):
                start, stop = np.searchsorted(distinct, [first * rows_each, end * rows_each])
                matrix[start:stop] = read.result()[distinct[start:stop] - first * rows_each]
            copy_rows(matrix, place, target)

        return wait

    def _in_blocks(self, size: int) -> int:
        """How many blocks of embeddings have about that many bytes, at least one."""
        return max(1, size // self._blocks.bytes_each)

    def _read(self, first: int, end: int, needed: Sequence[int]) -> Embeddings:
        """The rows of the blocks ``first`` to ``end`` (exclusive); only those of the blocks ``needed`` are verified."""
        start, stop = (self._embedding.start + place for place in self._blocks.place(first, end))

        def read() -> Embeddings:
            data = self._store.get_range(self._name, start, stop)
            if len(data) != stop - start:
                raise CorruptObject("the object ends inside its embeddings")
            return self._blocks.verified(data, first, needed)

        return undamaged(self._name, read)

    def key_bytes(self, row: int) -> bytes:
        return self._text(row // segment_file.TEXTS_AT_ONCE).key(row % segment_file.TEXTS_AT_ONCE)

    def detail_bytes(self, row: int) -> bytes:
        return self._text(row // segment_file.TEXTS_AT_ONCE).detail(row % segment_file.TEXTS_AT_ONCE)
