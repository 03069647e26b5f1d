"""Columns of a file: the attribute that each becomes, and how its values are read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from lookalike.feeds.texts import MAX_LIST, one_line, without_entities, without_html
from lookalike.feeds.values import availability_of, link_of, list_of
from lookalike.feeds.vocabulary import CANONICAL, Role, Vendor, currency_in, roles_of
from lookalike.tables.names import comparable
from lookalike.tables.table import Value

_MAX_NAME_CHARS: Final = 100
_CANONICAL: Final = frozenset(CANONICAL)
# These are read together with others of their row.
_TOGETHER: Final = frozenset(
    (
        Role.PRICE, Role.REGULAR_PRICE, Role.SALE_PRICE, Role.SALE_STARTS, Role.SALE_ENDS, Role.SALE_DATES, Role.CURRENCY, Role.STOCK,
        Role.STOCK_POLICY, Role.STOCK_TRACKER, Role.PUBLISHED, Role.KIND_OF_ROW, Role.PARENT, Role.OPTION_NAME, Role.OPTION_VALUE, Role.ID,
    )
)  # fmt: skip
# Several values of them in a list are fine; the others have one.
_LISTS: Final = frozenset((Role.TAGS, Role.CATEGORIES, Role.ADDITIONAL_IMAGE_LINK, Role.IMAGES, Role.VARIANT_LIST))
_OWN_NAME: Final = frozenset((Role.OWN, Role.VARIANT_LIST, Role.STOCK))


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column that is read. ``attribute``: "" where other columns tell what it says.

    ``number``: of the option that it speaks of. ``read``: the value of a text; raises BadValue; None for texts as they are.
    ``currency``: of the prices in it, as its name has it. ``is_together``: it is read with other columns of its row.
    """

    name: str
    role: Role
    number: int
    attribute: str
    read: Callable[[str], Value] | None
    currency: str
    is_together: bool

    @property
    def is_list(self) -> bool:
        """Whether its values are lists."""
        return self.role in _LISTS

    @property
    def is_one(self) -> bool:
        """Whether a list cannot be its value."""
        return self.role in _CANONICAL - {Role.COLOUR, Role.PRODUCT_TYPE} - _LISTS or self.is_together


def columns_of(names: Sequence[str], vendor: Vendor, id_name: str) -> list[Column | None]:
    """The columns by their names; None for those that are not read: the id, those without a name, costs of the shop."""
    spellings: dict[str, str] = {comparable(role): role.value for role in CANONICAL}
    columns: list[Column | None] = []
    has_id = False
    for name, (role, number) in zip(names, roles_of(names, vendor), strict=True):
        is_id = name == id_name and not has_id
        has_id |= is_id
        own = one_line(name)[:_MAX_NAME_CHARS].strip()
        if is_id or not own or role in (Role.COST, Role.NOISE):
            columns.append(None)
            continue
        attribute = role.value if role in _CANONICAL else ""
        if role in _OWN_NAME or role is Role.ID:
            attribute = spellings.setdefault(comparable(own), own)
        columns.append(
            Column(name, role, number, attribute, _READ.get(role), currency_in(name), is_together=role in _TOGETHER)
        )
    return columns


def own_column(name: str, columns: Iterable[Column]) -> Column | None:
    """A column that came later than others: it keeps its own name, in the spelling of the attribute that is there."""
    own = one_line(name)[:_MAX_NAME_CHARS].strip()
    attribute = next((column.attribute for column in columns if comparable(column.attribute) == comparable(own)), own)
    return Column(name, Role.OWN, 0, attribute, None, "", is_together=False) if own else None


def _links(text: str) -> tuple[str, ...]:
    # Commas stand in addresses, too: the next address begins after one.
    separator = "|" if "|" in text and "," not in text else ","
    links: list[str] = []
    for part in list_of(text, separator):
        if links and "://" not in part[:8] and not part.startswith(("//", "www.")):
            links[-1] += f",{part}"
        else:
            links.append(part)
    return tuple(link_of(link) for link in links)[:MAX_LIST]


@lru_cache(4096)
def _availability(text: str) -> str:
    return availability_of(text)


def _one(text: str) -> tuple[str, ...]:
    return (text,)


_READ: Final[dict[Role, Callable[[str], Value]]] = {
    Role.NAME: without_entities,
    Role.DESCRIPTION: without_html,
    Role.LINK: link_of,
    Role.IMAGE_LINK: link_of,
    Role.IMAGES: _links,
    Role.ADDITIONAL_IMAGE_LINK: _links,
    Role.AVAILABILITY: _availability,
    Role.TAGS: list_of,
    Role.CATEGORIES: list_of,
    Role.VARIANT_LIST: _one,
}
