"""Searches of products by their data: pages of the ranking that a loop over all photos makes."""

import gc
import math
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.codes import distance
from lookalike.codes.bounds import inflated_square
from lookalike.errors import BadFilter, UnknownAttribute
from lookalike.layout import Layout, Part, Weights
from lookalike.search import ranked, scan
from lookalike.search.filters import Filters
from lookalike.search.knn import nearest_products
from lookalike.search.products import MAX_QUERY_PHOTOS, Page, Results, search, similar
from lookalike.search.view import ProductView
from lookalike.store.neighbours import NEAR_IDENTICAL
from lookalike.store.snapshot import Snapshot
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import EMPTY, Table, Value
from tests.support import spectra
from tests.support.catalogues import catalogue, keys_of
from tests.support.fakes import LAYOUT as LAYOUT_OF_FAKES
from tests.support.fakes import FakeEmbedder, photo, snapshot_of
from tests.support.rows import quick
from tests.support.segments import POOL
from tests.support.spectra import Vectors

LAYOUT = Layout((Part("shape", 6, 1.0), Part("colour", 3, 0.5)))
Data = dict[str, dict[str, Value]]


@dataclass
class Shop:
    """Photos and data of products."""

    vectors: Vectors
    keys: Sequence[str]
    products: Sequence[str]
    snapshot: Snapshot
    data: Data = field(default_factory=dict)

    @property
    def view(self) -> ProductView:
        return ProductView.of(self.snapshot, table_of(self.data))

    def ranking(
        self, queries: Vectors, allowed: set[str], weights: Weights | None = None
    ) -> list[tuple[float, str, str]]:
        """Distance, key and product of the nearest photo of each product, nearest first."""
        layout = self.snapshot.layout
        by_column = layout.by_column(layout.weights if weights is None else weights)
        best: dict[str, tuple[float, str, str]] = {}
        for vector, key, product in zip(self.vectors, self.keys, self.products, strict=True):
            if product in allowed:
                differences = (vector.astype(np.float64) - queries) * by_column
                found = (float(np.sqrt(np.square(differences).sum(axis=1)).min()), key, product)
                best[product] = min(found, best.get(product, found))
        return sorted(best.values())


def table_of(data: Mapping[str, Mapping[str, Value]]) -> Table:
    builder = TableBuilder()
    for product, values in data.items():
        builder.add(product, values)
    return builder.build()


def data_of(rng: np.random.Generator, products: Sequence[str], with_data: float) -> Data:
    """Data of some of the products, and of others that have no photo."""
    data: Data = {"without photo": {"group": 0.0, "colour": "red", "availability": "in_stock"}}
    for product in sorted(set(products)):
        if rng.random() < with_data:
            values: dict[str, Value] = {
                "group": float(rng.integers(0, 100)),
                "colour": str(rng.choice(["red", "blue", "grün"])),
            }
            values["availability"] = str(rng.choice(["in_stock", "out_of_stock", "preorder", "discontinued"]))
            data[product] = {name: value for name, value in values.items() if rng.random() < 0.9}
    return data


def passes(values: Mapping[str, Value] | None, below: int, colours: Sequence[str], hide: bool) -> bool:
    """Whether a product with this data, None without, passes ``group:..BELOW`` and ``colour:COLOURS``; 100 and () ask for nothing."""
    if values is None:
        return below == 100 and not colours
    if below < 100 and not ("group" in values and values["group"] <= below):  # type: ignore[operator]
        return False
    if colours and values.get("colour") not in colours:
        return False
    return not (hide and values.get("availability") in ("out_of_stock", "discontinued"))


def filters_of(below: int, colours: Sequence[str]) -> Filters:
    return Filters.parse([*([f"group:..{below}"] * (below < 100)), *([f"Colour:{','.join(colours)}"] * bool(colours))])


@contextmanager
def small_steps(few: float) -> Iterator[None]:
    """Blocks of 16 rows, and few of them bounded alone: ``few`` of a block at most."""
    with (
        patch.object(distance, "_BLOCK_ROWS", 16),
        patch.object(ranked, "_FEW", few),
        patch.object(ranked, "_GATHERED_AT_ONCE", 20),
    ):
        yield


