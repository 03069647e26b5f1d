"""Compaction keeps how near the catalogue's photos lie to each other, and measures it again where that is due."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from lookalike.compaction import neighbours
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.compaction.work import Work
from lookalike.layout import Layout, Part
from lookalike.store import append_log, manifest
from lookalike.store.neighbours import NeighbourSample
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import CountingStore
from tests.support.fakes import Clock
from tests.support.stores import FaultyStore, Rival

pytestmark = pytest.mark.usefixtures("no_pauses")

LAYOUT = Layout((Part("shape", 5, 1.0), Part("colour", 3, 0.5)))
POLICY = Policy(segment_bytes=20_000, fanout=2, garbage_share=0.2)
DAY_S = 24 * 60 * 60


def vector(number: int, take: int = 0) -> np.ndarray:
    rng = np.random.default_rng([number, take])
    parts = [rng.standard_normal(part.dimensions) for part in LAYOUT.parts]
    return np.concatenate([part / np.linalg.norm(part) for part in parts]).astype(np.float32)


def put(number: int, take: int = 0) -> Row:
    """A photo of product ``number // 2``; a later take of it looks different."""
    order = order_of(sequencer=None, time_ms=1 + take, op=Op.PUT)
    return Row(f"images/{number}.jpg", f"{number // 2}", order, Op.PUT, vector(number, take))


def gone(number: int) -> Row:
    order = order_of(sequencer=None, time_ms=10**9, op=Op.DELETE)
    return Row(f"images/{number}.jpg", f"{number // 2}", order, Op.DELETE)


def append(store: ObjectStore, rows: Iterable[Row], layout: Layout = LAYOUT) -> None:
    append_log.append(store, list(rows), layout=layout)


def expected(photos: dict[int, int], layout: Layout = LAYOUT) -> list[float]:
    """The distance of each photo from the nearest of another product, ascending. ``photos``: the take of each."""
    vectors = np.array([vector(number, take) for number, take in photos.items()], np.float64)
    products = np.array(list(photos)) // 2
    squared = np.square(vectors[:, np.newaxis] - vectors)
    parts = [squared[:, :, part].sum(axis=2) for part in layout.slices]
    total = sum(weight**2 * part for weight, part in zip(layout.weights, parts, strict=True))
    total[products[:, np.newaxis] == products] = np.inf
    return sorted(np.sqrt(total.min(axis=1)).tolist())


def assert_measured(sample: NeighbourSample | None, photos: dict[int, int], layout: Layout = LAYOUT) -> None:
    assert sample is not None
    assert sample.layout == layout
    np.testing.assert_allclose(sorted(sample.distances(layout.weights)), expected(photos, layout), rtol=2e-4)


def kept(store: ObjectStore) -> NeighbourSample | None:
    return manifest.newest(store).neighbours


def opened(store: ObjectStore) -> Snapshot:
    return SnapshotReader(store, layout=LAYOUT, io_threads=1).refresh()


def test_a_store_that_was_never_compacted_is_measured_by_its_log(store: MemoryStore) -> None:
    append(store, map(put, range(30)))
    append(store, [put(number, 1) for number in range(10)] + [gone(29)])
    photos = {number: int(number < 10) for number in range(29)}
    assert_measured(opened(store).neighbours, photos)


def test_compaction_measures_what_is_searchable(store: MemoryStore) -> None:
    append(store, map(put, range(60)))
    compact(store, POLICY)
    append(store, [put(number, 1) for number in range(40)] + [gone(59)] + [put(number) for number in range(60, 99)])
    work = compact(store, POLICY)
    assert work.measured == 1
    assert len(manifest.newest(store).segments) > 1
    photos = {number: int(number < 40) for number in range(99) if number != 59}
    assert_measured(kept(store), photos)
    assert opened(store).neighbours == kept(store)


def test_merges_deletions_and_new_photos_keep_the_sample(store: MemoryStore) -> None:
    append(store, map(put, range(40)))
    compact(store, POLICY)
    before = kept(store)
    assert before is not None
    merged = 0
    for number in range(40, 48):
        append(store, [put(number), gone(number - 40)])
        work = compact(store, POLICY)
        assert work.measured == 0
        merged += work.merged
    assert merged > 0
    assert kept(store) == before


