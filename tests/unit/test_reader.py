"""What a reader fetches of what compaction wrote, when, and what becomes of it where memory or the store fails."""

import logging
import threading
import time
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import CorruptObject, ObjectMissing, StoreUnavailable
from lookalike.layout import Layout
from lookalike.search.knn import nearest_products
from lookalike.store import append_log, embedding_blocks, manifest, reader, segment_file
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from lookalike.store.snapshot import Snapshot
from lookalike.store.stored_segment import StoredSegment
from lookalike.store.wrappers import CountingStore
from tests.support import spectra
from tests.support.catalogues import calibrated_by, fitted
from tests.support.stores import FaultyStore, Rival

DIMENSIONS = 64
LAYOUT = Layout.of_one_part(DIMENSIONS)
ROWS = 600
FOLDED = Policy(fanout=99, garbage_share=1.0)


@pytest.fixture(autouse=True)
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of these sizes are large."""
    monkeypatch.setattr(reader, "_READ_AT_ONCE_BYTES", 20_000)
    monkeypatch.setattr(segment_file, "SCAN_BLOCK_BYTES", 10_000)
    monkeypatch.setattr(embedding_blocks, "_BLOCK_BYTES", 1)  # each row is a block


def append(store: ObjectStore, vectors: np.ndarray, first: int = 0) -> None:
    order = order_of(sequencer=None, time_ms=1, op=Op.PUT)
    rows = [
        Row(f"{first + number}", f"{first + number}", order, Op.PUT, vector) for number, vector in enumerate(vectors)
    ]
    append_log.append(store, rows, layout=LAYOUT)


def filled(*batches: int) -> MemoryStore:
    """A store with a segment of so many rows each, all of one rotation unless a segment is four times the rows before."""
    store = MemoryStore()
    first = 0
    with calibrated_by(fitted):
        for count in batches:
            append(store, spectra.power_law(count, count, DIMENSIONS), first)
            compact(store, FOLDED)
            first += count
    return store


def reader_of(store: ObjectStore, memory_bytes: int = 0) -> SnapshotReader:
    return SnapshotReader(store, layout=LAYOUT, memory_bytes=memory_bytes, io_threads=2)


def segments(snapshot: Snapshot) -> list[StoredSegment]:
    return [shard.segment for shard in snapshot.shards if isinstance(shard.segment, StoredSegment)]


def wait_for_residency(held: SnapshotReader) -> None:
    if held._residency:
        held._residency.join(10)
        assert not held._residency.is_alive()


def ask(snapshot: Snapshot, seed: int = 9) -> list[str]:
    query = spectra.power_law(seed, 1, DIMENSIONS)[0]
    return [near.product_id for near in nearest_products(snapshot, query, k=5).neighbours]


# --- what is fetched --------------------------------------------------------------------------------------------------


def test_of_a_large_segment_a_cold_reader_fetches_what_a_search_scans_in_parts() -> None:
    store = filled(ROWS)
    (ref,) = manifest.newest(store).segments
    assert ref.scan_bytes > 2 * 20_000
    counting = CountingStore(store)
    snapshot = reader_of(counting).refresh()
    reads = -(-ref.scan_bytes // 20_000)
    assert counting.requests == {"list": 2, "get": 2, "get_range": reads}, (
        "manifest, rotation, and the segment in ranges"
    )
    fixed = sum(len(store.get(name)) for name in (*ref.rotations, manifest.newest(store).name))
    assert counting.bytes_read == ref.scan_bytes + fixed
    assert snapshot.photos == ROWS
    assert not segments(snapshot)[0].is_resident


def test_a_small_segment_is_fetched_whole() -> None:
    store = filled(40)
    counting = CountingStore(store)
    snapshot = reader_of(counting).refresh()
    assert counting.requests == {"list": 2, "get": 3}
    assert segments(snapshot)[0].is_resident
    counting.reset()
    ask(snapshot)
    assert counting.requests == {}


def test_a_refresh_may_read_through_another_store_and_searches_do_not() -> None:
    store = filled(ROWS)
    own, other = CountingStore(store), CountingStore(store)
    snapshot = reader_of(own).refresh(other)
    assert own.requests == {}
    assert other.requests["get_range"] > 1
    other.reset()
    ask(snapshot)
    assert other.requests == {}
    assert set(own.requests) == {"get_range"}


@pytest.mark.parametrize("k", [5, 20])
def test_a_cold_search_reads_a_few_rows(k: int) -> None:
    counting = CountingStore(filled(ROWS))
    snapshot = reader_of(counting).refresh()
    counting.reset()
    with patch("lookalike.store.stored_embeddings.NEAR_BYTES", 1):
        answer = nearest_products(snapshot, spectra.power_law(9, 1, DIMENSIONS)[0], k=k)
    assert set(counting.requests) == {"get_range"}
    assert counting.bytes_read == answer.rows_exact * DIMENSIONS * 4
    assert answer.rows_exact < 3 * ROWS / 4


def test_a_rotation_is_fetched_once_for_all_segments_and_once_for_all_refreshes() -> None:
    store = filled(100, 120, 130)
    refs = manifest.newest(store).segments
    assert len({ref.rotations for ref in refs}) == 1
    counting = CountingStore(store)
    held = reader_of(counting)
    assert len(segments(held.refresh())) == 3
    assert counting.requests["get"] + counting.requests["get_range"] == 2 + sum(
        -(-ref.scan_bytes // 20_000) if ref.stored_bytes > 20_000 else 1 for ref in refs
    )
    append(store, spectra.power_law(4, 40, DIMENSIONS), 350)
    compact(store, FOLDED)
    counting.reset()
    assert held.refresh().photos == 390
    assert counting.requests == {"list": 2, "get": 2}, "the manifest and the new segment"


def test_rotations_no_segment_needs_are_let_go() -> None:
    store = filled(20, 100)
    held = reader_of(store)
    held.refresh()
    assert len(held._rotations) == 2
    with calibrated_by(fitted):
        compact(store, Policy(fanout=2, garbage_share=1.0))
    held.refresh()
    assert held._rotations.keys() == {name for ref in manifest.newest(store).segments for name in ref.rotations}
    assert len(held._rotations) == 1


def test_segments_of_several_rotations_are_searched_together() -> None:
    store = filled(20, 100, 500)
    refs = manifest.newest(store).segments
    assert len({ref.rotations for ref in refs}) == 3
    vectors = np.concatenate([spectra.power_law(count, count, DIMENSIONS) for count in (20, 100, 500)])
    snapshot = reader_of(store).refresh()
    for row in (0, 19, 20, 119, 120, 619):
        distances = np.linalg.norm(vectors.astype(np.float64) - vectors[row], axis=1)
        found = nearest_products(snapshot, vectors[row], k=9).neighbours
        assert [near.product_id for near in found] == [str(place) for place in np.argsort(distances)[:9]]


def test_a_segment_of_a_rotation_its_manifest_does_not_name_is_corrupt() -> None:
    store = filled(60)
    newest = manifest.newest(store)
    refs = tuple(replace(ref, rotations=()) for ref in newest.segments)
    manifest.commit(store, replace(newest, version=newest.version + 1, segments=refs))
    with pytest.raises(CorruptObject, match="manifest does not name"):
        reader_of(store).refresh()


def test_a_rotation_that_is_lost_is_an_outage_and_no_endless_loop() -> None:
    store = filled(60)
    store.delete(manifest.newest(store).segments[0].rotations[0])
    with pytest.raises(StoreUnavailable, match="attempts"):
        reader_of(store).refresh()


def test_a_damaged_rotation_is_corrupt() -> None:
    store = filled(60)
    name = manifest.newest(store).segments[0].rotations[0]
    data = store.get(name)
    store.delete(name)
    store.put_if_absent(name, data[:-1])
    with pytest.raises(CorruptObject):
        reader_of(store).refresh()


# --- embeddings in memory ---------------------------------------------------------------------------------------------


def test_with_memory_enough_embeddings_come_into_it_and_searches_read_nothing() -> None:
    counting = CountingStore(filled(ROWS, 200))
    held = reader_of(counting, memory_bytes=10_000_000)
    snapshot = held.refresh()
    expected = ask(snapshot)
    wait_for_residency(held)
    assert [segment.is_resident for segment in segments(snapshot)] == [True, True]
    counting.reset()
    assert ask(snapshot) == expected
    assert counting.requests == {}


def test_memory_is_not_exceeded() -> None:
    """What the scan takes is taken from it, and of the embeddings only whole segments come in."""
    store = filled(ROWS, 200)
    one, other = segments(reader_of(store).refresh())
    scanned = one.scan_bytes + other.scan_bytes
    for room, expected in (
        (0, [False, False]),
        (other.embedding_bytes - 1, [False, False]),
        (other.embedding_bytes, [False, True]),
        (one.embedding_bytes, [True, False]),
        (one.embedding_bytes + other.embedding_bytes, [True, True]),
    ):
        held = reader_of(store, memory_bytes=scanned + room)
        snapshot = held.refresh()
        wait_for_residency(held)
        assert [segment.is_resident for segment in segments(snapshot)] == expected


def test_memory_is_given_back_to_what_needs_it_more_and_taken_again() -> None:
    store = filled(ROWS, 200)
    held = reader_of(store, memory_bytes=0)
    held.limit(10_000_000)
    snapshot = held.refresh()
    wait_for_residency(held)
    found = ask(snapshot)
    for memory_bytes in (0, 10_000_000, 0):
        held.limit(memory_bytes)
        wait_for_residency(held)
        assert [segment.is_resident for segment in segments(snapshot)] == [bool(memory_bytes)] * 2
        assert ask(snapshot) == found


def test_what_is_resident_stays_and_what_is_new_follows() -> None:
    store = filled(ROWS)
    counting = CountingStore(store)
    held = reader_of(counting, memory_bytes=10_000_000)
    held.refresh()
    wait_for_residency(held)
    append(store, spectra.power_law(4, 200, DIMENSIONS), ROWS)
    compact(store, FOLDED)
    counting.reset()
    snapshot = held.refresh()
    wait_for_residency(held)
    new = manifest.newest(store).segments[-1]
    assert [segment.is_resident for segment in segments(snapshot)] == [True, True]
    assert counting.bytes_read == new.stored_bytes + len(store.get(manifest.newest(store).name))


def test_an_outage_while_embeddings_come_in_is_a_warning_and_searches_go_on(caplog: pytest.LogCaptureFixture) -> None:
    store = filled(ROWS)
    down = threading.Event()

    class Outage(CountingStore):
        def get_range(self, name: str, start: int, end: int) -> bytes:
            if down.is_set() and threading.current_thread().name == "residency":
                raise StoreUnavailable("S3 answered SlowDown")
            return super().get_range(name, start, end)

    held = reader_of(Outage(store), memory_bytes=10_000_000)
    down.set()
    with caplog.at_level(logging.WARNING):
        snapshot = held.refresh()
        wait_for_residency(held)
    assert "embeddings were not made resident: S3 answered SlowDown" in caplog.text
    assert [segment.is_resident for segment in segments(snapshot)] == [False]
    expected = ask(snapshot)
    assert len(expected) == 5
    down.clear()
    held.refresh()
    wait_for_residency(held)
    assert [segment.is_resident for segment in segments(snapshot)] == [True], "the next refresh tries again"
    assert ask(snapshot) == expected


def test_one_thread_at_a_time_brings_embeddings_in() -> None:
    store = filled(ROWS)
    go_on = threading.Event()
    started = threading.Event()

    def wait() -> None:
        if threading.current_thread().name == "residency":
            started.set()
            assert go_on.wait(10)

    faulty = FaultyStore(store)
    held = reader_of(faulty, memory_bytes=10_000_000)
    ranges = -(-manifest.newest(store).segments[0].scan_bytes // 20_000)
    faulty.plan = {("get_range", ranges): Rival(before=wait)}
    snapshot = held.refresh()
    assert started.wait(10)
    working = held._residency
    for _ in range(3):
        held.refresh()
    assert held._residency is working
    assert len(ask(snapshot)) == 5, "a search does not wait for it"
    go_on.set()
    wait_for_residency(held)
    assert segments(snapshot)[0].is_resident


# --- a process that is about to be frozen -----------------------------------------------------------------------------


class SlowResidency(CountingStore):
    """Reads for the background wait until they are let through."""

    def __init__(self, inner: ObjectStore) -> None:
        super().__init__(inner)
        self.through = threading.Event()
        self.asked = threading.Event()

    def get_range(self, name: str, start: int, end: int) -> bytes:
        if threading.current_thread().name == "residency":
            self.asked.set()
            assert self.through.wait(10)
        return super().get_range(name, start, end)


def test_settling_waits_until_embeddings_have_come_in() -> None:
    slow = SlowResidency(filled(ROWS, 200))
    held = reader_of(slow, memory_bytes=10_000_000)
    snapshot = held.refresh()
    threading.Timer(0.3, slow.through.set).start()
    held.finish_loading(10)
    assert [segment.is_resident for segment in segments(snapshot)] == [True, True]


def test_a_reader_that_settled_in_the_middle_begins_again_when_it_is_asked() -> None:
    """A copy that wakes up has a thread that waits on a connection which is long gone."""
    slow = SlowResidency(filled(ROWS))
    held = reader_of(slow, memory_bytes=10_000_000)
    snapshot = held.refresh()
    assert slow.asked.wait(10)
    began = time.monotonic()
    held.finish_loading(0.1)
    assert time.monotonic() - began < 5, "what hangs is left alone"
    stuck = held._residency
    assert stuck is not None
    assert stuck.is_alive()

    slow.asked.clear()
    held.refresh()
    assert held._residency is not stuck
    assert slow.asked.wait(10)
    slow.through.set()
    wait_for_residency(held)
    assert segments(snapshot)[0].is_resident
    stuck.join(10)
    assert not stuck.is_alive()


def test_settling_before_anything_was_read_is_nothing() -> None:
    reader_of(MemoryStore()).finish_loading(0)


# --- memory, while segments are replaced ------------------------------------------------------------------------------


def test_embeddings_make_room_before_what_replaces_their_segment_is_read() -> None:
    store = filled(ROWS)
    held = reader_of(store, memory_bytes=10_000_000)
    old = held.refresh()
    wait_for_residency(held)
    (replaced,) = segments(old)
    assert replaced.is_resident
    expected = ask(old)
    append(store, spectra.power_law(4, 200, DIMENSIONS), ROWS)
    compact(store, Policy(fanout=2, garbage_share=1.0))
    seen: list[bool] = []
    new_name = manifest.newest(store).segments[-1].name

    class Watched(CountingStore):
        def get_range(self, name: str, start: int, end: int) -> bytes:
            if name == new_name:
                seen.append(replaced.is_resident)
            return super().get_range(name, start, end)

    held._store = Watched(store)
    new = held.refresh()
    wait_for_residency(held)
    assert replaced not in segments(new), "the merge replaced it"
    assert seen
    assert not any(seen)
    assert ask(old) == expected, "whoever still has the old snapshot reads the few rows it needs"


def test_what_a_thread_is_bringing_in_is_dropped_when_its_segment_is_replaced() -> None:
    slow = SlowResidency(filled(ROWS))
    held = reader_of(slow, memory_bytes=10_000_000)
    old = held.refresh()
    assert slow.asked.wait(10)
    working = held._residency
    assert working is not None
    append(slow.inner, spectra.power_law(4, 200, DIMENSIONS), ROWS)
    compact(slow.inner, Policy(fanout=2, garbage_share=1.0))
    new = held.refresh()
    slow.through.set()
    working.join(10)
    wait_for_residency(held)
    assert [segment.is_resident for segment in segments(old)] == [False]
    assert all(segment.is_resident for segment in segments(new))


def test_a_long_log_takes_its_memory_from_the_embeddings() -> None:
    store = filled(ROWS)
    (one,) = segments(reader_of(store).refresh())
    memory_bytes = one.scan_bytes + one.embedding_bytes + 1000
    held = reader_of(store, memory_bytes=memory_bytes)
    snapshot = held.refresh()
    wait_for_residency(held)
    assert segments(snapshot)[0].is_resident
    append(store, spectra.power_law(4, 20, DIMENSIONS), ROWS)
    snapshot = held.refresh()
    wait_for_residency(held)
    assert not segments(snapshot)[0].is_resident


def test_a_snapshot_whose_segment_was_collected_is_an_error_that_says_so() -> None:
    """As grace is longer than a request takes, this is a snapshot that somebody kept."""
    store = filled(ROWS)
    snapshot = reader_of(store).refresh()
    store.delete(manifest.newest(store).segments[0].name)
    with pytest.raises(ObjectMissing):
        ask(snapshot)
