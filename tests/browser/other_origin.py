"""Pages at an origin of their own, under a policy of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def serve(read: Callable[[str], tuple[str, str] | None], policy: str) -> Iterator[str]:
    """Serve what ``read`` gives for a path, media type and body; gives the address. ``policy``: Content-Security-Policy."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = read(self.path)
            kind, body = found or ("text/plain", "")
            self.send_response(200 if found else 204)  # a browser asks for an icon, too
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
