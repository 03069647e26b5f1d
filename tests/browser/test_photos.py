"""How photos come to the page, and what of them is sent."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.engines import IN_BOTH
from tests.browser.pages import Pages
from tests.browser.steps import MAX_UPLOAD_BYTES, cards, colour, give, heading, pictures_shown, sent_image, upload
from tests.browser.stub import Stub, problem


@IN_BOTH
def test_a_chosen_photo_gives_products(page: Page, stub: Stub, photo: Path) -> None:
    upload(page, photo)
    expect(heading(page)).to_have_text("Looks like your photo")
    expect(cards(page)).to_have_count(10)
    # Those that the search looked at: some may be out of stock.
    expect(page.locator("#search-lead")).to_have_text("Closest of 2,946 products")
    expect(cards(page).first).to_contain_text("Teal Linen Shirt")
    expect(cards(page).first).to_contain_text("Very close")
    [call] = stub.calls_of("/api/search")
    assert (call.method, call.path, call.content_type) == ("POST", "/api/search?k=10", "image/jpeg")
    pictures_shown(page)


def test_a_dropped_photo_is_searched(page: Page, stub: Stub, photo: Path) -> None:
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(photo)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        if step == "drop":
            expect(page.get_by_text("Drop the photo to search with it")).to_be_visible()
        session.send("Input.dispatchDragEvent", {"type": step, "x": 60, "y": 700, "data": data})
    expect(cards(page)).to_have_count(10)
    expect(page.locator("#dropping")).to_be_hidden()
    assert len(stub.calls_of("/api/search")) == 1


def test_a_pasted_photo_is_searched(page: Page, stub: Stub, transparent_photo: bytes) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (png) => {
            const bytes = Uint8Array.from(atob(png), (c) => c.charCodeAt(0));
            const item = new ClipboardItem({"image/png": new Blob([bytes], {type: "image/png"})});
            await navigator.clipboard.write([item]);
        }""",
        base64.b64encode(transparent_photo).decode(),
    )
    page.keyboard.press("Control+V")
    expect(cards(page)).to_have_count(10)
    assert len(stub.calls_of("/api/search")) == 1


def test_pasted_text_is_left_alone(page: Page, stub: Stub) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("() => navigator.clipboard.writeText('a red coat')")
    page.keyboard.press("Control+V")
    expect(heading(page)).to_contain_text("Show a photo")
    assert not stub.calls_of("/api/search")


def test_phones_offer_the_camera_apart_from_the_library(open_page: Pages, stub: Stub, photo: Path) -> None:
    page = open_page(stub.url, (390, 844), touch=True)
    assert page.locator("#chooser").get_attribute("capture") is None
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Take a photo").tap()
    assert chooser.value.element.get_attribute("capture") == "environment"
    chooser.value.set_files(photo)
    expect(cards(page)).to_have_count(10)


def test_the_same_photo_can_be_chosen_twice(page: Page, stub: Stub, photo: Path) -> None:
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    upload(page, photo)
    expect(page.locator("#outcome[aria-busy=false]")).to_be_visible()
    expect(cards(page)).to_have_count(10)
    assert len(stub.calls_of("/api/search")) == 2


@IN_BOTH
def test_a_phone_photo_is_sent_small_and_upright(page: Page, stub: Stub, phone_photo: Path) -> None:
    assert phone_photo.stat().st_size > MAX_UPLOAD_BYTES, "the photo should be one that the API would refuse"
    upload(page, phone_photo)
    expect(cards(page)).to_have_count(10)
    image = sent_image(stub)
    assert image.size == (480, 640)
    assert len(stub.calls_of("/api/search")[0].body) < 400_000
    assert not image.getexif()
    red, blue = colour(image, 60, 60), colour(image, 420, 580)
    assert red[0] > 200 > 60 > max(red[1:])
    assert blue[2] > 200 > 60 > max(blue[:2])


@IN_BOTH
def test_transparency_is_laid_on_white(page: Page, stub: Stub, transparent_photo: bytes) -> None:
    give(page, "disc.png", "image/png", transparent_photo)
    expect(cards(page)).to_have_count(10)
    image = sent_image(stub)
    assert (image.format, image.size) == ("JPEG", (640, 640))
    assert min(colour(image, 20, 20)) > 250
    assert max(colour(image, 320, 320)) < 5


@IN_BOTH
def test_a_small_jpeg_is_sent_as_it_is(page: Page, stub: Stub) -> None:
    data = stub.photo("images/100.jpg")
    give(page, "100.jpg", "image/jpeg", data)
    expect(cards(page)).to_have_count(10)
    assert stub.calls_of("/api/search")[0].body == data


