import itertools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.compaction.collect import collect
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy, choose
from lookalike.compaction.work import Work
from lookalike.errors import CorruptObject, StoreUnavailable
from lookalike.layout import Layout
from lookalike.store import append_log, manifest, names, segment_file
from lookalike.store.manifest import Manifest, SegmentRef
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Row
from lookalike.store.wrappers import CountingStore
from tests.support.fakes import Clock
from tests.support.rows import LAYOUT, delete, put, quick, reject, values
from tests.support.stores import Fault, FaultyStore, Rival

pytestmark = pytest.mark.usefixtures("no_pauses")

GRACE_S = 10
ORPHAN_S = 100
TOMBSTONE_S = 1000
POLICY = Policy(
    segment_bytes=3000, fanout=2, grace_s=GRACE_S, orphan_s=ORPHAN_S, tombstone_s=TOMBSTONE_S, manifests_kept=2
)
LARGE = replace(POLICY, segment_bytes=1_000_000, fanout=4, manifests_kept=99)


def append(store: ObjectStore, *rows: Row) -> str:
    return append_log.append(store, rows, layout=LAYOUT)


def settle(store: ObjectStore, policy: Policy = POLICY) -> Work:
    """Compact; fail instead of hanging where compaction never comes to rest."""
    steps = itertools.count()

    def time_left_s() -> float:
        assert next(steps) < 200, "compaction does not come to rest"
        return float("inf")

    return compact(store, policy, time_left_s=time_left_s)


def shown(store: ObjectStore) -> dict[str, int]:
    found = list(SnapshotReader(store, layout=LAYOUT, io_threads=1).refresh().rows())
    keys = [row.key for row in found]
    assert len(keys) == len(set(keys)), "a row is visible twice"
    return {row.key: int.from_bytes(row.order[:4], "big") for row in found}


def listed(store: ObjectStore, prefix: str = "") -> set[str]:
    return {entry.name for entry in store.list(prefix)}


def stored_rows(store: ObjectStore) -> list[Row]:
    """Every row in the live segments, tombstones and superseded rows included."""
    segments = [segment_file.decode(store.get(ref.name)) for ref in manifest.newest(store).segments]
    return [held.row(row) for held in segments for row in range(len(held))]


# --- folding and merging ----------------------------------------------------------------------------------------------


def test_an_empty_store_is_left_alone(store: MemoryStore) -> None:
    assert settle(store) == Work()
    assert listed(store) == set()


def test_the_log_is_folded_into_one_segment_of_each_key_s_newest_row(store: MemoryStore) -> None:
    append(store, put("a", 1), put("b", 1))
    append(store, put("a", 2), reject("c", 1))
    append(store, delete("b", 2))
    work = settle(store, LARGE)
    assert (work.folded, work.rows_folded, work.lost_races) == (1, 3, 0)
    assert values(stored_rows(store)) == values([put("a", 2), delete("b", 2), reject("c", 1)])
    assert manifest.newest(store).folded.keys() == listed(store, "log/")
    assert shown(store) == {"a": 2, "c": 1}


def test_compaction_that_has_nothing_to_do_writes_nothing(store: MemoryStore) -> None:
    for number in range(20):
        append(store, put(f"{number}", 1))
    settle(store)
    before = listed(store)
    counting = CountingStore(store)
    assert settle(counting) == Work()
    assert counting.requests["put"] == counting.requests["delete"] == 0
    assert listed(store) == before


def test_a_fold_is_bounded_by_the_size_of_a_segment(store: MemoryStore) -> None:
    for number in range(10):
        append(store, put(f"{number}", 1))  # about 800 bytes each
    work = settle(store)
    assert work.folded >= 3
    assert len(shown(store)) == 10


def test_many_small_segments_become_few_large_ones(store: MemoryStore) -> None:
    policy = replace(POLICY, segment_bytes=6000)
    for number in range(120):
        append(store, put(f"{number}", 1))
        settle(store, policy)
    sizes = [ref.stored_bytes for ref in manifest.newest(store).segments]
    assert len(shown(store)) == 120
    full = [size for size in sizes if 2 * size >= policy.segment_bytes]
    assert len(full) >= 3
    assert len(sizes) - len(full) < policy.fanout * 4, "fewer than fanout in each tier below"


