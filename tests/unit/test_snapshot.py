import itertools
import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.compaction.collect import collect
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import CorruptObject, NotFound, StoreUnavailable
from lookalike.hashes import HASH_BYTES
from lookalike.layout import Layout, Part
from lookalike.search.knn import nearest_products
from lookalike.store import append_log, manifest, names
from lookalike.store.newest import count_distinct, newest_mask
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import ORDER_BYTES, Op, Row
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import CountingStore
from tests.support.fakes import Clock
from tests.support.rows import LAYOUT, delete, put, quick, reject, rows
from tests.support.stores import Fault, FaultyStore, Rival

GRACE_S = 10
POLICY = Policy(segment_bytes=100_000, fanout=2, grace_s=GRACE_S, orphan_s=100, tombstone_s=1000)


def reader_of(store: ObjectStore, clock: Clock | None = None) -> SnapshotReader:
    return SnapshotReader(store, layout=LAYOUT, io_threads=1, clocks=(clock or Clock(),))


def append(store: ObjectStore, *rows: Row) -> str:
    return append_log.append(store, rows, layout=LAYOUT)


def shown(snapshot: Snapshot) -> dict[str, int]:
    """Each key with the number of its row; a key that is shown twice fails."""
    keys = [row.key for row in snapshot.rows()]
    assert len(keys) == len(set(keys)), "a row is visible twice"
    return {row.key: int.from_bytes(row.order[:4], "big") for row in snapshot.rows()}


# --- what a snapshot says ---------------------------------------------------------------------------------------------


def test_an_empty_store_has_an_empty_snapshot(store: MemoryStore) -> None:
    snapshot = reader_of(store).refresh()
    assert (snapshot.photos, snapshot.products, snapshot.rejected, snapshot.version) == (0, 0, 0, "0+0")
    assert list(snapshot.rows()) == []
    with pytest.raises(NotFound, match="'1'"):
        snapshot.product("1", at_most=10)


def test_a_snapshot_counts_photos_products_and_rejects(store: MemoryStore) -> None:
    append(store, put("1/a", 1, product="1"), put("1/b", 2, product="1"), reject("2/a", 3, product="2"))
    append(store, put("3/a", 4, product="3"), put("4/a", 5, product="4"))
    append(store, delete("4/a", 6, product="4"))
    for _ in range(2):
        snapshot = reader_of(store).refresh()
        assert (snapshot.photos, snapshot.products, snapshot.rejected) == (3, 2, 1)
        compact(store, POLICY)  # and the same from a manifest


def test_a_product_is_its_searchable_and_rejected_photos_by_key(store: MemoryStore) -> None:
    append(store, put("1/b", 1), reject("1/c", 2), put("2/a", 3, product="2"))
    compact(store, POLICY)
    append(store, put("1/a", 4), put("1/d", 5))
    append(store, delete("1/d", 6))
    snapshot = reader_of(store).refresh()
    assert [(row.key, row.op) for row in snapshot.product("1", at_most=10).photos] == [
        ("1/a", Op.PUT),
        ("1/b", Op.PUT),
        ("1/c", Op.REJECT),
    ]
    append(store, delete("2/a", 7, product="2"))
    with pytest.raises(NotFound):
        reader_of(store).refresh().product("2", at_most=10)


def test_rejects_come_page_by_page_each_once_whatever_compaction_does(store: MemoryStore) -> None:
    append(store, *(reject(f"1/{number}", number + 1) for number in range(9)), put("1/x", 20))
    expected = [f"1/{number}" for number in range(9)]
    for extra in range(3):
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page = reader_of(store).refresh().rejects(after=after, at_most=4)
            assert page.total == len(expected)
            found += [photo.key for photo in page.photos]
            after = page.next_after
            compact(store, POLICY)
        assert sorted(found) == expected
        append(store, put("1/0", 30), delete("1/1", 30), reject(f"2/{extra}", 31))
        expected = sorted({*expected, f"2/{extra}"} - {"1/0", "1/1"})


def test_the_newest_row_of_a_key_is_live_wherever_it_is(store: MemoryStore) -> None:
    append(store, put("base wins", 5), put("log wins", 1), put("deleted", 1), delete("came back", 2), put("same", 3))
    compact(store, POLICY)
    append(store, put("base wins", 4), put("log wins", 2), delete("deleted", 2), put("came back", 3), put("same", 3))
    assert shown(reader_of(store).refresh()) == {"base wins": 5, "log wins": 2, "came back": 3, "same": 3}


