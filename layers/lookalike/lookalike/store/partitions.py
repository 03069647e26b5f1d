"""Key columns of a store, partition by partition, so that no process holds all keys at once.

A partition is the rows whose key hashes begin with the same bits. Rows of one key are in the same partition, so each partition alone
decides which of its rows are the newest. Every segment is sorted by key hash: in each, a partition is a range of rows.

The columns are read once, 48 bytes a row, into a file on this machine's disk, and partitions are ranges of that file. Ranged reads of
S3 would need no disk, but the least that can be verified is a block of 256 KiB, several times what a segment has of a partition.
A small store is one partition and stays in memory.
"""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import batched
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES
from lookalike.store import segment_reads
from lookalike.store.manifest import SegmentRef
from lookalike.store.newest import newest_mask, newest_rows
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.records import ORDER_BYTES
from lookalike.store.rows import Hashes
from lookalike.store.shard import Mask

ROWS_AT_ONCE: Final = 4_000_000
"""Rows of a partition at most, unless hashes are uneven: about 100 bytes of memory each while they are compared."""

_MOST: Final = 2**16
_READ_AT_ONCE: Final = 16
_LEAST_ROW_BYTES: Final = 100  # of a log segment, whose rows are not counted in its name


@dataclass(frozen=True, slots=True)
class RowRange:
    """The rows of one segment in one partition: rows ``start`` to ``end`` (exclusive) of the segment.

    ``key_hash``: S16 (rows,), ascending; ``order``: S32 (rows,); ``live``: whether each is the newest of its key, bool (rows,).
    """

    ref: SegmentRef | Entry
    start: int
    key_hash: Hashes
    order: Hashes
    live: Mask

    @property
    def end(self) -> int:
        return self.start + len(self.live)