def test_segments_keep_to_the_size_of_the_policy(store: MemoryStore) -> None:
    append(store, *[put(f"{number}", 1, metadata={"name": "x" * (number * 20 % 700)}) for number in range(100)])
    settle(store)
    header_bytes = 800
    for ref in manifest.newest(store).segments:
        assert ref.stored_bytes == len(store.get(ref.name))
        assert ref.stored_bytes <= POLICY.segment_bytes + header_bytes


def test_a_row_larger_than_a_segment_is_a_segment_of_its_own(store: MemoryStore) -> None:
    append(store, *[put(f"{number}", 1, metadata={"name": "x" * 5000}) for number in range(5)])
    settle(store)
    assert [ref.rows for ref in manifest.newest(store).segments] == [1] * 5
    assert len(shown(store)) == 5


@pytest.mark.parametrize("layout", [Layout.of_one_part(dimensions) for dimensions in (1, 4, 512)])
@pytest.mark.parametrize("make", [put, reject, delete])
def test_compaction_comes_to_rest_whatever_the_rows_weigh(
    clock: Clock, layout: Layout, make: Callable[[str, int], Row]
) -> None:
    store = MemoryStore(clock)
    for number in range(40):
        row = make(f"{number}", clock.now_ms)
        if row.embedding is not None:
            row = replace(row, embedding=np.zeros(layout.dimensions, np.float32))
        append_log.append(store, [row], layout=layout)
    settle(store, replace(POLICY, segment_bytes=10_000))
    assert sum(ref.rows for ref in manifest.newest(store).segments) == 40


def test_superseded_rows_are_rewritten_away(store: MemoryStore) -> None:
    append(store, *[put(f"{number}", 1) for number in range(100)])
    settle(store)
    append(store, *[put(f"{number}", 2) for number in range(100)])
    settle(store)
    assert len(stored_rows(store)) <= 100 / (1 - POLICY.garbage_share)
    assert set(shown(store).values()) == {2}


def test_a_segment_whose_rows_are_all_superseded_is_dropped(store: MemoryStore) -> None:
    append(store, put("a", 1))
    settle(store, LARGE)
    (old,) = manifest.newest(store).segments
    append(store, put("a", 2))
    settle(store, LARGE)
    refs = manifest.newest(store).segments
    assert old not in refs
    assert [ref.rows for ref in refs] == [1]
    assert manifest.newest(store).retired.keys() == {old.name}


def test_a_merge_reads_only_keys_of_what_it_leaves_alone(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_file, "SCAN_BLOCK_BYTES", 10_000)
    append(store, *[put(f"{number}", 1, metadata={"name": "x" * 500}) for number in range(3000)])
    policy = replace(POLICY, segment_bytes=3_000_000)
    settle(store, policy)
    for number in range(2):
        append(store, put(f"new {number}", 1))
        compact(store, replace(policy, fanout=9))
    counting = CountingStore(store)
    work = compact(counting, policy)
    assert work.merged == 1
    assert counting.bytes_read < 3000 * 48 * 2 + 80_000, "twice the keys and orders, and two small segments"


def test_steps_stop_when_time_runs_out(store: MemoryStore) -> None:
    for number in range(10):
        append(store, put(f"{number}", 1))
    left_s = iter([100.0, 100.0, 59.0])
    work = compact(store, POLICY, time_left_s=lambda: next(left_s, 0.0), reserve_s=60)
    assert work.folded == 2
    assert len(shown(store)) == 10
    settle(store)
    assert len(shown(store)) == 10


def test_work_adds_up(store: MemoryStore) -> None:
    counting = CountingStore(store)
    append(store, put("a", 1), put("b", 1))
    size = sum(entry.size for entry in store.list("log/"))
    work = compact(counting, LARGE)
    assert work.bytes_read == size
    assert work.bytes_written == sum(entry.size for entry in store.list("segments/"))
    assert work.as_dict()["rows_folded"] == 2
    assert (work + work).rows_folded == 4


# --- which segments to merge ------------------------------------------------------------------------------------------

