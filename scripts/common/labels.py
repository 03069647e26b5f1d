"""Labels: the texts that a CSV has about each product. It is read as product data are."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from lookalike.errors import FeedError
from lookalike.feeds.delimited import SEPARATORS
from lookalike.feeds.feed import Feed, read_feed
from lookalike.feeds.lines import Lines
from lookalike.feeds.product_rows import product_id_in
from lookalike.feeds.reports import Report
from lookalike.feeds.sheets import open_sheet
from lookalike.tables.table import Value

_EXAMPLES: Final = 3


class InputError(Exception):
    """The photos or the labels cannot be used. The message is a sentence that says what to change."""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The texts of a file of product data, and a sentence about the way it was read.

    ``texts``: product id, ascending -> name in lower case -> text; ``name`` comes first.
    """

    texts: Mapping[str, Mapping[str, str]]
    remark: str


def parse_labels(data: bytes, file: str, id_column: str | None = None) -> LabelTable:
    """The labels of each product, by the names of the file's columns. Raises InputError.

    ``file``: its name, for messages. ``id_column``: the column that names the product; by default a usual one.
    """
    try:
        feed = read_feed(io.BytesIO(data), file, id_column=id_column)
    except FeedError as error:
        hint = " --id-column names one." if error.reason == "no-id-column" and id_column is None else ""
        raise InputError(f"{error}{hint}") from error
    for bad in feed.bad:
        # Half a file of labels is most often a mistake, and the photos would be sent without the other half.
        if bad.code == "unclosed-quote":
            raise InputError(f"{file}, line {bad.line}: {bad.detail}.")
    if not len(feed.table):
        raise InputError(f"{file} has no row with an id.")
    names = _names(feed)
    texts = {
        product_id: {names[attribute]: _text(value) for attribute, value in feed.table.values(row).items()}
        for product_id, row in sorted((product_id, row) for row, product_id in enumerate(feed.table.ids))
    }
    bad_rows = (
        f"{number(feed.bad_total, 'bad row')}, such as line {feed.bad[0].line}: {feed.bad[0].detail}"
        if feed.bad
        else ""
    )
    return LabelTable(texts, f"{file}: {'; '.join(filter(None, (*feed.remarks, bad_rows)))}.")


def with_ids(data: bytes, file: str, id_column: str | None, ids: Mapping[str, str]) -> bytes:
    """The same data with other ids: ``ids`` maps those to change to what stands in their place. UTF-8. Raises FeedError.

    Where no id changes, the data are as they are.
    """
    if all(old == new for old, new in ids.items()):
        return data
    sheet = open_sheet(io.BytesIO(data), file, id_column, Report())
    if sheet is None:
        column = read_feed(io.BytesIO(data), file, id_column=id_column).id_column
        return "".join(_line_with_id(line, column, ids) for line in Lines(io.BytesIO(data), file)).encode()
    text = io.StringIO(newline="")
    # By its separator a reader judges what a comma in a number is.
    separator = sheet.separator if sheet.separator in SEPARATORS else ","
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(sheet.names)
    for _, row in sheet.rows:
        place = next((place for place in sheet.id_places if place < len(row) and row[place].strip()), None)
        if place is not None:
            product_id = product_id_in(row[place])
            row[place] = ids.get(product_id, product_id)
        writer.writerow(row)
    return text.getvalue().encode()


def _line_with_id(line: str, column: str, ids: Mapping[str, str]) -> str:
    try:
        values = json.loads(line)
        product_id = product_id_in(str(values[column]))
    except (ValueError, KeyError, TypeError):
        return line
    return json.dumps(values | {column: ids[product_id]}, ensure_ascii=False) + "\n" if product_id in ids else line


def _names(feed: Feed) -> dict[str, str]:
    """The name of each attribute: the file's own, but for the product's name, in lower case."""
    own = {attribute: column for column, attribute in reversed(list(feed.fields.items()))}
    names = {attribute: _simple(own.get(attribute, attribute)) for attribute in feed.table.columns}
    return {attribute: attribute if attribute == "name" else name for attribute, name in names.items()}


def _simple(column: str) -> str:
    """The name in lower case, of letters, digits and a few signs."""
    return re.sub(r"[^a-z0-9_.-]+", "-", column.strip().lower()).strip("-")


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return value if isinstance(value, str) else f"{value:.15g}"


def some(names: Iterable[object]) -> str:
    """The first three different names; quoted if one of them could be misread, or could write to the terminal."""
    shown = dict.fromkeys(str(name) for name in names)
    return ", ".join(
        name if name.isprintable() and name == name.strip() else repr(name) for name in islice(shown, _EXAMPLES)
    )


def number(count: int, noun: str) -> str:
    """A number of things: ``1 photo``, ``2,000 photos``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
