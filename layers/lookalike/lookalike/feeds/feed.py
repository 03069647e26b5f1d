"""Read a file of product data: CSV, TSV or JSON lines, of any shop system."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO, Final

from lookalike.errors import FeedError
from lookalike.feeds.kinds import with_kinds
from lookalike.feeds.layouts import Row, layout_of
from lookalike.feeds.lines import Lines
from lookalike.feeds.prices import has_decimal_comma
from lookalike.feeds.product_rows import ProductRows, bad_id, product_id_in
from lookalike.feeds.remarks import fields_of, remarks_of
from lookalike.feeds.reports import BadRow, Report
from lookalike.feeds.variants import Variants
from lookalike.feeds.vocabulary import PRICES, Vendor
from lookalike.feeds.woocommerce import with_parents
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Kind, Table

MAX_PLACES: Final = 50_000_000
"""Products times columns of a file: what the ingest function has time and memory for."""

_SAMPLE_ROWS: Final = 1000
# Products that come again are counted once, when the table is made: until then a file may have so many times the rows.
_ROWS_PER_PRODUCT: Final = 4


@dataclass(frozen=True, slots=True)
class Feed:
    """What a file of product data says.

    ``rows``: how many rows are in ``table``; several may be of one product. ``bad``: the first rows and values that were left out,
    in the order of their lines; ``bad_total``: how many there are, ``bad_rows`` of them whole rows. ``blank``: rows without
    a value. ``remarks``: sentences about the way the file was read. ``fields``: the attribute that each column of the file became.
    """

    table: Table
    rows: int
    bad: tuple[BadRow, ...]
    bad_total: int
    remarks: tuple[str, ...]
    fields: Mapping[str, str]
    id_column: str
    bad_rows: int
    blank: int

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each attribute."""
        return {name: column.kind for name, column in self.table.columns.items()}


def read_feed(lines: BinaryIO, name: str, *, id_column: str | None = None, max_products: int = 1_000_000) -> Feed:
    """The products of a file, read once from where it stands; it is left open.

    ``name``: the file's, for messages and for its suffix. ``id_column``: the column that names the product; by default a usual
    one. Raises FeedError where the whole file cannot be used; a bad row or value is left out and reported.
    """
    report = Report()
    source = Lines(lines, name)
    layout = layout_of(source, name, id_column, report)
    sample = list(islice(layout.rows, _SAMPLE_ROWS))
    prices = [
        cell for _, _, cells in sample for column, cell in cells if column.role in PRICES and isinstance(cell, str)
    ]
    decimal_comma = has_decimal_comma(prices, default=layout.separator == ";")
    rows = ProductRows(layout.vendor, layout.columns, report, decimal_comma=decimal_comma)
    builder = TableBuilder()
    named = _named(chain(sample, layout.rows), report)
    count = 0
    if layout.vendor in (Vendor.SHOPIFY, Vendor.WOOCOMMERCE):
        variants = Variants(builder)
        found = (rows.variant(line, product_id, cells) for line, product_id, cells in named)
        for product_id, values in with_parents(found):
            variants.add(product_id, values)
            count += 1
            _check_places(builder, name)
            if len(builder) > max_products:
                break
        table = variants.build()
    else:
        for line, product_id, cells in named:
            builder.add(product_id, rows.values(line, product_id, cells))
            count += 1
            _check_places(builder, name)
            if count > max_products * _ROWS_PER_PRODUCT:
                break
        table = builder.build()
        if len(table) < count:
            report.counts["with an id that had come before: the later values count"] += count - len(table)
    if len(table) > max_products:
        raise FeedError(
            "too-many-products", f"{name} has more than {max_products:,} products. Divide them among several files."
        )
    return Feed(
        table=with_kinds(table, decimal_comma=decimal_comma),
        rows=count,
        bad=tuple(sorted(report.kept, key=lambda bad: bad.line)),
        bad_total=report.total,
        remarks=remarks_of(layout, source, report, count, len(table), decimal_comma=decimal_comma),
        fields=fields_of(layout),
        id_column=layout.id_column,
        bad_rows=report.rows_left_out,
        blank=layout.blank(),
    )


def _check_places(builder: TableBuilder, name: str) -> None:
    if builder.places > MAX_PLACES:
        raise FeedError(
            "too-large-table",
            f"{name} has more than {MAX_PLACES:,} values: products times columns, empty ones included. "
            "Leave columns out, or divide the products among several files.",
        )


def _named(rows: Iterable[Row], report: Report) -> Iterator[Row]:
    """The rows whose ids can be used, with these ids."""
    for line, text, cells in rows:
        product_id = product_id_in(text)
        bad = bad_id(product_id)
        if bad is None:
            yield line, product_id, cells
        else:
            report.row(line, bad.code, str(bad))
