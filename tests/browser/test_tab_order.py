"""The way of the Tab key through every page, by name, and where the focus goes when what had it is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.checks import tab_stops
from tests.browser.pages import Pages
from tests.browser.steps import UNAVAILABLE, cards, heading, upload
from tests.browser.stub import Reply, Stub, problem

SIZES = pytest.mark.parametrize("window", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
SLIDER = "Shape or colour: which counts more"
CHIPS = ["Colour", "Article type"]
FOCUSED = "() => document.activeElement !== document.body && document.activeElement.checkVisibility()"


def _names(stub: Stub, *, start: int = 0, count: int = 10) -> list[str]:
    return [product["name"] for product in stub.catalogue[start : start + count]]


def _from(element: Locator) -> Page:
    """The page, with the focus on an element."""
    element.focus()
    return element.page


def _press(page: Page, name: str) -> None:
    """Press a button by the keyboard, and find the focus somewhere once the answer is there."""
    _from(page.get_by_role("button", name=name).first).keyboard.press("Enter")
    expect(page.locator("#outcome[aria-busy=false]")).to_be_attached()
    page.wait_for_function(FOCUSED)


@SIZES
def test_the_first_page(open_page: Pages, stub: Stub, window: tuple[int, int]) -> None:
    page = open_page(stub.url, window)
    expect(page.locator("#examples img")).to_have_count(8)
    assert tab_stops(page) == ["Lookalike", "Choose a photo", "Browse all", *_names(stub, count=8)]


@SIZES
def test_answers(open_page: Pages, stub: Stub, photo: Path, window: tuple[int, int]) -> None:
    for place, product in enumerate(stub.catalogue):
        product["link"] = f"https://shop.example/{place}" if place < 2 else None
    page = open_page(stub.url, window)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    expect(page.locator("#filters").get_by_role("button", name="Article type")).to_be_visible()
    expect(heading(page)).to_be_focused()
    first, second, *others = _names(stub)
    found = [first, f"More like this: {first}", second, f"More like this: {second}", *others]
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name=SLIDER)).to_be_focused()
    name = "Frame a part of your photo"
    brand = page.get_by_role("link", name="Lookalike")
    assert tab_stops(_from(brand)) == ["New photo", name, SLIDER, *CHIPS, *found, "Show more", "Details"]
    expect(page.get_by_role("button", name="Back to what you searched with")).to_be_visible()
    expect(brand).to_be_visible()

    frame = page.get_by_role("button", name=name)
    _from(frame).keyboard.press("Enter")
    expect(page.locator(".crop-box")).to_be_visible()
    box = "Frame: arrow keys move it, Shift and arrow keys resize it"
    edges = ["Left edge", "Top edge", "Right edge", "Bottom edge"]
    assert tab_stops(_from(frame))[:8] == [SLIDER, box, "Whole photo", *edges, CHIPS[0]]


@SIZES
def test_a_product_under_filters(open_page: Pages, stub: Stub, window: tuple[int, int]) -> None:
    page = open_page(f"{stub.url}/#/product/112?filter=baseColour:Rust,Teal", window)
    chosen = ["Remove Rust (Colour)", "Remove Teal (Colour)", "Clear all"]
    expect(page.get_by_role("button", name=chosen[0])).to_be_visible()
    assert tab_stops(page)[:6] == [SLIDER, "Colour 2", CHIPS[1], *chosen]
    colour = page.get_by_role("button", name="Colour").first
    _from(colour).keyboard.press("Enter")
    expect(page.locator(".choices:popover-open")).to_be_visible()
    assert tab_stops(page)[:6] == ["Navy Blue 8", "Rust 8", "Teal 8", "Clear", "Show 16 products", CHIPS[1]]


@SIZES
def test_all_products(open_page: Pages, stub: Stub, window: tuple[int, int]) -> None:
    page = open_page(f"{stub.url}/#/browse", window)
    expect(cards(page)).to_have_count(10)
    expect(page.locator("#browse").get_by_role("button", name="Article type")).to_be_visible()
    assert tab_stops(page) == ["Lookalike", "New photo", *CHIPS, *_names(stub), "Show more"]


def test_the_focus_is_not_lost_when_what_had_it_is_gone(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/112?filter=baseColour:Rust,Teal&filter=gender:Women", expected=UNAVAILABLE)
    expect(cards(page)).to_have_count(10)
    _press(page, "Remove Rust (Colour)")
    _press(page, "Clear all")
    expect(page).to_have_url(f"{stub.url}/#/product/112")
    for _ in range(2):
        _press(page, "Show more")
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()

    stub.replies["similar"] = problem(503, "store-unavailable", "Try again.")
    page.goto(f"{stub.url}/#/product/113?filter=baseColour:Rust")
    expect(heading(page)).to_be_focused()
    stub.replies["similar"] = Reply(stub.found([]))
    _press(page, "Try again")
    stub.replies.clear()
    _press(page, "Search without filters")
    expect(cards(page)).to_have_count(10)


def test_the_focus_is_not_lost_when_the_whole_photo_is_searched_again(page: Page, photo: Path) -> None:
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    _press(page, "Frame a part of your photo")
    _from(page.get_by_role("slider", name="Top edge")).keyboard.press("ArrowUp")
    page.wait_for_url("**crop=**")
    _press(page, "Whole photo")
    page.wait_for_function("() => !location.hash.includes('crop')")
    page.wait_for_function(FOCUSED)
