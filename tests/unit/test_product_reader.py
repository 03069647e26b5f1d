"""Readers of product data show the merge of the newest files, miss none, and read no more than they need."""

from itertools import count

import numpy as np
import pytest

from lookalike.compaction.collect import collect
from lookalike.compaction.policy import Policy
from lookalike.compaction.products import compact_products
from lookalike.errors import CorruptObject, StoreUnavailable
from lookalike.store import names
from lookalike.store.freshness import FreshSnapshots
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.products.product_manifest import PRODUCT_STORE
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.records import Op
from lookalike.store.wrappers import CountingStore
from tests.support.damage import DamagedStore
from tests.support.fakes import Clock
from tests.support.product_data import append, delete_file, products_in, products_of, put_file, reject_file
from tests.support.stores import Fault, FaultyStore, Rival

pytestmark = pytest.mark.usefixtures("no_pauses")

FEED, SALE = "products/10-feed.csv", "products/20-sale.csv"


def prices(**products: float) -> dict[str, dict[str, float]]:
    return {product_id: {"price": price} for product_id, price in products.items()}


def reader_of(store: ObjectStore, clock: Clock | None = None, *, memory_bytes: int = 0) -> ProductReader:
    clock = clock or Clock()
    return ProductReader(store, memory_bytes=memory_bytes, clocks=[clock], time_of_day=clock)


@pytest.fixture
def shop(store: MemoryStore) -> MemoryStore:
    """A feed and a sale, folded."""
    append(store, put_file(FEED, 1, prices(shirt=20.0, hat=10.0)), put_file(SALE, 2, prices(hat=7.0)))
    compact_products(store)
    return store


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_a_store_without_files_has_no_products(store: MemoryStore) -> None:
    data = reader_of(store).refresh()
    assert (products_of(data.table), data.files, data.until_ms) == ({}, (), None)


def test_the_file_with_the_greatest_key_wins_whichever_came_first(store: MemoryStore) -> None:
    append(store, put_file(SALE, 1, prices(hat=7.0)), put_file(FEED, 2, prices(shirt=20.0, hat=10.0)))
    assert products_in(store) == prices(shirt=20.0, hat=7.0)


def test_the_older_price_is_back_when_the_sale_is_deleted(shop: MemoryStore) -> None:
    reader = reader_of(shop)
    assert products_of(reader.refresh().table) == prices(shirt=20.0, hat=7.0)
    append(shop, put_file(SALE, 3, prices(hat=5.0)))
    assert products_of(reader.refresh().table) == prices(shirt=20.0, hat=5.0)
    append(shop, delete_file(SALE, 4))
    assert products_of(reader.refresh().table) == products_in(shop) == prices(shirt=20.0, hat=10.0)
    compact_products(shop)
    assert products_of(reader.refresh().table) == products_in(shop) == prices(shirt=20.0, hat=10.0)


def test_all_that_a_file_said_goes_when_it_is_replaced(shop: MemoryStore) -> None:
    append(shop, put_file(FEED, 3, {"scarf": {"name": "Scarf"}}))
    assert products_in(shop) == {"scarf": {"name": "Scarf"}, "hat": {"price": 7.0}}


def test_events_that_come_late_or_twice_change_nothing(shop: MemoryStore) -> None:
    append(shop, put_file(SALE, 5, prices(hat=5.0)), delete_file(SALE, 4), put_file(SALE, 5, prices(hat=5.0)))
    append(shop, put_file(FEED, 1, prices(shirt=20.0, hat=10.0)), reject_file(FEED, 0))
    assert products_in(shop) == prices(shirt=20.0, hat=5.0)


def test_the_state_of_each_file_is_told(shop: MemoryStore) -> None:
    append(shop, reject_file("products/broken.csv", 8), put_file(FEED, 9, prices(shirt=1.0)), delete_file(SALE, 10))
    reader = reader_of(shop)
    for _ in range(2):
        feed, broken = reader.refresh().files
        assert (feed.key, feed.op, feed.rows, feed.time_ms, feed.detail) == (FEED, Op.PUT, 1, 9, {})
        assert (broken.op, broken.detail["code"], broken.time_ms) == (Op.REJECT, "no-ids", 8)
        compact_products(shop)
        assert reader_of(shop).refresh().files == (feed, broken)


