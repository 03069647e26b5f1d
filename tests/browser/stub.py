"""A stand-in for the deployed site, for the states that a working one is never in on command.

It serves ``static_site`` with the content security policy of the distribution, pictures drawn on the spot, and an
API that answers what a test told it to: late, with a problem, or not at all. What the page sent is kept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from PIL import Image, ImageDraw

from tests.browser.maps import catalogue_map
from tests.browser.narrowing import facets, narrowed

SITE = Path(__file__).parents[2] / "static_site"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
}
GATE_TIMEOUT_S = 10

Product = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the page to the API."""

    method: str
    path: str
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API is to say. A reply with a gate waits until it is set; a dropped one closes the connection."""

    body: Any = None
    status: int = 200
    gate: threading.Event | None = None
    dropped: bool = False


def problem(status: int, slug: str, detail: str) -> Reply:
    """Problem details as the API gives them."""
    body = {"type": f"urn:lookalike:problem:{slug}", "title": slug, "status": status, "detail": detail}
    return Reply(body, status)


def products(count: int = 24) -> list[Product]:
    """Made-up products; the second half is found from the first."""
    garments = ["Linen Shirt", "Wool Coat", "Canvas Sneaker", "Leather Satchel"]
    colours = ["Teal", "Rust", "Navy Blue"]
    return [
        {
            "product_id": str(100 + i),
            "image_url": f"/images/{100 + i}.jpg",
            "image_key": f"images/{100 + i}.jpg",
            **known(
                {
                    "name": f"{colours[i % 3]} {garments[i % 4]}",
                    "gender": "Women",
                    "articleType": garments[i % 4].split()[1],
                    "baseColour": colours[i % 3],
                }
            ),
        }
        for i in range(count)
    ]


def refusals() -> list[dict[str, Any]]:
    """What was refused: a row of data, and two photos."""
    return [
        refusal("products/feed.csv", "bad-price", "price: 'ask us' is no price", product_id="101", line=12),
        refusal("images/117.jpg", "undecodable-image", "The photo is damaged."),
        refusal("images/notes.txt", "not-an-image", "The file is no photo."),
    ]


def refusal(
    key: str, code: str, detail: str, *, product_id: str | None = None, line: int | None = None
) -> dict[str, Any]:
    """A refusal as the API gives it."""
    return {"key": key, "product_id": product_id, "line": line, "code": code, "detail": detail}


def known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What the API says of a product with these attributes."""
    names = ("name", "price", "currency", "link", "brand")
    return {name: attributes.get(name) for name in names} | {"attributes": dict(attributes)}


def drawn_photo(key: str, size: tuple[int, int] = (225, 300)) -> bytes:
    """A JPEG of a coloured shape on white that differs by key."""
    hue = sum(key.encode()) * 47 % 360
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rounded_rectangle((45, 50, size[0] - 45, size[1] - 40), 24, fill=f"hsl({hue}, 55%, 50%)")
    out = BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # a page opens more connections at once than the usual 5


