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
_UNPUBLISHED: Final = frozenset(("false", "0", "no", "-1", "draft", "archived", "hidden", "nein"))

_price_of = lru_cache(65536)(price_of)


def offer_of(told: Told, decimal_comma: bool, complain: Complain) -> dict[str, Value]:
    """Price, currency and sale price of a row, with the times of the sale.

    A regular price above the price makes the price a sale price.
    """
    prices: dict[Role, float] = {}
    currency = _currency(told, complain)
    for role in PRICES:
        if role not in told:
            continue
        column, text = told[role]
        try:
            prices[role], own = _price_of(text, decimal_comma=decimal_comma)
            own = own or (currency_of(column.currency) if column.currency else "")
            if own and currency and own != currency:
                del prices[role]
                raise BadValue("bad-price", f"is not in {currency}, as the row's currency is")
            currency = currency or own
        except BadValue as bad:
            complain(column, text, bad)
    price, regular, sale = (prices.get(role) for role in PRICES)
    if regular is not None and (price is None or regular > price):
        price, regular, sale = regular, price, sale if sale is not None else price
    offer: dict[str, Value] = {}
    if price is not None:
        offer[Role.PRICE.value] = price
    if currency:
        offer[Role.CURRENCY.value] = currency
    if sale is not None and (times := _times(told, complain)) is not None:
        offer[Role.SALE_PRICE.value] = sale
        offer |= times
    return offer


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
    times = {Role.SALE_STARTS.value: starts, Role.SALE_ENDS.value: ends}
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
