"""Key columns by partition: each row in one partition, and the newest of each key found as among all keys."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import ObjectMissing
from lookalike.store import append_log, segment_reads
from lookalike.store.manifest import PHOTO_STORE, SegmentRef
from lookalike.store.object_store import Entry, MemoryStore
from lookalike.store.partitions import KeyColumns, live_masks, live_rows, partition_of, partitions_of, read_key_columns
from lookalike.store.state import look
from lookalike.store.wrappers import CountingStore
from tests.support.rows import LAYOUT, delete, put

Refs = list[SegmentRef | Entry]
Orders = list[dict[bytes, bytes]]
"""Of each segment: the order of each key, as NumPy gives both."""

partitions = pytest.mark.parametrize("partitions", [1, 2, 4, 64])


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    """Twenty segments of a manifest and as many of the log, in which keys repeat."""
    store = MemoryStore()
    rng = np.random.default_rng(5)
    for number in range(40):
        events = zip(rng.choice(120, 12, replace=False), rng.integers(1, 900, 12), strict=True)
        rows = [(delete if event % 5 == 0 else put)(f"images/{key}.jpg", int(event)) for key, event in events]
        append_log.append(store, rows, layout=LAYOUT)
        if number < 20:
            compact(store, Policy(fanout=100, garbage_share=2))
    return store


@pytest.fixture(scope="module")
def refs(store: MemoryStore) -> Refs:
    found = segment_reads.all_of(look(store, PHOTO_STORE))
    assert [type(ref) for ref in found] == [SegmentRef] * 20 + [Entry] * 20
    return found


@pytest.fixture(scope="module")
def orders(store: MemoryStore, refs: Refs) -> Orders:
    segments = [segment_reads.read_segment(store, ref) for ref in refs]
    return [dict(zip(rows.key_hash.tolist(), rows.order.tolist(), strict=True)) for rows in segments]


@pytest.fixture(scope="module")
def newest(orders: Orders) -> dict[bytes, bytes]:
    found: defaultdict[bytes, bytes] = defaultdict(bytes)
    for key, order in (item for segment in orders for item in segment.items()):
        found[key] = max(found[key], order)
    return found


@partitions
def test_a_segment_is_its_ranges_one_after_the_other(
    store: MemoryStore, refs: Refs, orders: Orders, partitions: int
) -> None:
    by_partition = list(live_rows(store, refs, partitions=partitions))
    assert len(by_partition) == partitions
    for ref, expected, ranges in zip(refs, orders, zip(*by_partition, strict=True), strict=True):
        assert all(rows.ref is ref for rows in ranges)
        assert ranges[0].start == 0
        assert all(before.end == after.start for before, after in pairwise(ranges))
        keys, of = (np.concatenate([getattr(rows, name) for rows in ranges]) for name in ("key_hash", "order"))
        assert list(zip(keys.tolist(), of.tolist(), strict=True)) == list(expected.items())


@partitions
def test_keys_of_a_partition_begin_with_its_bits(store: MemoryStore, refs: Refs, partitions: int) -> None:
    for number, ranges in enumerate(live_rows(store, refs, partitions=partitions)):
        for key in np.concatenate([rows.key_hash for rows in ranges]).tolist():
            assert key[0] * partitions // 256 == number
            assert partition_of(key, partitions) == number


@partitions
def test_one_row_of_each_key_is_live_the_newest(
    store: MemoryStore, refs: Refs, newest: dict[bytes, bytes], partitions: int
) -> None:
    live = [
        (key, order)
        for ranges in live_rows(store, refs, partitions=partitions)
        for rows in ranges
        for key, order in zip(rows.key_hash[rows.live].tolist(), rows.order[rows.live].tolist(), strict=True)
    ]
    assert len(live) == len(newest)
    assert dict(live) == newest


@partitions
def test_masks_cover_whole_segments(store: MemoryStore, refs: Refs, partitions: int) -> None:
    of_manifest = [ref for ref in refs if isinstance(ref, SegmentRef)]
    masks = live_masks(store, of_manifest, partitions=partitions)
    assert [len(mask) for mask in masks] == [ref.rows for ref in of_manifest]
    ranges = zip(*live_rows(store, of_manifest, partitions=1), strict=True)
    assert [mask.tolist() for mask in masks] == [rows.live.tolist() for (rows,) in ranges]


@partitions
def test_the_newest_order_of_each_key_is_given_ascending_by_key(
    store: MemoryStore, refs: Refs, newest: dict[bytes, bytes], partitions: int
) -> None:
    with KeyColumns(refs, read_key_columns(store, refs), partitions) as columns:
        found = [columns.newest(number) for number in range(partitions)]
    keys, of = (np.concatenate([pair[place] for pair in found]).tolist() for place in (0, 1))
    assert list(zip(keys, of, strict=True)) == sorted(newest.items())


def test_a_segment_is_read_once_whatever_the_number_of_partitions(store: MemoryStore, refs: Refs) -> None:
    counting = CountingStore(store)
    requests = []
    for number in (1, 64):
        counting.reset()
        assert len(list(live_rows(counting, refs, partitions=number))) == number
        requests.append(dict(counting.requests))
    assert requests == [{"get": 20, "get_range": 20}] * 2


def test_a_segment_that_is_gone_is_noticed_before_the_first_partition(store: MemoryStore, refs: Refs) -> None:
    gone = Entry(refs[-1].name.replace("0", "1"), 1000, 0)
    with pytest.raises(ObjectMissing):
        next(live_rows(store, [*refs, gone], partitions=4))


@partitions
def test_a_store_without_rows_has_empty_partitions(partitions: int) -> None:
    assert list(live_rows(MemoryStore(), [], partitions=partitions)) == [[]] * partitions
    assert live_masks(MemoryStore(), [], partitions=partitions) == []
    with KeyColumns([], [], partitions) as columns:
        assert [len(column) for column in columns.newest(0)] == [0, 0]


@pytest.mark.parametrize(("rows", "partitions"), [(0, 1), (1, 1), (100, 1), (101, 2), (200, 2), (201, 4), (1600, 16)])
def test_partitions_hold_a_bounded_number_of_rows(rows: int, partitions: int) -> None:
    ref = SegmentRef("segments/a", rows, rows, 0, 0, 0, (), ())
    assert partitions_of([ref], rows_at_once=100) == partitions
