"""Product data for tests: tables from dicts and back, and a merge of dicts."""

from collections.abc import Iterable, Mapping
from typing import Any

from lookalike.store.object_store import ObjectStore
from lookalike.store.products import product_log
from lookalike.store.products.data_file import DataFile
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.records import Op
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Table
from tests.support.rows import order

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


def put_file(key: str, number: int, products: Products, **state: Any) -> DataFile:
    """A data file as the event of that number left it; greater numbers are newer."""
    return DataFile(key, order(number), Op.PUT, table_of(products), len(products), **state)


def delete_file(key: str, number: int, *, time_ms: int | None = None) -> DataFile:
    return DataFile(key, order(number, Op.DELETE, time_ms=time_ms), Op.DELETE)


def reject_file(key: str, number: int) -> DataFile:
    return DataFile(key, order(number, Op.REJECT), Op.REJECT, detail={"code": "no-ids", "detail": "It has no ids."})


def append(store: ObjectStore, *files: DataFile) -> list[str]:
    """Append the files in this order. Returns the names of their log segments."""
    return [product_log.append(store, file) for file in files]


def products_in(store: ObjectStore) -> dict[str, dict[str, Any]]:
    """The products that a reader shows that has just started."""
    return products_of(ProductReader(store).refresh().table)
