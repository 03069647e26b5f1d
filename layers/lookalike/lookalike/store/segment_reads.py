"""Reads of segments whose bytes are verified: the scan tier by blocks, the keys alone, or the whole file.

    the header and the scan tier   a check for each block of ``SCAN_BLOCK_BYTES``, in the manifest's ``SegmentRef``
    the embeddings                 a check for each block of rows, in the column ``embedding_check`` of the scan tier

So each range that a reader asks for is made of whole blocks. Every function raises StoreError, and CorruptObject that names
the segment where it is damaged a second time (``damage``).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.store import append_log, columns, segment_file
from lookalike.store.damage import undamaged, verify
from lookalike.store.manifest import Manifest, SegmentRef
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.rows import Hashes
from lookalike.store.segment import Segment
from lookalike.store.state import State


def all_of(state: State[Manifest]) -> list[SegmentRef | Entry]:
    """All segments that hold a store's rows: the manifest's, then the waiting log segments."""
    return [*state.manifest.segments, *state.waiting]


def scan_spans(ref: SegmentRef, at_once_bytes: int) -> list[tuple[int, int]]:
    """Ranges that cover the scan tier: of about ``at_once_bytes`` each, and of whole blocks."""
    block_bytes = segment_file.SCAN_BLOCK_BYTES
    step = max(at_once_bytes // block_bytes, 1) * block_bytes
    return [(start, min(start + step, ref.scan_bytes)) for start in range(0, ref.scan_bytes, step)]


def read_scan(store: ObjectStore, ref: SegmentRef, start: int, end: int) -> bytes:
    """Bytes ``start`` to ``end`` (exclusive) of the scan tier: whole blocks, the last of which may end with it."""
    block_bytes = segment_file.SCAN_BLOCK_BYTES
    checks = ref.checks[start // block_bytes : -(-end // block_bytes)]

    def read() -> bytes:
        data = store.get_range(ref.name, start, end)
        verify(data, checks, block_bytes)
        return data

    return undamaged(ref.name, read)


def read_bytes(store: ObjectStore, ref: SegmentRef) -> bytes:
    """The whole file."""
    return undamaged(ref.name, lambda: _read_once(store, ref))


def read_segment(store: ObjectStore, ref: SegmentRef | Entry) -> Segment:
    """All rows of a segment, or of a log segment in a listing."""
    if isinstance(ref, Entry):
        return append_log.read(store, ref.name)
    return undamaged(ref.name, lambda: segment_file.decode(_read_once(store, ref)))


def _read_once(store: ObjectStore, ref: SegmentRef) -> bytes:
    data = store.get(ref.name)
    verify(data[: ref.scan_bytes], ref.checks, segment_file.SCAN_BLOCK_BYTES)
    blocks = segment_file.embedding_blocks(segment_file.decode_header(data), data)
    blocks.verified(memoryview(data)[ref.scan_bytes :], 0, range(len(blocks)))
    return data


def read_keys(store: ObjectStore, ref: SegmentRef | Entry) -> tuple[Hashes, Hashes]:
    """Only the key hashes, S16 (rows,), and the orders, S32 (rows,), of a segment, or of a log segment in a listing."""
    keys, orders = _read_columns(store, ref, ("key_hash", "order"))
    return keys, orders


def read_states(store: ObjectStore, ref: SegmentRef | Entry) -> tuple[Hashes, Hashes, npt.NDArray[np.uint32]]:
    """As ``read_keys``, and the operations: uint32 (rows,)."""
    keys, orders, operations = _read_columns(store, ref, ("key_hash", "order", "op"))
    return keys, orders, operations


def _read_columns(store: ObjectStore, ref: SegmentRef | Entry, names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Columns that stand near the beginning of a segment."""
    if isinstance(ref, Entry):  # it is small, and has one check
        rows = append_log.read(store, ref.name)
        return [getattr(rows, name) for name in names]
    block_bytes = segment_file.SCAN_BLOCK_BYTES
    data = read_scan(store, ref, 0, min(block_bytes, ref.scan_bytes))
    header = segment_file.decode_header(data)
    end = max(header.tensors[name].end for name in names)
    if end > len(data):
        data += read_scan(store, ref, len(data), min(-(-end // block_bytes) * block_bytes, ref.scan_bytes))
    read = [columns.read(header, name, data) for name in names]
    if any(len(column) != ref.rows for column in read):
        lengths = ", ".join(str(len(column)) for column in read)
        raise CorruptObject(f"{ref.name} has columns of {lengths} rows, and not {ref.rows} of each")
    return read
