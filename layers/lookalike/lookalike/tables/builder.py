"""Build a table product by product, in little more memory than the table takes."""

import math
from array import array
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.tables.columns import in_order_of_use, joined, taken
from lookalike.tables.names import comparable
from lookalike.tables.products import grouped
from lookalike.tables.table import MISSING, Column, ListColumn, NumberColumn, Table, TextColumn, Value
from lookalike.tables.texts import Texts

_KNOWN_TEXTS = 50_000
"""A column remembers so many of its texts while it is built; others may stand in it several times until ``build``."""


class TableBuilder:
    """Collects products; ``build`` makes their table."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._hashes = bytearray()
        self._ids = _Texts()
        self._columns: dict[str, _Column] = {}
        self._by_spelling: dict[str, _Column] = {}

    def __len__(self) -> int:
        """How often ``add`` was called."""
        return len(self._ids)

    def add(self, product_id: str, values: Mapping[str, Value]) -> None:
        """Add a product. Where it was added before, these values replace those of the same attributes.

        An empty list is no value. Raises ValueError, and adds nothing, where a number is not finite or a text has half of a
        surrogate pair.
        """
        encoded = [(name, _encoded(value)) for name, value in values.items()]
        hashed = text_hash(product_id)
        at = self._ids.append(product_id.encode())
        self._hashes += hashed
        for name, value in encoded:
            self._column(name).append(at, value)

    def build(self) -> Table:
        """The table of all products that were added. The builder is empty then."""
        hashes = np.frombuffer(bytes(self._hashes), f"S{HASH_BYTES}")
        firsts, row_of = grouped(hashes)
        columns: dict[str, Column] = {}
        for key in list(self._columns):
            column = self._columns.pop(key)
            columns[column.name] = column.build(row_of, len(firsts))
        table = Table(hashes[firsts], self._ids.build().take(firsts), columns)
        self._start()
        return table

    def _column(self, name: str) -> "_Column":
        column = self._by_spelling.get(name)
        if column is None:
            column = self._columns.setdefault(comparable(name), _Column(name))
            self._by_spelling[name] = column
        return column


_Encoded = bytes | float | tuple[bytes, ...]


def _encoded(value: Value) -> _Encoded:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, tuple):
        return tuple(text.encode() for text in value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that a table can have")
    return value + 0.0


class _Texts:
    """Texts while they are collected."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._ends = array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, text: bytes) -> int:
        """Add a text, and give its place."""
        self._data += text
        self._ends.append(len(self._data))
        return len(self._ends) - 2

    def build(self) -> Texts:
        return Texts(np.frombuffer(self._data, np.uint8), np.frombuffer(self._ends, np.int64))


class _Codes:
    """Codes of texts while they are collected."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._texts = _Texts()
        self._known: dict[bytes, int] = {}

    def append(self, text: bytes) -> None:
        code = self._known.get(text)
        if code is None:
            code = self._texts.append(text)
            if len(self._known) < _KNOWN_TEXTS:
                self._known[text] = code
        self._codes.append(code)

    def build(self) -> tuple[npt.NDArray[np.int32], Texts]:
        codes, texts = np.frombuffer(self._codes, np.int32), self._texts.build()
        if len(texts) > len(self._known):
            codes = texts.firsts().astype(np.int32)[codes]
        return in_order_of_use(codes, texts)


class _Column:
    """The values of an attribute while they are collected, those of each kind by themselves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._number_at, self._numbers = array("i"), array("d")
        self._text_at, self._texts = array("i"), _Codes()
        self._list_at, self._lists, self._list_counts = array("i"), _Codes(), array("q", [0])

    def append(self, at: int, value: _Encoded) -> None:
        if isinstance(value, bytes):
            self._text_at.append(at)
            self._texts.append(value)
        elif isinstance(value, tuple):
            if value:
                self._list_at.append(at)
                self._list_counts.append(len(value))
                for text in value:
                    self._lists.append(text)
        else:
            self._number_at.append(at)
            self._numbers.append(value)

    def build(self, row_of: npt.NDArray[np.int64], rows: int) -> Column:
        """The column; ``row_of``: the row of each product that was added."""
        parts: list[tuple[array[int], Column]] = []
        if self._number_at:
            parts.append((self._number_at, NumberColumn(np.frombuffer(self._numbers, np.float64))))
        if self._text_at:
            parts.append((self._text_at, TextColumn(*self._texts.build())))
        if self._list_at:
            starts = np.cumsum(np.frombuffer(self._list_counts, np.int64))
            parts.append((self._list_at, ListColumn(starts, *self._lists.build())))
        at = np.concatenate([np.frombuffer(part, np.int32) for part, _ in parts])
        in_order = np.argsort(at, kind="stable")
        places = np.full(rows, MISSING, np.int64)
        places[row_of[at[in_order]]] = in_order
        return taken(joined([column for _, column in parts]), places)
