"""Bugs put into the stores on purpose, to show that the state machines would find them. Each is a context manager."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from lookalike.compaction import collect, publish, steps
from lookalike.compaction import products as compaction_of_products
from lookalike.compaction.policy import Policy
from lookalike.errors import StoreUnavailable
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.store import append_log, creation, index_cursor, newest, segment_reads, versions
from lookalike.store.body import Body
from lookalike.store.object_store import Entry, ObjectStore, PutAnswer
from lookalike.store.products import live, loading
from lookalike.store.products.live import Files, Live, Waiting
from lookalike.store.products.product_manifest import FileRef, ProductManifest
from lookalike.store.records import Op, Row
from lookalike.store.segment import Segment
from lookalike.store.shard import Shard
from lookalike.store.state import State
from lookalike.store.versions import StoreKind, Version
from tests.property.audit import AuditedStore

Bug = Callable[[], Any]

_collect, _publish = collect.collect, publish.publish


@contextmanager
def publishing(changed: Callable[..., bool]) -> Iterator[None]:
    """Every compaction publishes in another way."""
    with (
        patch("lookalike.compaction.compact.publish", changed),
        patch("lookalike.compaction.products.publish", changed),
    ):
        yield


@contextmanager
def no_read_back_on_412() -> Iterator[None]:
    """ "Exists" is taken for "another's", though it may be ours."""

    def create(store: ObjectStore, name: str, data: bytes, **_: Any) -> bool:
        return store.put_if_absent(name, data) is PutAnswer.CREATED

    with (
        patch("lookalike.store.append_log.create", create),
        patch("lookalike.store.products.product_log.create", create),
        patch("lookalike.store.versions.create", create),
    ):
        yield


@contextmanager
def conflict_taken_for_success() -> Iterator[None]:
    """ "A rival write is in flight" is taken for "written"."""
    create = creation.create

    def trusting(store: ObjectStore, name: str, data: bytes, **options: Any) -> bool:
        return store.put_if_absent(name, data) is not PutAnswer.EXISTS or create(store, name, data, **options)

    with (
        patch("lookalike.store.append_log.create", trusting),
        patch("lookalike.store.products.product_log.create", trusting),
    ):
        yield


@contextmanager
def a_watermark_for_the_folded_set() -> Iterator[None]:
    """Every log segment whose name is not above the greatest folded name counts as folded."""
    entries = append_log.entries

    def above_the_watermark(store: ObjectStore) -> list[Entry]:
        listed = entries(store)
        name = versions.newest_name(store)
        folded = json.loads(store.get(name))["folded"] if name else {}
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

    def changed(store: ObjectStore, kind: Any, policy: Policy, **options: Any) -> Any:
        return _collect(store, kind, replace(policy, **changes), **options)

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
            return _publish(store, kind, old, new, **options)
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
        return _publish(store, kind, old, new, newly_folded=newly_folded)

    with publishing(hasty):
        yield


@contextmanager
def the_file_that_arrived_last_wins() -> Iterator[None]:
    """Of a data file's rows the last in the log counts, whatever happened last."""

    def by_arrival(manifest: ProductManifest, waiting: Iterable[Waiting]) -> list[Live]:
        last: dict[str, Live] = {ref.key: ref for ref in manifest.files}
        last |= {file.key: file for file in sorted(waiting, key=lambda file: file.name)}
        return [last[key] for key in sorted(last)]

    with (
        patch.object(loading, "live_files", by_arrival),
        patch.object(compaction_of_products, "live_files", by_arrival),
    ):
        yield


@contextmanager
def tombstones_of_files_dropped_early() -> Iterator[None]:
    """Compaction of product data forgets every tombstone, though older rows of its key may still arrive."""
    forget = compaction_of_products._forget

    def early(store: ObjectStore, old: ProductManifest, policy: Policy) -> Any:
        return forget(store, old, replace(policy, tombstone_s=-1))

    with patch.object(compaction_of_products, "_forget", early):
        yield


@contextmanager
def growing(changed: Callable[[Files, Files], list[str] | None]) -> Iterator[None]:
    """A table grows by other files, in readers and in compaction."""
    with patch.object(loading, "added_after", changed):
        yield