def test_versions_tell_what_the_data_is_made_of(shop: MemoryStore) -> None:
    reader = reader_of(shop)
    seen = [reader.refresh().version]
    append(shop, put_file(SALE, 3, prices(hat=1.0)))
    seen.append(reader.refresh().version)
    compact_products(shop)
    seen.append(reader.refresh().version)
    assert len(set(seen)) == 3
    assert reader.refresh().version == seen[-1] == reader_of(shop).refresh().version


# --- offers -----------------------------------------------------------------------------------------------------------


def test_a_sale_begins_and_ends_though_nobody_writes_and_nobody_lists(store: MemoryStore) -> None:
    clock = Clock()
    sale = {"price": 10.0, "sale_price": 7.0, "sale_starts": clock.now_ms + 1000.0, "sale_ends": clock.now_ms + 2000.0}
    append(store, put_file(FEED, 1, {"hat": sale}))
    counting = CountingStore(store)
    reader = reader_of(counting, clock)
    seen = [reader.refresh()]
    counting.reset()
    for _ in range(3):
        clock.now_s += 1
        again = reader.current(60)
        assert reader.last(60) is again
        seen.append(again)
    assert [data.table.values(0)["price"] for data in seen] == [10.0, 7.0, 7.0, 10.0]
    assert counting.requests == {}
    assert len({data.version for data in (seen[0], seen[1], seen[3])}) == 3


def test_offers_hold_after_a_refresh_that_found_nothing_new(store: MemoryStore) -> None:
    clock = Clock()
    append(store, put_file(FEED, 1, {"hat": {"price": 10.0, "sale_price": 7.0, "sale_ends": clock.now_ms + 1000.0}}))
    reader = reader_of(store, clock)
    assert reader.refresh().table.values(0)["price"] == 7.0
    clock.now_s += 2
    assert reader.refresh().table.values(0)["price"] == 10.0


def test_a_table_grows_out_of_the_prices_of_the_files_and_not_of_a_sale(store: MemoryStore) -> None:
    append(store, put_file(FEED, 1, {"hat": {"price": 10.0, "sale_price": 7.0}}))
    reader = reader_of(store)
    assert reader.refresh().table.values(0)["price"] == 7.0
    append(store, put_file(SALE, 2, {"hat": {"sale_price": 12.0}}))
    assert reader.refresh().table.values(0) == {"price": 10.0, "sale_price": 12.0}


# --- what it costs ----------------------------------------------------------------------------------------------------


def requests_of(counting: CountingStore, reader: ProductReader) -> dict[str, int]:
    counting.reset()
    reader.refresh()
    return dict(counting.requests)


def test_a_refresh_that_finds_nothing_new_lists_twice(shop: MemoryStore) -> None:
    append(shop, put_file(SALE, 3, prices(hat=1.0)))
    counting = CountingStore(shop)
    reader = reader_of(counting)
    table = reader.refresh().table
    assert requests_of(counting, reader) == {"list": 2}
    assert reader.refresh().table is table


def test_a_cold_reader_reads_the_manifest_and_one_table_however_many_files_there_are(store: MemoryStore) -> None:
    for number in range(300):
        append(store, put_file(f"products/{number:04}.csv", number, prices(hat=float(number))))
        if number % 10 == 0:
            compact_products(store, Policy(fanout=2))
    compact_products(store, Policy(fanout=2))
    counting = CountingStore(store)
    assert requests_of(counting, reader_of(counting)) == {"list": 2, "get": 1, "get_range": 1}
    assert products_in(store) == prices(hat=299.0)


