"""WooCommerce's variations: each is a row of its own, and names its product in the column Parent."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from lookalike.feeds.product_rows import Product, items_of
from lookalike.feeds.values import Availability
from lookalike.feeds.vocabulary import Role
from lookalike.tables.table import Value

# What a variation says of its product; name and description are of the variation alone.
_OF_PRODUCT: Final = frozenset(
    role.value
    for role in (
        Role.PRICE, Role.CURRENCY, Role.SALE_PRICE, Role.SALE_STARTS, Role.SALE_ENDS, Role.AVAILABILITY, Role.ADDITIONAL_IMAGE_LINK,
    )
)  # fmt: skip


def with_parents(products: Iterable[Product]) -> Iterator[Product]:
    """The products, and variations as rows of theirs.

    A variation that stands before its product waits for the end. One without a product in the file is of the product that
    it names, whose data may be in another file.
    """
    ids: dict[str, str] = {}
    waiting: list[Product] = []
    for product in products:
        if not product.is_variant:
            if product.number:
                ids[product.number] = product.product_id
            yield product
        elif product.parent.startswith("id:") and product.parent[3:].strip() not in ids:
            waiting.append(product)
        else:
            yield _of_parent(product, ids)
    for product in waiting:
        yield _of_parent(product, ids)


def _of_parent(variation: Product, ids: dict[str, str]) -> Product:
    parent = variation.parent
    if not parent:
        return variation
    if parent.startswith("id:"):
        number = parent[3:].strip()
        parent = ids.get(number, number)
    values: dict[str, Value] = {}
    if variation.values.get(Role.AVAILABILITY.value) != Availability.UNPUBLISHED:
        values = {
            name: value for name, value in variation.values.items() if name in _OF_PRODUCT or name in variation.options
        }
        image = variation.values.get(Role.IMAGE_LINK.value)
        if isinstance(image, str):
            values[Role.ADDITIONAL_IMAGE_LINK.value] = (
                image,
                *items_of(values.get(Role.ADDITIONAL_IMAGE_LINK.value, ())),
            )
    return replace(variation, product_id=parent, values=values)
