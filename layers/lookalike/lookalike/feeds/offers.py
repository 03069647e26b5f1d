"""What a row says of prices and of stock, in several columns."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from lookalike.feeds.columns import Column
from lookalike.feeds.dates import time_of, times_of
from lookalike.feeds.prices import currency_of, price_of
from lookalike.feeds.reports import BadValue
from lookalike.feeds.values import Availability, availability_of_stock
from lookalike.feeds.vocabulary import PRICES, Role
from lookalike.tables.table import Value

Told = Mapping[Role, tuple[Column, str]]
"""The first text of a row for each role, and its column."""
Complain = Callable[[Column, str, BadValue], None]
_PRICE: Final = Role.PRICE.value
_CURRENCY: Final = Role.CURRENCY.value
_SALE_PRICE: Final = Role.SALE_PRICE.value
_SALE_STARTS: Final = Role.SALE_STARTS.value
_SALE_ENDS: Final = Role.SALE_ENDS.value
_UNPUBLISHED: Final = frozenset(("false", "0", "no", "-1", "draft", "archived", "hidden", "nein"))

_price_of = lru_cache(65536)(price_of)


def offer_of(told: Told, decimal_comma: bool, complain: Complain) -> dict[str, Value]:
    """Price, currency and sale price of a row, with the times of the sale.

    A regular price above the price makes the price a sale price.
    """
    currency = _currency(told, complain)
    prices: list[float | None] = []
    for role in PRICES:
        amount = None
        if role in told:
            column, text = told[role]
            try:
                amount, currency = _in_currency(column, text, currency, decimal_comma)
            except BadValue as bad:
                complain(column, text, bad)
        prices.append(amount)
    price, regular, sale = prices
    if regular is not None and (price is None or regular > price):
        price, regular, sale = regular, price, sale if sale is not None else price
    offer: dict[str, Value] = {}
    if price is not None:
        offer[_PRICE] = price
    if currency:
        offer[_CURRENCY] = currency
    if sale is not None and (times := _times(told, complain)) is not None:
        offer[_SALE_PRICE] = sale
        offer |= times
    return offer


def _in_currency(column: Column, text: str, currency: str, decimal_comma: bool) -> tuple[float, str]:
    """The amount of a price, and the currency that the row has now. Raises BadValue where the price is in another one."""
    amount, own = _price_of(text, decimal_comma=decimal_comma)
    if not own and column.currency:
        own = currency_of(column.currency)
    if own and currency and own != currency:
        raise BadValue("bad-price", f"is not in {currency}, as the row's currency is")
    return amount, currency or own


def _currency(told: Told, complain: Complain) -> str:
    if Role.CURRENCY not in told:
        return ""
    column, text = told[Role.CURRENCY]
    try:
        return currency_of(text)
    except BadValue as bad:
        complain(column, text, bad)
        return ""


def _times(told: Told, complain: Complain) -> dict[str, Value] | None:
    """When the sale begins and ends; None where a date cannot be read: the sale could be over."""
    if not (Role.SALE_DATES in told or Role.SALE_STARTS in told or Role.SALE_ENDS in told):
        return {}
    starts = ends = None
    column: Column
    for role in (Role.SALE_DATES, Role.SALE_STARTS, Role.SALE_ENDS):
        if role not in told:
            continue
        column, text = told[role]
        try:
            if role is Role.SALE_DATES:
                starts, ends = times_of(text)
            elif role is Role.SALE_STARTS:
                starts = time_of(text)
            else:
                ends = time_of(text, ends=True)
        except BadValue as bad:
            complain(column, text, BadValue(bad.code, f"{bad}; the sale price is left out"))
            return None
    times = {_SALE_STARTS: starts, _SALE_ENDS: ends}
    return {name: time for name, time in times.items() if time is not None}


def availability(told: Told, *, has_tracker: bool) -> str | None:
    """The availability of a row that has a number in stock or says that the shop shows the product to nobody, else None.

    ``has_tracker``: whether the file says of each product if its stock is counted.
    """
    for role in (Role.PUBLISHED, Role.STATUS, Role.HIDDEN):
        if role in told and told[role][1].casefold() in _UNPUBLISHED:
            return Availability.UNPUBLISHED
    if has_tracker and Role.STOCK_TRACKER not in told:
        return Availability.IN_STOCK if Role.PRICE in told else None
    if Role.STOCK not in told:
        return None
    found = availability_of_stock(float(told[Role.STOCK][1]))
    policy = told[Role.STOCK_POLICY][1].casefold() if Role.STOCK_POLICY in told else ""
    is_sold_on = policy in ("continue", "true")
    return Availability.BACKORDER if found == Availability.OUT_OF_STOCK and is_sold_on else found
