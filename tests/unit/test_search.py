"""Searching by a photo and by a product: the product's own photos all ask, and none of them is an answer."""

from unittest.mock import patch

import numpy as np
import pytest

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import NotAnImage, NotFound, UndecodableImage
from lookalike.hashes import text_hash
from lookalike.search.products import MAX_QUERY_PHOTOS, Page, search, similar
from lookalike.search.timings import Timings
from lookalike.search.view import ProductView
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Row
from lookalike.store.snapshot import Snapshot
from tests.support import spectra
from tests.support.catalogues import catalogue
from tests.support.fakes import LAYOUT, FakeEmbedder, fill, photo, put_row, reject_row


def snapshot(*rows: Row) -> Snapshot:
    store = MemoryStore()
    if rows:
        fill(store, rows)
    return SnapshotReader(store, layout=LAYOUT).refresh()


def view(*rows: Row) -> ProductView:
    return ProductView.of(snapshot(*rows))


def several_views() -> list[Row]:
    """Ten products of three photos, each with a look of its own."""
    return [
        put_row(f"images/{look}/{view}.jpg", photo(f"look {look}", view)) for look in range(10) for view in range(3)
    ]


def smallest_distances(rows: list[Row], product_id: str) -> list[tuple[float, str, str]]:
    """Distance, key and product of every other product: the smallest between any two photos of the two."""
    own = [
        row.embedding.astype(np.float64) for row in rows if row.product_id == product_id and row.embedding is not None
    ]
    best: dict[str, tuple[float, str, str]] = {}
    for row in rows:
        if row.product_id == product_id or row.embedding is None:
            continue
        distance = min(float(np.linalg.norm(row.embedding.astype(np.float64) - mine)) for mine in own)
        found = (distance, row.key, row.product_id)
        best[row.product_id] = min(found, best.get(row.product_id, found))
    return sorted(best.values())


def test_a_photo_finds_the_product_it_shows() -> None:
    rows = several_views()

    answer = search(view(*rows), FakeEmbedder(), photo("look 4", view=9), Page(3))  # type: ignore[arg-type]

    assert answer.neighbours[0].product_id == "4"
    assert len({found.product_id for found in answer.neighbours}) == 3


@pytest.mark.parametrize("k", [1, 4, 9, 100])
def test_similar_products_by_the_nearest_pair_of_photos(k: int) -> None:
    rows = several_views()

    answer = similar(view(*rows), "4", Page(k))

    expected = smallest_distances(rows, "4")[:k]
    assert [(found.key, found.product_id) for found in answer.neighbours] == [item[1:] for item in expected]
    assert [found.distance for found in answer.neighbours] == pytest.approx([item[0] for item in expected], rel=1e-6)


def test_a_product_is_not_similar_to_itself() -> None:
    twins = [put_row(f"images/{name}.jpg", photo("same")) for name in ("a", "b")]

    answer = similar(view(*twins), "a", Page(5))

    assert [(found.product_id, found.distance) for found in answer.neighbours] == [("b", 0.0)]


def test_rejected_photos_neither_ask_nor_answer() -> None:
    found = snapshot(
        put_row("images/a/1.jpg", photo("a")),
        reject_row("images/a/2.jpg"),
        reject_row("images/b.jpg"),
        put_row("images/c.jpg", photo("c")),
    )

    assert [item.product_id for item in similar(ProductView.of(found), "a", Page(5)).neighbours] == ["c"]


def test_the_only_product_has_no_neighbours() -> None:
    assert similar(view(put_row("images/a.jpg", photo("a"))), "a", Page(5)).neighbours == ()


def test_a_product_of_rejected_photos_says_why_it_has_no_neighbours() -> None:
    with pytest.raises(NotFound, match="could be read"):
        similar(view(reject_row("images/a.jpg"), put_row("images/b.jpg", photo("b"))), "a", Page(5))


@pytest.mark.parametrize("product_id", ["nobody", "", "a/b", "\0", "é"])
def test_a_product_nobody_has_is_not_found(product_id: str) -> None:
    with pytest.raises(NotFound):
        similar(view(put_row("images/a.jpg", photo("a"))), product_id, Page(5))


