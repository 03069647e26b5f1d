"""What a store lacks, found from a listing: whatever happened before, at the same time or afterwards, it ends up as the catalogue."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.backfill import Plan, planned, read_keys
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.hashes import text_hash
from lookalike.ingest import Ingested, ingest
from lookalike.layout import Layout
from lookalike.photos.catalogue import ListedPhoto, ObjectEvent
from lookalike.store import append_log, manifest
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from lookalike.store.wrappers import CountingStore
from scripts.backfill import Done, in_batches
from tests.support.fakes import (
    LAYOUT,
    FakeCatalogue,
    FakeEmbedder,
    OutageStore,
    embedding_of,
    photo,
    put_row,
)
from tests.support.rows import LAYOUT as NARROW
from tests.support.rows import delete, put, reject

KEY = "images/1.jpg"


def order(number: int, time_ms: int, op: Op = Op.PUT) -> bytes:
    """Of an event with the sequencer ``number``, or without one where that is 0."""
    return order_of(sequencer=f"{number:016X}" if number else None, time_ms=time_ms, op=op)


@dataclass(frozen=True)
class Found:
    """What a plan says, read while it is open."""

    added: int
    changed: int
    gone: int
    done: int
    events: tuple[ObjectEvent, ...]


def found_in(work: AbstractContextManager[Plan]) -> Found:
    with work as found:
        events = tuple(found)
        assert len(found) == len(events) == found.added + found.changed + found.gone
        return Found(found.added, found.changed, found.gone, found.done, events)


def store_of(*orders: bytes | None) -> MemoryStore:
    """A store with a row of the one key for each order."""
    store = MemoryStore()
    for one in orders:
        if one is not None:
            op = Op(one[24])
            embedding = np.ones(LAYOUT.dimensions, np.float32) if op is Op.PUT else None
            append_log.append(store, [Row(KEY, "1", one, op, embedding)], layout=LAYOUT)
    return store


def planned_for(modified_ms: int | None, held: bytes | None, *others: bytes) -> Found:
    """The plan for one key, its time in the catalogue, its newest order in the store and in others."""
    listed = [] if modified_ms is None else [ListedPhoto(KEY, modified_ms)]
    return found_in(planned(listed, store_of(held), [store_of(other) for other in others], bucket="catalogue"))


def the_event(found: Found) -> tuple[str | None, int]:
    (event,) = found.events
    assert (event.bucket, event.key, event.removed) == ("catalogue", KEY, False)
    return (event.sequencer and event.sequencer.rstrip("0"), event.time_ms)


class TestPlan:
    def test_a_photo_that_nobody_knows_has_no_sequencer(self) -> None:
        found = planned_for(5000, None)
        assert the_event(found) == (None, 5000)
        assert (found.added, found.done) == (1, 0)

    @pytest.mark.parametrize(("modified_ms", "time_ms"), [(5000, 7001), (9000, 9000)])
    def test_what_another_store_knows_is_taken_over_with_a_later_time(self, modified_ms: int, time_ms: int) -> None:
        other = order(0xABC, 7000)
        assert the_event(planned_for(modified_ms, None, order(0xAB, 8000), other)) == (
            "0" * 13 + "ABC".lower(),
            time_ms,
        )

    def test_a_row_that_is_not_older_than_the_photo_stands_for_it(self) -> None:
        for op in (Op.PUT, Op.REJECT):
            found = planned_for(5000, order(1, 5000, op), order(1, 5999))
            assert (found.events, found.done) == ((), 1)

    def test_a_photo_that_is_newer_than_its_row_changed(self) -> None:
        found = planned_for(5001, order(1, 5000))
        assert (found.changed, the_event(found)) == (1, ("0" * 15 + "1", 5001))

    def test_a_replacement_within_a_second_is_seen_by_its_sequencer_in_another_store(self) -> None:
        assert the_event(planned_for(5000, order(1, 5200), order(2, 5700))) == ("0" * 15 + "2", 5701)

    def test_two_stores_do_not_outdo_each_other_for_ever(self) -> None:
        """Each backfill takes the last one's order and adds to the time; the photo is the same."""
        assert planned_for(5000, order(1, 5201), order(1, 5202)).done == 1

    def test_a_tombstone_that_is_not_older_than_the_photo_is_left_to_the_photos_event(self) -> None:
        assert planned_for(5000, order(2, 5400, Op.DELETE)).events == ()
        assert the_event(planned_for(6000, order(2, 5400, Op.DELETE))) == ("0" * 15 + "2", 6000)
        assert the_event(planned_for(5000, order(2, 5400, Op.DELETE), order(3, 5600))) == ("0" * 15 + "3", 5601)

    def test_a_photo_that_is_gone_is_asked_for_with_all_that_is_known(self) -> None:
        found = planned_for(None, order(1, 5000), order(2, 6000, Op.DELETE))
        assert (found.gone, the_event(found)) == (1, ("0" * 15 + "2", 6001))
        assert planned_for(None, order(1, 5000, Op.DELETE)).events == ()

    def test_what_ingest_would_skip_is_not_planned_for(self) -> None:
        keys = ["elsewhere/1.jpg", "images/a\0b.jpg"]
        listed = [ListedPhoto(key, 1) for key in keys]
        assert found_in(planned(listed, MemoryStore(), bucket="catalogue")) == Found(0, 0, 0, 0, ())

    def test_photos_that_are_not_listed_are_left_alone_where_the_listing_does_not_tell(self) -> None:
        store = store_of(order(1, 5000))
        assert found_in(planned([], store, bucket="catalogue", is_gone=None)).events == ()
        assert found_in(planned([], store, bucket="catalogue", is_gone=lambda key: key != KEY)).events == ()
        assert found_in(planned([], store, bucket="catalogue", is_gone=lambda key: key == KEY)).gone == 1

    def test_the_listing_begins_after_the_stores_were_read(self) -> None:
        stores = [CountingStore(store_of(order(number, 5000))) for number in (1, 2)]
        read: list[int] = []

        def listed() -> Iterator[ListedPhoto]:
            read.extend(store.requests["get"] for store in stores)
            yield ListedPhoto(KEY, 5000)

        found_in(planned(listed(), stores[0], stores[1:], bucket="catalogue"))
        assert read == [1, 1]


