"""Facets: counts of values, as a loop over dicts gives them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import UnknownAttribute
from lookalike.search import facets as module
from lookalike.search.facets import MAX_DIFFERENT, MAX_VALUES, NumberFacet, TextFacet, ValueCount, facets
from lookalike.search.filters import Filters
from lookalike.search.view import ProductView
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Kind, Value
from tests.support.catalogues import keys_of
from tests.support.fakes import snapshot_of
from tests.support.rows import quick


def view_of(data: Mapping[str, Mapping[str, Value]], photos: Sequence[str], *, superseded: int = 0) -> ProductView:
    """A shop with this data, and a photo of each of ``photos``, of which the last are not live."""
    builder = TableBuilder()
    for product, values in data.items():
        builder.add(product, values)
    vectors = np.ones((len(photos), 4), np.float32)
    return ProductView.of(snapshot_of(vectors, keys_of(len(photos)), photos, superseded=superseded), builder.build())


words = st.sampled_from(["red", "blue", "é", "B", "a"])
products = st.fixed_dictionaries(
    {},
    optional={
        "colour": words,
        "tags": st.lists(words, max_size=4).map(tuple),
        "price": st.integers(0, 5).map(float),
        "availability": st.sampled_from(["in_stock", "out_of_stock", "preorder"]),
    },
)
filters = st.lists(
    st.sampled_from(["colour:red,a", "tags:é", "price:1..3", "availability:in_stock,out_of_stock", "Colour:blue", "price:..2"]), max_size=3
)  # fmt: skip


def expected(
    data: Sequence[Mapping[str, Value]], texts: Sequence[str], attribute: str, *, hide: bool
) -> Counter[Value]:
    """How many products have each value of an attribute, of those that pass the filters of the other attributes."""
    counts: Counter[Value] = Counter()
    for values in data:
        named = {text.partition(":")[0].lower() for text in texts}
        others = [text for text in texts if text.partition(":")[0].lower() != attribute]
        if not all(passes(values, text) for text in others):
            continue
        hides = hide and "availability" not in named and attribute != "availability"
        if attribute in values and not (hides and values.get("availability") == "out_of_stock"):
            value = values[attribute]
            counts.update(set(value) if isinstance(value, tuple) else [value])
    return counts


def passes(values: Mapping[str, Value], text: str) -> bool:
    name, _, wanted = text.partition(":")
    value = values.get(name.lower())
    if value is None:
        return False
    if isinstance(value, float):
        least, most = wanted.split("..")
        return float(least or 0) <= value <= float(most or 9)
    return any(one in value if isinstance(value, tuple) else one == value for one in wanted.split(","))


@quick
@given(st.lists(st.tuples(products, st.booleans()), max_size=30), filters, st.booleans(), st.sampled_from([2, 100]))
def test_counts_are_those_of_a_loop_over_the_products(
    found: list[tuple[dict[str, Value], bool]], texts: list[str], hide: bool, most: int
) -> None:
    complete: dict[str, Value] = {"colour": "red", "tags": ("é",), "price": 1.0, "availability": "in_stock"}
    found = [*found, (complete, True)]
    data = {str(number): values for number, (values, _) in enumerate(found)}
    photographed = [str(number) for number, (_, has_photo) in enumerate(found) if has_photo]
    view = view_of(data, [*photographed, *photographed[:3], "no data", "replaced"], superseded=1)
    seen = [values for values, has_photo in found if has_photo]
    with patch.object(module, "MAX_VALUES", most):
        answer = facets(view, Filters.parse(texts), hide=hide)
    by_name = {facet.attribute: facet for facet in answer.facets}
    named = {text.partition(":")[0].lower() for text in texts}
    for attribute in ("colour", "tags", "price", "availability"):
        counts = expected(seen, texts, attribute, hide=hide)
        facet = by_name.get(attribute)
        if not counts:
            assert facet is None
        elif isinstance(facet, NumberFacet):
            assert (facet.least, facet.most, facet.count) == (min(counts), max(counts), counts.total())  # type: ignore[type-var]
        else:
            assert isinstance(facet, TextFacet)
            ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            assert facet.values == tuple(ValueCount(str(value), count) for value, count in ordered[:most])
            assert facet.others == sum(count for _, count in ordered[most:])
    hides = hide and "availability" not in named
    passing = [
        values for values in seen
        if all(passes(values, text) for text in texts) and not (hides and values.get("availability") == "out_of_stock")
    ]  # fmt: skip
    assert answer.products == len(passing) + (not texts)


def test_facets_say_their_kind_in_the_order_of_the_attributes() -> None:
    view = view_of({"1": {"price": 2.0, "tags": ("a", "b", "a"), "colour": "red"}, "2": {"price": 1.0}}, ["1", "2"])
    assert facets(view, Filters()).facets == (
        NumberFacet("price", 1.0, 2.0, 2),
        TextFacet("tags", Kind.LIST, (ValueCount("a", 1), ValueCount("b", 1)), 0),
        TextFacet("colour", Kind.TEXT, (ValueCount("red", 1),), 0),
    )


def test_names_and_links_have_no_facet_and_can_be_filtered_by() -> None:
    count = MAX_DIFFERENT + 1
    data: dict[str, dict[str, Value]] = {
        str(number): {
            "name": f"N{number % 3}", "Link": "https://shop.example", "sku": f"s{number}", "style": f"y{number // 2}", "brand": f"b{number % 200}",
            "model": f"m{number % (count // 2 + 1)}",
        }
        for number in range(count)
    }  # fmt: skip
    view = view_of(data, list(data))
    (facet,) = [facet for facet in facets(view, Filters()).facets if facet.attribute == "brand"]
    assert isinstance(facet, TextFacet)
    assert {facet.attribute for facet in facets(view, Filters()).facets} <= {"brand", "style", "model"}
    assert len(facet.values) == MAX_VALUES
    assert facet.others == count - sum(value.count for value in facet.values)
    assert view.count(view.mask(Filters.parse(["sku:s17"]))) == 1


@pytest.mark.parametrize(("different", "has_facet"), [(100, True), (101, False)])
def test_texts_of_one_product_each_are_no_facet_unless_they_are_few(different: int, has_facet: bool) -> None:
    data: dict[str, dict[str, Value]] = {str(number): {"sku": f"s{number}"} for number in range(different)}
    assert bool(facets(view_of(data, list(data)), Filters()).facets) is has_facet


def test_a_shop_without_data_has_no_facets() -> None:
    answer = facets(view_of({}, ["a", "b"]), Filters(), hide=True)
    assert (answer.products, answer.facets) == (2, ())
    with pytest.raises(UnknownAttribute):
        facets(view_of({}, ["a"]), Filters.parse(["colour:red"]))


def test_what_counting_takes_is_let_go_with_its_table() -> None:
    view = view_of({"1": {"colour": "red"}}, ["1"])
    before = len(module._made)
    facets(view, Filters())
    assert len(module._made) == before + 1
    del view
    assert len(module._made) == before
