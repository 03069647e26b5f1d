"""The follower: full segments come into the index, what is no photo leaves it, and whatever interrupts it does no harm."""

import numpy as np
import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import IndexUnavailable
from lookalike.follow import Followed, follow
from lookalike.hashes import text_hash
from lookalike.index.memory import MemoryIndex
from lookalike.store import index_cursor
from lookalike.store.object_store import MemoryStore
from tests.support.faulty_index import FaultyIndex
from tests.support.indexed import EVERY_SEGMENT_FULL, add, followed, indexed
from tests.support.rows import DIMENSIONS, LAYOUT, delete, put, reject
from tests.support.stores import Fault

NOTHING_FULL = Policy(segment_bytes=10**9)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def index() -> MemoryIndex:
    return MemoryIndex(DIMENSIONS)


def keys_in(index: MemoryIndex) -> set[bytes]:
    return set(index.entries)


def test_live_photos_of_full_segments_come_in_weighted(store: MemoryStore, index: MemoryIndex) -> None:
    add(store, [put("a", 1), put("b", 2), reject("c", 3), delete("d", 4)], LAYOUT, EVERY_SEGMENT_FULL)
    done = follow(store, index, LAYOUT, EVERY_SEGMENT_FULL)
    assert (done.segments, done.rows_put, done.lacking_segments, done.behind_s) == (4, 2, 0, 0)
    assert keys_in(index) == {text_hash("a"), text_hash("b")}
    entry = index.entries[text_hash("a")]
    expected = put("a", 1).embedding * np.array([1, 1, 1, 0.5], np.float32)
    np.testing.assert_array_equal(entry.vector, expected)
    snapshot = indexed(store, index, LAYOUT)
    assert (snapshot.photos, snapshot.rejected, snapshot.shards) == (2, 1, ())


def test_segments_that_may_still_grow_stay_out(store: MemoryStore, index: MemoryIndex) -> None:
    add(store, [put("a", 1)], LAYOUT, NOTHING_FULL)
    assert follow(store, index, LAYOUT, NOTHING_FULL).cursors == 1
    assert not index.entries
    assert follow(store, index, LAYOUT, NOTHING_FULL) == Followed()


def test_what_was_replaced_by_a_segment_that_is_not_full_leaves_the_index(
    store: MemoryStore, index: MemoryIndex
) -> None:
    add(store, [put("a", 1), put("b", 2)], LAYOUT, EVERY_SEGMENT_FULL)
    followed(store, index, LAYOUT, EVERY_SEGMENT_FULL)
    add(store, [put("a", 3), delete("b", 4)], LAYOUT)
    lagging = indexed(store, index, LAYOUT)
    assert not lagging.verified(index.query(np.zeros(DIMENSIONS, np.float32), 9)), "by the log alone"
    compact(store, NOTHING_FULL)
    snapshot = followed(store, index, LAYOUT, NOTHING_FULL)
    assert not snapshot.verified(index.query(np.zeros(DIMENSIONS, np.float32), 9))
    assert snapshot.tail.photos == 1


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
@pytest.mark.parametrize("call", range(5))
def test_a_failed_call_is_made_good_by_the_next_run(
    store: MemoryStore, index: MemoryIndex, call: int, fault: Fault
) -> None:
    add(store, [put("a", 1), put("b", 2), delete("c", 4)], LAYOUT, EVERY_SEGMENT_FULL)
    with pytest.raises(IndexUnavailable):
        follow(store, FaultyIndex(index, {call: fault}), LAYOUT, EVERY_SEGMENT_FULL)
    snapshot = followed(store, index, LAYOUT, EVERY_SEGMENT_FULL)
    assert keys_in(index) == {text_hash("a"), text_hash("b")}
    assert not snapshot.shards
    assert snapshot.photos == 2


def test_it_goes_on_where_time_ended_it(store: MemoryStore, index: MemoryIndex) -> None:
    add(store, [put(str(number), number + 1) for number in range(6)], LAYOUT, EVERY_SEGMENT_FULL)
    runs = 0
    lacking = 6
    while lacking:
        time_left = iter([100.0] * 4)
        done = follow(store, index, LAYOUT, EVERY_SEGMENT_FULL, time_left_s=lambda left=time_left: next(left, 0.0))
        assert done.lacking_segments < lacking
        assert done.lacking_rows == done.lacking_segments
        lacking = done.lacking_segments
        runs += 1
    assert runs > 1
    assert len(index.entries) == 6


def test_an_index_that_was_lost_is_filled_again_and_searches_scan_meanwhile(
    store: MemoryStore, index: MemoryIndex
) -> None:
    add(store, [put("a", 1), put("b", 2)], LAYOUT, EVERY_SEGMENT_FULL)
    followed(store, index, LAYOUT, EVERY_SEGMENT_FULL)
    index.entries.clear()
    follow(store, index, LAYOUT, EVERY_SEGMENT_FULL, time_left_s=iter([100.0, 0.0]).__next__)
    assert indexed(store, index, LAYOUT).tail.photos == 2
    assert not followed(store, index, LAYOUT, EVERY_SEGMENT_FULL).shards
    assert len(index.entries) == 2


def test_an_index_of_no_photo_is_not_taken_for_a_lost_one(store: MemoryStore, index: MemoryIndex) -> None:
    add(store, [reject("a", 1)], LAYOUT, EVERY_SEGMENT_FULL)
    follow(store, index, LAYOUT, EVERY_SEGMENT_FULL)
    assert follow(store, index, LAYOUT, EVERY_SEGMENT_FULL) == Followed()


def test_old_cursors_are_collected_after_grace(index: MemoryIndex) -> None:
    now_s = 1000.0
    store = MemoryStore(lambda: now_s)
    add(store, [put("a", 1), put("b", 2)], LAYOUT, EVERY_SEGMENT_FULL)
    assert follow(store, index, LAYOUT, EVERY_SEGMENT_FULL).collected == 0
    now_s += EVERY_SEGMENT_FULL.grace_s + 1
    assert follow(store, index, LAYOUT, EVERY_SEGMENT_FULL).collected == 2
    assert len(index_cursor.entries(store, index.name)) == 1


def test_products_of_many_photos_are_estimated(
    store: MemoryStore, index: MemoryIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.follow._MOST_COUNTED", 100)
    rows = [put(f"{number}", number + 1, product=str(number // 2)) for number in range(400)]
    add(store, rows, LAYOUT, Policy(segment_bytes=2000))
    snapshot = followed(store, index, LAYOUT, Policy(segment_bytes=2000))
    assert sum(len(held.photo_row) for held in snapshot.body.cursor.body.values()) <= 100
    assert 120 < snapshot.products < 280
