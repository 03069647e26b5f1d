"""GET /api/products: lists of products, page by page, as a sort of all product ids by their hashes gives them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.hashes import text_hash
from lookalike.search.filters import Filters
from lookalike.search.listing import Order, listed
from lookalike.search.view import ProductView
from tests.support.api import Api, query_function
from tests.support.catalogues import keys_of
from tests.support.fakes import data_file, photo, put_row, reject_row, snapshot_of
from tests.support.product_data import table_of
from tests.support.rows import quick

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

PRODUCTS = [str(number) for number in range(30)]
OUT_OF_STOCK = {"3", "4"}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    """Thirty products, twenty of them with data; product 0 with three photos, the first of which was refused."""
    rows = [put_row(f"images/{product}/front.jpg", photo(product), season="spring") for product in PRODUCTS]
    rows += [
        put_row("images/0/back.jpg", photo("0", 1)),
        reject_row("images/0/apart.jpg"),
        reject_row("images/torn.jpg"),
    ]
    api = query_function(monkeypatch, rows=rows)
    data = {
        product: {
            "name": f"Shirt {product}",
            "price": float(product),
            "availability": "out_of_stock" if product in OUT_OF_STOCK else "in_stock",
        }
        for product in PRODUCTS[:20]
    }
    api.put_data(data_file("products/feed.csv", {**data, "unseen": {"name": "Not photographed", "price": 5.0}}))
    return api


def by_hash(products: set[str]) -> list[str]:
    return sorted(products, key=text_hash)


def pages(api: Api, k: int, *query: tuple[str, str]) -> Iterator[dict[str, Any]]:
    offset = 0
    while offset is not None:
        answer = api.get("/api/products", query=[("k", str(k)), ("offset", str(offset)), *query])
        assert answer.status == 200
        yield answer.body
        offset = answer.body["next_offset"]


def ids(body: dict[str, Any]) -> list[str]:
    return [product["product_id"] for product in body["products"]]


def test_all_products_with_a_searchable_photo_that_are_in_stock_are_listed_once(api: Api) -> None:
    found = list(pages(api, 7))
    assert [product for body in found for product in ids(body)] == by_hash(set(PRODUCTS) - OUT_OF_STOCK)
    assert [body["total"] for body in found] == [28] * 4


def test_filters_hold_and_availability_may_be_asked_for(api: Api) -> None:
    (body,) = pages(api, 100, ("filter", "price:..6"))
    assert ids(body) == by_hash({"0", "1", "2", "5", "6"})
    (body,) = pages(api, 100, ("filter", "availability:out_of_stock"))
    assert (ids(body), body["total"]) == (by_hash(OUT_OF_STOCK), 2)


def test_a_product_has_its_data_and_its_first_searchable_photo(api: Api) -> None:
    (body,) = pages(api, 100, ("filter", "price:0"))
    (product,) = body["products"]
    assert (product["name"], product["price"], product["brand"]) == ("Shirt 0", 0, None)
    assert product["image_key"] == "images/0/back.jpg"
    assert "images/0/back.jpg" in product["image_url"]
    assert product["attributes"]["season"] == "spring"


def test_a_replaced_photo_does_not_move_a_product(api: Api) -> None:
    (before,) = pages(api, 100)
    api.fill(put_row("images/7/front.jpg", photo("another look"), time_ms=2, season="autumn"))
    (after,) = pages(api, 100)
    assert ids(before) == ids(after)


def test_the_newest_are_first_where_they_are_asked_for(api: Api) -> None:
    api.fill(
        put_row("images/7/back.jpg", photo("another side"), time_ms=5),
        put_row("images/9/front.jpg", photo("new"), time_ms=9),
    )
    found = list(pages(api, 7, ("order", "newest")))
    older = by_hash(set(PRODUCTS) - OUT_OF_STOCK - {"7", "9"})
    assert [product for body in found for product in ids(body)] == ["9", "7", *older]


def test_beyond_the_end_there_is_an_empty_page(api: Api) -> None:
    body = api.get("/api/products", query={"offset": "28"}).body
    assert body == {"products": [], "total": 28, "next_offset": None}


def test_an_empty_catalogue_has_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    body = query_function(monkeypatch).get("/api/products").body
    assert body == {"products": [], "total": 0, "next_offset": None}


@pytest.mark.parametrize(
    "query",
    [{"k": "0"}, {"k": "101"}, {"offset": "-1"}, {"filter": "smell:sweet"}, {"after": "x"}, {"order": "oldest"}],
)
def test_what_cannot_be_asked_is_refused(api: Api, query: dict[str, str]) -> None:
    assert api.get("/api/products", query=query).status == 400


@quick
@given(
    photos=st.lists(st.integers(0, 12).map(str), max_size=40),
    prices=st.dictionaries(st.integers(0, 15).map(str), st.integers(0, 3).map(float)),
    shards=st.integers(1, 3),
    dead=st.integers(0, 10),
    filters=st.sampled_from([(), ("price:1..2",)]),
    offset=st.integers(0, 8),
    k=st.integers(1, 8),
)  # fmt: skip
def test_a_page_is_that_of_a_sorted_list(photos, prices, shards, dead, filters, offset, k) -> None:  # type: ignore[no-untyped-def]
    keys, dead = keys_of(len(photos)), min(dead, len(photos))
    vectors = np.ones((len(photos), 4), np.float32)
    snapshot = snapshot_of(vectors, keys, photos, shards=shards, superseded=dead)
    view = ProductView.of(snapshot, table_of({product: {"price": price} for product, price in prices.items()}))
    if filters and not prices:
        return  # there is no such attribute
    mask = view.mask(Filters.parse(filters))
    live = list(zip(photos, keys, strict=True))[: len(photos) - dead]
    wanted = by_hash({product for product, _ in live if not filters or 1 <= prices.get(product, 0) <= 2})

    found = listed(view, mask, offset=offset, k=k)

    assert [product.product_id for product in found] == wanted[offset : offset + k]
    for product in found:
        assert product.key == min(key for owner, key in live if owner == product.product_id)
        assert product.metadata == {"key": product.key}


@quick
@given(
    photos=st.lists(st.tuples(st.integers(0, 9).map(str), st.integers(0, 5)), max_size=40),
    shards=st.integers(1, 3),
    dead=st.integers(0, 10),
    offset=st.integers(0, 8),
    k=st.integers(1, 8),
)
def test_the_newest_are_those_whose_newest_live_photo_was_put_last(photos, shards, dead, offset, k) -> None:  # type: ignore[no-untyped-def]
    keys, dead = keys_of(len(photos)), min(dead, len(photos))
    products, times_ms = [product for product, _ in photos], [time_ms for _, time_ms in photos]
    vectors = np.ones((len(photos), 4), np.float32)
    snapshot = snapshot_of(vectors, keys, products, shards=shards, superseded=dead, times_ms=times_ms)
    put_last = dict(sorted(photos[: len(photos) - dead], key=lambda photo: photo[1]))  # the last of equal keys stays

    found = listed(ProductView.of(snapshot), None, offset=offset, k=k, order=Order.NEWEST)

    wanted = sorted(put_last, key=lambda product: (-put_last[product], text_hash(product)))
    assert [product.product_id for product in found] == wanted[offset : offset + k]
