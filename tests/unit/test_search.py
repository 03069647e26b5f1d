"""Searching by a photo and by a product: the product's own photos all ask, and none of them is an answer."""

import numpy as np
import pytest

from lookalike.errors import NotAnImage, NotFound, UndecodableImage
from lookalike.search.products import embed_query, search, similar
from lookalike.search.timings import Timings
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Row
from lookalike.store.snapshot import Snapshot
from tests.support.fakes import DIMENSIONS, FakeEmbedder, embedding_of, fill, photo, put_row, reject_row


def snapshot(*rows: Row) -> Snapshot:
    store = MemoryStore()
    if rows:
        fill(store, rows)
    return SnapshotReader(store, dimensions=DIMENSIONS).refresh()


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

    answer = search(snapshot(*rows), embedding_of(photo("look 4", view=9)), k=3)

    assert answer.neighbours[0].product_id == "4"
    assert len({found.product_id for found in answer.neighbours}) == 3


@pytest.mark.parametrize("k", [1, 4, 9, 100])
def test_similar_products_by_the_nearest_pair_of_photos(k: int) -> None:
    rows = several_views()

    answer = similar(snapshot(*rows), "4", k=k)

    expected = smallest_distances(rows, "4")[:k]
    assert [(found.key, found.product_id) for found in answer.neighbours] == [item[1:] for item in expected]
    assert [found.distance for found in answer.neighbours] == pytest.approx([item[0] for item in expected], rel=1e-6)


def test_a_product_is_not_similar_to_itself() -> None:
    twins = [put_row(f"images/{name}.jpg", photo("same")) for name in ("a", "b")]

    answer = similar(snapshot(*twins), "a", k=5)

    assert [(found.product_id, found.distance) for found in answer.neighbours] == [("b", 0.0)]


def test_rejected_photos_neither_ask_nor_answer() -> None:
    found = snapshot(
        put_row("images/a/1.jpg", photo("a")),
        reject_row("images/a/2.jpg"),
        reject_row("images/b.jpg"),
        put_row("images/c.jpg", photo("c")),
    )

    assert [item.product_id for item in similar(found, "a", k=5).neighbours] == ["c"]


def test_the_only_product_has_no_neighbours() -> None:
    assert similar(snapshot(put_row("images/a.jpg", photo("a"))), "a", k=5).neighbours == ()


def test_a_product_of_rejected_photos_says_why_it_has_no_neighbours() -> None:
    with pytest.raises(NotFound, match="could be read"):
        similar(snapshot(reject_row("images/a.jpg"), put_row("images/b.jpg", photo("b"))), "a", k=5)


@pytest.mark.parametrize("product_id", ["nobody", "", "a/b", "\0", "é"])
def test_a_product_nobody_has_is_not_found(product_id: str) -> None:
    with pytest.raises(NotFound):
        similar(snapshot(put_row("images/a.jpg", photo("a"))), product_id, k=5)


def test_the_work_of_all_photos_is_counted() -> None:
    answer = similar(snapshot(*several_views()), "4", k=2)

    assert answer.rows_scanned == 3 * 30
    assert answer.rows_exact >= 3 * 2


def test_a_query_photo_is_embedded() -> None:
    np.testing.assert_array_equal(embed_query(FakeEmbedder(), photo("shirt")), embedding_of(photo("shirt")))  # type: ignore[arg-type]


@pytest.mark.parametrize(("data", "error"), [(b"text", NotAnImage), (b"broken", UndecodableImage)])
def test_a_query_photo_that_cannot_be_used_is_an_error(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        embed_query(FakeEmbedder(), data)  # type: ignore[arg-type]


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
