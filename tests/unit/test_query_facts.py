"""What an answer says of a product: the attributes that it names by themselves, and all of them."""

import json
from typing import Any

import pytest

from tests.support import functions

facts = functions.load("query", "facts").facts
UNKNOWN = {"name": None, "price": None, "currency": None, "link": None, "brand": None}


def test_nothing_is_known_of_a_product_without_data_and_metadata() -> None:
    assert facts({}, {}) == {**UNKNOWN, "attributes": {}}


def test_the_data_is_first_and_metadata_says_the_rest() -> None:
    data = {"name": "Linen Shirt", "price": 19.5, "currency": "EUR", "articleType": "Shirts", "tags": ("linen", "new")}
    known = facts(data, {"name": "shirt", "article-type": "Thing", "colour": "blue"})

    assert known["attributes"] == {
        "name": "Linen Shirt",
        "price": 19.5,
        "currency": "EUR",
        "articleType": "Shirts",
        "tags": ["linen", "new"],
        "colour": "blue",
    }
    assert list(known["attributes"])[-1] == "colour"
    assert (known["name"], known["price"], known["currency"], known["brand"]) == ("Linen Shirt", 19.5, "EUR", None)


@pytest.mark.parametrize("name", ["brand", "Brand", "BRAND", "_brand"])
def test_a_name_is_found_however_it_is_written(name: str) -> None:
    assert facts({name: "Acme"}, {})["brand"] == "Acme"


@pytest.mark.parametrize(
    ("price", "told"), [(19.0, 19), (19.99, 19.99), ("19.99", 19.99), ("90", 90), ("from 9", None), ("", None), ("9" * 99, None)]
)  # fmt: skip
def test_a_price_is_a_number_or_unknown(price: Any, told: float | None) -> None:
    assert facts({"price": price}, {})["price"] == told


@pytest.mark.parametrize("link", ["https://shop.example/1563", "http://shop.example", "HTTPS://SHOP.EXAMPLE/?a=b#c"])
def test_a_link_is_an_address_of_the_web(link: str) -> None:
    assert facts({"link": link}, {})["link"] == link


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", " https://x", "data:text/html,x", "/1563", "//x", "https://a b", ""]
)
def test_what_a_page_should_make_no_link_of_is_an_attribute_only(link: str) -> None:
    known = facts({}, {"link": link})
    assert known["link"] is None
    assert known["attributes"] == {"link": link}


@pytest.mark.parametrize(("name", "told"), [(("Shirt", "Linen"), "Shirt, Linen"), (2011.0, "2011"), ("", None)])
def test_a_name_is_text(name: Any, told: str | None) -> None:
    assert facts({"name": name}, {})["name"] == told


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_json_does_not_have_is_unknown(number: float) -> None:
    known = facts({"price": number, "size": number}, {})
    assert known == {**UNKNOWN, "attributes": {}}
    json.dumps(known, allow_nan=False)
