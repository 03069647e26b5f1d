"""Labels: the texts that a CSV has about each product."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lookalike.feeds.vocabulary import Vendor, id_column, vendor_of, word_of
from lookalike.photos.catalogue import product_id_of

_EXAMPLES: Final = 3
_SEPARATORS: Final = ",;\t|"


class InputError(Exception):
    """The photos or the labels cannot be used. The message is a sentence that says what to change."""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The texts of a CSV, and a sentence about the way it was read.

    ``texts``: product id -> name in lower case -> text; ``name`` comes first, then the columns in their order.
    """

    texts: Mapping[str, Mapping[str, str]]
    remark: str


def parse_labels(data: bytes, file: str, wanted: str | None = None) -> LabelTable:
    """The labels of each product; if several rows have one id, the last counts. Raises InputError.

    ``file``: its name, for messages. ``wanted``: the column that names the product; by default a usual one.
    """
    sheet = _read(data, file, wanted)
    columns, place = sheet.columns, sheet.place
    names = [_metadata_name(column) for column in columns]
    names[place] = ""
    texts: dict[str, dict[str, str]] = {}
    count = surplus = nameless = again = long = 0
    for count, row in enumerate(sheet.rows, 1):  # noqa: B007 - the number of rows
        surplus += sheet.join_surplus(row)
        long += any("\n" in value or "\r" in value for value in row)
        product_id = _id(row[place]) if place < len(row) else ""
        again += product_id in texts
        if product_id:
            texts[product_id] = _texts(names, row)
        else:
            nameless += 1
    if not texts:
        raise InputError(f"{file} has no row with an id.")
    remarks = [
        f"{number(count, 'row')}; column {columns[place].strip()} names the product",
        f"the text is {sheet.encoding}, not UTF-8" if sheet.encoding else "",
        _rows_with(surplus, "with more values than columns, which belong to the last column"),
        _rows_with(again, "with an id that had come before: the last one counts"),
        _rows_with(nameless, "without an id"),
        _rows_with(long, "with a text of several lines"),
    ]
    return LabelTable(texts, f"{file}: {'; '.join(filter(None, remarks))}.")