@quick
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 90),
    photos=st.integers(1, 5),
    shards=st.integers(1, 3),
    superseded=st.integers(0, 40),
    with_data=st.sampled_from([0.0, 0.7, 1.0]),
    below=st.sampled_from([0, 1, 5, 30, 60, 98, 100, 100]),
    colours=st.sampled_from([(), (), ("red",), ("red", "grün"), ("yellow",)]),
    hide=st.booleans(),
    page=st.integers(1, 40),
    few=st.sampled_from([1e-9, 1 / 16, 0.4, 1.0]),
    ties=st.booleans(),
    weighted=st.booleans(),
    farthest=st.sampled_from([None, None, 0.0, 0.5, 2.0]),
)  # fmt: skip
def test_pages_put_together_are_the_ranking_of_the_products_that_pass(
    seed: int, rows: int, photos: int, shards: int, superseded: int, with_data: float, below: int, colours: tuple[str, ...],
    hide: bool, page: int, few: float, ties: bool, weighted: bool, farthest: float | None,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-1, 2, (rows, LAYOUT.dimensions)).astype(np.float32) / (1 if ties else 3)
    if not ties:
        vectors += rng.standard_normal(vectors.shape).astype(np.float32)
    keys, products = keys_of(rows), [f"p{number // photos}" for number in range(rows)]
    live = rows - min(superseded, rows - 1)
    snapshot = snapshot_of(vectors, keys, products, shards=shards, superseded=rows - live, layout=LAYOUT)
    shop = Shop(vectors[:live], keys[:live], products[:live], snapshot, data_of(rng, products, with_data))
    asked = str(rng.choice(shop.products))
    own = np.array([vector for vector, product in zip(shop.vectors, shop.products, strict=True) if product == asked])
    allowed = {name for name in shop.products if name != asked and passes(shop.data.get(name), below, colours, hide)}
    weights = rng.integers(1, 9, 2) / 4 if weighted else None
    expected = shop.ranking(own[:MAX_QUERY_PHOTOS], allowed, weights)
    near = [found for found in expected if farthest is None or found[0] <= farthest]
    view, found = shop.view, []
    page = max(page, len(near) // 3)
    with small_steps(few):
        for offset in range(0, len(near) + page + 1, page):
            results = similar(
                view,
                asked,
                Page(page, offset, filters_of(below, colours), hide=hide, max_distance=farthest, weights=weights),
            )
            found += results.neighbours
            assert results.has_more == (offset + page < len(near))
            assert results.products_matching == len(allowed)
    assert [(near.key, near.product_id) for near in found] == [item[1:] for item in near]
    assert [near.distance for near in found] == pytest.approx([item[0] for item in near], rel=1e-9)


@pytest.mark.parametrize("read_at_once", [2**22, 10_000], ids=["in memory", "in the store"])
def test_a_store_is_searched_exactly_whatever_share_of_it_passes(read_at_once: int) -> None:
    """Segments of several rotations, a log, photos that were replaced and deleted; few rows bounded alone, and all in blocks."""
    made = catalogue(spectra.clustered(3, 300, 24), photos=2, read_at_once=read_at_once)
    data: Data = {product: {"group": float(number)} for number, product in enumerate(sorted(set(made.products)))}
    shop = Shop(made.vectors, made.keys, made.products, made.snapshot, data)
    view = shop.view
    for query in made.vectors[::60]:
        for most in (0, 5, 80, 148):
            allowed = {product for product, values in data.items() if values["group"] <= most}  # type: ignore[operator]
            mask = view.mask(Filters.parse([f"group:..{most}"]))
            assert mask is not None
            answers = []
            for few in (1e-9, 1 / 16, 1.0):
                with patch.object(ranked, "_FEW", few), patch.object(scan, "_SHARED_ROWS", 100 if few == 1 else 10**6):
                    answer = nearest_products(made.snapshot, query, k=9, allowed=view.allowed(mask), executor=POOL)
                assert answer.rows_scanned == sum(product in allowed for product in made.products)
                answers.append(answer.neighbours)
            expected = shop.ranking(query[np.newaxis], allowed)[:9]
            for neighbours in answers:
                assert [(near.key, near.product_id) for near in neighbours] == [item[1:] for item in expected]
                assert neighbours == answers[0]


@pytest.mark.parametrize("few", [1e-9, 0.4, 1.0])
@pytest.mark.parametrize("share", [0.02, 0.2, 0.9])
def test_no_bound_exceeds_its_distance_and_what_does_not_pass_has_none(few: float, share: float) -> None:
    """Two segments in the same frames, and one in others: their rows are bounded together, blocks alone or whole."""
    vectors, keys = spectra.clustered(5, 400, 24), keys_of(400)
    vectors[::200] = np.abs(vectors).max()
    snapshot = snapshot_of(vectors, keys, keys, shards=4, superseded=9)
    passing = set(np.random.default_rng(5).permutation(keys)[: int(400 * share)].tolist())
    view = ProductView.of(snapshot, table_of({key: {"passes": 1.0} for key in passing}))
    mask = view.mask(Filters.parse(["passes:1"]))
    assert mask is not None
    for query in vectors[3:60:7]:
        with small_steps(few):
            scanned = scan.Scan(snapshot.shards, query[np.newaxis], np.ones(1), allowed=view.allowed(mask))
            scanned.run()
        rows = scanned.within(math.inf)
        places = [scanned.place(int(row)) for row in rows]
        assert {shard.segment.name(row)[1] for shard, row in places} == passing - set(keys[-9:])
        distances = np.linalg.norm(scanned.read(rows) - query.astype(np.float64), axis=1)
        assert (scanned.bounds(rows) <= inflated_square(distances)).all()


@pytest.mark.parametrize("below", [3, 60, 100])
def test_pages_of_distinct_products_put_together_are_the_walk_over_the_products_that_pass(below: int) -> None:
    rng = np.random.default_rng(below)
    looks = spectra.unit(rng.standard_normal((40, 8)))
    vectors = (looks[rng.integers(0, 40, 200)] + 0.001 * rng.standard_normal((200, 8))).astype(np.float32)
    keys = keys_of(200)
    shop = Shop(vectors, keys, keys, snapshot_of(vectors, keys, keys, shards=2), data_of(rng, keys, 1.0))
    allowed = {name for name in keys if name != keys[0] and passes(shop.data[name], below, (), hide=True)}
    walked: list[str] = []
    by_name = dict(zip(keys, vectors.astype(np.float64), strict=True))
    for _, _, product in shop.ranking(vectors[:1], allowed):
        if all(np.linalg.norm(by_name[product] - by_name[other]) > NEAR_IDENTICAL for other in walked):
            walked.append(product)
    found: list[str] = []
    for offset in range(0, 48, 6):
        page = Page(6, offset, filters_of(below, ()), hide=True, distinct=True)
        results = similar(shop.view, keys[0], page)
        found += [near.product_id for near in results.neighbours]
        assert results.has_more == (offset + 6 < len(walked))
    assert found == walked
    assert 0 < len(walked) < 48


def test_a_page_may_end_at_the_five_hundredth_product() -> None:
    vectors, keys = spectra.isotropic(4, 700, 48), keys_of(700)
    shop = Shop(vectors, keys, keys, snapshot_of(vectors, keys, keys))
    expected = [product for _, _, product in shop.ranking(vectors[:1], set(keys[1:]))]
    for distinct in (False, True):
        results = similar(shop.view, keys[0], Page(100, 400, distinct=distinct))
        assert [near.product_id for near in results.neighbours] == expected[400:500]


class TestByPhoto:
    """A photo is embedded once, and windows of it only where they may help."""

    LOOKS: Final = [f"look {number}" for number in range(30)]

    def shop(self, **data: Mapping[str, Value]) -> ProductView:
        keys = [f"images/{look}.jpg" for look in self.LOOKS]
        vectors = np.stack(FakeEmbedder().embed([photo(look) for look in self.LOOKS]))  # type: ignore[arg-type]
        return ProductView.of(snapshot_of(vectors, keys, self.LOOKS, layout=LAYOUT_OF_FAKES), table_of(data))

    def ask(self, view: ProductView, data: bytes, page: Page) -> tuple[Results, list[int]]:
        embedder = FakeEmbedder()
        return search(view, embedder, data, page), embedder.batches  # type: ignore[arg-type]

    def test_only_products_that_pass_are_found(self) -> None:
        view = self.shop(**{"look 3": {"price": 5.0}, "look 4": {"price": 6.0}})
        results, _ = self.ask(view, photo("look 7"), Page(9, filters=Filters.parse(["price:1.."])))
        assert {near.product_id for near in results.neighbours} == {"look 3", "look 4"}
        assert (results.products_matching, results.has_more) == (2, False)

    def test_where_nothing_passes_the_answer_is_empty_and_no_window_is_embedded(self) -> None:
        view = self.shop(**{"look 3": {"price": 5.0}})
        results, batches = self.ask(view, photo("look 3"), Page(9, filters=Filters.parse(["price:6"])))
        assert (results.neighbours, results.products_matching, results.has_more) == ((), 0, False)
        assert results.is_weak
        assert batches == [1]

    @pytest.mark.parametrize(("text", "error"), [("weight:1", UnknownAttribute), ("price:cheap", BadFilter)])
    def test_a_wrong_filter_is_refused_before_the_photo_is_embedded(self, text: str, error: type[Exception]) -> None:
        embedder = FakeEmbedder()
        with pytest.raises(error):
            search(self.shop(a={"price": 1.0}), embedder, b"text", Page(9, filters=Filters.parse([text])))  # type: ignore[arg-type]
        assert embedder.batches == []

    def test_a_match_is_judged_by_the_whole_catalogue_whatever_passes(self) -> None:
        view = self.shop(**{"look 3": {"price": 5.0}})
        everything, _ = self.ask(view, photo("look 7"), Page(1))
        some, _ = self.ask(view, photo("look 7"), Page(1, filters=Filters.parse(["price:5"])))
        assert some.scale == everything.scale
        assert not everything.is_weak

    def test_a_later_page_is_as_weak_as_the_first(self) -> None:
        view = self.shop()
        first, _ = self.ask(view, photo("look 7"), Page(5))
        for offset in (5, 25, 300):
            later, batches = self.ask(view, photo("look 7"), Page(5, offset))
            assert later.is_weak == first.is_weak
            assert batches == [1]
        none, _ = self.ask(view, photo("look 7"), Page(5, max_distance=-1.0))
        assert none.is_weak
        assert not first.is_weak

    def test_an_offset_below_zero_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="offset"):
            self.ask(self.shop(), photo("look 7"), Page(5, -1))