def test_a_file_that_sorts_last_is_all_that_a_warm_reader_reads(shop: MemoryStore) -> None:
    counting = CountingStore(shop)
    reader = reader_of(counting)
    reader.refresh()
    append(shop, put_file("products/30.csv", 3, prices(hat=3.0)))
    assert requests_of(counting, reader) == {"list": 2, "get": 1}
    assert products_of(reader.refresh().table) == prices(shirt=20.0, hat=3.0)


def test_a_fold_changes_no_table_so_a_warm_reader_reads_the_manifest_alone(shop: MemoryStore) -> None:
    counting = CountingStore(shop)
    reader = reader_of(counting)
    append(shop, put_file(SALE, 3, prices(hat=3.0)), reject_file("products/x.csv", 4))
    table = reader.refresh().table
    compact_products(shop)
    assert requests_of(counting, reader) == {"list": 2, "get": 1}
    assert reader.refresh().table is table


@pytest.mark.parametrize(("memory_bytes", "reads"), [(0, 2), (10**6, 1)])
def test_the_tables_of_other_files_are_kept_as_memory_allows(shop: MemoryStore, memory_bytes: int, reads: int) -> None:
    """Where a file is replaced again and again, the others are read once, or each time."""
    counting = CountingStore(shop)
    reader = reader_of(counting, memory_bytes=memory_bytes)
    reader.refresh()
    for number in (3, 4):
        append(shop, put_file(SALE, number, prices(hat=float(number))))
        counting.reset()
        assert products_of(reader.refresh().table) == prices(shirt=20.0, hat=float(number))
    assert counting.requests["get"] + counting.requests["get_range"] == reads


