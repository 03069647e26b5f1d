"""What the HTTP API says of products that are not searchable yet, of what was refused, and of the product data as a whole."""

from typing import Any

import pytest

from lookalike.feeds.reports import BadRow
from lookalike.store.records import Op
from tests.support import functions
from tests.support.api import Answer, Api, query_function
from tests.support.fakes import data_file, deleted_file, photo, put_row, refused_file, reject_row

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")
PRODUCT = "/api/products/{product_id}"
SIMILAR = "/api/products/{product_id}/similar"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return query_function(monkeypatch, rows=[put_row("images/red.jpg", photo("red")), reject_row("images/torn.jpg")])


class TestPending:
    @pytest.mark.parametrize("route", [PRODUCT, SIMILAR])
    def test_a_photo_that_is_in_the_bucket_only_is_pending(self, api: Api, route: str) -> None:
        api.bucket.keys.add("images/1563.jpg")
        answer = api.get(route, "1563")
        assert (answer.status, answer.problem) == (404, "product-pending")
        assert int(answer.headers["retry-after"]) > 0
        assert "'1563'" in answer.body["detail"]
        assert api.bucket.asked == ["images/1563.jpg"], "one request"

    @pytest.mark.parametrize("route", [PRODUCT, SIMILAR])
    def test_a_product_without_a_photo_in_the_bucket_is_unknown(self, api: Api, route: str) -> None:
        answer = api.get(route, "1563")
        assert (answer.status, answer.problem) == (404, "not-found")
        assert "retry-after" not in answer.headers
        assert api.bucket.asked == ["images/1563.jpg"]

    @pytest.mark.parametrize("route", [PRODUCT, SIMILAR])
    def test_where_s3_does_not_say_the_product_is_unknown(self, api: Api, route: str) -> None:
        api.bucket.is_down = True
        answer = api.get(route, "1563")
        assert (answer.status, answer.problem) == (404, "not-found")
        assert "secret-bucket" not in str(answer.body)

    @pytest.mark.parametrize("product_id", ["", "a/b", "/", "a/", "x" * 1100, "ü" * 600, "a\0b", "images/"])
    def test_an_id_that_no_such_key_has_asks_nothing(self, api: Api, product_id: str) -> None:
        assert api.get(PRODUCT, product_id).problem == "not-found"
        assert api.bucket.asked == []

    @pytest.mark.parametrize("product_id", ["a+b", "%41", "毛衣", "a b", "1563.v2", ".hidden", "..", "ü" * 400])
    def test_any_id_of_such_a_key_is_asked_for(self, api: Api, product_id: str) -> None:
        api.bucket.keys.add(f"images/{product_id}.jpg")
        assert api.get(PRODUCT, product_id).problem == "product-pending"

    def test_a_product_that_the_store_has_asks_nothing(self, api: Api) -> None:
        api.put_data(data_file("products/feed.csv", {"bare": {"name": "Bare"}}))
        assert [api.get(PRODUCT, product).status for product in ("red", "torn", "bare")] == [200] * 3
        assert [api.get(SIMILAR, product).status for product in ("red", "torn")] == [200, 404]
        assert api.bucket.asked == []

    def test_neighbours_of_a_product_with_data_whose_photo_is_pending(self, api: Api) -> None:
        api.put_data(data_file("products/feed.csv", {"bare": {"name": "Bare"}}))
        assert api.get(SIMILAR, "bare").problem == "not-found"
        api.bucket.keys.add("images/bare.jpg")
        assert api.get(SIMILAR, "bare").problem == "product-pending"

    def test_once_it_is_searchable_it_is_no_longer_pending(self, api: Api) -> None:
        api.bucket.keys.add("images/1563.jpg")
        assert api.get(PRODUCT, "1563").problem == "product-pending"
        api.fill(put_row("images/1563.jpg", photo("shirt")))
        assert api.get(PRODUCT, "1563").status == 200


def bad_rows(count: int) -> list[BadRow]:
    return [
        BadRow(2 + row, f"p{row}" if row % 2 else "", "bad-price", f"price: row {row} has none.")
        for row in range(count)
    ]


def pages(api: Api) -> list[Answer]:
    """All pages, as a client follows them."""
    found = [api.get("/api/rejected")]
    while (after := found[-1].body["next_after"]) is not None:
        found.append(api.get("/api/rejected", query={"after": after}))
    return found


def listed(api: Api) -> list[dict[str, Any]]:
    return [refusal for page in pages(api) for refusal in page.body["rejected"]]


