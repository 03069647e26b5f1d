"""Several tables as one: field by field, the last table that has a value for a product."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lookalike.tables.columns import joined, taken
from lookalike.tables.names import comparable
from lookalike.tables.products import grouped
from lookalike.tables.table import EMPTY, MISSING, Column, Table, present
from lookalike.tables.texts import Texts, join

Rows = npt.NDArray[np.int64] | None
"""The row of each value of a column, None where it has one for each row, in order."""

Part = tuple[Rows, Column]


def merge(tables: Sequence[Table]) -> Table:
    """The products of all tables. Of an attribute, the last table that has a value for the product counts.

    An attribute keeps its first spelling. Where its kinds differ, list beats text beats number.
    """
    if len(tables) < 2:
        return tables[0] if tables else EMPTY
    hashes, ids, rows = _products(tables)
    found: dict[str, tuple[str, list[Part]]] = {}
    for table, rows_of in zip(tables, rows, strict=True):
        for name, column in table.columns.items():
            found.setdefault(comparable(name), (name, []))[1].append((rows_of, column))
    return Table(hashes, ids, {name: overlaid(parts, len(hashes)) for name, parts in found.values()})


def _products(tables: Sequence[Table]) -> tuple[npt.NDArray[np.bytes_], Texts, list[Rows]]:
    """Hashes and ids of the products of all tables, and the row of each product of each table among them."""
    longest = max(tables, key=len)
    rows = [None if table is longest else longest.rows_of(table.hashes) for table in tables]
    if all(rows_of is None or (rows_of != MISSING).all() for rows_of in rows):
        return longest.hashes, longest.ids, [None if one is None else one.astype(np.int64) for one in rows]
    hashes = np.concatenate([table.hashes for table in tables])
    firsts, row_of = grouped(hashes)
    bounds = pairwise(np.cumsum([0, *map(len, tables)]).tolist())
    return hashes[firsts], join([table.ids for table in tables]).take(firsts), [row_of[a:b] for a, b in bounds]


def overlaid(parts: Sequence[Part], rows: int) -> Column:
    """One column of so many rows. Of the parts that have a value for a row, the last one counts."""
    if len(parts) == 1 and parts[0][0] is None:
        return parts[0][1]
    places = np.full(rows, MISSING, np.int64)
    base = 0
    for rows_of, column in parts:
        if rows_of is None:
            here = present(column)
            np.copyto(places, np.arange(base, base + rows), where=here)
            base += rows
        else:
            values = np.flatnonzero(present(column))
            places[rows_of[values]] = values + base
            base += len(rows_of)
    return taken(joined([column for _, column in parts]), places)
