"""The search by cases: products of many photos, ties, floats of any size. ``test_exactness`` asks thousands of queries."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.neighbors import NearestNeighbors

from lookalike.hashes import text_hash
from lookalike.search import knn
from lookalike.search.knn import nearest_products
from lookalike.store.snapshot import Snapshot
from tests.support import spectra
from tests.support.catalogues import Found, keys_of
from tests.support.fakes import snapshot_of
from tests.support.spectra import Vectors


def oracle(vectors: Vectors, keys: list[str], products: list[str], query: Vectors, k: int) -> Found:
    """The k nearest products, to one query or to the nearest of several, by scikit-learn's brute force in float64."""
    brute = NearestNeighbors(algorithm="brute").fit(vectors.astype(np.float64))
    distances, rows = brute.kneighbors(np.atleast_2d(query).astype(np.float64), n_neighbors=len(vectors))
    nearest: dict[str, tuple[float, str]] = {}
    for distance, row in zip(distances.ravel(), rows.ravel(), strict=True):
        found = (float(distance), keys[row])
        nearest[products[row]] = min(found, nearest.get(products[row], found))
    ranked = sorted((*found, product) for product, found in nearest.items())
    return [(product, key, distance) for distance, key, product in ranked[:k]]


def answered(snapshot: Snapshot, query: Vectors, k: int, exclude: list[str] | None = None) -> Found:
    answer = nearest_products(snapshot, query, k=k, exclude=[text_hash(product) for product in exclude or []])
    return [(found.product_id, found.key, found.distance) for found in answer.neighbours]


@pytest.mark.parametrize("shards", [1, 2])
def test_a_neighbour_names_the_query_it_is_nearest_to(shards: int) -> None:
    vectors = spectra.power_law(4, 300, 16)
    queries, keys = vectors[:6] + np.float32(0.01), keys_of(300)
    found = nearest_products(snapshot_of(vectors, keys, keys, shards=shards), queries, k=200).neighbours
    nearest = NearestNeighbors(n_neighbors=1).fit(queries).kneighbors(vectors, return_distance=False)[:, 0]
    assert [neighbour.query for neighbour in found] == [nearest[keys.index(neighbour.key)] for neighbour in found]
    assert len({neighbour.query for neighbour in found}) == 6


def assert_same(actual: Found, expected: Found, *, norm: float = 1.0) -> None:
    """Products, photos and order are equal, distances to 1e-5; scikit-learn's own are off by 1e-8 of the rows' ``norm``."""
    assert [item[:2] for item in actual] == [item[:2] for item in expected]
    theirs = [item[2] for item in expected]
    np.testing.assert_allclose([item[2] for item in actual], theirs, rtol=1e-5, atol=1e-7 * norm)


def test_one_product_with_many_near_photos_does_not_hide_the_others() -> None:
    """The nearest 200 photos are all of one product, many more than are looked at first."""
    near = spectra.unit(np.array([1.0, 0, 0, 0]) + 1e-3 * np.random.default_rng(0).standard_normal((200, 4)))
    far = np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, -1], [-1, 0, 0, 0]], np.float32)
    vectors, keys = np.concatenate([near, far]), keys_of(204)
    products = ["many"] * 200 + ["a", "b", "c", "d"]

    found = answered(snapshot_of(vectors, keys, products), np.array([1, 0, 0, 0], np.float32), 4)

    assert [product for product, _, _ in found] == [
        "many",
        *(products[row] for row in sorted((200, 201, 202), key=keys.__getitem__)),
    ]


