"""The sample shop at an origin of its own, under a policy that allows it and the endpoint alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.browser.other_origin import serve

FOLDER = Path(__file__).resolve().parents[2] / "samples" / "shop"
ENDPOINT = "http://127.0.0.1:8000"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@contextmanager
def sample_shop(endpoint: str, pages: dict[str, str] | None = None) -> Iterator[str]:
    """Serve the shop for an endpoint; gives the shop's address. ``pages`` are further pages by path: ``{"/x.html": body}``."""
    policy = (
        f"default-src 'none'; style-src 'self'; script-src 'self' {endpoint}; connect-src {endpoint}; "
        f"img-src 'self' {endpoint}; require-trusted-types-for 'script'"
    )

    def read(address: str) -> tuple[str, str] | None:
        path = urlsplit(address).path
        if pages and path in pages:
            return "text/html; charset=utf-8", pages[path]
        file = FOLDER / (path[1:] or "index.html")
        if file.parent != FOLDER or not file.is_file():
            return None
        return f"{TYPES[file.suffix]}; charset=utf-8", file.read_text("utf-8").replace(ENDPOINT, endpoint)

    with serve(read, policy) as address:
        yield address