class TestPartitionsOfAPlan:
    """The same catalogue and stores, compared in one partition and in many."""

    def plans(self, rows_at_once: int) -> Found:
        own, other = MemoryStore(), MemoryStore()
        rows = [put(f"images/{number}.jpg", 1 + number % 3) for number in range(600)]
        append_log.append(own, rows[:400], layout=NARROW)
        compact(own, Policy())
        append_log.append(own, [delete(f"images/{number}.jpg", 9) for number in range(50, 80)], layout=NARROW)
        append_log.append(other, rows[200:], layout=NARROW)
        append_log.append(other, [put(f"images/{number}.jpg", 7) for number in range(100)], layout=NARROW)
        listed = [ListedPhoto(f"images/{number}.jpg", 2) for number in range(20, 900)]
        return found_in(planned(listed, own, [other], bucket="catalogue", rows_at_once=rows_at_once))

    def test_every_number_of_partitions_gives_the_same_events(self) -> None:
        expected = self.plans(10**6)
        assert (expected.gone, expected.changed > 0, expected.added, expected.done > 0) == (20, True, 500, True)
        for rows_at_once in (400, 20, 1):
            found = self.plans(rows_at_once)
            assert replace(found, events=()) == replace(expected, events=())
            assert sorted(found.events, key=str) == sorted(expected.events, key=str)
            assert found == self.plans(rows_at_once), "the same plan each time, in the same order"

    def test_events_may_be_read_several_times_and_at_once(self) -> None:
        listed = [ListedPhoto(f"images/{number}.jpg", 2) for number in range(5000)]
        with planned(listed, MemoryStore(), bucket="catalogue") as found:
            assert [one.key for one in found] == [photo.key for photo in listed]
            assert all(one == other for one, other in zip(found, found, strict=True))


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class TestReading:
    def store(self) -> MemoryStore:
        """Rows in a segment, in a log segment that is folded into it, and in one that waits."""
        store = MemoryStore()
        append_log.append(store, [put(f"images/{number}.jpg", 1) for number in range(300)], layout=NARROW)
        compact(store, Policy())
        waiting = [put("images/1.jpg", 3), delete("images/2.jpg", 3), reject("images/new.jpg", 256)]
        append_log.append(store, waiting, layout=NARROW)
        return store

    def plan(self, store: ObjectStore) -> Found:
        """All photos of the store, as they were listed after its first rows, except two."""
        listed = [ListedPhoto(f"images/{number}.jpg", 1) for number in range(300) if number not in (7, 2)]
        return found_in(planned(listed, store, bucket="catalogue"))

    def test_the_newest_row_of_every_key_counts(self) -> None:
        found = self.plan(self.store())
        assert [event.key for event in found.events] == ["images/7.jpg", "images/new.jpg"], "2 is deleted already"
        assert (found.gone, found.done) == (2, 298)

    def test_no_embedding_is_read(self) -> None:
        store = CountingStore(MemoryStore())
        rows = [replace(put(f"images/{n}.jpg", 1), embedding=np.ones(2048, np.float32)) for n in range(300)]
        append_log.append(store, rows, layout=Layout.of_one_part(2048))
        compact(store, Policy())
        store.reset()
        listed = [ListedPhoto(f"images/{number}.jpg", 1) for number in range(300)]
        assert found_in(planned(listed, store, bucket="catalogue")).done == 300
        assert store.bytes_read < 300_000 < 300 * 2048 * 4

    def test_a_store_that_is_not_there_is_empty(self) -> None:
        assert found_in(planned([], MemoryStore(), [MemoryStore()], bucket="catalogue")) == Found(0, 0, 0, 0, ())

    def test_keys_are_found_by_their_hashes(self) -> None:
        wanted = np.array(sorted(text_hash(f"images/{name}.jpg") for name in ("7", "2", "new", "unknown")), "S16")
        assert read_keys(self.store(), wanted) == ["images/2.jpg", "images/7.jpg", "images/new.jpg"]

    @pytest.mark.parametrize("lost", [1, 2])
    def test_a_segment_that_was_collected_meanwhile_is_no_harm(self, lost: int) -> None:
        store = Collected(self.store(), lost)
        assert self.plan(store) == self.plan(store.inner)
        assert store.lost == 0

    def test_a_store_that_keeps_changing_is_told(self) -> None:
        with pytest.raises(StoreUnavailable, match="try again"):
            self.plan(Collected(self.store(), lost=100))