refs_and_live = st.lists(
    st.tuples(st.integers(1, 4000), st.integers(1, 40), st.integers(0, 100)).map(
        lambda item: (item[0], item[1], item[1] * item[2] // 100)
    ),
    max_size=12,
)


@quick
@given(refs_and_live, st.integers(2, 4))
def test_a_choice_makes_progress_and_keeps_to_the_size(some: list[tuple[int, int, int]], fanout: int) -> None:
    policy = replace(POLICY, fanout=fanout)
    refs = [SegmentRef(f"{index}", rows, rows, size, size, size, "", ()) for index, (size, rows, _) in enumerate(some)]
    live = [live_rows for _, _, live_rows in some]
    chosen = choose(refs, live, policy)
    assert len(set(chosen)) == len(chosen)
    if len(chosen) == 1:
        assert live[chosen[0]] <= (1 - policy.garbage_share) * refs[chosen[0]].rows
    elif chosen:
        assert sum(refs[index].raw_bytes * live[index] // refs[index].rows for index in chosen) <= policy.segment_bytes
    else:
        small = [index for index, ref in enumerate(refs) if 2 * ref.stored_bytes < policy.segment_bytes]
        assert len(small) <= 7 * (fanout - 1), "at most fanout - 1 in each tier"


@pytest.mark.parametrize("rows_at_once", [1, 9])
def test_partitions_change_neither_rows_nor_segments_nor_the_bytes_that_are_written(rows_at_once: int) -> None:
    found = []
    for policy in (LARGE, replace(LARGE, rows_at_once=rows_at_once)):
        rng = np.random.default_rng(3)
        store, work = MemoryStore(), Work()
        for number in range(24):
            keys = rng.choice(60, 6, replace=False).tolist()
            append(store, *((delete if rng.random() < 0.3 else put)(f"{key}", number) for key in keys))
            work += settle(store, policy)
        segments = [segment_file.decode(store.get(ref.name)) for ref in manifest.newest(store).segments]
        assert work.merged > 5
        found.append(((work.merged, work.bytes_read, work.bytes_written), [values(rows) for rows in segments]))
    assert found[0] == found[1]


# --- tombstones -------------------------------------------------------------------------------------------------------


def tombstones(store: ObjectStore) -> set[str]:
    return {row.key for row in stored_rows(store) if row.embedding is None}


def test_a_tombstone_is_kept_while_it_is_young(store: MemoryStore, clock: Clock) -> None:
    append(store, delete("a", 1, time_ms=clock.now_ms))
    settle(store, LARGE)
    for number in range(2):
        clock.now_s += TOMBSTONE_S / 2
        append(store, put(f"{number}", 1))
        settle(store, replace(LARGE, fanout=2))
        assert tombstones(store) == {"a"}
    clock.now_s += 1
    for number in range(2, 4):
        append(store, put(f"{number}", 1))
        settle(store, replace(LARGE, fanout=2))
    assert tombstones(store) == set()


def test_a_tombstone_is_kept_while_another_segment_holds_its_key(store: MemoryStore) -> None:
    full = [put(f"{number}", 1) for number in range(20)]
    append(store, *full)
    settle(store)
    large = {ref.name for ref in manifest.newest(store).segments if 2 * ref.stored_bytes >= POLICY.segment_bytes}
    assert large
    buried = values(segment_file.decode(store.get(min(large))))[0][0]
    append(store, delete(buried, 2))
    settle(store)
    for number in range(2):
        append(store, put(f"new {number}", 1))
        settle(store)
        assert buried in tombstones(store), "the full segment still has the put"
        assert buried not in shown(store)
    assert large <= {ref.name for ref in manifest.newest(store).segments}, "and was not rewritten"


def test_a_tombstone_and_the_put_it_outdid_go_together(store: MemoryStore) -> None:
    append(store, put("a", 1), put("b", 1))
    settle(store, LARGE)
    append(store, delete("a", 2))
    settle(store, replace(LARGE, fanout=2))
    assert values(stored_rows(store)) == values([put("b", 1)])


def test_no_tombstone_is_dropped_while_the_log_waits(store: MemoryStore) -> None:
    """An older put of its key may be in there."""
    append(store, delete("a", 2))
    settle(store, LARGE)
    append(store, put("b", 1))
    settle(store, LARGE)
    append(store, put("a", 1))
    steps = itertools.chain([100.0], itertools.repeat(0.0))  # time for one step
    compact(store, replace(LARGE, fanout=2), time_left_s=lambda: next(steps))
    assert tombstones(store) == {"a"}
    assert shown(store) == {"b": 1}
    settle(store, replace(LARGE, fanout=2))
    assert shown(store) == {"b": 1}


def test_a_reject_is_no_tombstone(store: MemoryStore) -> None:
    append(store, reject("a", 1))
    settle(store)
    for number in range(4):
        append(store, put(f"{number}", 1))
        settle(store)
    assert shown(store)["a"] == 1


# --- collecting -------------------------------------------------------------------------------------------------------


def test_what_was_folded_or_merged_stays_for_the_grace_period_and_no_longer(store: MemoryStore, clock: Clock) -> None:
    append(store, put("a", 1))
    settle(store, LARGE)
    append(store, put("a", 2))
    settle(store, LARGE)
    everything = listed(store, "log/") | listed(store, "segments/")
    assert len(everything) == 4
    clock.now_s += GRACE_S
    assert settle(store, LARGE).collected == 0
    assert listed(store) >= everything
    clock.now_s += 1
    assert settle(store, LARGE).collected == 3
    assert listed(store, "log/") | listed(store, "segments/") == {manifest.newest(store).segments[0].name}
    assert shown(store) == {"a": 2}


def test_grace_starts_when_a_segment_goes_out_of_use_and_not_when_its_merge_begins(
    store: MemoryStore, clock: Clock
) -> None:
    """A merge may take minutes, and until it is committed every reader needs what it reads."""
    for number in range(2):
        append(store, put(f"{number}", 1))
        settle(store, LARGE)
    needed = {ref.name for ref in manifest.newest(store).segments}

    def slowly() -> None:
        clock.now_s += 2 * GRACE_S

    slow = FaultyStore(store)
    slow.plan = {call: Rival(before=slowly) for call in range(20)}
    steps = itertools.chain([100.0], itertools.repeat(0.0))  # time for one step
    compact(slow, replace(LARGE, fanout=2), time_left_s=lambda: next(steps))
    retired = manifest.newest(store).retired
    assert retired.keys() >= needed
    committed_at = next(entry.modified_ms for entry in store.list("manifests/", limit=1))
    assert all(committed_at - 2 * GRACE_S * 1000 <= retired[name] <= committed_at for name in needed)


def test_folded_and_collected_names_are_forgotten(store: MemoryStore, clock: Clock) -> None:
    for number in range(6):
        append(store, put("a", number + 1))
        settle(store, LARGE)
        clock.now_s += GRACE_S + 1
    newest = manifest.newest(store)
    assert len(newest.folded) <= 2
    assert len(newest.retired) <= 2


def test_orphans_of_a_crash_are_collected_when_nobody_can_still_be_about_to_commit_them(
    store: MemoryStore, clock: Clock
) -> None:
    append(store, put("a", 1))
    crash = FaultyStore(store, {("put", 1): Fault.BEFORE})
    with pytest.raises(StoreUnavailable):
        compact(crash, LARGE)
    assert crash.calls[-1][1].startswith("manifests/")
    (orphan,) = listed(store, "segments/")
    clock.now_s += ORPHAN_S
    settle(store, LARGE)
    assert orphan in listed(store)
    clock.now_s += 1
    settle(store, LARGE)
    assert orphan not in listed(store)
    assert shown(store) == {"a": 1}


def test_a_compactor_whose_clock_is_ahead_deletes_nothing_that_another_is_about_to_commit(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ages are by the store's time: by a clock 2.1 hours ahead a segment of this minute is an orphan."""
    append(store, put("a", 1))

    def ahead() -> None:
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda: 1e12)
            collect(store, manifest.PHOTO_STORE, LARGE)

    slow = FaultyStore(store, {("put", 1): Rival(before=ahead)})
    assert compact(slow, LARGE).folded == 1
    assert listed(store, "segments/") == {ref.name for ref in manifest.newest(store).segments}
    assert shown(store) == {"a": 1}


def test_nothing_is_committed_that_is_not_there(store: MemoryStore) -> None:
    """Whoever deleted it: a manifest that names a missing segment would be the last that anybody can read."""
    append(store, put("a", 1))

    def lose() -> None:
        for name in listed(store, "segments/"):
            store.delete(name)

    careless = FaultyStore(store)
    careless.plan = {("put", 0): Rival(after=lose)}
    assert compact(careless, LARGE).folded == 1, "the second attempt"
    assert shown(store) == {"a": 1}

    append(store, put("a", 2))
    careless.calls.clear()
    careless.plan = {("put", number): Rival(after=lose) for number in range(99)}
    with pytest.raises(StoreUnavailable, match=r"no object named segments/|segments/.* was deleted"):
        compact(careless, LARGE)
    assert manifest.newest(store).version == 1


def test_the_newest_manifests_are_kept_and_superseded_ones_for_the_grace_period(
    store: MemoryStore, clock: Clock
) -> None:
    for number in range(6):
        append(store, put("a", number + 1))
        clock.now_s += GRACE_S * 5  # each is old by the time it is superseded
        settle(store, LARGE)
    newest = manifest.newest(store)
    previous = names.manifest_name(newest.version - 1)
    collect(store, manifest.PHOTO_STORE, replace(LARGE, manifests_kept=3))
    assert len(listed(store, "manifests/")) == 3
    # A reader may have learnt its name just before it was superseded, a moment ago.
    collect(store, manifest.PHOTO_STORE, replace(LARGE, manifests_kept=1))
    assert listed(store, "manifests/") >= {newest.name, previous}
    clock.now_s += GRACE_S + 1
    collect(store, manifest.PHOTO_STORE, replace(LARGE, manifests_kept=1))
    assert listed(store, "manifests/") == {newest.name}


def test_collection_stops_when_time_runs_out_and_the_next_goes_on(store: MemoryStore, clock: Clock) -> None:
    for number in range(6):
        append(store, put("a", number + 1))
    settle(store, LARGE)
    clock.now_s += GRACE_S + 1
    left_s = iter([100.0, 100.0, 1.0])
    assert collect(store, manifest.PHOTO_STORE, LARGE, time_left_s=lambda: next(left_s)).collected == 2
    assert collect(store, manifest.PHOTO_STORE, LARGE).collected == 4
    assert listed(store, "log/") == set()
    assert shown(store) == {"a": 6}


def test_time_zero_is_a_time(clock: Clock) -> None:
    clock.now_s = 0.0
    store = MemoryStore(clock)
    for number in range(2):
        append(store, put("a", number + 1))
        settle(store, LARGE)
    clock.now_s = GRACE_S + 1.0
    assert collect(store, manifest.PHOTO_STORE, LARGE).collected == 3


# --- crashes and rivals -----------------------------------------------------------------------------------------------


def busy_store(clock: Clock) -> MemoryStore:
    """A store in which a compaction folds, merges and collects."""
    store = MemoryStore(clock)
    append(store, *[put(f"{number}", 1) for number in range(12)])
    settle(store)
    append(store, *[put(f"{number}", 2) for number in range(6)], delete("9", 2, time_ms=clock.now_ms))
    settle(store)
    clock.now_s += GRACE_S + 1
    append(store, *[put(f"{number}", 3) for number in range(6)], delete("8", 2, time_ms=clock.now_ms))
    append(store, put("new", 1), put("9", 1))
    return store


BUSY = {str(number): 3 for number in range(6)} | {"6": 1, "7": 1, "10": 1, "11": 1, "new": 1}


def test_the_busy_store_folds_merges_and_collects(clock: Clock) -> None:
    store = busy_store(clock)
    assert shown(store) == BUSY
    work = settle(store)
    assert work.folded >= 1
    assert work.merged >= 1
    assert work.collected >= 3
    assert shown(store) == BUSY


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.CUT, Fault.LATE])
def test_compaction_killed_at_any_call_leaves_the_store_right_and_its_garbage_is_collected(fault: Fault) -> None:
    calls = FaultyStore(busy_store(Clock()))
    settle(calls)
    for call in range(len(calls.calls)):
        clock = Clock()
        store = busy_store(clock)
        killed = FaultyStore(store, {call: fault})
        try:
            settle(killed)
        except StoreUnavailable:
            pass
        else:
            assert fault is Fault.LATE, "a fault was swallowed"
        assert shown(store) == BUSY
        killed.land()
        assert shown(store) == BUSY
        settle(store)
        assert shown(store) == BUSY
        clock.now_s += ORPHAN_S + GRACE_S + 1
        settle(store)
        clock.now_s += GRACE_S + 1
        settle(store)
        newest = manifest.newest(store)
        assert listed(store, "segments/") == {ref.name for ref in newest.segments}, "garbage is left"
        assert listed(store, "log/") == set()
        assert len(listed(store, "manifests/")) <= POLICY.manifests_kept
        assert shown(store) == BUSY


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT])
def test_compaction_survives_a_lost_response_at_any_call(fault: Fault) -> None:
    calls = FaultyStore(busy_store(Clock()))
    expected = settle(calls)
    for call, (kind, _) in enumerate(calls.calls):
        if kind == "put":
            clock = Clock()
            store = busy_store(clock)
            work = settle(FaultyStore(store, {call: fault}))
            assert (work.folded, work.merged, work.lost_races) == (expected.folded, expected.merged, 0)
            assert shown(store) == BUSY


