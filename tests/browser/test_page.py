"""From product to product, and the page around the results."""

from __future__ import annotations

import re
from pathlib import Path
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.steps import UNAVAILABLE, cards, heading, similar_to, sold, step, upload
from tests.browser.stub import GATE_TIMEOUT_S, Reply, Stub, drawn_photo, known, problem


@IN_BOTH
def test_a_card_leads_to_its_neighbours_and_back_returns(page: Page, stub: Stub, photo: Path) -> None:
    sold(stub)
    upload(page, photo)
    expect(heading(page)).to_be_focused()
    similar_to(page, "Rust Wool Coat").click()
    expect(heading(page)).to_have_text("More like this")
    expect(heading(page)).to_be_focused()
    expect(page.locator("#search-lead")).to_have_text("Rust Wool Coat")
    expect(page).to_have_url(f"{stub.url}/#/product/101")
    assert [call.path for call in stub.calls_of("/api/products/")] == ["/api/products/101/similar?k=10"]

    step(page, -1)
    expect(heading(page)).to_have_text("Looks like your photo")
    expect(page.locator("#query-picture")).to_have_attribute("src", re.compile("^blob:"))
    expect(similar_to(page, "Rust Wool Coat")).to_be_focused()
    step(page, -1)
    expect(heading(page)).to_contain_text("Show a photo")
    step(page, 1)
    expect(cards(page)).to_have_count(10)
    assert len(stub.calls_of("/api/search")) == 1, "what was answered is not asked again"


def test_a_product_link_can_be_opened_directly(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/102")
    expect(cards(page)).to_have_count(10)
    expect(page.locator("#search-lead")).to_have_text("Navy Blue Canvas Sneaker")
    expect(page.locator("#query-picture")).to_have_attribute("src", f"{stub.url}/images/102.jpg")
    assert {call.path for call in stub.calls_of("/products/")} == {
        "/api/products/102",
        "/api/products/102/similar?k=10",
    }


def test_an_address_carries_filters_and_weights(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/102?filter=colour:Red,Blue&filter=sizes:%22A%26B%22&weights=colour:1.5")
    expect(cards(page)).to_have_count(10)
    [call] = stub.calls_of("/similar")
    asked = parse_qs(urlsplit(call.path).query)
    assert asked == {"k": ["10"], "filter": ["colour:Red,Blue", 'sizes:"A&B"'], "weights": ["colour:1.5"]}


def test_filters_that_leave_nothing_can_be_dropped(open_page: Pages, stub: Stub) -> None:
    stub.replies["similar"] = Reply(stub.found([]))
    page = open_page(f"{stub.url}/#/product/102?filter=colour:Red")
    expect(page.locator("#search-lead")).to_have_text("No product has all of these filters.")
    stub.replies.clear()
    page.get_by_role("button", name="Search without filters").click()
    expect(cards(page)).to_have_count(10)
    expect(page).to_have_url(f"{stub.url}/#/product/102")


def test_an_unknown_product_is_explained(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/a%2Fb%20c", expected=("status of 404",))
    expect(heading(page)).to_have_text("That product is not here")
    expect(page.locator("#search-lead")).to_have_text("The catalogue has no product a/b c.")


def test_the_first_page_is_one_click_away(page: Page, photo: Path) -> None:
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    page.get_by_role("link", name="Lookalike").click()
    expect(heading(page)).to_be_focused()
    expect(heading(page)).to_contain_text("Show a photo")


def test_the_keyboard_is_enough(page: Page, stub: Stub, photo: Path) -> None:
    sold(stub)
    button = page.get_by_role("button", name="Choose a photo")
    with page.expect_file_chooser() as chooser:
        while not button.evaluate("(b) => b === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    chooser.value.set_files(photo)
    expect(heading(page)).to_be_focused()
    shop, similar = cards(page).first.get_by_role("link").all()
    while not shop.evaluate("(link) => link === document.activeElement"):
        page.keyboard.press("Tab")
    assert shop.evaluate("(a) => getComputedStyle(a, '::after').outlineStyle") == "solid"
    page.keyboard.press("Tab")
    expect(similar).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#search-lead")).to_have_text("Teal Linen Shirt")
    step(page, -1)
    expect(similar_to(page, "Teal Linen Shirt").first).to_be_focused()


def test_product_ids_are_quoted_in_addresses(page: Page, stub: Stub, photo: Path) -> None:
    stub.catalogue[0]["product_id"] = "über/50% #1?"
    upload(page, photo)
    cards(page).first.get_by_role("link").click()
    expect(heading(page)).to_have_text("More like this")
    assert stub.calls[-1].path == "/api/products/%C3%BCber%2F50%25%20%231%3F/similar?k=10"


def test_the_page_tells_what_becomes_of_the_photo_and_nothing_of_machines(page: Page) -> None:
    expect(page.get_by_text("it is not stored")).to_be_visible()
    footer = page.get_by_role("contentinfo")
    expect(footer).to_have_text("2,946 products")
    expect(footer.get_by_role("link")).to_have_count(0)


def test_the_page_works_without_its_footnote(open_page: Pages, stub: Stub, photo: Path) -> None:
    stub.replies["health"] = problem(503, "store-unavailable", "Try again.")
    page = open_page(stub.url, expected=UNAVAILABLE)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    expect(page.locator("#catalogue")).to_be_empty()


@pytest.mark.parametrize(("touch", "widths"), [(True, (320, 390)), (False, (320, 820, 1280))], ids=["phone", "desktop"])
def test_nothing_is_cut_off_or_too_small_to_touch(
    open_page: Pages, stub: Stub, photo: Path, touch: bool, widths: tuple[int, ...]
) -> None:
    stub.catalogue[1] |= known({"name": "Unbreakable" * 8, "brand": "Unbreakable" * 8, "price": 1e9, "currency": "EUR"})
    stub.catalogue[1]["link"] = "https://shop.example/1"
    page = open_page(stub.url, (widths[0], 700), touch=touch)
    for results in (0, 10):
        expect(cards(page)).to_have_count(results)
        for width in widths:
            page.set_viewport_size({"width": width, "height": 700})
            overflow = page.evaluate(
                "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert overflow <= 0, f"{width} px"
            # A card's link reaches over the whole card, which its own box does not tell.
            targets = page.locator("a:visible, button:visible").evaluate_all(
                """all => all.map((target) => {
                    const {width, height} = (target.closest(".card-name")?.closest(".card") ?? target).getBoundingClientRect();
                    return [target.innerText, Math.min(width, height)];
                })"""
            )
            assert [name for name, side in targets if side < 44] == [], f"{width} px"
        if not results:
            upload(page, photo)


def test_pictures_keep_their_place_while_they_load(page: Page, stub: Stub, photo: Path) -> None:
    gate = Event()

    def late_photo(key: str) -> bytes:
        gate.wait(GATE_TIMEOUT_S)
        return drawn_photo(key, (400, 200))

    page.wait_for_load_state("networkidle")  # or the pictures of the first page would hold all connections
    stub.photo = late_photo
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    places = "all => all.map((name) => name.getBoundingClientRect().y)"
    before = page.locator(".card-name").evaluate_all(places)
    gate.set()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.card img[loading=eager]')].every((i) => i.naturalWidth)"
    )
    assert page.locator(".card-name").evaluate_all(places) == before
