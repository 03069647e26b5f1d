"""The page over the real thing: photos dropped into the bucket, embedded, searched and shown.

The functions run from their sources, and isolated: as built and as Lambda runs them.
"""

import base64
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Page, expect

from lookalike.photos.catalogue import product_of
from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
from tests.browser.pages import Pages
from tests.browser.shop import shop
from tests.browser.steps import cards, heading, upload
from tests.support.isolation import built_template_or_skip, isolation_or_skip

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "build" / "model"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("drawn") / "catalogue"
    command = [sys.executable, "-m", "scripts.draw_catalogue", "--out", folder, "--count", "10"]
    subprocess.run(command, check=True, capture_output=True)
    return sorted((folder / "images").rglob("*.jpg"))


@pytest.fixture(scope="module", params=["from sources", "isolated"])
def stack(request, catalogue, tmp_path_factory) -> Iterator[LocalStack]:
    with ExitStack() as undo:
        if request.param == "from sources":
            assert (MODEL / "model.json").is_file(), "run `make model` first"
            template, launcher = ROOT / "template.yaml", from_sources(MODEL)
        else:
            template, launcher = built_template_or_skip(), undo.enter_context(isolation_or_skip()).launch
        logs, parameters = tmp_path_factory.mktemp("logs"), {"MaxStalenessSeconds": "1"}
        stack = undo.enter_context(
            LocalStack(launcher=launcher, template=template, log_dir=logs, parameters=parameters, window_s=1)
        )
        for photo in catalogue:
            extra = {"Metadata": {"name": photo.stem}}
            stack.s3.upload_file(str(photo), stack.catalogue_bucket, _key(photo), ExtraArgs=extra)
        rows = [f"{product},{price} EUR" for product, price in prices(catalogue).items()]
        data = "\n".join(["id,price", *rows]).encode()
        stack.s3.put_object(Bucket=stack.catalogue_bucket, Key="products/prices.csv", Body=data)
        _wait_for(stack, "/api/health", f'"photos": {len(catalogue)},')
        _wait_for(stack, f"/api/products/{dear(catalogue)}", '"price": 900')
        yield stack


def prices(catalogue: list[Path]) -> dict[str, int]:
    """A price for each product. One is dear."""
    products = list(dict.fromkeys(str(product_of(_key(photo))) for photo in catalogue))
    return {product: 10 + place for place, product in enumerate(products[:-1])} | {products[-1]: 900}


def dear(catalogue: list[Path]) -> str:
    return list(prices(catalogue))[-1]


def _key(photo: Path) -> str:
    images = next(parent for parent in photo.parents if parent.name == "images")
    return f"images/{photo.relative_to(images).as_posix()}"