def with_ids(data: bytes, file: str, wanted: str | None, ids: Mapping[str, str]) -> bytes:
    """A CSV with other ids: ``ids`` maps those to change to what stands in their place. Raises InputError.

    Values beyond the last column become part of it. A file of which nothing changes keeps its bytes, and so its lines.
    """
    sheet = _read(data, file, wanted)
    text = io.StringIO(newline="")
    separator = sheet.separator if sheet.separator in _SEPARATORS else ","
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(sheet.columns)
    is_changed = False
    for row in sheet.rows:
        is_changed |= sheet.join_surplus(row)
        product_id = _id(row[sheet.place]) if sheet.place < len(row) else ""
        if ids.get(product_id, product_id) != product_id:
            row[sheet.place] = ids[product_id]
            is_changed = True
        writer.writerow(row)
    return text.getvalue().encode() if is_changed else data


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A CSV: its columns, the place of the one that names the product, and the rows that are not empty.

    ``encoding``: its name if it is a guess.
    """

    columns: Sequence[str]
    place: int
    rows: Iterator[list[str]]
    separator: str
    encoding: str

    def join_surplus(self, row: list[str]) -> bool:
        """Make values beyond the last column part of it; whether there were any."""
        while len(row) > len(self.columns) and not row[-1].strip():
            row.pop()
        if len(row) <= len(self.columns):
            return False
        last = len(self.columns) - 1
        row[last:] = [self.separator.join(row[last:])]
        return True


def _read(data: bytes, file: str, wanted: str | None) -> _Sheet:
    """A CSV. Raises InputError, also while its rows are taken."""
    text, encoding = _decoded(data, file)
    lines = list(io.StringIO(text, newline=""))
    declared = re.fullmatch(r'"?sep=(.)"?', lines[0].rstrip("\r\n"), re.IGNORECASE) if lines else None
    if declared:
        lines[0] = "\n"  # keeps the numbers of the lines
    separator = declared[1] if declared else _separator(lines, wanted)
    rows = _rows(lines, separator, file)
    columns = next(rows, [])
    place = _id_place(columns, wanted)
    if place is None:
        usual = "" if wanted else " (nor product_id, sku, handle); --id-column names another"
        listed = ", ".join(columns) or "none"
        raise InputError(f"{file} has no column named {wanted or 'id'}{usual}. Its columns: {listed}.")
    return _Sheet(columns, place, rows, separator, encoding)


def _decoded(data: bytes, file: str) -> tuple[str, str]:
    """The text, and the name of its encoding if it is a guess."""
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    error: UnicodeDecodeError | None = None
    for encoding, guess in (("utf-16" if is_utf_16 else "utf-8-sig", ""), ("cp1252", "Windows-1252")):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as problem:
            error = error or problem
            continue
        if "\0" not in text:
            return text, guess
        break
    raise InputError(f"{file} is no CSV in UTF-8. A spreadsheet saves one as 'CSV UTF-8'.") from error


def _separator(lines: Sequence[str], wanted: str | None) -> str:
    """The separator by which the header has a column for ids, and the most columns."""
    header = next((line for line in lines if line.strip()), "")

    def columns(separator: str) -> tuple[bool, int]:
        names = next(csv.reader([header], delimiter=separator), [])
        return _id_place(names, wanted) is not None, len(names)

    return max(_SEPARATORS, key=columns)


def _id_place(columns: Sequence[str], wanted: str | None) -> int | None:
    """The column that names the product: the one by which product data name it, too."""
    vendor = vendor_of(columns)
    if vendor is Vendor.WOOCOMMERCE and wanted is None:
        skus = [place for place, column in enumerate(columns) if word_of(column) == "sku"]
        if skus:
            return skus[0]
    found = id_column(columns, wanted, vendor)
    return None if found is None else columns.index(found)


def _rows(lines: Sequence[str], separator: str, file: str) -> Iterator[list[str]]:
    """The rows that are not empty. Raises InputError where a quote is not closed."""
    reader = csv.reader(
        [*lines, ""], delimiter=separator
    )  # an open quote takes the line behind the last one into its row
    begin = 0
    while True:
        try:
            row = next(reader, None)
            if reader.line_num - begin > 1:  # Python ends a quoted text wherever the next quote is, and reads on
                list(csv.reader(lines[begin : reader.line_num], delimiter=separator, strict=True))
        except csv.Error as error:
            raise InputError(
                f"{file}, line {begin + 1}: a quote opens here and is not closed as it should ({error}). Close it; a quote "
                "inside a quoted text is written twice."
            ) from error
        if row is None:
            return
        begin = reader.line_num
        if row:
            yield row


def _id(text: str) -> str:
    """The id in a cell, which may be the formula ="00123": it keeps a spreadsheet from changing the id."""
    formula = re.fullmatch(r'="(.*)"', text.strip())
    return product_id_of((formula[1] if formula else text).strip())


def _metadata_name(column: str) -> str:
    """The name of an HTTP header: letters, digits and a few signs."""
    name = re.sub(r"[^a-z0-9_.-]+", "-", column.strip().lower()).strip("-")
    return "name" if name == "productdisplayname" else name


def _texts(names: Sequence[str], row: Iterable[str]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in zip(names, row, strict=False):
        text = " ".join(value.split())  # one line
        if name and text:
            texts.setdefault(name, text)
    return {"name": texts["name"], **texts} if "name" in texts else texts


def _rows_with(count: int, what: str) -> str:
    return f"{number(count, 'row')} {what}" if count else ""


def some(names: Iterable[object]) -> str:
    """The first three different names; quoted if one of them could be misread, or could write to the terminal."""
    shown = dict.fromkeys(str(name) for name in names)
    return ", ".join(
        name if name.isprintable() and name == name.strip() else repr(name) for name in islice(shown, _EXAMPLES)
    )


def number(count: int, noun: str) -> str:
    """A number of things: ``1 photo``, ``2,000 photos``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
