"""The follower: brings the live rows of full segments into an index of candidates, and advances the index's cursor.

    tail    keys whose newest row came into a segment that is not full leave the index: searches scan that segment
    body    a full segment at a time: its live puts go into the index, keys of its rejects and tombstones leave it, and a new
            cursor names it

An entry of a row that is superseded, deleted or no longer where it was does no harm: no search believes it. So every write may be
repeated, and where a process ended in the middle, the next one begins with the segment that the cursor does not name yet. Only
one follower should write at a time. Of two, one loses the race for each cursor, and an entry that the other overwrote with an
older row costs recall until its segment is rewritten.

The cursor lives in the store, and the index may be lost. An index without entries under a cursor that names photos is filled
again from the start: the next cursor names none, so searches scan everything until they are back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from lookalike.compaction.policy import Policy, is_full
from lookalike.index.port import CandidateIndex, IndexRows
from lookalike.layout import Layout
from lookalike.store import index_cursor, segment_reads
from lookalike.store.index_cursor import EVERY_PRODUCT, Contents, Covered, Cursor
from lookalike.store.manifest import PHOTO_STORE, Manifest, SegmentRef
from lookalike.store.object_store import ObjectStore
from lookalike.store.partitions import live_masks
from lookalike.store.records import Op
from lookalike.store.rows import Hashes
from lookalike.store.segment import Segment
from lookalike.store.shard import Mask
from lookalike.store.state import again_while_missing

RESERVE_S: Final = 60.0
"""Time that must be left when a batch is begun: a batch, the settling and the cursor take no longer."""

_ROWS_AT_ONCE: Final = 8192
_MOST_COUNTED: Final = 2**17
"""Photos of the body whose products a cursor names, to count them: of more, those with the smallest hashes of products."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What a follower did, and what is left to do.

    ``segments``: full segments that came into the body; ``lacking_segments``, ``lacking_rows``: full segments that the index
    lacks, and their rows; ``behind_s``: since when it lacks one.
    """

    segments: int = 0
    rows_put: int = 0
    keys_deleted: int = 0
    cursors: int = 0
    lost_races: int = 0
    collected: int = 0
    lacking_segments: int = 0
    lacking_rows: int = 0
    behind_s: float = 0.0


def follow(
    store: ObjectStore,
    index: CandidateIndex,
    layout: Layout,
    policy: Policy | None = None,
    *,
    time_left_s: Callable[[], float] = lambda: float("inf"),
    reserve_s: float = RESERVE_S,
) -> Followed:
    """Follow the newest manifest until nothing is lacking or at most ``reserve_s`` of time are left, then collect old cursors.

    ``layout``: of the embeddings; its weights are multiplied into the index's vectors. Raises StoreError, IndexUnavailable; the
    cursors that were created before stay.
    """
    policy = policy or Policy()
    following = _Following(store, index, layout, policy, lambda: time_left_s() > reserve_s)
    # Compaction may replace a segment meanwhile, and another follower a cursor.
    done = again_while_missing(following.run, "follow it")
    return replace(done, collected=collect_cursors(store, index.name, policy))


class _Following:
    def __init__(
        self, store: ObjectStore, index: CandidateIndex, layout: Layout, policy: Policy, has_time: Callable[[], bool]
    ) -> None:
        self._store, self._index, self._policy, self._has_time = store, index, policy, has_time
        self._layout = layout
        self._scale = layout.by_column(layout.weights)
        self._done = Followed()

    def run(self) -> Followed:
        """Raises ObjectMissing where an object was collected before it was read."""
        cursor = index_cursor.newest(self._store, self._index.name)
        manifest = PHOTO_STORE.newest(self._store)
        if any(map(cursor.photos, cursor.body)) and self._index.is_empty():
            cursor = Cursor(cursor.index, cursor.number)
        full = {ref.name: ref for ref in manifest.segments if is_full(ref, self._policy)}
        if cursor.segments.keys() != {ref.name for ref in manifest.segments} or full.keys() - cursor.body.keys():
            cursor = self._advance(cursor, manifest, full)
        lacking = [ref for name, ref in full.items() if name not in cursor.body]
        behind_ms = self._store.time_ms() - cursor.behind_since_ms if lacking else 0
        return replace(
            self._done,
            lacking_segments=len(lacking),
            lacking_rows=sum(ref.rows for ref in lacking),
            behind_s=max(behind_ms, 0) / 1000,
        )

    def _advance(self, cursor: Cursor, manifest: Manifest, full: Mapping[str, SegmentRef]) -> Cursor:
        """The newest cursor of this follower: as many cursors further as time allows."""
        masks = live_masks(self._store, manifest.segments, rows_at_once=self._policy.rows_at_once)
        live = {ref.name: mask for ref, mask in zip(manifest.segments, masks, strict=True)}
        for ref in manifest.segments:
            if ref.name not in full and ref.name not in cursor.segments:
                if not self._has_time():
                    return cursor
                keys, _ = segment_reads.read_keys(self._store, ref)
                self._delete(keys[live[ref.name]])
        body = {name: held for name, held in cursor.body.items() if name in live}
        limit = cursor.product_limit if body else EVERY_PRODUCT

        def advanced() -> Cursor | None:
            """The cursor after this one, created; None where another follower was sooner."""
            nonlocal cursor
            covered = tuple(Covered.of(name, mask, body.get(name)) for name, mask in live.items())
            behind_ms = (cursor.behind_since_ms or manifest.created_ms) if full.keys() - body.keys() else 0
            number = cursor.number + 1
            new = Cursor(cursor.index, number, manifest.version, manifest.id, covered, limit, behind_ms)
            if not index_cursor.commit(self._store, new):
                self._done = replace(self._done, lost_races=self._done.lost_races + 1)
                return None
            self._done = replace(self._done, cursors=self._done.cursors + 1)
            cursor = new
            return new

        if cursor.segments.keys() != live.keys() and advanced() is None:
            return cursor
        for name, ref in full.items():
            if name in body:
                continue
            held = self._put(ref, live[name], limit)
            if held is None:
                break
            body[name] = held
            limit = _shared_limit(body, limit)
            body = {other: _counted(contents, limit) for other, contents in body.items()}
            if advanced() is None:
                break
            self._done = replace(self._done, segments=self._done.segments + 1)
        return cursor

    def _put(self, ref: SegmentRef, live: Mask, limit: int) -> Contents | None:
        """Bring a segment's live rows into the index; None where time does not suffice."""
        if not self._has_time():
            return None
        rows = segment_reads.read_segment(self._store, ref)
        self._delete(rows.key_hash[live & ~rows.is_put])
        for batch in _batches(rows, live):
            if not self._has_time():
                return None
            places = rows.put_index[batch]
            vectors = (rows.embedding[places] * self._scale).astype(np.float32)
            self._index.put(
                IndexRows(ref.name, batch, rows.key_hash[batch], rows.order[batch], rows.product_hash[batch], vectors)
            )
            self._done = replace(self._done, rows_put=self._done.rows_put + len(batch))
        self._index.settle()
        return index_cursor.contents_of(rows.key_hash, rows.order, rows.product_hash, rows.op, product_limit=limit)

    def _delete(self, keys: Hashes) -> None:
        for start in range(0, len(keys), _ROWS_AT_ONCE):
            self._index.delete(keys[start : start + _ROWS_AT_ONCE])
        self._done = replace(self._done, keys_deleted=self._done.keys_deleted + len(keys))


