"""Compaction: folds the log into segments, merges small segments into larger ones, and collects unused objects.

Each step reads a bounded amount, writes new segments under new names, and commits one manifest. Before the commit nothing
changes for any reader; a crash before it leaves objects that no manifest names, and collection deletes them later. A
compaction that loses the race for a version discards its work and starts from the new state, so two compactions at once
waste work and do no harm.

    fold     log segments -> one segment (the newest row of each key). First, so that readers have little to list.
    measure  how near the photos lie to each other, where the store has changed much (``neighbours``).
    merge    size-tiered: ``fanout`` segments of similar size become one, until a segment is full. A full segment is
             rewritten only when ``garbage_share`` of its rows are superseded.
    collect  deletes folded log segments and retired segments after ``grace_s``, which is longer than any refresh of a reader
             and any run of a function.
    draw     the map of the catalogue, where the store has changed by a fifth, or at all and a day ago (``cartography``). Last,
             and only where much time is left, as nobody misses it: an error in it holds up nothing else.

A row is dropped only when a newer row of its key is in a segment of the same manifest. A tombstone is dropped only when it
is older than ``tombstone_s``, no other segment has a row of its key, and no log segment waits. ``tombstone_s`` exceeds the
longest time that the queue keeps an event, so no older put of the key can still arrive.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np

from lookalike.compaction import cartography, neighbours
from lookalike.compaction.policy import Policy, choose
from lookalike.compaction.publish import publish
from lookalike.compaction.steps import RESERVE_S, steps
from lookalike.compaction.work import Work
from lookalike.compaction.writer import write
from lookalike.store import append_log, segment, segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest, MapRef, SegmentRef
from lookalike.store.neighbours import NeighbourSample
from lookalike.store.newest import places_of
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.partitions import live_masks, read_key_columns
from lookalike.store.records import Op, event_times_ms
from lookalike.store.segment import Segment
from lookalike.store.shard import Mask
from lookalike.store.state import State, read_consistently

_READ_AT_ONCE = 16


def compact(
    store: ObjectStore,
    policy: Policy | None = None,
    *,
    time_left_s: Callable[[], float] = lambda: float("inf"),
    reserve_s: float = RESERVE_S,
) -> Work:
    """Fold and merge until nothing is left to do or at most ``reserve_s`` of time are left, then collect, and draw the map.

    Raises StoreError; all that was committed before stays.
    """
    return sum(photo_steps(store, policy or Policy(), time_left_s=time_left_s, reserve_s=reserve_s), Work())


def photo_steps(
    store: ObjectStore, policy: Policy, *, time_left_s: Callable[[], float], reserve_s: float = RESERVE_S
) -> Iterator[Work]:
    """The steps of compacting a store of photos."""

    def step(state: State[Manifest]) -> Work | None:
        if state.waiting:
            return _fold(store, state, policy)
        return _measure(store, state, policy) or _merge(store, state, policy)

    yield from steps(store, PHOTO_STORE, step, policy, time_left_s=time_left_s, reserve_s=reserve_s)
    draw = partial(_draw, store, policy=policy)
    while time_left_s() > cartography.RESERVE_S and (work := read_consistently(store, PHOTO_STORE, draw)) is not None:
        yield work


def _fold(store: ObjectStore, state: State[Manifest], policy: Policy) -> Work:
    batch: list[Entry] = []
    batch_bytes = 0
    for entry in state.waiting:
        if batch and batch_bytes + entry.size > policy.segment_bytes:
            break
        batch.append(entry)
        batch_bytes += entry.size
    merged = segment.merge(_read_all(store, [entry.name for entry in batch]))
    written = write(store, merged, state.manifest, segment_bytes=policy.segment_bytes)
    new = Manifest(
        segments=(*state.manifest.segments, *written.refs),
        calibration=written.calibration,
        neighbours=neighbours.of_new_rows(state.manifest.neighbours, merged.layout),
        map=state.manifest.map,
    )
    committed = publish(store, PHOTO_STORE, state.manifest, new, newly_folded=[entry.name for entry in batch])
    if not committed:
        return Work(lost_races=1, bytes_read=batch_bytes, bytes_written=written.stored_bytes)
    return Work(folded=1, bytes_read=batch_bytes, bytes_written=written.stored_bytes, rows_folded=len(merged))


def _read_all(store: ObjectStore, names: Sequence[str]) -> list[Segment]:
    read = partial(append_log.read, store)
    if len(names) < _READ_AT_ONCE:
        return list(map(read, names))
    # Many log segments are small ones: the time goes into waiting, not into reading.
    with ThreadPoolExecutor(_READ_AT_ONCE, thread_name_prefix="fold") as pool:
        return list(pool.map(read, names))


def _merge(store: ObjectStore, state: State[Manifest], policy: Policy) -> Work | None:
    refs = state.manifest.segments
    if not refs:
        return None
    live = live_masks(store, refs, rows_at_once=policy.rows_at_once)
    chosen = choose(refs, [int(np.count_nonzero(mask)) for mask in live], policy)
    if not chosen:
        return None
    inputs = [refs[index] for index in sorted(chosen)]  # the newest last: its default weights stay
    elsewhere = [ref for ref in refs if ref not in inputs]
    forgettable_ms = store.time_ms() - int(policy.tombstone_s * 1000)
    merged = segment.merge(
        [segment_reads.read_segment(store, refs[index]).take(np.flatnonzero(live[index])) for index in sorted(chosen)]
    )
    droppable = _droppable(merged, store, elsewhere, forgettable_ms)
    if droppable.any():
        merged = merged.take(np.flatnonzero(~droppable))
    written = write(store, merged, state.manifest, segment_bytes=policy.segment_bytes)
    new = Manifest(
        segments=(*elsewhere, *written.refs),
        calibration=written.calibration,
        neighbours=state.manifest.neighbours,
        map=state.manifest.map,
    )
    committed = publish(store, PHOTO_STORE, state.manifest, new)
    return Work(
        merged=int(committed),
        lost_races=int(not committed),
        bytes_read=sum(ref.stored_bytes for ref in inputs),
        bytes_written=written.stored_bytes,
    )


def _measure(store: ObjectStore, state: State[Manifest], policy: Policy) -> Work | None:
    """Measure the distances between the catalogue's photos, where it is due."""
    old = state.manifest
    if not neighbours.is_due(old, store.time_ms()):
        return None
    live = live_masks(store, old.segments, rows_at_once=policy.rows_at_once)
    sample, read_bytes = neighbours.measure(store, old, live)
    new = Manifest(segments=old.segments, calibration=old.calibration, neighbours=sample, map=_as_new(old.map, old))
    committed = publish(store, PHOTO_STORE, old, new)
    return Work(measured=int(committed), lost_races=int(not committed), bytes_read=read_bytes)


