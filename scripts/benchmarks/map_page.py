"""The map of the catalogue in a browser: how soon there is a picture, and how many frames a second while it is zoomed.

The page is the merchant's own, with this catalogue behind it, in Chromium without a graphics card. Its peer draws what it draws on a canvas
too, but all products in each frame, as points, as a plain scatter plot does. The zoom is by the wheel, out of all of the map into it and back.

    first_picture_ms   from the beginning of the page's navigation until a photo is drawn
    all_pictures_ms    until all photos in sight are
    frames_per_s       during the zoom; slowest_frame_ms: the longest time from one frame to the next
    page_ms            of the processor for a frame, in the page's thread: scripts, drawing and layout
    browser_ms         of the processor for a frame, in all processes of the browser
"""

import argparse
import json
import math
import os
import random
import statistics
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from scripts.benchmarks.chromium import launched
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.map_probe import PEER, PROBE, ZOOM
from scripts.benchmarks.worker import processor_s
from scripts.common.catalogue import open_catalogue
from scripts.common.paths import ROOT
from scripts.local.http_server import HttpServer, Request, Response, listen

_SITE: Final = ROOT / "static_site"
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_WAIT_MS: Final = 600_000

Answer = tuple[str, bytes] | None
Line = dict[str, Any]


def run(options: argparse.Namespace) -> Iterator[Line]:
    """A line for the page and one for its peer, of the medians over the turns. Raises BenchError."""
    with open_catalogue(options.photos) as catalogue:
        read = {photo.key: photo.read for photo in catalogue.photos}
        body = _map(options.map, [(photo.product_id, photo.key) for photo in catalogue.photos])
        with _serving(partial(_answer, read, body)) as url, launched() as browser:
            # The page and its peer take turns: a disturbance of the machine disturbs both alike.
            measured: dict[str, list[Line]] = {"the page": [], "all points in each frame": []}
            for _ in range(options.turns):
                for name, before in zip(measured, (PROBE, PROBE + PEER), strict=True):
                    measured[name].append(_turn(browser, url, options.viewport, before))
    products = len(json.loads(body)["ids"])
    for name, turns in measured.items():
        figures = {key: round(statistics.median(turn[key] for turn in turns), 1) for key in turns[0]}
        yield {"bench": "map-page", "work": name, "products": products, "turns": len(turns), **figures}


def _turn(browser: Any, url: str, viewport: tuple[int, int], before: str) -> Line:
    width, height = viewport
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_init_script(before)
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    page.goto(f"{url}/map.html")
    page.wait_for_function("() => measured.rested()", timeout=_WAIT_MS)
    loaded: Line = page.evaluate("() => measured.loading()")
    client = context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})
    page_s, browser_s = _page_s(client), _browser_s()
    zoomed: Line = page.evaluate(ZOOM)
    frame_ms = 1000 / zoomed["frames"]
    zoomed |= {"page_ms": (_page_s(client) - page_s) * frame_ms, "browser_ms": (_browser_s() - browser_s) * frame_ms}
    context.close()
    return loaded | zoomed


def _page_s(client: Any) -> float:
    """The processor time of the page's thread in tasks."""
    metrics = client.send("Performance.getMetrics")["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")


def _browser_s() -> float:
    """The processor time of the processes that this one started, and of theirs."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(status.parent.name)] = int(status.read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    found = [os.getpid()]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return math.fsum(processor_s(pid) for pid in found[1:])


def _map(path: Path | None, photos: list[tuple[str, str]]) -> bytes:
    """The answer of GET /api/map. Raises BenchError."""
    if path is not None:
        try:
            return path.read_bytes()
        except OSError as error:
            raise BenchError(f"{path} cannot be read: {error}.") from error
    chance = random.Random(0)
    return json.dumps(
        {
            "snapshot": "1",
            "made": "2026-01-01T00:00:00Z",
            "total": len(photos),
            "products": len(photos),
            "ids": [product_id for product_id, _ in photos],
            "images": [key.removeprefix("images/") for _, key in photos],
            "x": [chance.randrange(65_536) for _ in photos],
            "y": [chance.randrange(65_536) for _ in photos],
        }
    ).encode()


def _answer(read: dict[str, Callable[[], bytes]], body: bytes, path: str) -> Answer:
    if path == "/api/map":
        return "application/json", body
    if path.startswith("/images/"):
        photo = read.get(path[1:])
        return ("image/jpeg", photo()) if photo else None
    if path in _PAGE:
        return _PAGE[path]
    file = (_SITE / path[1:]).resolve()
    if not file.is_relative_to(_SITE) or not file.is_file():
        return None
    return _TYPES.get(file.suffix, "text/plain"), file.read_bytes()


_PAGE: Final[dict[str, tuple[str, bytes]]] = {
    "/map.html": (
        "text/html",
        b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Map</title><link rel="icon" href="favicon.svg">
        <link rel="stylesheet" href="base.css"><link rel="stylesheet" href="catalogue.css"><link rel="stylesheet" href="map.css">
        <main class="wide"><div class="map" id="map"></div></main><script type="module" src="map-only.js"></script></html>""",
    ),
    "/map-only.js": (
        "text/javascript",
        b"""import { showMap } from "./catalogue/map.js"; showMap(document.getElementById("map"));""",
    ),
}


@contextmanager
def _serving(answer: Callable[[str], Answer]) -> Iterator[str]:
    """Serve answers over connections that stay open, as the distribution does; gives the address."""

    def app(request: Request) -> Response:
        found = answer(unquote(request.path))
        kind, body = found or ("text/plain", b"")
        return Response(200 if found else 404, (("Content-Type", kind), ("Cache-Control", "max-age=3600")), body)

    server = HttpServer(listen(0), app)
    server.start()
    with closing(server):
        yield f"http://127.0.0.1:{server.port}"
