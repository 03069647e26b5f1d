"""JSON lines of product data: what becomes of each kind of value, and of lines that are none."""

import json
from typing import Any

from tests.support.feeds import products, read


def values_of(**values: Any) -> dict[str, Any]:
    return products(read(json.dumps({"id": "1", **values}), "x.jsonl"))["1"]


def test_values() -> None:
    assert values_of(name="Shirt", size="M", year=2026, weight=0.5, new=True, gone=False, nothing=None) == {
        "name": "Shirt",
        "size": "M",
        "year": 2026.0,
        "weight": 0.5,
        "new": "true",
        "gone": "false",
    }


def test_arrays_are_lists_and_inner_objects_have_names_with_full_stops() -> None:
    assert values_of(sizes=["S", "M", "S", None, ""], fit={"waist": 30, "of": {"leg": [1, 2]}}, empty=[], none={}) == {
        "sizes": ("S", "M"),
        "fit.waist": 30.0,
        "fit.of.leg": ("1", "2"),
    }


def test_prices_may_be_objects_as_google_has_them() -> None:
    feed = read(
        '{"offerId": "a", "id": "1", "title": "Hat", "price": {"value": "15.00", "currency": "USD"}, "salePrice": {"amount": 12, '
        '"currencyCode": "USD"}, "salePriceEffectiveDate": "2026-01-01T00:00Z/2026-01-02T00:00Z", "imageLink": "https://a.example/1", '
        '"additionalImageLinks": ["https://a.example/2", "https://a.example/3"], "availability": "in stock"}\n',
        "x.jsonl",
    )
    (values,) = products(feed).values()
    assert (values["price"], values["currency"], values["sale_price"]) == (15.0, "USD", 12.0)
    assert values["sale_ends"] - values["sale_starts"] == 24 * 60 * 60 * 1000
    assert values["additional_image_link"] == ("https://a.example/2", "https://a.example/3")


def test_numbers_are_ids_and_prices() -> None:
    feed = read('{"sku": 12345678901234567890, "price": 19.9, "stock": 3, "tags": [1, 2]}\n', "x.jsonl")
    assert products(feed) == {
        "12345678901234567890": {"price": 19.9, "stock": 3.0, "availability": "in_stock", "tags": ("1", "2")}
    }


def test_lines_that_are_no_objects_are_bad_and_the_others_are_read() -> None:
    feed = read(
        '{"id": 1}\n[1, 2]\n"text"\n\n{"id": 2, "name": "b"\n{"name": "c"}\n{"id": ""}\n{"id": null}\n{"id": ["x", "y"]}\nnull\n{"id": 3}',
        "x.jsonl",
    )
    assert [(bad.line, bad.code) for bad in feed.bad] == [
        (2, "not-an-object"),
        (3, "not-an-object"),
        (5, "not-json"),
        (6, "no-id"),
        (7, "no-id"),
        (8, "no-id"),
        (9, "no-id"),
        (10, "not-an-object"),
    ]
    assert sorted(feed.table.ids) == ["1", "3"]
    assert (feed.rows, feed.bad_rows, feed.blank) == (2, 8, 1)


def test_numbers_that_are_none_and_numbers_without_end() -> None:
    line = '{"id": 1, "a": NaN, "b": Infinity, "c": 1e400, "d": 1e3, "e": ' + "9" * 5000 + ', "f": -0.5}\n'
    (values,) = products(read(line, "x.jsonl")).values()
    assert values == {"c": "1e400", "d": 1000.0, "e": "9" * 5000, "f": -0.5}


def test_of_keys_that_come_twice_the_last_counts() -> None:
    assert products(read('{"id": 1, "name": "a", "name": "b"}\n', "x.jsonl")) == {"1": {"name": "b"}}


def test_objects_need_not_have_the_same_keys() -> None:
    lines = [f'{{"id": {number}, "a": "x"}}' for number in range(500)]
    feed = read("\n".join([*lines, '{"id": 500, "late": "y", "A_": "z"}']), "x.jsonl")
    assert products(feed)["500"] == {"late": "y", "a": "z"}
    assert feed.fields["late"] == "late"


def test_objects_of_ever_new_keys_do_not_fill_the_memory() -> None:
    feed = read("\n".join(f'{{"id": {number}, "k{number}": 1}}' for number in range(2000)), "x.jsonl")
    assert feed.rows == 2000
    assert len(feed.table.columns) <= 500


def test_nesting_without_end_is_one_bad_line() -> None:
    feed = read('{"id": 1, "a": ' + "[" * 100_000 + '\n{"id": 2}\n', "x.jsonl")
    assert [(bad.line, bad.code) for bad in feed.bad] == [(1, "not-json")]
    assert list(feed.table.ids) == ["2"]


def test_lists_of_objects_are_left_out_and_told() -> None:
    feed = read('{"id": 1, "variants": [{"size": "S"}], "sizes": ["S", ["M"]]}\n', "x.jsonl")
    assert products(feed) == {"1": {"sizes": ("S",)}}
    assert any("lists of objects" in remark for remark in feed.remarks)


def test_a_list_where_a_product_has_one_value() -> None:
    feed = read(
        '{"id": 1, "name": ["a", "b"], "brand": ["c"], "colour": ["red", "blue"], "price": [1, 2]}\n', "x.jsonl"
    )
    assert products(feed) == {"1": {"brand": "c", "colour": ("red", "blue")}}
    assert sorted(bad.detail.split(":")[0] for bad in feed.bad) == ["name", "price"]


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    assert products(read('{"id": 1, "name": "a\\ud800b", "\\udc00": "c"}\n', "x.jsonl")) == {
        "1": {"name": "a�b", "�": "c"}
    }


def test_json_lines_are_known_by_their_first_sign_or_the_files_name() -> None:
    assert products(read('\n {"id": 1}\n', "x.csv")) == {"1": {}}
    feed = read('oops\n{"id": 1}\n', "X.JSONL")
    assert [bad.line for bad in feed.bad] == [1]
    assert list(feed.table.ids) == ["1"]


def test_a_key_that_comes_late_is_known_by_its_name() -> None:
    lines = [f'{{"id": {number}, "price": "5 EUR"}}' for number in range(300)]
    feed = read("\n".join([*lines, '{"id": 300, "price": "5 EUR", "sale price": "4 EUR", "Title": "Hat"}']), "x.jsonl")
    assert products(feed)["300"] == {"name": "Hat", "price": 5.0, "currency": "EUR", "sale_price": 4.0}


def test_a_line_without_end_is_bad() -> None:
    feed = read('{"id": 1, "name": "' + "x" * 2_000_000 + '"}\n{"id": 2}\n', "x.jsonl")
    assert [(bad.line, bad.code) for bad in feed.bad] == [(1, "too-long")]
    assert list(feed.table.ids) == ["2"]
