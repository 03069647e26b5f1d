"""The columns of shop systems: which of them mean the same, and which one names the product."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final


class Vendor(StrEnum):
    """The systems whose files have rules of their own."""

    SHOPIFY = "Shopify"
    WOOCOMMERCE = "WooCommerce"
    GOOGLE = "Google Merchant"
    OTHER = "other"


class Role(StrEnum):
    """What a column says of a product. The value is the attribute's name, where the column becomes one."""

    __hash__ = str.__hash__  # Enum's own is written in Python, and each value looks up its column's role

    NAME = "name"
    PRICE = "price"
    CURRENCY = "currency"
    SALE_PRICE = "sale_price"
    SALE_STARTS = "sale_starts"
    SALE_ENDS = "sale_ends"
    LINK = "link"
    BRAND = "brand"
    AVAILABILITY = "availability"
    PRODUCT_TYPE = "product_type"
    COLOUR = "colour"
    DESCRIPTION = "description"
    IMAGE_LINK = "image_link"
    ADDITIONAL_IMAGE_LINK = "additional_image_link"
    CATEGORIES = "categories"
    TAGS = "tags"
    # These are told by other attributes.
    ID = "id"
    REGULAR_PRICE = "regular price"
    SALE_DATES = "sale dates"
    STOCK = "stock"
    STOCK_POLICY = "stock policy"
    STOCK_TRACKER = "stock tracker"
    PUBLISHED = "published"
    STATUS = "status"
    KIND_OF_ROW = "kind of row"
    PARENT = "parent"
    IMAGES = "images"
    HIDDEN = "hidden"
    MARKUP = "markup"
    METAFIELD = "metafield"
    OPTION_NAME = "option name"
    OPTION_VALUE = "option value"
    VARIANT_LIST = "variant list"
    COST = "cost"
    NOISE = "noise"
    OWN = "own"


CANONICAL: Final = tuple(Role)[: tuple(Role).index(Role.ID)]
"""The roles that are attributes, in the order of an answer."""
ID_COLUMNS: Final = (
    "productid", "id", "sku", "handle", "articleid", "itemid", "styleid", "productcode", "articlenumber", "artikelnummer", "itemnumber",
    "ean", "gtin",
)  # fmt: skip
"""Columns that may name the product, the likeliest first."""
PRICES: Final = (Role.PRICE, Role.REGULAR_PRICE, Role.SALE_PRICE)

