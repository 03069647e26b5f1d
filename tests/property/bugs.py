"""Bugs put into the store on purpose, to show that the state machine would find them. Each is a context manager."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from lookalike.compaction import collect, compact
from lookalike.compaction.policy import Policy
from lookalike.errors import StoreUnavailable
from lookalike.store import append_log, creation, manifest, newest
from lookalike.store.manifest import EMPTY, Manifest, SegmentRef
from lookalike.store.object_store import Entry, ObjectStore, PutAnswer
from lookalike.store.records import Op, Row
from lookalike.store.segment import Segment
from lookalike.store.shard import Shard
from lookalike.store.state import State
from tests.property.audit import AuditedStore

Bug = Callable[[], Any]


@contextmanager
def no_read_back_on_412() -> Iterator[None]:
    """ "Exists" is taken for "another's", though it may be ours."""

    def create(store: ObjectStore, name: str, data: bytes, **_: Any) -> bool:
        return store.put_if_absent(name, data) is PutAnswer.CREATED

    with patch("lookalike.store.append_log.create", create), patch("lookalike.store.versions.create", create):
        yield


@contextmanager
def conflict_taken_for_success() -> Iterator[None]:
    """ "A rival write is in flight" is taken for "written"."""
    create = creation.create

    def trusting(store: ObjectStore, name: str, data: bytes, **options: Any) -> bool:
        return store.put_if_absent(name, data) is not PutAnswer.EXISTS or create(store, name, data, **options)

    with patch("lookalike.store.append_log.create", trusting):
        yield


@contextmanager
def a_watermark_for_the_folded_set() -> Iterator[None]:
    """Every log segment whose name is not above the greatest folded name counts as folded."""
    entries = append_log.entries

    def above_the_watermark(store: ObjectStore) -> list[Entry]:
        listed = entries(store)
        folded = kind.newest(store).folded
        return [entry for entry in listed if entry.name in folded or entry.name > max(folded, default="")]

    with patch("lookalike.store.append_log.entries", above_the_watermark):
        yield


@contextmanager
def tombstones_dropped_early() -> Iterator[None]:
    """A merge drops every tombstone, though older rows of its key may be elsewhere or still arrive."""

    def droppable(held: Segment, *_: Any) -> Any:
        return np.equal(held.op, Op.DELETE)

    with patch("lookalike.compaction.compact._droppable", droppable):
        yield


@contextmanager
def collecting(**changes: float) -> Iterator[None]:
    """Collection has another policy, by itself and at the end of a compaction."""
    true_collect = collect.collect

    def changed(store: ObjectStore, kind: Any, policy: Policy, **options: Any) -> Any:
        return true_collect(store, kind, replace(policy, **changes), **options)

    with patch.object(collect, "collect", changed), patch.object(steps, "collect", changed):
        yield


@contextmanager
def folded_segments_deleted_at_once() -> Iterator[None]:
    """There is no grace period."""
    with collecting(grace_s=-1):
        yield


@contextmanager
def orphans_deleted_at_once() -> Iterator[None]:
    """What no manifest names is taken for garbage, though a compaction may be about to commit it."""
    with collecting(orphan_s=-1):
        yield


@contextmanager
def order_by_arrival() -> Iterator[None]:
    """What arrives last wins, whatever happened last."""
    append, row_of = append_log.append, Segment.row
    true_orders: dict[bytes, bytes] = {}

    def arrived(store: ObjectStore, rows: Sequence[Row], **options: Any) -> str:
        stamped = []
        for row in rows:
            arrival = (len(true_orders) + 1).to_bytes(16) + row.order[16:]
            true_orders[arrival] = row.order
            stamped.append(replace(row, order=arrival))
        return append(store, stamped, **options)

    def as_appended(self: Segment, row: int) -> Row:
        read = row_of(self, row)
        return replace(read, order=true_orders[read.order])

    with patch("lookalike.store.append_log.append", arrived), patch.object(Segment, "row", as_appended):
        yield


@contextmanager
def manifests_listed_before_the_log() -> Iterator[None]:
    """A reader asks for the manifest first, and a log segment folded and collected since is in neither."""

    def look_backwards(store: ObjectStore, kind: StoreKind[Any], known: Any = None) -> State[Any]:
        newest = kind.newest(store, known)
        return State(tuple(append_log.entries(store)), newest)

    with patch("lookalike.store.state.look", look_backwards):
        yield


@contextmanager
def a_row_in_two_places_shown_twice() -> Iterator[None]:
    """A row of the log that the base has too, as it was delivered again after it was folded, is live in both."""
    overlay = newest.overlay

    def all_live(base: Sequence[Shard], top: Segment) -> tuple[Shard, ...]:
        *below, above = overlay(base, top) or (Shard(top, np.ones(len(top), bool)),)
        return (*below, Shard(above.segment, np.ones(len(above.segment), bool)))

    with patch("lookalike.store.reader.overlay", all_live):
        yield


@contextmanager
def ages_by_the_machine_s_clock() -> Iterator[None]:
    """Compaction and collection believe the clock of the machine that they run on."""
    with patch.object(AuditedStore, "time_ms", AuditedStore.machine_time_ms):
        yield


@contextmanager
def commit_of_what_is_not_there() -> Iterator[None]:
    """A manifest is published without a look at the objects that it names."""
    with patch.object(publish, "prove_existing"):
        yield


@contextmanager
def damage_not_looked_for() -> Iterator[None]:
    """All bytes have the same check."""
    with patch("lookalike.store.damage.zlib", SimpleNamespace(crc32=lambda data: 0)):
        yield


@contextmanager
def a_failed_commit_tidied_up() -> Iterator[None]:
    """A compaction whose commit failed deletes what it wrote, though the manifest may have landed."""

    def tidy(store: ObjectStore, kind: Any, old: Version, new: Version, **options: Any) -> bool:
        try:
            return true_publish(store, kind, old, new, **options)
        except StoreUnavailable:
            for name in new.objects - old.objects:
                store.delete(name)
            raise

    with publishing(tidy):
        yield


@contextmanager
def folded_segments_deleted_before_the_commit() -> Iterator[None]:
    """A compaction deletes what it has read before it publishes what it wrote, and may die in between."""

    def hasty(store: ObjectStore, kind: Any, old: Any, new: Any, *, newly_folded: Sequence[str] = ()) -> bool:
        for name in newly_folded:
            store.delete(name)
        return true_publish(store, kind, old, new, newly_folded=newly_folded)

    with publishing(hasty):
        yield


BUGS: tuple[Bug, ...] = (
    no_read_back_on_412,
    conflict_taken_for_success,
    a_watermark_for_the_folded_set,
    tombstones_dropped_early,
    folded_segments_deleted_at_once,
    orphans_deleted_at_once,
    order_by_arrival,
    manifests_listed_before_the_log,
    a_row_in_two_places_shown_twice,
    ages_by_the_machine_s_clock,
    commit_of_what_is_not_there,
    damage_not_looked_for,
    a_failed_commit_tidied_up,
    folded_segments_deleted_before_the_commit,
)
