"""From choosing a photo to five pictures: the page in Chromium, at a phone's size, on the local stack.

A shopper opens the page, presses the button, and seconds later chooses a photo of twelve megapixels. The time runs from then until
five pictures of products are there. First on loopback as it is, then behind a slow connection that Chromium imitates: each
request waits for the latency, and all share the rate. The peer is the bare call: the photo as the page sent it, by ``fetch`` in
the same browser behind the same connection, until the whole answer is there, without a picture.
"""

import argparse
import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scripts.benchmarks.chromium import launched
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.results import percentile
from scripts.common.catalogue import Photo, open_catalogue
from scripts.common.labels import InputError
from scripts.common.paths import MODEL
from scripts.common.progress import Progress
from scripts.local.seeding import seed
from scripts.local.sources import from_sources
from scripts.local.stack import LOCAL_PARAMETERS, LocalStack

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

_PHONE: Final = (390, 844)
_PHOTO_PX: Final = (3024, 4032)
_LOOKING_MS: Final = 3000  # a person looks for the photo
_LONGEST_MS: Final = 120_000

_WATCH: Final = """
    () => {
      const call = window.fetch;
      window.fetch = (address, options) => {
        if (options?.method === "POST") window.sent = options.body;
        return call(address, options);
      };
      addEventListener("change", () => (window.chosen = performance.now()), { capture: true, once: true });
      const look = () => {
        const pictures = [...document.querySelectorAll(".card .frame img")];
        const drawn = pictures.filter(({ complete, naturalWidth }) => complete && naturalWidth > 0).length;
        if (drawn > 0) window.first ??= performance.now();
        if (drawn >= 5) window.fifth = performance.now();
        else requestAnimationFrame(look);
      };
      look();
    }
"""
_BARE_CALL: Final = """
    async () => {
      const started = performance.now();
      await (await fetch("/api/search?k=10", { method: "POST", body: window.sent, cache: "no-store" })).text();
      return performance.now() - started;
    }
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection. ``latency_ms``: of each request; ``rate``: bytes a second both ways, None without a limit."""

    name: str
    latency_ms: int = 0
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class _Visit:
    """Milliseconds from the choice to the first and the fifth picture, and of the bare call; bytes of the upload."""

    first_ms: float
    fifth_ms: float
    bare_ms: float
    upload_bytes: int


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line for each connection. Raises BenchError."""
    lines = (
        _Line("loopback"),
        _Line(f"{options.latency_ms} ms, {options.rate_kb} kB/s", options.latency_ms, options.rate_kb * 1000),
    )
    try:
        with open_catalogue(options.photos, options.labels) as catalogue, tempfile.TemporaryDirectory() as logs:
            photos = catalogue.photos
            asked = [
                _as_a_phone_takes_it(photo)
                for photo in photos[:: max(1, len(photos) // options.visits)][: options.visits]
            ]
            with LocalStack(launcher=from_sources(MODEL), log_dir=Path(logs), parameters=LOCAL_PARAMETERS) as stack:
                stack.wait_until_warm()
                with Progress(len(photos), "searchable") as progress:
                    seed(stack, photos, progress.to, catalogue.data)
                yield from _measure(stack.url, lines, asked, len(photos))
    except InputError as error:
        raise BenchError(str(error)) from error


def _measure(
    url: str, lines: Sequence[_Line], photos: Sequence[bytes], catalogue_size: int
) -> Iterator[dict[str, Any]]:
    with launched() as browser:
        _visit(browser, url, lines[0], photos[0])  # the functions have answered once
        for line in lines:
            with Progress(len(photos), line.name) as progress:
                visits = []
                for photo in photos:
                    visits.append(_visit(browser, url, line, photo))
                    progress.to(len(visits))
            yield _summary(line, visits, catalogue_size)


def _visit(browser: "Browser", url: str, line: _Line, photo: bytes) -> _Visit:
    """Open the page in a window of its own, with nothing cached, and search with a photo."""
    width, height = _PHONE
    context = browser.new_context(viewport={"width": width, "height": height}, device_scale_factor=2, has_touch=True)
    try:
        page = context.new_page()
        _slow_down(context, page, line)
        page.goto(url, timeout=_LONGEST_MS)
        page.wait_for_function("() => !document.getElementById('home').hidden", timeout=_LONGEST_MS)
        page.evaluate(_WATCH)
        with page.expect_file_chooser() as chooser:
            page.locator("[data-choose]:visible").first.click()
        page.wait_for_timeout(_LOOKING_MS)
        chooser.value.set_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": photo})
        page.wait_for_function("() => window.fifth", timeout=_LONGEST_MS)
        first, fifth = page.evaluate("() => [window.first - window.chosen, window.fifth - window.chosen]")
        page.wait_for_load_state("networkidle", timeout=_LONGEST_MS)
        return _Visit(first, fifth, page.evaluate(_BARE_CALL), page.evaluate("() => window.sent.size"))
    finally:
        context.close()


def _slow_down(context: "BrowserContext", page: "Page", line: _Line) -> None:
    if line.rate is None:
        return
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {
        "offline": False,
        "latency": line.latency_ms,
        "downloadThroughput": line.rate,
        "uploadThroughput": line.rate,
    }
    session.send("Network.emulateNetworkConditions", conditions)


def _as_a_phone_takes_it(photo: Photo) -> bytes:
    """The photo at a phone's size, as JPEG."""
    from PIL import Image

    with Image.open(io.BytesIO(photo.read())) as image:
        large = image.convert("RGB").resize(_PHOTO_PX, Image.Resampling.BICUBIC)
    out = io.BytesIO()
    large.save(out, "JPEG", quality=90)
    return out.getvalue()


def _summary(line: _Line, visits: Sequence[_Visit], catalogue_size: int) -> dict[str, Any]:
    fifth = [visit.fifth_ms for visit in visits]
    bare = [visit.bare_ms for visit in visits]
    return {
        "bench": "page",
        "connection": line.name,
        "photos": catalogue_size,
        "visits": len(visits),
        "first_picture_p50_ms": percentile([visit.first_ms for visit in visits], 50),
        "five_pictures_p50_ms": percentile(fifth, 50),
        "five_pictures_p95_ms": percentile(fifth, 95),
        "bare_call_p50_ms": percentile(bare, 50),
        "bare_call_p95_ms": percentile(bare, 95),
        "times_bare_call": round(percentile(fifth, 50) / percentile(bare, 50), 2),
        "upload_bytes_p50": round(percentile([visit.upload_bytes for visit in visits], 50)),
    }
