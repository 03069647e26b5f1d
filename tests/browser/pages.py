"""Pages that fail their test on any console error, policy violation or request to another origin.

Any address can be opened, so that the same watch is kept over the stub server and over a real stack.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

TIMEOUT_MS = 5_000
# Firefox tells its driver nothing of them.
VIOLATIONS = """document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    console.error(`Content Security Policy: ${violatedDirective} blocks ${blockedURI}`));"""


class Pages:
    """Opens pages and keeps what they did that they must not do."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._troubles: list[str] = []

    def __call__(
        self,
        url: str,
        viewport: tuple[int, int] = (1280, 900),
        *,
        dark: bool = False,
        touch: bool = False,
        expected: tuple[str, ...] = (),
        before: str | None = None,
    ) -> Page:
        """Open an address in a fresh context.

        ``expected`` names parts of console messages that the test provokes, such as "status of 503"; ``before`` is a
        script to run before the page's own.
        """
        assert not dark or self._browser.browser_type.name == "chromium", "a scheme holds for all of Firefox"
        context = self._browser.new_context(
            viewport={"width": viewport[0], "height": viewport[1]},
            color_scheme="dark" if dark else "light",
            has_touch=touch,
            is_mobile=touch,
            reduced_motion="reduce",  # nothing in motion while a test looks
        )
        context.set_default_timeout(TIMEOUT_MS)
        context.add_init_script(VIOLATIONS)
        if before:
            context.add_init_script(before)
        self._contexts.append(context)
        page = context.new_page()
        self._watch(page, urlsplit(url).netloc, expected)
        page.goto(url)
        return page

    def _watch(self, page: Page, host: str, expected: tuple[str, ...]) -> None:
        def note(trouble: str) -> None:
            if not any(part in trouble for part in expected):
                self._troubles.append(trouble)

        def same_host(url: str) -> None:
            if urlsplit(url).scheme not in ("blob", "data") and urlsplit(url).netloc != host:
                note(f"request to another origin: {url}")

        page.on("console", lambda said: note(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: note(f"uncaught: {error}"))
        page.on("request", lambda request: same_host(request.url))

    def close(self) -> None:
        """Close all pages; raise AssertionError if one did what it must not."""
        while self._contexts:
            self._contexts.pop().close()
        troubles, self._troubles = self._troubles, []
        assert not troubles, "\n".join(troubles)
