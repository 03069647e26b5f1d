"""A shop's page at another origin: the example of docs/shop-page.md, as it stands there, under a strict policy of its own."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(self.path, ("text/plain", ""))
            self.send_response(200 if body else 204)  # a browser asks for an icon, too
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", policy)
            # The page takes nothing from others that does not say that it may be taken.
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *arguments: Any) -> None:
            """Write nothing: a test's output is its failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
