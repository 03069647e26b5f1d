"""Offers: the price that a shop takes now, as a sale begins and ends without anybody writing a file."""

import numpy as np
import numpy.typing as npt

from lookalike.tables.merge import overlaid
from lookalike.tables.names import spelling
from lookalike.tables.table import Column, NumberColumn, Table

PRICE = "price"
SALE_PRICE = "sale_price"
SALE_STARTS = "sale_starts"
SALE_ENDS = "sale_ends"
REGULAR_PRICE = "regular_price"

_Numbers = npt.NDArray[np.float64]


def with_offers(table: Table, now_ms: int) -> tuple[Table, int | None]:
    """The table with ``price`` as the price to pay at a time, and the time of the next change, None where there is none.

    Times are ms since 1970. A sale is on from ``sale_starts`` to ``sale_ends``, both included, and without limit where one is
    missing. Then ``price`` is ``sale_price``, if that is lower or there is no price, and ``regular_price`` is the former price.
    """
    sale_price, price = _numbers(table, SALE_PRICE), _numbers(table, PRICE)
    if sale_price is None or price is None:
        return table, None
    is_offer = (sale_price < price) | (np.isnan(price) & ~np.isnan(sale_price))
    starts, ends = _times(table, SALE_STARTS, -np.inf), _times(table, SALE_ENDS, np.inf)
    is_offer &= starts <= ends
    is_on = is_offer & (starts <= now_ms) & (now_ms <= ends)
    changes = np.concatenate([np.ceil(starts[is_offer]), np.floor(ends[is_offer]) + 1])
    coming = changes[(changes > now_ms) & np.isfinite(changes)]
    until_ms = int(coming.min()) if len(coming) else None
    return (_on_sale(table, is_on, price, sale_price) if is_on.any() else table), until_ms


def _on_sale(table: Table, is_on: npt.NDArray[np.bool_], price: _Numbers, sale_price: _Numbers) -> Table:
    """The table with these rows on sale; prices stand beside each other."""
    price_name = spelling(table.columns, PRICE) or PRICE
    regular_name = spelling(table.columns, REGULAR_PRICE) or REGULAR_PRICE
    regular: Column = NumberColumn(np.where(is_on, price, np.nan))
    if regular_name in table.columns:
        regular = overlaid([(None, table.columns[regular_name]), (None, regular)], len(table))
    prices = {price_name: NumberColumn(np.where(is_on, sale_price, price)), regular_name: regular}
    beside = price_name if price_name in table.columns else spelling(table.columns, SALE_PRICE)
    columns: dict[str, Column] = {}
    for name, column in table.columns.items():
        if name == beside:
            columns |= prices
        if name not in prices:
            columns[name] = column
    return Table(table.hashes, table.ids, columns)


def _numbers(table: Table, name: str) -> _Numbers | None:
    """The numbers of an attribute, NaN where there are none; None where its values are no numbers."""
    column = table.columns.get(spelling(table.columns, name) or name)
    if column is None:
        return np.full(len(table), np.nan)
    return column.numbers if isinstance(column, NumberColumn) else None


def _times(table: Table, name: str, missing: float) -> _Numbers:
    numbers = _numbers(table, name)
    return np.full(len(table), missing) if numbers is None else np.where(np.isnan(numbers), missing, numbers)
