"""Without a photo: products to start from, and all of them to look through."""

from __future__ import annotations

import re
from threading import Event

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Pages
from tests.browser.steps import UNAVAILABLE, cards, heading, step
from tests.browser.stub import Reply, Stub, drawn_photo, problem

PHONE, DESKTOP = (390, 844), (1280, 900)


def test_the_first_page_has_products_to_start_from(page: Page, stub: Stub) -> None:
    examples = page.locator("#examples").get_by_role("listitem")
    expect(examples).to_have_count(8)
    examples.nth(1).get_by_role("link", name="Rust Wool Coat").click()
    expect(heading(page)).to_have_text("More like this")
    expect(page.locator("#search-lead")).to_have_text("Rust Wool Coat")
    step(page, -1)
    expect(examples).to_have_count(8)
    assert len(stub.calls_of("/api/products?")) == 1


@pytest.mark.parametrize(
    "reply", [problem(404, "not-found", ""), Reply({"products": [], "total": 0, "next_offset": None})]
)
def test_without_products_the_first_page_has_none(open_page: Pages, stub: Stub, reply: Reply) -> None:
    stub.replies["list"] = reply
    page = open_page(stub.url, expected=("status of 404",))
    expect(page.locator("#examples")).to_be_empty()
    expect(page.get_by_role("button", name="Choose a photo")).to_be_visible()


def test_a_search_does_not_wait_for_examples(open_page: Pages, stub: Stub) -> None:
    gate = Event()

    def late(key: str) -> bytes:
        gate.wait(10)
        return drawn_photo(key)

    stub.photo = late
    page = open_page(stub.url)
    expect(page.locator("#examples").get_by_role("listitem")).to_have_count(8)
    page.evaluate("() => { location.hash = '#/product/112'; }")
    expect(cards(page)).to_have_count(10)
    gate.set()
    step(page, -1)
    page.wait_for_function("() => [...document.querySelectorAll('.examples img')].every((image) => image.naturalWidth)")


def test_all_products_can_be_looked_through(page: Page, stub: Stub) -> None:
    page.get_by_role("link", name="Browse all").click()
    expect(heading(page)).to_have_text("Browse")
    expect(page.locator("#browse")).to_be_focused()
    expect(cards(page)).to_have_count(10)
    expect(page.get_by_text("24 products", exact=True)).to_be_visible()
    page.get_by_role("button", name="Show more").click()
    expect(cards(page)).to_have_count(20)
    expect(cards(page).nth(10).get_by_role("link")).to_be_focused()
    cards(page).nth(14).get_by_role("link").click()
    expect(heading(page)).to_have_text("More like this")
    step(page, -1)
    expect(cards(page)).to_have_count(20)
    expect(cards(page).nth(14).get_by_role("link")).to_be_focused()


def test_they_are_narrowed_by_filters_that_the_address_keeps(page: Page, stub: Stub) -> None:
    page.goto(f"{stub.url}/#/browse")
    page.get_by_role("button", name=re.compile("^Article type")).click()
    page.locator(".choices:popover-open").get_by_text("Coat").click()
    expect(page).to_have_url(f"{stub.url}/#/browse?filter=articleType:Coat")
    expect(cards(page)).to_have_count(6)
    page.reload()
    expect(cards(page)).to_have_count(6)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    page.get_by_role("button", name="Remove Coat (Article type)").click()
    expect(cards(page)).to_have_count(10)


def test_products_that_cannot_be_had_are_asked_for_again(open_page: Pages, stub: Stub) -> None:
    stub.replies["list"] = problem(503, "store-unavailable", "Try again in a moment.")
    page = open_page(f"{stub.url}/#/browse", expected=UNAVAILABLE)
    expect(page.get_by_role("alert")).to_contain_text("The catalogue is out of reach")
    stub.replies.clear()
    page.get_by_role("button", name="Try again").click()
    expect(cards(page)).to_have_count(10)
    expect(page.get_by_role("alert")).to_be_hidden()
