"""Columns of tables, changed as a whole: to another kind, several to one, and other rows of one.

A column that leaves this module has each text that a row has, once, in the order in which the rows have them first. So equal
values give equal columns, whatever way they came.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from lookalike.tables.table import MISSING, Column, Kind, ListColumn, NumberColumn, TextColumn
from lookalike.tables.texts import Texts, join

STRENGTH = (Kind.NUMBER, Kind.TEXT, Kind.LIST)
"""Where columns of several kinds become one, it is of the last of these kinds that one of them has."""


def converted(column: Column, kind: Kind) -> Column:
    """The column as one of a kind that is as strong or stronger. A number becomes its shortest decimal text."""
    if column.kind == kind:
        return column
    if isinstance(column, NumberColumn):
        column = _texts_of(column)
    return column if kind is Kind.TEXT else _lists_of(cast(TextColumn, column))


def joined(columns: Sequence[Column]) -> Column:
    """One column of the rows of all columns, one column after the other; of the strongest of their kinds."""
    if len(columns) == 1:
        return columns[0]
    kind = max((column.kind for column in columns), key=STRENGTH.index)
    parts = [converted(column, kind) for column in columns]
    if kind is Kind.NUMBER:
        return NumberColumn(np.concatenate([cast(NumberColumn, part).numbers for part in parts]))
    coded = [cast(TextColumn | ListColumn, part) for part in parts]
    codes, texts = _one_code(coded)
    if kind is Kind.TEXT:
        return TextColumn(codes, texts)
    counts = np.concatenate([np.diff(cast(ListColumn, part).starts) for part in parts])
    return ListColumn(_starts(counts), codes, texts)


def taken(column: Column, places: npt.NDArray[np.int64]) -> Column:
    """The rows of the column at these places, int64 (rows,); MISSING gives a row without a value."""
    here = places != MISSING
    if isinstance(column, NumberColumn):
        numbers = np.full(len(places), np.nan)
        numbers[here] = column.numbers[places[here]]
        return NumberColumn(numbers)
    if isinstance(column, TextColumn):
        codes = np.full(len(places), MISSING, np.int32)
        codes[here] = column.codes[places[here]]
        return TextColumn(*in_order_of_use(codes, column.texts))
    counts = np.zeros(len(places), np.int64)
    counts[here] = np.diff(column.starts)[places[here]]
    starts = _starts(counts)
    first = np.zeros(len(places), np.int64)
    first[here] = column.starts[places[here]]
    codes = column.codes[np.arange(starts[-1]) + np.repeat(first - starts[:-1], counts)]
    return ListColumn(starts, *in_order_of_use(codes, column.texts))


def in_order_of_use(codes: npt.NDArray[np.int32], texts: Texts) -> tuple[npt.NDArray[np.int32], Texts]:
    """The same column with texts in the order in which codes have them first, and no others. ``texts`` may have some twice."""
    if is_in_order_of_use(codes, len(texts)):
        return codes, texts
    here = codes != MISSING
    first = np.full(len(texts) + 1, len(codes), np.int64)
    # Of an index that repeats, NumPy keeps the last value.
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    first = first[:-1]
    used = np.argsort(first, kind="stable")[: np.count_nonzero(first < len(codes))]
    new = np.empty(len(texts), np.int32)
    new[used] = np.arange(len(used), dtype=np.int32)
    renumbered = np.full(len(codes), MISSING, np.int32)
    renumbered[here] = new[codes[here]]
    return renumbered, texts.take(used)


def is_in_order_of_use(codes: npt.NDArray[np.int32], texts: int) -> bool:
    """Whether each of so many texts has a code, and codes begin with 0 and each new one is the next."""
    highest = np.maximum.accumulate(np.concatenate([np.array([MISSING], np.int32), codes]))
    return bool(highest[-1] + 1 == texts and (highest[1:] - highest[:-1] <= 1).all())


def _one_code(columns: Sequence[TextColumn | ListColumn]) -> tuple[npt.NDArray[np.int32], Texts]:
    """The codes of all columns, as places in the texts of all. Some texts have no code any more."""
    texts = join([column.texts for column in columns])
    places = np.append(texts.firsts(), MISSING).astype(np.int32)
    base, codes = 0, []
    for column in columns:
        codes.append(places[np.where(column.codes == MISSING, MISSING, column.codes + base)])
        base += len(column.texts)
    return np.concatenate(codes), texts


def _texts_of(column: NumberColumn) -> TextColumn:
    here = ~np.isnan(column.numbers)
    numbers, inverse = np.unique(column.numbers[here], return_inverse=True)
    codes = np.full(len(here), MISSING, np.int32)
    codes[here] = inverse
    return TextColumn(*in_order_of_use(codes, Texts.of(decimal(number) for number in numbers.tolist())))


def _lists_of(column: TextColumn) -> ListColumn:
    here = column.codes != MISSING
    return ListColumn(_starts(here.astype(np.int64)), column.codes[here], column.texts)


def _starts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def decimal(number: float) -> str:
    """The shortest decimal text of a finite number, without an exponent: 5, 19.99, 0.00001."""
    text = repr(number)
    if "e" in text:
        return np.format_float_positional(number, trim="-")
    return text.removesuffix(".0")
