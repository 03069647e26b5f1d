"""The merchant's page: how the catalogue is, what arrives, what was refused, and what to do."""

from __future__ import annotations

import json
import time
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import Pages
from tests.browser.stub import Reply, Stub, known, problem, refusal

BUSY = {"waiting": 120, "in_flight": 10, "delayed": 4, "dead_letters": 2}
UNAVAILABLE = ("status of 503",)
TIMEOUT_S = 10
CLOCK = "(() => { const set = setTimeout; window.setTimeout = (call, ms, ...rest) => set(call, ms === 10000 ? 300 : ms, ...rest); })();"
"""A script that has the page ask again after 0.3 seconds, not after ten."""


def catalogue(open_page: Pages, stub: Stub, *, expected: tuple[str, ...] = (), before: str | None = None) -> Page:
    return open_page(f"{stub.url}/catalogue.html", expected=expected, before=before)


def figure(page: Page, name: str) -> Locator:
    """The large number under a name."""
    return page.locator(".figure").filter(has=page.get_by_role("link", name=name, exact=True)).locator("dd")


def region(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def health(stub: Stub, **changes: Any) -> Reply:
    """What the API says of the catalogue, with some of it otherwise."""
    return Reply(stub._usual("health", None, {}).body | changes)


def test_the_catalogue_is_seen_at_a_glance(open_page: Pages, stub: Stub) -> None:
    page = catalogue(open_page, stub)
    expect(page).to_have_title("Catalogue · Lookalike")
    for name, count in (("Products", "2,946"), ("Photos", "2,946"), ("On their way", "0"), ("Refused", "3")):
        expect(figure(page, name)).to_have_text(count)
    expect(page.locator("#age")).to_have_text("As of now")
    expect(region(page, "On their way")).to_contain_text("Nothing waits")
    parts = region(page, "How products are compared").get_by_role("listitem")
    expect(parts).to_have_text(["Shape and patterncounts 1", "Kind of productcounts 1", "Colourcounts 0.6"])
    widths = parts.locator(".bar-of").evaluate_all("all => all.map((bar) => bar.getBoundingClientRect().width)")
    assert widths[2] == pytest.approx(0.6 * widths[0], rel=0.01)
    expect(region(page, "How products are compared")).to_contain_text("resnet50-sscd")


def test_the_newest_products_lead_to_the_shopper_s_page(open_page: Pages, stub: Stub) -> None:
    page = catalogue(open_page, stub)
    newest = region(page, "Newest").get_by_role("listitem")
    expect(newest).to_have_count(8)
    expect(newest.first).to_have_text(stub.catalogue[-1]["name"])
    newest.first.get_by_role("link").click()
    expect(page).to_have_url(f"{stub.url}/#/product/{stub.catalogue[-1]['product_id']}")


def test_a_value_leads_to_its_products(open_page: Pages, stub: Stub) -> None:
    for place, price in ((-1, 9.5), (-2, 20), (-3, 30)):
        stub.catalogue[place] |= known(stub.catalogue[place]["attributes"] | {"price": price, "currency": "EUR"})
    page = catalogue(open_page, stub)
    there = region(page, "What there is")
    expect(there.get_by_role("link", name="€9.50 – €30.00 3 products have one")).to_be_visible()
    there.get_by_role("link", name="Navy Blue: 8 products").click()
    expect(page).to_have_url(f"{stub.url}/#/browse?filter=baseColour:Navy+Blue")
    expect(page.get_by_role("heading", level=1)).to_have_text("Browse")


def test_many_values_are_opened_by_a_button(open_page: Pages, stub: Stub) -> None:
    for number, product in enumerate(stub.catalogue):
        product["attributes"]["articleType"] = f"Kind {number:02}"
    page = catalogue(open_page, stub)
    kinds = page.locator(".facet").filter(has=page.get_by_role("heading", name="Article type"))
    expect(kinds.get_by_role("link")).to_have_count(6)
    kinds.get_by_role("button", name="Show 18 more").click()
    expect(kinds.get_by_role("link")).to_have_count(24)
    expect(kinds.get_by_role("button", name="Show fewer")).to_be_focused()


def test_what_was_refused_is_told_with_what_to_do(open_page: Pages, stub: Stub) -> None:
    nasty = "images/<img src=x onerror=alert(1)>.jpg"
    all_refusals = [
        *stub._usual("rejected", None, {}).body["rejected"],
        refusal("images/1563/", "not-an-image", "The file is no photo."),
        refusal(nasty, "of-a-later-version", "It is of a kind that this page has no words for."),
        refusal("products/list.csv", "no-id-column", "list.csv has the columns a and b.", line=None),
    ]
    stub.replies["rejected"] = Reply({"total": 9, "unlisted": 3, "rejected": all_refusals, "next_after": None})
    page = catalogue(open_page, stub)
    refused = page.get_by_role("list", name="What was refused").get_by_role("listitem")
    expect(refused).to_have_count(6)
    row, damaged, other, folder, unknown, file = refused.all()
    for word in (
        "A price that is not understood",
        "products/feed.csv",
        "line 12",
        "product 101",
        "'ask us'",
        "Mend the row",
    ):
        expect(row).to_contain_text(word)
    expect(damaged).to_contain_text("Export it anew")
    expect(other).to_contain_text("Save it as JPEG")
    expect(folder).to_contain_text("An empty folder")
    expect(unknown).to_contain_text(nasty)
    expect(unknown).to_contain_text("no words for")
    expect(file).to_contain_text("No column with the products' ids")
    expect(page.locator("#refused-unlisted")).to_contain_text("3 rows more")


def test_many_refusals_come_page_by_page(open_page: Pages, stub: Stub) -> None:
    def some(first: int, count: int) -> list[dict[str, Any]]:
        return [refusal(f"images/{n}.jpg", "undecodable-image", "Damaged.") for n in range(first, first + count)]

    stub.refusals = [some(0, 20), some(20, 10)]
    page = catalogue(open_page, stub)
    refused = page.get_by_role("list", name="What was refused").get_by_role("listitem")
    more = page.get_by_role("button", name="Show more")
    expect(page.locator("#refused-shown")).to_have_text("12 of 30 shown")
    more.click()
    expect(refused).to_have_count(24)
    expect(refused.nth(12)).to_be_focused()
    more.click()
    expect(refused).to_have_count(30)
    expect(more).to_be_hidden()
    names = refused.locator(".file").all_inner_texts()
    assert [name.replace("\n", "") for name in names] == [f"images/{n}.jpg" for n in range(30)]


def test_an_upload_is_seen_arriving(open_page: Pages, stub: Stub) -> None:
    stub.replies["queue"] = Reply(BUSY | {"dead_letters": 0})
    page = catalogue(open_page, stub, before=CLOCK)
    expect(figure(page, "On their way")).to_have_text("134")
    expect(region(page, "On their way")).to_contain_text("134 photos and data files are on their way")
    expect(region(page, "Newest").get_by_text("New", exact=True)).to_have_count(0)
    before = region(page, "Newest").get_by_role("listitem").first.element_handle()

    for product_id in ("900", "901"):
        stub.catalogue.append(
            {**stub.catalogue[0], "product_id": product_id, **known({"name": f"Arrival {product_id}"})}
        )
    stub.replies["health"] = health(stub, snapshot="12+4", products=2948, photos=2949)
    expect(figure(page, "Photos")).to_contain_text("+3")
    expect(page.locator("#status")).to_have_text("3 more photos are searchable.")
    arrived = region(page, "Newest").get_by_role("listitem").filter(has_text="New")
    expect(arrived).to_have_text(["NewArrival 901", "NewArrival 900"])
    assert before is not None
    assert before.evaluate("(item) => item.isConnected"), "what was there is not drawn again"

    asked = len(stub.calls_of("/api/facets"))
    seen = len(stub.calls_of("/api/health"))
    while len(stub.calls_of("/api/health")) < seen + 3:
        page.wait_for_timeout(50)
    assert len(stub.calls_of("/api/facets")) == asked, "only what may have changed is asked again"


def test_dead_letters_come_with_what_to_do(open_page: Pages, stub: Stub) -> None:
    stub.replies["queue"] = Reply(BUSY)
    page = catalogue(open_page, stub)
    expect(figure(page, "On their way")).to_contain_text("2 failed for good")
    line = region(page, "On their way")
    expect(line.locator(".stage")).to_have_text(
        [
            "Waiting120Next in turn.",
            "Being taken in10Read just now, or failed once and soon tried again.",
            "Later4Tried again after a pause.",
            "Failed for good2",
        ]
    )
    expect(line.locator("code")).to_have_text(".venv/bin/python -m scripts.catalogue retry --dead-letters")
    expect(line).to_contain_text("docs/operations.md")


def test_a_queue_that_does_not_say_is_no_empty_queue(open_page: Pages, stub: Stub) -> None:
    stub.replies["queue"] = Reply(dict.fromkeys(BUSY))
    page = catalogue(open_page, stub)
    expect(figure(page, "On their way")).to_have_text("–")
    expect(region(page, "On their way")).to_contain_text("does not say")
    expect(region(page, "On their way").locator("code")).to_be_hidden()


def test_old_answers_are_called_old(open_page: Pages, stub: Stub) -> None:
    stub.replies["health"] = health(stub, status="stale", snapshot_age_s=400.0)
    page = catalogue(open_page, stub)
    expect(page.locator("#age")).to_have_text("As of 6 minutes ago")
    expect(page.locator("#stale")).to_contain_text("old numbers")
    expect(figure(page, "Products")).to_have_text("2,946")


def test_an_empty_catalogue_says_how_to_begin_and_fills_before_one_s_eyes(open_page: Pages, stub: Stub) -> None:
    everything, stub.catalogue = stub.catalogue, []
    stub.replies["health"] = health(stub, status="empty", products=0, photos=0, rejected=0, snapshot="0+0")
    stub.replies["rejected"] = Reply({"total": 0, "unlisted": 0, "rejected": [], "next_after": None})
    page = catalogue(open_page, stub, before=CLOCK)
    begin = region(page, "Begin with your photos")
    expect(begin.get_by_role("listitem")).to_have_count(3)
    expect(begin.locator("code").first).to_have_text(".venv/bin/python -m scripts.catalogue upload photos.zip")
    expect(region(page, "Newest")).to_be_hidden()
    stub.catalogue = everything
    stub.replies.clear()
    expect(region(page, "Newest").get_by_role("listitem")).to_have_count(8)
    expect(begin).to_be_hidden()


@pytest.mark.parametrize(
    ("route", "panel", "others"),
    [
        ("health", "Your catalogue", ("Newest", "Refused", "What there is", "On their way")),
        ("list", "Newest", ("Refused", "What there is", "On their way")),
        ("rejected", "Refused", ("Newest", "What there is", "On their way")),
        ("facets", "What there is", ("Newest", "Refused", "On their way")),
        ("queue", "On their way", ("Newest", "Refused", "What there is")),
    ],
)
def test_a_route_that_fails_takes_no_other_with_it(
    open_page: Pages, stub: Stub, route: str, panel: str, others: tuple[str, ...]
) -> None:
    stub.replies[route] = problem(503, "store-unavailable", "S3 did not answer. Try again.")
    page = catalogue(open_page, stub, expected=UNAVAILABLE)
    trouble = region(page, panel).get_by_role("alert")
    expect(trouble).to_have_text("The catalogue is out of reach. S3 did not answer. Try again.")
    for other in others:
        expect(region(page, other)).to_be_visible()
        expect(region(page, other).get_by_role("alert")).to_be_hidden()
    stub.replies.clear()
    region(page, panel).get_by_role("button", name="Try again").click()
    expect(trouble).to_be_hidden()
    expect(region(page, panel).get_by_role("heading").first).to_be_focused()


def test_what_was_read_stays_while_a_route_fails(open_page: Pages, stub: Stub) -> None:
    page = catalogue(open_page, stub, expected=UNAVAILABLE, before=CLOCK)
    expect(figure(page, "Products")).to_have_text("2,946")
    stub.replies["health"] = problem(503, "store-unavailable", "S3 did not answer.")
    expect(region(page, "Your catalogue").get_by_role("alert")).to_contain_text("Below is what was last read.")
    expect(figure(page, "Products")).to_have_text("2,946")
    stub.replies.clear()
    expect(region(page, "Your catalogue").get_by_role("alert")).to_be_hidden()


def test_it_can_be_paused_and_does_not_ask_while_nobody_looks(open_page: Pages, stub: Stub) -> None:
    hide = "Object.defineProperty(document, 'hidden', {get: () => window.away ?? false});"
    page = catalogue(open_page, stub, before=CLOCK + hide)
    expect(figure(page, "Products")).to_have_text("2,946")

    def asks_again() -> None:
        asked = len(stub.calls_of("/api/health"))
        deadline = time.monotonic() + TIMEOUT_S
        while len(stub.calls_of("/api/health")) == asked:
            assert time.monotonic() < deadline, "it asks no more"
            page.wait_for_timeout(50)

    def is_still() -> bool:
        page.wait_for_timeout(200)  # what is under way is let through
        asked = len(stub.calls_of("/api/health"))
        page.wait_for_timeout(700)
        return len(stub.calls_of("/api/health")) == asked

    asks_again()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#status")).to_have_text("Paused: nothing changes until you go on.")
    assert is_still()
    page.get_by_role("button", name="Go on").click()
    asks_again()
    page.evaluate("window.away = true; document.dispatchEvent(new Event('visibilitychange'))")
    assert is_still()
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    asks_again()


def test_the_page_is_the_shop_s_own(open_page: Pages, stub: Stub) -> None:
    config = {"name": "Nordhus", "language": "ar", "texts": {"ar": {"catalogue.heading": "الكتالوج"}}}
    config["colours"] = {"light": {"accent": "#1f3a93", "background": "#fff7ea"}}
    stub.files["/config.json"] = json.dumps(config).encode()
    page = catalogue(open_page, stub)
    expect(page.get_by_role("heading", level=1)).to_have_text("الكتالوج")
    expect(page.get_by_role("link", name="Nordhus")).to_have_attribute("href", "./")
    expect(page).to_have_title("Catalogue · Nordhus")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 247, 234)")
    newest = region(page, "Newest").get_by_role("listitem")
    first, second = (item.bounding_box() for item in (newest.first, newest.nth(1)))
    assert first is not None
    assert second is not None
    assert first["x"] > second["x"], "the newest is where one begins to read"


