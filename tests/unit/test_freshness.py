"""Fresh snapshots while the store answers; while it does not, the last one, as long as what it reads is sure to exist."""

from unittest.mock import patch

import numpy as np
import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import CorruptObject, ObjectMissing, StoreError, StoreUnavailable
from lookalike.settings import GRACE_S, QuerySettings
from lookalike.store import names, reader
from lookalike.store.freshness import RETRY_AFTER_S, FreshSnapshots
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import CountingStore
from tests.support.fakes import LAYOUT, Clock, OutageStore, embedding_of, fill, photo, put_row

STALE_IF_ERROR_S = 100.0


class World:
    """A store with one photo, a reader's snapshots of it, and what became of their refreshes."""

    def __init__(self) -> None:
        self.clock, self.other_clock = Clock(), Clock()
        self.store = OutageStore()
        self.patient, self.quick = CountingStore(self.store), CountingStore(self.store)
        self.failures: list[StoreError] = []
        self.snapshots = FreshSnapshots(
            SnapshotReader(self.patient, layout=LAYOUT, clocks=(self.clock, self.other_clock)),
            self.quick,
            max_staleness_s=5,
            stale_if_error_s=STALE_IF_ERROR_S,
            failed=self.failures.append,
        )
        fill(self.store, [put_row("images/first.jpg", photo("first"))])

    def wait(self, seconds: float) -> None:
        self.clock.now_s += seconds

    def photos(self) -> int:
        return self.snapshots.current().photos

    def requests(self) -> int:
        count = self.patient.requests.total() + self.quick.requests.total()
        self.patient.reset()
        self.quick.reset()
        return count


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def outage(world: World) -> World:
    """The store fails, ten seconds after it was read."""
    assert world.photos() == 1
    fill(world.store, [put_row("images/second.jpg", photo("second"))])
    world.store.down = {"list", "get"}
    world.wait(10)
    world.requests()
    return world


def test_the_last_snapshot_answers_while_it_is_not_too_old(outage: World) -> None:
    assert outage.photos() == 1
    assert outage.snapshots.is_stale
    outage.wait(STALE_IF_ERROR_S - 10)
    assert outage.photos() == 1
    outage.wait(1)
    with pytest.raises(StoreUnavailable):
        outage.photos()


def test_a_store_that_fails_is_not_asked_again_at_once(outage: World) -> None:
    outage.photos()
    assert outage.requests() > 0
    outage.wait(RETRY_AFTER_S - 1)
    outage.photos()
    assert outage.requests() == 0
    outage.wait(1)
    outage.photos()
    assert outage.requests() > 0
    assert len(outage.failures) == 2, "each refresh that failed is told once"


def test_time_that_one_clock_sleeps_through_counts(outage: World) -> None:
    """As where Lambda froze the process between two requests."""
    outage.photos()
    outage.other_clock.now_s += RETRY_AFTER_S + 10
    outage.store.down = set()
    assert outage.photos() == 2


def test_a_store_that_is_back_is_read_again_and_stays_fresh(outage: World) -> None:
    outage.wait(50)
    outage.photos()
    outage.store.down = set()
    outage.wait(RETRY_AFTER_S)
    assert outage.photos() == 2
    assert not outage.snapshots.is_stale
    fill(outage.store, [put_row("images/third.jpg", photo("third"))])
    outage.wait(6)
    assert outage.photos() == 3, "the earlier failure keeps no refresh from being made"


def test_a_damaged_object_is_told_and_the_last_snapshot_answers(world: World) -> None:
    world.photos()
    world.store.put_if_absent(names.new_log_segment(b"sound"), b"damaged")
    world.wait(10)
    assert world.photos() == 1
    assert [type(error) for error in world.failures] == [CorruptObject]


def test_only_a_refresh_that_may_fail_is_given_up_early(world: World) -> None:
    world.photos()
    assert (world.patient.requests["list"], world.quick.requests["list"]) == (2, 0), "there is nothing to answer from"
    world.requests()
    world.wait(10)
    world.photos()
    assert (world.patient.requests["list"], world.quick.requests["list"]) == (0, 2)
    world.requests()
    world.wait(STALE_IF_ERROR_S + 1)
    world.photos()
    assert (world.patient.requests["list"], world.quick.requests["list"]) == (2, 0)


def test_without_a_snapshot_an_outage_is_one(world: World) -> None:
    world.store.down = {"list"}
    with pytest.raises(StoreUnavailable):
        world.photos()
    assert world.failures == []


def test_a_snapshot_of_unknown_age_does_not_answer(outage: World) -> None:
    """A clock was set back."""
    outage.clock.now_s -= 3600
    with pytest.raises(StoreUnavailable):
        outage.photos()


def embedding(snapshot: Snapshot, product_id: str) -> np.ndarray:
    embeddings, _ = snapshot.embeddings(product_id, at_most=1)
    return embeddings[0]


def test_what_a_stale_snapshot_reads_exists_until_it_is_too_old() -> None:
    """Compaction replaces its segments at once and collects them as early as it may."""
    clock = Clock()
    store = MemoryStore(clock)
    policy = Policy(fanout=2, garbage_share=1.0, grace_s=GRACE_S, orphan_s=GRACE_S)

    def append_and_compact(number: int) -> None:
        rows = [put_row(f"images/{number}-{row}.jpg", photo(f"{number}", row)) for row in range(50)]
        fill(store, rows)
        compact(store, policy)

    append_and_compact(0)
    with patch.object(reader, "_READ_AT_ONCE_BYTES", 1000):  # so that embeddings stay in the store
        snapshot = SnapshotReader(store, layout=LAYOUT, clocks=(clock,)).refresh()
    assert not any(shard.segment.is_resident for shard in snapshot.shards if len(shard.live_puts))
    refreshed_s = clock.now_s
    limit_s = QuerySettings("photos", "store", "queue", "dead-letters").stale_if_error_s
    for number in range(1, 20):
        if clock.now_s - refreshed_s <= limit_s:
            np.testing.assert_array_equal(embedding(snapshot, "0-7"), embedding_of(photo("0", 7)))
        append_and_compact(number)
        clock.now_s += 60
    with pytest.raises(ObjectMissing):
        embedding(snapshot, "0-7")
