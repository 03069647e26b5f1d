"""The sample shop at an origin of its own, under a policy that allows it and the endpoint alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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

    def read(path: str) -> tuple[str, str] | None:
        if pages and path in pages:
            return "text/html", pages[path]
        file = FOLDER / (path[1:] or "index.html")
        if file.parent != FOLDER or not file.is_file():
            return None
        return TYPES[file.suffix], file.read_text("utf-8").replace(ENDPOINT, endpoint)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = read(urlsplit(self.path).path)
            kind, body = found or ("text/plain", "")
            self.send_response(200 if found else 204)  # a browser asks for an icon, too
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            # The shop takes nothing from others that does not say that it may be taken.
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
