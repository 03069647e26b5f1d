"""Products of several rows: Shopify writes a row for each variant and photo, WooCommerce one for each variation."""

from collections.abc import Mapping
from typing import Final

from lookalike.feeds.product_rows import items_of
from lookalike.feeds.texts import MAX_LIST
from lookalike.feeds.values import Availability
from lookalike.feeds.vocabulary import Role
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Table, Value

_OFFER: Final = tuple(
    role.value for role in (Role.PRICE, Role.CURRENCY, Role.SALE_PRICE, Role.SALE_STARTS, Role.SALE_ENDS)
)
_RANKS: Final = {word.value: rank for rank, word in enumerate(Availability)}
_AVAILABILITY: Final = Role.AVAILABILITY.value


class Variants:
    """Puts the rows of each product together, wherever in the file they stand, and adds them to a table.

    Rows of a product that follow each other are put together at once. What comes later again waits until the end.
    """

    def __init__(self, builder: TableBuilder) -> None:
        self._builder = builder
        self._product_id = ""
        self._values: dict[str, Value] = {}
        self._added: set[str] = set()
        self._again: dict[str, dict[str, Value]] = {}

    def add(self, product_id: str, values: dict[str, Value]) -> None:
        """A row of a product."""
        if product_id == self._product_id:
            self._values = combined(self._values, values)
            return
        self._flush()
        self._product_id, self._values = product_id, values

    def build(self) -> Table:
        """The table of all products."""
        self._flush()
        self._product_id = ""
        table = self._builder.build()
        if not self._again:
            return table
        builder = TableBuilder()
        for row, product_id in enumerate(table.ids):
            builder.add(product_id, combined(table.values(row), self._again.pop(product_id, {})))
        return builder.build()

    def _flush(self) -> None:
        product_id, values = self._product_id, self._values
        if product_id in self._added:
            self._again[product_id] = combined(self._again.get(product_id, {}), values)
        elif product_id:
            self._added.add(product_id)
            self._builder.add(product_id, values)


def combined(first: Mapping[str, Value], later: Mapping[str, Value]) -> dict[str, Value]:
    """The values of two rows of one product: the first of each, all of the lists, the lower price, the better availability."""
    values = dict(later) | dict(first)
    for name in first.keys() & later.keys():
        one, other = first[name], later[name]
        if isinstance(one, tuple) or isinstance(other, tuple):
            values[name] = tuple(dict.fromkeys((*items_of(one), *items_of(other))))[:MAX_LIST]
    image = Role.IMAGE_LINK.value
    if image in first and image in later and first[image] != later[image]:
        others = dict.fromkeys((*items_of(values.get(Role.ADDITIONAL_IMAGE_LINK.value, ())), *items_of(later[image])))
        values[Role.ADDITIONAL_IMAGE_LINK.value] = tuple(text for text in others if text != first[image])[:MAX_LIST]
    if _AVAILABILITY in first and _AVAILABILITY in later:
        values[_AVAILABILITY] = min(
            first[_AVAILABILITY], later[_AVAILABILITY], key=lambda word: _RANKS.get(str(word), len(_RANKS))
        )
    cheaper = later if _to_pay(later) < _to_pay(first) else first
    for name in _OFFER:
        values.pop(name, None)
    return values | {name: cheaper[name] for name in _OFFER if name in cheaper}


def _to_pay(values: Mapping[str, Value]) -> float:
    prices = (values.get(Role.PRICE.value), values.get(Role.SALE_PRICE.value))
    return min((price for price in prices if isinstance(price, float | int)), default=float("inf"))
