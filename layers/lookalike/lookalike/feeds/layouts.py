"""The layout of a file: which columns it has, which one names the product, and its rows as columns with cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from typing import Final

from lookalike.feeds.columns import Column, columns_of, later_column
from lookalike.feeds.json_lines import Cell, Objects
from lookalike.feeds.lines import Lines
from lookalike.feeds.reports import Report
from lookalike.feeds.sheets import Sheet, Start, id_places, sheet_of, start_of
from lookalike.feeds.vocabulary import Role, Vendor, vendor_of

MAX_COLUMNS: Final = 500
"""A table has no more attributes from one file."""
_SAMPLE: Final = 200

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
    """The layout of a file by its first lines. ``wanted``: the column that names the product. Raises FeedError."""
    start = start_of(lines, name)
    if start.is_json:
        return _json_lines(lines, start, name, wanted, report)
    return _delimited(sheet_of(lines, start, name, wanted, report), report)


def _delimited(sheet: Sheet, report: Report) -> Layout:
    names = sheet.names
    if len(names) > MAX_COLUMNS:
        report.remarks.append(f"of {len(names):,} columns the first {MAX_COLUMNS} are read")
    columns = columns_of(names, sheet.vendor, sheet.id_name)
    columns[MAX_COLUMNS:] = [None] * len(columns[MAX_COLUMNS:])
    return Layout(
        vendor=sheet.vendor,
        id_column=sheet.id_name,
        separator=sheet.separator,
        columns=[column for column in columns if column],
        left_out=[text for text, column in zip(names, columns, strict=True) if not column and text != sheet.id_name],
        rows=_cells(sheet, columns, report),
        blank=lambda: sheet.rows.blank + sheet.blank,
    )


def _cells(sheet: Sheet, columns: list[Column | None], report: Report) -> Iterator[Row]:
    """The cells of rows. What a row has too many belongs to a text at its end; elsewhere the row is bad."""
    count = len(columns)
    last = columns[-1]
    is_text_last = last is not None and last.role in (Role.NAME, Role.DESCRIPTION)
    first, *others = sheet.id_places
    # A column that is a further one of an attribute comes after the one that is it.
    read = sorted(
        (place for place, column in enumerate(columns) if column), key=lambda place: _is_further(columns[place])
    )
    present = [column for place in read if (column := columns[place])]
    cells_of = itemgetter(*read) if len(read) > 1 else lambda row: [row[place] for place in read]
    for line, row in sheet.rows:
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
                row[count - 1 :] = [sheet.separator.join(row[count - 1 :])]
            elif len(row) < count:
                report.counts["with fewer values than columns"] += 1
                row.extend([""] * (count - len(row)))
        product_id = row[first]
        for place in others:
            product_id = product_id if product_id.strip() else row[place]
        yield line, product_id, list(zip(present, cells_of(row), strict=True))


def _is_further(column: Column | None) -> bool:
    return column is not None and column.role is Role.OWN


def _json_lines(lines: Lines, start: Start, name: str, wanted: str | None, report: Report) -> Layout:
    objects = Objects(chain(start.lines[-1:], lines), lines, report)
    rows = iter(objects)
    sample = list(islice(rows, _SAMPLE))
    names = list(dict.fromkeys(key for _, values in sample for key in values))
    vendor = vendor_of(names)
    places, id_name = id_places(names, wanted, vendor, name)
    known: dict[str, Column | None] = dict(zip(names, columns_of(names, vendor, id_name), strict=True))
    columns = [column for column in known.values() if column]
    layout = Layout(
        vendor=vendor,
        id_column=id_name,
        separator="",
        columns=columns,
        left_out=[text for text, column in known.items() if not column and text != id_name],
        rows=iter(()),
        blank=lambda: objects.blank + len(start.lines) - 1,
    )

    def cells() -> Iterator[Row]:
        ids = [names[place] for place in places]
        for line, values in chain(sample, rows):
            found = next((text for key in ids if isinstance(text := values.get(key, ""), str) and text.strip()), "")
            row = []
            for key, cell in values.items():
                if key not in known:
                    known[key] = later_column(key, vendor, columns) if len(known) < MAX_COLUMNS else None
                    columns.extend(column for column in (known[key],) if column)
                column = known[key]
                if column and cell:
                    row.append((column, cell))
            yield line, found, row

    layout.rows = cells()
    return layout
