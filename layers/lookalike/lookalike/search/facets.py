"""Facets: the values of each attribute, and how many products have each.

Only products that a search can find are counted: those with a searchable photo that pass the filters. The products of an
attribute's own facet pass the filters of the other attributes, so that it shows what else could be chosen. Products that are
hidden as unavailable are counted in the facet of availability alone, as by a filter of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from lookalike.search.filters import Filters, all_of
from lookalike.search.view import AVAILABILITY, ProductView
from lookalike.store.shard import Mask
from lookalike.tables.names import comparable, spelling
from lookalike.tables.table import MISSING, Column, Kind, ListColumn, NumberColumn, Table

MAX_VALUES: Final = 100
"""Values of a facet that are named."""

MAX_DIFFERENT: Final = 5000
"""Attributes of more texts have no facet: they are names, links or ids, of which each product has its own."""

FEW: Final = 100
"""Attributes of more texts have no facet either, where a text stands for fewer than two products."""

NO_FACETS: Final = frozenset(map(comparable, ("name", "link", "image_link", "description")))
"""Attributes that have no facet however few their texts are."""

Codes = npt.NDArray[np.int32]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value, and the number of products that have it."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class TextFacet:
    """The values of a text or list attribute that most products have, by count and then by text.

    ``others``: the sum of the counts of all other values.
    """

    attribute: str
    kind: Kind
    values: tuple[ValueCount, ...]
    others: int


@dataclass(frozen=True, slots=True)
class NumberFacet:
    """The least and the greatest number of an attribute, and how many products have one."""

    attribute: str
    least: float
    most: float
    count: int

    kind = Kind.NUMBER


Facet = TextFacet | NumberFacet


@dataclass(frozen=True, slots=True)
class Facets:
    """``products``: how many pass all filters, those without data too; ``facets``: in the order of the table's attributes."""

    products: int
    facets: tuple[Facet, ...]


def facets(view: ProductView, filters: Filters, *, hide: bool = False) -> Facets:
    """The facets of the products that pass. ``hide``: see ``ProductView.mask``. Raises UnknownAttribute, BadFilter.

    An attribute of which no counted product has a value has no facet.
    """
    table = view.table
    masks = filters.masks(table)
    if hide and view.hidden is not None and not filters.is_about(AVAILABILITY):
        masks[spelling(table.columns, AVAILABILITY) or AVAILABILITY] = ~view.hidden
    passing = all_of(masks, len(table))
    counted = passing & view.photographed
    found: list[Facet] = []
    for attribute, counter in _counters(table):
        others = all_of(masks, len(table), but=attribute) & view.photographed if attribute in masks else counted
        facet = counter.facet(attribute, others)
        if facet is not None:
            found.append(facet)
    products = view.count(np.append(passing, not filters))
    return Facets(int(np.count_nonzero(counted)) if products is None else products, tuple(found))


@dataclass(frozen=True, slots=True, eq=False)
class _TextCounter:
    """What counting a text or list column takes, made once for a table.

    ``rows``: of each code, None where they are 0, 1, ...; ``codes``: without repetition in a row; ``texts``: of each code, and
    ``by_text``: the codes as their texts are sorted.
    """

    kind: Kind
    rows: Codes | None
    codes: Codes
    texts: Sequence[str]
    by_text: Counts

    def facet(self, attribute: str, counted: Mask) -> TextFacet | None:
        codes = self.codes[counted if self.rows is None else counted[self.rows]]
        counts = np.bincount(codes + 1, minlength=len(self.texts) + 1)[1:][self.by_text]
        first = np.argsort(-counts, kind="stable")[: min(MAX_VALUES, np.count_nonzero(counts))]
        if not len(first):
            return None
        values = zip(self.by_text[first].tolist(), counts[first].tolist(), strict=True)
        named = tuple(ValueCount(self.texts[code], count) for code, count in values)
        return TextFacet(attribute, self.kind, named, int(counts.sum() - counts[first].sum()))


@dataclass(frozen=True, slots=True, eq=False)
class _NumberCounter:
    column: NumberColumn

    def facet(self, attribute: str, counted: Mask) -> NumberFacet | None:
        numbers = self.column.numbers[counted]
        least, most = np.fmin.reduce(numbers, initial=np.nan), np.fmax.reduce(numbers, initial=np.nan)
        count = len(numbers) - int(np.count_nonzero(np.isnan(numbers)))
        return NumberFacet(attribute, float(least), float(most), count) if count else None


_Counters = Sequence[tuple[str, _TextCounter | _NumberCounter]]
_made: WeakKeyDictionary[Table, _Counters] = WeakKeyDictionary()  # counters know columns, and no table


def _counters(table: Table) -> _Counters:
    """The attributes that have facets: made once for a table, and kept as long as it is."""
    counters = _made.get(table)
    if counters is None:
        named = ((attribute, _counter(attribute, column)) for attribute, column in table.columns.items())
        counters = [(attribute, counter) for attribute, counter in named if counter is not None]
        _made[table] = counters
    return counters


def _counter(attribute: str, column: Column) -> _TextCounter | _NumberCounter | None:
    if isinstance(column, NumberColumn):
        return _NumberCounter(column)
    different = len(column.texts)
    if different > MAX_DIFFERENT or comparable(attribute) in NO_FACETS:
        return None
    rows = None
    codes = column.codes
    if isinstance(column, ListColumn):
        of_row = np.repeat(np.arange(len(column.starts) - 1), np.diff(column.starts))
        # Sorted here, as unique takes sixty times as long.
        pairs = np.sort(of_row * max(different, 1) + codes)
        once = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]]
        rows, codes = (numbers.astype(np.int32) for numbers in np.divmod(once, max(different, 1)))
    if different > FEW and 2 * different > np.count_nonzero(codes != MISSING):
        return None
    texts = list(column.texts)
    by_text = np.array(sorted(range(different), key=texts.__getitem__), np.int64)
    return _TextCounter(column.kind, rows, codes, texts, by_text)
