"""Chromium for the benchmarks of pages, driven by Playwright, which is among the developers' packages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from scripts.benchmarks.errors import BenchError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_NAMES: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@contextmanager
def launched() -> "Iterator[Browser]":
    """Chromium: the one named by CHROMIUM, or the first on the PATH. Raises BenchError."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BenchError("Playwright is missing: run this with .venv/bin/python after `make environments`.") from error
    named = os.environ.get("CHROMIUM")
    path = next((found for name in ((named,) if named else _NAMES) if (found := shutil.which(name))), None)
    if path is None:
        raise BenchError("There is no chromium on the PATH: install it, or set CHROMIUM to its path.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()
