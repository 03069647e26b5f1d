"""The page as a merchant makes it with config.json."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.pages import Pages
from tests.browser.steps import cards, heading
from tests.browser.stub import Stub, known

MISSING = ("status of 404",)


def configure(stub: Stub, **config: Any) -> None:
    stub.files["/config.json"] = json.dumps(config).encode()


def test_a_shop_has_its_name_words_language_and_currency(open_page: Pages, stub: Stub) -> None:
    lead = "Zeig uns, was dir gefällt."
    configure(stub, name="Møbel & <b>Co</b>", language="de", currency="CHF", texts={"de": {"home.lead": lead}})
    stub.catalogue[13] |= known({"name": "Stuhl", "price": 1249.5})
    page = open_page(stub.url)
    expect(page.get_by_text(lead)).to_be_visible()
    expect(page.get_by_role("link", name="Møbel & <b>Co</b>")).to_be_visible()
    expect(page).to_have_title("Møbel & <b>Co</b>: finde, was deinem Foto gleicht")
    page.goto(f"{stub.url}/#/product/100")
    expect(cards(page).filter(has_text="Stuhl")).to_contain_text("1.249,50\xa0CHF")


def test_a_logo_stands_in_place_of_the_name(open_page: Pages, stub: Stub) -> None:
    out = BytesIO()
    Image.new("RGB", (600, 200), "navy").save(out, "PNG")
    stub.files["/own/logo.png"] = out.getvalue()
    configure(stub, name="Nordhus", logo="own/logo.png")
    page = open_page(stub.url, (390, 844))
    logo = page.get_by_role("link", name="Nordhus").get_by_role("img")
    box = logo.bounding_box()
    assert box is not None
    assert box["height"] <= 44
    assert box["width"] == pytest.approx(3 * box["height"], abs=1)


@pytest.mark.parametrize("logo", ["https://elsewhere.example/logo.png", "javascript:alert(1)", "own/gone.png", 7])
def test_a_logo_that_cannot_be_shown_leaves_the_name(open_page: Pages, stub: Stub, logo: object) -> None:
    configure(stub, name="Nordhus", logo=logo)
    page = open_page(stub.url, expected=MISSING)
    expect(page.get_by_role("link", name="Nordhus")).to_have_text("Nordhus")


@pytest.mark.parametrize(
    "config",
    [
        None,
        b"<html>",
        b"[]",
        b'{"name": 7, "logo": {}, "colours": [], "texts": {"en": {"home.lead": 3}}, "language": "?", "currency": "x"}',
    ],
    ids=["absent", "no JSON", "no object", "wrong values"],
)
def test_what_cannot_be_used_leaves_the_usual_page(open_page: Pages, stub: Stub, config: bytes | None) -> None:
    stub.files["/config.json"] = config
    page = open_page(stub.url, expected=MISSING if config is None else ())
    expect(heading(page)).to_contain_text("Show a photo")
    expect(page.get_by_role("link", name="Lookalike")).to_be_visible()
    expect(page.get_by_text("A jacket on the street")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "colours",
    [
        {"accent": "#1f3a93", "background": "#fff7ea", "text": "#20160a"},
        {"accent": "#ffe14d"},
        {"background": "#101820", "text": "#f4f4f4", "accent": "#204080"},
        {"background": "#777777", "text": "#888888", "accent": "#7a7a7a"},
    ],
    ids=["readable", "accent too pale", "accent too dark", "text like the background"],
)
def test_words_can_be_read_in_any_colours(open_page: Pages, stub: Stub, colours: dict[str, str], dark: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with it").Axe()
    configure(stub, colours={"light": colours, "dark": colours})
    page = open_page(f"{stub.url}/#/product/100", dark=dark)
    expect(cards(page)).to_have_count(10)
    found = axe.run(page, options={"runOnly": ["color-contrast"]}).response["violations"]
    assert [f"{node['target']} {node['failureSummary']}" for v in found for node in v["nodes"]] == []


def test_a_shop_has_its_colours(open_page: Pages, stub: Stub) -> None:
    configure(stub, colours={"light": {"accent": "#1f3a93", "background": "#fff7ea"}, "dark": {"accent": "#9fb4ff"}})
    for dark, accent, background in ((False, "31, 58, 147", "255, 247, 234"), (True, "159, 180, 255", "18, 20, 19")):
        page = open_page(stub.url, dark=dark)
        button = page.get_by_role("button", name="Choose a photo")
        expect(button).to_have_css("background-color", f"rgb({accent})")
        expect(page.locator("body")).to_have_css("background-color", f"rgb({background})")


@pytest.mark.parametrize(("width", "touch"), [(390, True), (1280, False)], ids=["phone", "desktop"])
def test_a_language_of_the_shop_is_written_from_right_to_left(
    open_page: Pages, stub: Stub, photo: Path, width: int, touch: bool
) -> None:
    words = {
        "home.headline": "أرنا صورة.\nشاهد ما يشبهها.",
        "home.choose": "اختر صورة",
        "search.likePhoto": "يشبه صورتك",
    }
    counts = {"page.products": {"few": "{count} منتجات", "other": "{count} منتج"}}
    configure(stub, name="متجر", language="ar", texts={"ar": words | counts})
    page = open_page(stub.url, (width, 844), touch=touch)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    brand = page.get_by_role("link", name="متجر").bounding_box()
    assert brand is not None
    assert brand["x"] + brand["width"] > width * 0.9
    page.set_input_files("#chooser", photo)
    expect(heading(page)).to_have_text("يشبه صورتك")
    expect(cards(page)).to_have_count(10)
    first, second = (cards(page).nth(i).bounding_box() for i in (0, 1))
    assert first is not None
    assert second is not None
    assert first["x"] > second["x"]
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    expect(page.get_by_role("contentinfo")).to_contain_text("منتج")
