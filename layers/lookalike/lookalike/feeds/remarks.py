"""Sentences about the way a file was read."""

from lookalike.feeds.columns import Column
from lookalike.feeds.layouts import Layout
from lookalike.feeds.lines import Lines
from lookalike.feeds.reports import Report, shown
from lookalike.feeds.vocabulary import PRICES, Role, Vendor

_TOLD_BY = {
    Role.PRICE: Role.PRICE,
    Role.REGULAR_PRICE: Role.PRICE,
    Role.SALE_DATES: Role.SALE_STARTS,
    Role.IMAGES: Role.IMAGE_LINK,
    Role.PUBLISHED: Role.AVAILABILITY,
    Role.STATUS: Role.AVAILABILITY,
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
    secret = [name for name in layout.left_out if name]
    remarks = [
        f"read as {format_}{vendor}{separated}",
        f"column {layout.id_column} names the product"
        + (", and ID where it is empty" if layout.vendor is Vendor.WOOCOMMERCE and layout.id_column != "ID" else ""),
        _rows(rows) + (f" of {products:,} products" if products != rows else ""),
        f"the text is {lines.encoding}" if lines.encoding != "UTF-8" else "",
        f"{lines.foreign:,} lines are not UTF-8 and were read as Windows-1252" if lines.foreign else "",
        "decimals are written with a comma"
        if decimal_comma and any(column.role in PRICES for column in layout.columns)
        else "",
        f"left out: {', '.join(shown(name) for name in secret[:5])}" if secret else "",
        *(f"{count:,} {'row' if count == 1 else 'rows'} {what}" for what, count in report.counts.items()),
        f"{layout.blank():,} empty rows" if layout.blank() else "",
    ]
    return tuple(filter(None, remarks))


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
