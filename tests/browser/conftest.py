"""Browsers, pages that are watched over, a server to script, and photos to show it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.engines import launch
from tests.browser.pages import Pages
from tests.browser.stub import Stub


@pytest.fixture(scope="session")
def launched() -> Iterator[Callable[[str], Browser]]:
    """The browser of an engine, started when it is first asked for."""
    with sync_playwright() as playwright, ExitStack() as stack:

        @cache
        def browser(engine: str) -> Browser:
            found = launch(playwright, engine)
            stack.callback(found.close)
            return found

        yield browser


@pytest.fixture
def browser(request: pytest.FixtureRequest, launched: Callable[[str], Browser]) -> Browser:
    """Chromium, or the engine that the test is parametrised with: ``@IN_BOTH``."""
    return launched(getattr(request, "param", "chromium"))


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Pages]:
    """Open any address and watch over it: ``open_page(url, (390, 844), dark=True, touch=True)``."""
    pages = Pages(browser)
    yield pages
    pages.close()


@pytest.fixture
def stub(open_page: Pages) -> Iterator[Stub]:
    """The page and an API that a test scripts."""
    server = Stub()
    yield server
    try:
        open_page.close()  # first the pages, or their last requests would fail
    finally:
        server.close()


@pytest.fixture
def page(open_page: Pages, stub: Stub) -> Page:
    """The first page, served by the stub, in a desktop window."""
    return open_page(stub.url)


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JPEG of 900 x 1200 pixels."""
    path = tmp_path_factory.mktemp("photos") / "coat.jpg"
    image = Image.new("RGB", (900, 1200), "white")
    ImageDraw.Draw(image).polygon([(300, 200), (600, 200), (780, 1100), (120, 1100)], fill="#b5482f")
    image.save(path, "JPEG", quality=88)
    return path


@pytest.fixture(scope="session")
def phone_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 12-megapixel JPEG as a phone held upright writes it: stored on its side, with EXIF orientation 6.

    Upright it is 3000 x 4000 with a red corner at the top left and a blue one at the bottom right. It carries detail
    all over, so that it is several megabytes.
    """
    path = tmp_path_factory.mktemp("photos") / "phone.jpg"
    upright = Image.effect_noise((750, 1000), 60).resize((3000, 4000)).convert("RGB")
    draw = ImageDraw.Draw(upright)
    draw.rectangle((0, 0, 1000, 1000), fill="red")
    draw.rectangle((2000, 3000, 3000, 4000), fill="blue")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned a quarter clockwise
    upright.transpose(Image.Transpose.ROTATE_90).save(path, "JPEG", quality=94, exif=exif)
    return path


@pytest.fixture(scope="session")
def transparent_photo() -> bytes:
    """A PNG with a black disc on nothing."""
    image = Image.new("RGBA", (800, 800), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((200, 200, 600, 600), fill="black")
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
