"""The layout of a file: which columns it has, which one names the product, and its rows as columns with cells."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Final

from lookalike.errors import FeedError
from lookalike.feeds.columns import Column, columns_of, own_column
from lookalike.feeds.delimited import SEPARATORS, Rows
from lookalike.feeds.json_lines import Cell, Objects
from lookalike.feeds.lines import Lines
from lookalike.feeds.reports import Report
from lookalike.feeds.vocabulary import Role, Vendor, id_column, vendor_of, word_of

MAX_COLUMNS: Final = 500
"""A table has no more attributes from one file."""
_SAMPLE: Final = 200
_DECLARED: Final = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)

Row = tuple[int, str, Sequence[tuple[Column, Cell]]]
"""The line of a row, the text of its id, and its cells."""


@dataclass(slots=True)
class Layout:
    """``separator``: "" for JSON lines. ``columns``: those that are read; of JSON lines more may come while ``rows`` are read.

    ``blank``: how many rows without a value there were so far. ``left_out``: names of columns that are not read.
    """

    vendor: Vendor
    id_column: str
    separator: str
    columns: list[Column]
    left_out: list[str]
    rows: Iterator[Row]
    blank: Callable[[], int]


def layout_of(lines: Lines, name: str, wanted: str | None, report: Report) -> Layout:
    """The layout of a file by its first lines. Raises FeedError where it has none."""
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if line.strip() and not (len(waiting) == 1 and _DECLARED.fullmatch(line)):
            break
    else:
        raise FeedError("empty", f"{name} is empty.")
    start = waiting[-1].lstrip()
    is_json = PurePosixPath(name).suffix.lower() in (".jsonl", ".ndjson", ".json")
    if start.startswith("[") and (is_json or re.match(r"\[\s*(\{|$)", start)):
        raise FeedError(
            "json-array",
            f"{name} is one JSON array. Write JSON lines: an object for each product, each on its own line.",
        )
    if is_json or start.startswith("{"):
        return _json_lines(lines, waiting, name, wanted, report)
    return _delimited(lines, waiting, name, wanted, report)


def _delimited(lines: Lines, waiting: list[str], name: str, wanted: str | None, report: Report) -> Layout:
    declared = _DECLARED.fullmatch(waiting[0])
    blank = len(waiting) - (2 if declared else 1)
    separator = declared[1] if declared else _separator(waiting[-1], wanted)
    rows = Rows(chain(waiting[-1:], lines), lines, separator, report, first=len(waiting))
    header = next((row for _, row in rows), None)
    if header is None or report.total:
        raise FeedError(
            "no-header", f"{name} has no line with the names of its columns, or one with a quote that is not closed."
        )
    names = [text.strip() for text in header]
    vendor = vendor_of(names)
    places, id_name = _id_places(names, wanted, vendor, name)
    if len(names) > MAX_COLUMNS:
        report.remarks.append(f"of {len(names):,} columns the first {MAX_COLUMNS} are read")
    columns: list[Column | None] = columns_of(names, vendor, id_name)
    columns[MAX_COLUMNS:] = [None] * len(columns[MAX_COLUMNS:])
    rows.columns = len(names)
    rows.id_place = places[0]
    return Layout(
        vendor=vendor,
        id_column=id_name,
        separator=separator,
        columns=[column for column in columns if column],
        left_out=[text for text, column in zip(names, columns, strict=True) if not column and text != id_name],
        rows=_cells(rows, columns, places, separator, report),
        blank=lambda: rows.blank + blank,
    )


def _cells(
    rows: Iterable[tuple[int, list[str]]],
    columns: list[Column | None],
    places: Sequence[int],
    separator: str,
    report: Report,
) -> Iterator[Row]:
    """The cells of rows. What a row has too many belongs to a text at its end; elsewhere the row is bad."""
    count = len(columns)
    last = columns[-1]
    is_text_last = last is not None and last.role in (Role.NAME, Role.DESCRIPTION)
    first = places[0]
    read = [place for place, column in enumerate(columns) if column]
    present = [column for column in columns if column]
    cells_of = itemgetter(*read) if len(read) > 1 else lambda row: [row[place] for place in read]
    for line, row in rows:
        if len(row) != count:
            while len(row) > count and not row[-1].strip():
                row.pop()
            if len(row) > count:
                if not is_text_last:
                    report.row(
                        line,
                        "too-many-values",
                        f"the row has {len(row)} values for {count} columns: put texts with a separator in double quotes",
                        row[first].strip(),
                    )
                    continue
                report.counts["with more values than columns, which belong to the last column"] += 1
                row[count - 1 :] = [separator.join(row[count - 1 :])]
            elif len(row) < count:
                report.counts["with fewer values than columns"] += 1
                row.extend([""] * (count - len(row)))
        product_id = row[first]
        for place in places[1:]:
            product_id = product_id if product_id.strip() else row[place]
        yield line, product_id, list(zip(present, cells_of(row), strict=True))


def _json_lines(lines: Lines, waiting: list[str], name: str, wanted: str | None, report: Report) -> Layout:
    objects = Objects(chain(waiting[-1:], lines), lines, report)
    rows = iter(objects)
    sample = list(islice(rows, _SAMPLE))
    names = list(dict.fromkeys(key for _, values in sample for key in values))
    vendor = vendor_of(names)
    places, id_name = _id_places(names, wanted, vendor, name)
    known: dict[str, Column | None] = dict(zip(names, columns_of(names, vendor, id_name), strict=True))
    columns = [column for column in known.values() if column]
    layout = Layout(
        vendor=vendor,
        id_column=id_name,
        separator="",
        columns=columns,
        left_out=[text for text, column in known.items() if not column and text != id_name],
        rows=iter(()),
        blank=lambda: objects.blank + len(waiting) - 1,
    )

    def cells() -> Iterator[Row]:
        ids = [names[place] for place in places]
        for line, values in chain(sample, rows):
            found = next((text for key in ids if isinstance(text := values.get(key, ""), str) and text.strip()), "")
            row = []
            for key, cell in values.items():
                if key not in known:
                    known[key] = own_column(key, columns) if len(known) < MAX_COLUMNS else None
                    columns.extend(column for column in (known[key],) if column)
                column = known[key]
                if column and cell:
                    row.append((column, cell))
            yield line, found, row

    layout.rows = cells()
    return layout


def _separator(header: str, wanted: str | None) -> str:
    """The separator by which the header has a column for ids, and the most columns."""

    def columns(separator: str) -> tuple[bool, int]:
        names = next(csv.reader([header], delimiter=separator), [])
        return id_column(names, wanted, vendor_of(names)) is not None, len(names)

    return max(SEPARATORS, key=columns)


def _id_places(names: Sequence[str], wanted: str | None, vendor: Vendor, file: str) -> tuple[list[int], str]:
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
