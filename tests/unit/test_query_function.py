"""The HTTP API: every route, every problem, and no request that is answered with a stack trace."""

import base64
import json
import random
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.errors import ModelError
from lookalike.store.object_store import MemoryStore
from lookalike.store.records import Op, Row, order_of
from tests.support import functions
from tests.support.api import Answer, Api, event, query_function
from tests.support.fakes import DIMENSIONS, FINGERPRINT, photo, put_row, reject_row
from tests.support.stores import LatencyStore

# Most requests count nothing; Powertools warns of that, and the function says it need not.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

ROWS = [
    *(
        put_row(f"images/{look}.jpg", photo(look), name=f"A {look}", articletype="Thing")
        for look in ("red", "blue", "green")
    ),
    put_row("images/1563/front.jpg", photo("shirt"), name="Linen Shirt"),
    put_row("images/1563/back.jpg", photo("shirt", 1)),
    reject_row("images/1563/torn.jpg"),
    reject_row("images/broken.jpg", "too-many-pixels"),
]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return query_function(monkeypatch, rows=ROWS)


@pytest.fixture
def empty_api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return query_function(monkeypatch)


def products(answer: Answer) -> list[str]:
    return [result["product_id"] for result in answer.body["results"]]


STAGES = {"scan", "limit", "exact", "names"}


class TestSearch:
    def test_a_photo_finds_what_it_shows(self, api: Api) -> None:
        answer = api.search(photo("red", 1), k="3")

        assert answer.status == 200
        first, *others = answer.body["results"]
        assert (first["product_id"], first["image_key"]) == ("red", "images/red.jpg")
        assert first["metadata"] == {"name": "A red", "articletype": "Thing"}
        assert 0 < first["distance"] < others[0]["distance"] <= others[1]["distance"] <= 2
        told = answer.body["search"]
        assert (told["k"], told["products"], told["photos"], told["rows_scanned"]) == (3, 4, 5, 5)
        assert told["timings_ms"].keys() == {"refresh", "embed", "search", "total"} | STAGES
        assert told["timings_ms"]["total"] >= max(told["timings_ms"].values())
        assert (told["rows_refined"], told["rows_exact"]) == (0, 5), "so few that all are computed"
        assert (told["requests"], told["bytes_read"] > 1000) == (3, True), "two listings and the log segment"

    def test_five_are_found_unless_told_otherwise(self, api: Api) -> None:
        api.fill(*(put_row(f"images/more{number}.jpg", photo(str(number))) for number in range(9)))

        assert len(products(api.search(photo("red")))) == 5
        assert len(products(api.search(photo("red"), k="13"))) == 13

    def test_several_photos_of_a_product_are_one_result(self, api: Api) -> None:
        assert sorted(products(api.search(photo("shirt"), k="100"))) == ["1563", "blue", "green", "red"]

    def test_an_event_as_api_gateway_sends_it(self, api: Api) -> None:
        answer = api.send(functions.event("http_search"))

        assert len(products(answer)) == 3
        assert products(answer)[0] == "red"

    def test_a_form_as_a_browser_sends_it(self, api: Api) -> None:
        answer = api.send(functions.event("http_search_multipart"))

        assert products(answer)[0] == "red"
        assert answer.body["results"][0]["image_url"] == "/images/red.jpg"

    @pytest.mark.parametrize(
        "content_type", ["image/png", "IMAGE/JPEG; x=y", " image/webp ", "application/octet-stream"]
    )
    def test_content_types_of_photos(self, api: Api, content_type: str) -> None:
        assert api.search(photo("red"), content_type).status == 200

    def test_a_text_body_is_taken_as_it_is(self, api: Api) -> None:
        request = event("POST /api/search", headers={"content-type": "image/svg+xml"}, body=photo("red").decode())

        assert products(api.send(request))[0] == "red"

    def test_a_text_body_that_is_no_text(self, api: Api) -> None:
        """JSON can say half of a surrogate pair."""
        request = event("POST /api/search", headers={"content-type": "image/svg+xml"}, body="text \ud800")

        assert api.send(request).problem == "not-an-image"

    def test_results_are_fresh(self, api: Api) -> None:
        before = api.search(photo("new")).body["search"]["snapshot"]
        api.fill(put_row("images/new.jpg", photo("new")))

        answer = api.search(photo("new"))

        assert products(answer)[0] == "new"
        assert answer.body["search"]["snapshot"] != before