class TestHiding:
    """Unavailable products are hidden where that is known, unless a filter asks about it."""

    DATA: Final[Data] = {
        "a": {"availability": "in_stock"}, "b": {"availability": "out_of_stock"}, "c": {"availability": "discontinued"},
        "d": {"name": "D"}, "e": {"availability": "preorder"},
    }  # fmt: skip

    def found(self, data: Data, *texts: str, hide: bool = True) -> set[str]:
        keys = ["a", "b", "c", "d", "e", "no data"]
        vectors = spectra.isotropic(4, 6, 8)
        view = ProductView.of(snapshot_of(vectors, keys, keys, shards=2), table_of(data))
        mask = view.mask(Filters.parse(texts), hide=hide)
        answer = nearest_products(view.snapshot, vectors[0], k=9, allowed=None if mask is None else view.allowed(mask))
        assert view.count(mask) == len(answer.neighbours)
        return {near.product_id for near in answer.neighbours}

    def test_unavailable_products_are_hidden_and_those_of_which_nothing_is_known_are_not(self) -> None:
        assert self.found(self.DATA) == {"a", "d", "e", "no data"}
        assert self.found(self.DATA, hide=False) == {"a", "b", "c", "d", "e", "no data"}

    def test_a_filter_of_availability_decides_alone(self) -> None:
        assert self.found(self.DATA, "Availability:out_of_stock,in_stock") == {"a", "b"}

    def test_another_filter_hides_nothing_more(self) -> None:
        assert self.found(self.DATA, "name:D") == {"d"}

    def test_nothing_is_hidden_where_no_product_is_unavailable(self) -> None:
        everything = {"a", "b", "c", "d", "e", "no data"}
        assert self.found({"a": {"availability": "in_stock"}}) == everything
        assert self.found({"a": {"availability": 1.0}}) == everything
        assert self.found({}) == everything

    def test_an_availability_that_is_a_list_hides_too(self) -> None:
        assert "a" not in self.found({"a": {"availability": ("in_stock", "out_of_stock")}})


