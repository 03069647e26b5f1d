"""How much the first page brings, before compression."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Response, expect

from tests.browser.steps import heading
from tests.browser.stub import Stub
from tests.browser.test_languages import LANGUAGES

MOST_BYTES = 70_000


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_first_page_is_below_70_kb(browser: Browser, stub: Stub, language: str) -> None:
    context = browser.new_context(locale=language)
    loaded: dict[str, Response] = {}
    page = context.new_page()
    page.on("response", lambda response: loaded.update({urlsplit(response.url).path: response}))
    page.goto(stub.url)
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(heading(page)).not_to_be_empty()
    page.wait_for_load_state("networkidle")
    files = {
        path: len(response.body()) for path, response in loaded.items() if not path.startswith(("/api/", "/images/"))
    }
    context.close()
    assert "/app.js" in files
    assert sum(files.values()) < MOST_BYTES, files