def _draw(store: ObjectStore, state: State[Manifest], policy: Policy) -> Work | None:
    """Draw the map of the catalogue, where it is due."""
    old = state.manifest
    if not cartography.is_due(old, store.time_ms()):
        return None
    live = live_masks(store, old.segments, rows_at_once=policy.rows_at_once)
    drawn, read_bytes, written_bytes = cartography.draw(store, old, live)
    if drawn is None:
        return None
    new = Manifest(
        segments=old.segments,
        calibration=old.calibration,
        neighbours=_as_new(old.neighbours, old),
        map=drawn,
    )
    committed = publish(store, PHOTO_STORE, old, new)
    return Work(drawn=int(committed), lost_races=int(not committed), bytes_read=read_bytes, bytes_written=written_bytes)


def _as_new[Made: (NeighbourSample, MapRef)](made: Made | None, old: Manifest) -> Made | None:
    """What was made of the old version: it is as good as of the next one, which has the same rows."""
    return replace(made, version=old.version + 1) if made is not None and made.version == old.version else made


def _droppable(rows: Segment, store: ObjectStore, elsewhere: Sequence[SegmentRef], before_ms: int) -> Mask:
    """A mask of the tombstones to drop: old, and without a row of their key in other segments. bool (rows,)."""
    droppable: Mask = rows.op == Op.DELETE
    droppable &= event_times_ms(rows.order) < before_ms
    if droppable.any():
        for keys, _ in read_key_columns(store, elsewhere):
            some = np.flatnonzero(droppable)
            droppable[some] = places_of(rows.key_hash[some], keys) < 0
    return droppable
