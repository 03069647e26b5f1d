"""Filters: their grammar, and which products pass, as a loop over dicts says."""

import math
import time
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import BadFilter, LookalikeError, UnknownAttribute
from lookalike.search.filters import Condition, Filters, Range
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import EMPTY, Table, Value
from tests.support.rows import quick

TEXTS = [
    "red",
    "Red",
    "é",
    "é".encode().decode() + "é",
    "a,b",
    'say "hi"',
    "1..2",
    "..",
    "10",
    "a:b",
    "日本",
    "x" * 40,
    " mug ",
]
KINDS = {"price": "number", "Article Type": "text", "tags": "list", "größe": "text"}
SPELLINGS = {
    "price": ["price", "PRICE", "pri_ce"],
    "Article Type": ["articleType", "article_type", " Article-Type "],
    "tags": ["tags", "Tags"],
    "größe": ["größe", "GRÖSSE", unicodedata.normalize("NFD", "größe")],
}


@dataclass(frozen=True)
class Wanted:
    """A filter: its attribute, and texts, numbers, or pairs of ends of which one may be None."""

    attribute: str
    values: Sequence[str | float | tuple[float | None, float | None]]

    def passes(self, product: Mapping[str, Value]) -> bool:
        has = product.get(self.attribute)
        return has is not None and any(self._matches(value, has) for value in self.values)

    def _matches(self, wanted: object, has: Value) -> bool:
        if isinstance(wanted, tuple):
            least, most = wanted
            assert isinstance(has, float)
            return (least is None or least <= has) and (most is None or has <= most)
        if isinstance(wanted, str):
            wanted = unicodedata.normalize("NFC", wanted)
        return wanted in has if isinstance(has, tuple) else wanted == has


def table_of(products: Sequence[Mapping[str, Value]]) -> Table:
    builder = TableBuilder()
    for number, values in enumerate(products):
        builder.add(str(number), values)
    return builder.build()


def passing(texts: Sequence[str], products: Sequence[Mapping[str, Value]]) -> set[int]:
    """The numbers of the products that pass."""
    table = table_of(products)
    mask = Filters.parse(texts).mask(table)
    return {int(table.ids[row]) for row in range(len(table)) if mask[row]}


texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4))
numbers = st.one_of(st.integers(-3, 12).map(float), st.sampled_from([0.1, 19.99, 1e9, -0.5, 1e-7]))
products = st.fixed_dictionaries(
    {},
    optional={
        "price": numbers,
        "Article Type": texts.map(lambda text: unicodedata.normalize("NFC", text)),
        "größe": texts.map(lambda text: unicodedata.normalize("NFC", text)),
        "tags": st.lists(texts.map(lambda text: unicodedata.normalize("NFC", text)), max_size=4).map(tuple),
    },
)


@st.composite
def wanted(draw: st.DrawFn) -> tuple[Wanted, str]:
    """A filter, and one of the ways to write it."""
    attribute = draw(st.sampled_from(sorted(KINDS)))
    values, written = [], []
    for _ in range(draw(st.sampled_from([1, 1, 2, 3, 12]))):
        if KINDS[attribute] != "number":
            text = draw(texts)
            needs_quotes = any(sign in text for sign in (",", '"', "..")) or text != text.strip()
            quoted = '"' + text.replace('"', '""') + '"'
            written.append(quoted if needs_quotes or draw(st.booleans()) else text)
            values.append(text)
            continue
        ends = draw(
            st.one_of(
                numbers, st.tuples(numbers, numbers), st.tuples(numbers, st.none()), st.tuples(st.none(), numbers)
            )
        )
        if isinstance(ends, float):
            written.append(draw(st.sampled_from([repr(ends), f"{ends:.9f}", f" {ends:e}"])))
        else:
            if None not in ends:
                ends = tuple(sorted(ends))
            written.append("..".join("" if end is None else repr(end) for end in ends))
        values.append(ends)
    name = draw(st.sampled_from(SPELLINGS[attribute]))
    return Wanted(attribute, values), f"{name}:{','.join(written)}"


@quick
@given(st.lists(products, max_size=12), st.lists(wanted(), min_size=1, max_size=3))
def test_the_products_that_pass_are_those_that_a_loop_finds(
    found: list[dict[str, Value]], asked: list[tuple[Wanted, str]]
) -> None:
    complete: dict[str, Value] = {"price": 3.0, "Article Type": "red", "tags": ("red",), "größe": "red"}
    found = [*found, complete]
    expected = {number for number, product in enumerate(found) if all(filter_.passes(product) for filter_, _ in asked)}
    assert passing([text for _, text in asked], found) == expected


