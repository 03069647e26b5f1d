"""The demo catalogue: which products there are, what they are called and cost, and how each one is drawn.

The list is worked out from the tables below, the same every time. Within a kind the colours take turns, so the first
products already show many of them. Patterns and cuts move on at other paces, so that a striped red T-shirt has
striped neighbours and red ones.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from PIL import Image

from scripts.drawing.bags import backpack, tote
from scripts.drawing.canvas import Canvas
from scripts.drawing.caps import cap
from scripts.drawing.cloths import COLOURS, Style, Texture
from scripts.drawing.garments import garment
from scripts.drawing.trainers import trainer
from scripts.drawing.trousers import trousers


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product. ``type`` is what its labels call it."""

    prefix: str
    type: str
    draw: Callable[[Canvas, Style, str, str], None]
    """Draws a product in a style and a cut, from the view "front" or "back"."""
    cuts: Mapping[str, int]
    """Each cut, and what the cheapest product of that cut costs in whole euros."""
    patterns: tuple[str, ...]
    texture: Texture = "smooth"
    zoom: float = 1
    standing: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the catalogue. ``views`` is empty where it has a single photo."""

    id: str
    name: str
    price: Decimal
    kind: Kind
    cut: str
    colour: str
    pattern: str
    views: tuple[str, ...] = ()

    @property
    def photos(self) -> tuple[tuple[str, str], ...]:
        """Each photo's path below the catalogue's folder, and the view it shows."""
        if not self.views:
            return ((f"images/{self.id}.jpg", "front"),)
        return tuple((f"images/{self.id}/{view}.jpg", view) for view in self.views)


KINDS: Final = (
    Kind("tee", "T-shirt", garment,
         {"crew-neck T-shirt": 15, "V-neck T-shirt": 17, "boxy T-shirt": 20},
         ("plain", "striped", "dotted", "colour-block", "floral")),
    Kind("trainer", "Trainers", trainer,
         {"court trainers": 70, "high-top trainers": 80, "slip-on trainers": 50},
         ("plain", "colour-block", "checked", "plain", "dotted"), standing=True),
    Kind("dress", "Dress", garment,
         {"A-line dress": 50, "tea dress": 60, "shift dress": 45, "maxi dress": 70},
         ("plain", "floral", "dotted", "striped", "checked")),
    Kind("tote", "Tote bag", tote,
         {"shopper": 25, "market tote": 30, "tall tote": 20},
         ("plain", "striped", "colour-block", "floral", "dotted"), standing=True),
    Kind("trousers", "Trousers", trousers,
         {"slim trousers": 45, "straight trousers": 50, "wide-leg trousers": 60, "joggers": 40},
         ("plain", "denim", "plain", "checked")),
    Kind("backpack", "Backpack", backpack,
         {"day pack": 45, "rucksack": 75, "mini backpack": 35},
         ("plain", "colour-block", "dotted", "plain", "striped"), standing=True),
    Kind("jumper", "Jumper", garment,
         {"crew-neck jumper": 45, "V-neck jumper": 50, "turtleneck": 55},
         ("plain", "striped", "zigzag", "colour-block"), "knit", zoom=0.95),
    Kind("cap", "Cap", cap,
         {"baseball cap": 20, "trucker cap": 18, "flat-brim cap": 22},
         ("plain", "colour-block", "checked"), standing=True),
)  # fmt: skip

_OF_EACH_KIND: Final = 25
_DENIM_COLOURS: Final = ("blue", "navy", "black", "grey")
_WORDS: Final = {"plain": "", "dotted": "polka-dot"}
_VIEWS_EVERY: Final = 4


def catalogue(count: int | None = None) -> list[Product]:
    """The first ``count`` products (all by default). The kinds take turns, so a few already show several kinds."""
    ranges = [_range_of(kind) for kind in KINDS]
    return [product for turn in zip(*ranges, strict=True) for product in turn][:count]


def _range_of(kind: Kind) -> list[Product]:
    colours, cuts = list(COLOURS), list(kind.cuts)
    start = zlib.crc32(kind.prefix.encode()) % len(colours)  # kinds start with different colours
    numbers: Counter[tuple[str, str]] = Counter()
    products = []
    for i in range(_OF_EACH_KIND):
        # Five and fourteen have no common factor: every colour comes once a turn, and neighbours in the list differ.
        colour = colours[(start + i * 5) % len(colours)]
        pattern = kind.patterns[(i + i // len(colours)) % len(kind.patterns)]
        if pattern == "denim" and colour not in _DENIM_COLOURS:
            colour = _DENIM_COLOURS[i // len(kind.patterns) % len(_DENIM_COLOURS)]
        cut = cuts[(i + i // len(cuts)) % len(cuts)]
        numbers[pattern, colour] += 1
        id_ = f"{kind.prefix}-{pattern}-{colour}-{numbers[pattern, colour]:02}"
        views = ("front", "back") if i % _VIEWS_EVERY == 1 else ()
        name, price = _name(cut, colour, pattern), _price(kind.cuts[cut], id_)
        products.append(Product(id_, name, price, kind, cut, colour, pattern, views))
    return products


def _price(cheapest: int, product_id: str) -> Decimal:
    """Up to a third above the cheapest of the cut, and always 5 cents below a whole euro."""
    return cheapest + zlib.crc32(product_id.encode()) % (cheapest // 3) - Decimal("0.05")


def _name(cut: str, colour: str, pattern: str) -> str:
    if pattern == "denim" and "trousers" in cut:
        cut, pattern = cut.replace("trousers", "jeans"), "plain"
    shade = f"{colour} and {COLOURS[colour][2]}" if pattern == "colour-block" else colour
    name = " ".join(word for word in (shade, _WORDS.get(pattern, pattern), cut) if word)
    return name[0].upper() + name[1:]


def draw(product: Product, view: str, width: int) -> Image.Image:
    """A photo of ``product``, ``width`` pixels wide and a third higher: the same pixels for the same arguments."""
    rng = np.random.default_rng(zlib.crc32(f"{product.id}/{view}".encode()))
    kind = product.kind
    turn, size = rng.uniform(-1, 1, 2).tolist()
    canvas = Canvas(
        width,
        rng,
        turn=turn * (0.7 if kind.standing else 1.7),
        zoom=kind.zoom * (1 + 0.025 * size),
        flip=kind.draw is trainer and view == "back",  # the other side of a shoe faces the other way
    )
    kind.draw(canvas, Style(product.colour, product.pattern, kind.texture), product.cut, view)
    return canvas.picture(standing=kind.standing)