class Collected(OutageStore):
    """Says of the first ``lost`` ranges that their object is gone, as when compaction was faster."""

    def __init__(self, inner: MemoryStore, lost: int) -> None:
        super().__init__(inner)
        self.lost = lost

    def get_range(self, name: str, start: int, end: int) -> bytes:
        if self.lost:
            self.lost -= 1
            raise ObjectMissing(name)
        return super().get_range(name, start, end)


# --- batches ----------------------------------------------------------------------------------------------------------

EVENTS = [ObjectEvent("catalogue", f"images/{number}.jpg", False, None, number) for number in range(10)]


def ingested(events: Sequence[ObjectEvent], **told: object) -> Ingested:
    return Ingested(len(events), 0, 0, 0, {}, "log/x", **told)  # type: ignore[arg-type]


def test_batches_are_of_the_size_and_not_faster_than_asked_for() -> None:
    now, sizes, seen = [100.0], [], []

    def ingest_batch(events: Sequence[ObjectEvent]) -> Ingested:
        sizes.append(len(events))
        now[0] += 0.25
        return ingested(events)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    done = Done()
    in_batches(
        EVENTS, ingest_batch, done, size=4, rate=8, on_done=seen.append, clock=lambda: now[0], sleep=sleep
    )  # fmt: skip
    assert (sizes, seen, done.embedded) == ([4, 4, 2], [4, 8, 10], 10)
    # Eight of ten photos take a second at eight a second; the last two as long as they take.
    assert now[0] == pytest.approx(101.25)


def test_what_was_refused_and_what_failed_is_told_with_the_reason() -> None:
    done = Done()

    def ingest_batch(events: Sequence[ObjectEvent]) -> Ingested:
        refused, failed, *_ = events
        return Ingested(2, 1, 3, 0, {failed: "S3 answered SlowDown"}, None, {refused.key: "no image"})

    in_batches(EVENTS, ingest_batch, done, size=5)
    assert (done.embedded, done.deleted) == (4, 6)
    assert done.rejected == {"images/0.jpg": "no image", "images/5.jpg": "no image"}
    assert done.failed == {"images/1.jpg": "S3 answered SlowDown", "images/6.jpg": "S3 answered SlowDown"}


# --- whatever happens -------------------------------------------------------------------------------------------------


@dataclass
class World:
    """A catalogue, the old and the new model's stores, and events that S3 has sent and somebody may have handled."""

    pool: ThreadPoolExecutor
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    stores: tuple[MemoryStore, MemoryStore] = field(default_factory=lambda: (MemoryStore(), MemoryStore()))
    modified_ms: dict[str, int] = field(default_factory=dict)
    sent: list[ObjectEvent] = field(default_factory=list)
    waiting: list[ObjectEvent] = field(default_factory=list)
    now_ms: int = 1_000_000

    def _tell(self, key: str, removed: bool) -> None:
        self.now_ms += 300  # several changes in one second, which is all that a listing tells
        event = ObjectEvent("catalogue", key, removed, f"{len(self.sent) + 1:016X}", self.now_ms)
        self.sent.append(event)
        self.waiting.append(event)

    def put(self, key: str) -> None:
        self._tell(key, removed=False)
        self.catalogue.put(key, photo(f"{key}{len(self.sent)}"))
        self.modified_ms[key] = self.now_ms // 1000 * 1000

    def delete(self, key: str, *, told: bool = True) -> None:
        if key in self.catalogue.photos:
            if told:
                self._tell(key, removed=True)
            self.catalogue.remove(key)
            del self.modified_ms[key]

    def ingest(self, events: Sequence[ObjectEvent], store: MemoryStore) -> None:
        ingest(
            events,
            catalogue=self.catalogue,
            embedder=FakeEmbedder(),
            store=store,
            pool=self.pool,
            max_bytes=1000,
        )

    def deliver(self, which: int, to_new: bool, again: bool) -> None:
        """An event that waits, or once more one that was handled already."""
        events = self.sent if again else self.waiting
        if events:
            event = events[which % len(events)]
            if not again:
                self.waiting.remove(event)
            self.ingest([event], self.stores[to_new])

    def backfill(
        self, *, between: Callable[[], None] = lambda: None, only: int | None = None, rows_at_once: int = 2
    ) -> Found:
        """``between``: what happens between the listing and the reading of photos; ``only``: how far it comes."""
        listed = [ListedPhoto(key, time_ms) for key, time_ms in sorted(self.modified_ms.items())]
        old, new = self.stores
        found = found_in(planned(listed, new, [old], bucket="catalogue", rows_at_once=rows_at_once))
        between()
        self.ingest(found.events[:only], new)
        return found

    def found(self) -> dict[str, bytes]:
        rows = SnapshotReader(self.stores[1], layout=LAYOUT).refresh().rows()
        return {row.key: row.embedding.tobytes() for row in rows if row.embedding is not None}

    def expected(self) -> dict[str, bytes]:
        return {key: embedding_of(held.data).tobytes() for key, held in self.catalogue.photos.items()}


