"""Rows of a file as products: an id and the values of the row."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lookalike.feeds.columns import Column
from lookalike.feeds.json_lines import Cell
from lookalike.feeds.offers import Told, availability, offer_of
from lookalike.feeds.reports import BadValue, Report
from lookalike.feeds.texts import MAX_LIST, MAX_TEXT_CHARS, one_line
from lookalike.feeds.values import Availability, list_of
from lookalike.feeds.vocabulary import Role, Vendor
from lookalike.photos.catalogue import product_id_of
from lookalike.tables.names import comparable
from lookalike.tables.table import Value

MAX_ID_BYTES: Final = 1024
"""S3 has no longer keys, and a product's photos have its id in theirs."""
_FORMULA: Final = re.compile(r'="(.*)"')
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f]")
_OPTION_CANONICAL: Final = {comparable(word): "colour" for word in ("colour", "color", "farbe", "couleur")}
_UNPUBLISHED: Final = frozenset(("false", "0", "no", "-1", "draft", "archived", "nein"))
_NO_OPTION: Final = ("Title", "Default Title")


@dataclass(frozen=True, slots=True)
class Product:
    """What one row says of a product.

    ``options``: the attributes that are options of its variants. Of WooCommerce, ``number``: the product's number, by which
    variations name it; ``is_variant``: the row is a variation, and ``parent`` names its product.
    """

    product_id: str
    values: dict[str, Value]
    options: frozenset[str] = frozenset()
    number: str = ""
    is_variant: bool = False
    parent: str = ""


class ProductRows:
    """Reads the cells of rows. Bad values go into ``report``, and the other values of their row count."""

    def __init__(self, vendor: Vendor, report: Report, *, decimal_comma: bool) -> None:
        self._vendor = vendor
        self._report = report
        self._decimal_comma = decimal_comma
        self._option_names: dict[str, dict[int, str]] = {}

    def read(self, line: int, product_id: str, cells: Iterable[tuple[Column, Cell]]) -> Product:
        """The product of a row, by its columns and cells that are not empty."""
        values: dict[str, Value] = {}
        told: dict[Role, tuple[Column, str]] = {}
        options: dict[int, dict[Role, str]] = {}
        is_unpublished = False
        for column, cell in cells:
            if not isinstance(cell, str):
                self._list(line, product_id, column, cell, values)
                continue
            text = one_line(cell)
            if not text:
                continue
            if column.is_together:
                if column.number:
                    options.setdefault(column.number, {})[column.role] = text
                    continue
                if column.role is Role.PUBLISHED:
                    is_unpublished |= text.casefold() in _UNPUBLISHED
                told.setdefault(column.role, (column, text))
                if not column.attribute:
                    continue
            value: Value = text
            if column.read is not None:
                try:
                    value = column.read(text)
                except BadValue as bad:
                    self._report.value(line, product_id, column.name, text, bad)
                    continue
            self._put(values, column, value)
        if told:
            self._together(line, product_id, told, values)
        if is_unpublished:
            values[Role.AVAILABILITY.value] = Availability.UNPUBLISHED.value
        if self._vendor is Vendor.OTHER or self._vendor is Vendor.GOOGLE:
            return Product(product_id, values)
        named = self._options(product_id, options)
        values |= named
        number, kind, parent = (
            told[role][1] if role in told else "" for role in (Role.ID, Role.KIND_OF_ROW, Role.PARENT)
        )
        return Product(
            product_id, values, frozenset(named), number, is_variant="variation" in kind.lower(), parent=parent
        )

    def _put(self, values: dict[str, Value], column: Column, value: Value) -> None:
        """The first value of an attribute counts; lists of several columns are one."""
        if isinstance(value, tuple):
            if column.role is Role.IMAGES:
                _put_images(values, value)
                return
            value = tuple(dict.fromkeys((*items_of(values.get(column.attribute, ())), *value)))
            if len(value) > MAX_LIST:
                value = value[:MAX_LIST]
                self._report.counts[f"with a list of more than {MAX_LIST} values, which was cut"] += 1
            if value:
                values[column.attribute] = value
            return
        if isinstance(value, str) and len(value) > MAX_TEXT_CHARS:
            value = value[:MAX_TEXT_CHARS]
            self._report.counts[f"with a text of more than {MAX_TEXT_CHARS:,} characters, which was cut"] += 1
        if value != "":
            values.setdefault(column.attribute, value)

    def _list(
        self, line: int, product_id: str, column: Column, cell: tuple[str, ...], values: dict[str, Value]
    ) -> None:
        """A list of JSON: as it is, or for columns of one value as the one that it has."""
        texts = tuple(text for item in cell if (text := one_line(item)))
        if not texts:
            return
        if column.is_one and not column.is_list:
            self._report.value(line, product_id, column.name, ", ".join(texts), BadValue("not-one-value", "is a list"))
            return
        if column.read is None or column.role in (Role.TAGS, Role.CATEGORIES, Role.COLOUR, Role.PRODUCT_TYPE):
            self._put(values, column, texts)
            return
        for text in texts:
            try:
                self._put(values, column, column.read(text))
            except BadValue as bad:
                self._report.value(line, product_id, column.name, text, bad)

    def _together(self, line: int, product_id: str, told: Told, values: dict[str, Value]) -> None:
        def complain(column: Column, text: str, bad: BadValue) -> None:
            self._report.value(line, product_id, column.name, text, bad)

        values.update(offer_of(told, self._decimal_comma, complain))
        if Role.AVAILABILITY.value not in values:
            found = availability(told, self._vendor, complain)
            if found:
                values[Role.AVAILABILITY.value] = found

    def _options(self, product_id: str, options: dict[int, dict[Role, str]]) -> dict[str, Value]:
        """The values of the row's options by their names; Shopify names them in a product's first row alone."""
        if not options:
            return {}
        names = self._option_names.setdefault(product_id, {}) if self._vendor is Vendor.SHOPIFY else {}
        found: dict[str, Value] = {}
        for number, texts in options.items():
            if Role.OPTION_NAME in texts:
                names[number] = texts[Role.OPTION_NAME]
            value = texts.get(Role.OPTION_VALUE, "")
            name = names.get(number, f"Option{number}")
            if not value or (name, value) == _NO_OPTION:
                continue
            name = _OPTION_CANONICAL.get(comparable(name), name)
            found[name] = list_of(value) if self._vendor is Vendor.WOOCOMMERCE else (value,)
        return found


def product_id_in(cell: Cell) -> str:
    """The id in a cell, which may be the formula ="00123": it keeps a spreadsheet from changing the id."""
    if not isinstance(cell, str):
        return ""
    formula = _FORMULA.fullmatch(cell.strip()) if '="' in cell else None
    return product_id_of((formula[1] if formula else cell).strip().strip("\ufeff"))


def bad_id(product_id: str) -> BadValue | None:
    """Why an id cannot be one."""
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


def _put_images(values: dict[str, Value], links: tuple[str, ...]) -> None:
    """The first image is the product's, and the others are further ones."""
    first = values.setdefault(Role.IMAGE_LINK.value, links[0]) if links else None
    others = dict.fromkeys((*items_of(values.get(Role.ADDITIONAL_IMAGE_LINK.value, ())), *links))
    others.pop(first, None)  # type: ignore[arg-type]
    if others:
        values[Role.ADDITIONAL_IMAGE_LINK.value] = tuple(others)[:MAX_LIST]
