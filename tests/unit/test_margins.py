"""A small product in a plain margin is seen large, and every other photo as it is."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from lookalike.photos.images import decode

SIZE = 64
WIDTH, HEIGHT = 480, 640


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(decode(data, size=SIZE)).astype(int)


def product(width: int = 150, height: int = 200) -> Image.Image:
    """An ellipse of blue and green checks on nothing."""
    y, x = np.mgrid[0:height, 0:width]
    checks = np.where(((x * 6 // width) + (y * 8 // height)) % 2, 190, 40)
    pixels = np.stack([np.full_like(x, 20), checks, np.full_like(x, 200)], axis=-1).astype(np.uint8)
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).ellipse((0, 0, width - 1, height - 1), fill=255)
    picture = Image.fromarray(pixels)
    picture.putalpha(mask)
    return picture


def scene(colour: str | Image.Image = "white", *, small: float = 1.0, at: tuple[int, int] = (230, 60)) -> Image.Image:
    """The product in a margin of a colour, or in a picture."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), colour) if isinstance(colour, str) else colour.copy()
    thing = product()
    thing = thing.resize((round(thing.width * small), round(thing.height * small)))
    picture.paste(thing, at, thing)
    return picture


def product_share(square: np.ndarray) -> float:
    """The share of the square's pixels that are the product's, by its blue."""
    blue, red = square[..., 2], square[..., 0]
    return float(((blue > 120) & (red < 100)).mean())


def is_seen_large(square: np.ndarray) -> bool:
    """Whether the whole product is there and fills the square as it would fill a catalogue photo."""
    return 0.45 < product_share(square) < 0.75


def noisy(picture: Image.Image, sigma: float) -> Image.Image:
    grain = np.random.default_rng(3).normal(0, sigma, (picture.height, picture.width, 3))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def gradient() -> Image.Image:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    light = 150 + 60 * x / WIDTH + 40 * (y / HEIGHT) ** 2
    return Image.fromarray(np.repeat(light[..., None], 3, axis=2).astype(np.uint8))


def specked() -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    for x, y in ((20, 20), (400, 600), (30, 500), (100, 100)):
        ImageDraw.Draw(picture).ellipse((x, y, x + 5, y + 5), fill="black")
    return picture


def with_bars() -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    picture.paste("black", (0, 0, WIDTH, 50))
    picture.paste("black", (0, 560, WIDTH, HEIGHT))
    return picture


def with_border() -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(picture).rectangle((0, 0, WIDTH - 1, HEIGHT - 1), outline="black", width=4)
    return picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_a_small_product_is_seen_large_in_every_format(kind: str) -> None:
    assert product_share(np.asarray(scene().resize((SIZE, SIZE))).astype(int)) < 0.1
    assert is_seen_large(decoded(encoded(scene(), kind)))


@pytest.mark.parametrize("colour", ["black", "grey", "#f4f1ea", "darkred", "yellow"])
def test_the_margin_may_have_any_colour(colour: str) -> None:
    assert is_seen_large(decoded(encoded(scene(colour))))


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "LA"])
def test_the_photo_may_have_any_colour_mode(mode: str) -> None:
    square = decoded(encoded(scene().convert(mode), "TIFF"))
    assert 0.45 < (square.min(axis=2) < 180).mean() < 0.75


def with_frame() -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "darkgreen")
    picture.paste("#f8f8f8", (70, 25, 450, 540))
    return picture


@pytest.mark.parametrize("margin", [gradient, specked, with_bars, with_border, with_frame])
def test_the_margin_need_not_be_perfect(margin: Callable[[], Image.Image]) -> None:
    assert is_seen_large(decoded(encoded(scene(margin()))))


@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize("sigma", [0, 5])
def test_noise_of_a_camera_and_of_jpeg_is_no_product(quality: int, sigma: float) -> None:
    assert is_seen_large(decoded(encoded(noisy(scene("lightgrey"), sigma), "JPEG", quality=quality)))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_transparent_margin_is_a_white_one(kind: str) -> None:
    picture = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    picture.paste(product(), (230, 60))
    square = decoded(encoded(picture, kind, lossless=True) if kind == "WEBP" else encoded(picture))
    assert is_seen_large(square)
    assert np.abs(square - decoded(encoded(scene()))).mean() < 2


