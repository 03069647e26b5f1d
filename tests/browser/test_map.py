"""The map of the catalogue on the merchant's page, by mouse, touch and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Locator, Page, expect

from tests.browser.maps import at, catalogue_map
from tests.browser.pages import Pages
from tests.browser.stub import Reply, Stub, drawn_photo, problem

PHONE, DESKTOP = (390, 844), (1280, 900)
CORNERS = {"101": (0, 0), "102": (65_535, 0), "103": (0, 65_535), "104": (65_535, 65_535)}
MANY = [str(number) for number in range(5_000, 7_000)]
STILL_MS = 300
"""After a scroll, a wheel within a quarter of a second goes on scrolling the page."""
UNNAMED = ("status of 404",)
"""The API does not know the products of ``MANY``."""


def opened(open_page: Pages, stub: Stub, viewport: tuple[int, int] = DESKTOP, **options: Any) -> Page:
    """The merchant's page, scrolled to the map, as soon as that is drawn."""
    return shown(open_page(f"{stub.url}/catalogue.html", viewport, **options))


def scrolled(page: Page) -> Page:
    """The page, scrolled to where the map will be."""
    expect(page.get_by_role("heading", name="Map")).to_be_visible()
    page.locator("#map").evaluate("(element) => element.scrollIntoView()")
    return page


def shown(page: Page) -> Page:
    """The page, scrolled to the map, as soon as that is drawn."""
    expect(link(scrolled(page))).to_be_attached()
    page.locator(".map-stage").evaluate("(stage) => stage.scrollIntoView({block: 'center'})")
    return page


def stage(page: Page) -> Locator:
    return page.get_by_role("application", name="Map of the catalogue")


def link(page: Page) -> Locator:
    """The link over the photo that is pointed at."""
    return page.locator(".map-link")


def spot(page: Page, right: float, down: float) -> tuple[float, float]:
    """A point of the map on the page, in shares of it."""
    box = stage(page).bounding_box()
    assert box is not None
    return box["x"] + right * box["width"], box["y"] + down * box["height"]


def place_of(page: Page, product_id: str) -> tuple[float, float]:
    """Where a product of ``CORNERS`` is on the page, all of which is shown as high as the map."""
    box = stage(page).bounding_box()
    assert box is not None
    link(page).focus()
    for key in {"101": "Left Up", "102": "Right Up", "103": "Left Down", "104": "Right Down"}[product_id].split():
        page.keyboard.press(f"Arrow{key}")
    expect(link(page)).to_have_attribute("href", f"./#/product/{product_id}")
    mine = link(page).bounding_box()
    assert mine is not None
    page.evaluate("() => document.activeElement.blur()")
    return mine["x"] + mine["width"] / 2, mine["y"] + mine["height"] / 2


def width(page: Page) -> float:
    """Of the photo that is pointed at, as the map has it: it is seen larger."""
    pixels: float = link(page).evaluate("(link) => link.offsetWidth")
    return pixels


@contextmanager
def fingers(page: Page) -> Iterator[Any]:
    """Touch the page: each call is the points that are touched then."""
    client: CDPSession = page.context.new_cdp_session(page)
    before = 0

    def touch(*points: tuple[float, float]) -> None:
        nonlocal before
        kind = "touchEnd" if not points else "touchStart" if len(points) > before else "touchMove"
        before = len(points)
        client.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]},
        )

    yield touch
    touch()
    client.detach()


