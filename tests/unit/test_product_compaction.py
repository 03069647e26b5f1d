"""Compaction of product data: files are folded and packed, the table is that of all files, and nothing is lost on the way."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lookalike.compaction.policy import Policy
from lookalike.compaction.products import compact_products
from lookalike.compaction.products_fsck import check_products
from lookalike.errors import StoreUnavailable
from lookalike.feeds.reports import BadRow
from lookalike.store import append_log, names
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.products import product_log
from lookalike.store.products.product_manifest import PRODUCT_STORE
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.records import Op
from lookalike.store.wrappers import CountingStore
from tests.support.fakes import Clock
from tests.support.inline import InlineExecutor
from tests.support.product_data import (
    Products,
    append,
    delete_file,
    products_in,
    products_of,
    put_file,
    reject_file,
)
from tests.support.stores import Fault, FaultyStore, Rival

pytestmark = pytest.mark.usefixtures("no_pauses", "in_one_thread")

GRACE_S, ORPHAN_S, TOMBSTONE_S = 900.0, 7200.0, 1_000_000.0
POLICY = Policy(fanout=2, grace_s=GRACE_S, orphan_s=ORPHAN_S, tombstone_s=TOMBSTONE_S, manifests_kept=3)


@pytest.fixture(scope="module")
def in_one_thread() -> Iterator[None]:
    """Calls of the store come in one order, and hundreds of compactions start no threads."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("lookalike.compaction.products", "lookalike.store.products.product_reader"):
            patch.setattr(f"{module}.ThreadPoolExecutor", InlineExecutor)
        yield


def said(number: int) -> Products:
    return {f"product {number % 5}": {"name": f"file {number}"}, "all": {"name": f"file {number}", f"is {number}": "x"}}


def listed(store: ObjectStore, prefix: str) -> set[str]:
    return {entry.name for entry in store.list(prefix)}


# --- the log ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT])
def test_an_append_survives_a_lost_answer(store: MemoryStore, fault: Fault) -> None:
    append(FaultyStore(store, {0: fault}), put_file("a", 1, said(1)))
    assert products_in(store) == said(1)
    assert len(append_log.entries(store)) == 1


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.LATE])
def test_an_append_of_unknown_outcome_is_an_outage_and_can_be_repeated(store: MemoryStore, fault: Fault) -> None:
    faulty = FaultyStore(store, {0: fault})
    file = put_file("a", 1, said(1))
    with pytest.raises(StoreUnavailable):
        append(faulty, file)
    append(faulty, file)
    faulty.land()
    assert products_in(store) == said(1)
    compact_products(store)
    assert products_in(store) == said(1)


def test_an_append_reads_nothing_and_writes_one_object(store: MemoryStore) -> None:
    counting = CountingStore(store)
    append(counting, put_file("a", 1, said(1)))
    assert dict(counting.requests) == {"put": 1}


def test_a_file_comes_back_from_the_log_as_it_was(store: MemoryStore) -> None:
    bad = (BadRow(3, "Größe", "no-price", "'x' is no price"), BadRow(9, "", "no-id", "日本語 😀"))
    file = put_file("products/ä b.csv", 5, said(5), bad=bad, bad_total=70, detail={"remarks": "none", "ü": "\0"})
    (name,) = append(store, file)
    state, _ = product_log.read(store, name)
    assert state == file.state
    assert state.time_ms == 5


# --- folds ------------------------------------------------------------------------------------------------------------


def test_a_fold_takes_the_log_over(store: MemoryStore) -> None:
    append(store, put_file("a", 1, said(1)), put_file("b", 2, said(2)), reject_file("c", 3), delete_file("d", 4))
    before = ProductReader(store).refresh()
    work = compact_products(store, POLICY)
    assert (work.folded, work.rows_folded) == (1, 4)
    newest = PRODUCT_STORE.newest(store)
    assert [(ref.key, ref.op) for ref in newest.files] == [
        ("a", Op.PUT),
        ("b", Op.PUT),
        ("c", Op.REJECT),
        ("d", Op.DELETE),
    ]
    assert newest.folded.keys() == listed(store, names.LOG)
    after = ProductReader(store).refresh()
    assert products_of(after.table) == products_of(before.table)
    assert after.files == before.files