def test_a_late_put_does_not_undo_a_deletion(store: MemoryStore) -> None:
    append(store, delete("a", 9))
    compact(store, POLICY)
    append(store, put("a", 5))
    assert shown(reader_of(store).refresh()) == {}
    compact(store, POLICY)
    assert shown(reader_of(store).refresh()) == {}


def test_a_snapshot_that_was_handed_out_never_changes(store: MemoryStore) -> None:
    append(store, put("a", 1), put("b", 1))
    compact(store, POLICY)
    reader = reader_of(store)
    before = reader.refresh()
    seen = shown(before)
    append(store, delete("a", 2), put("b", 2))
    assert shown(reader.refresh()) == {"b": 2}
    assert shown(before) == seen


def test_arrays_of_a_snapshot_are_read_only(store: MemoryStore) -> None:
    append(store, put("a", 1), put("b", 1))
    compact(store, POLICY)
    append(store, put("a", 2), delete("c", 1))
    append(store, put("d", 1))
    for shard in reader_of(store).refresh().shards:
        assert not shard.live.flags.writeable
        assert not shard.segment.order.flags.writeable
        for codes in shard.segment.codes.parts:
            assert not codes.head.flags.writeable
            assert not codes.error.flags.writeable


@given(st.lists(st.sampled_from([b"a" * 16, b"a" * 8 + b"b" * 8, b"b" * 8 + b"a" * 8, b"c" * 15, b""])))
def test_distinct_hashes_are_counted_even_if_they_share_a_half(hashes: list[bytes]) -> None:
    assert count_distinct(np.array(hashes, "S16")) == len(set(hashes))


# --- newest_mask ------------------------------------------------------------------------------------------------------

# Three hashes share their first eight bytes, one of them ends in zero bytes, and one is all zero.
crafted_hashes = [
    b"headhead" + b"tailtail",
    b"headhead" + b"tailtaim",
    b"headhead" + b"\0" * 8,
    b"headheae" + b"tailtail",
    b"\0" * HASH_BYTES,
    b"\xff" * HASH_BYTES,
]
crafted_orders = [b"\0" * ORDER_BYTES, b"a" + b"\0" * 31, b"a" + b"\0" * 30 + b"\1", b"b" * ORDER_BYTES, b"\xff" * 32]
hashed_rows = st.lists(
    st.tuples(
        st.sampled_from(crafted_hashes) | st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES),
        st.sampled_from(crafted_orders) | st.binary(min_size=ORDER_BYTES, max_size=ORDER_BYTES),
    ),
    max_size=20,
)


@quick
@given(hashed_rows)
def test_newest_mask_agrees_with_a_dict(some: list[tuple[bytes, bytes]]) -> None:
    newest: dict[bytes, int] = {}
    for index, (key, order) in enumerate(some):
        if key not in newest or some[newest[key]][1] <= order:  # of equal orders the last
            newest[key] = index
    mask = newest_mask(
        np.array([key for key, _ in some], f"S{HASH_BYTES}"), np.array([order for _, order in some], f"S{ORDER_BYTES}")
    )
    assert np.flatnonzero(mask).tolist() == sorted(newest.values())


@quick
@given(st.lists(st.lists(rows(st.sampled_from("abcdef")), max_size=5), max_size=4), st.integers(0, 4))
def test_a_snapshot_agrees_with_a_dict(batches: list[list[Row]], folded: int) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    newest: dict[str, Row] = {}
    warm = reader_of(store)
    # Rows of any age arrive here at any time; a tombstone may only be dropped when no older row can still arrive.
    patient = replace(POLICY, tombstone_s=1e15)
    for number, batch in enumerate(batches):
        append(store, *batch)
        for row in batch:
            if row.key not in newest or newest[row.key].order < row.order:
                newest[row.key] = row
        if number < folded:
            compact(store, patient)
        warm.refresh()
    orders = {key: row.order for key, row in newest.items() if row.op is not Op.DELETE}
    for reader in (warm, reader_of(store)):
        assert {row.key: row.order for row in reader.refresh().rows()} == orders


