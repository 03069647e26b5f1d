"""Rows of a file as products: an id and the values of the row."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from lookalike.feeds.columns import Column, Use, option_name
from lookalike.feeds.json_lines import Cell
from lookalike.feeds.offers import availability, offer_of
from lookalike.feeds.reports import BadValue, Report
from lookalike.feeds.texts import MAX_LIST, MAX_TEXT_CHARS, one_line
from lookalike.feeds.values import Availability, list_of
from lookalike.feeds.vocabulary import Role, Vendor
from lookalike.photos.catalogue import product_id_of
from lookalike.tables.table import Value

MAX_ID_BYTES: Final = 1024
"""S3 has no longer keys, and a product's photos have its id in theirs."""
_FORMULA: Final = re.compile(r'="(.*)"')
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
# JSON may have lists of these, but a product has one.
_ONE: Final = frozenset((Role.NAME, Role.LINK, Role.BRAND, Role.AVAILABILITY, Role.DESCRIPTION, Role.IMAGE_LINK))
# Cells that come again are read once: so many for each column.
_REMEMBERED: Final = 10_000
_REMEMBERED_CHARS: Final = 100
_AVAILABILITY: Final = Role.AVAILABILITY.value
_EMPTY: Final = ("", ())
_NO_OPTION: Final = ("Title", "Default Title")


@dataclass(frozen=True, slots=True)
class Variant:
    """What one row says of a product that may have several rows.

    ``options``: the attributes that are options of its variants. Of WooCommerce, ``number``: the product's number, by which
    variations name it; ``is_variation``: whether the row is one, and ``parent`` names its product.
    """

    product_id: str
    values: dict[str, Value]
    options: frozenset[str]
    number: str
    is_variation: bool
    parent: str