def test_another_language_says_everything(open_page: Pages, stub: Stub) -> None:
    german = "Object.defineProperty(navigator, 'languages', {value: ['de']})"
    page = catalogue(open_page, stub, before=german)
    expect(page.get_by_role("heading", level=1)).to_have_text("Dein Katalog")
    expect(page.locator("#age")).to_have_text("Stand: jetzt")
    expect(figure(page, "Produkte")).to_have_text("2.946")
    refused = page.get_by_role("list", name="Was abgelehnt wurde").get_by_role("listitem").first
    expect(refused).to_contain_text("Ein unverständlicher Preis")
    expect(refused.locator("[lang=en]")).to_have_text("price: 'ask us' is no price")


def test_the_keyboard_goes_through_the_page_from_top_to_bottom(open_page: Pages, stub: Stub) -> None:
    page = catalogue(open_page, stub)
    expect(page.locator(".facet").first).to_be_visible()
    places = []
    for _ in range(60):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "(() => { const e = document.activeElement; const b = e.getBoundingClientRect();"
            " return e === document.body ? null : [e.textContent.trim() || e.ariaLabel, Math.round(b.top + scrollY), e.matches(':focus-visible')]; })()"
        )
        if place is None:
            break
        places.append(place)
    names = [name for name, _, _ in places]
    assert names[:6] == ["Lookalike", "Pause", "Products", "Photos", "On their way", "Refused"]
    assert names[-1] == "To the shopper's page"
    assert all(is_seen for _, _, is_seen in places)