# The likeliest first: the first that a file has is the attribute, and the others keep their own names.
_COMMON: Final[Mapping[Role, str]] = {
    Role.NAME: "title name productname producttitle productdisplayname displayname itemname articlename produktname artikelname bezeichnung "
    "artikelbezeichnung nom nombre",
    Role.PRICE: "price unitprice sellingprice currentprice preis verkaufspreis bruttopreis prix precio",
    Role.REGULAR_PRICE: "regularprice compareatprice listprice originalprice oldprice rrp msrp uvp streichpreis",
    Role.SALE_PRICE: "saleprice specialprice discountprice discountedprice offerprice angebotspreis aktionspreis",
    Role.SALE_STARTS: "salestarts salestart salepricestarts salepricestartdate datesalepricestarts specialfromdate specialpricefromdate",
    Role.SALE_ENDS: "saleends saleend salepriceends salepriceenddate datesalepriceends specialtodate specialpricetodate",
    Role.SALE_DATES: "salepriceeffectivedate",
    Role.CURRENCY: "currency currencycode pricecurrency währung waehrung devise moneda",
    Role.LINK: "link url producturl productlink productpage permalink deeplink externalurl",
    Role.BRAND: "brand vendor manufacturer brandname brands marke hersteller marque marca",
    Role.AVAILABILITY: "availability instock isinstock stockstatus verfügbarkeit verfuegbarkeit vorrätig disponibilité",
    Role.STOCK: "stock stockquantity quantityinstock inventory inventoryquantity quantity qty bestand lagerbestand",
    Role.PRODUCT_TYPE: "producttype type produkttyp",
    Role.COLOUR: "colour color colourname colorname farbe couleur",
    Role.DESCRIPTION: "description bodyhtml productdescription longdescription fulldescription beschreibung shortdescription kurzbeschreibung "
    "summary",
    Role.IMAGE_LINK: "imagelink imageurl imagesrc image mainimage mainimageurl productimageurl picture bildurl bild",
    Role.ADDITIONAL_IMAGE_LINK: "additionalimagelink additionalimagelinks additionalimages",
    Role.IMAGES: "images imageurls bilder",
    Role.TAGS: "tags tag keywords schlagworte schlagwörter",
    Role.CATEGORIES: "categories kategorien",
    Role.COST: "costperitem variantcost cost costprice costofgoodssold purchaseprice buyingprice supplierprice einkaufspreis ek "
    "wholesaleprice dealerprice autopricingminprice metawccogcost metawccogitemcost costofgoods cogs margin grossmargin profit marge",
}
_SHOPIFY: Final[Mapping[Role, str]] = {
    Role.ID: "handle urlhandle",
    Role.PRICE: "variantprice price",
    Role.REGULAR_PRICE: "variantcompareatprice compareatprice",
    Role.PRODUCT_TYPE: "type productcategory",
    Role.STOCK: "variantinventoryqty inventoryquantity",
    Role.STOCK_POLICY: "variantinventorypolicy continuesellingwhenoutofstock",
    Role.STOCK_TRACKER: "variantinventorytracker inventorytracker",
    Role.PUBLISHED: "published publishedononlinestore",
    Role.STATUS: "status",
    Role.IMAGES: "imagesrc productimageurl variantimage variantimageurl",
    Role.OPTION_NAME: "option1name option2name option3name",
    Role.OPTION_VALUE: "option1value option2value option3value",
    Role.VARIANT_LIST: "variantsku sku variantbarcode barcode",
    Role.NOISE: "option1linkedto option2linkedto option3linkedto imageposition imagealttext variantfulfillmentservice fulfillmentservice "
    "variantrequiresshipping requiresshipping varianttaxable chargetax varianttaxcode taxcode giftcard seotitle seodescription "
    "variantweightunit weightunitfordisplay",
}
_WOOCOMMERCE: Final[Mapping[Role, str]] = {
    Role.ID: "id",
    Role.KIND_OF_ROW: "type typ",
    Role.PARENT: "parent übergeordnetesprodukt",
    Role.REGULAR_PRICE: "regularprice regulärerpreis",
    Role.PUBLISHED: "published veröffentlicht",
    Role.SALE_STARTS: "datesalepricestarts",
    Role.SALE_ENDS: "datesalepriceends",
    Role.HIDDEN: "visibilityincatalog",
    Role.NOISE: "isfeatured taxstatus taxclass lowstockamount backordersallowed soldindividually allowcustomerreviews purchasenote shippingclass "
    "downloadlimit downloadexpirydays groupedproducts upsells crosssells buttontext position",
}
# Columns that tell a system, beside those that others have too.
_OF_SHOPIFY: Final = frozenset(
    (
        "variantprice", "option1name", "option1value", "variantsku", "bodyhtml", "compareatprice", "publishedononlinestore",
        "variantinventoryqty",
    )
)  # fmt: skip
_OF_WOOCOMMERCE: Final = frozenset(
    (
        "published", "visibilityincatalog", "taxstatus", "attribute1name", "parent", "soldindividually", "backordersallowed", "isfeatured",
        "veröffentlicht", "attribut1name", "übergeordnetesprodukt",
    )
)  # fmt: skip
_OF_GOOGLE: Final = frozenset(("imagelink", "googleproductcategory", "salepriceeffectivedate", "itemgroupid"))
# All columns of these roles are read, not the first alone.
_SEVERAL: Final = frozenset(
    (
        Role.ADDITIONAL_IMAGE_LINK, Role.IMAGES, Role.TAGS, Role.CATEGORIES, Role.OPTION_NAME, Role.OPTION_VALUE, Role.VARIANT_LIST,
        Role.COST, Role.NOISE,
    )
)  # fmt: skip
_WOO_ATTRIBUTE: Final = re.compile(r"attribute?(\d+)(name|values?|werte?|visible|sichtbar|global|default|standard)")
MAX_NAME_CHARS: Final = 100
"""What a column's name has beyond these is not looked at."""
METAFIELD: Final = re.compile(r"\s*\(product\.metafields\.[^)]*\)$")
"""What Shopify writes behind the name of a column that a shop defined."""
_SIGNS: Final = re.compile(r"[\W_]+")
_CURRENCY_IN_NAME: Final = re.compile(
    r"(?:[\s_]+(?:in|en)[\s_]+|[\s_]*[(\[]|[\s_]+)\s*([A-Za-z]{3}|[€$£¥₹])\s*[)\]]?\s*$"
)


