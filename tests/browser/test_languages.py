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
PLURALS = "(language) => new Intl.PluralRules(language).resolvedOptions().pluralCategories"


def preferring(*languages: str) -> str:
    """A script that gives the browser these languages."""
    return f"Object.defineProperty(navigator, 'languages', {{value: {json.dumps(languages)}}})"


def blanks(text: str | dict[str, str]) -> set[str]:
    """The placeholders of a text with a count or without."""
    forms = text.values() if isinstance(text, dict) else [text]
    return {name for form in forms for name in re.findall(r"\{\w+\}", form)}


@pytest.fixture
def english(page: Page) -> dict[str, Any]:
    texts: dict[str, Any] = page.evaluate("async () => (await import('/texts.js')).ENGLISH")
    return texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_says_all_that_english_says(page: Page, english: dict[str, Any], language: str) -> None:
    later = sorted(path.parent for path in (SITE / "texts").glob("*/en.json"))
    assert later
    parts = {
        SITE / "texts": english,
        **{folder: json.loads((folder / "en.json").read_text("utf-8")) for folder in later},
    }
    for folder, words in parts.items():
        texts = json.loads((folder / f"{language}.json").read_text("utf-8"))
        assert set(words) == set(texts), folder
        for key, text in words.items():
            assert blanks(texts[key]) == blanks(text), key
            if isinstance(text, dict):
                assert set(texts[key]) == set(page.evaluate(PLURALS, language)), key


def test_every_language_of_the_folder_is_known_to_the_page(page: Page) -> None:
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