class TestK:
    @pytest.mark.parametrize("k", ["1", "5", "100", "007"])
    def test_what_is_a_number_of_products(self, api: Api, k: str) -> None:
        assert api.search(photo("red"), k=k).body["search"]["k"] == int(k)

    @pytest.mark.parametrize(
        "k",
        ["0", "00", "-1", "101", "1000", "1000000000", "9" * 5000, "1e9", "1.0", "+5", "0x5", "1_0", "5,6"],
    )
    def test_numbers_out_of_range_are_refused(self, api: Api, k: str) -> None:
        self.assert_refused(api, k)

    @pytest.mark.parametrize("k", ["", " ", "abc", " 5", "5 ", "5\n", "٥", "５", "²", "\ud800"])
    def test_what_is_no_number_is_refused(self, api: Api, k: str) -> None:
        self.assert_refused(api, k)

    def assert_refused(self, api: Api, k: str) -> None:
        for answer in (
            api.search(photo("red"), k=k),
            api.get("/api/products/{product_id}/similar", "red", queryStringParameters={"k": k}),
        ):
            assert (answer.status, answer.problem) == (400, "bad-parameter")
            assert "1 to 100" in answer.body["detail"]

    @pytest.mark.parametrize("name", ["n", "K", "filter", "", "\ud800", "<script>"])
    def test_unknown_parameters_are_refused(self, api: Api, name: str) -> None:
        request = event("POST /api/search", queryStringParameters={"k": "5", name: "1"})

        answer = api.send(request)

        assert (answer.status, answer.problem) == (400, "bad-parameter")
        assert "Known: k" in answer.body["detail"]


class TestPhotosThatCannotBeSearchedWith:
    def test_not_an_image(self, api: Api) -> None:
        answer = api.search(b"text")
        assert (answer.status, answer.problem) == (415, "not-an-image")

    def test_a_damaged_image(self, api: Api) -> None:
        answer = api.search(b"broken")
        assert (answer.status, answer.problem) == (422, "undecodable-image")

    def test_a_decompression_bomb(self, api: Api) -> None:
        answer = api.search(b"huge")
        assert (answer.status, answer.problem) == (422, "too-many-pixels")

    def test_a_body_over_the_limit(self, api: Api) -> None:
        limit = api.app.MAX_BODY_BYTES
        assert limit == 4 * 1024 * 1024

        assert api.search(b"x" * limit).status == 200
        answer = api.search(b"x" * (limit + 1))

        assert (answer.status, answer.problem) == (413, "body-too-large")
        assert api.embedder.batches == [1]

    @pytest.mark.parametrize("body", [None, ""])
    def test_no_body(self, api: Api, body: str | None) -> None:
        request = event("POST /api/search", headers={"content-type": "image/jpeg"}, body=body)
        answer = api.send(request)
        assert (answer.status, answer.problem) == (415, "not-an-image")

    @pytest.mark.parametrize(
        "content_type", ["text/plain", "application/json", "", "image", "multipart/mixed; boundary=x"]
    )
    def test_a_content_type_that_is_no_photo(self, api: Api, content_type: str) -> None:
        answer = api.search(photo("red"), content_type)
        assert (answer.status, answer.problem) == (415, "not-an-image")
        assert "multipart/form-data" in answer.body["detail"]

    def test_no_content_type(self, api: Api) -> None:
        answer = api.send(event("POST /api/search", body=photo("red").decode()))
        assert (answer.status, answer.problem) == (415, "not-an-image")

    @pytest.mark.parametrize("body", ["a", "ab!=", "é", "\ud800", "YQ==\n"])
    def test_bad_base64(self, api: Api, body: str) -> None:
        request = event("POST /api/search", headers={"content-type": "image/jpeg"}, body=body, isBase64Encoded=True)
        answer = api.send(request)
        assert (answer.status, answer.problem) == (400, "bad-parameter")

    @pytest.mark.parametrize("boundary", ["", "; boundary", "; boundary=", "; boundary=x\r\n\r\n--x", "; boundary=é"])
    def test_a_form_without_the_field(self, api: Api, boundary: str) -> None:
        answer = api.search(photo("red"), f"multipart/form-data{boundary}")
        assert (answer.status, answer.problem) == (400, "bad-parameter")
        assert "named image" in answer.body["detail"]

    def test_parameters_are_looked_at_before_the_photo(self, api: Api) -> None:
        assert api.search(b"text", k="0").problem == "bad-parameter"


