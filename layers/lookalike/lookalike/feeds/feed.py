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
from lookalike.feeds.product_rows import Product, ProductRows, bad_id, product_id_in
from lookalike.feeds.remarks import fields_of, remarks_of
from lookalike.feeds.reports import BadRow, Report
from lookalike.feeds.variants import Variants
from lookalike.feeds.vocabulary import PRICES, Vendor
from lookalike.feeds.woocommerce import with_parents
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Kind, Table

_SAMPLE_ROWS: Final = 1000
# Rows of one product are counted once at the end: until then a file may have so many times the rows.
_ROWS_PER_PRODUCT: Final = 100


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
    rows = ProductRows(layout.vendor, report, decimal_comma=decimal_comma)
    builder = TableBuilder()
    products = _products(rows, chain(sample, layout.rows), report)
    count = 0
    if layout.vendor in (Vendor.SHOPIFY, Vendor.WOOCOMMERCE):
        variants = Variants(builder)
        for product in with_parents(products) if layout.vendor is Vendor.WOOCOMMERCE else products:
            variants.add(product)
            count += 1
            _check_count(len(builder), max_products, name)
        table = variants.build()
    else:
        for product in products:
            builder.add(product.product_id, product.values)
            count += 1
            _check_count(count, max_products * _ROWS_PER_PRODUCT, name)
        table = builder.build()
        if len(table) < count:
            report.counts["with an id that had come before: the later values count"] += count - len(table)
    _check_count(len(table), max_products, name)
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


def _products(rows: ProductRows, cells: Iterable[Row], report: Report) -> Iterator[Product]:
    for line, text, row in cells:
        product_id = product_id_in(text)
        bad = bad_id(product_id)
        if bad:
            report.row(line, bad.code, str(bad))
        else:
            yield rows.read(line, product_id, row)


def _check_count(count: int, most: int, name: str) -> None:
    if count > most:
        raise FeedError(
            "too-many-products", f"{name} has more than {most:,} products. Divide them among several files."
        )
