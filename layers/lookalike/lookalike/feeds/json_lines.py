"""Rows of JSON lines: an object a line, whose inner objects become values with names like ``size.width``."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from lookalike.feeds.lines import Lines
from lookalike.feeds.reports import Report

Cell = str | tuple[str, ...]
_MAX_DEPTH: Final = 8
_AMOUNTS: Final = frozenset(("value", "amount", "price"))
_CURRENCIES: Final = frozenset(("currency", "currencycode", "currency_code"))


class Objects:
    """The objects of a file as texts and lists of texts, each with its line; blank lines are counted in ``blank``.

    Numbers stay the texts that they are in the file, true and false are texts; null, NaN and Infinity are no values. A line that
    is no object is a bad row.
    """

    def __init__(self, lines: Iterable[str], source: Lines, report: Report) -> None:
        self._lines = lines
        self._source = source
        self._report = report
        self._decoder = json.JSONDecoder(parse_int=str, parse_float=_float_text, parse_constant=lambda _: None)
        self.blank = 0

    def __iter__(self) -> Iterator[tuple[int, dict[str, Cell]]]:
        for line in self._lines:
            number = self._source.number
            text = line.strip().removeprefix("\ufeff")
            if not text:
                self.blank += 1
                continue
            if self._source.too_long:
                self._report.row(number, "too-long", "the line is too long to read")
                continue
            try:
                value = self._decoder.decode(text)
            except (ValueError, RecursionError) as error:
                what = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep"
                at = f", at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
                self._report.row(number, "not-json", f"the line is not JSON: {what}{at}")
                continue
            if not isinstance(value, dict):
                self._report.row(
                    number, "not-an-object", "the line is JSON, but no object: write {...} for each product"
                )
                continue
            cells: dict[str, Cell] = {}
            self._flatten(value, "", cells, 0)
            yield number, cells

    def _flatten(self, values: Mapping[str, Any], prefix: str, cells: dict[str, Cell], depth: int) -> None:
        for key, value in values.items():
            name = prefix + key
            if isinstance(value, dict):
                if (price := _price_text(value)) is not None:
                    cells[name] = price
                elif depth < _MAX_DEPTH:
                    self._flatten(value, f"{name}.", cells, depth + 1)
                else:
                    self._report.counts["with objects nested too deep, which are left out"] += 1
            elif isinstance(value, list):
                items = [_text(item) for item in value if not isinstance(item, dict | list)]
                if len(items) < len(value):
                    self._report.counts["with lists of objects or of lists, which are left out"] += 1
                cells[name] = tuple(item for item in items if item)
            else:
                cells[name] = _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _float_text(text: str) -> str:
    """Decimals as they are, and powers of ten as decimals if they are few digits."""
    if "e" in text or "E" in text:
        number = float(text)
        return repr(number) if abs(number) < 1e15 else text
    return text


def _price_text(value: Mapping[str, Any]) -> str | None:
    """``{"value": "15.00", "currency": "USD"}`` as one text, None for other objects."""
    if len(value) != 2:
        return None
    keys = {key.lower(): key for key in value}
    amount, currency = _AMOUNTS & keys.keys(), _CURRENCIES & keys.keys()
    if not amount or not currency:
        return None
    texts = [_text(value[keys[min(found)]]) for found in (amount, currency)]
    return " ".join(texts).strip()