class TestSimilar:
    def test_products_like_a_product(self, api: Api) -> None:
        answer = api.get("/api/products/{product_id}/similar", "1563", queryStringParameters={"k": "2"})

        assert answer.status == 200
        assert len(products(answer)) == 2
        assert "1563" not in products(answer)
        assert answer.body["search"]["timings_ms"].keys() == {"refresh", "search", "total"} | STAGES

    def test_an_event_as_the_distribution_passes_it_on(self, api: Api) -> None:
        answer = api.send(functions.event("http_similar"))

        assert [result["image_url"] for result in answer.body["results"]] == [
            f"/images/{product}.jpg" for product in products(answer)
        ]

    def test_a_product_of_rejected_photos(self, api: Api) -> None:
        answer = api.get("/api/products/{product_id}/similar", "broken")
        assert (answer.status, answer.problem) == (404, "not-found")
        assert "could be read" in answer.body["detail"]


class TestProduct:
    def test_metadata_and_photos(self, api: Api) -> None:
        answer = api.send(functions.event("http_product"))

        assert answer.body == {
            "product_id": "1563",
            "metadata": {},  # of the first searchable photo by key, which has none
            "photos": [
                {
                    "image_key": f"images/1563/{view}.jpg",
                    "image_url": f"/images/1563/{view}.jpg",
                    "status": status,
                    "reason": reason,
                }
                for view, status, reason in (
                    ("back", "searchable", None),
                    ("front", "searchable", None),
                    ("torn", "rejected", {"code": "undecodable-image", "detail": "The photo cannot be used."}),
                )
            ],
        }

    def test_a_product_of_rejected_photos_says_why(self, api: Api) -> None:
        answer = api.get("/api/products/{product_id}", "broken")

        assert (answer.status, answer.body["metadata"]) == (200, {})
        assert answer.body["photos"][0]["reason"]["code"] == "too-many-pixels"

    @pytest.mark.parametrize(
        "product_id", ["a b", "a+b", "100%", "%41", "été", "毛衣", "a&b=c", "'\"<b>", "a\\b", "..b"]
    )
    def test_ids_with_special_characters(self, api: Api, product_id: str) -> None:
        """API Gateway decodes the path; here an id is taken as it comes."""
        api.fill(put_row(f"images/{product_id}.jpg", photo(product_id)))

        assert api.get("/api/products/{product_id}", product_id).body["product_id"] == product_id
        assert api.get("/api/products/{product_id}/similar", product_id).status == 200
        assert products(api.search(photo(product_id)))[0] == product_id

    @pytest.mark.parametrize("product_id", ["nobody", "", " ", "a/b", "..", "\0", "\ud800", "x" * 100_000])
    @pytest.mark.parametrize("route", ["/api/products/{product_id}", "/api/products/{product_id}/similar"])
    def test_an_id_nobody_has(self, api: Api, route: str, product_id: str) -> None:
        answer = api.get(route, product_id)
        assert (answer.status, answer.problem) == (404, "not-found")

    def test_a_deleted_product_is_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        api.fill(Row("images/red.jpg", "red", order_of(sequencer=None, time_ms=9, op=Op.DELETE), Op.DELETE))

        assert api.get("/api/products/{product_id}", "red").status == 404
        assert "red" not in products(api.search(photo("red"), k="100"))


class TestHealth:
    def test_what_is_served(self, api: Api) -> None:
        body = api.send(functions.event("http_health")).body

        assert body.pop("snapshot_age_s") < 60
        assert body == {
            "status": "ok",
            "snapshot": "0+1",
            "products": 4,
            "photos": 5,
            "rejected": 2,
            "model": {"name": "fake-model", "fingerprint": FINGERPRINT, "dimensions": DIMENSIONS},
        }

    def test_an_empty_store_is_healthy_and_says_so(self, empty_api: Api) -> None:
        answer = empty_api.get("/api/health")
        assert (answer.status, answer.body["status"], answer.body["photos"]) == (200, "empty", 0)

    def test_a_store_of_rejects_is_empty(self, empty_api: Api) -> None:
        empty_api.fill(reject_row("images/a.jpg"))
        body = empty_api.get("/api/health").body
        assert (body["status"], body["rejected"]) == ("empty", 1)


