"""The nearest products by brute force, against scikit-learn."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lookalike.layout import Layout, Part
from scripts.evaluation.neighbours import Index, Queries

LAYOUT = Layout((Part("shape", 8), Part("colour", 4, 0.5)))
K = 3


def rows(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, LAYOUT.dimensions)).astype(np.float32)


def by_scikit_learn(catalogue: np.ndarray, queries: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every row by its distance, nearest first, on weighted vectors."""
    by_column = np.repeat(weights, [part.dimensions for part in LAYOUT.parts])
    judge = NearestNeighbors(algorithm="brute").fit(catalogue * by_column)
    return judge.kneighbors(queries * by_column, len(catalogue))


@pytest.mark.parametrize("weights", [(1, 0.5), (0, 2), (0.3, 0), (3, 1)])
@pytest.mark.parametrize("at_once", [1, 50, 10**6])  # distances at a time
def test_products_and_distances_are_those_of_scikit_learn(weights, at_once, monkeypatch):
    monkeypatch.setattr("scripts.evaluation.neighbours._AT_ONCE", at_once)
    catalogue, queries, weights = rows(40, 0), rows(9, 1), np.array(weights, float)
    index = Index(LAYOUT, catalogue, np.arange(40))
    answers = index.nearest(Queries.of_one_row(queries), {"a": weights}, k=K)["a"]
    distances, order = by_scikit_learn(catalogue, queries, weights)
    np.testing.assert_array_equal(answers.products, order[:, :K])
    np.testing.assert_allclose(answers.distances, distances[:, :K], atol=1e-5)


@pytest.mark.parametrize("at_once", [1, 100, 10**6])
def test_a_product_counts_once_by_its_nearest_photo_to_the_nearest_row_of_a_query(at_once, monkeypatch):
    monkeypatch.setattr("scripts.evaluation.neighbours._AT_ONCE", at_once)
    rng = np.random.default_rng(2)
    product_of, query_of = np.sort(rng.integers(0, 12, 40)), np.array([0, 0, 0, 1, 2, 2])
    numbers = np.unique(product_of)
    catalogue, queries = rows(40, 3), rows(6, 4)
    excluded = np.array([-1, numbers[2], numbers[5]])
    answers = Index(LAYOUT, catalogue, product_of).nearest(
        Queries(queries, query_of, excluded), {"a": LAYOUT.weights, "b": np.array([1.0, 0])}, k=K
    )
    for name, weights in {"a": LAYOUT.weights, "b": np.array([1.0, 0])}.items():
        distances, order = by_scikit_learn(catalogue, queries, weights)
        for query in range(3):
            nearest = {}
            for row in np.flatnonzero(query_of == query):
                for place, distance in zip(order[row], distances[row], strict=True):
                    product = product_of[place]
                    nearest[product] = min(distance, nearest.get(product, np.inf))
            nearest.pop(excluded[query], None)
            expected = sorted(nearest, key=nearest.get)[:K]
            assert answers[name].products[query].tolist() == expected
            np.testing.assert_allclose(answers[name].distances[query], [nearest[one] for one in expected], atol=1e-5)


def test_where_there_are_fewer_products_the_rest_is_no_product():
    index = Index(LAYOUT, rows(2, 0), np.array([0, 1]))
    answers = index.nearest(Queries.of_one_row(rows(1, 1), np.array([1])), {"a": LAYOUT.weights}, k=K)["a"]
    assert answers.products.tolist() == [[0, -1, -1]]
    assert np.isinf(answers.distances[0, 1:]).all()


def test_no_queries_have_no_answers():
    answers = Index(LAYOUT, rows(2, 0), np.array([0, 1])).nearest(
        Queries.of_one_row(rows(0, 1)), {"a": LAYOUT.weights}, k=K
    )
    assert answers["a"].products.shape == (0, K)


def test_a_refused_row_is_far_from_everything():
    catalogue, queries = rows(9, 0), rows(3, 1)
    queries[[0, 2]] = np.inf
    index = Index(LAYOUT, catalogue, np.arange(9))
    found = index.nearest(Queries(queries, np.array([0, 1, 1]), np.array([-1, -1])), {"a": LAYOUT.weights}, k=K)["a"]
    assert found.products[0].tolist() == [-1] * K
    alone = index.nearest(Queries.of_one_row(queries[1:2]), {"a": LAYOUT.weights}, k=K)["a"]
    assert found.products[1].tolist() == alone.products[0].tolist()
