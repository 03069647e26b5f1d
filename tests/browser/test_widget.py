"""The search that a shop puts on its own pages: the sample shop at another origin, under a strict policy."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.checks import MOST_MOVEMENT, MOVEMENT, VIEWPORTS, faults, movement
from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.sample_shop import sample_shop
from tests.browser.steps import colour
from tests.browser.stub import SITE, Reply, Stub, problem

Shop = Callable[..., Page]


@pytest.fixture
def open_shop(open_page: Pages, stub: Stub) -> Iterator[Shop]:
    """Open a page of the shop, or a body to stand in it: ``open_shop("/", (390, 844))``, ``open_shop(body="<p>...")``."""
    bodies: dict[str, str] = {}
    with sample_shop(stub.url, bodies) as address:

        def opened(
            path: str = "/",
            viewport: tuple[int, int] = (1280, 900),
            *,
            body: str | None = None,
            page_lang: str = "en",
            expected: tuple[str, ...] = (),
            **how: Any,
        ) -> Page:
            if body is not None:
                path = f"/{len(bodies)}.html"
                module = f'<script type="module" src="{stub.url}/lookalike.js"></script>'
                bodies[path] = f"<!doctype html><html lang={page_lang}><title>Shop</title>{module}<main>{body}</main>"
            foreign = f"request to another origin: {stub.url}/"
            return open_page(address + path, viewport, expected=(foreign, *expected), **how)

        yield opened
        open_page.close()


def sheet(page: Page) -> Locator:
    """The sheet that is open."""
    return page.get_by_role("dialog")


def cards(page: Page) -> Locator:
    """The products in the sheet."""
    return sheet(page).get_by_role("listitem")


def heading(page: Page) -> Locator:
    """The headline of the sheet."""
    return sheet(page).get_by_role("heading", level=2)


def search(page: Page, photo: Path, name: str = "Search by photo") -> None:
    """Open the sheet and choose a photo, as a shopper does."""
    page.get_by_role("button", name=name).click()
    with page.expect_file_chooser() as chooser:
        sheet(page).get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photo)


def asked(call_path: str) -> dict[str, list[str]]:
    """What a request asked for."""
    return parse_qs(urlsplit(call_path).query)


def listen(page: Page) -> Callable[[str], list[dict[str, object]]]:
    """Keep the events that reach the document. Gives those of a type."""
    page.evaluate(
        """() => {
            window.heard = [];
            for (const type of ["lookalike-result", "lookalike-pick", "lookalike-problem"])
                document.addEventListener(type, (event) => heard.push({ ...event.detail, type, on: event.target.localName }));
        }"""
    )
    return lambda type_: [event for event in page.evaluate("heard") if event["type"] == f"lookalike-{type_}"]


@pytest.mark.parametrize("viewport", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
def test_a_shopper_searches_by_photo_and_goes_to_the_product(
    open_shop: Shop, stub: Stub, photo: Path, viewport: tuple[int, int]
) -> None:
    stub.catalogue[12].update(price=1299.5, currency="EUR", brand="Acme")
    page = open_shop("/", viewport, touch=viewport[0] < 600)
    heard = listen(page)
    search(page, photo, "Find it by photo")
    expect(heading(page)).to_have_text("Looks like your photo")
    expect(cards(page)).to_have_count(10)
    first = cards(page).first
    expect(first).to_contain_text(stub.catalogue[0]["name"])
    expect(first).to_contain_text("Very close")
    assert first.locator("img").evaluate("(image) => image.decode().then(() => image.naturalWidth)") > 0
    assert sheet(page).locator("header canvas").evaluate("(canvas) => [canvas.width, canvas.height]") == [480, 640]
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport[0]
    [result] = heard("result")
    assert isinstance(result["products"], list)
    assert len(result["products"]) == 10
    assert (result["on"], result["verdict"]) == ("lookalike-search", "match")
    [call] = stub.calls_of("/api/search")
    assert call.content_type.startswith("multipart/form-data"), "other types need a preflight request"

    link = first.get_by_role("link")
    link.click()
    expect(page).to_have_url(re.compile(r"/product\.html\?id=100$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(stub.catalogue[0]["name"])
    assert page.evaluate("sessionStorage.getItem('picked')") == "100"


@IN_BOTH
def test_the_page_of_a_product_has_a_row_of_similar_ones(open_shop: Shop, stub: Stub) -> None:
    page = open_shop("/product.html?id=101")
    row = page.get_by_role("region", name="You may also like")
    # Of six, the last two are far: the row says that all in it are similar.
    expect(row.get_by_role("listitem")).to_have_count(4)
    assert asked(stub.calls_of("/similar")[0].path) == {"k": ["6"]}
    row.get_by_role("link").nth(1).click()
    expect(page).to_have_url(re.compile(r"\?id=113$"))


@pytest.mark.parametrize(
    "reply", [problem(404, "not-found", "No such product."), Reply({"results": []}), Reply(dropped=True)]
)
def test_without_similar_products_there_is_no_row(open_shop: Shop, stub: Stub, reply: Reply) -> None:
    stub.replies["similar"] = reply
    page = open_shop("/product.html?id=101", expected=("status of 404", "net::ERR_"))
    row = page.locator("lookalike-similar")
    expect(row.get_by_role("heading")).to_have_count(0)
    assert row.bounding_box() == {**(row.bounding_box() or {}), "height": 0}


def test_a_row_that_is_far_down_asks_when_it_comes_near_and_moves_nothing(open_shop: Shop, stub: Stub) -> None:
    tall = '<svg width="10" height="3000"></svg>'
    page = open_shop(body=f'{tall}<lookalike-similar product="101"></lookalike-similar><p id="below">Below</p>')
    expect(page.get_by_role("heading", name="More like this")).to_be_attached()
    assert not stub.calls
    place = "(element) => element.getBoundingClientRect().y + scrollY"
    before = page.locator("#below").evaluate(place)
    page.evaluate("scrollTo(0, 2600)")
    expect(page.locator("h3")).to_have_count(4)
    assert abs(page.locator("#below").evaluate(place) - before) < 45, "names and prices come, pictures keep their place"


@IN_BOTH
def test_the_keyboard_is_enough(open_shop: Shop, stub: Stub, photo: Path) -> None:
    page = open_shop()
    opener = page.get_by_role("button", name="Search by photo")
    opener.focus()
    page.keyboard.press("Enter")
    expect(heading(page)).to_be_focused()
    page.keyboard.press("Tab")
    expect(sheet(page).get_by_role("button", name="Close")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Tab")
        expect(sheet(page).get_by_role("button", name="Choose a photo")).to_be_focused()
        page.wait_for_timeout(200)  # a key, unlike a click, does not wait until choosers are handed over
        page.keyboard.press("Enter")
    chooser.value.set_files(photo)
    expect(heading(page)).to_have_text("Looks like your photo")
    expect(heading(page)).to_be_focused()
    expect(sheet(page).get_by_role("status")).to_have_text("Looks like your photo")

    for _ in range(3):
        page.keyboard.press("Tab")
    expect(sheet(page).get_by_role("button", name=f"More like this: {stub.catalogue[0]['name']}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("More like this")
    expect(sheet(page).locator("header")).to_contain_text(stub.catalogue[0]["name"])
    page.keyboard.press("Shift+Tab")
    expect(sheet(page).get_by_role("button", name="Back")).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Looks like your photo")
    page.keyboard.press("Escape")
    expect(sheet(page)).to_have_count(0)
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(cards(page)).to_have_count(10)  # what was found is still there


def test_more_products_are_asked_for(open_shop: Shop, stub: Stub, photo: Path) -> None:
    page = open_shop(expected=("status of 503",))
    search(page, photo)
    more = sheet(page).locator("[part=more]")
    expect(cards(page)).to_have_count(10)
    stub.replies["search"] = problem(503, "store-unavailable", "Try again.")
    more.click()
    expect(more).to_have_text("Try again")
    expect(cards(page)).to_have_count(10)
    stub.replies.clear()
    more.click()
    expect(cards(page)).to_have_count(20)
    expect(cards(page).nth(10).get_by_role("link")).to_be_focused()
    more.click()
    expect(cards(page)).to_have_count(24)
    expect(more).to_be_hidden()


def test_attributes_choose_what_is_asked_and_may_change(open_shop: Shop, stub: Stub, photo: Path) -> None:
    choice = 'k="4" filter="gender:Women; note:&quot;a;b&quot;"'
    page = open_shop(body=f"<lookalike-search {choice}></lookalike-search>")
    search(page, photo)
    expect(cards(page)).to_have_count(4)
    expected = {"k": ["4"], "filter": ["gender:Women", 'note:"a;b"']}
    assert asked(stub.calls_of("/api/search")[-1].path) == expected
    page.locator("lookalike-search").evaluate("(element) => element.setAttribute('filter', 'price:..50')")
    expect(cards(page)).to_have_count(4)
    assert asked(stub.calls_of("/api/search")[-1].path) == {"k": ["4"], "filter": ["price:..50"]}


def test_elements_made_by_scripts_before_and_after_the_module_work(open_shop: Shop, stub: Stub, photo: Path) -> None:
    page = open_shop(body="<p>Nothing yet</p>")
    page.evaluate(
        """async (url) => {
            await customElements.whenDefined("lookalike-search");
            await import(`${url}/lookalike.js?again`); // two copies of the module stand each other
            const search = document.createElement("lookalike-search");
            search.setAttribute("endpoint", url);
            const similar = Object.assign(document.createElement("lookalike-similar"), { k: 2 });
            document.querySelector("main").append(search, similar);
            similar.setAttribute("product", "100");
        }""",
        stub.url,
    )
    expect(
        page.get_by_role("region", name="More like this").get_by_role("link").or_(page.locator("h3 button"))
    ).to_have_count(2)
    search(page, photo)
    expect(cards(page)).to_have_count(10)
    # Out of the page and in again: closed, and it opens.
    page.evaluate(
        "() => { const e = document.querySelector('lookalike-search'); e.remove(); document.body.append(e); }"
    )
    expect(sheet(page)).to_have_count(0)
    page.get_by_role("button", name="Search by photo").click()
    expect(cards(page)).to_have_count(10)


def test_a_pick_can_be_prevented_and_without_a_link_shows_what_is_similar(
    open_shop: Shop, stub: Stub, photo: Path
) -> None:
    stub.catalogue[0]["link"] = "javascript:alert(1)"
    stub.catalogue[1]["link"] = "https://shop.example/p/101"
    page = open_shop(body="<lookalike-search></lookalike-search>")
    search(page, photo)
    expect(cards(page)).to_have_count(10)
    expect(cards(page).first.get_by_role("link")).to_have_count(0)
    expect(cards(page).nth(1).get_by_role("link")).to_have_attribute("href", "https://shop.example/p/101")
    page.evaluate("document.addEventListener('lookalike-pick', (event) => event.preventDefault(), { once: true })")
    heard = listen(page)
    cards(page).nth(1).get_by_role("link").click()
    [pick] = heard("pick")
    assert pick["link"] == "https://shop.example/p/101"
    assert pick["product"] == stub.found(stub.catalogue[:2])["results"][1]
    expect(heading(page)).to_have_text("Looks like your photo")
    cards(page).first.get_by_role("button").click()
    expect(heading(page)).to_have_text("More like this")
    assert len(stub.calls_of("/products/100/similar")) == 1


def test_a_photo_can_be_dropped_and_pasted(open_shop: Shop, stub: Stub, photo: Path) -> None:
    page = open_shop(body="<lookalike-search></lookalike-search><lookalike-search lang=de></lookalike-search>")
    give = """async ([selector, type, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "coat.jpg", { type: "image/jpeg" }));
        const options = { bubbles: true, cancelable: true, composed: true };
        const event = type === "paste" ? new ClipboardEvent(type, { ...options, clipboardData: data }) : new DragEvent(type, { ...options, dataTransfer: data });
        (selector ? document.querySelector(selector).shadowRoot.querySelector("button") : document.body).dispatchEvent(event);
    }"""
    data = list(photo.read_bytes())
    page.evaluate(give, ["", "paste", data])
    expect(sheet(page)).to_have_count(0)
    page.evaluate(give, ["lookalike-search", "drop", data])
    expect(cards(page)).to_have_count(10)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Mit Foto suchen").click()
    page.evaluate(give, ["", "paste", data])
    expect(heading(page)).to_have_text("Sieht aus wie dein Foto")
    expect(cards(page)).to_have_count(10)
    assert len(stub.calls_of("/api/search")) == 2, "only the open sheet takes what is pasted"


def test_a_search_that_was_overtaken_is_cancelled(open_shop: Shop, stub: Stub, photo: Path) -> None:
    gate = Event()
    page = open_shop(body="<lookalike-search></lookalike-search>", expected=("net::ERR_ABORTED",))
    heard = listen(page)
    stub.replies["search"] = Reply(stub.found(stub.catalogue[:1]), gate=gate)
    search(page, photo)
    expect(heading(page)).to_have_text("Looking…")
    while not stub.calls_of("/api/search"):
        page.wait_for_timeout(20)
    with page.expect_event("requestfailed"):
        page.keyboard.press("Escape")
    stub.replies.clear()
    search(page, photo)
    expect(cards(page)).to_have_count(10)
    gate.set()
    page.wait_for_timeout(100)
    assert len(heard("result")) == 1
    assert not heard("problem")


@pytest.mark.parametrize(
    ("reply", "headline", "button", "reason"),
    [
        (problem(503, "store-unavailable", "Try again."), "The search is out of reach", "Try again", "out"),
        (Reply(dropped=True), "The search is out of reach", "Try again", "out"),
        (problem(415, "not-an-image", "No photo."), "That photo cannot be read", "Choose a photo", "file"),
        (problem(400, "unknown-attribute", "No attribute size."), "The search is out of reach", "Try again", "out"),
    ],
)
def test_trouble_has_words_and_a_way_on(
    open_shop: Shop, stub: Stub, photo: Path, reply: Reply, headline: str, button: str, reason: str
) -> None:
    page = open_shop(expected=("status of", "net::ERR_", "lookalike-search No attribute size."))
    heard = listen(page)
    stub.replies["search"] = reply
    search(page, photo)
    expect(heading(page)).to_have_text(headline)
    expect(heading(page)).to_be_focused()
    expect(sheet(page).get_by_role("status")).to_have_text(headline)
    assert [event["reason"] for event in heard("problem")] == [reason]
    stub.replies.clear()
    if button == "Try again":
        sheet(page).get_by_role("button", name=button).click()
        expect(cards(page)).to_have_count(10)
    else:
        expect(sheet(page).get_by_role("button", name=button)).to_be_visible()


def test_a_file_that_is_no_photo_is_not_sent(open_shop: Shop, stub: Stub, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(b"film")
    page = open_shop()
    search(page, file)
    expect(heading(page)).to_have_text("That photo cannot be read")
    assert not stub.calls_of("/api/search")


@IN_BOTH
def test_a_photo_of_a_phone_is_sent_small_and_upright(open_shop: Shop, stub: Stub, phone_photo: Path) -> None:
    page = open_shop()
    search(page, phone_photo)
    expect(cards(page)).to_have_count(10)
    [call] = stub.calls_of("/api/search")
    assert len(call.body) < 400_000
    start, end = call.body.index(b"\xff\xd8"), call.body.rindex(b"\xff\xd9")
    sent = Image.open(BytesIO(call.body[start : end + 2]))
    assert sent.size == (480, 640)
    red, green, blue = colour(sent, 40, 40)
    assert red > 200 > 60 > max(green, blue)


def test_nothing_close_and_nothing_at_all_are_said(open_shop: Shop, stub: Stub, photo: Path) -> None:
    stub.replies["search"] = Reply({**stub.found(stub.catalogue[:2]), "verdict": "no_good_match"})
    page = open_shop(body="<lookalike-search></lookalike-search>")
    search(page, photo)
    expect(heading(page)).to_have_text("Nothing close")
    expect(sheet(page).locator("header")).to_contain_text("a photo of it alone")
    stub.replies["search"] = Reply(stub.found([]))
    with page.expect_file_chooser() as chooser:
        sheet(page).get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(photo)
    expect(heading(page)).to_have_text("Nothing found")


@pytest.mark.parametrize(
    ("lang", "button", "price"),
    [
        ("de-AT", "Mit Foto suchen", "€ 1.299,50"),
        ("es", "Buscar por foto", "1299,50 €"),
        ("fr", "Chercher par photo", "1 299,50 €"),
        ("pt-BR", "Buscar por foto", "€ 1.299,50"),
        ("fi", "Search by photo", "1 299,50 €"),
    ],
)
def test_words_and_prices_are_in_the_language_of_the_page(
    open_shop: Shop, stub: Stub, photo: Path, lang: str, button: str, price: str
) -> None:
    stub.catalogue[0].update(price=1299.5, currency="EUR")
    stub.catalogue[1].update(price=5, currency="Taler")
    page = open_shop(body="<lookalike-search></lookalike-search>", page_lang=lang)
    page.get_by_role("button", name=button).click()
    page.locator("lookalike-search").evaluate(
        "(element, text) => element.search(new Blob([Uint8Array.from(text)], { type: 'image/jpeg' }))",
        list(photo.read_bytes()),
    )
    said = cards(page).first.locator("[part=price]").text_content() or ""
    assert re.sub(r"\s", " ", said) == re.sub(r"\s", " ", price)
    expect(cards(page).nth(1).locator("[part=price]")).to_have_text("5 Taler")
    page.evaluate("document.querySelector('lookalike-search').setAttribute('lang', 'en')")
    expect(cards(page).first.locator("[part=price]")).to_have_text("€1,299.50")


def test_every_language_has_every_text() -> None:
    source = (SITE / "lookalike.js").read_text("utf-8")
    [table] = re.findall(r"new Map\(`(.*?)`", source, re.DOTALL)
    rows = [line.split("|") for line in table.split("\n")]
    assert all(len(row) == 6 and all(row) for row in rows), [row for row in rows if len(row) != 6 or not all(row)]


def test_the_shop_dresses_parts_and_the_color_scheme_is_the_page_s(open_shop: Shop, photo: Path) -> None:
    page = open_shop()
    style = "(element, name) => getComputedStyle(element)[name]"
    button = page.get_by_role("button", name="Search by photo")
    assert button.evaluate(style, "borderRadius") == "10px"
    search(page, photo)
    assert heading(page).evaluate(style, "fontFamily").startswith("Georgia")
    page = open_shop(
        body='<meta name="color-scheme" content="light dark"><lookalike-search></lookalike-search>', dark=True
    )
    page.get_by_role("button", name="Search by photo").click()
    background = sheet(page).evaluate(style, "backgroundColor")
    assert max(map(int, re.findall(r"\d+", background)[:3])) < 60, background


def test_right_to_left_the_picture_is_on_the_right(open_shop: Shop, photo: Path) -> None:
    page = open_shop(body='<div dir="rtl"><lookalike-search></lookalike-search></div>')
    search(page, photo)
    expect(cards(page)).to_have_count(10)
    picture, words = (sheet(page).locator(part).bounding_box() for part in ("header canvas", "header h2"))
    assert picture
    assert words
    assert picture["x"] > words["x"]


@pytest.mark.parametrize("viewport", VIEWPORTS, ids=["phone", "tablet", "desktop"])
def test_a_shop_s_pages_hold_to_the_rules_of_every_page(
    open_shop: Shop, stub: Stub, photo: Path, viewport: tuple[int, int]
) -> None:
    stub.catalogue[0].update(price=10, currency="EUR", brand="Acme", attributes={"regular_price": 20})
    stub.catalogue[1].update(price=10, currency="EUR", brand="Bundesschneiderei")
    page = open_shop("/product.html?id=101", viewport, before=MOVEMENT)
    expect(page.get_by_role("region").get_by_role("link")).to_have_count(4)
    found = {"a product with its row": faults(page)}
    moved = movement(page)
    assert moved[0] <= MOST_MOVEMENT, moved

    body = '<meta name="color-scheme" content="light dark"><h1>Shop</h1><lookalike-search></lookalike-search>'
    page = open_shop("/", viewport, body=body)
    found["the button"] = faults(page)
    for direction in ("ltr", "rtl"):
        page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
        page.get_by_role("button", name="Search by photo").click()
        found[f"the sheet, {direction}"] = faults(page)
        page.locator("lookalike-search").evaluate("(element) => { element.steps = []; }")
        page.keyboard.press("Escape")
        search(page, photo)
        expect(cards(page)).to_have_count(10)
        found[f"answers, {direction}"] = faults(page)
        page.keyboard.press("Escape")
    assert {place: wrong for place, wrong in found.items() if wrong} == {}


def test_the_module_is_one_file_below_25_kb() -> None:
    source = (SITE / "lookalike.js").read_bytes()
    assert len(source) < 25_000
    assert not re.search(rb"^\s*import\b|\bimport\(", source, re.MULTILINE)


def test_the_documents_show_the_lines_that_the_shop_has() -> None:
    root = SITE.parent
    shop = (
        (root / "samples/shop/index.html")
        .read_text("utf-8")
        .replace("http://127.0.0.1:8000", "https://looks.example.com")
    )
    for name in ("README.md", "docs/widget.md"):
        text = (root / name).read_text("utf-8")
        [line] = set(re.findall(r'<script type="module" src=".*?"></script>', text))
        assert line in shop, json.dumps(name)