# --- refreshing -------------------------------------------------------------------------------------------------------


def test_a_refresh_reads_only_what_is_new(store: MemoryStore) -> None:
    many = [put(f"images/{number}.jpg", number) for number in range(5000)]
    for start in range(0, 5000, 1000):
        append(store, *many[start : start + 1000])
    compact(store, Policy())
    append(store, put("images/1.jpg", 9000))
    counting = CountingStore(store)
    reader = reader_of(counting)
    assert reader.refresh().photos == 5000

    counting.reset()
    reader.refresh()
    assert (counting.requests, counting.bytes_read) == ({"list": 2}, 0), "nothing is new"

    counting.reset()
    append(store, put("images/new.jpg", 1))
    assert reader.refresh().photos == 5001
    assert counting.requests == {"list": 2, "get": 1}
    assert counting.bytes_read < 2000

    counting.reset()
    compact(store, Policy())  # folds two log segments into a small one, and leaves the large one
    assert reader.refresh().photos == 5001
    assert counting.requests == {"list": 2, "get": 2}, "the manifest and the small segment"
    assert counting.bytes_read < 5000


def test_a_refresh_over_a_new_manifest_lists_the_log_again_if_it_keeps_what_it_held_of_it(store: MemoryStore) -> None:
    counting = CountingStore(store)
    reader = reader_of(counting)
    for number in range(3):
        append(store, put(f"{number}", 1))
    reader.refresh()
    steps = iter([100.0, 0.0])
    one_segment = replace(POLICY, segment_bytes=1)
    compact(store, one_segment, time_left_s=lambda: next(steps, 0.0))  # folds the first of three
    counting.reset()
    assert reader.refresh().photos == 3
    assert counting.requests == {"list": 3, "get": 2}


def test_what_is_no_longer_needed_is_let_go(store: MemoryStore) -> None:
    reader = reader_of(store)
    for number in range(6):
        append(store, put("a", number + 1))
        reader.refresh()
    compact(store, POLICY)
    reader.refresh()
    assert len(reader._log) == 0
    assert set(reader._base) == {ref.name for ref in manifest.newest(store).segments}


def test_a_snapshot_is_reused_until_it_is_too_old(store: MemoryStore, clock: Clock) -> None:
    counting = CountingStore(store)
    reader = reader_of(counting, clock)
    append(store, put("a", 1))
    reader.current(5.0)
    append(store, put("a", 2))
    counting.reset()
    clock.now_s += 5.0
    assert shown(reader.current(5.0)) == {"a": 1}
    assert reader.age_s == 5.0
    assert not counting.requests
    clock.now_s += 0.1
    assert shown(reader.current(5.0)) == {"a": 2}
    assert reader.age_s == 0


def test_a_snapshot_is_too_old_as_soon_as_one_clock_says_so(store: MemoryStore) -> None:
    """The monotonic clock stands still while Lambda freezes the function. The other is set to another time now and then."""
    for runs, stands_still in itertools.permutations([Clock(), Clock()]):
        counting = CountingStore(store)
        reader = SnapshotReader(counting, layout=LAYOUT, clocks=(runs, stands_still))
        reader.current(5.0)
        counting.reset()
        runs.now_s += 5.1
        assert reader.age_s == pytest.approx(5.1)
        reader.current(5.0)
        assert counting.requests["list"] == 2


def test_a_snapshot_from_the_future_is_too_old(store: MemoryStore) -> None:
    """The clock was set back, so it does not tell how old the snapshot is."""
    wall, steady = Clock(), Clock()
    counting = CountingStore(store)
    reader = SnapshotReader(counting, layout=LAYOUT, clocks=(wall, steady))
    reader.current(5.0)
    counting.reset()
    wall.now_s -= 3600
    steady.now_s += 1
    assert reader.age_s == 1
    reader.current(5.0)
    assert counting.requests["list"] == 2


