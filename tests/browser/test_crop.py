"""A part of the photo to search with: framed by mouse, by finger, by keyboard and by a screen reader."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.steps import cards, give, step, upload
from tests.browser.stub import Reply, Stub, drawn_photo

PHONE, DESKTOP = (390, 844), (1280, 900)
NEAR = 0.02


def _open(page: Page, photo: Path) -> None:
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    page.get_by_role("button", name="Frame a part of your photo").click()
    expect(_box(page)).to_be_visible()


def _box(page: Page) -> Locator:
    return page.get_by_role("group", name="Frame: arrow keys move it")


def _at(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the photo, in fractions, is in the window."""
    frame = page.locator(".crop-sheet").bounding_box()
    assert frame
    return frame["x"] + x * frame["width"], frame["y"] + y * frame["height"]


def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*_at(page, *start))
    page.mouse.down()
    page.mouse.move(*_at(page, *end), steps=4)
    page.mouse.up()


def _touch(session: CDPSession, page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    for kind, place in (("touchStart", start), ("touchMove", end), ("touchEnd", None)):
        x, y = _at(page, *(place or end))
        points = [] if place is None else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def _asked(stub: Stub, searches: int) -> list[float] | None:
    """The crop of the last of so many searches; None for the whole photo."""
    calls = stub.calls_of("/api/search")
    assert len(calls) == searches
    crop = parse_qs(urlsplit(calls[-1].path).query).get("crop")
    return [float(part) for part in crop[0].split(",")] if crop else None


def _searched(page: Page, stub: Stub, *, searches: int, crop: list[float] | None) -> None:
    for _ in range(100):
        if len(stub.calls_of("/api/search")) >= searches:
            break
        page.wait_for_timeout(20)
    expect(page.locator("#outcome[aria-busy=false]")).to_be_visible()
    asked = _asked(stub, searches)
    assert asked == (None if crop is None else pytest.approx(crop, abs=NEAR))


@IN_BOTH
def test_a_mouse_frames_resizes_and_moves(page: Page, stub: Stub, photo: Path) -> None:
    _open(page, photo)
    _drag(page, (0.2, 0.3), (0.7, 0.8))  # nothing is framed yet: a drag draws
    _searched(page, stub, searches=2, crop=[0.2, 0.3, 0.5, 0.5])
    in_address = page.evaluate("location.hash.split('crop=')[1]")
    assert [float(part) for part in in_address.split(",")] == _asked(stub, 2)
    _drag(page, (0.7, 0.8), (0.6, 0.7))  # by its corner
    _searched(page, stub, searches=3, crop=[0.2, 0.3, 0.4, 0.4])
    _drag(page, (0.4, 0.5), (0.9, 0.5))  # by its middle, and not over the edge
    _searched(page, stub, searches=4, crop=[0.6, 0.3, 0.4, 0.4])
    page.get_by_role("button", name="Whole photo").click()
    _searched(page, stub, searches=5, crop=None)
    page.wait_for_function("() => !location.hash.includes('crop')")


def test_a_finger_frames_moves_and_still_scrolls(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url, PHONE, touch=True)
    _open(page, photo)
    session = page.context.new_cdp_session(page)
    _touch(session, page, (0.0, 0.0), (0.4, 0.5))
    _searched(page, stub, searches=2, crop=[0.4, 0.5, 0.6, 0.5])
    _touch(session, page, (0.7, 0.75), (0.5, 0.45))
    _searched(page, stub, searches=3, crop=[0.2, 0.2, 0.6, 0.5])
    for handle in page.locator(".crop-box span").all():
        target = handle.bounding_box()
        assert target
        assert min(target["width"], target["height"]) >= 44
    before = page.locator(".crop-sheet").bounding_box()
    _touch(session, page, (0.5, 0.95), (0.5, 0.3))  # beside the box
    page.wait_for_function("() => scrollY > 20")
    assert page.locator(".crop-sheet").bounding_box() != before
    _asked(stub, 3)


@pytest.mark.parametrize("window", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_keyboard_moves_and_resizes(open_page: Pages, stub: Stub, photo: Path, window: tuple[int, int]) -> None:
    page = open_page(stub.url, window)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    page.get_by_role("button", name="Frame a part of your photo").focus()
    page.keyboard.press("Enter")
    while not page.evaluate("document.activeElement.matches('.crop-box')"):
        page.keyboard.press("Tab")
    for _ in range(20):
        page.keyboard.press("Shift+ArrowLeft")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowUp")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    _searched(page, stub, searches=2, crop=[0.06, 0.02, 0.6, 0.9])
    expect(_box(page)).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_a_screen_reader_has_a_slider_for_each_edge(page: Page, stub: Stub, photo: Path) -> None:
    _open(page, photo)
    page.get_by_role("slider", name="Left edge").fill("25")
    page.get_by_role("slider", name="Bottom edge").fill("60")
    expect(page.get_by_role("slider", name="Bottom edge")).to_have_attribute("aria-valuetext", "60 %")
    _searched(page, stub, searches=2, crop=[0.25, 0, 0.75, 0.6])
    page.get_by_role("slider", name="Left edge").fill("100")  # not past the other edge
    left = page.get_by_role("slider", name="Left edge").input_value()
    assert 0 < int(left) < 100


def test_a_box_is_never_smaller_than_the_service_takes(page: Page, stub: Stub) -> None:
    give(page, "wide.jpg", "image/jpeg", drawn_photo("wide", (300, 100)))
    expect(cards(page)).to_have_count(10)
    page.get_by_role("button", name="Frame a part of your photo").click()
    _drag(page, (1.0, 1.0), (0.0, 0.0))
    for _ in range(100):
        if len(stub.calls_of("/api/search")) == 2:
            break
        page.wait_for_timeout(20)
    x, y, w, h = _asked(stub, 2) or []
    assert w * 300 >= 16
    assert h * 100 >= 16
    assert max(x + w, y + h) <= 1.001


def test_a_box_survives_reload_and_back_leads_to_the_whole_photo(page: Page, stub: Stub, photo: Path) -> None:
    _open(page, photo)
    _drag(page, (0.2, 0.3), (0.7, 0.8))
    _searched(page, stub, searches=2, crop=[0.2, 0.3, 0.5, 0.5])
    _drag(page, (0.7, 0.8), (0.9, 0.9))
    _searched(page, stub, searches=3, crop=[0.2, 0.3, 0.7, 0.6])
    drawn = page.locator(".crop-box").bounding_box()
    page.wait_for_function("() => Object.keys(sessionStorage).length > 0")
    page.reload()
    _searched(page, stub, searches=4, crop=[0.2, 0.3, 0.7, 0.6])
    expect(_box(page)).to_be_visible()
    assert page.locator(".crop-box").bounding_box() == pytest.approx(drawn, abs=1)
    step(page, -1)
    expect(page.locator(".crop-box")).to_have_class(re.compile("is-whole"))
    page.wait_for_function("() => !location.hash.includes('crop')")


@pytest.mark.parametrize("zoom", [1, 2])
def test_it_works_from_right_to_left_and_zoomed(open_page: Pages, stub: Stub, photo: Path, zoom: int) -> None:
    page = open_page(stub.url, (DESKTOP[0] // zoom, DESKTOP[1] // zoom))
    page.evaluate("document.documentElement.dir = 'rtl'")
    _open(page, photo)
    page.locator(".crop-sheet").scroll_into_view_if_needed()
    _drag(page, (0.1, 0.2), (0.4, 0.5))
    _searched(page, stub, searches=2, crop=[0.1, 0.2, 0.3, 0.3])
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_it_is_suggested_where_nothing_is_close(page: Page, stub: Stub, photo: Path) -> None:
    stub.replies["search"] = Reply({**stub.found(stub.catalogue[:10]), "verdict": "no_good_match"})
    upload(page, photo)
    page.get_by_role("button", name="Frame the one thing you mean").click()
    expect(_box(page)).to_be_visible()