def test_nothing_to_do_writes_nothing(store: MemoryStore) -> None:
    append(store, put_file("a", 1, said(1)))
    compact_products(store, POLICY)
    counting = CountingStore(store)
    assert compact_products(counting, POLICY).bytes_written == 0
    assert counting.requests["put"] == 0


def test_a_file_that_was_delivered_again_is_folded_and_no_table_is_written(store: MemoryStore) -> None:
    append(store, put_file("a", 1, said(1)))
    compact_products(store, POLICY)
    before = PRODUCT_STORE.newest(store)
    append(store, put_file("a", 1, said(1)), delete_file("a", 0), delete_file("never there", 5))
    compact_products(store, POLICY)
    after = PRODUCT_STORE.newest(store)
    assert (after.version, after.merged, after.packs) == (before.version + 1, before.merged, before.packs)
    assert after.folded.keys() == listed(store, names.LOG)


def test_a_fold_that_adds_files_at_the_end_reads_the_table_and_not_the_files(store: MemoryStore) -> None:
    append(store, *[put_file(f"{number:03}", number, said(number)) for number in range(40)])
    compact_products(store, POLICY)
    append(store, put_file("900", 41, said(41)))
    faulty = FaultyStore(store)
    compact_products(faulty, replace(POLICY, fanout=9))
    assert not any(name.endswith(".pack") for call, name in faulty.calls if call.startswith("get"))
    assert check_products(store).errors == []


def test_a_fold_reads_as_much_of_the_log_as_a_step_may(store: MemoryStore) -> None:
    for number in range(4):
        append(store, put_file(f"{number}", number, said(number)))
    assert compact_products(store, replace(POLICY, segment_bytes=1)).folded == 4


def test_files_that_none_needs_any_more_leave_no_table(store: MemoryStore) -> None:
    append(store, put_file("a", 1, said(1)), reject_file("b", 2))
    compact_products(store, POLICY)
    append(store, delete_file("a", 3, time_ms=10**12), delete_file("b", 4, time_ms=10**12))
    compact_products(store, POLICY)
    newest = PRODUCT_STORE.newest(store)
    assert (newest.merged, newest.packs, [ref.op for ref in newest.files]) == (None, (), [Op.DELETE, Op.DELETE])
    assert (products_in(store), ProductReader(store).refresh().files) == ({}, ())