def test_time_that_a_frozen_process_sleeps_through_counts(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Clock()
    monkeypatch.setattr("lookalike.store.refreshing.time", SimpleNamespace(time=wall, monotonic=lambda: 100.0))
    reader = SnapshotReader(store, layout=LAYOUT)
    assert shown(reader.current(5.0)) == {}
    append(store, put("a", 1))
    wall.now_s += 60
    assert shown(reader.current(5.0)) == {"a": 1}


def test_age_counts_from_the_moment_the_store_was_asked(store: MemoryStore, clock: Clock) -> None:
    def pause() -> None:
        clock.now_s += 3

    reader = reader_of(FaultyStore(store, {0: Rival(before=pause), 1: Rival(after=pause)}), clock)
    reader.refresh()
    assert reader.age_s == 6


def test_a_failed_refresh_leaves_the_last_snapshot_in_place(store: MemoryStore, clock: Clock) -> None:
    append(store, put("a", 1))
    compact(store, POLICY)
    append(store, put("a", 2))
    faulty = FaultyStore(store)
    reader = reader_of(faulty, clock)
    assert shown(reader.refresh()) == {"a": 2}
    append(store, put("b", 3))
    compact(store, POLICY)
    append(store, put("c", 4))
    clock.now_s += 60
    for call in range(5):
        faulty.calls.clear()
        faulty.plan = {call: Fault.BEFORE}
        with pytest.raises(StoreUnavailable):
            reader.current(5)
        assert reader.age_s >= 60
        assert shown(reader.current(100)) == {"a": 2}
    faulty.calls.clear()
    faulty.plan = {}
    assert shown(reader.current(5)) == {"a": 2, "b": 3, "c": 4}
    assert [call for call, _ in faulty.calls] == ["list", "list", "get", "get"], (
        "the base was read before the last fault"
    )


@pytest.mark.parametrize("call", range(5))
@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.CUT])
def test_a_fault_at_any_call_of_a_first_refresh_is_an_outage(store: MemoryStore, call: int, fault: Fault) -> None:
    append(store, put("a", 1))
    compact(store, POLICY)
    append(store, put("b", 1))
    faulty = FaultyStore(store, {call: fault})
    with pytest.raises(StoreUnavailable):
        reader_of(faulty).refresh()
    assert len(faulty.calls) == call + 1


