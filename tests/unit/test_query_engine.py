"""The query function with an index: the answers of the exact engine, and how sure they are."""

import pytest

from lookalike.compaction.compact import compact
from lookalike.errors import IndexUnavailable
from lookalike.follow import follow
from lookalike.index.memory import MemoryIndex
from lookalike.store import recall
from lookalike.store.recall import Recall
from tests.support.api import Api, query_function
from tests.support.fakes import LAYOUT, data_file, photo, put_row, reject_row
from tests.support.indexed import EVERY_SEGMENT_FULL

NAMES = ("red", "blue", "green", "black", "white")
INDEX = MemoryIndex(LAYOUT.dimensions)
HOW = ("exact", "reasons", "recall")


def filled(monkeypatch: pytest.MonkeyPatch, engine: str) -> Api:
    """A catalogue of which all but one photo, which came last, is followed by an index."""
    monkeypatch.setenv("ENGINE", engine)
    api = query_function(monkeypatch)
    index = MemoryIndex(LAYOUT.dimensions, name="memory")
    monkeypatch.setattr(api.app.lifecycle, "open_index", lambda *place, **options: index)
    api.app._services()  # reads the environment
    api.fill(*(put_row(f"images/{name}.jpg", photo(name), title=name) for name in NAMES), reject_row("images/bad.jpg"))
    api.put_data(
        data_file("products/a.csv", {name: {"kind": "colour" if name[0] == "b" else "none"} for name in NAMES})
    )
    compact(api.store, EVERY_SEGMENT_FULL)
    follow(api.store, index, LAYOUT, EVERY_SEGMENT_FULL)
    api.fill(put_row("images/late.jpg", photo("late")))
    return api


@pytest.mark.parametrize(
    "query", [{"k": "4"}, {"k": "2", "offset": "2"}, {"filter": "kind:colour"}, {"distinct": "true"}]
)
def test_an_exact_index_answers_as_the_exact_engine(monkeypatch: pytest.MonkeyPatch, query: dict[str, str]) -> None:
    exact, indexed = (filled(monkeypatch, engine) for engine in ("exact", "index"))
    for ask in (
        lambda api: api.search(photo("red"), query=query),
        lambda api: api.get("/api/products/{product_id}/similar", "blue", query=query),
    ):
        expected, answer = ask(exact), ask(indexed)
        assert answer.status == expected.status == 200
        assert [item["product_id"] for item in answer.body["results"]] == [
            item["product_id"] for item in expected.body["results"]
        ]
        assert answer.body["results"][0]["attributes"] == expected.body["results"][0]["attributes"]
        assert [expected.body["search"][name] for name in HOW] == [True, [], None]
        assert [answer.body["search"][name] for name in HOW] == [False, ["index-candidates"], None]


def test_an_answer_tells_the_measured_recall(monkeypatch: pytest.MonkeyPatch) -> None:
    api = filled(monkeypatch, "index")
    recall.publish(api.store, Recall("memory", 5, 100, 480, 500, 1, 1_700_000_000_000))
    said = api.search(photo("red")).body["search"]["recall"]
    assert (said["at"], said["queries"], said["value"], said["measured"]) == (5, 100, 0.96, "2023-11-14T22:13:20Z")
    assert said["low"] < 0.96 < said["high"]


def test_products_photos_and_refusals_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    exact, indexed = (filled(monkeypatch, engine) for engine in ("exact", "index"))
    for product in (*NAMES, "late", "bad"):
        expected, answer = (api.get("/api/products/{product_id}", product) for api in (exact, indexed))
        assert [item["image_key"] for item in answer.body["photos"]] == [
            item["image_key"] for item in expected.body["photos"]
        ]
    assert indexed.get("/api/rejected").body == exact.get("/api/rejected").body
    assert indexed.get("/api/products/{product_id}", "nobody").problem == "not-found"


def test_lists_facets_and_health_say_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    api = filled(monkeypatch, "index")
    listed = api.get("/api/products", query={"k": "3"}).body
    assert (len(listed["products"]), listed["total"], listed["next_offset"]) == (3, 5, 3)
    rest = api.get("/api/products", query={"k": "3", "offset": "3"}).body
    assert {item["product_id"] for item in listed["products"] + rest["products"]} == set(NAMES)
    newest = api.get("/api/products", query={"order": "newest"}).body["products"]
    assert [item["product_id"] for item in newest] == ["late"]
    health = api.get("/api/health").body
    assert (health["photos"], health["products"], health["rejected"]) == (6, 6, 1)
    assert health["index"] == {"name": "memory", "photos": 5, "segments": 6, "snapshot": "1"}
    assert api.get("/api/map").problem == "no-map"
    assert api.get("/api/facets").body["facets"][0]["values"][0] == {"value": "none", "count": 3}


def test_an_index_out_of_reach_is_a_problem_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    api = filled(monkeypatch, "index")

    def silent(*_: object, **__: object) -> None:
        raise IndexUnavailable("S3 Vectors did not answer")

    monkeypatch.setattr(MemoryIndex, "query", silent)
    assert (api.search(photo("red")).status, api.search(photo("red")).problem) == (503, "store-unavailable")


def test_without_full_segments_the_answer_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE", "index")
    api = query_function(monkeypatch, rows=[put_row("images/1.jpg", photo("red"))])
    monkeypatch.setattr(api.app.lifecycle, "open_index", lambda *place, **options: INDEX)
    assert api.search(photo("red")).body["search"]["exact"]