class TestMouse:
    def test_a_press_on_a_photo_searches_with_it_and_back_leads_to_the_map(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        page = opened(open_page, stub)
        page.mouse.move(*place_of(page, "102"))
        expect(page.get_by_role("link", name="Navy Blue Canvas Sneaker", exact=True).last).to_be_visible()
        page.mouse.down()
        page.mouse.up()
        expect(page).to_have_url(f"{stub.url}/#/product/102")
        page.go_back()
        expect(stage(page)).to_be_visible()

    def test_beside_the_photos_there_is_nothing_to_press(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        page = opened(open_page, stub)
        page.mouse.click(*spot(page, 0.5, 0.5))
        expect(page).to_have_url(f"{stub.url}/catalogue.html")

    def test_the_wheel_comes_closer_to_what_is_under_it(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        page = opened(open_page, stub)
        x, y = place_of(page, "104")
        page.mouse.move(x, y)
        before = width(page)
        page.wait_for_timeout(STILL_MS)
        page.mouse.wheel(0, -300)
        page.wait_for_function("(before) => document.querySelector('.map-link').offsetWidth > 1.5 * before", arg=before)
        page.mouse.move(x + 1, y)
        expect(link(page)).to_have_attribute("href", "./#/product/104")

    def test_a_wheel_that_cannot_make_it_smaller_scrolls_the_page(self, open_page: Pages, stub: Stub) -> None:
        page = opened(open_page, stub)
        top = page.evaluate("() => scrollY")
        # The panels below come later than the map.
        page.wait_for_function("(top) => document.documentElement.scrollHeight - innerHeight > top + 100", arg=top)
        page.mouse.move(*spot(page, 0.5, 0.3))
        page.wait_for_timeout(STILL_MS)
        page.mouse.wheel(0, 200)
        page.wait_for_function("(top) => scrollY > top + 100", arg=top)

    def test_a_drag_moves_it_and_is_no_press(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        page = opened(open_page, stub)
        page.get_by_role("button", name="Closer").click()
        page.get_by_role("button", name="Closer").click()
        x, y = spot(page, 0.5, 0.5)
        for _ in range(6):  # to the product at the top left
            page.mouse.move(x, y)
            page.mouse.down()
            page.mouse.move(x + 200, y + 150, steps=4)
            page.mouse.up()
        expect(page).to_have_url(f"{stub.url}/catalogue.html")
        link(page).focus()
        page.keyboard.press("Home")
        page.mouse.move(x, y)
        expect(page).to_have_url(f"{stub.url}/catalogue.html")

    def test_where_one_looked_is_kept_when_the_page_is_read_anew(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(catalogue_map(MANY))
        page = opened(open_page, stub)
        for _ in range(3):
            page.get_by_role("button", name="Closer").click()
        page.wait_for_function("() => history.state?.map")
        before = page.evaluate("() => history.state.map")
        page.reload()
        shown(page)
        assert page.evaluate("() => history.state.map") == pytest.approx(before, rel=1e-6)
        page.get_by_role("button", name="All of the map").click()
        page.wait_for_function("() => !history.state?.map")


class TestKeys:
    def test_arrows_go_from_photo_to_photo_and_enter_searches(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        page = opened(open_page, stub)
        page.get_by_role("button", name="Closer").focus()
        page.keyboard.press("Shift+Tab")
        expect(link(page)).to_be_focused()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        expect(link(page)).to_have_attribute("href", "./#/product/101")
        status = page.locator(".map").get_by_role("status")
        expect(status).to_have_text("Rust Wool Coat")
        page.keyboard.press("ArrowRight")
        expect(status).to_have_text("Navy Blue Canvas Sneaker")
        page.keyboard.press("ArrowDown")
        expect(status).to_have_text("Rust Linen Shirt")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{stub.url}/#/product/104")

    def test_plus_comes_closer_to_the_photo_and_home_shows_all(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        page = opened(open_page, stub)
        place_of(page, "101")
        link(page).focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        before = width(page)
        page.keyboard.press("+")
        page.keyboard.press("+")
        page.wait_for_function("(before) => document.querySelector('.map-link').offsetWidth > 1.5 * before", arg=before)
        expect(link(page)).to_have_attribute("href", "./#/product/101")
        expect(link(page)).to_be_in_viewport()
        page.keyboard.press("Home")
        page.wait_for_function("(before) => document.querySelector('.map-link').offsetWidth < 1.2 * before", arg=before)

    def test_every_photo_of_a_zoomed_map_stays_in_sight_under_the_arrows(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(catalogue_map(MANY))
        page = opened(open_page, stub, expected=UNNAMED)
        link(page).focus()
        for _ in range(4):
            page.keyboard.press("+")
        outer = stage(page).bounding_box()
        assert outer is not None
        visited = set()
        for _ in range(12):
            page.keyboard.press("ArrowRight")
            page.wait_for_timeout(30)
            box = link(page).bounding_box()
            assert box is not None
            assert outer["x"] <= box["x"] <= outer["x"] + outer["width"]
            assert outer["y"] <= box["y"] <= outer["y"] + outer["height"]
            visited.add(link(page).get_attribute("href"))
        assert len(visited) > 3


class TestTouch:
    def test_two_fingers_zoom_and_the_page_stays(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(catalogue_map(MANY))
        page = opened(open_page, stub, PHONE, touch=True)
        top = page.evaluate("() => [scrollY, visualViewport.scale]")
        x, y = spot(page, 0.5, 0.5)
        with fingers(page) as touch:
            touch((x - 20, y))
            touch((x - 20, y), (x + 20, y))
            for apart in range(20, 121, 20):
                touch((x - apart, y), (x + apart, y))
        page.wait_for_function("() => history.state?.map?.[2] > 4")
        assert page.evaluate("() => [scrollY, visualViewport.scale]") == top

    def test_one_finger_scrolls_the_page_and_says_how_to_move_the_map(self, open_page: Pages, stub: Stub) -> None:
        page = opened(open_page, stub, PHONE, touch=True)
        top = page.evaluate("() => scrollY")
        x, y = spot(page, 0.5, 0.8)
        with fingers(page) as touch:
            touch((x, y))
            for up in range(10, 201, 10):
                touch((x, y - up))
            expect(page.get_by_text("Move the map with two fingers")).to_be_visible()
        page.wait_for_function("(top) => scrollY > top + 100", arg=top)
        expect(page.get_by_text("Move the map with two fingers")).to_be_hidden()

    def test_a_tap_on_a_photo_searches_with_it(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        page = opened(open_page, stub, PHONE, touch=True)
        page.touchscreen.tap(*place_of(page, "103"))
        expect(page).to_have_url(f"{stub.url}/#/product/103")


class TestPhotos:
    @pytest.fixture
    def asked(self, stub: Stub) -> list[str]:
        """The photos that the page asked for, in their order."""
        keys: list[str] = []

        def photo(key: str) -> bytes:
            if int(key.removeprefix("images/").removesuffix(".jpg")) >= 5_000:
                keys.append(key)
            return drawn_photo(key)

        stub.photo = photo
        return keys

    def test_only_those_in_sight_are_loaded_and_more_from_nearby(
        self, open_page: Pages, stub: Stub, asked: list[str]
    ) -> None:
        stub.replies["map"] = Reply(catalogue_map(MANY))
        page = opened(open_page, stub)
        page.wait_for_load_state("networkidle")
        before = list(asked)
        assert 20 < len(before) < 1_000
        assert len(before) == len(set(before)), "none is asked for twice"
        with page.expect_response(
            lambda response: "/images/" in response.url
        ):  # an idle network is waited for once only
            page.get_by_role("button", name="Closer").click()
        assert set(asked) > set(before)

    def test_a_photo_that_cannot_be_had_is_a_blank_one(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at(CORNERS))
        stub.photo = lambda key: b"no photo"
        page = opened(open_page, stub)
        page.mouse.move(*place_of(page, "101"))
        expect(link(page)).to_have_attribute("href", "./#/product/101")

    def test_a_product_whose_name_cannot_be_had_has_its_number(self, open_page: Pages, stub: Stub) -> None:
        stub.replies["map"] = Reply(at({"nameless": (10, 10), "101": (60_000, 60_000)}))
        page = opened(open_page, stub, expected=UNNAMED)
        link(page).focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        expect(page.locator(".map").get_by_role("status")).to_have_text("Product nameless")


def test_without_a_map_it_says_when_there_will_be_one(open_page: Pages, stub: Stub) -> None:
    stub.replies["map"] = problem(404, "no-map", "There is no map of the catalogue yet.")
    page = open_page(f"{stub.url}/catalogue.html", expected=("status of 404",))
    scrolled(page)
    expect(page.locator(".map").get_by_role("status")).to_have_text(re.compile("no map yet.*16 photos"))


def test_a_map_that_cannot_be_had_is_asked_for_again(open_page: Pages, stub: Stub) -> None:
    stub.replies["map"] = problem(503, "store-unavailable", "Try again in a moment.")
    page = open_page(f"{stub.url}/catalogue.html", expected=("status of 503",))
    scrolled(page)
    expect(page.locator(".map").get_by_role("alert")).to_contain_text("The catalogue is out of reach")
    stub.replies.clear()
    page.locator(".map").get_by_role("button", name="Try again").click()
    shown(page)


def test_of_a_large_catalogue_it_says_how_much_is_on_it(open_page: Pages, stub: Stub) -> None:
    stub.replies["map"] = Reply(catalogue_map(MANY, total=300_000))
    page = opened(open_page, stub)
    expect(page.locator(".map-foot")).to_contain_text("2,000 of 300,000 products")
    expect(page.locator(".map-foot")).to_contain_text("Jan 5, 2026")


def test_where_motion_is_welcome_it_comes_to_rest_at_the_same_place(open_page: Pages, stub: Stub) -> None:
    stub.replies["map"] = Reply(catalogue_map(MANY))
    page = opened(open_page, stub)
    places = []
    for motion in ("reduce", "no-preference"):
        page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
        page.get_by_role("button", name="All of the map").click()
        page.wait_for_function("() => !history.state?.map")
        page.get_by_role("button", name="Closer").click()
        page.wait_for_function("() => history.state?.map?.[2] > 1.99")
        places.append(page.evaluate("() => history.state.map"))
    assert places[0] == pytest.approx(places[1], rel=1e-6)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing(open_page: Pages, stub: Stub, size: tuple[int, int], dark: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core comes with it").Axe()
    page = opened(open_page, stub, size, dark=dark)
    link(page).focus()
    assert not axe.run(page, context=".map").response["violations"]
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


class TestLevels:
    """Which photo is shown where, and the arithmetic of looking, in the browser that runs them."""

    def levels(self, page: Page, body: str, argument: Any) -> Any:
        page.goto(page.url.split("#")[0] + "?")
        return page.evaluate(
            f"""async ({{x, y, more}}) => {{
                const [{{levelsOf, columnsOf, rowsOf, NONE}}, view] = await Promise.all([import("/map/levels.js"), import("/map/view.js")]);
                const levels = await levelsOf(x, y, async () => undefined);
                {body}
            }}""",
            argument,
        )

    @pytest.fixture
    def places(self) -> dict[str, Any]:
        answer = catalogue_map(MANY)
        return {"x": answer["x"], "y": answer["y"], "more": None}

    def test_every_product_has_a_cell_to_itself(self, page: Page, places: dict[str, Any]) -> None:
        body = "return [...levels.column].map((column, product) => `${column} ${levels.row[product]}`);"
        cells = self.levels(page, body, places)
        assert len(set(cells)) == len(MANY)

    def test_products_in_one_place_are_beside_each_other(self, page: Page) -> None:
        body = "return [[...levels.column], [...levels.row]];"
        columns, rows = self.levels(page, body, {"x": [30_000] * 300, "y": [30_000] * 300, "more": None})
        assert len(set(zip(columns, rows, strict=True))) == 300
        assert max(columns) - min(columns) < 24
        assert max(rows) - min(rows) < 24

    def test_a_cell_shows_the_first_of_its_products_on_every_level(self, page: Page, places: dict[str, Any]) -> None:
        body = """
            const wrong = [];
            for (const [level, first] of levels.first.entries()) {
                const step = 2 ** (levels.finest - level);
                const wanted = new Map();
                for (let product = 0; product < x.length; product++) {
                    const cell = Math.floor(levels.row[product] / step) * columnsOf(level) + Math.floor(levels.column[product] / step);
                    if (!wanted.has(cell)) wanted.set(cell, product);
                }
                for (const [cell, product] of first.entries()) if (product !== (wanted.get(cell) ?? NONE)) wrong.push([level, cell]);
                const count = levels.count[level].reduce((sum, some) => sum + some, 0);
                if (count !== x.length || first.length !== columnsOf(level) * rowsOf(level)) wrong.push([level, count]);
            }
            return wrong;"""
        assert self.levels(page, body, places) == []

    @pytest.mark.parametrize(("x", "y"), [([5], [7]), ([0, 65_535], [0, 65_535]), ([9, 9, 9], [9, 9, 9])])
    def test_a_few_products_are_all_in_sight(self, page: Page, x: list[int], y: list[int]) -> None:
        body = """
            const size = {width: 600, height: 400};
            const all = view.whole(levels, size);
            const level = view.levelOf(all.size, all.size, levels.finest);
            return [...x.keys()].map((product) => {
                const {x: right, y: down} = view.onPage(all, size, levels.column[product] + 0.5, levels.row[product] + 0.5);
                return [right, down];
            });"""
        for right, down in self.levels(page, body, {"x": x, "y": y, "more": None}):
            assert 0 < right < 600
            assert 0 < down < 400

    def test_what_is_under_the_wheel_stays_there(self, page: Page, places: dict[str, Any]) -> None:
        body = """
            const size = {width: 800, height: 500};
            const before = view.whole(levels, size);
            const after = view.zoomed(before, 3, 120, -80);
            const under = (eye) => [eye.x + 120 / eye.size, eye.y - 80 / eye.size / 1.25];
            return [under(before), under(view.midway(before, after, 0.3)), under(after)];"""
        before, midway, after = self.levels(page, body, places)
        assert midway == pytest.approx(before)
        assert after == pytest.approx(before)

    def test_a_view_outside_comes_back_to_the_products(self, page: Page, places: dict[str, Any]) -> None:
        body = """
            const size = {width: 800, height: 500};
            const far = view.bounded({x: -1e6, y: 1e6, size: 40}, levels, size);
            const {left, right, top, bottom} = levels.bounds;
            return far.x > left - 15 && far.x < right + 15 && far.y > top - 15 && far.y < bottom + 15;"""
        assert self.levels(page, body, places)