def test_a_product_s_photos_are_read_in_one_request_for_each_segment() -> None:
    shop = catalogue(spectra.power_law(1, 600, 64), photos=8, read_at_once=20_000)
    assert any(not shard.segment.is_resident for shard in shop.snapshot.shards)
    with patch.object(shop.store, "get_range", wraps=shop.store.get_range) as get_range:
        embeddings, photos = shop.snapshot.embeddings("product 30", at_most=100)

    assert get_range.call_count == 1
    own = [vector for vector, product in zip(shop.vectors, shop.products, strict=True) if product == "product 30"]
    assert (len(own), photos) == (8, 8)
    np.testing.assert_array_equal(sorted(embeddings.tolist()), sorted(np.array(own).tolist()))


@pytest.mark.parametrize("batches", [1, 3])
def test_a_product_of_many_photos_searches_with_the_same_few_wherever_they_are(batches: int) -> None:
    """So that compaction changes no answer."""
    rows = [put_row(f"images/many/{number}.jpg", photo("many", number)) for number in range(90)]
    store = MemoryStore()
    for batch in range(batches):
        fill(store, rows[batch::batches])
        compact(store, Policy(fanout=99))

    embeddings, photos = SnapshotReader(store, layout=LAYOUT).refresh().embeddings("many", at_most=32)

    assert photos == 90
    chosen = sorted(rows, key=lambda row: text_hash(row.key))[:32]
    assert sorted(embeddings.tolist()) == sorted(row.embedding.tolist() for row in chosen if row.embedding is not None)


@pytest.mark.parametrize("k", [1, 5, 100])
def test_a_product_of_many_photos_is_as_near_as_the_nearest_of_those_few(k: int) -> None:
    many = [put_row(f"images/many/{number}.jpg", photo(f"many {number % 9}", number)) for number in range(90)]
    rows = [*many, *several_views()]

    answer = similar(view(*rows), "many", Page(k))

    few = sorted(many, key=lambda row: text_hash(row.key))[:MAX_QUERY_PHOTOS]
    expected = smallest_distances([*few, *several_views()], "many")[:k]
    assert [(found.key, found.product_id) for found in answer.neighbours] == [item[1:] for item in expected]
    assert [found.distance for found in answer.neighbours] == pytest.approx([item[0] for item in expected], rel=1e-6)
    assert (answer.query_photos, answer.query_photos_skipped) == (32, 58)
    assert answer.rows_scanned == 30 + 90, "one scan"


def test_metadata_is_merged_for_the_products_of_an_answer_only() -> None:
    rows = [
        put_row("images/a/1.jpg", photo("a"), name="", size="L"),
        put_row("images/a/2.jpg", photo("a", 1), name="A", size="M"),
        reject_row("images/a/0.jpg"),
        put_row("images/b.jpg", photo("b"), name="B"),
    ]

    results = search(view(*rows), FakeEmbedder(), photo("a"), Page(1))  # type: ignore[arg-type]

    assert results.metadata == {"a": {"name": "A", "size": "L"}}


@pytest.mark.parametrize(("data", "error"), [(b"text", NotAnImage), (b"broken", UndecodableImage)])
def test_a_query_photo_that_cannot_be_used_is_an_error(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        search(view(*several_views()), FakeEmbedder(), data, Page(1))  # type: ignore[arg-type]


def test_stages_add_up() -> None:
    timings = Timings()

    similar(view(*several_views()), "4", Page(2), timings=timings)

    assert {"search", "scan", "limit", "exact", "names", "metadata"} <= timings.ms.keys()
    assert timings.ms["scan"] + timings.ms["limit"] + timings.ms["exact"] + timings.ms["names"] <= timings.ms["search"]


def test_stages_are_timed_even_where_they_fail() -> None:
    timings = Timings()

    def work() -> None:
        with timings.stage("outer"):
            with timings.stage("inner"):
                pass
            raise KeyError

    with pytest.raises(KeyError):
        work()

    assert timings.ms.keys() == {"inner", "outer"}
    assert 0 <= timings.ms["inner"] <= timings.ms["outer"]