@IN_BOTH
def test_a_photo_the_browser_cannot_read_is_left_to_the_service(open_page: Pages, stub: Stub) -> None:
    page = open_page(stub.url, expected=("status of 415", "ERR_FILE"))
    stub.replies["search"] = problem(415, "not-an-image", "Save the photo as JPEG and send it again.")
    data = b"II*\0" + bytes(900)
    give(page, "scan.tif", "image/tiff", data)
    expect(heading(page)).to_have_text("That is not a photo we can read")
    expect(page.locator("#search-lead")).to_have_text("Save the photo as JPEG and send it again.")
    expect(page.get_by_text("No preview")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    [call] = stub.calls_of("/api/search")
    assert (call.content_type, call.body) == ("image/tiff", data)


def test_a_large_photo_the_browser_cannot_read_is_refused_in_words(page: Page, stub: Stub, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    path.write_bytes(b"MM\0*" + bytes(MAX_UPLOAD_BYTES + 100_000))
    upload(page, path)
    expect(heading(page)).to_have_text("That photo is too large to send")
    expect(page.locator("#search-lead")).to_contain_text("its 4.1 MB are over the limit of 4 MB")
    assert not stub.calls_of("/api/search")


@pytest.mark.parametrize(
    ("name", "kind", "data", "words"),
    [
        ("IMG_1.heic", "image/heic", b"\0\0\0\x18ftypheic" + bytes(900), "This browser cannot open HEIC photos"),
        ("IMG_1.jpg", "image/jpeg", b"\0\0\0\x18ftypmif1" + bytes(900), "This browser cannot open HEIC photos"),
        ("coat.svg", "image/svg+xml", b"<?xml version='1.0'?>\n<svg xmlns='...'/>", "That is a drawing, not a photo"),
        ("coat.mp4", "video/mp4", b"\0\0\0\x18ftypisom" + bytes(900), "That is a video"),
        ("coat.mov", "", b"\0\0\0\x14ftypqt  " + bytes(900), "That is a video"),
        ("coat.webm", "video/webm", b"\x1aE\xdf\xa3" + bytes(900), "That is a video"),
        ("list.pdf", "application/pdf", b"%PDF-1.7", "That is a PDF document"),
        ("list.jpg", "image/jpeg", b"%PDF-1.7", "That is a PDF document"),
        ("coat.jpg", "image/jpeg", b"", "That file is empty"),
        ("list.csv", "text/csv", b"id,name", "That file is not a photo"),
    ],
    ids=["heic", "heic-named-jpg", "svg", "mp4", "mov", "webm", "pdf", "pdf-named-jpg", "empty", "csv"],
)
def test_a_file_that_is_no_photo_has_words_of_its_own(
    page: Page, stub: Stub, name: str, kind: str, data: bytes, words: str
) -> None:
    give(page, name, kind, data)
    expect(heading(page)).to_have_text(words)
    expect(page.locator("#search-lead")).to_contain_text(re.compile("choose|Choose"))
    expect(page.get_by_role("button", name="another photo")).to_be_visible()
    assert not stub.calls_of("/api/search")


def test_a_dropped_folder_is_told_from_a_photo(page: Page, stub: Stub, tmp_path: Path) -> None:
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(tmp_path)], "dragOperationsMask": 1}
    for step in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": step, "x": 60, "y": 700, "data": data})
    expect(page.locator("#notice")).to_contain_text("That is a folder")
    assert not stub.calls_of("/api/search")


def _paste(page: Page, text: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    page.keyboard.press("Control+V")


def test_a_pasted_address_of_a_picture_is_searched(page: Page, stub: Stub) -> None:
    _paste(page, f"  {stub.url}/images/100.jpg\n")
    expect(cards(page)).to_have_count(10)
    assert stub.calls_of("/api/search")[0].body == stub.photo("images/100.jpg")
    expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://pictures.example/coat.jpg", "This page may not read pictures from pictures.example"),
        ("{stub}/nothing.jpg", "There is no picture at that address"),
        ("{stub}/", "is of a page, not of a picture"),
    ],
    ids=["policy", "missing", "page"],
)
def test_a_pasted_address_that_gives_no_picture_says_why(
    open_page: Pages, stub: Stub, photo: Path, address: str, words: str
) -> None:
    page = open_page(stub.url, (390, 844), expected=("Content Security Policy", "status of 404"))
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    page.evaluate("scrollTo(0, 600)")
    _paste(page, address.format(stub=stub.url))
    expect(page.locator("#notice")).to_contain_text(words)
    expect(page.locator("#notice")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("status")).to_contain_text(words)
    expect(cards(page)).to_have_count(10)  # the search stays
    assert len(stub.calls_of("/api/search")) == 1


def test_a_dropped_link_to_a_picture_is_searched_and_one_of_this_page_is_not(page: Page, stub: Stub) -> None:
    session = page.context.new_cdp_session(page)
    for address in (f"{stub.url}/images/100.jpg", ""):
        items = [{"mimeType": "text/uri-list", "data": address}] if address else []
        for step in ("dragEnter", "dragOver", "drop"):
            data = {"items": items, "dragOperationsMask": 1}
            session.send("Input.dispatchDragEvent", {"type": step, "x": 60, "y": 700, "data": data})
        expect(cards(page)).to_have_count(10)
    brand = page.get_by_role("link", name="Lookalike")
    brand.drag_to(page.locator("#search-heading"))
    expect(page.locator("#dropping")).to_be_hidden()
    assert len(stub.calls_of("/api/search")) == 1


@IN_BOTH
def test_a_browser_whose_canvas_returns_noise_sends_the_original(open_page: Pages, stub: Stub, photo: Path) -> None:
    noise = """CanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>
        ({data: new Uint8ClampedArray(width * height * 4).map(() => Math.random() * 256)});"""
    page = open_page(stub.url, before=noise)
    upload(page, photo)
    expect(cards(page)).to_have_count(10)
    assert stub.calls_of("/api/search")[0].body == photo.read_bytes()
