"""What an answer says of a product: its product data, and behind that what its photos say themselves (x-amz-meta-*)."""

import math
import re
from collections.abc import Mapping
from typing import Any

from lookalike.tables.names import comparable
from lookalike.tables.table import Value

NAMED = ("name", "price", "currency", "link", "brand")
"""The attributes that an answer also has by themselves."""

_PRICE = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_WEB_ADDRESS = re.compile(r"https?://[^\s]+", re.IGNORECASE)


def facts(data: Mapping[str, Value], metadata: Mapping[str, str]) -> dict[str, Any]:
    """``NAMED``, each None where unknown, and ``attributes``: all that is known, as JSON has it.

    ``data``: the values of a product's row; ``metadata``: of its photos, for the attributes that the data lacks.
    """
    attributes = {name: value for name, given in data.items() if (value := _as_json(given)) is not None}
    known = {comparable(name) for name in attributes}
    attributes |= {name: text for name, text in metadata.items() if comparable(name) not in known}
    by_name = {comparable(name): value for name, value in attributes.items()}
    named = {name: _NAMED.get(name, _text)(by_name.get(name)) for name in NAMED}
    return {**named, "attributes": attributes}


def _as_json(value: Value) -> str | float | list[str] | None:
    """None for a number that JSON does not have."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value if math.isfinite(value) else None
    return list(value) if isinstance(value, tuple) else value


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else ", ".join(value) if isinstance(value, list) else str(value)


def _price(value: Any) -> float | None:
    """A number, or a text that is one: photos' own metadata is text."""
    if isinstance(value, str):
        return _as_json(float(value)) if _PRICE.fullmatch(value) else None  # type: ignore[return-value]
    return value if isinstance(value, int | float) else None


def _link(value: Any) -> str | None:
    """An address that a page can make a link of; others run scripts or mean something else on another page."""
    return value if isinstance(value, str) and _WEB_ADDRESS.fullmatch(value) else None


_NAMED = {"price": _price, "link": _link}
