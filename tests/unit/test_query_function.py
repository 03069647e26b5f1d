"""The HTTP API: every route, every problem, and no request that is answered with a stack trace."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal
from unicodedata import normalize
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.errors import ImageError, ModelError, NotAnImage
from lookalike.photos import images
from lookalike.photos.regions import Region
from lookalike.store import names
from lookalike.store.damage import DAMAGED_READS
from lookalike.store.object_store import MemoryStore
from lookalike.store.records import Op, Row, order_of
from tests.support import functions
from tests.support.api import Answer, Api, event, query_function
from tests.support.fakes import DIMENSIONS, FINGERPRINT, embedding_of, photo, put_row, reject_row

# Most requests count nothing; Powertools warns of that, and the function says it need not.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

Form = Literal["NFC", "NFD"]
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
def decoding_api(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """An API that reads photos as the real one does."""

    def embed_regions(photo: bytes, regions: Sequence[Region]) -> list[np.ndarray | ImageError]:
        images.decode_regions(photo, regions, size=8)
        return [embedding_of(photo) for _ in regions]

    monkeypatch.setattr(api.embedder, "embed_regions", embed_regions)
    return api


@pytest.fixture
def empty_api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return query_function(monkeypatch)


def products(answer: Answer) -> list[str]:
    return [result["product_id"] for result in answer.body["results"]]


class TestSearch:
    def test_a_photo_finds_what_it_shows(self, api: Api) -> None:
        answer = api.search(photo("red", 1), k="3")

        assert answer.status == 200
        first, *others = answer.body["results"]
        assert (first["product_id"], first["image_key"]) == ("red", "images/red.jpg")
        assert first["attributes"] == {"name": "A red", "articletype": "Thing"}
        assert 0 < first["distance"] < others[0]["distance"] <= others[1]["distance"] <= 2
        told = answer.body["search"]
        assert (told["k"], told["products"], told["photos"], told["rows_scanned"]) == (3, 4, 5, 5)
        assert {"refresh", "embed", "search", "total"} <= told["timings_ms"].keys()
        assert told["timings_ms"]["total"] >= max(told["timings_ms"].values())
        assert told["requests"] > 0
        assert told["bytes_read"] > 1000

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
        "content_type",
        [
            "IMAGE/JPEG; x=y",
            " image/webp ",
            "application/octet-stream",
            "application/x-www-form-urlencoded",  # curl --data-binary, unless it is told another one
            "image",
            "",
        ],
    )
    def test_a_photo_is_read_whatever_its_content_type(self, api: Api, content_type: str) -> None:
        assert products(api.search(photo("red"), content_type))[0] == "red"

    def test_a_photo_without_a_content_type_is_read(self, api: Api) -> None:
        body = base64.b64encode(photo("red")).decode()
        assert products(api.send(event("POST /api/search", body=body, isBase64Encoded=True)))[0] == "red"

    def test_a_text_body_is_taken_as_it_is(self, api: Api) -> None:
        request = event("POST /api/search", headers={"content-type": "image/svg+xml"}, body=photo("red").decode())

        assert products(api.send(request))[0] == "red"

    def test_results_are_fresh(self, api: Api) -> None:
        before = api.search(photo("new")).body["search"]["snapshot"]
        api.fill(put_row("images/new.jpg", photo("new")))

        answer = api.search(photo("new"))

        assert products(answer)[0] == "new"
        assert answer.body["search"]["snapshot"] != before


class TestParameters:
    @pytest.mark.parametrize("k", ["1", "100", "007"])
    def test_a_number_of_products(self, api: Api, k: str) -> None:
        assert api.search(photo("red"), k=k).body["search"]["k"] == int(k)

    @pytest.mark.parametrize("value", ["0", "101", "9" * 5000, "", "٥"])
    def test_what_is_no_such_number_is_refused_on_every_route_that_takes_one(self, api: Api, value: str) -> None:
        routes = [name for name, route in api.app.ROUTES.items() if "k" in {item.name for item in route.parameters}]
        assert routes
        for route in routes:
            answer = api.send(event(route, pathParameters={"product_id": "red"}, query={"k": value}))
            assert (answer.status, answer.problem) == (400, "bad-parameter")
            assert "1 to 100" in answer.body["detail"]

    @pytest.mark.parametrize("name", ["colour", "K", "\ud800", "<script>"])
    def test_unknown_parameters_are_refused_on_every_route(self, api: Api, name: str) -> None:
        for route in api.app.ROUTES:
            answer = api.send(event(route, pathParameters={"product_id": "red"}, query={name: "1"}))
            assert (answer.status, answer.problem) == (400, "bad-parameter"), route

    def test_a_refusal_lists_the_parameters_that_there_are(self, api: Api) -> None:
        refused = {"query": {"colour": "1"}}
        assert (
            "Known: k, offset, filter, max_distance, weights, distinct, crop, regions."
            in api.send(event("POST /api/search", **refused)).body["detail"]
        )
        assert "takes none" in api.get("/api/health", **refused).body["detail"]


class TestPhotosThatCannotBeSearchedWith:
    @pytest.mark.parametrize(
        ("body", "status", "problem"),
        [
            (b"", 415, "not-an-image"),
            (b"text", 415, "not-an-image"),
            (b"broken", 422, "undecodable-image"),
            (b"huge", 422, "too-many-pixels"),
        ],
    )
    def test_no_usable_image(self, api: Api, body: bytes, status: int, problem: str) -> None:
        answer = api.search(body)
        assert (answer.status, answer.problem) == (status, problem)

    def test_a_body_over_the_limit(self, api: Api) -> None:
        limit = 4 * 1024 * 1024

        assert api.search(b"x" * limit).status == 200
        answer = api.search(b"x" * (limit + 1))

        assert (answer.status, answer.problem) == (413, "body-too-large")
        assert api.embedder.batches == [1]

    @pytest.mark.parametrize(
        ("body", "content_type", "cause"),
        [
            (b"", "image/jpeg", "The body is empty"),
            (b"", "", "The body is empty"),
            ("Schöne Grüße".encode(), "image/jpeg", "The body is text"),
            (b'{"image": "aGk="}', "application/json", "The body is JSON"),
            (b"no text \xff\xfe\0", "image/jpeg", "not a photo in a format"),
            (b"data:image/png;base64,iVBORw0KGgoAAAA=", "text/plain", "The body is a data: URL"),
            (b"/9j/4AAQSkZJRgABAQ==", "image/jpeg", "The body is a photo in base64"),
            (b"iVBORw0KGgoAAAANSUhEUg==", "image/png", "The body is a photo in base64"),
            (b"\x1f\x8b\x08\0\0", "image/jpeg", "The body is compressed with gzip"),
            (b"image=%40photo.jpg", "application/x-www-form-urlencoded", "--data-binary @photo.jpg"),
            (b"\xff\xd8\xff\xe0 damaged", "application/x-www-form-urlencoded", "--data-binary @photo.jpg"),
            (b"--x\r\nContent-Disposition: form-data", "image/jpeg", "The body is a form"),
            (photo("red"), "multipart/mixed; boundary=x", "multipart/form-data"),
        ],
    )
    def test_a_refusal_names_the_cause(self, decoding_api: Api, body: bytes, content_type: str, cause: str) -> None:
        answer = decoding_api.search(body, content_type)

        assert answer.status == (422 if body.endswith(b"damaged") else 415)
        assert cause in answer.body["detail"]

    def test_a_photo_of_too_many_pixels_is_told_so_whatever_its_content_type(self, api: Api) -> None:
        assert api.search(b"huge", "application/x-www-form-urlencoded").problem == "too-many-pixels"
        assert "curl" not in api.search(b"huge", "application/x-www-form-urlencoded").body["detail"]

    def test_a_photo_that_was_sent_as_text_is_refused_with_the_cause(self, decoding_api: Api) -> None:
        """API Gateway passes a body of type text/* on as text, and replaces the bytes that are none."""
        body = b"\xff\xd8\xff\xe0 photo".decode(errors="replace")

        answer = decoding_api.send(event("POST /api/search", headers={"content-type": "text/plain"}, body=body))

        assert (answer.status, answer.problem) == (415, "not-an-image")
        assert "text/plain" in answer.body["detail"]
        assert "application/octet-stream" in answer.body["detail"]

    @pytest.mark.parametrize(
        ("content", "cause"),
        [
            (b"", "The field image is empty"),
            (b"Hello", "The field image is text"),
            (b"data:image/png;base64,iVBORw0KGgo=", "The field image is a data: URL"),
        ],
    )
    def test_a_field_that_is_no_photo_is_refused_with_the_cause(
        self, decoding_api: Api, content: bytes, cause: str
    ) -> None:
        body = b'--x\r\nContent-Disposition: form-data; name="image"; filename=""\r\n\r\n' + content + b"\r\n--x--"

        answer = decoding_api.search(body, "multipart/form-data; boundary=x")

        assert (answer.status, answer.problem) == (415, "not-an-image")
        assert cause in answer.body["detail"]

    @pytest.mark.parametrize("body", ["ab!=", "\ud800", "YQ==\n"])
    def test_bad_base64(self, api: Api, body: str) -> None:
        request = event("POST /api/search", headers={"content-type": "image/jpeg"}, body=body, isBase64Encoded=True)
        answer = api.send(request)
        assert (answer.status, answer.problem) == (400, "bad-parameter")

    @pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=é"])
    def test_a_form_that_cannot_be_read(self, api: Api, boundary: str) -> None:
        answer = api.search(photo("red"), f"multipart/form-data{boundary}")
        assert (answer.status, answer.problem) == (400, "bad-form")
        assert "boundary" in answer.body["detail"]

    def test_parameters_are_looked_at_before_the_photo(self, api: Api) -> None:
        assert api.search(b"text", k="0").problem == "bad-parameter"


class TestSimilar:
    def test_products_like_a_product(self, api: Api) -> None:
        answer = api.get("/api/products/{product_id}/similar", "1563", query={"k": "2"})

        assert answer.status == 200
        assert len(products(answer)) == 2
        assert "1563" not in products(answer)
        assert answer.body["search"]["query_photos"] == 2

    def test_an_event_as_the_distribution_passes_it_on(self, api: Api) -> None:
        answer = api.send(functions.event("http_similar"))

        assert [result["image_url"] for result in answer.body["results"]] == [
            f"/images/{product}.jpg" for product in products(answer)
        ]

    def test_a_product_of_many_photos_searches_with_some_and_says_so(self, api: Api) -> None:
        api.fill(*(put_row(f"images/many/{number}.jpg", photo("many", number)) for number in range(50)))

        search = api.get("/api/products/{product_id}/similar", "many").body["search"]

        assert 0 < search["query_photos"] < 50
        assert search["query_photos"] + search["query_photos_skipped"] == 50
        assert search["rows_scanned"] == search["photos"], "one scan for all of them"

    def test_an_id_that_no_product_has_is_not_told_of_photos(self, api: Api) -> None:
        answer = api.get("/api/products/{product_id}/similar", "nobody")
        assert (answer.status, answer.problem) == (404, "not-found")
        assert answer.body["detail"] == api.get("/api/products/{product_id}", "nobody").body["detail"]

    def test_a_product_of_rejected_photos(self, api: Api) -> None:
        answer = api.get("/api/products/{product_id}/similar", "broken")
        assert (answer.status, answer.problem) == (404, "not-found")
        assert "could be read" in answer.body["detail"]


class TestProduct:
    def test_metadata_and_photos(self, api: Api) -> None:
        answer = api.send(functions.event("http_product"))

        assert answer.body == {
            "product_id": "1563",
            "name": "Linen Shirt",
            "price": None,
            "currency": None,
            "link": None,
            "brand": None,
            "attributes": {"name": "Linen Shirt"},
            "photos_total": 3,
            "next_after": None,
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
        body = api.get("/api/products/{product_id}", "broken").body
        assert (body["attributes"], body["photos"][0]["reason"]["code"]) == ({}, "too-many-pixels")

    def test_metadata_is_that_of_all_searchable_photos_everywhere(self, api: Api) -> None:
        """Of each name the first value by key that is not empty, whichever photo is asked for or found."""
        api.fill(
            put_row("images/boot/1.jpg", photo("boot", 1), price="", colour="tan"),
            put_row("images/boot/2.jpg", photo("boot", 2), price="90", colour="brown"),
            reject_row("images/boot/0.jpg"),
        )
        api.fill(put_row("images/boot/3.jpg", photo("boot", 3), name="Boot", price="80"))
        expected = {"colour": "tan", "price": "90", "name": "Boot"}

        assert api.get("/api/products/{product_id}", "boot").body["attributes"] == expected
        searched = [api.search(photo("boot", view)) for view in (1, 2, 3)]
        for answer in (*searched, api.get("/api/products/{product_id}/similar", "red")):
            (found,) = (result for result in answer.body["results"] if result["product_id"] == "boot")
            assert found["attributes"] == expected

    def test_many_photos_come_page_by_page(self, api: Api) -> None:
        keys = [f"images/many/{number:03}.jpg" for number in range(250)]
        api.fill(*(put_row(key, photo("many")) for key in keys))

        pages, after = [], ""
        while after is not None:
            body = api.get("/api/products/{product_id}", "many", query={"after": after}).body
            assert (body["product_id"], body["photos_total"]) == ("many", 250)
            pages.append([item["image_key"] for item in body["photos"]])
            after = body["next_after"]

        assert sorted(key for page in pages for key in page) == keys
        assert [len(page) for page in pages] == [100, 100, 50]
        assert pages == [sorted(page) for page in pages]

    @pytest.mark.parametrize("product_id", ["a+b", "%41", "毛衣", "'\"<b>"])
    def test_ids_with_special_characters(self, api: Api, product_id: str) -> None:
        """API Gateway decodes the path; here an id is taken as it comes."""
        api.fill(put_row(f"images/{product_id}.jpg", photo(product_id)))

        assert api.get("/api/products/{product_id}", product_id).body["product_id"] == product_id
        assert api.get("/api/products/{product_id}/similar", product_id).status == 200
        assert products(api.search(photo(product_id)))[0] == product_id

    @pytest.mark.parametrize("stored_as", ["NFC", "NFD"])
    @pytest.mark.parametrize("asked_as", ["NFC", "NFD"])
    def test_an_id_with_accents_is_found_however_it_is_written(self, api: Api, stored_as: Form, asked_as: Form) -> None:
        """macOS writes names in NFD, people and other systems in NFC."""
        key = normalize(stored_as, "images/Jäckchen/vorn.jpg")
        api.fill(put_row(key, photo("jacket")))

        asked = normalize(asked_as, "Jäckchen")
        (shown,) = api.get("/api/products/{product_id}", asked).body["photos"]
        assert shown["image_key"] == key
        assert api.get("/api/products/{product_id}/similar", asked).status == 200

    @pytest.mark.parametrize("product_id", ["nobody", "", "\0", "\ud800", "x" * 100_000])
    @pytest.mark.parametrize("route", ["/api/products/{product_id}", "/api/products/{product_id}/similar"])
    def test_an_id_nobody_has(self, api: Api, route: str, product_id: str) -> None:
        answer = api.get(route, product_id)
        assert (answer.status, answer.problem) == (404, "not-found")

    def test_a_deleted_product_is_gone(self, api: Api) -> None:
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
            "index": None,
            "data": {
                "version": "0+0",
                "products": 0,
                "files": 0,
                "rejected_files": 0,
                "bad_rows": 0,
                "changed": None,
            },
            "model": {
                "name": "fake-model",
                "fingerprint": FINGERPRINT,
                "parts": [{"name": "shape", "dimensions": DIMENSIONS, "weight": 1.0}],
            },
        }

    def test_an_empty_store_is_healthy_and_says_so(self, empty_api: Api) -> None:
        answer = empty_api.get("/api/health")
        assert (answer.status, answer.body["status"], answer.body["photos"]) == (200, "empty", 0)


def test_a_kind_of_photo_that_is_not_read_is_named_whatever_the_content_type() -> None:
    module = functions.load("query", "query_photo")
    sent = module.QueryPhoto(b"II*\0\x08\0\0\0", "The body", "application/x-www-form-urlencoded", False)
    assert str(sent.refused(NotAnImage("CMYK with alpha is not read."))) == "CMYK with alpha is not read."


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
        api.store.put_if_absent(names.new_log_segment(b"what was written"), b"nonsense")
        answer = api.search(photo("red"))
        assert (answer.status, answer.problem) == (503, "store-unavailable")

    def test_damaged_reads_are_counted(self, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
        api.store.put_if_absent(names.new_log_segment(b""), b"nonsense")
        DAMAGED_READS.take()
        api.search(photo("red"))
        assert '"DamagedReads":[2.0]' in capsys.readouterr().out

    def test_what_is_wrong_with_us_is_raised(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(photo: Any, regions: Any) -> Any:
            raise ModelError("the model failed")

        monkeypatch.setattr(api.embedder, "embed_regions", fail)
        with pytest.raises(ModelError):
            api.search(photo("red"))


class TestImageAddresses:
    KEYS = (
        "images/blue shirt.jpg",
        "images/a+b#c.jpg",
        "images/a?b=c&d.jpg",
        "images/a%20b.jpg",
        "images/毛衣/背面.jpg",
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

    @pytest.mark.parametrize("value", ["0", "https://evil.example"])
    def test_the_header_has_one_value_that_counts(self, api: Api, value: str) -> None:
        answer = api.search(photo("red"), **{"x-lookalike-distribution": value})
        assert answer.body["results"][0]["image_url"].startswith("https://lookalike-catalogue.s3.")


class TestOtherPathsAndMethods:
    """API Gateway passes on by name what has a route, and everything else below /api/ by one route for each method."""

    @staticmethod
    def send(api: Api, method: str, path: str, **others: Any) -> Answer:
        http = {"method": method, "path": path}
        return api.send(event(f"{method} /api/{{proxy+}}", rawPath=path, requestContext={"http": http}, **others))

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/api/search", "POST"),
            ("POST", "/api/health", "GET, HEAD"),
            ("DELETE", "/api/products/1563", "GET, HEAD"),
            ("PUT", "/api/products/a b/similar", "GET, HEAD"),
        ],
    )
    def test_a_wrong_method_is_told_the_right_ones(self, api: Api, method: str, path: str, allowed: str) -> None:
        answer = self.send(api, method, path)
        assert (answer.status, answer.problem, answer.headers["allow"]) == (405, "method-not-allowed", allowed)
        assert allowed in answer.body["detail"]

    @pytest.mark.parametrize(
        ("path", "meant"),
        [
            ("/api/search/", "POST /api/search"),
            ("/api//search", "POST /api/search"),
            ("/api/products/1563/", "GET /api/products/1563"),
            ("/api/products//1563//similar", "GET /api/products/1563/similar"),
            ("/api/products//similar", "GET /api/products/similar"),
            ("/api/products//", "GET /api/products"),
        ],
    )
    def test_surplus_slashes_are_named(self, api: Api, path: str, meant: str) -> None:
        answer = self.send(api, "POST", path)
        assert (answer.status, answer.problem) == (404, "not-found")
        assert "slashes" in answer.body["detail"]
        assert meant in answer.body["detail"]

    @pytest.mark.parametrize("path", ["/api/nothing", "/api/", "/api/\ud800"])
    def test_a_path_that_is_not_there_is_told_where_the_list_is(self, api: Api, path: str) -> None:
        answer = self.send(api, "GET", path)
        assert (answer.status, answer.problem) == (404, "not-found")
        assert "GET /api/docs" in answer.body["detail"]
        assert len(self.send(api, "GET", "/api/" + "x" * 5000).body["detail"]) < 300

    @pytest.mark.parametrize(
        "path", ["/api/health", "/api/docs", "/api/openapi.json", "/api/products/1563", "/api/facets", "/api/rejected"]
    )
    def test_head_is_get_without_the_body(self, api: Api, path: str) -> None:
        answer = self.send(api, "HEAD", path)
        assert (answer.status, answer.body) == (200, "")
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize(
        ("path", "query", "status"),
        [
            ("/api/products/nobody", {}, 404),
            ("/api/products/broken/similar", {}, 404),
            ("/api/products/red/similar", {"k": "0"}, 400),
            ("/api/nothing", {}, 404),
            ("/api/search", {}, 405),
        ],
    )
    def test_head_has_the_status_of_get(self, api: Api, path: str, query: dict[str, str], status: int) -> None:
        answer = self.send(api, "HEAD", path, query=query)
        assert (answer.status, answer.body) == (status, "")


class TestTheRest:
    def test_answers_are_not_kept_by_anyone(self, api: Api) -> None:
        for answer in (api.search(photo("red")), api.search(b"text"), api.get("/api/health")):
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"

    def test_services_are_made_once_from_the_environment(self, api: Api) -> None:
        api.get("/api/health")
        api.search(photo("red"))

        *stores, options = api.made
        assert options == {"threads": 2, "max_pixels": 64_000_000}
        prefixes = [(f"{FINGERPRINT}/"), "products/"]
        assert stores[1::2] == [("lookalike-store", prefix) for prefix in prefixes for _ in range(2)], (
            "one that is patient, one that is not"
        )

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


# JSON can say things that UTF-8 cannot: halves of surrogate pairs are among what `text` draws here.
ANY_TEXT = st.text(st.characters(), max_size=30)
CONTENT_TYPES = st.sampled_from(["image/jpeg", "multipart/form-data; boundary=x", 'multipart/form-data; boundary="x'])
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
PARAMETERS = sorted({item.name for route in functions.load("query").ROUTES.values() for item in route.parameters})
EVENTS = st.fixed_dictionaries(
    {
        "routeKey": st.sampled_from(sorted(functions.load("query").ROUTES)) | ANY_TEXT,
        "rawPath": st.sampled_from(["/api/search", "/api//health", "/api/products/red/similar/"]) | ANY_TEXT,
        "requestContext": st.fixed_dictionaries(
            {"http": st.fixed_dictionaries({"method": st.sampled_from(["GET", "HEAD", "POST", "PUT"])})}
        ),
        "pathParameters": st.fixed_dictionaries({"product_id": ANY_TEXT | st.sampled_from(["red", "broken", "1563"])}),
    },
    optional={
        "headers": st.none()
        | st.dictionaries(
            st.sampled_from(["content-type", "x-lookalike-distribution", "accept"]),
            CONTENT_TYPES | ANY_TEXT | st.just("1"),
        ),
        "rawQueryString": st.none()
        | ANY_TEXT
        | st.lists(
            st.tuples(
                st.sampled_from(PARAMETERS) | ANY_TEXT, st.integers(-1, 101).map(str) | st.just("name:A red") | ANY_TEXT
            ),
            max_size=3,
        ).map(lambda pairs: urlencode(pairs, errors="surrogatepass")),
        "body": BODIES,
        "isBase64Encoded": st.booleans(),
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request_event=EVENTS)
def test_no_request_is_answered_with_an_error_of_ours(shared_api: Api, request_event: dict[str, Any]) -> None:
    answer = shared_api.send(request_event)

    assert answer.status in {200, 400, 404, 405, 413, 415, 422}


def test_answers_name_the_model(api: Api) -> None:
    assert api.search(photo("red")).body["search"]["model"] == FINGERPRINT
    assert api.get("/api/products/{product_id}/similar", "red").body["search"]["model"] == FINGERPRINT
