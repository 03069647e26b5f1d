"""What a shopper does and sees, in the words of the tests."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page

from tests.browser.stub import Stub

MAX_UPLOAD_BYTES = 4_000_000
UNAVAILABLE = ("status of 503",)


def upload(page: Page, photo: Path) -> None:
    """Choose a photo the way a shopper does."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=re.compile("Choose a photo|another photo|New photo")).first.click()
    chooser.value.set_files(photo)


def give(page: Page, name: str, kind: str, data: bytes) -> None:
    """Choose a file that is not on the disk."""
    page.set_input_files("#chooser", {"name": name, "mimeType": kind, "buffer": data})


def heading(page: Page) -> Locator:
    """The heading of the page as shown."""
    return page.get_by_role("heading", level=1)


def cards(page: Page) -> Locator:
    """The results."""
    return page.get_by_role("list").locator("li.card:not(.waiting)")


def pictures_shown(page: Page) -> None:
    """Wait until the pictures in sight are there: they load after their cards stand."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('.card img[loading=eager], #query-picture')]"
        ".every((image) => image.complete && image.naturalWidth)"
    )


def sent_image(stub: Stub) -> Image.Image:
    """The photo of the last search."""
    return Image.open(BytesIO(stub.calls_of("/api/search")[-1].body))


def colour(image: Image.Image, x: int, y: int) -> tuple[int, ...]:
    """The channels of a pixel."""
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple), "the photo should be sent in colour"
    return pixel


def similar_to(page: Page, name: str) -> Locator:
    """The second action of a product's card."""
    return page.get_by_role("link", name=f"More like this: {name}")


def sold(stub: Stub) -> None:
    """Give every product a page in the shop."""
    for product in stub.catalogue:
        product["link"] = f"https://shop.example/{product['product_id']}"


def step(page: Page, entries: int) -> None:
    """Go back in the history, or forward: the page's own way, since drivers wait for a load that no step within a page has."""
    page.evaluate("(entries) => history.go(entries)", entries)
