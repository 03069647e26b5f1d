"""Product data for tests: tables from dicts and back, and a merge of dicts."""

from collections.abc import Iterable, Mapping
from typing import Any

from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Table

Products = Mapping[str, Mapping[str, Any]]
"""The values of each product by attribute."""


def table_of(products: Products) -> Table:
    builder = TableBuilder()
    for product_id, values in products.items():
        builder.add(product_id, values)
    return builder.build()


def products_of(table: Table) -> dict[str, dict[str, Any]]:
    return {product_id: table.values(row) for row, product_id in enumerate(table.ids)}


def merged(files: Iterable[Products]) -> dict[str, dict[str, Any]]:
    """The products of files, the last of which counts value by value; an attribute is of its widest kind everywhere."""
    kinds: dict[str, int] = {}
    found: dict[str, dict[str, Any]] = {}
    for products in files:
        for product_id, values in products.items():
            found.setdefault(product_id, {}).update(values)
            for name, value in values.items():
                kinds[name] = max(kinds.get(name, 0), _kind(value))
    return {
        product_id: {name: _widened(value, kinds[name]) for name, value in values.items()}
        for product_id, values in found.items()
    }


def _kind(value: Any) -> int:
    return 0 if isinstance(value, float) else 1 if isinstance(value, str) else 2


def _widened(value: Any, kind: int) -> Any:
    if kind and isinstance(value, float):
        value = f"{value:g}"
    return (value,) if kind == 2 and isinstance(value, str) else value
