"""What a reload, a discarded tab and a shared address find again."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.steps import cards, give, heading, upload
from tests.browser.stub import Stub

WINDOWS = pytest.mark.parametrize("window", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
KEPT = "() => Object.keys(sessionStorage).filter((name) => name.startsWith('photo:')).length"


def _kept(page: Page, count: int) -> None:
    page.wait_for_function(f"() => ({KEPT})() === {count}")


@WINDOWS
def test_a_reload_finds_the_photo_and_the_place(
    open_page: Pages, stub: Stub, photo: Path, window: tuple[int, int]
) -> None:
    page = open_page(stub.url, window, touch=window[0] < 500)
    upload(page, photo)
    page.get_by_role("button", name="Show more").click()
    expect(cards(page)).to_have_count(20)
    page.evaluate("scrollTo(0, document.body.scrollHeight * 0.4)")
    page.wait_for_function("() => history.state.scrolled === Math.round(scrollY) && history.state.scrolled > 100")
    before = page.evaluate("scrollY")
    sent = stub.calls_of("/api/search")[0].body
    _kept(page, 1)
    page.reload()
    expect(cards(page)).to_have_count(20)
    page.wait_for_function(f"() => Math.abs(scrollY - {before}) < 2")
    page.wait_for_function("() => document.getElementById('query-picture').naturalWidth > 0")
    assert {call.body for call in stub.calls_of("/api/search")} == {sent}


def test_only_the_latest_photos_are_kept(page: Page, stub: Stub) -> None:
    for i in range(9):
        give(page, f"{i}.jpg", "image/jpeg", stub.photo(f"images/{i}.jpg"))
        expect(page.locator("#outcome[aria-busy=false]")).to_be_visible()
        expect(cards(page)).to_have_count(10)
    _kept(page, 6)
    page.reload()
    expect(cards(page)).to_have_count(10)
    assert stub.calls_of("/api/search")[-1].body == stub.photo("images/8.jpg")


@IN_BOTH
def test_a_full_storage_gives_way_to_the_newest_photo(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url)
    page.evaluate("""() => {
        const full = "x".repeat(200_000);
        try { for (let i = 0; ; i++) sessionStorage.setItem(`photo:0${i}`, full); } catch {}
        try { for (let i = 0; ; i++) sessionStorage.setItem(`other${i}`, "x".repeat(1000)); } catch {}
    }""")
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    page.wait_for_function("() => Object.keys(sessionStorage).some((name) => /^photo:[^0]/.test(name))")
    page.reload()
    expect(cards(page)).to_have_count(10)


def test_without_storage_a_reload_says_that_the_photo_is_gone(open_page: Pages, stub: Stub, photo: Path) -> None:
    forbidden = (
        "Object.defineProperty(window, 'sessionStorage', {get() { throw new DOMException('', 'SecurityError'); }})"
    )
    page = open_page(stub.url, before=forbidden)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    page.reload()
    expect(heading(page)).to_contain_text("Show a photo")
    expect(page.locator("#notice")).to_contain_text("Photos stay on the device")


@WINDOWS
def test_a_shared_photo_address_says_that_the_photo_is_elsewhere(
    open_page: Pages, stub: Stub, window: tuple[int, int]
) -> None:
    page = open_page(f"{stub.url}/#/photo/mb5x0000?filter=gender:Women", window, touch=window[0] < 500)
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Photos stay on the device")
    expect(notice).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("status")).to_contain_text("Photos stay on the device")
    # Opened in a page that stands elsewhere, it is seen as well.
    page.evaluate("location.hash = '#/product/100'")
    expect(cards(page)).to_have_count(10)
    page.evaluate("scrollTo(0, 500); location.hash = '#/photo/mb5x0001'")
    expect(notice).to_be_in_viewport(ratio=1)