def test_readers_of_several_threads_share_one_refresh(store: MemoryStore, clock: Clock) -> None:
    append(store, put("a", 1))
    inside = threading.Event()
    go_on = threading.Event()

    def wait() -> None:
        inside.set()
        assert go_on.wait(10)

    faulty = FaultyStore(store, {0: Rival(before=wait)})
    reader = reader_of(faulty, clock)
    found: list[Snapshot] = []
    threads = [threading.Thread(target=lambda: found.append(reader.current(5))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert inside.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 4
    assert len({id(snapshot) for snapshot in found}) == 1
    assert [call for call, _ in faulty.calls] == ["list", "list", "get"]


# --- readers and rivals -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("call", range(4))
def test_a_reader_that_pauses_during_compaction_and_collection_misses_nothing(
    store: MemoryStore, clock: Clock, call: int, warm: bool
) -> None:
    """However long it pauses: everything it listed may be gone when it goes on."""
    append(store, put("a", 1), put("b", 1))
    compact(store, POLICY)
    append(store, put("a", 2))

    def long_pause() -> None:
        append(store, put("c", 3))
        compact(store, POLICY)
        clock.now_s += GRACE_S + 1
        append(store, delete("b", 4))
        compact(store, POLICY)
        clock.now_s += GRACE_S + 1
        compact(store, POLICY)

    faulty = FaultyStore(store)
    reader = reader_of(faulty)
    if warm:
        assert shown(reader.refresh()) == {"a": 2, "b": 1}
        append(store, put("d", 3))
    else:
        append(store, put("d", 3))
    faulty.calls.clear()
    faulty.plan = {call: Rival(before=long_pause)}
    found = shown(reader.refresh())
    assert found["a"] == 2
    assert found["d"] == 3
    faulty.plan = {}
    assert shown(reader.refresh()) == shown(reader_of(store).refresh())


def test_a_row_appended_while_a_reader_refreshes_is_seen_at_the_latest_next_time(store: MemoryStore) -> None:
    append(store, put("a", 1))
    compact(store, POLICY)
    for call in range(3):
        number = call + 2
        faulty = FaultyStore(store, {call: Rival(before=lambda number=number: append(store, put("a", number)))})
        reader = reader_of(faulty)
        assert shown(reader.refresh())["a"] in (number - 1, number)
        assert shown(reader.refresh())["a"] == number


def test_a_late_writer_whose_name_sorts_before_everything_folded_is_not_lost(
    store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, put("a", 1))
    append(store, put("b", 1))
    warm = reader_of(store)
    warm.refresh()
    compact(store, POLICY)
    monkeypatch.setattr("lookalike.store.names.time.time", lambda: 1.0)  # a clock that is decades behind
    late = append(store, put("c", 1))
    assert late < min(manifest.newest(store).folded)
    assert shown(warm.refresh()) == shown(reader_of(store).refresh()) == {"a": 1, "b": 1, "c": 1}
    compact(store, POLICY)
    clock.now_s += GRACE_S + 1
    collect(store, manifest.PHOTO_STORE, POLICY)
    assert shown(warm.refresh()) == shown(reader_of(store).refresh()) == {"a": 1, "b": 1, "c": 1}


def test_a_log_segment_that_is_held_but_gone_is_not_believed(
    store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest forgets a folded log segment once it is gone, and with it the tombstones that outdid its rows.

    A reader that listed it before, and pauses before it reads the manifest, must not put its own copy on top.
    """
    monkeypatch.setattr("lookalike.store.names.time.time", lambda: 5.0)
    append(store, put("a", 1))
    faulty = FaultyStore(store)
    reader = reader_of(faulty)
    assert shown(reader.refresh()) == {"a": 1}
    monkeypatch.setattr("lookalike.store.names.time.time", lambda: 4.0)
    deletion = append(store, delete("a", 2))
    compact(store, POLICY)
    clock.now_s += GRACE_S + 1
    crash = FaultyStore(store)
    crash.plan = {("delete", 1): Fault.BEFORE}
    with pytest.raises(StoreUnavailable):
        collect(crash, manifest.PHOTO_STORE, POLICY)
    deleted = [name for call, name in crash.calls if call == "delete"]
    assert deleted[0] == deletion, "the deletion's segment is gone, the put's is not"

    def pause() -> None:
        collect(store, manifest.PHOTO_STORE, POLICY)
        append(store, put("b", 3))
        compact(store, POLICY)
        assert not manifest.newest(store).folded.keys() & faulty_log, "forgotten, as it is gone"

    faulty_log = set(reader._log)
    faulty.calls.clear()
    faulty.plan = {0: Rival(after=pause)}
    assert "a" not in shown(reader.refresh())


def test_a_segment_that_is_really_lost_is_an_outage_and_no_endless_loop(store: MemoryStore) -> None:
    append(store, put("a", 1))
    compact(store, POLICY)
    store.delete(manifest.newest(store).segments[0].name)
    with pytest.raises(StoreUnavailable, match="attempts"):
        reader_of(store).refresh()


def test_a_broken_segment_is_named(store: MemoryStore) -> None:
    name = names.new_log_segment(b"")
    store.put_if_absent(name, b"\0" * 100)
    with pytest.raises(CorruptObject, match=name):
        reader_of(store).refresh()


def test_a_store_of_other_parts_is_refused_and_one_of_other_weights_is_not(store: MemoryStore) -> None:
    append(store, put("a", 1))
    for compacted in (False, True):
        if compacted:
            compact(store, POLICY)
        for other in (Layout((Part("colour", 3), Part("shape", 1))), Layout((Part("shape", 2), Part("colour", 2)))):
            with pytest.raises(CorruptObject, match=r'safetensors .*"colour",1,0.5.*not '):
                SnapshotReader(store, layout=other).refresh()
        heavier = Layout((Part("shape", 3, 7.0), Part("colour", 1, 0.0)))
        snapshot = SnapshotReader(store, layout=heavier).refresh()
        (found,) = nearest_products(snapshot, np.array([1, 2, 5, 9], np.float32), k=1).neighbours
        assert found.distance == pytest.approx(7 * 2), "by the reader's weights"


def test_a_store_of_another_width_is_refused(store: MemoryStore) -> None:
    append(store, put("a", 1))
    with pytest.raises(CorruptObject, match=r'"colour",1,0.5.*not.*"shape",5'):
        SnapshotReader(store, layout=Layout.of_one_part(5)).refresh()
