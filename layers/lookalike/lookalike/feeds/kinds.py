"""The kind of each column, found over all its values: numbers or texts."""

import re
from collections.abc import Iterable
from typing import Final

import numpy as np

from lookalike.feeds.texts import one_line
from lookalike.feeds.vocabulary import CANONICAL, Role
from lookalike.tables.table import MISSING, Column, NumberColumn, Table, TextColumn

_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?", re.ASCII)
_COMMA_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:,\d{1,15})?", re.ASCII)
# A number that is a name says nothing by its size.
_NAMES: Final = frozenset(
    (
        "id", "ids", "sku", "skus", "gtin", "ean", "upc", "isbn", "mpn", "barcode", "code", "codes", "number", "no", "nr", "nummer",
        "artikelnummer", "parent", "zip", "plz", "phone", "handle", "category",
    )
)  # fmt: skip
_WORDS: Final = re.compile(r"[A-Z]?[a-zäöü]+|[A-Z]+(?![a-z])")
_TEXTS: Final = frozenset(role.value for role in CANONICAL)
_NUMBERS_FIRST: Final = tuple(
    role.value for role in CANONICAL if role not in (Role.DESCRIPTION, Role.IMAGE_LINK, Role.ADDITIONAL_IMAGE_LINK)
)


def with_kinds(table: Table, *, decimal_comma: bool) -> Table:
    """The table with numbers where all texts of a column are numbers; the vocabulary's columns first, in its order."""
    pattern = _COMMA_NUMBER if decimal_comma else _NUMBER
    columns = {name: _numbers(name, column, (pattern, _NUMBER)) for name, column in table.columns.items()}
    last = [name for name in _TEXTS if name not in _NUMBERS_FIRST]
    order = [*_NUMBERS_FIRST, *(name for name in columns if name not in _TEXTS), *sorted(last)]
    return Table(table.hashes, table.ids, {name: columns[name] for name in order if name in columns})


def _numbers(name: str, column: Column, patterns: Iterable[re.Pattern[str]]) -> Column:
    """The column as numbers, or as it is."""
    if not isinstance(column, TextColumn) or name in _TEXTS or _is_name(name):
        return column
    for pattern in patterns:
        if len(column.texts) and not pattern.fullmatch(column.texts[0]):
            continue
        texts = list(column.texts)
        if all(map(pattern.fullmatch, texts)):
            numbers = np.array([*(float(text.replace(",", ".")) for text in texts), np.nan])
            return NumberColumn(numbers[np.where(column.codes == MISSING, len(texts), column.codes)])
    return column


def _is_name(attribute: str) -> bool:
    return any(word.lower() in _NAMES for word in _WORDS.findall(one_line(attribute)))