@pytest.mark.parametrize("small", [0.1, 0.3, 0.6, 1.3])
def test_a_product_of_any_small_size_looks_the_same(small: float) -> None:
    large, other = decoded(encoded(scene())), decoded(encoded(scene(small=small)))
    assert is_seen_large(other)
    assert np.abs(large - other).mean() < 25


@pytest.mark.parametrize("corner", [(0, 0), (330, 0), (0, 440), (330, 440)])
def test_a_product_in_a_corner_is_seen_whole(corner: tuple[int, int]) -> None:
    assert is_seen_large(decoded(encoded(scene(at=corner))))


def test_a_picture_in_a_page_is_seen_without_the_page() -> None:
    y, x = np.mgrid[0:200, 0:150]
    picture = Image.fromarray(
        np.stack([x * 255 // 150, y * 255 // 200, (x // 9 + y // 9) % 2 * 200], -1).astype(np.uint8)
    )
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    page.paste(picture, (230, 60))
    inset = picture.crop((4, 4, 146, 196))
    assert np.abs(decoded(encoded(page)) - decoded(encoded(inset))).mean() < 25
    assert (decoded(encoded(page)).min(axis=2) < 250).mean() > 0.97


def test_a_small_wallet_is_not_seen_as_its_label() -> None:
    square = decoded(encoded(wallet(0.4)))
    assert 0.6 < (square.max(axis=2) < 80).mean() < 0.9


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_jpeg_is_seen_alike_at_every_scale_it_is_decoded_at(scale: int) -> None:
    large = scene().resize((scale * WIDTH, scale * HEIGHT), Image.Resampling.BICUBIC)
    assert np.abs(decoded(encoded(large, "JPEG", quality=95)) - decoded(encoded(scene()))).mean() < 10


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_photo_on_its_side_is_seen_like_the_upright_one(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = scene().transpose(turns[orientation])
    assert np.abs(decoded(encoded(stored, exif=exif)) - decoded(encoded(scene()))).mean() < 10


def full(width: int, height: int) -> Image.Image:
    """The product in a little air."""
    picture = Image.new("RGB", (width, height), "white")
    thing = product(width * 6 // 10, height * 6 // 10)
    picture.paste(thing, (width // 5, height // 5), thing)
    return picture


def wallet(share: float) -> Image.Image:
    """A black wallet with a small label, on white."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    width, height = round(WIDTH * share), round(HEIGHT * share)
    picture.paste(
        "#181818", ((WIDTH - width) // 2, (HEIGHT - height) // 2, (WIDTH + width) // 2, (HEIGHT + height) // 2)
    )
    ImageDraw.Draw(picture).ellipse((220, 300, 260, 340), fill="orange")
    return picture


def plain_with_line() -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(picture).line((0, 200, WIDTH, 210), fill="black", width=3)
    return picture


@pytest.mark.parametrize(
    "picture",
    [
        full(300, 400),
        full(60, 80),
        full(400, 400),
        noisy(Image.new("RGB", (300, 400), "grey"), 60),
        noisy(Image.new("RGB", (300, 400), "white"), 2),
        Image.new("RGB", (300, 400), "teal"),
        gradient(),
        plain_with_line(),
        wallet(0.6),
        wallet(0.9),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (2, 3), "red"),
    ],
)
def test_other_photos_are_seen_as_they_are(picture: Image.Image) -> None:
    square = picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    np.testing.assert_array_equal(decoded(encoded(picture)), np.asarray(square))


@pytest.mark.parametrize("size", [(60, 80), (480, 640)])
@pytest.mark.parametrize("thin", [(1, 4), (1, 60), (2, 20), (3, 30), (4, 10), (40, 2)])
def test_a_thin_product_is_seen(size: tuple[int, int], thin: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, "white")
    left, upper = size[0] // 3, size[1] // 4
    ImageDraw.Draw(picture).rectangle((left, upper, left + thin[0] - 1, upper + thin[1] - 1), fill="black")
    assert decoded(encoded(picture)).min() < 250
