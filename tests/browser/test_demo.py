"""The page over the real thing: photos dropped into the bucket, embedded, searched and shown.

The functions run from their sources, and isolated: as built and as Lambda runs them.
"""

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
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
            LocalStack(launcher=launcher, template=template, log_dir=logs, parameters=parameters)
        )
        images = next(parent for parent in catalogue[0].parents if parent.name == "images")
        for photo in catalogue:
            key = f"images/{photo.relative_to(images).as_posix()}"
            stack.s3.upload_file(str(photo), stack.catalogue_bucket, key, ExtraArgs={"Metadata": {"name": photo.stem}})
        _wait_until_searchable(stack, len(catalogue))
        yield stack


def _wait_until_searchable(stack: LocalStack, photos: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{stack.url}/api/health") as answer:
            if f'"photos": {photos},' in answer.read().decode():
                return
        time.sleep(0.2)
    pytest.fail(f"{photos} photos were not searchable within a minute: {stack.problem()}")


@pytest.mark.parametrize("viewport", [(390, 844), (1280, 900)], ids=["phone", "desktop"])
def test_a_photo_of_a_product_finds_it_first_and_a_result_leads_to_its_neighbours(
    stack, catalogue, open_page, viewport
):
    page = open_page(stack.url, viewport, touch=viewport[0] < 600)

    upload(page, catalogue[0])

    expect(cards(page)).to_have_count(5, timeout=20_000)
    expect(heading(page)).to_contain_text("5 products")
    expect(cards(page).first.locator("img")).to_be_visible()
    broken = page.evaluate(
        "[...document.images].filter((image) => image.src && image.complete && !image.naturalWidth).length"
    )
    assert broken == 0, "every picture should load"

    cards(page).nth(1).get_by_role("link").or_(cards(page).nth(1).get_by_role("button")).first.click()

    expect(page).to_have_url(re.compile("#/product/"))
    expect(cards(page)).to_have_count(5, timeout=20_000)
