"""The judge's recall: the nearest products by brute force as scikit-learn counts them, and answers held against them."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.layout import Layout, Part
from lookalike.search.knn import Neighbour
from lookalike.store import segment
from lookalike.store.records import Op, Row, order_of
from scripts.cluster import nearest as brute_force
from scripts.cluster.judging import judge
from scripts.cluster.nearest import Nearest, Photos, merge, nearest_in

LAYOUT = Layout((Part("shape", 6, 1.0), Part("colour", 3, 0.5)))
K = 5


def rows_of(vectors: np.ndarray, products: list[str], first: int) -> segment.Segment:
    order = order_of(sequencer=None, time_ms=1, op=Op.PUT)
    rows = [
        Row(f"images/{first + number}.jpg", product, order, Op.PUT, vector)
        for number, (vector, product) in enumerate(zip(vectors, products, strict=True))
    ]
    rejects = [Row(f"images/torn-{first}.jpg", "torn", order, Op.REJECT, detail={"code": "x", "detail": "y"})]
    return segment.from_rows(rows + rejects, LAYOUT)


class Catalogue:
    """Photos in three segments, some of which are not live; products have one to four photos, in any segment."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        vectors = random.standard_normal((300, LAYOUT.dimensions)).astype(np.float32)
        products = [f"p{number}" for number in random.integers(0, 120, 300)]
        self.segments = [
            rows_of(vectors[start : start + 100], products[start : start + 100], start) for start in (0, 100, 200)
        ]
        self.live = [random.random(len(rows)) < 0.9 for rows in self.segments]
        pairs = list(zip(self.segments, self.live, strict=True))
        puts = [np.flatnonzero(live & rows.is_put) for rows, live in pairs]
        self.embeddings = np.concatenate(
            [rows.embedding[rows.put_index[put]] for rows, put in zip(self.segments, puts, strict=True)]
        )
        self.products = [rows.name(int(row))[0] for rows, put in zip(self.segments, puts, strict=True) for row in put]

    def queries(self, count: int) -> Photos:
        hashes = np.array([text_hash(product) for product in self.products[:count]], f"S{HASH_BYTES}")
        return Photos(hashes, hashes, self.embeddings[:count])

    def by_scikit_learn(self, count: int) -> list[list[tuple[str, float]]]:
        """The K nearest products of each of the first photos but its own, with their distances."""
        scaled = self.embeddings * LAYOUT.by_column(LAYOUT.weights)
        neighbours = NearestNeighbors(n_neighbors=len(scaled), algorithm="brute").fit(scaled.astype(np.float64))
        found = []
        for own, distances, rows in zip(self.products, *neighbours.kneighbors(scaled[:count]), strict=False):
            nearest: dict[str, float] = {}
            for distance, row in zip(distances, rows, strict=True):
                if self.products[row] != own:
                    nearest.setdefault(self.products[row], distance)
            found.append(list(nearest.items())[:K])
        return found

    def truth(self, queries: Photos) -> Nearest:
        return merge(
            [nearest_in(rows, live, queries, LAYOUT, K) for rows, live in zip(self.segments, self.live, strict=True)], K
        )


@pytest.mark.parametrize("at_once", [7, 4096])
@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_products_are_scikit_learn_s(seed: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brute_force, "_AT_ONCE", at_once)
    catalogue = Catalogue(seed)
    truth = catalogue.truth(catalogue.queries(20))
    expected = catalogue.by_scikit_learn(20)
    assert truth.product_hash.tolist() == [[text_hash(product) for product, _ in nearest] for nearest in expected]
    np.testing.assert_allclose(
        truth.distance, [[distance for _, distance in nearest] for nearest in expected], rtol=1e-12
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_recall_of_wrong_answers_is_scikit_learn_s_count(seed: int) -> None:
    catalogue = Catalogue(seed)
    queries, expected = catalogue.queries(20), catalogue.by_scikit_learn(20)
    random = np.random.default_rng(seed)
    answers = []
    for nearest in expected:
        kept = [Neighbour(product, "", distance) for product, distance in nearest if random.random() < 0.7]
        farther = [Neighbour(f"far{number}", "", 99.0) for number in range(K - len(kept))]
        answers.append(kept + farther)
    waiting = iter(answers)
    count = judge(queries, catalogue.truth(queries), lambda _, __: next(waiting))
    right = [
        len({item.product_id for item in answer} & {product for product, _ in nearest})
        for answer, nearest in zip(answers, expected, strict=True)
    ]
    assert (count.queries, count.wanted, count.found) == (20, 20 * K, sum(right))
    assert count.whole == sum(found == K for found in right)


def test_a_product_as_near_as_the_last_is_as_right() -> None:
    photos = Photos(*2 * (np.array([text_hash("own")]),), np.zeros((1, LAYOUT.dimensions), np.float32))
    truth = Nearest(np.array([[1.0, 2.0]]), np.array([[text_hash("a"), text_hash("b")]]))
    answers = [Neighbour("a", "", 1.0), Neighbour("c", "", 2.0), Neighbour("d", "", 2.1)]
    assert judge(photos, truth, lambda _, __: answers).found == 2


def test_a_catalogue_with_fewer_products_wants_fewer() -> None:
    rows = rows_of(np.eye(LAYOUT.dimensions, dtype=np.float32)[:3], ["a", "b", "c"], 0)
    own = np.array([text_hash("a")])
    truth = nearest_in(
        rows, np.ones(len(rows), bool), Photos(own, own, np.eye(1, LAYOUT.dimensions, dtype=np.float32)), LAYOUT, K
    )
    assert np.isfinite(truth.distance[0]).sum() == 2
    queries = Photos(own, own, np.zeros((1, LAYOUT.dimensions), np.float32))
    count = judge(queries, truth, lambda _, __: [Neighbour("b", "", 1.0)])
    assert (count.queries, count.found, count.wanted, count.whole) == (1, 1, 2, 0)
