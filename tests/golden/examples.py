"""Writes the examples of the API's description, which are answers of its handlers: ``python tests/golden/examples.py``.

The catalogue is made up, and held in memory: a rack of clothes with names, prices and links, a photo that is damaged, and a data
file with a bad row. Every problem is provoked by a request, or by a store that does not answer.
"""

import contextlib
import io
import json
import struct
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import pytest
from PIL import Image

from lookalike.aws import QueueCounts
from lookalike.errors import DecoderUnavailable, ImageError
from lookalike.feeds.reports import BadRow
from lookalike.layout import Layout, Part
from lookalike.photos import images
from lookalike.photos.regions import Region
from tests.support import fakes, functions
from tests.support.api import Answer, Api, event, query_function
from tests.support.fakes import data_file, embedding_of, photo, put_row, refused_file, reject_row

FILE = Path(__file__).resolve().parents[2] / "functions" / "query" / "examples.json"
LAYOUT = Layout((Part("shape", 4), Part("category", 2), Part("colour", 2, 0.6)))
FINGERPRINT = "1a1f9bbe25c4d38f0f5a9d2c7e64b1083c52fa6d9e07b4418d3c6a2f5b90e7d1"
COLOURS = ("Blue", "White", "Green", "Black")
GARMENTS = ("Linen Shirt", "Denim Jacket", "Wool Coat", "Canvas Sneaker", "Cotton Dress", "Silk Scarf")
BRANDS = ("Acme", "Northern Loom", "Alder & Finch")

REQUESTS = {
    "POST /api/search": "/api/search?k=2&filter=colour:Blue,White",
    "GET /api/products/{product_id}/similar": "/api/products/1563/similar?k=2&filter=price:..50",
    "GET /api/products/{product_id}": "/api/products/1563",
    "GET /api/products": "/api/products?k=2&filter=colour:Blue,White",
    "GET /api/facets": "/api/facets?filter=colour:Blue,White",
    "GET /api/rejected": "/api/rejected",
    "GET /api/queue": "/api/queue",
    "GET /api/health": "/api/health",
}
"""The request of each example, by its route."""


def catalogue(monkeypatch: pytest.MonkeyPatch) -> Api:
    """The function over the made-up catalogue."""
    monkeypatch.setenv("HIDE_OUT_OF_STOCK", "true")
    api = query_function(monkeypatch)
    api.embedder.spec = SimpleNamespace(
        name="resnet50-sscd-lite0-colour", fingerprint=FINGERPRINT, layout=LAYOUT, probe=b"recorded"
    )
    api.embedder.embed_regions = decoded  # type: ignore[method-assign]
    products = {}
    rows = [put_row("images/1563/back.jpg", photo("Blue Linen Shirt", 1)), reject_row("images/1563/side.jpg")]
    for number, name in enumerate(f"{colour} {garment}" for colour in COLOURS for garment in GARMENTS):
        product_id = str(1563 + number)
        key = "images/1563/front.jpg" if number == 0 else f"images/{product_id}.jpg"
        rows.append(put_row(key, photo(name), **({"season": "spring"} if number == 0 else {})))
        products[product_id] = {
            "name": name,
            "price": 19.9 + 10 * (number % 5),
            "currency": "EUR",
            "link": f"https://shop.example/p/{product_id}",
            "brand": BRANDS[number % len(BRANDS)],
            "colour": name.partition(" ")[0],
            "sizes": ("S", "M", "L")[number % 2 :],
            "availability": "out_of_stock" if number == 6 else "in_stock",
        }
    fakes.fill(api.store, rows, layout=LAYOUT)
    api.queues = [QueueCounts(3, 1, 0), QueueCounts(2, 0, 0)]
    bad = BadRow(31, "1590", "bad-price", "price: 'on request' is not a price.")
    api.put_data(data_file("products/feed.csv", products, bad=[bad], time_ms=1_772_446_530_000))
    api.put_data(refused_file("products/notes.txt", time_ms=1_772_446_531_000))
    return api


def decoded(data: bytes, regions: Sequence[Region]) -> list[np.ndarray | ImageError]:
    """The embeddings of a made-up photo; other bytes are read as photos are."""
    if not data.startswith(b"photo of "):
        images.decode_regions(data, regions, size=8, max_pixels=25_000_000)
    return [embedding_of(data) for _ in regions]


