"""Several tables as one: field by field, the last table that has a value for a product."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lookalike.tables.columns import joined, taken
from lookalike.tables.names import comparable
from lookalike.tables.products import grouped
from lookalike.tables.table import EMPTY, MISSING, Column, Table, present
from lookalike.tables.texts import join


def merge(tables: Sequence[Table]) -> Table:
    """The products of all tables. Of an attribute, the last table that has a value for the product counts.

    An attribute keeps its first spelling. Where its kinds differ, list beats text beats number.
    """
    if len(tables) < 2:
        return tables[0] if tables else EMPTY
    hashes = np.concatenate([table.hashes for table in tables])
    firsts, row_of = grouped(hashes)
    ids = join([table.ids for table in tables]).take(firsts)
    bases = np.cumsum([0, *map(len, tables)])
    rows = [row_of[start:end] for start, end in pairwise(bases)]
    return Table(hashes[firsts], ids, _columns(tables, rows, len(firsts)))


def _columns(tables: Sequence[Table], rows: Sequence[npt.NDArray[np.int64]], count: int) -> dict[str, Column]:
    found: dict[str, tuple[str, list[tuple[npt.NDArray[np.int64], Column]]]] = {}
    for table, rows_of in zip(tables, rows, strict=True):
        for name, column in table.columns.items():
            found.setdefault(comparable(name), (name, []))[1].append((rows_of, column))
    return {name: overlaid(parts, count) for name, parts in found.values()}


def overlaid(parts: Sequence[tuple[npt.NDArray[np.int64], Column]], rows: int) -> Column:
    """One column of so many rows from several, each with the row of each of its values; the last that has a value counts."""
    places = np.full(rows, MISSING, np.int64)
    base = 0
    for rows_of, column in parts:
        here = np.flatnonzero(present(column))
        places[rows_of[here]] = here + base
        base += len(rows_of)
    return taken(joined([column for _, column in parts]), places)
