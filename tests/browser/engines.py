"""The browsers that the tests drive: Chromium, and Firefox's extended support release over WebDriver BiDi."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.sync_api import Browser, Playwright

IN_BOTH = pytest.mark.parametrize("browser", ["chromium", "firefox"], indirect=True)
"""A test of a flow in which engines differ: it runs in each of them. The others run in Chromium."""

# Chromium's headless shell starts one process for a page where the whole browser starts three.
NAMES = {
    "chromium": ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"),
    "firefox": ("firefox-esr", "firefox"),
}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# WebDriver BiDi in Firefox cannot choose these for a page, as Chromium's protocol can: they hold for the whole browser.
PREFERENCES: dict[str, str | float | bool] = {
    "ui.prefersReducedMotion": 1,
    "layout.css.prefers-color-scheme.content-override": 1,  # light
    "dom.ipc.processPrelaunch.enabled": False,  # no process for a page that might come
}


def launch(playwright: Playwright, engine: str) -> Browser:
    """The browser named by CHROMIUM or FIREFOX, or the first on the PATH. Without one the test is skipped; in CI it fails."""
    path = next((found for name in _names(engine) if (found := shutil.which(name))), None)
    if path is None:
        missing = f"no {engine} on the PATH; set {engine.upper()} to its path"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    if engine == "chromium":
        return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
    return playwright.firefox.launch(channel="moz-firefox", executable_path=path, firefox_user_prefs=PREFERENCES)


def _names(engine: str) -> tuple[str, ...]:
    named = os.environ.get(engine.upper())
    return (named, *NAMES[engine]) if named else NAMES[engine]
