"""The demo catalogue: which products there are, what they are called, and how each one is drawn.

The list is worked out from the tables below, the same every time. Within a kind the colours take turns, so the first
products already show all of them, and patterns and cuts move on at other paces, so that a striped red T-shirt has
striped neighbours and red ones.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from PIL import Image

from scripts.drawing import accessories, backpacks, bags, boots, dresses, headwear, heels, tops, trainers, trousers
from scripts.drawing.canvas import Canvas
from scripts.drawing.cloths import Style, Weave, canvas, hide, jersey, knit, smooth
from scripts.drawing.palette import BLOCKS, COLOURS

type Draw = Callable[[Canvas, Style, str, str], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of product: how it is drawn, in which cuts (each with its noun) and patterns, and how many there are."""

    prefix: str
    label: str
    draw: Draw
    count: int
    cuts: Mapping[str, str]
    patterns: tuple[str, ...]
    weave: Weave
    weaves: Mapping[str, Weave] = field(default_factory=dict)
    gloss: float = 0.0
    zoom: float = 1.0
    standing: bool = False
    mirror: bool = False
    """A second photo shows the other side, facing the other way."""
    has_back: bool = True
    """Is there a side worth a second photo?"""


@dataclass(frozen=True, slots=True)
class Product:
    """One product of the catalogue. ``views`` is empty where it has a single photo."""

    id: str
    name: str
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
    Kind("tee", "T-shirt", tops.tee, 30,
         {"crew-neck": "crew-neck T-shirt", "V-neck": "V-neck T-shirt", "boxy": "boxy T-shirt", "scoop-neck": "scoop-neck T-shirt"},
         ("plain", "striped", "dotted", "colour-block", "wide-striped", "floral"), jersey),
    Kind("trainer", "trainer", trainers.trainer, 24,
         {"court": "court trainers", "high-top": "high-top trainers", "runner": "running shoes", "slip-on": "slip-on trainers"},
         ("plain", "colour-block", "plain", "checked", "plain", "dotted"), canvas, {"court": hide}, 0.08, standing=True, mirror=True),
    Kind("dress", "dress", dresses.dress, 24,
         {"A-line": "A-line dress", "wrap": "wrap dress", "shift": "shift dress", "slip": "slip dress", "maxi": "maxi dress"},
         ("plain", "floral", "dotted", "plain", "striped", "checked"), jersey, zoom=0.96),
    Kind("tote", "tote bag", bags.tote, 18,
         {"shopper": "canvas shopper", "market": "market tote", "structured": "structured tote", "tall": "tall tote"},
         ("plain", "striped", "colour-block", "floral", "plain", "wide-striped", "dotted"), canvas, standing=True),
    Kind("shirt", "shirt", tops.shirt, 24,
         {"classic": "button-down shirt", "chest-pocket": "shirt with a chest pocket", "short-sleeved": "short-sleeved shirt", "camp-collar": "camp-collar shirt"},
         ("plain", "checked", "pinstriped", "floral", "tartan", "denim"), jersey, zoom=0.95),
    Kind("watch", "watch", accessories.watch, 16,
         {"dress": "dress watch", "diver": "diver's watch", "chronograph": "chronograph", "square": "square watch"},
         ("plain", "plain", "striped"), hide, {"diver": canvas}, 0.12, zoom=0.98),
    Kind("trousers", "trousers", trousers.trousers, 20,
         {"slim": "slim trousers", "straight": "straight trousers", "wide-leg": "wide-leg trousers", "tapered": "joggers"},
         ("plain", "denim", "plain", "pinstriped", "checked"), jersey),
    Kind("backpack", "backpack", backpacks.backpack, 18,
         {"day": "day pack", "rucksack": "rucksack", "roll-top": "roll-top backpack", "mini": "mini backpack"},
         ("plain", "colour-block", "plain", "dotted", "striped"), canvas, standing=True),
    Kind("long-sleeve", "long-sleeved top", tops.long_sleeve, 24,
         {"crew-neck": "crew-neck jumper", "turtleneck": "turtleneck", "V-neck": "V-neck jumper", "chunky": "chunky jumper"},
         ("plain", "striped", "zigzag", "plain", "wide-striped", "colour-block"), knit, zoom=0.92),
    Kind("boot", "boots", boots.boot, 16,
         {"Chelsea": "Chelsea boots", "lace-up": "lace-up boots", "knee-high": "knee-high boots", "wellington": "wellingtons"},
         ("plain",), hide, {"wellington": smooth}, 0.16, standing=True, mirror=True),
    Kind("skirt", "skirt", dresses.skirt, 20,
         {"A-line": "A-line skirt", "pleated": "pleated skirt", "pencil": "pencil skirt", "maxi": "maxi skirt"},
         ("plain", "tartan", "floral", "dotted", "denim"), jersey),
    Kind("cap", "cap", headwear.cap, 16,
         {"baseball": "baseball cap", "trucker": "trucker cap", "flat-brim": "flat-brim cap"},
         ("plain", "colour-block", "plain", "checked"), canvas, standing=True),
    Kind("hoodie", "hoodie", tops.hoodie, 20,
         {"pullover": "hoodie", "zip": "zip hoodie", "cropped": "cropped hoodie"},
         ("plain", "colour-block", "plain", "wide-striped"), jersey, zoom=0.91),
    Kind("heel", "heels", heels.heel, 16,
         {"stiletto": "stiletto heels", "pump": "block-heel pumps", "ankle-strap": "ankle-strap heels", "sandal": "block-heel sandals"},
         ("plain", "plain", "dotted", "colour-block"), smooth, gloss=0.22, standing=True, mirror=True),
    Kind("shorts", "shorts", trousers.shorts, 18,
         {"chino": "chino shorts", "sport": "sport shorts", "bermuda": "Bermuda shorts"},
         ("plain", "checked", "denim", "plain", "floral"), jersey),
    Kind("handbag", "handbag", bags.handbag, 16,
         {"satchel": "satchel", "hobo": "hobo bag", "crossbody": "cross-body bag", "bucket": "bucket bag"},
         ("plain", "plain", "colour-block"), hide, gloss=0.14, standing=True),
    Kind("beanie", "beanie", headwear.beanie, 14,
         {"fisherman": "fisherman beanie", "pom-pom": "bobble hat", "slouchy": "slouchy beanie"},
         ("plain", "striped", "colour-block", "zigzag"), knit, zoom=1.18, has_back=False),
    Kind("scarf", "scarf", accessories.scarf, 14,
         {"classic": "fringed scarf", "blanket": "blanket scarf", "skinny": "skinny scarf"},
         ("tartan", "plain", "checked", "striped"), knit, has_back=False),
    Kind("sunglasses", "sunglasses", accessories.sunglasses, 14,
         {"round": "round sunglasses", "wayfarer": "square sunglasses", "aviator": "aviator sunglasses", "cat-eye": "cat-eye sunglasses"},
         ("plain",), smooth, gloss=0.3, zoom=1.05, standing=True, has_back=False),
)  # fmt: skip