def test_of_two_compactors_one_loses_without_damage() -> None:
    calls = FaultyStore(busy_store(Clock()))
    settle(calls)
    lost = 0
    for call in range(len(calls.calls)):
        clock = Clock()
        store = busy_store(clock)
        rival = FaultyStore(store, {call: Rival(before=lambda store=store: settle(store))})
        work = settle(rival)
        lost += work.lost_races
        assert shown(store) == BUSY
        clock.now_s += ORPHAN_S + 1
        settle(store)
        assert listed(store, "segments/") == {ref.name for ref in manifest.newest(store).segments}
        assert shown(store) == BUSY
    assert lost > 0, "no race was lost"


def test_a_compactor_that_wakes_up_long_after_its_rivals_does_no_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything it read about may have been folded, merged and collected, and its version's name be free again."""
    monkeypatch.setattr(
        "lookalike.compaction.writer.judge", lambda *_: None
    )  # thousands of compactions, none of them in doubt
    calls = FaultyStore(busy_store(Clock()))
    settle(calls)
    for call in range(len(calls.calls)):
        clock = Clock()
        store = busy_store(clock)

        def sleep(store: MemoryStore = store, clock: Clock = clock) -> None:
            for number in range(3, 8):
                settle(store)
                clock.now_s += GRACE_S + 1
                append(store, put("6", number), delete("new", number, time_ms=clock.now_ms))
            settle(store)
            clock.now_s += GRACE_S + 1
            settle(store)

        settle(FaultyStore(store, {call: Rival(before=sleep)}))
        expected = BUSY | {"6": 7}
        del expected["new"]
        assert shown(store) == expected
        clock.now_s += ORPHAN_S + 1
        settle(store)
        assert shown(store) == expected


def test_a_segment_that_is_really_lost_is_an_error_and_no_endless_loop(store: MemoryStore) -> None:
    append(store, put("a", 1))
    settle(store)
    store.delete(manifest.newest(store).segments[0].name)
    with pytest.raises(StoreUnavailable, match="no object named segments/"):
        settle(store)


def test_a_segment_with_other_rows_than_its_manifest_says_is_corrupt(store: MemoryStore) -> None:
    append(store, put("a", 1))
    settle(store)
    newest = manifest.newest(store)
    ref = replace(newest.segments[0], rows=2)
    manifest.commit(store, Manifest(version=newest.version + 1, segments=(ref,), folded=newest.folded))
    with pytest.raises(CorruptObject, match="columns of 1, 1 rows, and not 2 of each"):
        settle(store)


def test_a_broken_log_segment_stops_compaction_and_nothing_is_lost(store: MemoryStore) -> None:
    append(store, put("a", 1))
    broken = names.new_log_segment(b"")
    store.put_if_absent(broken, b"\0" * 100)
    with pytest.raises(CorruptObject, match=broken):
        settle(store)
    store.delete(broken)
    settle(store)
    assert shown(store) == {"a": 1}
