"""The description of the API as a page: read on a phone and a desktop, tried, by keyboard, and without its style and script."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from scripts.local.stack import LocalStack
from tests.browser.checks import MOST_MOVEMENT, MOVEMENT, VIEWPORTS, faults, movement
from tests.browser.pages import Pages
from tests.support.local_api import COLOURS, local_api, photo


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with local_api(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def docs(open_page: Pages, stack: LocalStack) -> Page:
    return open_page(f"{stack.url}/api/docs")


@pytest.mark.parametrize("window", VIEWPORTS, ids=["phone", "tablet", "desktop"])
def test_it_holds_to_the_rules_of_every_page(open_page: Pages, stack: LocalStack, window: tuple[int, int]) -> None:
    page = open_page(f"{stack.url}/api/docs", window, touch=window[0] < 600, before=MOVEMENT)
    page.wait_for_load_state("networkidle")
    moved = movement(page)
    assert moved[0] <= MOST_MOVEMENT, moved
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    assert faults(page) == []


def test_a_photo_is_searched_with_filters_and_the_products_are_shown(docs: Page, tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(photo(COLOURS["red"]))
    form = docs.get_by_role("form", name="Try POST /api/search")
    form.get_by_label("Photo").set_input_files(file)
    form.get_by_label("k", exact=True).fill("2")
    form.get_by_label("filter, one a line").fill("colour:Red,Green\nprice:..25")
    form.get_by_role("button", name="Send").click()

    outcome = form.get_by_role("status")
    expect(outcome).to_contain_text("200 OK in ")
    expect(outcome).to_contain_text("filter=colour%3ARed%2CGreen&filter=price%3A..25")
    expect(outcome).to_contain_text('"product_id": "red"')
    expect(outcome.get_by_role("img", name="Red Shirt")).to_have_js_property("naturalWidth", 40)


def test_a_refusal_is_shown_as_it_came(open_page: Pages, stack: LocalStack) -> None:
    page = open_page(f"{stack.url}/api/docs", expected=("status of 400", "status of 404"))
    form = page.get_by_role("form", name="Try GET /api/facets")
    form.get_by_label("filter").fill("smell:sweet")
    form.get_by_label("filter").press("Tab")
    page.keyboard.press("Enter")
    expect(form.get_by_role("status")).to_contain_text("urn:lookalike:problem:unknown-attribute")

    form = page.get_by_role("form", name="Try GET /api/products/{product_id}", exact=True)
    form.get_by_label("product_id").fill("a/b ü")
    form.get_by_label("product_id").press("Enter")
    expect(form.get_by_role("status")).to_contain_text("/api/products/a%2Fb%20%C3%BC")
    expect(form.get_by_role("status")).to_contain_text("urn:lookalike:problem:not-found")


def test_samples_name_the_address_of_the_stack(docs: Page, stack: LocalStack) -> None:
    expect(docs.locator("#post_search ~ figure").first).to_contain_text(f'"{stack.url}/api/search?')
    assert "https://shop.example/api" not in docs.content()


def test_it_begins_with_a_link_to_its_content(docs: Page) -> None:
    docs.keyboard.press("Tab")
    expect(docs.locator(":focus")).to_have_text("Skip to the description")
    docs.keyboard.press("Enter")
    expect(docs.locator("#content")).to_be_in_viewport()


def test_without_style_and_script_it_is_whole(open_page: Pages, stack: LocalStack) -> None:
    """As at API Gateway's own address, where the site's files are not."""
    page = open_page("about:blank", expected=("Failed to load resource", f"another origin: {stack.url}"))
    page.route("**/*.{css,js,svg}", lambda route: route.fulfill(status=404))
    page.goto(f"{stack.url}/api/docs")
    expect(page.get_by_role("heading", name="POST /api/search")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    expect(page.locator("pre").first).to_contain_text("curl --data-binary @photo.jpg")
