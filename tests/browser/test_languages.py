"""The page in the shopper's language."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Pages
from tests.browser.steps import cards, heading, sold, upload
from tests.browser.stub import SITE, Stub

LANGUAGES = sorted(path.stem for path in (SITE / "texts").glob("*.json"))
PAGES = {"texts.js": "texts", "catalogue/english.js": "texts/catalogue"}
"""The module with the English of a page, and the folder of its other languages."""
PLURALS = "(language) => new Intl.PluralRules(language).resolvedOptions().pluralCategories"


def preferring(*languages: str) -> str:
    """A script that gives the browser these languages."""
    return f"Object.defineProperty(navigator, 'languages', {{value: {json.dumps(languages)}}})"


def blanks(text: str | dict[str, str]) -> set[str]:
    """The placeholders of a text with a count or without."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for name in re.findall(r"\{\w+\}", form)}


@pytest.mark.parametrize("module", PAGES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_all_that_english_says(page: Page, language: str, module: str) -> None:
    english: dict[str, Any] = page.evaluate("async (module) => (await import(`/${module}`)).ENGLISH", module)
    texts = json.loads((SITE / PAGES[module] / f"{language}.json").read_text("utf-8"))
    assert set(english) == set(texts)
    for key, text in english.items():
        assert blanks(texts[key]) == blanks(text), key
        if isinstance(text, dict):
            assert set(texts[key]) == set(page.evaluate(PLURALS, language)), key


def test_every_language_of_a_folder_is_known_to_the_page(page: Page) -> None:
    assert [sorted(path.stem for path in (SITE / folder).glob("*.json")) for folder in PAGES.values()] == [
        LANGUAGES
    ] * 2
    assert page.evaluate("async () => (await import('/texts.js')).LANGUAGES") == LANGUAGES


def test_the_first_language_that_is_known_is_spoken(open_page: Pages, stub: Stub, photo: Path) -> None:
    sold(stub)
    page = open_page(stub.url, before=preferring("nl", "de-AT", "fr"))
    expect(heading(page)).to_have_text("Zeig ein Foto.\nFinde Ähnliches.")
    expect(page.locator("html")).to_have_attribute("lang", "de-AT")
    expect(page.get_by_role("contentinfo")).to_have_text(re.compile(r"2[.\s]946 Produkte"))
    expect(page).to_have_title("Lookalike: finde, was deinem Foto gleicht")
    page.set_input_files("#chooser", photo)
    expect(heading(page)).to_have_text("Sieht aus wie dein Foto")
    expect(cards(page).first).to_contain_text("Sehr ähnlich")


def test_without_a_known_language_the_page_is_english_and_loads_no_other(open_page: Pages, stub: Stub) -> None:
    page = open_page(stub.url, before=preferring("nl"))
    expect(heading(page)).to_contain_text("Show a photo")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    loaded = page.evaluate("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert [name for name in loaded if "/texts/" in name] == []


def test_a_language_that_cannot_be_loaded_is_english(open_page: Pages, stub: Stub, photo: Path) -> None:
    stub.files["/texts/fr.json"] = None
    page = open_page(stub.url, before=preferring("fr"), expected=("status of 404",))
    expect(page.locator("html")).to_have_attribute("lang", "en")
    upload(page, photo)
    expect(heading(page)).to_have_text("Looks like your photo")