@contextmanager
def a_file_in_the_middle_put_on_top() -> Iterator[None]:
    """A file that was added is merged last, wherever its key sorts."""
    with growing(lambda base, files: sorted(files.keys() - base.keys()) if base.items() <= files.items() else None):
        yield


@contextmanager
def a_replaced_file_not_noticed() -> Iterator[None]:
    """A table in memory is taken for that of files of the same names, whatever they hold now."""
    with growing(lambda base, files: live.added_after({key: files.get(key, b"") for key in base}, files)):
        yield


@contextmanager
def a_deleted_file_not_noticed() -> Iterator[None]:
    """A table in memory goes on being used though one of its files is gone."""
    with growing(lambda base, files: live.added_after({key: base[key] for key in base.keys() & files.keys()}, files)):
        yield


@contextmanager
def tables_kept_of_replaced_files() -> Iterator[None]:
    """A reader that kept the table of a file uses it after the file was replaced."""
    with patch.object(loading._Loading, "_is_as_held", lambda self, key: key in self._files):
        yield


@contextmanager
def the_table_not_written_anew() -> Iterator[None]:
    """A fold writes a new table only where files came or went."""

    def keys_alone(files: Iterable[FileRef]) -> list[str]:
        return [ref.key for ref in files if ref.op is not Op.DELETE]

    with patch.object(compaction_of_products, "_shown", keys_alone):
        yield


@contextmanager
def the_index_trusted() -> Iterator[None]:
    """A candidate counts though the cursor has its row as superseded."""

    def in_the_body(self: Body, segments: Sequence[str], rows: Any) -> Any:
        return np.array([name in self.refs for name in segments], bool)

    with patch.object(Body, "are_live", in_the_body):
        yield


@contextmanager
def the_tail_not_asked() -> Iterator[None]:
    """A candidate counts though the tail has a newer row of its key."""
    with patch.object(IndexedSnapshot, "superseded", lambda self, keys, places: np.zeros(len(places), bool)):
        yield


@contextmanager
def late_events_not_looked_for() -> Iterator[None]:
    """A row of the tail counts though the body has a newer row of its key."""
    with (
        patch.object(IndexedSnapshot, "is_late", lambda self, key: False),
        patch.object(IndexedSnapshot, "_is_superseded", lambda self, shard, row: False),
    ):
        yield


@contextmanager
def the_cursor_advanced_first() -> Iterator[None]:
    """The cursor names a segment before its rows are in the index, and the process may end in between."""

    def names_only(self: Any, ref: Any, live: Any, limit: int) -> Any:
        rows = segment_reads.read_segment(self._store, ref)
        return index_cursor.contents_of(rows.key_hash, rows.order, rows.product_hash, rows.op, product_limit=limit)

    with patch("lookalike.follow._Following._put", names_only):
        yield


PROTOCOL_BUGS: tuple[Bug, ...] = (
    no_read_back_on_412,
    conflict_taken_for_success,
    a_watermark_for_the_folded_set,
    folded_segments_deleted_at_once,
    orphans_deleted_at_once,
    manifests_listed_before_the_log,
    ages_by_the_machine_s_clock,
    commit_of_what_is_not_there,
    damage_not_looked_for,
    a_failed_commit_tidied_up,
    folded_segments_deleted_before_the_commit,
)
"""Of the code that both kinds of stores share."""

PHOTO_BUGS: tuple[Bug, ...] = (tombstones_dropped_early, order_by_arrival, a_row_in_two_places_shown_twice)

PRODUCT_BUGS: tuple[Bug, ...] = (
    the_file_that_arrived_last_wins,
    tombstones_of_files_dropped_early,
    a_file_in_the_middle_put_on_top,
    a_replaced_file_not_noticed,
    a_deleted_file_not_noticed,
    tables_kept_of_replaced_files,
    the_table_not_written_anew,
)

INDEX_BUGS: tuple[Bug, ...] = (
    the_index_trusted,
    the_tail_not_asked,
    late_events_not_looked_for,
    the_cursor_advanced_first,
)