def test_a_store_that_does_not_change_is_not_measured_again(store: MemoryStore, clock: Clock) -> None:
    append(store, map(put, range(40)))
    compact(store, POLICY)
    clock.now_s += 9 * DAY_S
    assert compact(store, replace(POLICY, grace_s=10**9)) == Work()


def test_a_store_that_changed_is_measured_again_after_a_day(store: MemoryStore, clock: Clock) -> None:
    append(store, map(put, range(40)))
    compact(store, POLICY)
    clock.now_s += 0.9 * DAY_S
    append(store, [put(number, 1) for number in range(15)])
    assert compact(store, POLICY).measured == 0
    clock.now_s += 0.2 * DAY_S
    assert compact(store, POLICY).measured == 1
    assert_measured(kept(store), {number: int(number < 15) for number in range(40)})


def test_a_store_that_grew_is_measured_at_once(store: MemoryStore) -> None:
    append(store, map(put, range(40)))
    compact(store, POLICY)
    append(store, map(put, range(40, 100)))
    assert compact(store, POLICY).measured == 1
    assert_measured(kept(store), dict.fromkeys(range(100), 0))


def test_photos_of_other_weights_have_the_store_measured_by_those(store: MemoryStore, clock: Clock) -> None:
    append(store, map(put, range(40)))
    compact(store, POLICY)
    newer = Layout((Part("shape", 5, 0.1), Part("colour", 3, 2.0)))
    append(store, [put(40)], newer)
    assert compact(store, POLICY).measured == 1
    assert_measured(kept(store), dict.fromkeys(range(41), 0), newer)
    clock.now_s += 2 * DAY_S
    append(store, [put(41)], newer)
    assert compact(store, POLICY).measured == 1
    assert_measured(kept(store), dict.fromkeys(range(42), 0), newer)


def test_a_handful_of_photos_is_not_measured(store: MemoryStore) -> None:
    append(store, map(put, range(8)))
    assert compact(store, POLICY).measured == 0
    assert kept(store) is None


def test_a_catalogue_of_one_product_has_no_distances_and_is_not_measured_for_ever(store: MemoryStore) -> None:
    append(store, [replace(put(number), product_id="1") for number in range(30)])
    assert compact(store, POLICY).measured == 1
    sample = kept(store)
    assert sample is not None
    assert sample.squared == ()
    assert compact(store, POLICY).measured == 0


def test_a_large_store_is_measured_by_some_of_its_segments(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = replace(POLICY, fanout=99)
    for start in range(0, 200, 20):
        append(store, map(put, range(start, start + 20)))
        compact(store, policy)
    stored_bytes = sum(ref.stored_bytes for ref in manifest.newest(store).segments)
    monkeypatch.setattr(neighbours, "_READ_BYTES", sum(ref.raw_bytes for ref in manifest.newest(store).segments) // 4)
    counting = CountingStore(store)
    newest = manifest.newest(store)

    sample, read_bytes = neighbours.measure(counting, newest, [np.ones(ref.rows, bool) for ref in newest.segments])

    assert read_bytes == counting.bytes_read < stored_bytes  # some of them, twice
    distances = sample.distances(LAYOUT.weights)
    assert 0 < len(distances) < 200
    assert np.quantile(distances, 0.5) >= np.quantile(expected(dict.fromkeys(range(200), 0)), 0.5)


def test_a_lost_race_is_measured_in_the_state_that_won(store: MemoryStore) -> None:
    append(store, map(put, range(40)))
    compact(store, POLICY, time_left_s=iter([1e9, 0.0, 0.0, 0.0]).__next__)  # one fold
    assert kept(store) is None

    def rival() -> None:
        append(store, [put(40)])
        compact(store, POLICY)

    work = compact(FaultyStore(store, {("put", 0): Rival(before=rival)}), POLICY)

    assert work.lost_races == 1
    assert_measured(kept(store), dict.fromkeys(range(41), 0))
