"""Tables as plain dicts, and products made up for them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from lookalike.tables.builder import TableBuilder
from lookalike.tables.columns import is_in_order_of_use
from lookalike.tables.table import Kind, ListColumn, NumberColumn, Table, Value

SPELLINGS = {
    spelling: attribute
    for attribute, spellings in {
        "name": ("name", "Name", "NA-ME", " n_a m\te"),
        "articletype": ("articleType", "article_type", "Article Type"),
        "größe": ("größe", "GRÖSSE", "gro\u0308ße"),
        "price": ("price", "Price"),
        "_": ("_",),
        "日本": ("日本",),
    }.items()
    for spelling in spellings
}
"""Names of attributes, and the attribute of each."""

texts = st.one_of(
    st.sampled_from(["", "red", "Red", "blue", "10", "\0", "a\0", "\0a", "é", "e\u0301", "日本", "😀", "x" * 70]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 5.0, 19.99, 1e22, 1e-7, -3.5, 5e-324, 1.7976931348623157e308]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**18), 10**18),
)
values = st.one_of(texts, numbers, st.lists(texts, max_size=3).map(tuple))
ids = st.one_of(st.sampled_from(["1", "2", "3", "1563"]), texts)
additions = st.lists(st.tuples(ids, st.dictionaries(st.sampled_from(list(SPELLINGS)), values, max_size=4)), max_size=12)

Additions = Sequence[tuple[str, Mapping[str, Value]]]
Plain = dict[str, dict[str, Value]]
"""The values of each product, by attribute."""

_STRENGTH = [Kind.NUMBER, Kind.TEXT, Kind.LIST]


def built(added: Additions) -> Table:
    builder = TableBuilder()
    for product_id, held in added:
        builder.add(product_id, held)
    return builder.build()


def plain(table: Table) -> Plain:
    """What a table holds, read value by value."""
    return {
        table.ids[row]: {SPELLINGS[name]: value for name, value in table.values(row).items()}
        for row in range(len(table))
    }


def kind_of(value: Value) -> Kind:
    return Kind.TEXT if isinstance(value, str) else Kind.LIST if isinstance(value, tuple) else Kind.NUMBER


def as_kind(value: Value, kind: Kind) -> Value:
    """The value in a column of that kind."""
    if not isinstance(value, str | tuple):
        value = float(value) + 0.0
        if kind is not Kind.NUMBER:
            value = format(Decimal(repr(value)), "f").removesuffix(".0")
    if isinstance(value, str) and kind is Kind.LIST:
        return (value,)
    return value


def expected(files: Sequence[Additions]) -> Plain:
    """What is held after all products were added, one file after the other, later values in place of earlier ones."""
    every = []
    for added in files:
        for product_id, held in added:
            last = {SPELLINGS[name]: value for name, value in held.items() if value != ()}
            every += [(product_id, name, value) for name, value in last.items()]
    kinds = {
        attribute: max((kind_of(value) for _, name, value in every if name == attribute), key=_STRENGTH.index)
        for _, attribute, _ in every
    }
    products: Plain = {product_id: {} for added in files for product_id, _ in added}
    for product_id, attribute, value in every:
        products[product_id][attribute] = as_kind(value, kinds[attribute])
    return products


def assert_sound(table: Table) -> None:
    """All that a table promises."""
    assert (table.hashes[1:] > table.hashes[:-1]).all()
    assert len(table.ids) == len(table)
    for column in table.columns.values():
        if isinstance(column, NumberColumn):
            assert len(column.numbers) == len(table)
            assert not np.isinf(column.numbers).any()
            continue
        every = list(column.texts)
        assert len(set(every)) == len(every)
        assert is_in_order_of_use(column.codes, len(every))
        if isinstance(column, ListColumn):
            assert column.starts[0] == 0
            assert len(column.starts) == len(table) + 1
            assert column.starts[-1] == len(column.codes)
            assert (np.diff(column.starts) >= 0).all()
            assert (column.codes >= 0).all()
        else:
            assert len(column.codes) == len(table)
