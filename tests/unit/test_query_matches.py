"""What the HTTP API says of its results: weights, words of a match, a verdict, and products of near-identical photos."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lookalike.compaction.compact import compact
from lookalike.layout import Layout, Part
from tests.support import fakes
from tests.support.api import Answer, Api, event, query_function
from tests.support.fakes import embedding_of, photo, put_row

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")
LOOKS = [f"look {number}" for number in range(40)]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """A catalogue of forty looks. Of look 0 there are three products, whose photos are near-identical."""
    copies = [put_row(f"images/copy{number}.jpg", photo(LOOKS[0], number)) for number in (1, 2)]
    return query_function(monkeypatch, rows=[put_row(f"images/{look}.jpg", photo(look)) for look in LOOKS] + copies)


def search(api: Api, look: str, **query: str) -> Answer:
    return api.search(photo(look), query=query)


def similar(api: Api, product: str, **query: str) -> Answer:
    return api.get("/api/products/{product_id}/similar", product, query=query)


def results(answer: Answer, name: str) -> list[Any]:
    return [result[name] for result in answer.body["results"]]


class TestWeights:
    def test_distances_are_of_the_weights_of_the_answer(self, api: Api) -> None:
        plain, doubled = search(api, "new"), search(api, "new", weights="shape:2")
        assert plain.body["search"]["weights"] == {"shape": 1.0}
        assert doubled.body["search"]["weights"] == {"shape": 2.0}
        assert results(doubled, "product_id") == results(plain, "product_id")
        np.testing.assert_allclose(results(doubled, "distance"), 2 * np.array(results(plain, "distance")))

    def test_neighbours_of_a_product_take_them_too(self, api: Api) -> None:
        plain, halved = similar(api, LOOKS[3]), similar(api, LOOKS[3], weights="shape:.5")
        assert halved.body["search"]["weights"] == {"shape": 0.5}
        np.testing.assert_allclose(results(halved, "distance"), np.array(results(plain, "distance")) / 2)

    @pytest.mark.parametrize(
        ("weights", "said"),
        [
            ("smell:2", "The parts are shape"),
            ("shape:4.01", "0 to 4"),
            ("shape:0", "above 0"),
            ("shape", "colour:2,shape:0.5"),
            ("shape:1,shape:2", "twice"),
        ],
    )
    def test_others_are_refused_in_words(self, api: Api, weights: str, said: str) -> None:
        for answer in (search(api, "new", weights=weights), similar(api, LOOKS[0], weights=weights)):
            assert (answer.status, answer.problem) == (400, "bad-parameter")
            assert said in answer.body["detail"]

    def test_they_are_looked_at_before_the_photo(self, api: Api) -> None:
        assert search(api, "", weights="smell:2").problem == "bad-parameter"
        assert api.embedder.batches == []


class TestParts:
    """A model of two parts, shape and colour, over the same embeddings."""

    @pytest.fixture
    def parted(self, monkeypatch: pytest.MonkeyPatch) -> Api:
        api = query_function(monkeypatch)
        layout = Layout((Part("shape", 5, 1.0), Part("colour", fakes.DIMENSIONS - 5, 0.5)))
        monkeypatch.setattr(api.embedder, "spec", SimpleNamespace(**{**vars(api.embedder.spec), "layout": layout}))
        fakes.fill(api.store, [put_row(f"images/{look}.jpg", photo(look)) for look in LOOKS], layout=layout)
        return api

    def expected(self, shape: float, colour: float) -> list[tuple[float, str]]:
        query, weights = embedding_of(photo("new")), np.repeat([shape, colour], [5, fakes.DIMENSIONS - 5])
        distances = {look: np.linalg.norm(weights * (embedding_of(photo(look)) - query)) for look in LOOKS}
        return sorted((float(distance), look) for look, distance in distances.items())[:5]

    @pytest.mark.parametrize(
        ("factors", "shape", "colour"),
        [("shape:1", 1, 0.5), ("colour:2", 1, 1), ("shape:0", 0, 0.5), ("colour:0,shape:4", 4, 0)],
    )
    def test_factors_weigh_the_parts(self, parted: Api, factors: str, shape: float, colour: float) -> None:
        answer = search(parted, "new", weights=factors)
        assert answer.body["search"]["weights"] == {"shape": shape, "colour": colour}
        distances, looks = zip(*self.expected(shape, colour), strict=True)
        assert results(answer, "product_id") == list(looks)
        np.testing.assert_allclose(results(answer, "distance"), distances, rtol=1e-5)
        assert answer.body["search"]["match_scale"]["rescaled"] is ((shape, colour) != (1, 0.5))

    def test_a_rescaled_scale_is_no_narrower_than_the_true_one(self, parted: Api) -> None:
        vectors = np.array([embedding_of(photo(look)) for look in LOOKS], np.float64)[:, 5:]
        distances = np.linalg.norm(vectors[:, np.newaxis] - vectors, axis=2) + 9 * np.eye(len(LOOKS))
        strong, fair = np.quantile(distances.min(axis=1) / 2, [0.5, 0.99])
        scale = search(parted, "new", weights="shape:0").body["search"]["match_scale"]
        assert scale["strong"] >= strong * 0.999
        assert scale["fair"] >= fair * 0.999


class TestMatches:
    @pytest.mark.parametrize("is_compacted", [False, True])
    def test_words_follow_the_distances_of_the_catalogue(self, api: Api, is_compacted: bool) -> None:
        if is_compacted:
            compact(api.store)
        answer = search(api, "new", k="100")
        scale, words = answer.body["search"]["match_scale"], results(answer, "match")
        for distance, word in zip(results(answer, "distance"), words, strict=True):
            expected = "strong" if distance <= scale["strong"] else "fair" if distance <= scale["fair"] else "weak"
            assert word == expected
        assert words[0] != "weak"
        assert words[-1] == "weak"
        assert answer.body["verdict"] == "match"
        assert scale["rescaled"] is False

    def test_the_scale_is_made_of_the_catalogue_s_own_neighbours(self, api: Api) -> None:
        vectors = np.array([embedding_of(photo(look)) for look in LOOKS])
        distances = np.linalg.norm(vectors[:, np.newaxis] - vectors, axis=2) + 9 * np.eye(len(LOOKS))
        scale = search(api, "new").body["search"]["match_scale"]
        nearest = distances.min(axis=1)
        nearest = np.append(nearest, nearest[[0, 0]])  # the copies of look 0 have its neighbours
        np.testing.assert_allclose([scale["strong"], scale["fair"]], np.quantile(nearest, [0.5, 0.99]), rtol=0.05)

    def test_where_every_match_is_weak_there_is_no_good_match(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        away = -sum(embedding_of(photo(look)) for look in LOOKS)
        monkeypatch.setattr(api.embedder, "embed_regions", lambda photo, regions: [9 * away for _ in regions])
        answer = search(api, "something else")
        assert set(results(answer, "match")) == {"weak"}
        assert answer.body["verdict"] == "no_good_match"

    def test_under_other_weights_the_scale_is_rescaled_and_says_so(self, api: Api) -> None:
        plain, doubled = search(api, "new"), search(api, "new", weights="shape:2")
        ours, theirs = doubled.body["search"]["match_scale"], plain.body["search"]["match_scale"]
        assert ours["rescaled"] is True
        np.testing.assert_allclose([ours["strong"], ours["fair"]], [2 * theirs["strong"], 2 * theirs["fair"]])
        assert results(doubled, "match") == results(plain, "match")

    @pytest.mark.parametrize("is_compacted", [False, True])
    def test_a_handful_of_photos_judges_no_match(self, monkeypatch: pytest.MonkeyPatch, is_compacted: bool) -> None:
        api = query_function(monkeypatch, rows=[put_row(f"images/{look}.jpg", photo(look)) for look in LOOKS[:4]])
        if is_compacted:
            compact(api.store)
        answer = search(api, "new")
        assert results(answer, "match") == [None] * 4
        assert answer.body["verdict"] is None
        assert answer.body["search"]["match_scale"] is None

    def test_a_catalogue_of_one_product_judges_no_match(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [put_row(f"images/one/{look}.jpg", photo(look)) for look in LOOKS]
        answer = search(query_function(monkeypatch, rows=rows), "new")
        assert results(answer, "match") == [None]
        assert answer.body["verdict"] is None


class TestDistinct:
    def test_near_identical_photos_are_one_result(self, api: Api) -> None:
        answer = search(api, LOOKS[0], distinct="true")
        assert results(answer, "product_id")[0] == LOOKS[0]
        first, *others = results(answer, "same_as")
        assert sorted(first) == ["copy1", "copy2"]
        assert others == [[]] * 4

    def test_as_many_results_are_left_as_were_asked_for(self, api: Api) -> None:
        plain, distinct = search(api, LOOKS[0], k="7"), search(api, LOOKS[0], k="5", distinct="true")
        kept = [product for product in results(plain, "product_id") if not product.startswith("copy")]
        assert results(distinct, "product_id") == kept
        assert len(kept) == 5

    def test_neighbours_of_a_product_take_it_too(self, api: Api) -> None:
        answer = similar(api, LOOKS[0], distinct="true")
        assert sum(map(len, results(answer, "same_as"))) == 1
        assert len(answer.body["results"]) == 5

    @pytest.mark.parametrize("distinct", [{}, {"distinct": "false"}])
    def test_otherwise_every_product_is_a_result(self, api: Api, distinct: dict[str, str]) -> None:
        answer = search(api, LOOKS[0], **distinct)
        assert {LOOKS[0], "copy1", "copy2"} <= set(results(answer, "product_id"))
        assert results(answer, "same_as") == [[]] * 5

    def test_neither_yes_nor_no_is_refused(self, api: Api) -> None:
        assert search(api, "new", distinct="yes").problem == "bad-parameter"


def test_the_parts_of_the_model_are_told(api: Api) -> None:
    parts = api.send(event("GET /api/health")).body["model"]["parts"]
    assert parts == [{"name": "shape", "dimensions": fakes.DIMENSIONS, "weight": 1.0}]
