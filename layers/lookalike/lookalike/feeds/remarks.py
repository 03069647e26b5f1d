"""Sentences about the way a file was read."""

from collections.abc import Sequence
from typing import Final

from lookalike.feeds.columns import Column
from lookalike.feeds.layouts import Layout
from lookalike.feeds.lines import Lines
from lookalike.feeds.reports import Report, counted, shown
from lookalike.feeds.vocabulary import PRICES, Role, Vendor

_SHOWN: Final = 5
_TOLD_BY: Final = {
    Role.PRICE: Role.PRICE,
    Role.REGULAR_PRICE: Role.PRICE,
    Role.SALE_DATES: Role.SALE_STARTS,
    Role.IMAGES: Role.IMAGE_LINK,
    Role.PUBLISHED: Role.AVAILABILITY,
    Role.STATUS: Role.AVAILABILITY,
    Role.HIDDEN: Role.AVAILABILITY,
    Role.STOCK: Role.AVAILABILITY,
    Role.STOCK_POLICY: Role.AVAILABILITY,
    Role.STOCK_TRACKER: Role.AVAILABILITY,
}


def fields_of(layout: Layout) -> dict[str, str]:
    """The attribute that each column became; of columns that become several, the first."""
    fields = {column.name: _attribute(column) for column in layout.columns}
    return {name: attribute for name, attribute in fields.items() if attribute}


def _attribute(column: Column) -> str:
    return column.attribute or (_TOLD_BY[column.role].value if column.role in _TOLD_BY else "")


def remarks_of(
    layout: Layout, lines: Lines, report: Report, rows: int, products: int, *, decimal_comma: bool
) -> tuple[str, ...]:
    """The remarks, the most general first."""
    format_ = "JSON lines" if not layout.separator else "TSV" if layout.separator == "\t" else "CSV"
    vendor = "" if layout.vendor is Vendor.OTHER else f" of {layout.vendor.value}"
    separated = f", separated by {layout.separator}" if layout.separator not in ("", ",", "\t") else ""
    remarks = [
        f"read as {format_}{vendor}{separated}",
        f"column {layout.id_column} names the product"
        + (", and ID where it is empty" if layout.vendor is Vendor.WOOCOMMERCE and layout.id_column != "ID" else ""),
        counted(rows, "row") + (f" of {counted(products, 'product')}" if products != rows else ""),
        f"the text is {lines.encoding}" if lines.encoding != "UTF-8" else "",
        f"{counted(lines.foreign, 'line')} in Windows-1252, not UTF-8" if lines.foreign else "",
        "decimals are written with a comma"
        if decimal_comma and any(column.role in PRICES for column in layout.columns)
        else "",
        _left_out([name for name in layout.left_out if name]),
        *report.remarks,
        *(f"{counted(count, 'row')} {what}" for what, count in report.counts.items()),
        counted(layout.blank(), "empty row") if layout.blank() else "",
    ]
    return tuple(filter(None, remarks))


def _left_out(names: Sequence[str]) -> str:
    """Columns that are not read, as they are of no use to a shopper."""
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"not read, as shoppers have no use for it: {', '.join(shown(name) for name in names[:_SHOWN])}{more}"