@pytest.mark.parametrize(
    ("text", "attribute", "values"),
    [
        ("colour:Red,Blue", "colour", ("Red", "Blue")),
        (" colour : Red , Blue ", "colour", ("Red", "Blue")),
        ('size:"12"" x 18"",A3",A4', "size", ('12" x 18",A3', "A4")),
        ('"a:b":c:d', "a:b", ("c:d",)),
        ("price:10..50,99", "price", (Range(10, 50), "99")),
        ("price: 10 .. 50 ", "price", (Range(10, 50),)),
        ("price:-1.5..", "price", (Range(-1.5, math.inf),)),
        ("price:..1e3", "price", (Range(-math.inf, 1000),)),
        ('page:"1..2"', "page", ("1..2",)),
        ("name:" + unicodedata.normalize("NFD", "Café"), "name", ("Café",)),
    ],
)
def test_a_filter_is_an_attribute_and_values(text: str, attribute: str, values: tuple[str | Range, ...]) -> None:
    assert Filters.parse([text]) == Filters((Condition(attribute, values),))


@pytest.mark.parametrize(
    "text",
    [
        "", "colour", ":Red", '"":Red', "colour:", "colour:Red,", "colour:,Red", 'colour:""', 'colour:Red"', 'colour:"Red',
        'colour:"Red"x', 'col"our:Red', "price:..", "price:a..b", "price:1..2..3", "price:50..10", "price:1...5.x",
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadFilter) as refused:
        Filters.parse([text])
    assert isinstance(refused.value, ValueError)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    "text", [" " * 20_000 + '"', "a:" + " " * 20_000 + '"', "a:" + '"' * 20_001, "a:.." + "1" * 20_000 + "x"]
)
def test_a_long_filter_is_refused_as_fast_as_a_short_one(text: str) -> None:
    started = time.process_time()
    with pytest.raises(BadFilter):
        Filters.parse([text])
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "text",
    [
        "price:cheap",
        'price:"1..2"',
        "price:1_000",
        "price:nan",
        "price:inf",
        "price:0x1",
        "price:٣",
        "name:1..2",
        "tags:1..",
    ],
)
def test_values_that_do_not_fit_the_kind_of_an_attribute_are_refused_in_words(text: str) -> None:
    with pytest.raises(BadFilter, match=text.partition(":")[0]):
        passing([text], [{"price": 1.0, "name": "a", "tags": ("a",)}])


def test_an_unknown_attribute_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(UnknownAttribute) as error:
        passing(["weight:3"], [{"price": 1.0, "name": "a"}])
    assert isinstance(error.value, LookalikeError)
    assert error.value.known == ("name", "price")
    assert "weight" in str(error.value)
    assert "name, price" in str(error.value)
    with pytest.raises(UnknownAttribute) as error:
        Filters.parse(["weight:3"]).mask(EMPTY)
    assert error.value.known == ()


def test_an_unknown_value_passes_nothing() -> None:
    found: list[Mapping[str, Value]] = [{"price": 1.0, "name": "a", "tags": ("a",)}]
    for text in ("price:2", "price:5..6", "name:b", "tags:b", "name:" + ",".join(map(str, range(30)))):
        assert passing([text], found) == set()


def test_no_filters_pass_all() -> None:
    assert not Filters.parse([])
    assert passing([], [{"name": "a"}, {}]) == {0, 1}


def test_a_number_is_compared_by_its_value() -> None:
    found: list[Mapping[str, Value]] = [{"price": 10.0}, {"price": 0.1}, {"price": 0.0}]
    for text in ("price:10", "price:10.0", "price:1e1", "price:+10", "price:010"):
        assert passing([text], found) == {0}
    assert passing(["price:.1"], found) == {1}
    assert passing(["price:-0"], found) == {2}
    assert passing(["price:10..10"], found) == {0}


def test_texts_are_compared_exactly() -> None:
    found: list[Mapping[str, Value]] = [{"colour": "Red"}, {"colour": "red"}, {"colour": "Red "}, {"colour": "Redder"}]
    assert passing(["colour:Red"], found) == {0}
    assert passing(['colour:"Red "'], found) == {2}


def test_an_attribute_is_asked_after_whatever_its_spelling() -> None:
    filters = Filters.parse(["Article_Type:Shirts"])
    assert filters.is_about("articleType")
    assert not filters.is_about("article")
