"""A segment in the object store, as a reader uses it: the scan tier in memory, embeddings in memory or read as needed."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.codes.parted import PartedCodes
from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject
from lookalike.store import chunks, code_columns, columns, segment_file
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op
from lookalike.store.rows import Embeddings, Rows, copy_rows
from lookalike.store.stored_embeddings import StoredEmbeddings

_CHUNKS_KEPT = 256  # of a few kB


class StoredSegment(Rows):
    """A segment with its scan tier in memory; the embeddings stay in the store until ``make_resident``.

    ``scanned``: the first ``scan_bytes`` of the file, or all of it. ``rotation`` gives a rotation by name. ``pool`` runs the
    reads. Raises CorruptObject, and the errors of ``rotation``.
    """

    def __init__(
        self, store: ObjectStore, name: str, scanned: bytes, *, rotation: Callable[[str], Rotation], pool: Executor
    ) -> None:
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
        blocks = segment_file.embedding_blocks(header, scanned)
        self._stored = StoredEmbeddings(store, name, self._embedding.start, blocks, pool)
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
        for first, end in self._stored.spans():
            if stop is not None and stop.is_set():
                return
            rows = self._stored.read(first, end, range(first, end))
            matrix[first * self._stored.blocks.rows_each :][: len(rows)] = rows
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
        return self._stored.start_reading(puts)

    def key_bytes(self, row: int) -> bytes:
        return self._text(row // segment_file.TEXTS_AT_ONCE).key(row % segment_file.TEXTS_AT_ONCE)

    def detail_bytes(self, row: int) -> bytes:
        return self._text(row // segment_file.TEXTS_AT_ONCE).detail(row % segment_file.TEXTS_AT_ONCE)