class TestView:
    """The join of photos and data."""

    def test_joins_are_kept_where_products_are_the_same_and_let_go_with_their_segments(self) -> None:
        keys = keys_of(40)
        first = snapshot_of(spectra.isotropic(1, 40, 8), keys, keys, shards=3)
        table = table_of({key: {"price": 1.0} for key in keys[:30]})
        view = ProductView.of(first, table)
        rows = [view.rows_of(shard) for shard in first.shards]
        fewer = Snapshot(first.manifest, first.log_names, first.shards[1:], first.layout)
        other_prices = table_of({key: {"price": 2.0} for key in keys[:30]})
        later = ProductView.of(fewer, other_prices, last=view)
        assert later.rows_of(fewer.shards[0]) is rows[1]
        gone = weakref.ref(first.shards[0].segment)
        del first, view, rows
        gc.collect()
        assert gone() is None
        assert later.mask(Filters.parse(["price:2"])) is not None

    def test_another_set_of_products_is_joined_anew(self) -> None:
        keys = keys_of(40)
        snapshot = snapshot_of(spectra.isotropic(1, 40, 8), keys, keys)
        view = ProductView.of(snapshot, table_of({key: {"price": 1.0} for key in keys[:30]}))
        assert view.count(view.mask(Filters.parse(["price:1"]))) == 30
        later = ProductView.of(snapshot, table_of({key: {"price": 1.0} for key in keys[5:12]}), last=view)
        assert later.count(later.mask(Filters.parse(["price:1"]))) == 7

    def test_the_data_of_a_product_is_found_by_its_id(self) -> None:
        keys = ["a", "b"]
        view = ProductView.of(
            snapshot_of(spectra.isotropic(1, 2, 8), keys, keys), table_of({"a": {"price": 3.0, "tags": ("x",)}})
        )
        assert view.data("a") == {"price": 3.0, "tags": ("x",)}
        assert view.data("b") == view.data("nobody") == {}

    def test_a_table_of_no_products_leaves_all_as_they_are(self) -> None:
        keys = ["a", "b"]
        view = ProductView.of(snapshot_of(spectra.isotropic(1, 2, 8), keys, keys), EMPTY)
        assert view.mask(Filters(), hide=True) is None
        assert view.count(None) == 2
        assert view.data("a") == {}
