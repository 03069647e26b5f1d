"""Prices as shops write them: ``15.00 USD``, ``€ 1.299,00``, ``1'299.00 CHF``."""

import re
from collections.abc import Iterable
from typing import Final

from lookalike.feeds.reports import BadValue

MAX_PRICE: Final = 1e12
"""A greater number is no price: a barcode in the wrong column."""
_SYMBOLS: Final = {
    "€": "EUR", "£": "GBP", "¥": "JPY", "円": "JPY", "元": "CNY", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB", "₫": "VND", "₪": "ILS",
    "₴": "UAH", "₦": "NGN", "฿": "THB", "₱": "PHP", "₸": "KZT", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON", "лв": "BGN", "руб": "RUB",
    "rs": "INR", "r$": "BRL", "us$": "USD", "$us": "USD", "c$": "CAD", "ca$": "CAD", "a$": "AUD", "au$": "AUD", "nz$": "NZD", "hk$": "HKD",
    "s$": "SGD", "mx$": "MXN", "nt$": "TWD", "$": "USD", "euro": "EUR", "euros": "EUR", "sfr": "CHF", "fr": "CHF", "rp": "IDR", "rm": "MYR",
}  # fmt: skip
# Signs of several currencies: a price has them, and its currency is not known.
_SHARED_SIGNS: Final = frozenset(("kr", "р"))
_ISO: Final = frozenset(
    (
        "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF", "BMD",
        "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP", "CVE",
        "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GNF",
        "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD", "JPY", "KES", "KGS",
        "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD", "MAD", "MDL", "MGA", "MKD",
        "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "OMR",
        "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB", "RWF", "SAR", "SBD", "SCR", "SDG", "SEK",
        "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TND", "TOP", "TRY", "TTD",
        "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES", "VND", "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF",
        "YER", "ZAR", "ZMW", "ZWG",
    )
)  # fmt: skip
_MAX_CHARS: Final = 60
_PLAIN: Final = re.compile(r"(\d+(?:\.\d{1,2})?)(?: ([A-Z]{3}))?")
# A number between words: its currency stands before or behind it. A full stop belongs to a word: Rs. 499.
_WORDS: Final = r"(?:[^\d+.,()\-−–]|(?<=[^\W\d_])\.)*"
_PARTS: Final = re.compile(
    rf"(?P<before>{_WORDS})(?P<sign>[-−–]?)(?P<middle>{_WORDS})(?P<number>[.,]?\d[\d.,'’ ]*)(?:[-−–]{{0,2}})(?P<behind>\D*)"
)
_DECIMAL_COMMA: Final = re.compile(r"\d,\d{1,2}(?![\d.,])")
_DECIMAL_POINT: Final = re.compile(r"\d\.\d{1,2}(?![\d.,])")


def price_of(text: str, *, decimal_comma: bool = False) -> tuple[float, str]:
    """The amount, and the currency as ISO 4217 writes it, "" where the text has none. Raises BadValue.

    ``decimal_comma``: which sign separates decimals where the text could be read both ways, as 1.299 can.
    """
    plain = _PLAIN.fullmatch(text)
    if plain and (plain[2] is None or plain[2] in _ISO):
        return _amount(plain[1]), plain[2] or ""
    parts = _PARTS.fullmatch(" ".join(text.split())) if len(text) <= _MAX_CHARS else None
    if parts is None:
        raise BadValue("bad-price", "is no price")
    currency = _currency(f"{parts['before']} {parts['middle']}", parts["behind"])
    if parts["sign"]:
        raise BadValue("bad-price", "is below zero")
    return _amount(_plain_number(parts["number"], decimal_comma)), currency


def has_decimal_comma(texts: Iterable[str], *, default: bool) -> bool:
    """Whether prices are written with a decimal comma, by those that can be read in one way only."""
    commas = points = 0
    for text in texts:
        commas += _DECIMAL_COMMA.search(text) is not None
        points += _DECIMAL_POINT.search(text) is not None
    return commas > points if commas != points else default


def currency_of(text: str) -> str:
    """The currency as ISO 4217 writes it. Raises BadValue."""
    currency = _known(text.strip())
    if not currency:
        raise BadValue("bad-currency", "is no currency of ISO 4217")
    return currency


def _amount(number: str) -> float:
    amount = float(number)
    if amount > MAX_PRICE:
        raise BadValue("bad-price", "is too much for a price")
    return amount


def _plain_number(text: str, decimal_comma: bool) -> str:
    """The number with a decimal point and without signs between thousands."""
    number = re.sub(r"['’ ]", "", text.rstrip(" .,'’"))
    last = max(number.rfind("."), number.rfind(","))
    if last < 0:
        return number
    sign, other = number[last], "," if number[last] == "." else "."
    whole, decimals = number[:last] or "0", number[last + 1 :]
    if other in whole:  # 1,299.00
        is_whole = False
    elif sign in whole:  # 1,299,000
        is_whole = True
    else:
        is_whole = len(decimals) == 3 and len(whole) <= 3 and whole != "0" and (sign == ",") != decimal_comma
    first, *groups = (number if is_whole else whole).split(sign if is_whole else other)
    # In India, thousands are followed by groups of two: 1,49,999.
    if groups and (len(groups[-1]) != 3 or not all(2 <= len(group) <= 3 for group in groups[:-1])):
        raise BadValue("bad-price", "is no price")
    digits = "".join((first, *groups))
    if not digits.isdigit():
        raise BadValue("bad-price", "is no price")
    return digits if is_whole else f"{digits}.{decimals}"


def _currency(before: str, behind: str) -> str:
    """The currency among the words around a number. Raises BadValue where there are other words."""
    words = [word for word in (before.strip(" .:"), behind.strip(" .:*")) if word]
    found = {_known(word) for word in words}
    if len(words) == 2 and "" not in found and len(found) > 1 and {"$", "kr"} & {word.lower() for word in words}:
        found = {_known(word) for word in words if word.upper() in _ISO}  # $15.00 CAD
    unknown = [word for word in words if not _known(word) and word.lower() not in _SHARED_SIGNS]
    found.discard("")
    if unknown or len(found) > 1:
        raise BadValue("bad-price", "is no price")
    return found.pop() if found else ""


def _known(word: str) -> str:
    upper = word.upper()
    return upper if upper in _ISO else _SYMBOLS.get(word.lower(), "")