class Stub:
    """The server; ``replies`` maps search, similar, product, list, facets, health, queue, rejected and map to what they are to answer instead."""

    def __init__(
        self,
        catalogue: Sequence[Product] | None = None,
        photo: Callable[[str], bytes] = drawn_photo,
        neighbours: Callable[[str | None], list[Product]] | None = None,
    ) -> None:
        self.catalogue = list(products() if catalogue is None else catalogue)
        self.photo = photo
        self.neighbours = neighbours or self._some_others
        self.calls: list[Call] = []
        self.replies: dict[str, Reply] = {}
        self.refusals = [refusals()]
        """What was refused, page by page."""
        self.files: dict[str, bytes | None] = {}
        """Files of the site by path, in place of those of static_site; None is missing."""
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving; replies still held back are let go."""
        for reply in self.replies.values():
            if reply.gate:
                reply.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def calls_of(self, part: str) -> list[Call]:
        """The calls so far whose path holds ``part``."""
        return [call for call in self.calls if part in call.path]

    def found(self, items: Sequence[Product], next_offset: int | None = None) -> dict[str, Any]:
        """A body of results, 0.21 away at first and farther with each: two strong, two fair, the others weak."""
        return {
            "results": [
                {**item, "distance": 0.21 + 0.13 * i, "match": ["strong", "fair", "weak"][min(i // 2, 2)]}
                for i, item in enumerate(items)
            ],
            "verdict": "match",
            "search": {
                "k": 10,
                "next_offset": next_offset,
                "match_scale": {"strong": 0.35, "fair": 0.65, "rescaled": False},
                "snapshot": "12+3",
                "weights": {"shape": 1.0},
                "products": 2950,
                "products_matching": 2946,
                "photos": 2950,
                "timings_ms": {"total": 21.0},
            },
        }

    def _some_others(self, product_id: str | None) -> list[Product]:
        half = len(self.catalogue) // 2
        ids = [product["product_id"] for product in self.catalogue]
        start = half if product_id in ids[:half] else 0
        return [product for product in self.catalogue[start:] if product["product_id"] != product_id]

    def _page(self, items: list[Product], query: Mapping[str, list[str]]) -> tuple[list[Product], int | None]:
        start, k = (int(query.get(name, [usual])[0]) for name, usual in (("offset", "0"), ("k", "5")))
        return items[start : start + k], start + k if start + k < len(items) else None

    def _usual(self, name: str, product_id: str | None, query: Mapping[str, list[str]]) -> Reply:
        filters = query.get("filter", [])
        if name == "health":
            model = {
                "name": "resnet50-sscd",
                "fingerprint": "0" * 64,
                "parts": [
                    {"name": "shape", "dimensions": 512, "weight": 1.0},
                    {"name": "category", "dimensions": 256, "weight": 1.0},
                    {"name": "colour", "dimensions": 101, "weight": 0.6},
                ],
            }
            data = {
                "version": "7",
                "products": 24,
                "files": 1,
                "rejected_files": 0,
                "bad_rows": 1,
                "changed": "2026-01-05T09:00:00Z",
            }
            return Reply(
                {
                    "status": "ok",
                    "snapshot": "12+3",
                    "snapshot_age_s": 0.4,
                    "products": 2946,
                    "photos": 2946,
                    "rejected": 2,
                }
                | {"data": data, "model": model}
            )
        if name == "queue":
            return Reply({"waiting": 0, "in_flight": 0, "delayed": 0, "dead_letters": 0})
        if name == "map":
            return Reply(catalogue_map([product["product_id"] for product in self.catalogue]))
        if name == "rejected":
            page = int(query.get("after", ["0"])[0])
            after = str(page + 1) if page + 1 < len(self.refusals) else None
            total = sum(map(len, self.refusals))
            return Reply({"total": total, "unlisted": 0, "rejected": self.refusals[page], "next_after": after})
        if name == "facets":
            return Reply(facets(self.catalogue, filters))
        if name == "list":
            passing = narrowed(self.catalogue, filters)
            if query.get("order") == ["newest"]:
                passing.reverse()
            page, next_offset = self._page(passing, query)
            return Reply({"products": page, "total": len(passing), "next_offset": next_offset})
        if name == "search":
            return Reply(self.found(*self._page(narrowed(self.neighbours(None), filters), query)))
        item = next((p for p in self.catalogue if p["product_id"] == product_id), None)
        if item is None:
            return problem(404, "not-found", f"The catalogue has no product {product_id}.")
        if name == "similar":
            return Reply(self.found(*self._page(narrowed(self.neighbours(product_id), filters), query)))
        photo = {key: item[key] for key in ("image_key", "image_url")} | {"status": "searchable", "reason": None}
        return Reply({**{key: value for key, value in item.items() if not key.startswith("image_")}, "photos": [photo]})

    def _reply(self, address: str) -> Reply:
        url = urlsplit(address)
        words = [unquote(word) for word in url.path.split("/")[2:]]
        if words in (["search"], ["health"], ["facets"], ["products"], ["queue"], ["rejected"], ["map"]):
            name, product_id = words[0].replace("products", "list"), None
        elif words[0] == "products" and len(words) in (2, 3):
            name, product_id = words[2] if len(words) == 3 else "product", words[1]
        else:
            return problem(404, "not-found", "No such address.")
        return self.replies.get(name) or self._usual(name, product_id, parse_qs(url.query))

    def _handler(stub) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path.startswith("/api/"):
                    self._answer_api()
                elif path.startswith("/images/"):
                    self._send(200, "image/jpeg", stub.photo(unquote(path[1:])))
                else:
                    file = SITE / (path[1:] or "index.html")
                    there = file.resolve().is_relative_to(SITE) and file.is_file()
                    body = stub.files[path] if path in stub.files else file.read_bytes() if there else None
                    if body is None:
                        self._send(404, "text/plain", b"not here")
                    else:
                        self._send(200, TYPES[file.suffix], body)

            def do_POST(self) -> None:
                self._answer_api()

            def _answer_api(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stub.calls.append(Call(self.command, self.path, self.headers.get("Content-Type", ""), body))
                reply = stub._reply(self.path)
                if reply.gate:
                    reply.gate.wait(GATE_TIMEOUT_S)
                if not reply.dropped:
                    kind = "application/json" if reply.status == 200 else "application/problem+json"
                    self._send(reply.status, kind, json.dumps(reply.body).encode())

            def _send(self, status: int, kind: str, body: bytes) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("Content-Security-Policy", POLICY)
                    self.send_header("X-Content-Type-Options", "nosniff")
                    if self.path.startswith(("/api/", "/images/", "/lookalike.js")):
                        self.send_header("Access-Control-Allow-Origin", "*")
                        self.send_header("Cross-Origin-Resource-Policy", "cross-origin")
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the page aborted the request, as it should when a newer one starts

            def log_message(self, *args: object) -> None:
                """Say nothing: a test's output is its failures."""

        return Handler