KEYS = st.sampled_from(["images/1.jpg", "images/2.jpg"])
CHANGES = st.one_of(st.tuples(st.just("put"), KEYS), st.tuples(st.just("delete"), KEYS))
STEPS = st.one_of(
    CHANGES,
    st.tuples(st.just("deliver"), st.integers(0, 20), st.just(False), st.booleans()),
    st.just(("settle",)),
    st.tuples(st.just("backfill"), st.none() | CHANGES, st.sampled_from([None, None, 0, 1])),
)
LATER = st.one_of(CHANGES, st.tuples(st.just("deliver"), st.integers(0, 20), st.just(True), st.booleans()))


def do(world: World, step: tuple) -> None:
    match step:
        case ("put", key):
            world.put(key)
        case ("delete", key):
            world.delete(key)
        case ("deliver", which, to_new, again):
            world.deliver(which, to_new, again)
        case ("settle",):
            while world.waiting:
                world.deliver(0, False, False)
        case ("backfill", meanwhile, only):
            world.backfill(between=lambda: do(world, meanwhile or ()), only=only)


@settings(
    max_examples=300, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.lists(STEPS, max_size=10), st.lists(LATER, max_size=3), st.lists(LATER, max_size=3), st.sets(st.integers(0, 12))
)
def test_the_new_store_ends_up_as_the_catalogue(
    before: list[tuple], switched: list[tuple], later: list[tuple], repeated: set[int]
) -> None:
    """Before the switch events go to the old store, after it to the new one, and the second backfill is somewhere in that."""
    with ThreadPoolExecutor(1) as pool:
        world = World(pool)
        for step in [*before, *switched]:
            do(world, step)
        world.backfill()
        for step in later:
            do(world, step)
        for event in list(world.waiting):
            world.ingest([event], world.stores[1])
        assert world.found() == world.expected()

        for number, event in enumerate(world.sent):  # some of them once more, and late
            if number in repeated:
                world.ingest([event], world.stores[1])
        assert world.found() == world.expected()


def test_a_deletion_that_nobody_was_told_of_is_found_by_the_next_backfill(pool: ThreadPoolExecutor) -> None:
    world = World(pool)
    for number in range(3):
        world.put(f"images/{number}.jpg")
    world.backfill()
    world.delete("images/1.jpg", told=False)
    found = world.backfill()
    assert ([event.key for event in found.events], found.gone) == (["images/1.jpg"], 1)
    assert world.found() == world.expected()
    assert world.backfill().events == ()


def test_an_old_deletion_that_arrives_late_does_not_take_a_photo_away(pool: ThreadPoolExecutor) -> None:
    """The old store knows of the deletion and of the photo that came after it; the new one is filled from a listing."""
    world = World(pool)
    world.put(KEY)
    world.delete(KEY)
    world.put(KEY)
    _, deletion, _ = world.sent
    world.ingest(world.sent, world.stores[0])
    world.backfill()
    world.ingest([deletion], world.stores[1])
    assert world.found() == world.expected() != {}


def test_rows_of_the_new_store_that_has_been_compacted_count(pool: ThreadPoolExecutor) -> None:
    world = World(pool)
    world.put(KEY)
    world.backfill()
    compact(world.stores[1], Policy())
    assert manifest.newest(world.stores[1]).version == 1
    assert world.backfill().done == 1
    append_log.append(world.stores[0], [put_row("images/2.jpg", photo("2"))], layout=LAYOUT)
    assert world.backfill().done == 1, "what only the other store has is no business of this one"