def partitions_of(refs: Sequence[SegmentRef | Entry], rows_at_once: int = ROWS_AT_ONCE) -> int:
    """How many partitions these segments need: a power of two, 1 for at most ``rows_at_once`` rows."""
    rows = sum(ref.size // _LEAST_ROW_BYTES if isinstance(ref, Entry) else ref.rows for ref in refs)
    return min(1 << max((rows - 1) // rows_at_once, 0).bit_length(), _MOST)


def live_rows(
    store: ObjectStore,
    refs: Sequence[SegmentRef | Entry],
    *,
    partitions: int | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[list[RowRange]]:
    """For each partition, ascending, the rows of every segment, in the order of ``refs``.

    ``partitions``: a power of two; as many as ``refs`` need for ``rows_at_once`` where it is None. The first step reads all that is needed of the store, and
    raises StoreError, ObjectMissing where a segment was collected. The other steps read from the disk alone.
    """
    partitions = partitions or partitions_of(refs, rows_at_once)
    with KeyColumns(refs, read_key_columns(store, refs), partitions) as columns:
        yield from map(columns.row_ranges, range(columns.partitions))


def live_masks(
    store: ObjectStore, refs: Sequence[SegmentRef], *, partitions: int | None = None, rows_at_once: int = ROWS_AT_ONCE
) -> list[Mask]:
    """For each segment a mask of the rows that are the newest of their key: bool (rows,). As ``live_rows``. Raises StoreError."""
    masks = [np.empty(ref.rows, bool) for ref in refs]
    for ranges in live_rows(store, refs, partitions=partitions, rows_at_once=rows_at_once):
        for mask, rows in zip(masks, ranges, strict=True):
            mask[rows.start : rows.end] = rows.live
    return masks


class KeyColumns:
    """The key hashes and orders of segments, by partition, until it is closed.

    ``columns``: of each segment, as ``read_key_columns`` reads them; its errors are raised.
    """

    def __init__(
        self, refs: Sequence[SegmentRef | Entry], columns: Iterable[tuple[Hashes, Hashes]], partitions: int
    ) -> None:
        self.partitions = partitions
        self._refs = refs
        self._bounds = _bounds(partitions)
        self._ends = np.zeros((len(refs), partitions + 1), np.int64)
        self._kept: _Memory | _Disk = _Memory() if partitions == 1 else _Disk()
        try:
            for number, (keys, orders) in enumerate(columns):
                self._kept.add(keys, orders)
                self._ends[number, 1:-1] = np.searchsorted(keys, self._bounds)
                self._ends[number, -1] = len(keys)
        except BaseException:
            self._kept.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def row_ranges(self, partition: int) -> list[RowRange]:
        """The rows of each segment in a partition."""
        spans = self._ends[:, partition : partition + 2]
        keys, orders = self._kept.read(spans)
        live = newest_mask(keys, orders)
        ends = np.cumsum(spans[:, 1] - spans[:, 0])
        return [
            RowRange(
                ref,
                int(first),
                keys[end - last + first : end],
                orders[end - last + first : end],
                live[end - last + first : end],
            )
            for ref, (first, last), end in zip(self._refs, spans, ends, strict=True)
        ]

    def newest(self, partition: int) -> tuple[Hashes, Hashes]:
        """The keys of a partition, S16 (keys,), ascending, and the order of the newest row of each, S32 (keys,)."""
        keys, orders = self._kept.read(self._ends[:, partition : partition + 2])
        return newest_rows(keys, orders)


class _Memory:
    """The columns of segments, as they came."""

    def __init__(self) -> None:
        self._columns: list[tuple[Hashes, Hashes]] = []

    def close(self) -> None:
        self._columns.clear()

    def add(self, keys: Hashes, orders: Hashes) -> None:
        self._columns.append((keys, orders))

    def read(self, spans: npt.NDArray[np.int64]) -> tuple[Hashes, Hashes]:
        """Some rows of each segment, one segment after the other. ``spans``: first row and end, int64 (segments, 2)."""
        keys, orders = no_rows()
        some = [(k[first:end], o[first:end]) for (k, o), (first, end) in zip(self._columns, spans, strict=True)]
        return np.concatenate([keys, *(k for k, _ in some)]), np.concatenate([orders, *(o for _, o in some)])


class _Disk:
    """The columns of segments in a file without a name: it goes when it is closed, or the process ends in any way."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this object
        self._rows: list[int] = []

    def close(self) -> None:
        self._file.close()

    def add(self, keys: Hashes, orders: Hashes) -> None:
        for column in (keys, orders):
            self._file.write(np.ascontiguousarray(column).view(np.uint8))
        self._rows.append(len(keys))

    def read(self, spans: npt.NDArray[np.int64]) -> tuple[Hashes, Hashes]:
        """As ``_Memory.read``."""
        keys, orders = _empty(int((spans[:, 1] - spans[:, 0]).sum()))
        done, start = 0, 0
        for rows, (first, end) in zip(self._rows, spans.tolist(), strict=True):
            into = slice(done, done + end - first)
            self._read(keys[into], start + first * HASH_BYTES)
            self._read(orders[into], start + rows * HASH_BYTES + first * ORDER_BYTES)
            done, start = into.stop, start + rows * (HASH_BYTES + ORDER_BYTES)
        return keys, orders

    def _read(self, column: Hashes, start: int) -> None:
        if len(column):
            self._file.seek(start)
            self._file.readinto(column.view(np.uint8))


def no_rows() -> tuple[Hashes, Hashes]:
    """Columns without rows."""
    return _empty(0)


def _empty(rows: int) -> tuple[Hashes, Hashes]:
    return np.empty(rows, f"S{HASH_BYTES}"), np.empty(rows, f"S{ORDER_BYTES}")


def partition_of(key_hash: bytes, partitions: int) -> int:
    """The partition of a key."""
    return int.from_bytes(key_hash[:2]) * partitions // _MOST


def _bounds(partitions: int) -> Hashes:
    """The least key hash of each partition but the first."""
    bits = partitions.bit_length() - 1
    bounds = [(number << (8 * HASH_BYTES - bits)).to_bytes(HASH_BYTES) for number in range(1, partitions)]
    return np.array(bounds, f"S{HASH_BYTES}")


def read_key_columns(store: ObjectStore, refs: Sequence[SegmentRef | Entry]) -> Iterator[tuple[Hashes, Hashes]]:
    """The key hashes, S16 (rows,), and the orders, S32 (rows,), of each segment. Of many, some are read at once. Raises StoreError."""
    many = len(refs) >= _READ_AT_ONCE
    with ThreadPoolExecutor(_READ_AT_ONCE, thread_name_prefix="keys") if many else nullcontext() as pool:
        for some in batched(refs, _READ_AT_ONCE):  # an executor would read them all, however slowly they are taken
            read = partial(segment_reads.read_keys, store)
            yield from pool.map(read, some) if pool else map(read, some)
