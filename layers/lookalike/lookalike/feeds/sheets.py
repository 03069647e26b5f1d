"""Sheets: tables of text whose first line names the columns, and what their first lines tell of them."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from lookalike.errors import FeedError
from lookalike.feeds.delimited import SEPARATORS, Rows
from lookalike.feeds.lines import Lines
from lookalike.feeds.reports import Report
from lookalike.feeds.vocabulary import Vendor, id_column, vendor_of, word_of

_DECLARED: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_JSON_SUFFIXES: Final = (".jsonl", ".ndjson", ".json")


@dataclass(frozen=True, slots=True)
class Start:
    """The lines of a file up to the first that says something. ``is_json``: whether it has JSON lines."""

    lines: Sequence[str]
    is_json: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """``id_places``: where the id of a row stands, the likeliest place first; ``id_name``: the name of that column.

    ``rows``: of values, each with its line, read as they are taken. ``blank``: how many empty lines stand before the header.
    """

    names: Sequence[str]
    vendor: Vendor
    separator: str
    id_places: Sequence[int]
    id_name: str
    rows: Rows
    blank: int


def start_of(lines: Lines, name: str) -> Start:
    """The first lines of a file. Raises FeedError where there are none that say something."""
    taken: list[str] = []
    for line in lines:
        taken.append(line)
        if line.strip() and not (len(taken) == 1 and _DECLARED.fullmatch(line)):
            break
    else:
        raise FeedError("empty", f"{name} is empty.")
    text = taken[-1].lstrip()
    is_json = PurePosixPath(name).suffix.lower() in _JSON_SUFFIXES
    if text.startswith("[") and (is_json or re.match(r"\[\s*(\{|$)", text)):
        raise FeedError(
            "json-array",
            f"{name} is one JSON array. Write JSON lines: an object for each product, each on its own line.",
        )
    return Start(taken, is_json or text.startswith("{"))


def open_sheet(file: BinaryIO, name: str, wanted: str | None, report: Report) -> Sheet | None:
    """The sheet in a file, None for JSON lines. ``wanted``: the column that names the product. Raises FeedError."""
    lines = Lines(file, name)
    start = start_of(lines, name)
    return None if start.is_json else sheet_of(lines, start, name, wanted, report)


def sheet_of(lines: Lines, start: Start, name: str, wanted: str | None, report: Report) -> Sheet:
    """The sheet that begins with ``start``. Raises FeedError."""
    declared = _DECLARED.fullmatch(start.lines[0])
    separator = declared[1] if declared else _separator(start.lines[-1], wanted)
    rows = Rows(chain(start.lines[-1:], lines), lines, separator, report, first=len(start.lines))
    header = next((row for _, row in rows), None)
    if header is None or report.total:
        raise FeedError(
            "no-header", f"{name} has no line with the names of its columns, or one with a quote that is not closed."
        )
    names = [text.strip() for text in header]
    vendor = vendor_of(names)
    places, id_name = id_places(names, wanted, vendor, name)
    rows.columns = len(names)
    rows.id_place = places[0]
    return Sheet(names, vendor, separator, places, id_name, rows, len(start.lines) - (2 if declared else 1))


def _separator(header: str, wanted: str | None) -> str:
    """The separator by which the header has a column for ids, and the most columns."""

    def columns(separator: str) -> tuple[bool, int]:
        names = next(csv.reader([header], delimiter=separator), [])
        return id_column(names, wanted, vendor_of(names)) is not None, len(names)

    return max(SEPARATORS, key=columns)


def id_places(names: Sequence[str], wanted: str | None, vendor: Vendor, file: str) -> tuple[list[int], str]:
    """Where the id stands, the likeliest place first, and the name of that column. Raises FeedError."""
    found = id_column(names, wanted, vendor)
    if found is None:
        usual = "" if wanted else " (nor product_id, sku, handle)"
        listed = ", ".join(name for name in names[:50] if name) or "none"
        raise FeedError(
            "no-id-column",
            f"{file} has no column named {wanted or 'id'}{usual}; name the column of the ids. Its columns: {listed}.",
        )
    if vendor is Vendor.WOOCOMMERCE and wanted is None:
        # WooCommerce numbers products without a SKU, and shops know their products by SKU.
        words = [word_of(name) for name in names]
        places = [words.index(word) for word in ("sku", "artikelnummer", "id") if word in words]
        return places, names[places[0]]
    return [names.index(found)], found