def _wait_for(stack: LocalStack, path: str, text: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(HTTPError), urllib.request.urlopen(f"{stack.url}{path}") as answer:
            if text in answer.read().decode():
                return
        time.sleep(0.2)
    pytest.fail(f"{path} did not say {text} within a minute: {stack.problem()}")


@pytest.mark.parametrize("viewport", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
def test_a_photo_of_a_product_finds_it_first_and_a_result_leads_to_its_neighbours(
    stack, catalogue, open_page, viewport
):
    page = open_page(stack.url, viewport, touch=viewport[0] < 600)

    upload(page, catalogue[0])

    products = len(prices(catalogue))
    expect(cards(page)).to_have_count(products, timeout=20_000)
    expect(heading(page)).to_have_text("Looks like your photo")
    expect(cards(page).first.locator("img")).to_be_visible()
    broken = page.evaluate(
        "[...document.images].filter((image) => image.src && image.complete && !image.naturalWidth).length"
    )
    assert broken == 0, "every picture should load"

    cards(page).nth(1).get_by_role("link").click()

    expect(page).to_have_url(re.compile("#/product/"))
    expect(cards(page)).to_have_count(products - 1, timeout=20_000)


@pytest.fixture
def shop_page(stack: LocalStack, open_page: Pages) -> Iterator[Page]:
    """The example of docs/shop-page.md at another origin."""
    with shop(stack.url, stack.endpoint_url) as address:
        foreign = tuple(f"request to another origin: {url}" for url in (stack.url, stack.endpoint_url))
        yield open_page(address, expected=(*foreign, "status of 415", "blocked by CORS policy", "net::ERR_FAILED"))
        open_page.close()  # before the shop closes


def pictures(page: Page, count: int) -> list[str]:
    """The names of the products that the shop's page shows, once every picture has loaded."""
    expect(page.locator("#alike img")).to_have_count(count, timeout=20_000)
    page.wait_for_function("() => [...document.images].every((image) => image.complete && image.naturalWidth)")
    return [str(name) for name in page.locator("#alike img").evaluate_all("all => all.map((image) => image.alt)")]


def test_a_shop_s_page_searches_by_photo_and_price_and_shows_what_is_similar(
    shop_page: Page, catalogue: list[Path]
) -> None:
    affordable = len(prices(catalogue)) - 1
    shop_page.set_input_files("#photo", catalogue[0])
    found = pictures(shop_page, min(6, affordable))
    assert found[0] == catalogue[0].stem

    shop_page.locator("#alike img").first.click()
    expect(shop_page.locator(f"#alike img[alt='{found[0]}']")).to_have_count(0)
    similar = pictures(shop_page, min(6, affordable - 1))
    assert found[1] in similar

    # The one product that costs more is nowhere, not even where it was photographed.
    shop_page.set_input_files("#photo", catalogue[-1])
    expect(shop_page.locator(f"#alike img[alt='{found[0]}']")).to_have_count(1)
    assert catalogue[-1].stem not in {*found, *similar, *pictures(shop_page, min(6, affordable))}

    shop_page.set_input_files("#photo", {"name": "x.txt", "mimeType": "text/plain", "buffer": b"no photo"})
    expect(shop_page.locator("#alike")).to_contain_text("photo")
    expect(shop_page.locator("#alike img")).to_have_count(0)


def test_another_origin_may_send_what_needs_a_preflight_request_but_no_credentials(
    shop_page: Page, stack: LocalStack, catalogue: list[Path]
) -> None:
    ask = """async ([url, photo, options]) => {
        const body = new Blob([Uint8Array.from(atob(photo), (c) => c.charCodeAt(0))], {type: "image/jpeg"});
        try {
            const response = await fetch(url, {method: "POST", body, ...options});
            return [response.status, response.headers.has("lookalike-snapshot-age"), "results" in await response.json()];
        } catch (error) {
            return error.name;
        }
    }"""
    photo = base64.b64encode(catalogue[0].read_bytes()).decode()
    url = f"{stack.url}/api/search"
    assert shop_page.evaluate(ask, [url, photo, {}]) == [200, True, True]
    assert shop_page.evaluate(ask, [url, photo, {"headers": {"Authorization": "Bearer x"}}]) == [200, True, True]
    assert shop_page.evaluate(ask, [url, photo, {"credentials": "include"}]) == "TypeError"
    assert shop_page.evaluate(ask, [url, photo, {"headers": {"X-Other": "1"}}]) == "TypeError"


def test_another_origin_may_read_the_pixels_of_photos(
    shop_page: Page, stack: LocalStack, catalogue: list[Path]
) -> None:
    key = _key(catalogue[0])
    presigned = stack.s3.generate_presigned_url("get_object", Params={"Bucket": stack.catalogue_bucket, "Key": key})
    read = """async (url) => {
        const image = Object.assign(new Image(), {crossOrigin: "anonymous", src: url});
        await image.decode();
        const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
        canvas.drawImage(image, 0, 0);
        const fetched = await (await fetch(url)).blob();
        return [canvas.getImageData(0, 0, 1, 1).data.length, fetched.size];
    }"""
    for url in (f"{stack.url}/{key}", presigned):
        assert shop_page.evaluate(read, url) == [4, catalogue[0].stat().st_size]