def test_many_files_with_many_bad_rows_keep_some_of_each_and_count_all(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.compaction.products._BAD_ROWS", 10)
    bad = tuple(BadRow(line, f"{line}", "code", "detail") for line in range(8))
    append(store, *[put_file(f"{number}", number, said(number), bad=bad, bad_total=800) for number in range(5)])
    compact_products(store, POLICY)
    files = ProductReader(store).refresh().files
    assert [(file.bad, file.bad_total) for file in files] == [(bad[:2], 800)] * 5
    append(store, delete_file("0", 9), delete_file("1", 9), delete_file("2", 9), delete_file("3", 9))
    compact_products(store, POLICY)
    (file,) = ProductReader(store).refresh().files
    assert file.bad == bad, "the files' own rows are all kept"


# --- packs and tombstones ---------------------------------------------------------------------------------------------


def test_thousands_of_files_are_a_few_objects(store: MemoryStore, clock: Clock) -> None:
    for number in range(60):
        append(store, put_file(f"{number:03}", number, {"hat": {"price": float(number)}}))
        compact_products(store, POLICY)
    clock.now_s += GRACE_S + 1
    compact_products(store, POLICY)
    newest = PRODUCT_STORE.newest(store)
    assert len(newest.files) == 60
    assert len(newest.packs) <= 6
    assert newest.objects == listed(store, names.TABLES)
    assert check_products(store).errors == []


def test_a_pack_is_rewritten_when_much_of_it_is_replaced(store: MemoryStore) -> None:
    append(store, *[put_file(f"{number}", number, said(number)) for number in range(10)])
    compact_products(store, replace(POLICY, fanout=9))
    (pack,) = PRODUCT_STORE.newest(store).packs
    append(store, *[put_file(f"{number}", 20 + number, said(number)) for number in range(4)])
    assert compact_products(store, replace(POLICY, fanout=9)).merged == 1
    newest = PRODUCT_STORE.newest(store)
    assert pack.name in newest.retired
    assert sum(ref.stored_bytes for ref in newest.files) == sum(each.stored_bytes for each in newest.packs)


def test_a_tombstone_outdoes_what_comes_late_until_it_is_older_than_any_event(store: MemoryStore, clock: Clock) -> None:
    append(store, delete_file("a", 5, time_ms=clock.now_ms))
    compact_products(store, POLICY)
    append(store, put_file("a", 4, said(4)))
    assert products_in(store) == {}
    compact_products(store, POLICY)
    assert products_in(store) == {}
    clock.now_s += TOMBSTONE_S + 1
    append(store, put_file("b", 6, {}))
    compact_products(store, replace(POLICY, segment_bytes=1))
    assert [ref.key for ref in PRODUCT_STORE.newest(store).files] == ["b"]


# --- crashes and rivals -----------------------------------------------------------------------------------------------


def busy_store(clock: Clock) -> MemoryStore:
    """A store in which a compaction folds, merges packs, forgets a tombstone and collects."""
    store = MemoryStore(clock)
    append(store, *[put_file(f"{number}", number, said(number)) for number in range(4)], delete_file("old", 1))
    compact_products(store, replace(POLICY, tombstone_s=10**10))
    append(store, put_file("2", 12, said(12)), put_file("5", 5, said(5)))
    compact_products(store, replace(POLICY, tombstone_s=10**10))
    clock.now_s += GRACE_S + 1
    append(store, put_file("1", 11, said(11)), delete_file("3", 13, time_ms=clock.now_ms), put_file("6", 6, said(6)))
    append(store, put_file("3", 3, said(3)))
    return store


@pytest.fixture(scope="module")
def busy() -> dict[str, dict[str, object]]:
    return products_in(busy_store(Clock()))


def after_faults(fault: Fault) -> Iterator[tuple[FaultyStore, MemoryStore, Clock]]:
    """Busy stores, each after a compaction that failed at another call."""
    calls = FaultyStore(busy_store(Clock()))
    compact_products(calls, POLICY)
    for call in range(len(calls.calls)):
        clock = Clock()
        store = busy_store(clock)
        killed = FaultyStore(store, {call: fault})
        try:
            compact_products(killed, POLICY)
        except StoreUnavailable:
            pass
        else:
            assert fault is Fault.LATE, "a fault was swallowed"
        yield killed, store, clock


def test_the_busy_store_folds_merges_forgets_and_collects(busy: Products) -> None:
    store = busy_store(Clock())
    work = compact_products(store, POLICY)
    assert (work.folded, work.lost_races) == (1, 0)
    assert work.merged >= 2
    assert work.collected >= 3
    assert "old" not in {ref.key for ref in PRODUCT_STORE.newest(store).files}
    assert products_in(store) == busy


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.CUT, Fault.LATE])
def test_compaction_killed_at_any_call_leaves_the_data_right_and_its_garbage_is_collected(
    fault: Fault, busy: Products
) -> None:
    for killed, store, clock in after_faults(fault):
        assert products_in(store) == busy
        killed.land()
        assert products_in(store) == busy
        for _ in range(3):
            clock.now_s += ORPHAN_S + GRACE_S + 1
            compact_products(store, POLICY)
            assert products_in(store) == busy
        assert listed(store, names.TABLES) == PRODUCT_STORE.newest(store).objects, "garbage is left"
        assert listed(store, names.LOG) == set()
        assert len(listed(store, names.MANIFESTS)) <= POLICY.manifests_kept
        assert check_products(store).errors == []


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT])
def test_compaction_survives_a_lost_answer_at_any_call(fault: Fault, busy: Products) -> None:
    calls = FaultyStore(busy_store(Clock()))
    compact_products(calls, POLICY)
    for call, (kind, _) in enumerate(calls.calls):
        if kind == "put":
            store = busy_store(Clock())
            assert compact_products(FaultyStore(store, {call: fault}), POLICY).lost_races == 0
            assert products_in(store) == busy