def answers(api: Api) -> dict[str, Any]:
    """The answer to each request."""
    found = {}
    for route, target in REQUESTS.items():
        path, _, query = target.partition("?")
        if route == "POST /api/search":
            answer = api.search(
                photo("Blue Linen Shirt", 2), query=parse_qsl(query), **{"x-lookalike-distribution": "1"}
            )
        else:
            answer = ask(api, route, path, parse_qsl(query))
        assert answer.status == 200, answer
        found[route] = {"request": target, "answer": answer.body}
    return found


def ask(api: Api, route: str, path: str, query: Sequence[tuple[str, str]] = (), **fields: Any) -> Answer:
    names, texts = route.partition(" ")[2].split("/"), path.split("/")
    parameters = {name.strip("{}"): text for name, text in zip(names, texts, strict=False) if name.startswith("{")}
    headers = {"x-lookalike-distribution": "1"}
    return api.send(event(route, query=query, headers=headers, rawPath=path, pathParameters=parameters, **fields))


def problems(api: Api, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Every problem, by its slug."""

    def search(body: bytes = photo("Blue Linen Shirt"), content_type: str = "image/jpeg", **query: str) -> Answer:
        return api.search(body, content_type, query=query)

    file = io.BytesIO()
    Image.new("RGB", (60, 80), "navy").save(file, "JPEG")
    jpeg = file.getvalue()
    api.bucket.keys.add("images/1600.jpg")
    found = [
        search(k="0"),
        search(filter="colour"),
        search(filter="smell:sweet"),
        search(b"--x--", "multipart/form-data; boundary=x"),
        search(jpeg, crop="0,0,0.1,0.1"),
        search(bytes(4 * 1024 * 1024 + 1)),
        search(b'{"image": "photo.jpg"}', "application/json"),
        search(jpeg[:400]),
        search(png_header(9000, 9000)),
        search(bmp_header(2000, 2000)),
        ask(api, "GET /api/products/{product_id}", "/api/products/9999"),
        ask(api, "GET /api/products/{product_id}", "/api/products/1600"),
        ask(api, "ANY /api/{proxy+}", "/api/search", requestContext={"http": {"method": "GET", "path": "/api/search"}}),
    ]
    api.embedder.embed_regions = raising(
        DecoderUnavailable("The process that decodes photos got no processor. Try again.")
    )  # type: ignore[method-assign]
    found.append(search())
    monkeypatch.setenv("MAX_STALENESS_S", "0")
    empty = query_function(monkeypatch)
    found.append(empty.search(photo("Blue Linen Shirt")))
    empty.store.down = {"list", "get"}
    found.append(query_function_over(monkeypatch, empty.store).get("/api/health"))
    monkeypatch.setenv("ORIGIN_SECRETS", "a secret")
    refused = query_function(monkeypatch).app.handler(event("GET /api/health"), functions.Context())
    monkeypatch.delenv("ORIGIN_SECRETS")
    bodies = [*(answer.body for answer in found), json.loads(refused["body"])]
    return {str(body["type"]).rpartition(":")[2]: body for body in bodies}


def query_function_over(monkeypatch: pytest.MonkeyPatch, store: fakes.OutageStore) -> Api:
    api = query_function(monkeypatch)
    api.store = store
    return api


def raising(error: Exception) -> Callable[..., Any]:
    def embed_regions(data: bytes, regions: Sequence[Region]) -> Any:
        raise error

    return embed_regions


def png_header(width: int, height: int) -> bytes:
    """The beginning of a PNG of many pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def bmp_header(width: int, height: int) -> bytes:
    """The beginning of a compressed BMP."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 14 + len(info), 0, 0, 14 + len(info)) + info + bytes(1024)


def examples() -> dict[str, Any]:
    """What the file holds, made anew."""
    with pytest.MonkeyPatch.context() as monkeypatch, contextlib.redirect_stdout(io.StringIO()):
        api = catalogue(monkeypatch)
        return {"answers": answers(api), "problems": problems(api, monkeypatch)}


if __name__ == "__main__":
    FILE.write_text(json.dumps(examples(), ensure_ascii=False, indent=1) + "\n", "utf-8")
