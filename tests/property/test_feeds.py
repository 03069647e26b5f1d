"""Made-up files of product data: what was written is read, nothing is lost without a word, and no bytes break the reader."""

import csv
import io
import json
import unicodedata
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import FeedError
from lookalike.feeds.feed import Feed
from tests.support.feeds import FOLDER, products, read

# Texts that stay as they are: printable, in one line, no formula, and no number.
_SIGNS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co", "Cf", "Zl", "Zp", "Zs"])
_WORDS = st.text(_SIGNS, max_size=8).map(lambda text: unicodedata.normalize("NFC", f"v{text}"))
_TEXTS = st.lists(_WORDS, min_size=1, max_size=3).map(" ".join)
_NUMBERS = st.integers(-(10**6), 10**6) | st.decimals(-1000, 1000, places=2, allow_nan=False).map(float)
_COLUMNS = ["shape", "Übergröße", "stitch count", "x-ray"]


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows as dicts: an id, and some of the columns, each of texts or of numbers throughout."""
    kinds = {column: draw(st.sampled_from([_TEXTS, _NUMBERS])) for column in _COLUMNS}
    ids = st.text(_SIGNS, min_size=1, max_size=4).map(lambda text: unicodedata.normalize("NFC", text))
    row = st.fixed_dictionaries({"id": ids}, optional=kinds)
    return draw(st.lists(row, min_size=1, max_size=12))


def by_product(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What rows say of each product: value by value, the last one."""
    said: dict[str, dict[str, Any]] = {}
    for row in rows:
        said.setdefault(row["id"], {}).update({name: value for name, value in row.items() if name != "id"})
    return said


@given(
    rows=tables(),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_what_was_written_as_csv_is_read(
    rows: list[dict[str, Any]], separator: str, end: str, quoting: Any, encoding: str
) -> None:
    file = io.StringIO()
    writer = csv.DictWriter(file, ["id", *_COLUMNS], delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writeheader()
    writer.writerows(rows)
    feed = read(file.getvalue().encode(encoding), "products.csv")
    assert products(feed) == by_product(rows)
    assert (feed.rows, feed.bad_total, feed.blank) == (len(rows), 0, 0)


@settings(max_examples=60)  # what becomes of a row is the same as in CSV
@given(tables())
def test_what_was_written_as_json_lines_is_read(rows: list[dict[str, Any]]) -> None:
    feed = read("\n".join(map(json.dumps, rows)), "products.jsonl")
    assert products(feed) == by_product(rows)


@given(st.binary(max_size=300), st.sampled_from(["x.csv", "x.tsv", "x.jsonl", "x"]))
def test_bytes_of_any_kind_are_read_or_refused(data: bytes, name: str) -> None:
    read_or_refused(data, name)


@given(
    file=st.sampled_from(["google.tsv", "shopify.csv", "shopify-2025.csv", "woocommerce.csv"]),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 40), st.binary(max_size=5)), max_size=8),
)
def test_damaged_files_are_read_or_refused(file: str, changes: list[tuple[int, int, bytes]]) -> None:
    data = (FOLDER / file).read_bytes()
    for number, length, new in changes:
        place = number % (len(data) + 1)
        data = data[:place] + new + data[place + length :]
    read_or_refused(data, file)


_CELLS = st.sampled_from(
    ["", " ", "1", "a b", "-5", "19,90 €", "<b>", "javascript:x", "=", "#N/A", "2026-13-01", '"', '""', "ü"]
)


@given(
    header=st.permutations(["id", "name", "price", "link", "qty", "sale_price_effective_date", "sale_price"]),
    rows=st.lists(st.lists(_CELLS, max_size=9), max_size=15),
)
def test_each_line_is_in_the_table_or_counted(header: list[str], rows: list[list[str]]) -> None:
    lines = ["\t".join(header), *("\t".join(row) for row in rows)]
    feed = read("\n".join(lines) + "\n", "x.tsv")
    counted = feed.rows + feed.bad_rows + feed.blank
    if any('"' in line for line in lines):
        assert counted <= len(rows)  # a quoted text may have several lines
    else:
        assert counted == len(rows)
    assert feed.bad_total >= feed.bad_rows
    assert set(feed.table.ids) <= {cell.strip() for row in rows for cell in row} | {
        cell for row in rows for cell in row
    }


@given(
    st.lists(
        st.text(max_size=20) | st.sampled_from(['{"id": 1}', "{}", "[1]", '{"id": "a", "price": "x"}', "null"]),
        max_size=15,
    )
)
def test_each_json_line_is_in_the_table_or_counted(lines: list[str]) -> None:
    lines = ['{"id": "first"}', *("".join(line.splitlines()).replace("\r", "") for line in lines)]
    feed = read("\n".join(lines).encode("utf-8", "replace") + b"\n", "x.jsonl")
    assert feed.rows + feed.bad_rows + feed.blank == len(lines)


def read_or_refused(data: bytes, name: str) -> Feed | None:
    try:
        feed = read(data, name)
    except FeedError:
        return None
    assert feed.rows >= len(feed.table)
    assert feed.bad_total >= len(feed.bad)
    for row in range(len(feed.table)):
        json.dumps(feed.table.values(row), allow_nan=False).encode()
    return feed
