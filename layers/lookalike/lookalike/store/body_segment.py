"""A segment of which a reader needs a few rows: nothing of it is in memory but what was read lately.

Columns are read by verified blocks of the scan tier (``segment_reads``). Where embeddings and texts are, is read once and kept: about
ten bytes a row. Keys are hashes and ascend, so the place of a key is known to a few thousand rows before anything is read.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES, padded
from lookalike.store import columns, segment_file, segment_reads, tensors
from lookalike.store.damage import naming
from lookalike.store.embedding_blocks import EmbeddingBlocks
from lookalike.store.manifest import SegmentRef
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import padded_order
from lookalike.store.rows import Embeddings
from lookalike.store.segment_file import TEXTS_AT_ONCE, Texts
from lookalike.store.stored_embeddings import StoredEmbeddings

_BLOCKS_KEPT: Final = 4  # of 256 KiB
_TEXTS_KEPT: Final = 16


class BodySegment:
    """``pool`` runs the reads of embeddings. Every method raises StoreError, and ObjectMissing where the segment is gone."""

    def __init__(self, store: ObjectStore, ref: SegmentRef, pool: Executor) -> None:
        self.ref = ref
        self._store, self._pool = store, pool
        # Of this object's making and not methods of the class: the caches go with it.
        self._block = lru_cache(_BLOCKS_KEPT)(self._read_block)
        self._texts = lru_cache(_TEXTS_KEPT)(self._read_texts)

    def start_reading(self, rows: npt.NDArray[np.int64]) -> Callable[[Embeddings], None]:
        """As ``Rows.start_reading``, of rows that are puts. Raises CorruptObject where one is none."""
        by_row, places = self._puts
        at = np.minimum(np.searchsorted(by_row, rows), max(len(by_row) - 1, 0))
        if len(rows) and (not len(by_row) or (by_row[at] != rows).any()):
            raise CorruptObject(f"{self.ref.name}: the embedding of a row was asked for that is no put")
        return self._embeddings.start_reading(places[at] if len(rows) else at)

    def order(self, row: int) -> bytes:
        """The order of a row, 32 bytes."""
        return padded_order(self._column("order", row, row + 1)[0])

    def key_bytes(self, row: int) -> bytes:
        """As ``Rows.key_bytes``."""
        return self._texts(row // TEXTS_AT_ONCE).key(row % TEXTS_AT_ONCE)

    def detail_bytes(self, row: int) -> bytes:
        """As ``Rows.detail_bytes``."""
        return self._texts(row // TEXTS_AT_ONCE).detail(row % TEXTS_AT_ONCE)

    def row_of(self, key_hash: bytes) -> int | None:
        """The row of a key, 16 bytes, by interpolation; None where the segment has none."""
        wanted, sought = np.bytes_(key_hash), int.from_bytes(key_hash)
        at_once = max(segment_file.SCAN_BLOCK_BYTES // HASH_BYTES, 1)
        first, end = 0, self.ref.rows
        low, high = 0, 1 << 8 * HASH_BYTES
        while first < end:
            guess = first + (sought - low) * (end - first) // (high - low)
            start = guess // at_once * at_once
            keys = self._column("key_hash", start, min(start + at_once, self.ref.rows))
            if wanted < keys[0]:
                end, high = start, _number(keys[0])
            elif wanted > keys[-1]:
                first, low = start + len(keys), _number(keys[-1])
            else:
                row = int(np.searchsorted(keys, wanted))
                return start + row if keys[row] == wanted else None
        return None

    @cached_property
    def _header(self) -> tensors.Header:
        return segment_file.decode_header(self._block(0))

    @cached_property
    def _puts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The rows that are puts, ascending, and the place of each one's embedding in the file."""
        put_row = self._column("put_row").astype(np.int64)
        places = np.argsort(put_row)
        return put_row[places], places

    @cached_property
    def _embeddings(self) -> StoredEmbeddings:
        info = self._header.tensors["embedding"]
        with naming(self.ref.name):
            blocks = EmbeddingBlocks(info.shape[0], info.shape[1], self._column("embedding_check"))
        return StoredEmbeddings(self._store, self.ref.name, info.start, blocks, self._pool)

    @cached_property
    def _text_ends(self) -> npt.NDArray[np.int64]:
        return self._column("text_end").astype(np.int64)

    def _column(self, name: str, first: int = 0, end: int | None = None) -> npt.NDArray[Any]:
        """Rows ``first`` to ``end`` (exclusive) of a column that has one axis, or of one of hashes."""
        info = self._header.tensors[name]
        row_bytes = info.dtype.itemsize * (columns.HASH_COLUMNS.get(name, 1))
        end = info.shape[0] if end is None else end
        if not 0 <= first <= end <= info.shape[0]:
            raise CorruptObject(
                f"{self.ref.name} has {info.shape[0]} rows of {name}, and {first} to {end} were asked for"
            )
        data = self._bytes(info.start + first * row_bytes, info.start + end * row_bytes)
        return np.frombuffer(data, f"S{row_bytes}" if name in columns.HASH_COLUMNS else info.dtype)

    def _read_texts(self, chunk: int) -> Texts:
        ends = self._text_ends
        if not 0 <= chunk < len(ends):
            raise CorruptObject(f"{self.ref.name} has {len(ends)} chunks of text, and number {chunk} was asked for")
        text = self._header.tensors["text"].start
        start = int(ends[chunk - 1]) if chunk else 0
        deflated = np.frombuffer(self._bytes(text + start, text + int(ends[chunk])), np.uint8)
        with naming(self.ref.name):
            return segment_file.read_text(deflated, min(TEXTS_AT_ONCE, self.ref.rows - chunk * TEXTS_AT_ONCE))

    def _bytes(self, start: int, end: int) -> bytes:
        """Bytes of the scan tier, from whole blocks."""
        block_bytes = segment_file.SCAN_BLOCK_BYTES
        first = start // block_bytes
        data = b"".join(map(self._block, range(first, -(-end // block_bytes))))
        return data[start - first * block_bytes : end - first * block_bytes]

    def _read_block(self, number: int) -> bytes:
        block_bytes = segment_file.SCAN_BLOCK_BYTES
        end = min((number + 1) * block_bytes, self.ref.scan_bytes)
        return segment_reads.read_scan(self._store, self.ref, number * block_bytes, end)


def _number(key_hash: bytes) -> int:
    """A hash as a number that sorts like it; NumPy's elements lack zeros at the end."""
    return int.from_bytes(padded(key_hash))
