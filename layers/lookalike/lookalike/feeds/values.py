"""Values of one cell: links, availability, lists."""

import re
from enum import StrEnum
from typing import Final

from lookalike.feeds.reports import BadValue

_MAX_LINK_CHARS: Final = 2048
_LINK: Final = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_WORDS: Final = re.compile(r"[\W_]+")


class Availability(StrEnum):
    """Availability in one word each; of two variants of a product, the first of these counts."""

    UNPUBLISHED = "unpublished"
    IN_STOCK = "in_stock"
    PREORDER = "preorder"
    BACKORDER = "backorder"
    OUT_OF_STOCK = "out_of_stock"


_AVAILABILITIES: Final = {
    word: availability
    for availability, words in {
        Availability.IN_STOCK: "instock available 1 yes true y limitedavailability instoreonly onlineonly availableforsale auflager lieferbar "
        "sofortlieferbar verfügbar vorrätig ja enstock disponible",
        Availability.OUT_OF_STOCK: "outofstock unavailable notavailable 0 no false n oos soldout ausverkauft nichtlieferbar "
        "nichtverfügbar nichtvorrätig nichtauflager nein rupturedestock épuisé agotado",
        Availability.PREORDER: "preorder presale vorbestellbar vorbestellung précommande",
        Availability.BACKORDER: "backorder onbackorder availablefororder availableonbackorder nachbestellbar lieferrückstand",
    }.items()
    for word in words.split()
}


def link_of(text: str) -> str:
    """An address that begins with http or https. Raises BadValue."""
    if _LINK.fullmatch(text) and len(text) <= _MAX_LINK_CHARS:
        return text
    link = text.replace(" ", "%20")
    if link.startswith("//"):
        link = f"https:{link}"
    elif link[:4].lower() == "www.":
        link = f"https://{link}"
    if not _LINK.fullmatch(link):
        raise BadValue("bad-link", "is no address that begins with https:// or http://")
    if len(link) > _MAX_LINK_CHARS:
        raise BadValue("bad-link", f"has more than {_MAX_LINK_CHARS} characters")
    return link


def availability_of(text: str) -> str:
    """The availability in the words of the vocabulary, or the text as it is."""
    word = _WORDS.sub("", text.rpartition("/")[2].casefold() if "schema.org/" in text else text.casefold())
    if word in _AVAILABILITIES:
        return _AVAILABILITIES[word]
    return availability_of_stock(int(text)) if re.fullmatch(r"-?\d{1,9}", text) else text


def availability_of_stock(stock: float) -> str:
    """The availability of a product of which the shop has so many."""
    return Availability.IN_STOCK if stock > 0 else Availability.OUT_OF_STOCK


def stock_of(text: str) -> float:
    """How many the shop has. Raises BadValue."""
    if not re.fullmatch(r"[+-]?\d{1,12}(?:[.,]0*)?", text):
        raise BadValue("bad-number", "is no whole number")
    return float(re.split("[.,]", text)[0])


def list_of(text: str, separator: str = ",") -> tuple[str, ...]:
    """The different texts of a list, in their order."""
    return tuple(dict.fromkeys(item for part in text.split(separator) if (item := part.strip())))


def links_of(text: str) -> tuple[str, ...]:
    """Several addresses, separated by commas, or by vertical lines where there are no commas. Raises BadValue."""
    separator = "|" if "|" in text and "," not in text else ","
    links: list[str] = []
    for part in list_of(text, separator):
        # Commas stand in addresses, too: the next one begins like an address.
        if links and not re.match(r"\w+:|//|www\.", part):
            links[-1] += f",{part}"
        else:
            links.append(part)
    return tuple(map(link_of, links))
