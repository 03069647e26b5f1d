"""What a card says of a product, where it leads, and more of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.steps import UNAVAILABLE, cards, heading, similar_to, sold, step, upload
from tests.browser.stub import Reply, Stub, known, problem

IN_SIGHT = """all => all.filter((card) => {
    const {top} = card.querySelector("img").getBoundingClientRect();
    return top >= 0 && card.querySelector(".price").getBoundingClientRect().bottom <= innerHeight;
}).length"""


@IN_BOTH
@pytest.mark.parametrize(("viewport", "least"), [((390, 844), 2), ((768, 1024), 3), ((1280, 900), 5)])
def test_answers_are_in_the_first_screen_with_name_and_price(
    open_page: Pages, stub: Stub, photo: Path, viewport: tuple[int, int], least: int
) -> None:
    for product in stub.catalogue:
        product |= {"name": f"{product['name']} with a long name that wraps", "price": 19.5, "brand": "Acme"}
    page = open_page(stub.url, viewport, touch=viewport[0] < 800)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    assert cards(page).evaluate_all(IN_SIGHT) >= least


@IN_BOTH
def test_prices_of_a_row_stand_level_though_names_wrap(page: Page, stub: Stub, photo: Path) -> None:
    for place, product in enumerate(stub.catalogue):
        product |= {"name": "Coat" * (1 + 9 * (place % 2)), "price": 10 + place, "brand": "Acme" if place % 3 else None}
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    tops = cards(page).locator(".price").evaluate_all("all => all.map((price) => price.getBoundingClientRect().top)")
    assert len(set(tops[:5])) == 1
    assert len(set(tops[5:])) == 1


def test_a_card_is_a_link_to_the_shop_and_without_one_to_its_neighbours(page: Page, stub: Stub, photo: Path) -> None:
    stub.catalogue[0]["link"] = "https://shop.example/p/100?colour=teal"
    upload(page, photo)
    first, second = cards(page).first, cards(page).nth(1)
    # A press anywhere on the card, such as on its picture, follows the link.
    places = "(card) => card.ownerDocument.elementFromPoint(...[card.getBoundingClientRect()].flatMap(r => [r.x + 9, r.y + 9])).href"
    assert first.evaluate(places) == stub.catalogue[0]["link"]
    assert second.evaluate(places) == f"{stub.url}/#/product/101"
    expect(second.get_by_role("link")).to_have_count(1)


def test_more_products_are_shown_and_still_there_on_the_way_back(page: Page, stub: Stub, photo: Path) -> None:
    sold(stub)
    upload(page, photo)
    more = page.get_by_role("button", name="Show more")
    more.click()
    expect(cards(page)).to_have_count(20)
    expect(page.get_by_role("status")).to_have_text("20 products found.")
    expect(cards(page).nth(10).get_by_role("link").first).to_be_focused()
    assert [call.path for call in stub.calls_of("/api/search")] == ["/api/search?k=10", "/api/search?k=10&offset=10"]
    more.click()
    expect(cards(page)).to_have_count(24)
    expect(more).to_be_hidden()
    last = similar_to(page, stub.catalogue[23]["name"]).last
    last.click()
    expect(heading(page)).to_have_text("More like this")
    step(page, -1)
    expect(cards(page)).to_have_count(24)
    expect(last).to_be_focused()


def test_more_products_that_cannot_be_had_leave_those_that_are_shown(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url, expected=UNAVAILABLE)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    stub.replies["search"] = problem(503, "store-unavailable", "Try again.")
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("alert")).to_contain_text("The catalogue is out of reach")
    expect(cards(page)).to_have_count(10)
    stub.replies.clear()
    page.get_by_role("button", name="Show more").click()
    expect(cards(page)).to_have_count(20)
    expect(page.get_by_role("alert")).to_be_hidden()


def test_markup_in_a_product_is_shown_as_text(page: Page, stub: Stub, photo: Path) -> None:
    name = "<img src=x onerror=\"document.title='owned'\">"
    stub.catalogue[0] |= known({"name": name, "brand": "<b>1</b>", "currency": "<i>"})
    stub.catalogue[0]["price"] = 5
    upload(page, photo)
    expect(cards(page).first.get_by_role("link")).to_have_text(name)
    expect(cards(page).first.locator(".maker")).to_have_text("<b>1</b>")
    expect(cards(page).first.locator(".price")).to_have_text("5 <i>")
    assert page.locator(".card img").count() == 10
    assert "owned" not in page.title()


def test_a_card_says_what_a_product_costs_and_where_it_is_sold(page: Page, stub: Stub, photo: Path) -> None:
    attributes = {
        "name": "Linen Shirt",
        "brand": "Acme",
        "price": 19.5,
        "regular_price": 1029,
        "currency": "EUR",
        "availability": "out_of_stock",
        "link": "https://shop.example/shirts/1?colour=teal",
        "description": "A shirt.",
    }
    stub.catalogue[0] |= known(attributes)
    upload(page, photo)
    card = cards(page).first
    expect(card.locator(".maker")).to_have_text("Acme")
    expect(card.locator(".now")).to_have_text("€19.50")
    expect(card.locator("s")).to_have_text("€1,029.00")
    expect(card.locator(".stock")).to_have_text("Out of stock")
    expect(cards(page).nth(1).locator(".price, .maker, .stock").locator("visible=true")).to_have_count(0)
    similar_to(page, "Linen Shirt").click()
    expect(heading(page)).to_have_text("More like this")
    asked = page.get_by_role("group", name="Your search")
    expect(asked).to_contain_text("€19.50")
    expect(asked.get_by_role("link", name="See it in the shop")).to_have_attribute("href", attributes["link"])


@pytest.mark.parametrize(
    ("price", "currency", "shown"),
    [
        (799, "INR", "₹799.00"),
        (1200, "JPY", "¥1,200"),
        (12.5, "XYZW", "12.50 XYZW"),
        (12, None, "12"),
        (0, "USD", "$0.00"),
    ],
)
def test_prices_are_written_as_their_currency_is(
    page: Page, stub: Stub, photo: Path, price: float, currency: str | None, shown: str
) -> None:
    stub.catalogue[0] |= {"price": price, "currency": currency}
    upload(page, photo)
    expect(cards(page).first.locator(".price")).to_have_text(shown)


def test_only_web_addresses_are_links(page: Page, stub: Stub, photo: Path) -> None:
    for product, address in zip(
        stub.catalogue, ["javascript:alert(1)", "data:text/html,x", "/p/1", "", None], strict=False
    ):
        product["link"] = address
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    for place in range(5):
        expect(cards(page).nth(place).get_by_role("link")).to_have_attribute("href", f"#/product/{100 + place}")


def test_only_web_addresses_are_pictures(page: Page, stub: Stub, photo: Path) -> None:
    addresses = ["javascript:alert(1)", "data:image/svg+xml,<svg/>", "blob:null/1", "//[", None]
    for product, address in zip(stub.catalogue, addresses * 2, strict=False):
        product["image_url"] = address
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    assert (
        cards(page).locator("img").evaluate_all("all => all.filter((image) => image.hasAttribute('src')).length") == 0
    )
    expect(cards(page).get_by_text("No picture to show")).to_have_count(10)
    for words in cards(page).get_by_text("No picture to show").all():
        expect(words).to_be_visible()


def test_a_card_says_in_words_how_close_it_is(page: Page, photo: Path) -> None:
    upload(page, photo)
    expect(cards(page).locator(".closeness")).to_have_text(["Very close"] * 2 + ["Close"] * 2 + ["Looser"] * 6)


def test_distances_are_for_the_curious(page: Page, photo: Path) -> None:
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    expect(page.get_by_text("0.210")).to_be_hidden()
    page.get_by_text("Details", exact=True).click()
    details = page.locator("#details")
    expect(details.get_by_text("Teal Linen Shirt · 0.210 · Very close")).to_be_visible()
    for fact in ("2,946", "21 ms", "up to 0.350, up to 0.650", "12+3"):
        expect(details).to_contain_text(fact)


def test_a_photo_that_nothing_is_close_to_is_told_so(page: Page, stub: Stub, photo: Path) -> None:
    body = stub.found(stub.catalogue[:5])
    weak = [{**result, "match": "weak"} for result in body["results"]]
    stub.replies["search"] = Reply(body | {"results": weak, "verdict": "no_good_match"})
    upload(page, photo)
    expect(heading(page)).to_have_text("Nothing close")
    expect(page.get_by_role("button", name="Try another photo")).to_be_visible()
    expect(page.get_by_role("button", name="Search without filters")).to_be_hidden()
    expect(cards(page).locator(".closeness")).to_have_text(["Looser"] * 5)


def test_matches_that_are_not_judged_are_shown_without_a_word(page: Page, stub: Stub, photo: Path) -> None:
    body = stub.found(stub.catalogue[:5])
    bare = [{**result, "match": None} for result in body["results"]]
    stub.replies["search"] = Reply(body | {"results": bare, "verdict": None})
    upload(page, photo)
    expect(heading(page)).to_have_text("Looks like your photo")
    expect(cards(page).locator(".closeness").locator("visible=true")).to_have_count(0)