_DENIM_COLOURS: Final = ("blue", "navy", "black", "grey", "white")
_WORDS: Final = {"plain": "", "dotted": "polka-dot"}
_VIEWS_EVERY: Final = 5


def catalogue(count: int | None = None) -> list[Product]:
    """The first ``count`` products (all by default). The kinds take turns, so a few already show several kinds."""
    ranges = [_range_of(kind) for kind in KINDS]
    longest = max(len(products) for products in ranges)
    products = [products[turn] for turn in range(longest) for products in ranges if turn < len(products)]
    return products[:count]


def _range_of(kind: Kind) -> list[Product]:
    colours, cuts = list(COLOURS), list(kind.cuts)
    start = zlib.crc32(kind.prefix.encode()) % len(colours)  # kinds start with different colours
    numbers: Counter[tuple[str, str]] = Counter()
    products = []
    for i in range(kind.count):
        turn = i // len(colours)
        # Five and fourteen have no common factor: every colour comes once a turn, and neighbours in the list differ.
        colour = colours[(start + i * 5) % len(colours)]
        pattern = kind.patterns[(i + turn) % len(kind.patterns)]
        if pattern == "denim" and colour not in _DENIM_COLOURS:
            colour = _DENIM_COLOURS[i // len(kind.patterns) % len(_DENIM_COLOURS)]
        cut = cuts[(i + i // len(cuts)) % len(cuts)]
        numbers[pattern, colour] += 1
        views: tuple[str, ...] = ()
        if kind.has_back and i % _VIEWS_EVERY == 1:
            views = ("front", "back")
        products.append(
            Product(
                id=f"{kind.prefix}-{pattern}-{colour}-{numbers[pattern, colour]:02}",
                name=_name(kind, cut, colour, pattern),
                kind=kind,
                cut=cut,
                colour=colour,
                pattern=pattern,
                views=views,
            )
        )
    return products


def _name(kind: Kind, cut: str, colour: str, pattern: str) -> str:
    noun = kind.cuts[cut]
    if pattern == "denim" and kind.prefix == "trousers":
        noun, pattern = noun.replace("trousers", "jeans"), "plain" if "trousers" in noun else pattern
    shade = f"{colour} and {BLOCKS[colour]}" if pattern == "colour-block" else colour
    words = (shade, _WORDS.get(pattern, pattern), noun)
    name = " ".join(word for word in words if word)
    return name[0].upper() + name[1:]


def draw(product: Product, view: str, width: int) -> Image.Image:
    """A photo of ``product``, ``width`` pixels wide and a third higher: the same pixels for the same arguments."""
    rng = np.random.default_rng(zlib.crc32(f"{product.id}/{view}".encode()))
    kind = product.kind
    pose = rng.uniform(-1, 1, 6)
    easel = Canvas(
        width,
        rng,
        turn=pose[0] * (0.7 if kind.standing else 1.7),
        shift=(pose[1] * 6, pose[2] * 8),
        zoom=kind.zoom * (1 + 0.025 * pose[3]),
        stretch=0.028 * pose[4],
        light=14 * pose[5],
        flip=kind.mirror and view == "back",
    )
    weave = kind.weaves.get(product.cut, kind.weave)
    kind.draw(easel, Style(product.colour, product.pattern, weave, kind.gloss), product.cut, view)
    return easel.picture()
