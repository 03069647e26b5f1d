"""The rows of the photos' store that count, segment by segment: the newest of each key."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from lookalike.store import segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest, SegmentRef
from lookalike.store.newest import newest_mask
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.records import Op
from lookalike.store.rows import Hashes
from lookalike.store.segment import Segment
from lookalike.store.shard import Mask
from lookalike.store.state import State, read_consistently


@dataclass(frozen=True, slots=True)
class LiveRows:
    """A segment and its rows: ``key_hash``, ``order``, ``op`` as in ``Rows``; ``live``: which are the newest of their key, bool (rows,)."""

    ref: SegmentRef | Entry
    key_hash: Hashes
    order: Hashes
    op: npt.NDArray[np.uint32]
    live: Mask

    def rows_of(self, op: Op) -> npt.NDArray[np.int64]:
        """The live rows of an operation."""
        return np.flatnonzero(self.live & np.equal(self.op, op))


def live_rows(store: ObjectStore, state: State[Manifest], pool: Executor) -> list[LiveRows]:
    """All segments of a state. Reads neither embeddings nor texts of segments that compaction wrote. Raises StoreError."""
    refs = segment_reads.all_of(state)
    read = list(pool.map(partial(segment_reads.read_states, store), refs))
    if not read:
        return []
    keys, orders = (np.concatenate([columns[number] for columns in read]) for number in (0, 1))
    ends = np.cumsum([len(columns[0]) for columns in read])[:-1]
    masks = np.split(newest_mask(keys, orders), ends)
    return [LiveRows(ref, *columns, live=live) for ref, columns, live in zip(refs, read, masks, strict=True)]


def read_live[T](store: ObjectStore, pool: Executor, read: Callable[[State[Manifest], list[LiveRows]], T]) -> T:
    """What ``read`` makes of the store's state now; all is repeated where compaction took an object away meanwhile."""
    return read_consistently(store, PHOTO_STORE, lambda state: read(state, live_rows(store, state, pool)))


def whole_segments(
    store: ObjectStore, segments: Sequence[LiveRows], op: Op
) -> Iterator[tuple[Segment, npt.NDArray[np.int64]]]:
    """One after the other, each segment with live rows of an operation, and those rows. Raises StoreError."""
    for held in segments:
        rows = held.rows_of(op)
        if len(rows):
            yield segment_reads.read_segment(store, held.ref), rows
