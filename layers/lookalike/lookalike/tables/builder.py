"""Build a table product by product, in little more memory than the table takes."""

import math
from array import array
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.tables.columns import joined, taken
from lookalike.tables.names import comparable
from lookalike.tables.products import grouped
from lookalike.tables.table import MISSING, Column, ListColumn, NumberColumn, Table, TextColumn, Value
from lookalike.tables.texts import Texts

_KNOWN_TEXTS = 20_000
"""A column knows so many of its texts while it is built; others may stand in it several times until ``build``."""


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
        """How often ``add`` was called since the last ``build``."""
        return len(self._ids)

    @property
    def places(self) -> int:
        """For values, in a table of all that was added: a column has one for each product, whether it has a value or not."""
        return len(self) * len(self._columns)

    def add(self, product_id: str, values: Mapping[str, Value]) -> None:
        """Add a product. Where it was added before, these values replace those of the same attributes.

        Id and texts are in Unicode's NFC. An empty list is no value. Raises ValueError, and adds nothing, where a number is
        not finite or a text has half of a surrogate pair.
        """
        encoded: dict[_Column, _Encoded] = {}
        for name, value in values.items():
            column = self._by_spelling.get(name) or self._column(name)
            if isinstance(value, str):
                encoded[column] = value.encode()
            elif not isinstance(value, tuple):
                encoded[column] = _finite(value)
            elif value:
                encoded[column] = tuple(text.encode() for text in value)
        self._hashes += text_hash(product_id)
        at = self._ids.append(product_id.encode())
        for column, item in encoded.items():
            column.append(at, item)

    def build(self) -> Table:
        """The table of all products that were added. The builder is empty then."""
        hashes, ids, columns = np.frombuffer(self._hashes, f"S{HASH_BYTES}"), self._ids, self._columns
        self._start()
        firsts, row_of = grouped(hashes)
        built: dict[str, Column] = {}
        for key in list(columns):
            column = columns.pop(key)  # so that what it collected is freed before the next column is built
            if column.has_values:
                built[column.name] = column.build(row_of, len(firsts))
            del column
        return Table(hashes[firsts], ids.build().take(firsts), built)

    def _column(self, name: str) -> "_Column":
        name.encode()  # half of a surrogate pair cannot be stored
        column = self._columns.setdefault(comparable(name), _Column(name))
        self._by_spelling[name] = column
        return column


_Encoded = bytes | float | tuple[bytes, ...]


def _finite(value: float) -> float:
    """The number as a table has it. Raises ValueError."""
    try:
        number = float(value)
    except OverflowError as error:  # an int has no largest value
        raise ValueError("a table cannot have a number of hundreds of digits") from error
    if not math.isfinite(number):
        raise ValueError(f"a table cannot have the number {number}")
    return number + 0.0  # no negative zero


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
            if code < _KNOWN_TEXTS:
                self._known[text] = code
        self._codes.append(code)

    def build(self) -> tuple[npt.NDArray[np.int32], Texts]:
        codes, texts = np.frombuffer(self._codes, np.int32), self._texts.build()
        if len(texts) > len(self._known):
            codes = texts.firsts().astype(np.int32)[codes]
        return codes, texts


class _Column:
    """The values of an attribute while they are collected, those of each kind by themselves."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._number_at, self._numbers = array("i"), array("d")
        self._text_at, self._texts = array("i"), _Codes()
        self._list_at, self._lists, self._list_starts = array("i"), _Codes(), array("q", [0])

    @property
    def has_values(self) -> bool:
        return bool(self._number_at or self._text_at or self._list_at)

    def append(self, at: int, value: _Encoded) -> None:
        """Add the value of the product that was added as number ``at``."""
        if isinstance(value, bytes):
            self._text_at.append(at)
            self._texts.append(value)
        elif isinstance(value, tuple):
            for text in value:
                self._lists.append(text)
            self._list_at.append(at)
            self._list_starts.append(self._list_starts[-1] + len(value))
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
            starts = np.frombuffer(self._list_starts, np.int64)
            parts.append((self._list_at, ListColumn(starts, *self._lists.build())))
        at = np.concatenate([np.frombuffer(part, np.int32) for part, _ in parts])
        in_order = np.argsort(at, kind="stable")
        places = np.full(rows, MISSING, np.int64)
        places[row_of[at[in_order]]] = in_order  # of a row that repeats, NumPy keeps the last place
        return taken(joined([column for _, column in parts]), places)