def word_of(name: str) -> str:
    """A column's name without case and signs, for comparing. Google's prefix ``g:`` is left off."""
    return _SIGNS.sub("", name[:MAX_NAME_CHARS].strip().casefold().removeprefix("g:"))


def vendor_of(names: Iterable[str]) -> Vendor:
    """The system that wrote a file, by its columns."""
    words = {word_of(name) for name in names}
    if words & {"handle", "urlhandle"} and words & _OF_SHOPIFY:
        return Vendor.SHOPIFY
    is_woocommerce = bool(words & _OF_WOOCOMMERCE) or {"id", "sku", "name"} <= words
    if is_woocommerce and words & {"type", "typ"} and words & {"regularprice", "regulärerpreis"}:
        return Vendor.WOOCOMMERCE
    if {"id", "title", "link"} <= words and words & _OF_GOOGLE:
        return Vendor.GOOGLE
    return Vendor.OTHER


def id_column(names: Sequence[str], wanted: str | None, vendor: Vendor = Vendor.OTHER) -> str | None:
    """The column that names the product, or None: the one that is wanted, or else a usual one."""
    by_word: dict[str, str] = {}
    for name in names:
        by_word.setdefault(word_of(name), name)
    if wanted is not None:
        return wanted if wanted in names else by_word.get(word_of(wanted))
    usual = ("handle", "urlhandle") if vendor is Vendor.SHOPIFY else ID_COLUMNS
    return next((by_word[word] for word in usual if word in by_word), None)


def roles_of(names: Sequence[str], vendor: Vendor) -> list[tuple[Role, int]]:
    """The role of each column, and the number of the option that it speaks of, 0 for others."""
    ranks = {
        word: (role, rank)
        for words in (_COMMON, {Vendor.SHOPIFY: _SHOPIFY, Vendor.WOOCOMMERCE: _WOOCOMMERCE}.get(vendor, {}))
        for role, listed in words.items()
        for rank, word in enumerate(listed.split())
    }
    found = [ranks.get(word_of(name)) or _part_role(name, ranks) for name in names]
    best: dict[Role, int] = {}
    for role, rank in found:
        best[role] = min(rank, best.get(role, rank))
    roles: list[tuple[Role, int]] = []
    for name, (role, rank) in zip(names, found, strict=True):
        if role in (Role.OPTION_NAME, Role.OPTION_VALUE):
            roles.append((role, rank + 1))
        elif vendor is Vendor.WOOCOMMERCE and (match := _WOO_ATTRIBUTE.fullmatch(word_of(name))):
            part = {"n": Role.OPTION_NAME, "v": Role.OPTION_VALUE, "w": Role.OPTION_VALUE}
            is_value = match[2].startswith(("value", "wert"))
            roles.append((part[match[2][0]] if match[2] == "name" or is_value else Role.NOISE, int(match[1])))
        elif vendor is Vendor.WOOCOMMERCE and name.startswith("Meta: _"):
            roles.append((Role.NOISE, 0))
        elif vendor is Vendor.SHOPIFY and METAFIELD.search(name[:MAX_NAME_CHARS]):
            roles.append((Role.METAFIELD, 0))
        elif role in _SEVERAL or rank == best[role] or (role in PRICES and word_of(name) == word_of(role)):
            roles.append((role, 0))
        elif role is Role.DESCRIPTION:
            roles.append((Role.MARKUP, 0))
        else:
            roles.append((Role.OWN, 0))
    return roles


def currency_in(name: str) -> str:
    """The currency that a column's name ends with, as ``Price (EUR)`` and ``price_eur`` do, or ""."""
    match = _CURRENCY_IN_NAME.search(name[:MAX_NAME_CHARS])
    return match[1] if match else ""


def _part_role(name: str, ranks: Mapping[str, tuple[Role, int]]) -> tuple[Role, int]:
    """The role of a price or cost with a currency in its name, or in an inner object of JSON."""
    name = _CURRENCY_IN_NAME.sub("", name[:MAX_NAME_CHARS])
    found = ranks.get(word_of(name), (Role.OWN, 0))
    if found[0] in (*PRICES, Role.COST):
        return found
    return (Role.COST, 0) if ranks.get(word_of(name.rpartition(".")[2]), found)[0] is Role.COST else (Role.OWN, 0)