def test_of_two_compactors_one_loses_without_damage(busy: Products) -> None:
    calls = FaultyStore(busy_store(Clock()))
    compact_products(calls, POLICY)
    lost = 0
    for call in range(len(calls.calls)):
        clock = Clock()
        store = busy_store(clock)
        rival = Rival(before=lambda store=store: compact_products(store, POLICY))
        lost += compact_products(FaultyStore(store, {call: rival}), POLICY).lost_races
        assert products_in(store) == busy
        clock.now_s += ORPHAN_S + 1
        compact_products(store, POLICY)
        assert listed(store, names.TABLES) == PRODUCT_STORE.newest(store).objects
    assert lost > 0, "no race was lost"


# --- fsck -------------------------------------------------------------------------------------------------------------


def test_fsck_counts_a_sound_store(store: MemoryStore) -> None:
    append(store, put_file("a", 1, said(1)), reject_file("b", 2), delete_file("c", 3, time_ms=10**12))
    compact_products(store, POLICY)
    append(store, put_file("d", 4, said(4)))
    report = check_products(store)
    assert report.errors == []
    counts = report.counts
    assert (counts["files"], counts["rejects"], counts["tombstones"], counts["products"]) == (1, 1, 1, 2)
    assert (counts["log segments waiting"], counts["log segments folded, not collected"]) == (1, 3)


@pytest.mark.parametrize("which", ["pack", "merged"])
def test_fsck_names_a_lost_object(store: MemoryStore, which: str) -> None:
    append(store, put_file("a", 1, said(1)))
    compact_products(store, POLICY)
    newest = PRODUCT_STORE.newest(store)
    ref = newest.packs[0] if which == "pack" else newest.merged
    assert ref is not None
    store.delete(ref.name)
    assert f"{ref.name}: is part of the store and missing" in check_products(store).errors


def test_fsck_finds_a_table_that_is_not_that_of_the_files(store: MemoryStore) -> None:
    append(store, put_file("a", 1, said(1)))
    compact_products(store, POLICY)
    first = PRODUCT_STORE.newest(store)
    append(store, put_file("b", 2, said(2)))
    compact_products(store, POLICY)
    newest = PRODUCT_STORE.newest(store)
    PRODUCT_STORE.commit(store, replace(newest, version=newest.version + 1, merged=first.merged))
    assert first.merged is not None
    assert {
        f"{first.merged.name}: is not the table of the files",
        f"{first.merged.name}: has the states of other files than the manifest",
    } == set(check_products(store).errors)


def test_fsck_finds_a_file_that_was_folded_and_is_gone(store: MemoryStore) -> None:
    (name,) = append(store, put_file("a", 1, said(1)))
    compact_products(store, POLICY)
    newest = PRODUCT_STORE.newest(store)
    PRODUCT_STORE.commit(store, replace(newest, version=newest.version + 1, files=(), packs=(), merged=None))
    assert check_products(store).errors == [f"{name}: 'a' was folded and is gone"]


def test_fsck_beside_a_compaction_finds_no_error() -> None:
    at_once = replace(POLICY, grace_s=-1, manifests_kept=1)
    calls = FaultyStore(busy_store(Clock()))
    check_products(calls)
    for call in range(len(calls.calls)):
        store = busy_store(Clock())

        def compact_twice(store: MemoryStore = store) -> None:
            for number in (20, 21):
                append(store, put_file("1", number, said(number)))
                compact_products(store, at_once)

        assert check_products(FaultyStore(store, {call: Rival(before=compact_twice)})).errors == []