def collect_cursors(store: ObjectStore, index: str, policy: Policy) -> int:
    """Delete the cursors that no reader can still be reading, and say how many."""
    now_ms, grace_ms = store.time_ms(), int(policy.grace_s * 1000)
    # A reader may have learnt the name of a cursor until the next one was created.
    unused = [
        old.name for newer, old in pairwise(index_cursor.entries(store, index)) if newer.modified_ms + grace_ms < now_ms
    ]
    for name in unused:
        store.delete(name)
    return len(unused)


def _batches(rows: Segment, live: Mask) -> Iterator[np.ndarray]:
    """The live puts of a segment, some at a time."""
    puts = np.flatnonzero(live & np.equal(rows.op, Op.PUT))
    for start in range(0, len(puts), _ROWS_AT_ONCE):
        yield puts[start : start + _ROWS_AT_ONCE]


def _shared_limit(body: Mapping[str, Contents], limit: int) -> int:
    """The greatest head of a product's hash that is counted, so that no more than ``_MOST_COUNTED`` photos are."""
    while _count(body.values(), limit) > _MOST_COUNTED:
        limit //= 2
    return limit


def _count(body: Iterable[Contents], limit: int) -> int:
    return sum(int(np.count_nonzero(contents.photo_product <= np.uint64(limit))) for contents in body)


def _counted(contents: Contents, limit: int) -> Contents:
    kept = contents.photo_product <= np.uint64(limit)
    if kept.all():
        return contents
    return replace(contents, photo_row=contents.photo_row[kept], photo_product=contents.photo_product[kept])
