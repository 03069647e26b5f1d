"""fsck beside a compaction: an object that is collected under its eyes is no error, an object that is lost is one."""

from dataclasses import replace

import pytest

from lookalike.compaction import fsck
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import StoreUnavailable
from lookalike.store import append_log, manifest
from lookalike.store.attempts import Attempt
from lookalike.store.object_store import MemoryStore
from tests.support.rows import LAYOUT, delete, put, reject
from tests.support.stores import FaultyStore, Rival

# Every run of compaction collects all that the run before it put out of use.
AT_ONCE = Policy(fanout=2, grace_s=-1, manifests_kept=1)


@pytest.fixture
def store() -> MemoryStore:
    """A store with a segment and a rotation-free manifest, and a log segment that waits."""
    store = MemoryStore()
    append_log.append(store, [put("images/1.jpg", 1), put("images/2.jpg", 2)], layout=LAYOUT)
    compact(store)
    append_log.append(store, [delete("images/2.jpg", 3), reject("images/3.jpg", 4)], layout=LAYOUT)
    return store


def compact_twice(store: MemoryStore) -> None:
    """Everything that a reader of the store knows is folded, merged and collected."""
    for number in (10, 11):
        append_log.append(store, [put("images/4.jpg", number)], layout=LAYOUT)
        compact(store, AT_ONCE)
    compact(store, AT_ONCE)


def test_a_sound_store_is_clean_and_counted(store: MemoryStore) -> None:
    report = fsck.check(store)

    assert report.errors == []
    assert (report.counts["photos"], report.counts["rejects"], report.counts["tombstones"]) == (1, 1, 1)


def test_an_attempt_that_a_killed_function_left_is_counted_and_is_no_part_of_the_store(store: MemoryStore) -> None:
    store.put_if_absent(Attempt("message", "images/5.jpg", 2).name, b"noted")
    compact_twice(store)

    report = fsck.check(store)

    assert (report.errors, report.counts["attempts at single photos"]) == ([], 1)


def test_a_compaction_between_any_two_calls_is_no_error(store: MemoryStore) -> None:
    calls = FaultyStore(store)
    fsck.check(calls)
    for call in range(len(calls.calls)):
        copy = MemoryStore()
        for entry in store.list(""):
            copy.put_if_absent(entry.name, store.get(entry.name))
        interrupted = FaultyStore(copy, {call: Rival(before=lambda copy=copy: compact_twice(copy))})

        report = fsck.check(interrupted)

        assert report.errors == [], f"interrupted before call {call}, {calls.calls[call]}"


def test_a_lost_segment_is_named(store: MemoryStore) -> None:
    (ref,) = manifest.newest(store).segments
    store.delete(ref.name)

    assert f"{ref.name}: is part of the store and missing" in fsck.check(store).errors


def test_a_store_that_never_rests_is_an_outage(store: MemoryStore) -> None:
    always = FaultyStore(store, {("get", number): Rival(before=lambda: compact_twice(store)) for number in range(99)})
    with pytest.raises(StoreUnavailable, match="try again"):
        fsck.check(always)


@pytest.mark.parametrize("rows_at_once", [10**6, 2, 1])
def test_keys_are_counted_and_held_against_the_folded_log_in_any_number_of_partitions(rows_at_once: int) -> None:
    store = MemoryStore()
    for rows in ([put(f"images/{number}.jpg", 3) for number in range(9)], [put("images/4.jpg", 5), put("new.jpg", 1)]):
        append_log.append(store, rows, layout=LAYOUT)
        compact(store, Policy(fanout=100, garbage_share=2))
    append_log.append(store, [delete("images/1.jpg", 4), reject("images/2.jpg", 4)], layout=LAYOUT)

    report = fsck.check(store, rows_at_once=rows_at_once)

    assert report.errors == []
    assert (report.counts["photos"], report.counts["rejects"], report.counts["tombstones"]) == (8, 1, 1)
    assert report.counts["rows"] == 13

    known = manifest.newest(store)
    manifest.commit(store, replace(known, version=known.version + 1, segments=known.segments[:1]))

    folded = max(known.folded)
    assert sorted(fsck.check(store, rows_at_once=rows_at_once).errors) == [
        f"{folded}: an older row of 'images/4.jpg' stands in its place",
        f"{folded}: the row of 'new.jpg' was folded and is gone",
    ]