class TestRejected:
    def test_photos_files_and_rows_with_their_reasons(self, api: Api) -> None:
        api.put_data(
            data_file(
                "products/b.csv", {"red": {"price": 1.0}}, bad=[BadRow(3, "blue", "bad-price", "price: 'x' is none.")]
            )
        )
        api.put_data(refused_file("products/a.txt"))
        body = api.send(functions.event("http_rejected")).body
        assert body == {
            "total": 3,
            "unlisted": 0,
            "rejected": [
                {
                    "key": "products/a.txt",
                    "product_id": None,
                    "line": None,
                    "code": "no-header",
                    "detail": "The file cannot be used.",
                },
                {
                    "key": "products/b.csv",
                    "product_id": "blue",
                    "line": 3,
                    "code": "bad-price",
                    "detail": "price: 'x' is none.",
                },
                {
                    "key": "images/torn.jpg",
                    "product_id": "torn",
                    "line": None,
                    "code": "undecodable-image",
                    "detail": "The photo cannot be used.",
                },
            ],
            "next_after": None,
        }

    def test_nothing_was_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        body = query_function(monkeypatch).get("/api/rejected").body
        assert body == {"total": 0, "unlisted": 0, "rejected": [], "next_after": None}

    @pytest.mark.parametrize(
        ("photos", "rows"), [(0, 99), (0, 100), (0, 101), (1, 100), (99, 1), (100, 0), (101, 100), (230, 250)]
    )
    def test_every_refusal_is_on_one_page(self, monkeypatch: pytest.MonkeyPatch, photos: int, rows: int) -> None:
        api = query_function(monkeypatch, rows=[put_row("images/red.jpg", photo("red"))])
        if photos:
            api.fill(*(reject_row(f"images/torn {number}.jpg") for number in range(photos)))
        if rows:
            api.put_data(data_file("products/a:1.csv", {"red": {}}, bad=bad_rows(rows // 2)))
            api.put_data(data_file("products/b.csv", {"red": {}}, bad=bad_rows(rows - rows // 2)))
        found = pages(api)
        assert [len(page.body["rejected"]) for page in found[:-1]] == [100] * (len(found) - 1)
        assert {page.body["total"] for page in found} == {photos + rows}
        every = [tuple(refusal.values()) for refusal in listed(api)]
        assert len(set(every)) == len(every) == photos + rows
        assert [key.partition("/")[0] for key, *_ in every] == ["products"] * rows + ["images"] * photos
        assert every == [tuple(refusal.values()) for refusal in listed(api)], "in the same order again"

    def test_rows_that_are_not_kept_are_counted(self, api: Api) -> None:
        api.put_data(data_file("products/a.csv", {"red": {}}, bad=bad_rows(3), bad_total=5000))
        body = api.get("/api/rejected").body
        assert (body["total"], body["unlisted"], len(body["rejected"])) == (5001, 4997, 4)

    def test_a_file_that_was_mended_or_deleted_is_not_listed(self, api: Api) -> None:
        api.put_data(data_file("products/a.csv", {"red": {}}, bad=bad_rows(3)), refused_file("products/b.csv"))
        api.put_data(data_file("products/a.csv", {"red": {}}, time_ms=2), deleted_file("products/b.csv", time_ms=2))
        assert [refusal["key"] for refusal in listed(api)] == ["images/torn.jpg"]

    @pytest.mark.parametrize(
        "after", ["x", "products/", "products/a.csv:", "products/a.csv:x", "products/a.csv:-1", "\ud800", ":9"]
    )
    def test_any_place_is_a_place(self, api: Api, after: str) -> None:
        api.put_data(data_file("products/a.csv", {"red": {}}, bad=bad_rows(3)))
        assert api.get("/api/rejected", query={"after": after}).status == 200

    def test_a_place_in_a_file_that_is_gone_goes_on_after_it(self, api: Api) -> None:
        api.put_data(data_file("products/c.csv", {"red": {}}, bad=bad_rows(1)))
        body = api.get("/api/rejected", query={"after": "products/b.csv:7"}).body
        assert [refusal["key"] for refusal in body["rejected"]] == ["products/c.csv", "images/torn.jpg"]

    def test_a_page_reads_the_names_of_its_own_photos_only(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        api.fill(*(reject_row(f"images/torn {number}.jpg") for number in range(500)))
        api.get("/api/rejected")
        read: list[int] = []
        segment = type(api.app._services().catalogue().view.snapshot.shards[-1].segment)
        true_photo = segment.photo
        monkeypatch.setattr(segment, "photo", lambda self, row: read.append(row) or true_photo(self, row))
        assert len(api.get("/api/rejected").body["rejected"]) == 100
        assert len(read) == 100


class TestHealth:
    def test_the_product_data_is_summed_up(self, api: Api) -> None:
        api.put_data(
            data_file("products/a.csv", {"red": {"price": 1.0}, "x": {}}, bad=bad_rows(3), bad_total=7, time_ms=1_772_446_530_000),
            data_file("products/b.csv", {"red": {"price": 2.0}, "y": {}}, time_ms=1_772_446_590_000),
            refused_file("products/c.csv", time_ms=1_772_446_531_000),
            data_file("products/d.csv", {"z": {}}),
            deleted_file("products/d.csv", time_ms=1_772_446_599_000),
        )  # fmt: skip
        data = api.get("/api/health").body["data"]
        assert data.pop("version")
        assert data == {
            "products": 3,
            "files": 3,
            "rejected_files": 1,
            "bad_rows": 7,
            "changed": "2026-03-02T10:16:30Z",
        }

    def test_the_files_of_the_store_are_those_that_are_not_deleted(self, api: Api) -> None:
        api.put_data(data_file("products/d.csv", {"z": {}}), deleted_file("products/d.csv", time_ms=2))
        assert all(file.op is not Op.DELETE for file in api.app._services().catalogue().data.files)
