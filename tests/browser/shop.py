"""A shop's page at another origin: the example of docs/shop-page.md, as it stands there, under a strict policy of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.other_origin import serve

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "shop-page.md"
STACK = "https://looks.example.com"


@contextmanager
def shop(stack: str, *photos: str) -> Iterator[str]:
    """Serve the page for the stack at an address; gives the page's own. ``photos``: other addresses that photos come from."""
    blocks = dict(re.findall(r"```(html|js)\n(.*?)```", EXAMPLE.read_text(), re.DOTALL))
    assert STACK in blocks["js"]
    files = {
        "/": ("text/html", f"<!doctype html><html lang=en><title>Shop</title>{blocks['html']}"),
        "/alike.js": ("text/javascript", blocks["js"].replace(STACK, stack)),
    }
    sources = " ".join((stack, *photos))
    policy = f"default-src 'none'; script-src 'self'; connect-src {sources}; img-src {sources}"
    with serve(files.get, policy) as address:
        yield address
