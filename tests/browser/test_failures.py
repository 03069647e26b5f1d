"""What the shopper sees while waiting, and when something fails."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Pages
from tests.browser.steps import UNAVAILABLE, cards, heading, upload
from tests.browser.stub import Reply, Stub, drawn_photo, problem


def test_waiting_is_shown_and_said(page: Page, stub: Stub, photo: Path) -> None:
    gate = Event()
    stub.replies["search"] = Reply(stub.found(stub.catalogue[:10]), gate=gate)
    upload(page, photo)
    expect(page.locator("#outcome")).to_have_attribute("aria-busy", "true")
    expect(page.locator(".waiting")).to_have_count(10)
    expect(page.get_by_role("status")).to_have_text("Looking…")
    expect(page.locator("#query-picture")).to_be_visible()
    gate.set()
    expect(page.locator("#outcome")).to_have_attribute("aria-busy", "false")
    expect(page.locator(".waiting")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("10 products found.")


def test_a_refused_photo_is_explained(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url, expected=("status of 413", "status of 415", "status of 422"))
    for status, slug, shown in (
        (413, "body-too-large", "That photo is too large"),
        (415, "not-an-image", "That is not a photo we can read"),
        (422, "undecodable-image", "That photo looks damaged"),
        (422, "too-many-pixels", "That photo has too many pixels"),
        (422, "too-much-work", "That photo takes too long to read"),
    ):
        stub.replies["search"] = problem(status, slug, "Do this <b>instead</b>.")
        upload(page, photo)
        expect(heading(page)).to_have_text(shown)
        expect(heading(page)).to_be_focused()
        expect(page.locator("#search-lead")).to_have_text("Do this <b>instead</b>.")
        expect(page.get_by_role("status")).to_have_text(f"{shown}. Do this <b>instead</b>.")
        expect(page.get_by_role("button", name="Try again")).to_be_hidden()
        expect(cards(page)).to_have_count(0)


def test_an_empty_catalogue_is_explained_and_can_be_asked_again(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url, expected=UNAVAILABLE)
    stub.replies["search"] = problem(503, "catalogue-empty", "Upload product photos first.")
    upload(page, photo)
    expect(heading(page)).to_have_text("There is nothing to compare with yet")
    expect(page.locator("#search-lead")).to_have_text("Upload product photos first.")
    del stub.replies["search"]
    page.get_by_role("button", name="Try again").click()
    expect(cards(page)).to_have_count(10)
    assert len({call.body for call in stub.calls_of("/api/search")}) == 1


def test_a_product_that_is_still_taken_in_can_be_asked_for_again(open_page: Pages, stub: Stub) -> None:
    pending = problem(404, "product-pending", "Its photo is in the catalogue. Try again in 5 seconds.")
    stub.replies |= {"product": pending, "similar": pending}
    page = open_page(f"{stub.url}/#/product/102", expected=("status of 404",))
    expect(heading(page)).to_have_text("That product is not ready yet")
    stub.replies.clear()
    page.get_by_role("button", name="Try again").click()
    expect(cards(page)).to_have_count(10)


def test_a_lost_connection_is_explained_and_can_be_tried_again(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url, expected=("ERR_EMPTY_RESPONSE",))
    stub.replies["search"] = Reply(dropped=True)
    upload(page, photo)
    expect(heading(page)).to_have_text("The service is out of reach")
    expect(page.locator("#search-lead")).to_have_text("Check your connection, then try again.")
    del stub.replies["search"]
    page.get_by_role("button", name="Try again").click()
    expect(cards(page)).to_have_count(10)


def test_a_filter_of_a_shared_address_that_is_not_known_can_be_dropped(open_page: Pages, stub: Stub) -> None:
    stub.replies["similar"] = problem(400, "unknown-attribute", "There is no attribute fit.")
    page = open_page(f"{stub.url}/#/product/102?filter=fit:slim", expected=("status of 400",))
    expect(heading(page)).to_have_text("That filter does not work here")
    stub.replies.clear()
    page.get_by_role("button", name="Search without filters").click()
    expect(cards(page)).to_have_count(10)


@pytest.mark.parametrize("lost", ["search.js", "texts/search/en.json"])
def test_a_page_that_lost_its_connection_before_the_first_search_says_so(
    open_page: Pages, stub: Stub, photo: Path, lost: str
) -> None:
    page = open_page(stub.url, expected=("ERR_FAILED",))
    page.route(f"**/{lost}", lambda route: route.abort())
    upload(page, photo)
    expect(page.get_by_text("The service is out of reach. Check your connection, then try again.")).to_have_count(2)
    expect(page.locator("#notice")).to_be_visible()
    page.unroute(f"**/{lost}")
    upload(page, photo)
    expect(cards(page)).to_have_count(10)


def test_an_answer_that_is_not_the_services_is_explained(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url, expected=("status of 504", "status of 413"))
    stub.replies["search"] = Reply("Gateway Timeout", 504)
    upload(page, photo)
    expect(heading(page)).to_have_text("Something went wrong")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    stub.replies["search"] = Reply({"message": "Request Too Long"}, 413)
    page.get_by_role("button", name="Try again").click()
    expect(heading(page)).to_have_text("That photo is too large")


def test_a_newer_search_aborts_the_older(page: Page, stub: Stub, photo: Path) -> None:
    gate = Event()
    stub.replies["search"] = Reply(stub.found(stub.catalogue[:1]), gate=gate)
    with page.expect_request("**/api/search*"):
        upload(page, photo)
    with page.expect_event("requestfailed") as failed:
        page.goto(f"{stub.url}/#/product/101")
        expect(cards(page)).to_have_count(10)
    assert "/api/search" in failed.value.url
    gate.set()
    page.wait_for_timeout(100)
    expect(heading(page)).to_have_text("More like this")


def test_a_catalogue_of_one_has_nothing_beside_it(page: Page, stub: Stub) -> None:
    stub.replies["similar"] = Reply(stub.found([]))
    page.goto(f"{stub.url}/#/product/100")
    expect(heading(page)).to_have_text("Nothing to show here")
    expect(page.get_by_role("status")).to_have_text("Nothing to show here")


def test_a_missing_picture_leaves_words(open_page: Pages, stub: Stub, photo: Path) -> None:
    stub.photo = lambda key: b"no picture" if "100" in key else drawn_photo(key)
    page = open_page(stub.url)
    upload(page, photo)
    expect(cards(page).first.get_by_text("No picture to show")).to_be_visible()
    expect(cards(page).nth(1).get_by_text("No picture to show")).to_be_hidden()
