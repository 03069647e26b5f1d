"""Chips that narrow a search by what is known of products."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.steps import UNAVAILABLE, cards, heading, step, upload
from tests.browser.stub import Product, Reply, Stub, known, problem

PHONE, DESKTOP = (390, 844), (1280, 900)


def chip(page: Page, name: str) -> Locator:
    """The button that opens an attribute."""
    return page.get_by_role("group", name="Filter", exact=True).get_by_role("button", name=re.compile(f"^{name}"))


def values(page: Page) -> Locator:
    """What an open chip gives to choose from."""
    return page.locator(".choices:popover-open")


def sold(price: float, **attributes: Any) -> Product:
    """A product with a price."""
    return known({"name": "Coat", "price": price, "currency": "EUR", "colour": "Red", **attributes})


def shop(stub: Stub, *sales: Product) -> None:
    """Put these in place of the first products, and of the others what makes no choice."""
    for place, product in enumerate(stub.catalogue):
        product.update(sales[place] if place < len(sales) else known({"name": "Sock"}))


@IN_BOTH
def test_a_value_narrows_the_search_and_its_chip_widens_it_again(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/112")
    colour = chip(page, "Colour")
    expect(colour).to_have_attribute("aria-expanded", "false")
    colour.click()
    expect(colour).to_have_attribute("aria-expanded", "true")
    expect(values(page).get_by_role("checkbox")).to_have_count(3)
    expect(values(page)).to_contain_text(re.compile("Rust.*8"))
    values(page).get_by_text("Rust").click()
    expect(page).to_have_url(f"{stub.url}/#/product/112?filter=baseColour:Rust")
    expect(cards(page)).to_have_count(8)
    expect(cards(page).first).to_contain_text("Rust")
    values(page).get_by_role("button", name="Show 8 products").click()
    expect(values(page)).to_have_count(0)
    expect(colour).to_be_focused()

    page.get_by_role("button", name="Remove Rust (Colour)").click()
    expect(page).to_have_url(f"{stub.url}/#/product/112")
    expect(cards(page)).to_have_count(10)
    expect(page.get_by_role("button", name="Clear all")).to_be_hidden()


def test_values_of_one_attribute_add_up_and_are_one_step_back(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/112")
    chip(page, "Colour").click()
    values(page).get_by_text("Teal").click()
    expect(values(page).get_by_role("button", name="Show 8 products")).to_be_visible()
    values(page).get_by_text("Navy Blue").click()
    expect(values(page).get_by_role("button", name="Show 16 products")).to_be_visible()
    assert parse_qs(urlsplit(page.url).fragment.partition("?")[2]) == {"filter": ["baseColour:Navy Blue,Teal"]}
    expect(page.get_by_role("status")).to_have_text(re.compile("16 products|(8|10) products found"))
    page.keyboard.press("Escape")

    chip(page, "Article type").click()
    expect(values(page)).to_contain_text(re.compile("Shirt.*4")), "counts follow the other filters"
    values(page).get_by_text("Shirt").click()
    expect(page.get_by_role("group", name="Chosen filters").get_by_role("button")).to_have_text(
        ["Navy Blue", "Teal", "Shirt", "Clear all"]
    )
    step(page, -1)
    expect(page.get_by_role("button", name="Remove Shirt (Article type)")).to_be_hidden()
    step(page, -1)
    expect(page).to_have_url(f"{stub.url}/#/product/112")
    expect(cards(page)).to_have_count(10)


@IN_BOTH
def test_a_price_is_chosen_by_fields_or_thumbs(open_page: Pages, stub: Stub) -> None:
    shop(stub, *(sold(10 + 10 * i) for i in range(10)))
    page = open_page(f"{stub.url}/#/product/112")
    chip(page, "Price").click()
    least, most = values(page).get_by_role("spinbutton").all()
    expect(least).to_have_value("10")
    expect(most).to_have_value("100")
    least.press("ControlOrMeta+a")
    page.keyboard.type("35")
    least.press("Enter")
    expect(page).to_have_url(re.compile(r"filter=price:35\.\.$"))
    expect(cards(page)).to_have_count(7)
    expect(page.get_by_role("button", name="Remove From €35.00 (Price)")).to_be_visible()

    upper = values(page).get_by_role("slider", name="Up to")
    for _ in range(50):
        upper.press("ArrowLeft")
    expect(most).to_have_value("50")
    expect(upper).to_have_attribute("aria-valuetext", "€50.00")
    expect(page).to_have_url(re.compile(r"filter=price:35\.\.50$"))
    expect(cards(page)).to_have_count(2)
    for _ in range(30):
        upper.press("ArrowLeft")
    expect(upper).to_have_value("35"), "a thumb stops at the other"
    values(page).get_by_role("button", name="Clear").click()
    expect(page).to_have_url(f"{stub.url}/#/product/112")


@pytest.mark.parametrize("value", ['12" x 18", A3', "red, blue", "a..b", "a:b", "&=#?+%20", "Ünïcode ✓", '"'])
def test_any_value_can_be_chosen(open_page: Pages, stub: Stub, value: str) -> None:
    shop(stub, sold(1, **{'for: "what"': value}), sold(1, **{'for: "what"': "else"}))
    page = open_page(f"{stub.url}/#/product/112")
    chip(page, 'For: "what"').click()
    values(page).get_by_text(value, exact=True).click()
    expect(cards(page)).to_have_count(1)
    page.reload()
    expect(cards(page)).to_have_count(1)
    expect(page.get_by_role("group", name="Chosen filters").get_by_role("button").first).to_have_text(value)
    chip(page, 'For: "what"').click()
    expect(values(page).get_by_role("checkbox", checked=True)).to_have_count(1)


@IN_BOTH
def test_the_keyboard_is_enough(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/112")
    colour = chip(page, "Colour")
    colour.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    box = values(page).get_by_role("checkbox").first
    expect(box).to_be_focused()
    page.keyboard.press("Space")
    expect(cards(page)).to_have_count(8)
    expect(box).to_be_focused()
    page.keyboard.press("Escape")
    expect(values(page)).to_have_count(0)
    expect(colour).to_be_focused()
    chosen = page.get_by_role("group", name="Chosen filters").get_by_role("button").first
    chosen.focus()
    page.keyboard.press("Enter")
    expect(cards(page)).to_have_count(10)
    expect(chip(page, "Colour")).to_be_focused()


def test_a_long_list_is_searched_by_typing(open_page: Pages, stub: Stub) -> None:
    shop(stub, *(sold(1, brand=f"Maker {i}") for i in range(20)))
    page = open_page(f"{stub.url}/#/product/112")
    chip(page, "Brand").click()
    values(page).get_by_role("searchbox").fill("maker 7")
    expect(values(page).get_by_role("checkbox")).to_have_count(1)


def test_what_leaves_no_choice_has_no_chip(open_page: Pages, stub: Stub) -> None:
    stock = ("in_stock", "in_stock", "in_stock", "out_of_stock")
    shop(stub, *(sold(5, availability=word, size=size) for word, size in zip(stock, "SML-", strict=True)))
    page = open_page(f"{stub.url}/#/product/112")
    expect(chip(page, "Size")).to_be_visible()
    (
        expect(page.locator(".chip-place")).to_have_count(2),
        "one price and colour; stock is a choice, as nothing is hidden",
    )
    chip(page, "Availability").click()
    expect(values(page)).to_contain_text("Out of stock")
    body = {
        "products": 3,
        "facets": [
            {
                "attribute": "availability",
                "kind": "text",
                "values": [{"value": "in_stock", "count": 3}, {"value": "out_of_stock", "count": 1}],
                "others": 0,
            }
        ],
    }
    stub.replies["facets"] = Reply(body)
    page.reload()
    expect(cards(page)).to_have_count(10)
    expect(chip(page, "Availability")).to_have_count(0)


def test_without_product_data_there_are_no_chips(page: Page, stub: Stub, photo: Path) -> None:
    shop(stub)
    with page.expect_response("**/api/facets"):
        upload(page, photo)
    expect(cards(page)).to_have_count(10)
    expect(page.locator(".chip:visible")).to_have_count(0)
    cards(page).first.get_by_role("link").click()
    expect(heading(page)).to_have_text("More like this")
    expect(page.locator("#filters")).to_be_hidden()


def test_a_search_is_answered_without_counts(open_page: Pages, stub: Stub) -> None:
    stub.replies["facets"] = problem(503, "store-unavailable", "Try again.")
    page = open_page(f"{stub.url}/#/product/112?filter=baseColour:Rust", expected=UNAVAILABLE)
    expect(cards(page)).to_have_count(8)
    page.get_by_role("button", name="Clear all").click()
    expect(cards(page)).to_have_count(10)


def test_a_filter_that_is_none_can_be_removed(open_page: Pages, stub: Stub) -> None:
    stub.replies["similar"] = problem(400, "bad-filter", "Write attribute:value.")
    page = open_page(f"{stub.url}/#/product/112?filter=nonsense", expected=("status of 400",))
    expect(heading(page)).to_have_text("That filter does not work here")
    stub.replies.clear()
    page.get_by_role("group", name="Chosen filters").get_by_role("button", name="nonsense").click()
    expect(cards(page)).to_have_count(10)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_chips_leave_the_answers_in_the_first_screen(open_page: Pages, stub: Stub, size: tuple[int, int]) -> None:
    sizes = ["XS", "S", "M", "L", "XL"] * 5
    shop(stub, *(sold(i, brand=f"Maker {i}", size=s, material=s, season=s, fit=s) for i, s in enumerate(sizes)))
    page = open_page(f"{stub.url}/#/product/112?filter=size:S,M&filter=fit:S,M,L", size, touch=size == PHONE)
    expect(chip(page, "Fit")).to_be_attached()
    box = cards(page).nth(1).locator(".frame").bounding_box()
    assert box
    assert box["y"] + box["height"] < size[1] * 0.75
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    chip(page, "Brand").click()
    targets = page.locator(".chip:visible, .choices:popover-open :is(label, button, input[type=search])")
    assert min(box["height"] for target in targets.all() if (box := target.bounding_box())) >= 44
    sheet = values(page).bounding_box()
    assert sheet
    assert sheet["x"] >= 0
    assert sheet["x"] + sheet["width"] <= size[0]
    assert sheet["y"] + sheet["height"] <= size[1]
    if size == PHONE:
        assert (sheet["y"] + sheet["height"], sheet["width"]) == (size[1], size[0])
