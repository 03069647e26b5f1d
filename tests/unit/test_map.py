"""The map of the catalogue: drawn by compaction, the same every time, kept through crashes, and answered without what is gone."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from lookalike.compaction import fsck
from lookalike.compaction.collect import collect
from lookalike.compaction.compact import compact
from lookalike.compaction.places import Landscape, places_of
from lookalike.compaction.policy import Policy
from lookalike.errors import CorruptObject, StoreUnavailable
from lookalike.hashes import text_hash
from lookalike.store import append_log, manifest, map_file
from lookalike.store.manifest import PHOTO_STORE
from lookalike.store.map_file import CatalogueMap
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from tests.support.api import Api, query_function
from tests.support.fakes import LAYOUT, Clock, photo, put_row, reject_row
from tests.support.stores import Fault, FaultyStore

pytestmark = [
    pytest.mark.usefixtures("no_pauses"),
    pytest.mark.filterwarnings("ignore:No application metrics to publish"),
]
DAY_S = 24 * 60 * 60


@pytest.fixture(autouse=True, scope="module")
def maps_along_two_axes() -> None:
    """Not here: these tests are about the map as it is."""


def rows(numbers: Iterable[int], *, time_ms: int = 1) -> list[Row]:
    return [put_row(f"images/{number}.jpg", photo(f"look {number}"), time_ms=time_ms) for number in numbers]


def gone(number: int) -> Row:
    order = order_of(sequencer=None, time_ms=9, op=Op.DELETE)
    return Row(f"images/{number}.jpg", str(number), order, Op.DELETE)


def append(store: ObjectStore, added: list[Row]) -> None:
    append_log.append(store, added, layout=LAYOUT)


def drawn(store: ObjectStore) -> CatalogueMap:
    ref = manifest.newest(store).map
    assert ref is not None
    return map_file.read(store, ref.name)


def clouds(per_cloud: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors around three centres that lie far apart, and the centre of each."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(3), per_cloud)
    return (10 * np.eye(3, 8)[owner] + rng.standard_normal((len(owner), 8))).astype(np.float32), owner


class TestPlaces:
    @pytest.mark.parametrize("per_cloud", [5, 50])
    def test_what_looks_alike_is_near(self, per_cloud: int) -> None:
        vectors, owner = clouds(per_cloud)
        chance = np.random.default_rng(1).random((len(vectors), 2))
        points = Landscape(vectors, np.ones(8, np.float32)).points(vectors, chance)
        apart = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
        np.fill_diagonal(apart, np.inf)
        assert np.mean(owner[apart.argmin(axis=1)] == owner) > 0.95

    def test_they_are_the_same_every_time(self) -> None:
        vectors, _ = clouds(40)
        chance = np.zeros((len(vectors), 2))
        one, other = (Landscape(vectors, np.ones(8, np.float32)).points(vectors, chance) for _ in range(2))
        np.testing.assert_array_equal(one, other)

    @pytest.mark.parametrize("count", [1, 2, 120])
    @pytest.mark.parametrize("dimensions", [1, 8])
    @pytest.mark.parametrize("scale", [0.0, 1.0, 1e38])
    def test_any_photos_have_places_of_their_own(self, count: int, dimensions: int, scale: float) -> None:
        vectors = (scale * np.random.default_rng(2).random((count, dimensions))).astype(np.float32)
        vectors[count // 2 :] = vectors[count // 2]
        chance = np.random.default_rng(3).random((count, 2))
        places = places_of(Landscape(vectors, np.ones(dimensions, np.float32)).points(vectors, chance))
        assert places.max() < map_file.SIDE
        assert len(np.unique(places, axis=0)) == count

    def test_no_photos_have_no_places(self) -> None:
        assert places_of(np.empty((0, 2))).shape == (0, 2)


class TestDrawing:
    def test_a_photo_of_each_product_is_on_it_in_the_order_of_the_hashes(self, store: MemoryStore) -> None:
        append(store, [*rows(range(20)), put_row("images/3/a.jpg", photo("3 a")), reject_row("images/torn.jpg")])
        append(store, [*rows(range(20, 40)), gone(7), put_row("images/0/z.jpg", photo("0 z"))])
        compact(store)
        made = drawn(store)
        wanted = {str(number) for number in range(40)} - {"7"}
        assert list(made.product_ids) == sorted(wanted, key=text_hash)
        keys = dict(zip(made.product_ids, made.keys, strict=True))
        assert (keys["3"], keys["0"], keys["5"]) == ("images/3.jpg", "images/0.jpg", "images/5.jpg")
        assert fsck.check(store).clean

    def test_a_small_catalogue_has_none(self, store: MemoryStore) -> None:
        compact(store)
        append(store, rows(range(5)))
        compact(store)
        assert manifest.newest(store).map is None

    def test_a_catalogue_of_which_all_is_deleted_is_no_fault(self, store: MemoryStore) -> None:
        append(store, rows(range(20)))
        compact(store)
        append(store, [gone(number) for number in range(20)])
        compact(store)
        assert fsck.check(store).clean

    def test_it_is_drawn_anew_where_the_catalogue_changed_by_a_fifth_or_a_day_ago(
        self, store: MemoryStore, clock: Clock
    ) -> None:
        append(store, rows(range(40)))
        assert compact(store).drawn == 1
        append(store, rows(range(40, 42)))
        assert compact(store).drawn == 0
        append(store, rows(range(42, 50)))
        assert compact(store).drawn == 1
        append(store, rows(range(50, 51)))
        assert compact(store).drawn == 0
        clock.now_s += DAY_S + 1
        assert compact(store).drawn == 1
        clock.now_s += DAY_S + 1
        work = compact(store)
        assert (work.drawn, work.measured) == (0, 0), "nothing has changed"

    def test_it_is_left_for_later_where_time_is_short(self, store: MemoryStore) -> None:
        append(store, rows(range(20)))
        assert compact(store, time_left_s=lambda: 100.0).drawn == 0
        assert manifest.newest(store).map is None

    def test_an_error_in_it_keeps_the_store_from_no_other_step(
        self, store: MemoryStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def too_large(_: object) -> None:
            raise MemoryError

        append(store, rows(range(20)))
        folded = {entry.name for entry in append_log.entries(store)}
        compact(store)
        append(store, rows(range(20, 40)))
        clock.now_s += DAY_S
        monkeypatch.setattr("lookalike.compaction.cartography.places_of", too_large)
        with pytest.raises(MemoryError):
            compact(store)
        assert not folded & {entry.name for entry in store.list("")}, "collected before the map was drawn"
        assert SnapshotReader(store, layout=LAYOUT).refresh().photos == 40

    def test_an_old_one_is_collected(self, store: MemoryStore, clock: Clock) -> None:
        append(store, rows(range(20)))
        compact(store)
        first = manifest.newest(store).map
        append(store, rows(range(20, 40)))
        compact(store)
        assert first is not None
        assert store.get(first.name), "a reader may still need it"
        clock.now_s += DAY_S
        collect(store, PHOTO_STORE, Policy())
        assert first.name not in {entry.name for entry in store.list("")}
        assert len(drawn(store)) == 40

    def test_a_crash_at_any_call_leaves_a_store_that_can_be_read_and_compacted(self, store: MemoryStore) -> None:
        append(store, rows(range(20)))
        calls = 0
        while True:
            tried = MemoryStore()
            for entry in store.list(""):
                tried.put_if_absent(entry.name, store.get(entry.name))
            faulty = FaultyStore(tried, {calls: Fault.BEFORE})
            try:
                compact(faulty)
            except StoreUnavailable:
                assert SnapshotReader(tried, layout=LAYOUT).refresh().photos == 20
                compact(tried)
                assert len(drawn(tried)) == 20
                calls += 1
                continue
            break
        assert calls > 10


class TestFile:
    def test_it_is_read_as_it_was_written(self, store: MemoryStore) -> None:
        append(store, rows(range(20)))
        compact(store)
        made = drawn(store)
        again = map_file.decode(map_file.encode(made))
        assert (again.product_ids, again.keys) == (made.product_ids, made.keys)
        np.testing.assert_array_equal(again.place, made.place)
        np.testing.assert_array_equal(again.order, made.order)

    def test_a_damaged_one_is_an_error_that_names_it(self, store: MemoryStore) -> None:
        append(store, rows(range(20)))
        compact(store)
        name = damage_map(store)
        with pytest.raises(CorruptObject, match=name):
            drawn(store)
        assert any(name in error for error in fsck.check(store).errors)


def damage_map(store: ObjectStore) -> str:
    ref = manifest.newest(store).map
    assert ref is not None
    data = store.get(ref.name)
    store.delete(ref.name)
    store.put_if_absent(ref.name, data[:-1] + bytes([data[-1] ^ 1]))
    return ref.name


class TestAnswer:
    @pytest.fixture
    def api(self, monkeypatch: pytest.MonkeyPatch) -> Api:
        return query_function(monkeypatch, rows=rows(range(30)))

    def ids(self, api: Api) -> set[str]:
        body: dict[str, Any] = api.get("/api/map").body
        assert body["products"] == len(body["ids"]) == len(body["images"]) == len(body["x"]) == len(body["y"])
        return set(body["ids"])

    def test_there_is_none_before_compaction(self, api: Api) -> None:
        answer = api.get("/api/map")
        assert (answer.status, answer.problem) == (404, "no-map")

    def test_it_has_the_places_that_were_drawn(self, api: Api) -> None:
        compact(api.store)
        body, made = api.get("/api/map").body, drawn(api.store)
        assert body["ids"] == list(made.product_ids)
        assert [f"images/{image}" for image in body["images"]] == list(made.keys)
        assert list(zip(body["x"], body["y"], strict=True)) == list(map(tuple, made.place.tolist()))
        assert (body["total"], body["products"]) == (30, 30)

    def test_what_was_deleted_replaced_or_refused_since_is_left_out(self, api: Api) -> None:
        compact(api.store)
        assert len(self.ids(api)) == 30
        api.fill(gone(4), *rows([5], time_ms=7), reject_row("images/6.jpg", time_ms=7), *rows([99]))
        assert self.ids(api) == {str(number) for number in range(30)} - {"4", "5", "6"}
        compact(api.store)
        assert self.ids(api) == {str(number) for number in range(30)} - {"4", "5", "6"}

    def test_of_a_large_map_the_first_are_sent(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        compact(api.store)
        whole = api.get("/api/map").body["ids"]
        mapping = next(route.handler for name, route in api.app.ROUTES.items() if name == "GET /api/map").__globals__
        monkeypatch.setitem(mapping, "MAX_BYTES", 700)
        api.fill(*rows([99]))
        body = api.get("/api/map").body
        assert 5 < body["products"] < 30
        assert body["ids"] == whole[: body["products"]]

    def test_searches_go_on_without_a_damaged_map(self, api: Api) -> None:
        compact(api.store)
        damage_map(api.store)
        answer = api.get("/api/map")
        assert (answer.status, answer.problem) == (503, "store-unavailable")
        assert api.search(photo("look 3")).body["results"][0]["product_id"] == "3"
