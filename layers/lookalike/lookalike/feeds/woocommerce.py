"""WooCommerce's variations: each is a row of its own, and names its product in the column Parent."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from lookalike.feeds.product_rows import Variant, items_of
from lookalike.feeds.values import Availability
from lookalike.feeds.vocabulary import Role
from lookalike.tables.table import Value

_BY_NUMBER: Final = "id:"
# What a variation says of its product; name and description are of the variation alone.
_OF_PRODUCT: Final = frozenset(
    role.value
    for role in (
        Role.PRICE, Role.CURRENCY, Role.SALE_PRICE, Role.SALE_STARTS, Role.SALE_ENDS, Role.AVAILABILITY, Role.ADDITIONAL_IMAGE_LINK,
    )
)  # fmt: skip


def with_parents(rows: Iterable[Variant]) -> Iterator[tuple[str, dict[str, Value]]]:
    """The products of rows with their values; a variation as a row of its product.

    A variation that stands before its product waits for the end. One without a product in the file is of the product that
    it names, whose data may be in another file.
    """
    ids: dict[str, str] = {}
    waiting: list[Variant] = []
    for row in rows:
        if not row.is_variation or not row.parent:
            if row.number:
                ids[row.number] = row.product_id
            yield row.product_id, _with_type(row.values)
        elif row.parent.startswith(_BY_NUMBER) and _number(row.parent) not in ids:
            waiting.append(row)
        else:
            yield _parent(row.parent, ids), _of_product(row)
    for row in waiting:
        yield _parent(row.parent, ids), _of_product(row)


def _with_type(values: dict[str, Value]) -> dict[str, Value]:
    """The values with the product's type: of its categories the one furthest down."""
    categories = items_of(values.get(Role.CATEGORIES.value, ()))
    if not categories:
        return values
    return {Role.PRODUCT_TYPE.value: max(categories, key=lambda category: category.count(">")), **values}


def _parent(parent: str, ids: Mapping[str, str]) -> str:
    return ids.get(_number(parent), _number(parent)) if parent.startswith(_BY_NUMBER) else parent


def _number(parent: str) -> str:
    return parent.removeprefix(_BY_NUMBER).strip()


def _of_product(variation: Variant) -> dict[str, Value]:
    """What a variation says of its product; nothing where the shop does not sell it."""
    if variation.values.get(Role.AVAILABILITY.value) == Availability.UNPUBLISHED:
        return {}
    values = {
        name: value for name, value in variation.values.items() if name in _OF_PRODUCT or name in variation.options
    }
    image = variation.values.get(Role.IMAGE_LINK.value)
    if isinstance(image, str):
        further = items_of(values.get(Role.ADDITIONAL_IMAGE_LINK.value, ()))
        values[Role.ADDITIONAL_IMAGE_LINK.value] = (image, *further)
    return values