def test_large_objects_are_read_in_parts(shop: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.store.products.table_reads.READ_AT_ONCE_BYTES", 100)
    counting = CountingStore(shop)
    assert requests_of(counting, reader_of(counting))["get_range"] > 5
    append(shop, put_file(FEED, 3, prices(shirt=1.0)))
    assert products_in(shop) == prices(shirt=1.0, hat=7.0)


# --- faults and rivals ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.CUT])
def test_a_fault_at_any_call_of_a_refresh_is_an_outage_and_the_next_refresh_is_right(fault: Fault) -> None:
    for is_warm in (False, True):
        for call in count():
            store = MemoryStore(Clock())
            append(store, put_file(FEED, 1, prices(shirt=20.0, hat=10.0)), put_file(SALE, 2, prices(hat=7.0)))
            compact_products(store)
            faulty = FaultyStore(store)
            reader = reader_of(faulty)
            if is_warm:
                reader.refresh()
            append(store, put_file(FEED, 3, prices(shirt=1.0)), put_file("products/30.csv", 4, prices(cap=2.0)))
            compact_products(store)
            append(store, delete_file(SALE, 5))
            faulty.calls.clear()
            faulty.plan = {call: fault}
            try:
                reader.refresh()
            except StoreUnavailable:
                failed = True
            else:
                failed = False
            faulty.plan = {}
            assert products_of(reader.refresh().table) == prices(shirt=1.0, cap=2.0)
            if not failed:
                break
        assert call >= 4


def test_a_compaction_between_any_two_calls_of_a_refresh_does_no_damage() -> None:
    policy = Policy(fanout=2, grace_s=-1, manifests_kept=1)
    for call in range(6):
        store = MemoryStore(Clock())
        append(store, put_file(FEED, 1, prices(shirt=20.0)), put_file(SALE, 2, prices(shirt=7.0)))
        compact_products(store, policy)
        append(store, put_file(FEED, 3, prices(shirt=1.0)), delete_file(SALE, 4))

        def rival(store: MemoryStore = store) -> None:
            compact_products(store, policy)
            append(store, put_file(SALE, 5, prices(hat=2.0)))
            compact_products(store, policy)

        shown = products_of(reader_of(FaultyStore(store, {call: Rival(before=rival)})).refresh().table)
        assert shown in (prices(shirt=1.0), prices(shirt=1.0, hat=2.0))
        assert products_in(store) in (prices(shirt=1.0), prices(shirt=1.0, hat=2.0))


def test_a_reader_does_not_put_its_own_copy_of_a_collected_file_on_top(
    store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The manifest forgets a folded log segment once it is gone, and may have forgotten the tombstone that outdid it.

    A reader that listed the file's segment before, without the deletion's, pauses before it reads the manifest.
    """
    policy = Policy(grace_s=10.0, tombstone_s=-1)
    monkeypatch.setattr("lookalike.store.names.time.time", lambda: 5.0)
    (held,) = append(store, put_file(FEED, 1, prices(shirt=20.0)))
    faulty = FaultyStore(store)
    reader = reader_of(faulty)
    assert products_of(reader.refresh().table) == prices(shirt=20.0)
    monkeypatch.setattr("lookalike.store.names.time.time", lambda: 4.0)
    (deletion,) = append(store, delete_file(FEED, 2, time_ms=clock.now_ms - 1))
    compact_products(store, policy)
    clock.now_s += 11
    crash = FaultyStore(store, {("delete", 1): Fault.BEFORE})
    with pytest.raises(StoreUnavailable):
        collect(crash, PRODUCT_STORE, policy)
    assert [entry.name for entry in store.list(names.LOG)] == [held], f"{deletion} is gone"

    def pause() -> None:
        collect(store, PRODUCT_STORE, policy)
        append(store, put_file(SALE, 3, prices(hat=2.0)))
        compact_products(store, policy)
        newest = PRODUCT_STORE.newest(store)
        assert [ref.key for ref in newest.files] == [SALE]
        assert held not in newest.folded, "forgotten, as it is gone"

    faulty.calls.clear()
    faulty.plan = {0: Rival(after=pause)}
    assert products_of(reader.refresh().table) == prices(hat=2.0)


def test_a_damaged_object_is_named_and_never_an_answer(shop: MemoryStore) -> None:
    (waiting,) = append(shop, put_file("products/30.csv", 3, prices(hat=3.0)))
    newest = PRODUCT_STORE.newest(shop)
    assert newest.merged is not None
    for name in (waiting, newest.name, newest.merged.name):
        with pytest.raises(CorruptObject, match=name):
            reader_of(DamagedStore(shop, name, 8 * 200)).refresh()
    append(shop, delete_file(SALE, 4))
    with pytest.raises(CorruptObject, match=newest.packs[0].name):
        reader_of(DamagedStore(shop, newest.packs[0].name, 8 * 200)).refresh()


def test_a_lost_table_is_an_outage(shop: MemoryStore) -> None:
    merged = PRODUCT_STORE.newest(shop).merged
    assert merged is not None
    shop.delete(merged.name)
    with pytest.raises(StoreUnavailable, match=merged.name):
        reader_of(shop).refresh()


def test_the_last_data_stands_in_while_the_store_fails(shop: MemoryStore) -> None:
    clock = Clock()
    quick = FaultyStore(shop)
    failures: list[Exception] = []
    fresh = FreshSnapshots(
        reader_of(shop, clock), quick, max_staleness_s=5, stale_if_error_s=100, failed=failures.append
    )
    first = fresh.current()
    clock.now_s += 6
    quick.plan = {0: Fault.BEFORE}
    assert fresh.current() is first
    assert fresh.is_stale
    assert len(failures) == 1
    clock.now_s += 11
    append(shop, delete_file(SALE, 3))
    assert products_of(fresh.current().table) == prices(shirt=20.0, hat=10.0)


def test_no_row_of_a_table_is_lost_in_a_large_file(store: MemoryStore) -> None:
    many = {f"product {number}": {"name": f"Größe {number}", "price": float(number)} for number in range(5000)}
    append(store, put_file(FEED, 1, many))
    assert products_in(store) == many
    compact_products(store)
    table = reader_of(store).refresh().table
    assert products_of(table) == many
    assert np.all(table.hashes[1:] > table.hashes[:-1])