class TestWhatIsNotTheRequestsFault:
    @pytest.mark.parametrize("rejected", [False, True])
    def test_an_empty_catalogue_asks_to_come_back(self, empty_api: Api, rejected: bool) -> None:
        if rejected:
            empty_api.fill(reject_row("images/a.jpg"))
        for answer in (
            empty_api.search(photo("red")),
            empty_api.get("/api/products/{product_id}/similar", "a"),
        ):
            assert (answer.status, answer.problem) == (503, "catalogue-empty")
            assert int(answer.headers["retry-after"]) > 0

    @pytest.mark.parametrize("call", ["list", "get"])
    def test_a_store_out_of_reach_asks_to_come_back(self, api: Api, call: str) -> None:
        api.store.down = {call}
        for answer in (
            api.search(photo("red")),
            api.get("/api/products/{product_id}/similar", "red"),
            api.get("/api/products/{product_id}", "red"),
            api.get("/api/health"),
        ):
            assert (answer.status, answer.problem) == (503, "store-unavailable")
            assert int(answer.headers["retry-after"]) > 0

        api.store.down = set()
        assert api.search(photo("red")).status == 200

    def test_what_the_store_said_is_logged_and_not_told(self, api: Api, caplog: pytest.LogCaptureFixture) -> None:
        api.store.down = {"list"}

        answer = api.search(photo("red"))

        assert "secret-bucket" not in json.dumps(answer.body)
        assert "secret-bucket" in caplog.records[-1].__dict__["detail"]

    def test_a_damaged_store_asks_to_come_back(self, api: Api) -> None:
        api.store.put_if_absent("log/0-damaged.safetensors", b"nonsense")
        answer = api.search(photo("red"))
        assert (answer.status, answer.problem) == (503, "store-unavailable")

    def test_what_is_wrong_with_us_is_raised(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(images: Any) -> Any:
            raise ModelError("the model failed")

        monkeypatch.setattr(api.embedder, "embed", fail)
        with pytest.raises(ModelError):
            api.search(photo("red"))

    def test_silence_of_s3_is_answered_before_the_function_is_ended(self, api: Api) -> None:
        """The API gives up after 30 seconds, a start included, and then the caller learns nothing."""
        api.get("/api/health")
        config = api.made[0].meta.config
        attempts = config.retries["total_max_attempts"]
        pauses_s = sum(2**attempt for attempt in range(attempts - 1))

        asked_s = attempts * (config.connect_timeout + config.read_timeout) + pauses_s
        start_s = 2 + api.app._AHEAD_S + 3
        assert start_s < 10, "Lambda begins a longer initialisation again"
        assert start_s + asked_s < 30


class TestImageAddresses:
    KEYS = (
        "images/plain.jpg",
        "images/blue shirt.jpg",
        "images/a+b.jpg",
        "images/a#b.jpg",
        "images/a?b=c&d.jpg",
        "images/100%.jpg",
        "images/a%20b.jpg",
        "images/毛衣/背面.jpg",
        "images/'\"<b>.jpg",
        "images/a;b:c@d.jpg",
    )

    @pytest.mark.parametrize("key", KEYS)
    def test_through_the_distribution_they_are_paths(self, api: Api, key: str) -> None:
        api.fill(put_row(key, photo(key)))

        found = api.search(photo(key), **{"x-lookalike-distribution": "1"}).body["results"][0]

        parts = urlsplit(found["image_url"])
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert unquote(parts.path) == f"/{key}" == f"/{found['image_key']}"
        assert found["image_url"].isascii()

    @pytest.mark.parametrize("key", KEYS)
    def test_from_the_bare_api_they_are_signed(self, api: Api, key: str) -> None:
        api.fill(put_row(key, photo(key)))

        parts = urlsplit(api.search(photo(key)).body["results"][0]["image_url"])

        assert parts.netloc == "lookalike-catalogue.s3.eu-west-1.amazonaws.com"
        assert unquote(parts.path) == f"/{key}"
        query = parse_qs(parts.query)
        assert (query["X-Amz-Algorithm"], query["X-Amz-Expires"]) == (["AWS4-HMAC-SHA256"], ["3600"])

    @pytest.mark.parametrize("value", ["0", "", "true", "https://evil.example"])
    def test_the_header_has_one_value_that_counts(self, api: Api, value: str) -> None:
        answer = api.search(photo("red"), **{"x-lookalike-distribution": value})
        assert answer.body["results"][0]["image_url"].startswith("https://lookalike-catalogue.s3.")


class TestTheRest:
    @pytest.mark.parametrize("route", ["GET /api/nothing", "DELETE /api/search", "$default", "", "GET /"])
    def test_routes_that_are_not_there(self, api: Api, route: str) -> None:
        answer = api.send(event(route))
        assert (answer.status, answer.problem) == (404, "not-found")

    def test_docs_are_a_page(self, api: Api) -> None:
        answer = api.get("/api/docs")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<h1>Lookalike API" in answer.body

    def test_answers_are_not_kept_by_anyone(self, api: Api) -> None:
        for answer in (api.search(photo("red")), api.search(b"text"), api.get("/api/health")):
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"

    def test_services_are_made_once_from_the_environment(self, api: Api) -> None:
        api.get("/api/health")
        api.search(photo("red"))

        _, (bucket, prefix), options = api.made
        assert options == {"threads": 2, "max_pixels": 64_000_000}
        assert (bucket, prefix) == ("lookalike-store", f"{FINGERPRINT}/")

    def test_query_photos_leave_no_trace(
        self, api: Api, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        assert isinstance(api.store.inner, MemoryStore)
        before = [entry.name for entry in api.store.inner.list("")]

        api.search(photo("a very private photo"))
        api.search(b"broken private photo")

        assert [entry.name for entry in api.store.inner.list("")] == before
        logged = capsys.readouterr().out + str([record.__dict__ for record in caplog.records])
        assert "undecodable-image" in logged
        for data in (photo("a very private photo"), b"broken private photo"):
            assert data.decode() not in logged
            assert base64.b64encode(data).decode() not in logged


@pytest.fixture(scope="module")
def shared_api() -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield query_function(monkeypatch, rows=ROWS)


ROUTES = [
    "POST /api/search",
    "GET /api/products/{product_id}/similar",
    "GET /api/products/{product_id}",
    "GET /api/health",
    "GET /api/openapi.json",
    "GET /api/docs",
]
# JSON can say things that UTF-8 cannot: halves of surrogate pairs are among what `text` draws here.
ANY_TEXT = st.text(st.characters(), max_size=30)
CONTENT_TYPES = st.sampled_from(
    [
        "image/jpeg",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        'multipart/form-data; boundary="x',
        "text/plain",
    ]
)
BODIES = st.one_of(
    st.none(),
    ANY_TEXT,
    st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    st.lists(
        st.sampled_from(
            [b"--x", b"--", b"\r\n", b"\n", b'Content-Disposition: form-data; name="image"', b"text", b"photo"]
        )
    ).map(lambda parts: base64.b64encode(b"".join(parts)).decode()),
)
EVENTS = st.fixed_dictionaries(
    {
        "routeKey": st.sampled_from(ROUTES) | ANY_TEXT,
        "pathParameters": st.fixed_dictionaries({"product_id": ANY_TEXT | st.sampled_from(["red", "broken", "1563"])}),
    },
    optional={
        "headers": st.none()
        | st.dictionaries(
            st.sampled_from(["content-type", "x-lookalike-distribution", "accept"]),
            CONTENT_TYPES | ANY_TEXT | st.just("1"),
        ),
        "queryStringParameters": st.none()
        | st.dictionaries(st.just("k") | ANY_TEXT, st.integers(-1, 101).map(str) | ANY_TEXT, max_size=2),
        "body": BODIES,
        "isBase64Encoded": st.booleans(),
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request_event=EVENTS)
def test_no_request_is_answered_with_an_error_of_ours(shared_api: Api, request_event: dict[str, Any]) -> None:
    answer = shared_api.send(request_event)

    assert answer.status in {200, 400, 404, 413, 415, 422}


class TestStart:
    """What Lambda has a process do beside answering: start, be frozen by SnapStart, wake up as a copy."""

    @pytest.fixture
    def hooks(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
        """What Lambda's runtime would call, in place of its own lists."""
        registered: dict[str, list[Any]] = {"before": [], "after": []}
        monkeypatch.setattr("snapshot_restore_py.register_before_snapshot", registered["before"].append)
        monkeypatch.setattr("snapshot_restore_py.register_after_restore", registered["after"].append)
        return registered

    def test_the_catalogue_is_there_before_the_first_request(
        self, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        api.app._start("on-demand")
        api.store.down = {"get", "list"}

        assert products(api.search(photo("red")))[0] == "red"
        assert hooks == {"before": [], "after": []}

    def test_a_store_out_of_reach_does_not_keep_the_function_from_starting(
        self, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        api.store.down = {"get", "list"}
        api.app._start("snap-start")

        assert api.search(photo("red")).status == 503
        api.store.down = set()
        assert api.search(photo("red")).status == 200

    def test_a_store_that_is_slow_is_given_up_in_the_end(
        self, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]], caplog: pytest.LogCaptureFixture
    ) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        slow = LatencyStore(api.store, request_s=0.1)
        monkeypatch.setattr(api.app, "S3Store", lambda *given: slow)
        monkeypatch.setattr(api.app, "_AHEAD_S", 0.15)
        api.app._start("on-demand")
        assert "could not be read ahead" in caplog.text

        assert products(api.search(photo("red")))[0] == "red", "a request is more patient"

    def test_a_restored_copy_asks_for_what_is_new(
        self, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        api.app._start("snap-start")
        (before,), (after,) = hooks["before"], hooks["after"]
        before()
        api.fill(put_row("images/new.jpg", photo("new")))
        assert "new" not in products(api.search(photo("new")))  # fresh enough by the reader's clock

        after()
        assert products(api.search(photo("new")))[0] == "new"

    def test_a_restored_copy_that_cannot_ask_asks_again(
        self, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        monkeypatch.setenv("MAX_STALENESS_S", "60")
        api.app._start("snap-start")
        hooks["after"][0]()
        api.store.down = {"get", "list"}
        assert api.search(photo("red")).status == 503

        api.store.down = set()
        api.fill(put_row("images/new.jpg", photo("new")))
        assert products(api.search(photo("new")))[0] == "new"

    def test_copies_do_not_draw_the_same_delays(
        self, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]
    ) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        api.app._start("snap-start")
        drawn = []
        for _ in range(2):
            random.seed(0)  # as every copy of one snapshot is
            hooks["after"][0]()
            drawn.append(random.random())
        assert drawn[0] != drawn[1]

    def test_no_connection_is_frozen(self, monkeypatch: pytest.MonkeyPatch, hooks: dict[str, list[Any]]) -> None:
        api = query_function(monkeypatch, rows=ROWS)
        api.app._start("snap-start")
        done: list[str] = []
        monkeypatch.setattr(api.app._services().reader, "settle", lambda timeout_s: done.append("settled"))
        monkeypatch.setattr(api.app._services().client, "close", lambda: done.append("closed"))
        hooks["before"][0]()
        assert done == ["settled", "closed"], "who still reads in the background would open one again"


def test_a_search_is_measured_where_the_alarms_look(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.get("/api/health")  # the model's drift is measured before
    capsys.readouterr()
    api.search(photo("red"))

    (measured,) = functions.sent_metrics(capsys.readouterr().out)
    assert measured["LogSegments"] == [1]  # as the rows were put, all at once
    assert 0 <= measured["LogAge"][0] < 60
    assert measured["SearchTime"][0] > 0
    (directive,) = measured["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == functions.ENVIRONMENT["POWERTOOLS_METRICS_NAMESPACE"]
    assert directive["Dimensions"] == [["service"]]
    assert measured["service"] == "query"


def test_the_age_of_the_log_is_that_of_the_batch_that_waits_longest(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds since it was appended; none once compaction has folded it."""
    began = time.time()
    monkeypatch.setattr("time.time", lambda: began + 5000)
    api.fill(put_row("images/new.jpg", photo("new")))
    monkeypatch.setattr("time.time", lambda: began + 7200)
    api.search(photo("red"))
    compact(api.store, Policy())
    api.search(photo("red"))

    sent = functions.sent_metrics(capsys.readouterr().out)
    ages = [measured["LogAge"][0] for measured in sent if "LogAge" in measured]
    assert ages == [pytest.approx(7200, abs=60), 0]


def test_the_drift_of_the_model_is_told_once(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        api.get("/api/health")

    (measured,) = functions.sent_metrics(capsys.readouterr().out)
    assert (measured["ModelDrift"], measured["service"]) == ([0.25], "embedder")
    (directive,) = measured["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == functions.ENVIRONMENT["POWERTOOLS_METRICS_NAMESPACE"]
    assert directive["Dimensions"] == [["service"]]
    assert directive["Metrics"] == [{"Name": "ModelDrift", "Unit": "None"}]


def test_a_model_without_a_recorded_probe_is_served(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.embedder.spec = SimpleNamespace(**vars(api.embedder.spec) | {"probe": None})
    assert api.get("/api/health").status == 200
    assert functions.sent_metrics(capsys.readouterr().out) == []


def test_answers_name_the_model(api: Api) -> None:
    assert api.search(photo("red")).body["search"]["model"] == FINGERPRINT
    assert api.get("/api/products/{product_id}/similar", "red").body["search"]["model"] == FINGERPRINT
