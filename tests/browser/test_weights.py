"""Shape or colour: one slider, answered at once."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.steps import cards, step, upload
from tests.browser.stub import Reply, Stub


def _slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Shape or colour")


def _weights(stub: Stub) -> list[dict[str, float] | None]:
    """Those of each search: the factors by part, None for the usual ones."""
    asked = []
    for call in stub.calls_of("/api/search") + stub.calls_of("/similar"):
        [text] = parse_qs(urlsplit(call.path).query).get("weights", [""])
        pairs = [pair.split(":") for pair in text.split(",")] if text else []
        asked.append({name: float(factor) for name, factor in pairs} or None)
    return asked


@pytest.mark.parametrize("window", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
def test_the_ends_weigh_shape_or_colour_and_the_middle_is_the_usual(
    open_page: Pages, stub: Stub, photo: Path, window: tuple[int, int]
) -> None:
    page = open_page(stub.url, window, touch=window[0] < 500)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    slider = _slider(page)
    expect(slider).to_have_attribute("aria-valuetext", "Both")
    bounds = slider.bounding_box()
    assert bounds
    assert bounds["height"] >= 44
    middle = bounds["y"] + bounds["height"] / 2
    press = page.touchscreen.tap if window[0] < 500 else page.mouse.click
    for place, words, searches in ((0.99, "More colour", 2), (0.01, "More shape", 3), (0.5, "Both", 4)):
        press(bounds["x"] + place * bounds["width"], middle)
        expect(slider).to_have_attribute("aria-valuetext", words)
        for _ in range(100):
            if len(_weights(stub)) == searches:
                break
            page.wait_for_timeout(20)
    usual, colour, shape, again = _weights(stub)
    assert usual is again is None
    assert colour
    assert shape
    assert colour["colour"] > 1 > colour["shape"]
    assert shape["shape"] > 1 > shape["colour"]
    page.wait_for_function("() => !location.hash.includes('weights')")


@IN_BOTH
def test_it_is_in_the_address_and_back_leads_to_the_usual(open_page: Pages, stub: Stub) -> None:
    page = open_page(f"{stub.url}/#/product/100")
    expect(cards(page)).to_have_count(10)
    _slider(page).focus()
    page.keyboard.press("End")
    page.wait_for_url("**weights=**")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => location.hash.includes('colour:3')")
    expect(_slider(page)).to_be_focused()
    kept = _slider(page).input_value()
    page.reload()
    expect(cards(page)).to_have_count(10)
    expect(_slider(page)).to_have_value(kept)
    assert _weights(stub)[-1]
    step(page, -1)
    expect(_slider(page)).to_have_attribute("aria-valuetext", "Both")
    page.wait_for_function("() => !location.hash.includes('weights')")


def test_stops_that_are_passed_are_no_searches_and_overtaken_ones_are_dropped(
    page: Page, stub: Stub, photo: Path
) -> None:
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    gate = Event()
    stub.replies["search"] = Reply(stub.found(stub.catalogue[20:22]), gate=gate)
    _slider(page).evaluate("""(slider) => {
        for (const value of ["4", "5", "6"]) {
            slider.value = value;
            slider.dispatchEvent(new Event("input", {bubbles: true}));
        }
    }""")
    for _ in range(100):
        if len(_weights(stub)) > 1:
            break
        page.wait_for_timeout(20)
    assert len(_weights(stub)) == 2
    del stub.replies["search"]
    with page.expect_event("requestfailed") as failed:
        _slider(page).press("Home")
    assert "colour:4" in failed.value.url.replace("%3A", ":")
    expect(page.locator("#outcome[aria-busy=false]")).to_be_visible()
    gate.set()
    expect(cards(page)).to_have_count(10)
    expect(cards(page).first).to_contain_text("Teal Linen Shirt")


@pytest.mark.parametrize("parts", [["shape"], ["shape", "category"], []])
def test_a_model_without_both_parts_has_no_slider(open_page: Pages, stub: Stub, parts: list[str]) -> None:
    stub.replies["health"] = Reply({"products": 3, "model": {"parts": [{"name": name} for name in parts]}})
    page = open_page(f"{stub.url}/#/product/100")
    expect(cards(page)).to_have_count(10)
    expect(_slider(page)).to_have_count(0)