@pytest.mark.parametrize("k", [3, 4, 5, 1000, 10**9])
def test_fewer_products_than_asked_for_are_all_there_are(k: int) -> None:
    vectors = spectra.isotropic(6, 8, 64)
    keys, products = keys_of(8), [str(number // 2) for number in range(8)]

    found = answered(snapshot_of(vectors, keys, products, shards=2), vectors[0], k)

    assert_same(found, oracle(vectors, keys, products, vectors[0], k))
    assert len(found) == min(k, 4)


@pytest.mark.parametrize("k", [2, 4, 5, 100])
@pytest.mark.parametrize("nearest", [[0], [0, 1, 2, 3]])
def test_products_of_thousands_of_photos_are_not_computed_whole(k: int, nearest: list[int]) -> None:
    """As where the folders of a catalogue are categories. The query is in one of four clusters, or as near to each."""
    rng = np.random.default_rng(0)
    centres = np.eye(4, 64)
    vectors = spectra.unit(np.repeat(centres, 2000, axis=0) + 0.02 * rng.standard_normal((8000, 64)))
    keys, products = keys_of(8000), [str(row // 2000) for row in range(8000)]
    query = spectra.unit(centres[nearest].sum(axis=0, keepdims=True))[0]

    answer = nearest_products(snapshot_of(vectors, keys, products, shards=2), query, k=k)

    found = [(near.product_id, near.key, near.distance) for near in answer.neighbours]
    assert_same(found, oracle(vectors, keys, products, query, k))
    assert answer.rows_exact < 800


@pytest.mark.parametrize("shards", [1, 2, 7])
@pytest.mark.parametrize("rows", [50, 3 * knn._EXACT_AT_ONCE // 2])
def test_all_equal_rows_come_in_the_order_of_their_keys(rows: int, shards: int) -> None:
    """Each at the same distance to the last bit, whichever shard and place its row is in."""
    vector = spectra.isotropic(7, 1, 13)
    keys = keys_of(rows)
    snapshot = snapshot_of(np.repeat(vector, rows, axis=0), keys, keys, shards=shards)
    for query in (vector[0], spectra.isotropic(8, 1, 13)[0], np.zeros(13, np.float32)):
        found = answered(snapshot, query, 10)
        assert [key for _, key, _ in found] == sorted(keys)[:10]
        assert len({distance for _, _, distance in found}) == 1


def test_a_photo_is_at_no_distance_from_itself() -> None:
    vectors = spectra.far_from_unit(9, 400, 64)
    keys = keys_of(len(vectors))
    snapshot = snapshot_of(vectors, keys, keys, shards=3)

    for row in range(0, 400, 37):
        assert answered(snapshot, vectors[row], 1) == [(keys[row], keys[row], 0.0)]


def test_nothing_is_left_when_all_products_are_excluded() -> None:
    snapshot = snapshot_of(spectra.isotropic(11, 4, 64), keys_of(4), ["a", "a", "b", "b"])

    assert answered(snapshot, spectra.isotropic(12, 400, 64)[0], 5, exclude=["a", "b"]) == []


def test_an_empty_snapshot_has_no_neighbours() -> None:
    for snapshot in (
        snapshot_of(np.empty((0, 4), np.float32), [], []),
        snapshot_of(np.ones((3, 4), np.float32), keys_of(3), keys_of(3), superseded=3),
    ):
        answer = nearest_products(snapshot, np.ones(4, np.float32), k=5)
        assert (answer.neighbours, answer.rows_scanned, answer.rows_exact) == ((), 0, 0)


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_product_is_an_error(k: int) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        nearest_products(
            snapshot_of(spectra.isotropic(14, 400, 64), keys_of(400), keys_of(400)),
            spectra.isotropic(14, 400, 64)[0],
            k=k,
        )


def test_the_answer_says_how_it_was_made() -> None:
    vectors, keys = spectra.isotropic(15, 400, 64), keys_of(400)
    snapshot = snapshot_of(vectors, keys, keys, shards=2, superseded=100)

    answer = nearest_products(snapshot, vectors[0], k=5)

    assert answer.rows_scanned == 300
    assert 5 <= answer.rows_exact < 60  # random rows are well apart, so that few more than k need computing


def test_squares_that_float32_cannot_hold_are_reckoned_with() -> None:
    """In float32 the squares of the farther row vanish, and those of the nearer one do not."""
    vectors = np.array([[3, 0, 0, 0, 0], [2, 2, 2, 2, 2]], np.float32) * np.float32(2.0**-76)

    found = answered(snapshot_of(vectors, ["a", "b"], ["a", "b"]), np.zeros(5, np.float32), 1)

    assert found == [("a", "a", 3 * 2.0**-76)]


# Small integers times a power of two: every distance is computed without rounding, by scikit-learn too, so that ties are
# ties and the order must be the same to the last row. Tiny ones make squares that float32 cannot hold.
GRID = st.integers(1, 5).flatmap(
    lambda dimensions: npst.arrays(
        np.int8, st.tuples(st.integers(2, 25), st.just(dimensions)), elements=st.integers(-3, 3)
    )
)


@settings(max_examples=150, deadline=None)
@given(
    grid=GRID,
    scale=st.sampled_from([1.0, 2.0**-4, 2.0**20, 2.0**-76]),
    products=st.lists(st.sampled_from("abcdefgh"), min_size=25, max_size=25),
    queries=st.integers(1, 4),
    k=st.integers(1, 12),
    shards=st.integers(1, 3),
    excluded=st.sampled_from(["", "a", "ab"]),
)
def test_ties_and_duplicates(grid, scale, products, queries, k, shards, excluded) -> None:
    """The first rows are the queries of one search, the others are the store."""
    queries = min(queries, len(grid) - 1)
    vectors = grid[queries:].astype(np.float32) * np.float32(scale)
    query = grid[:queries].astype(np.float32) * np.float32(scale)
    keys, products = keys_of(len(vectors)), products[: len(vectors)]
    kept = [row for row, product in enumerate(products) if product not in excluded]

    found = answered(snapshot_of(vectors, keys, products, shards=shards), query, k, exclude=list(excluded))

    expected = (
        oracle(vectors[kept], [keys[row] for row in kept], [products[row] for row in kept], query, k) if kept else []
    )
    assert found == expected


FLOATS = npst.arrays(
    np.float32,
    st.tuples(st.integers(2, 12), st.just(3)),
    elements=st.floats(-(2.0**40), 2.0**40, width=32, allow_subnormal=True),
)


@settings(max_examples=150, deadline=None)
@given(rows=FLOATS, queries=st.integers(1, 3), k=st.integers(1, 6), shards=st.integers(1, 2))
def test_no_nearer_product_is_missed(rows, queries, k, shards) -> None:
    """For any floats: the distances are right, ascend, and nothing that was left out is nearer."""
    queries = min(queries, len(rows) - 1)
    query, vectors = rows[:queries], rows[queries:]
    keys = keys_of(len(vectors))
    products = [str(row // 2) for row in range(len(vectors))]
    exact = {
        key: float(np.sqrt(np.square(vector.astype(np.float64) - query.astype(np.float64)).sum(axis=1)).min())
        for key, vector in zip(keys, vectors, strict=True)
    }

    found = answered(snapshot_of(vectors, keys, products, shards=shards), query, k)

    assert len(found) == min(k, len(set(products)))
    assert [distance for _, _, distance in found] == pytest.approx([exact[key] for _, key, _ in found], rel=1e-12)
    ranked = [(distance, key) for _, key, distance in found]
    assert all(one <= other for one, other in itertools.pairwise(ranked))
    chosen = {product for product, _, _ in found}
    left_out = [exact[key] for key, product in zip(keys, products, strict=True) if product not in chosen]
    assert all(distance >= ranked[-1][0] * (1 - 1e-12) for distance in left_out)