class ProductRows:
    """Reads the cells of rows. Bad values go into ``report``, and the other values of their row count."""

    def __init__(self, vendor: Vendor, columns: Iterable[Column], report: Report, *, decimal_comma: bool) -> None:
        self._vendor = vendor
        self._has_tracker = any(column.role is Role.STOCK_TRACKER for column in columns)
        self._report = report
        self._decimal_comma = decimal_comma
        # Most products have options of the same names, so they share them.
        self._option_names: dict[str, tuple[tuple[int, str], ...]] = {}
        self._shared_names: dict[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]] = {}
        self._offers: dict[tuple[tuple[Column, str], ...], dict[str, Value]] = {}

    def values(self, line: int, product_id: str, cells: Iterable[tuple[Column, Cell]]) -> dict[str, Value]:
        """The values of a row by its columns and cells."""
        values, told = self._read(line, product_id, cells)
        if told:
            values.update(self._together(line, product_id, told, values))
        return values

    def variant(self, line: int, product_id: str, cells: Iterable[tuple[Column, Cell]]) -> Variant:
        """The values of a row, and what they have to do with other rows of the product."""
        values, told = self._read(line, product_id, cells)
        values |= self._together(line, product_id, told, values)
        options = self._options(product_id, told)
        by_role = {column.role: text for column, text in told}
        return Variant(
            product_id,
            values | options,
            frozenset(options),
            by_role.get(Role.ID, ""),
            "variation" in by_role.get(Role.KIND_OF_ROW, "").lower(),
            by_role.get(Role.PARENT, ""),
        )

    def _read(
        self, line: int, product_id: str, cells: Iterable[tuple[Column, Cell]]
    ) -> tuple[dict[str, Value], list[tuple[Column, str]]]:
        """The values of columns that are read by themselves, and the texts of those that are read together."""
        values: dict[str, Value] = {}
        together: list[tuple[Column, str]] = []
        for column, cell in cells:
            if not cell:
                continue
            value = column.known.get(cell)
            if value is None:
                value = self._value(line, product_id, column, cell)
                if value is None:
                    continue
            use = column.use
            if use is Use.ONE:
                # The first value counts.
                values.setdefault(column.attribute, value)
            elif use is Use.LIST:
                listed = tuple(dict.fromkeys((*items_of(values.get(column.attribute, ())), *items_of(value))))
                values[column.attribute] = self._cut(listed)
            elif use is Use.IMAGES:
                put_images(values, items_of(value))
            else:
                together.append((column, str(value)))
                if use is Use.BOTH:
                    values.setdefault(column.attribute, value)
        return values, together

    def _value(self, line: int, product_id: str, column: Column, cell: Cell) -> Value | None:
        """The value of a cell, None where it is empty or bad."""
        if isinstance(cell, tuple):
            return self._list_value(line, product_id, column, cell)
        text = one_line(cell)
        if not text:
            return None
        value: Value = text
        if column.read is not None:
            try:
                value = column.read(text)
            except BadValue as bad:
                self._report.value(line, product_id, column.name, text, bad)
                return None
            if value in _EMPTY:
                return None
        if isinstance(value, str) and len(value) > MAX_TEXT_CHARS:
            self._report.counts[f"with a text of more than {MAX_TEXT_CHARS:,} characters, which was cut"] += 1
            return value[:MAX_TEXT_CHARS]
        if len(column.known) < _REMEMBERED and len(cell) < _REMEMBERED_CHARS:
            column.known[cell] = value
        return value

    def _list_value(self, line: int, product_id: str, column: Column, cell: tuple[str, ...]) -> Value | None:
        """The value of a list of JSON: each of its texts is read, and columns of one value take no list of several."""
        if column.use in (Use.TOGETHER, Use.BOTH) or column.role in _ONE:
            if len(cell) == 1:
                return self._value(line, product_id, column, cell[0])
            self._report.value(line, product_id, column.name, ", ".join(cell), BadValue("not-one-value", "is a list"))
            return None
        values: dict[str, None] = {}
        for text in cell:
            value = self._value(line, product_id, column, text)
            values |= dict.fromkeys(items_of(value) if value is not None else ())
        return self._cut(tuple(values)) or None

    def _cut(self, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(values) > MAX_LIST:
            self._report.counts[f"with a list of more than {MAX_LIST} values, which was cut"] += 1
        return values[:MAX_LIST]

    def _together(
        self, line: int, product_id: str, together: list[tuple[Column, str]], values: Mapping[str, Value]
    ) -> dict[str, Value]:
        """What several columns say together: the offer, and the availability."""
        key = tuple(together)
        found = self._offers.get(key)
        if found is None:
            told: dict[Role, tuple[Column, str]] = {}
            for column, text in together:
                told.setdefault(column.role, (column, text))
            total = self._report.total

            def complain(column: Column, text: str, bad: BadValue) -> None:
                self._report.value(line, product_id, column.name, text, bad)

            found = offer_of(told, self._decimal_comma, complain)
            stock = availability(told, has_tracker=self._has_tracker)
            if stock:
                found[_AVAILABILITY] = stock
            if len(self._offers) < _REMEMBERED and self._report.total == total:
                self._offers[key] = found
        stated = values.get(_AVAILABILITY)
        if stated is not None and _AVAILABILITY in found and found[_AVAILABILITY] != Availability.UNPUBLISHED:
            return found | {_AVAILABILITY: stated}
        return found

    def _options(self, product_id: str, together: list[tuple[Column, str]]) -> dict[str, Value]:
        """The values of the row's options by their names; Shopify names them in a product's first row alone."""
        names = dict(self._option_names.get(product_id, ()))
        for column, text in together:
            if column.role is Role.OPTION_NAME:
                names[column.number] = text
        if self._vendor is Vendor.SHOPIFY and names:
            named = tuple(names.items())
            self._option_names[product_id] = self._shared_names.setdefault(named, named)
        found: dict[str, Value] = {}
        for column, text in together:
            name = names.get(column.number, f"Option{column.number}")
            if column.role is Role.OPTION_VALUE and (name, text) != _NO_OPTION:
                found[option_name(name)] = list_of(text) if self._vendor is Vendor.WOOCOMMERCE else (text,)
        return found


def product_id_in(cell: str) -> str:
    """The id in a cell, which may be the formula ="00123": it keeps a spreadsheet from changing the id."""
    formula = _FORMULA.fullmatch(cell.strip()) if '="' in cell else None
    return product_id_of((formula[1] if formula else cell).strip().strip("\ufeff"))


def bad_id(product_id: str) -> BadValue | None:
    """Why an id cannot be one, None where it can."""
    if product_id.isascii() and product_id.isprintable() and 0 < len(product_id) <= MAX_ID_BYTES:
        return None
    if not product_id:
        return BadValue("no-id", "the row has no id")
    try:
        size = len(product_id.encode())
    except UnicodeEncodeError:
        return BadValue("bad-id", "the id has half of a character")
    if size > MAX_ID_BYTES:
        return BadValue("bad-id", f"the id has more than {MAX_ID_BYTES:,} bytes")
    if _CONTROLS.search(product_id):
        return BadValue("bad-id", "the id has control characters")
    return None


def items_of(value: Value) -> tuple[str, ...]:
    """A list as it is, and another value as a list of itself."""
    return value if isinstance(value, tuple) else (str(value),)


def put_images(values: dict[str, Value], links: tuple[str, ...]) -> None:
    """The first image is the product's, and the others are further ones."""
    first = values.setdefault(Role.IMAGE_LINK.value, links[0]) if links else None
    others = dict.fromkeys((*items_of(values.get(Role.ADDITIONAL_IMAGE_LINK.value, ())), *links))
    others.pop(first, None)  # type: ignore[arg-type]
    if others:
        values[Role.ADDITIONAL_IMAGE_LINK.value] = tuple(others)[:MAX_LIST]
