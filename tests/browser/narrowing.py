"""What an API says of made-up products under filters: which of them pass, and how many have each value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from lookalike.search.filters import Condition, Filters, Range

Product = dict[str, Any]
NO_FACET = ("name", "link", "image_link", "description")


def narrowed(catalogue: Iterable[Product], filters: Sequence[str], but: str | None = None) -> list[Product]:
    """The products that pass all filters, but for those of one attribute. Attributes that no product has filter nothing."""
    products = list(catalogue)
    known = {attribute for product in products for attribute in product["attributes"]}
    conditions = [c for c in Filters.parse(filters).conditions if c.attribute in known and c.attribute != but]
    return [product for product in products if all(_passes(product, condition) for condition in conditions)]


def facets(catalogue: Sequence[Product], filters: Sequence[str]) -> dict[str, Any]:
    """The body of an answer."""
    attributes = dict.fromkeys(name for product in catalogue for name in product["attributes"] if name not in NO_FACET)
    found = []
    for attribute in attributes:
        products = narrowed(catalogue, filters, but=attribute)
        values = [value for product in products for value in _values(product, attribute)]
        if not values:
            continue
        if isinstance(values[0], str):
            counts = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))
            named = [{"value": value, "count": count} for value, count in counts]
            found.append({"attribute": attribute, "kind": "text", "values": named, "others": 0})
        else:
            found.append(
                {
                    "attribute": attribute,
                    "kind": "number",
                    "min": min(values),
                    "max": max(values),
                    "count": len(values),
                }
            )
    return {"products": len(narrowed(catalogue, filters)), "facets": found}


def _passes(product: Product, condition: Condition) -> bool:
    return any(_is(value, wanted) for value in _values(product, condition.attribute) for wanted in condition.values)


def _is(value: str | float, wanted: str | Range) -> bool:
    if isinstance(wanted, Range):
        return not isinstance(value, str) and wanted.least <= value <= wanted.most
    return value == wanted if isinstance(value, str) else value == float(wanted)


def _values(product: Product, attribute: str) -> list[Any]:
    value = product["attributes"].get(attribute, [])
    return value if isinstance(value, list) else [value]
