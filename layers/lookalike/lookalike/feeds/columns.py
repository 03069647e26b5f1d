"""Columns of a file: the attribute that each becomes, and how its values are read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from lookalike.feeds.texts import one_line, without_entities, without_html
from lookalike.feeds.values import availability_of, link_of, links_of, list_of, stock_of
from lookalike.feeds.vocabulary import CANONICAL, MAX_NAME_CHARS, METAFIELD, Role, Vendor, currency_in, roles_of
from lookalike.tables.names import comparable
from lookalike.tables.table import Value


class Use(StrEnum):
    """What becomes of a column's value."""

    ONE = "the value of its attribute"
    LIST = "a part of its attribute's list"
    IMAGES = "the product's image, and further ones"
    TOGETHER = "read with other columns of its row"
    BOTH = "the value of its attribute, and read with other columns"


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column that is read.

    ``number``: of the option that it speaks of. ``attribute``: "" where other columns' attributes tell what it says.
    ``read``: the value of a text; raises BadValue; None for texts as they are. ``currency``: of the prices in it, as its name
    has it. ``known``: values of its former cells.
    """

    name: str
    role: Role = Role.OWN
    number: int = 0
    attribute: str = ""
    use: Use = Use.ONE
    read: Callable[[str], Value] | None = None
    currency: str = ""
    known: dict[object, Value] = field(default_factory=dict)


def columns_of(names: Sequence[str], vendor: Vendor, id_name: str) -> list[Column | None]:
    """The columns by their names; None for those that are not read: the id, those without a name, costs of the shop."""
    spellings = {comparable(role): role.value for role in CANONICAL}
    id_place = names.index(id_name)
    roles = roles_of(names, vendor)
    return [
        None if place == id_place else _column(name, role, number, vendor, spellings)
        for place, (name, (role, number)) in enumerate(zip(names, roles, strict=True))
    ]


def later_column(name: str, vendor: Vendor, columns: Iterable[Column]) -> Column | None:
    """A column that came later than ``columns``, as a further one of its attribute where that is there."""
    ((role, number),) = roles_of([name], vendor)
    spellings = {comparable(role): role.value for role in CANONICAL}
    for column in columns:
        spellings.setdefault(comparable(column.attribute), column.attribute)
    return _column(name, role, number, vendor, spellings)


def _column(name: str, role: Role, number: int, vendor: Vendor, spellings: dict[str, str]) -> Column | None:
    """``spellings``: of the attributes that are there, by their comparable forms; a new one is added."""
    own = one_line(name)[:MAX_NAME_CHARS].strip()
    if not own or role in (Role.COST, Role.NOISE):
        return None
    attribute = role.value if role in CANONICAL else ""
    if role in _OWN_NAMES:
        attribute = spellings.setdefault(comparable(own), own)
    elif role is Role.METAFIELD:
        attribute = option_name(METAFIELD.sub("", own))
    use, read = _USES.get(role, Use.ONE), _READ.get(role)
    if vendor is Vendor.GOOGLE and role is Role.COLOUR:
        use, read = Use.LIST, _colours
    elif vendor is Vendor.SHOPIFY and role is Role.STOCK:
        use, attribute = Use.TOGETHER, ""
    elif vendor is Vendor.WOOCOMMERCE and read is without_html:
        read = _without_escapes
    return Column(name, role, number, attribute, use, read, currency_in(name))


def option_name(name: str) -> str:
    """The attribute of an option that a shop names so; an option named Price is not the price."""
    word = comparable(name)
    if word in _COLOURS:
        return Role.COLOUR.value
    return f"Option {name}" if word in _CANONICAL_WORDS else name


def _colours(text: str) -> tuple[str, ...]:
    return list_of(text, "/")


def _metafield(text: str) -> tuple[str, ...]:
    return list_of(text, ";")


def _without_escapes(text: str) -> str:
    """WooCommerce writes line ends as a backslash and an n."""
    return without_html(text.replace("\\n", " "))


def _list(text: str) -> tuple[str, ...]:
    return list_of(without_entities(text))


def _one(text: str) -> tuple[str, ...]:
    return (text,)


_CANONICAL_WORDS: Final = frozenset(map(comparable, CANONICAL))
_COLOURS: Final = frozenset(map(comparable, ("colour", "color", "farbe", "couleur")))
_OWN_NAMES: Final = frozenset((Role.OWN, Role.MARKUP, Role.STOCK, Role.VARIANT_LIST))
_USES: Final = {
    **dict.fromkeys((Role.TAGS, Role.CATEGORIES, Role.ADDITIONAL_IMAGE_LINK, Role.VARIANT_LIST, Role.METAFIELD), Use.LIST),
    Role.STOCK: Use.BOTH,
    **dict.fromkeys(
        (
            Role.PRICE, Role.REGULAR_PRICE, Role.SALE_PRICE, Role.SALE_STARTS, Role.SALE_ENDS, Role.SALE_DATES, Role.CURRENCY,
            Role.STOCK_POLICY, Role.STOCK_TRACKER, Role.PUBLISHED, Role.STATUS, Role.HIDDEN, Role.ID, Role.KIND_OF_ROW, Role.PARENT, Role.OPTION_NAME, Role.OPTION_VALUE,
        ),
        Use.TOGETHER,
    ),
    Role.IMAGES: Use.IMAGES,
}  # fmt: skip
_READ: Final[dict[Role, Callable[[str], Value]]] = {
    Role.NAME: without_entities,
    Role.DESCRIPTION: without_html,
    Role.MARKUP: without_html,
    Role.METAFIELD: _metafield,
    Role.LINK: link_of,
    Role.IMAGE_LINK: link_of,
    Role.IMAGES: links_of,
    Role.ADDITIONAL_IMAGE_LINK: links_of,
    Role.AVAILABILITY: availability_of,
    Role.STOCK: stock_of,
    Role.TAGS: _list,
    Role.CATEGORIES: _list,
    Role.BRAND: without_entities,
    Role.PRODUCT_TYPE: without_entities,
    Role.VARIANT_LIST: _one,
}
