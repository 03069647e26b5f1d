"""Tables of product data: a row for each product, a column for each attribute.

A column is of one kind. Texts are coded: a column has each different text once, and each row the place of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES
from lookalike.tables.texts import Texts

MISSING = -1
"""The code of a row without a text."""

Value = str | float | tuple[str, ...]
"""The value of one product in a column: a text, a number, or a list of texts."""


class Kind(StrEnum):
    """The kinds of columns."""

    TEXT = "text"
    NUMBER = "number"
    LIST = "list"


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """``numbers``: float64 (rows,), NaN where a row has none."""

    numbers: npt.NDArray[np.float64]

    kind = Kind.NUMBER

    def value(self, row: int) -> float | None:
        number = float(self.numbers[row])
        return None if np.isnan(number) else number


@dataclass(frozen=True, eq=False)
class TextColumn:
    """``codes``: int32 (rows,), places in ``texts``, MISSING where a row has none; ``texts``: each different text once."""

    codes: npt.NDArray[np.int32]
    texts: Texts

    kind = Kind.TEXT

    def value(self, row: int) -> str | None:
        code = int(self.codes[row])
        return None if code == MISSING else self.texts[code]


@dataclass(frozen=True, eq=False)
class ListColumn:
    """Row r has ``codes[starts[r]:starts[r + 1]]``, places in ``texts``, in the order of its list.

    ``starts``: int64 (rows + 1,); ``codes``: int32; ``texts``: each different text once.
    """

    starts: npt.NDArray[np.int64]
    codes: npt.NDArray[np.int32]
    texts: Texts

    kind = Kind.LIST

    def value(self, row: int) -> tuple[str, ...] | None:
        codes = self.codes[self.starts[row] : self.starts[row + 1]].tolist()
        return tuple(self.texts[code] for code in codes) or None


Column = NumberColumn | TextColumn | ListColumn


def present(column: Column) -> npt.NDArray[np.bool_]:
    """Which rows have a value: bool (rows,)."""
    has_value: npt.NDArray[np.bool_]
    if isinstance(column, NumberColumn):
        has_value = ~np.isnan(column.numbers)
    elif isinstance(column, TextColumn):
        has_value = column.codes != MISSING
    else:
        has_value = np.diff(column.starts) > 0
    return has_value


@dataclass(frozen=True, eq=False)
class Table:
    """Products as rows, ascending by hash, each product once.

    ``hashes``: S16 (rows,), ``text_hash`` of the products' ids; ``ids``: the ids in the order of the rows; ``columns``: by the
    attributes' names, in the order of an answer.
    """

    hashes: npt.NDArray[np.bytes_]
    ids: Texts
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.hashes)

    @cached_property
    def _heads(self) -> npt.NDArray[np.uint64]:
        return heads(self.hashes)

    def rows_of(self, hashes: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int32]:
        """The row of each product, by hashes S16 (products,): int32 (products,), MISSING for a product that the table lacks."""
        rows = np.full(len(hashes), MISSING, np.int32)
        if not len(self) or not len(hashes):
            return rows
        place = np.minimum(np.searchsorted(self._heads, heads(hashes)), len(self) - 1)
        found = self.hashes[place] == hashes
        rows[found] = place[found]
        # Two products that share eight bytes of their hashes are beside each other, and the search found the first.
        for other in np.flatnonzero(~found & (self._heads[place] == heads(hashes))).tolist():
            match = np.flatnonzero(self.hashes == hashes[other])
            rows[other] = match[0] if len(match) else MISSING
        return rows

    def values(self, row: int, names: Sequence[str] | None = None) -> dict[str, Any]:
        """The values of a product by attribute, those that it has; ``names``: of these attributes only."""
        columns = (
            self.columns if names is None else {name: self.columns[name] for name in names if name in self.columns}
        )
        return {name: value for name, column in columns.items() if (value := column.value(row)) is not None}


EMPTY = Table(np.empty(0, f"S{HASH_BYTES}"), Texts.of(()), {})
"""A table of no products."""


def heads(hashes: npt.NDArray[np.bytes_], start: int = 0) -> npt.NDArray[np.uint64]:
    """Eight bytes of each hash from ``start`` on, as numbers that sort like them: uint64 (hashes,)."""
    columns = np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, HASH_BYTES)
    return np.ascontiguousarray(columns[:, start : start + 8]).view(">u8").reshape(-1).astype(np.uint64)