@pytest.mark.parametrize(
    ("viewport", "touch"),
    [((390, 844), True), ((768, 1024), True), ((1280, 900), False)],
    ids=["phone", "tablet", "desktop"],
)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_and_nothing_is_cut_off(
    open_page: Pages, stub: Stub, viewport: tuple[int, int], touch: bool, dark: bool
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with it").Axe()
    long = "Unbreakable" * 9
    stub.catalogue[-1] |= known({"name": long, "articleType": long, "price": 1e9, "currency": "EUR"})
    stub.replies["queue"] = Reply(BUSY)
    stub.replies["rejected"] = Reply(
        {
            "total": 1,
            "unlisted": 0,
            "rejected": [refusal(f"images/{long}.jpg", "too-many-pixels", long)],
            "next_after": None,
        }
    )
    page = open_page(f"{stub.url}/catalogue.html", viewport, dark=dark, touch=touch)
    expect(page.locator(".facet").first).to_be_visible()
    found = axe.run(page).response["violations"]
    assert [f"{v['id']}: {node['target']} {node.get('failureSummary', '')}" for v in found for node in v["nodes"]] == []
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(width) <= 0
    targets = page.locator("a:visible:not(.map-link), button:visible").evaluate_all(
        """all => all.map((target) => {
            const {width, height} = (target.closest(".figure") ?? target).getBoundingClientRect();
            return [target.innerText, Math.min(width, height)];
        })"""
    )
    assert [name for name, side in targets if side < 44] == []


@pytest.mark.parametrize("viewport", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
def test_nothing_in_sight_moves_while_answers_come(open_page: Pages, stub: Stub, viewport: tuple[int, int]) -> None:
    gates = {name: Event() for name in ("health", "queue", "list", "facets", "rejected")}
    for name, gate in gates.items():
        usual = stub._usual(name, None, {"order": ["newest"], "k": ["8"]})
        stub.replies[name] = Reply(usual.body, gate=gate)
    page = open_page(
        f"{stub.url}/catalogue.html",
        viewport,
        before="window.shift = 0; new PerformanceObserver((list) => { for (const e of list.getEntries()) window.shift += e.value; })"
        ".observe({type: 'layout-shift', buffered: true})",
    )
    expect(page.get_by_role("heading", level=1)).to_have_text("Your catalogue")
    for gate in gates.values():
        gate.set()
        page.wait_for_timeout(150)
    expect(page.locator(".facet").first).to_be_visible()
    assert page.evaluate("window.shift") <= 0.02
