"""The texts of values: one line each, without control characters and without HTML."""

import html
import re
import unicodedata
from typing import Final

MAX_TEXT_CHARS: Final = 5000
"""A longer text is cut."""
MAX_LIST: Final = 100
"""A longer list is cut."""
# Signs that turn the direction of the text behind them, and the byte order mark, say nothing by themselves.
_UNSEEN: Final = re.compile("[\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_FORMULA: Final = re.compile(r'="(.*)"', re.DOTALL)
_SPREADSHEET_ERRORS: Final = frozenset(("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"))
_MARKUP: Final = re.compile(r"<[a-zA-Z/!]")
# A tag ends before the next one begins: else each of a million tags without an end would be sought to the end of the text.
_HIDDEN: Final = re.compile(
    r"<(script|style|head|template)\b[^<>]*>.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE
)
_INLINE: Final = re.compile(r"</?(?:a|abbr|b|em|font|i|mark|s|small|span|strong|sub|sup|u)\b[^<>]*>", re.IGNORECASE)
_TAG: Final = re.compile(r"<[a-zA-Z/!][^<>]*(?:>|\Z)")
_LONG_NUMBER: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
"""Numbers that are no character. Python refuses to read those of thousands of digits."""


def one_line(text: str) -> str:
    """The text in Unicode's NFC without control characters, each run of white space one space; "" for errors of spreadsheets.

    A formula ``="00123"``, which keeps a spreadsheet from changing the text, is the text in it; an apostrophe before digits does the same.
    """
    if text[:1] == "=" and (formula := _FORMULA.fullmatch(text.strip())):
        text = formula[1]
    if not text.isprintable():
        text = _HALVES.sub("\ufffd", _CONTROLS.sub(" ", _UNSEEN.sub("", text)))
    text = " ".join(text.split())
    if text[:1] == "'" and text[1:].isdigit():
        return text[1:]
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return "" if text[:1] == "#" and text in _SPREADSHEET_ERRORS else text


def without_html(text: str) -> str:
    """The text that a browser would show of HTML, on one line."""
    if _MARKUP.search(text):
        text = _TAG.sub(" ", _INLINE.sub("", _HIDDEN.sub(" ", text)))
    return one_line(without_entities(text))


def without_entities(text: str) -> str:
    """The line with the signs that HTML's ``&amp;`` and the like stand for."""
    if "&" in text and ";" in text:
        return one_line(html.unescape(_LONG_NUMBER.sub("\ufffd", text)))
    return text
