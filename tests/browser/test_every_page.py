"""Every page that a shopper or a merchant sees, at a phone's, a tablet's and a desktop's size, in light and dark, in both directions of writing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.checks import MOST_MOVEMENT, MOVEMENT, VIEWPORTS, faults, movement, tab_stops
from tests.browser.maps import catalogue_map
from tests.browser.pages import Pages
from tests.browser.steps import UNAVAILABLE, cards, pictures_shown
from tests.browser.stub import Reply, Stub, known, problem, refusal

ARABIC = {
    "page.new": "صورة جديدة",
    "page.products": {"few": "{count} منتجات", "other": "{count} منتج"},
    "home.headline": "أرنا صورة.\nشاهد ما يشبهها.",
    "home.lead": "سترة في الشارع، أو حقيبة في فيلم، أو حذاء قديم تحبه: ابحث عن أقرب ما يشبهها.",
    "home.choose": "اختر صورة",
    "search.likePhoto": "يشبه صورتك",
    "search.likeProduct": "المزيد مثل هذا",
    "search.closestOf": {"other": "الأقرب بين {count} منتج"},
    "close.strong": "قريب جدا",
    "filter.label": "تصفية",
    "browse.title": "تصفح",
}
SIZES = pytest.mark.parametrize("viewport", VIEWPORTS, ids=["phone", "tablet", "desktop"])


def _sold(stub: Stub) -> None:
    """Give the products all that can be known of them: prices, sales, brands, long words, pages of the shop."""
    for place, product in enumerate(stub.catalogue):
        facts = {"brand": "Acme" if place % 3 else "Bundesschneiderei", "price": 19.5 + place, "currency": "EUR"}
        facts |= {"regular_price": 1029, "availability": "out_of_stock"} if place % 4 == 0 else {}
        product.update(known({**product["attributes"], **facts}))
        product["link"] = f"https://shop.example/{product['product_id']}" if place % 2 else None


@SIZES
@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_visit(open_page: Pages, stub: Stub, photo: Path, viewport: tuple[int, int], language: str) -> None:
    _sold(stub)
    if language == "ar":
        config = {"name": "متجر", "language": "ar", "texts": {"ar": ARABIC}}
        stub.files["/config.json"] = json.dumps(config).encode()
    page = open_page(stub.url, viewport, touch=viewport[0] < 1000, before=MOVEMENT, expected=UNAVAILABLE)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    expect(page.locator("#examples img")).to_have_count(8)
    found = {"home": faults(page)}

    page.set_input_files("#chooser", photo)
    expect(cards(page)).to_have_count(10)
    pictures_shown(page)
    expect(page.locator("#filters .chip").first).to_be_visible()
    moved, shifts = movement(page)
    found["answers of a photo"] = faults(page)

    page.locator("#query-frame").click()
    page.locator(".crop-box").press("Shift+ArrowLeft")
    page.wait_for_function("() => location.hash.includes('crop=')")
    expect(page.locator("#outcome[aria-busy=false]")).to_be_visible()
    found["a part of the photo"] = faults(page)

    _go(page, "#/product/112?filter=baseColour:Teal,Rust&filter=price:20..")
    for chip in page.locator(".chip-place > .chip").all()[:3]:
        chip.click()
        expect(page.locator(".choices:popover-open")).to_be_visible()
        found[f"a product, with the choices of {chip.text_content()}"] = faults(page)
        page.keyboard.press("Escape")

    stub.replies["similar"] = problem(503, "catalogue-empty", "Upload product photos first.")
    _go(page, "#/product/113")
    found["trouble"] = faults(page)

    page.evaluate("location.hash = '#/browse'")
    expect(page.locator("#browse .card:not(.waiting)")).to_have_count(10)
    found["all products"] = faults(page)

    assert {place: wrong for place, wrong in found.items() if wrong} == {}
    assert moved <= MOST_MOVEMENT, shifts


def _go(page: Page, address: str) -> None:
    page.evaluate("(address) => { location.hash = address; }", address)
    expect(page.locator("#search:not([hidden]) #outcome[aria-busy=false]")).to_be_attached()


@SIZES
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_merchant_s_page(open_page: Pages, stub: Stub, viewport: tuple[int, int], language: str) -> None:
    long = "Unbreakable" * 9
    stub.catalogue[-1] |= known({"name": long, "articleType": long, "price": 1e9, "currency": "EUR"})
    stub.replies["map"] = Reply(catalogue_map([product["product_id"] for product in stub.catalogue]))
    stub.replies["queue"] = Reply({"waiting": 120, "in_flight": 10, "delayed": 4, "dead_letters": 0})
    stub.replies["rejected"] = Reply(
        {
            "total": 1,
            "unlisted": 0,
            "rejected": [refusal(f"images/{long}.jpg", "too-many-pixels", long)],
            "next_after": None,
        }
    )
    if language == "ar":
        config = {"name": "متجر", "language": "ar", "texts": {"ar": {"catalogue.heading": "كتالوجك"}}}
        stub.files["/config.json"] = json.dumps(config).encode()
    page = open_page(f"{stub.url}/catalogue.html", viewport, touch=viewport[0] < 1000, before=MOVEMENT)
    expect(page.locator(".facet").first).to_be_visible()
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    moved, shifts = movement(page)
    assert moved <= MOST_MOVEMENT, shifts
    assert faults(page) == []
    assert page.locator("body").evaluate("(body) => body.focus()") is None
    assert tab_stops(page, most=120)[-1] == ("To the shopper's page")
