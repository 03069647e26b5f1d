"""Filters: products by their data, before anything is ranked.

    colour:Red,Blue        a text that is one of these, or a list with one of them among its elements
    price:10               a number that equals 10
    price:10..50           a number from 10 to 50, both included; ``10..`` and ``..50`` have one end
    size:"12"" x 18"",A3"  double quotes, as in CSV, around a value with a comma, a quote or two dots

A product passes where every filter holds. Texts are compared exactly, in NFC. A product without a value passes no filter of that
attribute. Names of attributes are compared by ``comparable``.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Self

import numpy as np

from lookalike.errors import BadFilter, UnknownAttribute
from lookalike.store.shard import Mask
from lookalike.tables.names import comparable
from lookalike.tables.table import Column, ListColumn, NumberColumn, Table
from lookalike.tables.texts import Texts

# Possessive, as a filter may be long and comes from anybody: each character is looked at once.
_NUMBER: Final = re.compile(r"[+-]?(\d++(\.\d*+)?|\.\d++)([eE][+-]?\d++)?", re.ASCII)
_NAME: Final = re.compile(r'\s*+("(?:[^"]|"")*+"\s*+|[^":]*+):')
_PIECE: Final = re.compile(r'\s*+("(?:[^"]|"")*+"\s*+|[^",]*+)(,|$)')  # a value of a filter, and what ends it
_FEW: Final = 8  # texts: each compared with all rows takes less time than a table of all texts


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``least`` to ``most``, both included."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter: an attribute that has one of these values, or lies in one of these ranges."""

    attribute: str
    values: tuple[str | Range, ...]

    def mask(self, column: Column) -> Mask:
        """The rows that pass: bool (rows,). Raises BadFilter where the values do not fit the kind of the column."""
        if isinstance(column, NumberColumn):
            in_each = (_in_range(column, self._range(value)) for value in self.values)
            return reduce(np.logical_or, in_each)
        places = [place for value in self.values for place in _places(column.texts, self._text(value))]
        if not isinstance(column, ListColumn):
            return _is_any(column.codes, places, len(column.texts))
        found = np.flatnonzero(_is_any(column.codes, places, len(column.texts)))
        passes = np.zeros(len(column.starts) - 1, bool)
        passes[np.searchsorted(column.starts, found, side="right") - 1] = True
        return passes

    def _range(self, value: str | Range) -> Range:
        if isinstance(value, Range):
            return value
        if not _NUMBER.fullmatch(value):
            raise BadFilter(f"{self.attribute} is a number, and {value!r} is none. Write 10, or 10..50, 10.. or ..50.")
        return Range(float(value), float(value))

    def _text(self, value: str | Range) -> str:
        if isinstance(value, str):
            return value
        raise BadFilter(
            f"{self.attribute} is not a number, so it has no range. Put a text with two dots in double quotes."
        )


@dataclass(frozen=True, slots=True)
class Filters:
    """Filters that all have to hold; none of them by default."""

    conditions: tuple[Condition, ...] = ()

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """The filters in these texts. Raises BadFilter."""
        return cls(tuple(map(_condition, texts)))

    def __bool__(self) -> bool:
        return bool(self.conditions)

    def is_about(self, attribute: str) -> bool:
        """Whether one of the filters is about the attribute."""
        return comparable(attribute) in {comparable(condition.attribute) for condition in self.conditions}

    def masks(self, table: Table) -> dict[str, Mask]:
        """The products of a table that pass, by the attribute: bool (products,). Raises UnknownAttribute, BadFilter."""
        names = {comparable(name): name for name in table.columns}
        masks: dict[str, Mask] = {}
        for condition in self.conditions:
            name = names.get(comparable(condition.attribute))
            if name is None:
                raise UnknownAttribute(condition.attribute, sorted(table.columns))
            mask = condition.mask(table.columns[name])
            masks[name] = masks[name] & mask if name in masks else mask
        return masks

    def mask(self, table: Table) -> Mask:
        """The products of a table that pass all filters: bool (products,). Raises UnknownAttribute, BadFilter."""
        return all_of(self.masks(table), len(table))


def all_of(masks: Mapping[str, Mask], products: int, *, but: str | None = None) -> Mask:
    """The products that pass, but for the filters of one attribute: a new array, bool (products,)."""
    passes = np.ones(products, bool)
    for attribute, mask in masks.items():
        if attribute != but:
            passes &= mask
    return passes


def _condition(text: str) -> Condition:
    name = _NAME.match(text)
    attribute = _unquoted(name[1])[0] if name else ""
    if name is None or not attribute:
        raise BadFilter(f"The filter {text!r} names no attribute. Write attribute:value, as in colour:Red,Blue.")
    values: list[str | Range] = []
    place = name.end()
    while True:
        piece = _PIECE.match(text, place)
        if piece is None:
            raise BadFilter(
                f"The filter {text!r} has a double quote where none can be. Put the whole value in double quotes, and "
                "double each quote inside it."
            )
        value, is_quoted = _unquoted(piece[1])
        if not value:
            raise BadFilter(f"The filter {text!r} has an empty value. Write attribute:value, as in colour:Red,Blue.")
        values.append(_range(value) if ".." in value and not is_quoted else value)
        if not piece[2]:
            return Condition(attribute, tuple(values))
        place = piece.end()


def _unquoted(piece: str) -> tuple[str, bool]:
    """The text of a piece, in NFC, and whether it was in double quotes."""
    piece = piece.strip()
    is_quoted = piece.startswith('"')
    text = piece[1:-1].replace('""', '"') if is_quoted else piece
    return unicodedata.normalize("NFC", text), is_quoted


def _range(text: str) -> Range:
    least, _, most = text.partition("..")
    ends = [end.strip() for end in (least, most)]
    if not any(ends) or any(end and not _NUMBER.fullmatch(end) for end in ends):
        raise BadFilter(
            f"{text!r} is not a range of numbers. Write 10..50, 10.. or ..50, and put a text with two dots in double quotes."
        )
    numbers = Range(float(ends[0] or -math.inf), float(ends[1] or math.inf))
    if numbers.least > numbers.most:
        raise BadFilter(f"The range {text!r} ends below its beginning.")
    return numbers


def _in_range(column: NumberColumn, numbers: Range) -> Mask:
    if numbers.least == numbers.most:
        return np.equal(column.numbers, numbers.least)
    # NaN, which is no number, passes neither comparison.
    if numbers.least == -math.inf:
        return np.less_equal(column.numbers, numbers.most)
    at_least = np.greater_equal(column.numbers, numbers.least)
    return at_least if numbers.most == math.inf else at_least & (column.numbers <= numbers.most)


def _is_any(codes: "np.ndarray[tuple[int], np.dtype[np.int32]]", places: Sequence[int], texts: int) -> Mask:
    """Which codes are one of these places: bool (codes,)."""
    if len(places) <= _FEW:
        return reduce(np.logical_or, (codes == place for place in places), np.zeros(len(codes), bool))
    wanted = np.zeros(texts + 1, bool)  # the last is that of a row without a text, whose code is -1
    wanted[list(places)] = True
    return wanted[codes]


def _places(texts: Texts, text: str) -> Iterable[int]:
    """The places of a text among texts: none where it is not among them."""
    wanted = text.encode()
    perhaps = np.flatnonzero(np.diff(texts.starts) == len(wanted))
    for offset, byte in enumerate(wanted):
        if not len(perhaps):
            break
        perhaps = perhaps[texts.data[texts.starts[perhaps] + offset] == byte]
    found: list[int] = perhaps.tolist()
    return found
