"""Tables of product data: names of attributes, what a builder refuses, rows by hash, and the price to pay at a time."""

import numpy as np
import pytest

from lookalike.hashes import text_hash
from lookalike.store import table_file
from lookalike.tables.builder import TableBuilder
from lookalike.tables.columns import decimal
from lookalike.tables.merge import merge
from lookalike.tables.names import comparable, spelling
from lookalike.tables.offers import with_offers
from lookalike.tables.table import EMPTY, MISSING, Kind, Value
from lookalike.tables.texts import Texts
from tests.support.tables import built


@pytest.mark.parametrize("other", ["article_type", "Article Type", "ARTICLE-TYPE", " articletype\t", "article__type"])
def test_spellings_of_an_attribute_are_one(other: str) -> None:
    assert comparable("articleType") == comparable(other)


@pytest.mark.parametrize(("one", "other"), [("Größe", "GRÖSSE"), ("é", "e\u0301"), ("Straße", "strasse")])
def test_names_are_compared_without_case_in_any_language(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(("one", "other"), [("price", "sale_price"), ("size", "size2"), ("e", "é"), ("_", "-")])
def test_other_names_are_other_attributes(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_a_table_spells_an_attribute_as_its_first_file_does() -> None:
    table = merge([built([("1", {"articleType": "Shirts"})]), built([("1", {"Article Type": "Tops", "b": "x"})])])
    assert list(table.columns) == ["articleType", "b"]
    assert spelling(table.columns, "ARTICLE_TYPE") == "articleType"
    assert spelling(table.columns, "c") is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 10**400, "\ud800", ("fine", "\udfff")])
def test_a_product_with_a_value_that_no_table_can_have_is_refused_as_a_whole(bad: Value) -> None:
    builder = TableBuilder()
    builder.add("1", {"name": "Shirt"})
    with pytest.raises(ValueError, match=r".+"):
        builder.add("2", {"name": "Trousers", "other": bad})
    table = builder.build()
    assert list(table.ids) == ["1"]
    assert list(table.columns) == ["name"]


def test_a_name_that_cannot_be_stored_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        TableBuilder().add("1", {"\ud800": "x"})


def test_a_builder_begins_anew_after_it_has_built() -> None:
    builder = TableBuilder()
    builder.add("1", {"name": "Shirt"})
    assert len(builder) == 1
    builder.build()
    assert len(builder) == 0
    builder.add("2", {"price": 5.0})
    table = builder.build()
    assert list(table.ids) == ["2"]
    assert table.values(0) == {"price": 5.0}


def test_a_product_without_values_is_a_product() -> None:
    table = built([("1", {"tags": ()}), ("2", {})])
    assert sorted(table.ids) == ["1", "2"]
    assert table.columns == {}


def test_merging_nothing_gives_no_products() -> None:
    assert merge([]) is EMPTY
    assert len(merge([EMPTY, EMPTY])) == 0
    decoded, metadata = table_file.decode(table_file.encode(EMPTY, {}))
    assert (len(decoded), dict(decoded.columns), metadata) == (0, {}, {})


def test_rows_are_found_by_hash() -> None:
    table = built([(str(number), {}) for number in range(100)])
    sought = ["7", "unknown", "99"]
    rows = table.rows_of(np.array([text_hash(one) for one in sought], "S16"))
    assert [table.ids[row] if row != MISSING else "unknown" for row in rows.tolist()] == sought
    assert EMPTY.rows_of(table.hashes).tolist() == [MISSING] * 100
    assert len(table.rows_of(EMPTY.hashes)) == 0


def test_a_text_outside_of_texts_is_an_error() -> None:
    for place in (-1, 2):
        with pytest.raises(IndexError):
            Texts.of(["a", "b"])[place]


@pytest.mark.parametrize(
    ("number", "text"), [(5.0, "5"), (19.9, "19.9"), (0.00001, "0.00001"), (1e21, "1" + "0" * 21), (-1.5, "-1.5")]
)
def test_numbers_become_the_shortest_decimal_text(number: float, text: str) -> None:
    assert decimal(number) == text


def test_a_table_of_thousands_of_long_and_short_texts_is_stored_and_merged() -> None:
    def name(number: int) -> str:
        return f"Name of {number} " + "wörd " * (number % 50 if number % 1000 else 60_000)

    count = 30_000
    table = built([(str(number), {"name": name(number), "size": float(number % 7)}) for number in range(count)])
    more = built([(str(number), {"name": name(number + 5)}) for number in range(count - 10, count + 10)])
    decoded, _ = table_file.decode(table_file.encode(merge([table, more]), {}))
    rows = decoded.rows_of(np.array([text_hash(str(number)) for number in range(count + 10)], "S16"))
    for number in (0, 1, 1000, 29_989, 29_990, 29_999, 30_009):
        changed = number >= count - 10
        assert decoded.values(int(rows[number]), ["name"]) == {"name": name(number + 5 if changed else number)}
    assert decoded.columns["size"].kind is Kind.NUMBER
    assert "size" not in decoded.values(int(rows[30_009]))


# --- offers ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "now", "until"),
    [
        ({"price": 10.0, "sale_price": 8.0}, {"price": 8.0, "regular_price": 10.0}, None),
        ({"price": 10.0, "sale_price": 10.0}, {"price": 10.0}, None),
        ({"price": 10.0, "sale_price": 12.0, "sale_ends": 200.0}, {"price": 10.0}, None),
        ({"sale_price": 8.0}, {"price": 8.0}, None),
        ({"price": 10.0}, {"price": 10.0}, None),
        ({"price": 10.0, "sale_price": 8.0, "sale_starts": 101.0}, {"price": 10.0}, 101),
        ({"price": 10.0, "sale_price": 8.0, "sale_starts": 100.0}, {"price": 8.0, "regular_price": 10.0}, None),
        ({"price": 10.0, "sale_price": 8.0, "sale_ends": 100.0}, {"price": 8.0, "regular_price": 10.0}, 101),
        ({"price": 10.0, "sale_price": 8.0, "sale_ends": 99.0}, {"price": 10.0}, None),
        ({"price": 10.0, "sale_price": 8.0, "sale_starts": 120.0, "sale_ends": 110.0}, {"price": 10.0}, None),
        ({"price": 9.0, "sale_price": 8.0, "regular_price": 11.0}, {"price": 8.0, "regular_price": 9.0}, None),
        ({"price": 9.0, "regular_price": "was 11"}, {"price": 9.0, "regular_price": "was 11"}, None),
        ({"price": "on request", "sale_price": 8.0}, {"price": "on request"}, None),
    ],
)
def test_the_price_to_pay_at_a_time(values: dict[str, Value], now: dict[str, Value], until: int | None) -> None:
    table = built([("1", values)])
    offered, until_ms = with_offers(table, 100)
    assert offered.values(0, ["price", "regular_price"]) == now
    assert until_ms == until
    assert table.values(0) == values


def test_the_former_price_stands_beside_the_price() -> None:
    table = built([("1", {"name": "Shirt", "Price": 10.0, "Sale Price": 8.0, "brand": "B"}), ("2", {"Price": 5.0})])
    offered, _ = with_offers(table, 0)
    assert list(offered.columns) == ["name", "Price", "regular_price", "Sale Price", "brand"]
    row = int(offered.rows_of(np.array([text_hash("2")], "S16"))[0])
    assert offered.values(row) == {"Price": 5.0}


def test_nothing_on_sale_leaves_the_table_as_it_is() -> None:
    table = built([("1", {"price": 10.0, "sale_price": 12.0})])
    assert with_offers(table, 0) == (table, None)
