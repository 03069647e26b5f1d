"""Whatever the bytes are, decoding gives a square of RGB pixels or an ImageError."""

import contextlib
import hashlib
import io
import random
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image, ImageFile

from lookalike.errors import ImageError, NotAnImage, TooManyPixels, UndecodableImage
from lookalike.photos import images, model_parts
from tests.support.orientations import stored

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def decoded(data: bytes, size: int = 32, **options: int) -> np.ndarray:
    return np.asarray(images.decode(data, size=size, **options))


def quarters(width: int = 40, height: int = 40) -> Image.Image:
    """Red, green, blue and black from the upper left to the lower right: no turn of it is like another."""
    image = Image.new("RGB", (width, height))
    middle_x, middle_y = width // 2, height // 2
    image.paste(RED, (0, 0, middle_x, middle_y))
    image.paste(GREEN, (middle_x, 0, width, middle_y))
    image.paste(BLUE, (0, middle_y, middle_x, height))
    return image


def corners(pixels: np.ndarray, inset: int = 4) -> list[tuple[int, ...]]:
    """The colours near the four corners, rounded to 0, 128 or 255 a channel."""
    places = [(y, x) for y in (inset, -1 - inset) for x in (inset, -1 - inset)]
    return [tuple(min(255, int(round(value / 128) * 128)) for value in pixels[place]) for place in places]


def noise(width: int = 37, height: int = 29) -> Image.Image:
    samples = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(samples)


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that announces a size and holds next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


SAMPLES = {
    "jpeg": encoded(noise(), "JPEG"),
    "progressive jpeg": encoded(noise(), "JPEG", progressive=True),
    "png": encoded(noise(), "PNG"),
    "palette png": encoded(noise().quantize(), "PNG", transparency=3),
    "webp": encoded(noise(), "WEBP"),
    "lossless webp": encoded(noise().convert("RGBA"), "WEBP", lossless=True),
    "avif": encoded(noise(), "AVIF"),
    "gif": encoded(noise(), "GIF"),
    "bmp": encoded(noise(), "BMP"),
    "tiff": encoded(noise(), "TIFF"),
    "deflate tiff": encoded(noise(), "TIFF", compression="tiff_adobe_deflate"),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_every_format_gives_a_square_of_rgb_pixels(kind):
    pixels = decoded(encoded(quarters(), kind), size=32)
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert corners(pixels) == [RED, GREEN, BLUE, BLACK]


@pytest.mark.parametrize(("width", "height"), [(100, 100), (90, 120), (1200, 900), (150, 100), (100, 150)])
def test_the_whole_of_a_photo_of_up_to_3_to_2_fills_the_square(width, height):
    frame = Image.new("RGB", (width, height), RED)
    frame.paste(WHITE, (width // 16, height // 16, width - width // 16, height - height // 16))
    pixels = decoded(encoded(frame, "PNG"), size=32)
    assert corners(pixels) == [WHITE] * 4
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == RED).all()


@pytest.mark.parametrize(("width", "height"), [(320, 180), (180, 320), (900, 100), (100, 900)])
def test_a_longer_photo_is_seen_as_its_middle_of_3_to_2(width, height):
    y, x = np.mgrid[0:height, 0:width]
    image = Image.fromarray(np.stack([x * 255 // width, y * 255 // height, (x + y) % 256], -1).astype(np.uint8))
    middle = {(320, 180): (25, 0, 295, 180), (900, 100): (375, 0, 525, 100)}
    middle |= {(high, wide): (box[1], box[0], box[3], box[2]) for (wide, high), box in middle.items()}
    whole = decoded(encoded(image, "PNG"), size=32)
    alone = decoded(encoded(image.crop(middle[width, height]), "PNG"), size=32)
    assert np.abs(whole.astype(int) - alone)[..., :2].max() <= 2


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_extreme_shapes_are_decoded(width, height):
    assert decoded(encoded(Image.new("RGB", (width, height)), "PNG"), size=32).shape == (32, 32, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(kind, orientation):
    upright = quarters(60, 80)
    picture, exif = stored(upright, orientation)
    pixels = decoded(encoded(picture, kind, exif=exif), size=32)
    assert corners(pixels) == [RED, GREEN, BLUE, BLACK]


def test_a_large_rotated_jpeg_comes_out_upright_and_like_a_full_decode():
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = np.tile(np.linspace(0, 255, 1600, dtype=np.uint8), (1200, 1))
    upright = Image.fromarray(np.stack([ramp, np.full_like(ramp, 90), ramp[:, ::-1]], axis=-1))
    turned = decoded(encoded(upright.rotate(90, expand=True), "JPEG", exif=exif, quality=95), size=64)
    exact = decoded(encoded(upright, "PNG"), size=64)
    assert np.abs(turned.astype(int) - exact).max() <= 6


def test_transparency_is_laid_on_white():
    image = Image.new("RGBA", (40, 40), (*BLACK, 0))
    image.paste((*RED, 255), (0, 0, 40, 20))
    pixels = decoded(encoded(image, "PNG"), size=32)
    assert corners(pixels) == [RED, RED, WHITE, WHITE]
    # No dark fringe between them: transparent black must not bleed into the resampled edge.
    assert pixels[..., 0].min() == 255


def test_half_transparency_is_mixed_with_white():
    pixels = decoded(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 128)), "WEBP", lossless=True), size=32)
    assert np.abs(pixels.astype(int) - 127).max() <= 1


def test_a_transparent_palette_entry_is_white():
    image = Image.new("P", (40, 40), 1)
    image.putpalette([*BLACK, *RED, *GREEN])
    image.paste(2, (20, 0, 40, 40))
    pixels = decoded(encoded(image, "PNG", transparency=1), size=32)
    assert corners(pixels) == [WHITE, GREEN, WHITE, GREEN]


def test_grey_with_alpha_is_laid_on_white():
    pixels = decoded(encoded(Image.new("LA", (40, 40), (0, 0)), "PNG"), size=32)
    assert (pixels == 255).all()


def test_grey_with_premultiplied_alpha_is_laid_on_white():
    straight = encoded(Image.new("LA", (40, 40), (60, 128)), "TIFF")
    tag = struct.pack("<HHI", 338, 3, 1)  # ExtraSamples: 2 is straight alpha, 1 is premultiplied
    data = straight.replace(tag + b"\2", tag + b"\1")
    pixels = decoded(data, size=32)
    assert np.abs(pixels.astype(int) - (60 + 127)).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_greyscale_of_16_bits_is_scaled_and_not_clipped(kind):
    eight = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    sixteen = Image.fromarray(eight.astype(np.uint16) * 257)
    pixels = decoded(encoded(sixteen, kind), size=32)
    assert (pixels[..., 0] == eight).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK"])
def test_other_colour_modes_become_rgb(mode):
    image = Image.new("RGB", (40, 40), WHITE)
    image.paste(BLACK, (0, 0, 20, 40))
    pixels = decoded(encoded(image.convert(mode), "TIFF"), size=32)
    assert corners(pixels) == [BLACK, WHITE, BLACK, WHITE]


def test_a_cmyk_jpeg_keeps_its_colours():
    pixels = decoded(encoded(quarters().convert("CMYK"), "JPEG"), size=32)
    assert corners(pixels) == [RED, GREEN, BLUE, BLACK]


@pytest.mark.parametrize("transparency", [{}, {"transparency": 0}])
def test_a_first_frame_that_is_smaller_than_its_picture_lies_on_white(transparency):
    frame = Image.new("P", (24, 24), 1)
    frame.putpalette([*BLACK, *RED])
    data = bytearray(encoded(frame, "GIF", optimize=False, **transparency))
    data[6:10] = struct.pack("<HH", 40, 40)
    place = data.index(b",", 13)
    data[place + 1 : place + 5] = struct.pack("<HH", 12, 12)
    pixels = decoded(bytes(data), 40).copy()
    assert (pixels[12:36, 12:36] == RED).all()
    pixels[12:36, 12:36] = WHITE
    assert (pixels == 255).all()


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (20, 20), colour) for colour in (RED, GREEN)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert corners(decoded(data, size=32)) == [RED] * 4


@pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA", "PCX", "JPEG2000", "PDF"])
def test_formats_that_nobody_asked_for_are_not_decoded(kind):
    with pytest.raises(NotAnImage):
        decoded(encoded(quarters(), kind), size=32)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_photo_cut_in_half_is_undecodable(name):
    data = SAMPLES[name]
    with pytest.raises(UndecodableImage, match="Send the original"):
        decoded(data[: len(data) // 2], size=32)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_truncation_anywhere_raises_nothing_but_image_errors(name):
    data = SAMPLES[name]
    for length in [*range(64), *range(64, len(data), 37)]:
        assert_pixels_or_image_error(data[:length])


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("warn", ["ignore", "error"])
def test_damage_anywhere_raises_nothing_but_image_errors(name, warn):
    chance = random.Random(name)
    with warnings.catch_warnings():
        warnings.simplefilter(warn)
        for _ in range(120):
            damaged = bytearray(SAMPLES[name])
            for _ in range(chance.choice((1, 1, 4))):
                # Headers and directories are where decoders go wrong, so half of the damage goes there.
                place = chance.randrange(min(len(damaged), chance.choice((100, len(damaged)))))
                damaged[place] = chance.choice((0, 255, chance.randrange(256)))
            assert_pixels_or_image_error(bytes(damaged))


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_photo_with_damaged_exif_is_decoded_as_it_lies():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(quarters(), "JPEG", exif=exif).replace(b"MM\0*", b"MM\0\xff").replace(b"II*\0", b"II\xff\0")
    assert corners(decoded(data, size=32)) == [RED, GREEN, BLUE, BLACK]


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (12_000, 9_000), (9_000, 9_000), (65_000, 1_000)])
def test_a_header_with_too_many_pixels_is_refused_before_decoding(width, height):
    # The file has no pixels at all: decoding would find it damaged instead.
    with pytest.raises(TooManyPixels, match="Send a smaller one"):
        decoded(png_of_size(width, height), size=32)


def test_the_pixel_limit_is_inclusive_and_adjustable():
    data = encoded(Image.new("RGB", (20, 20)), "PNG")
    assert decoded(data, size=32, max_pixels=400).shape == (32, 32, 3)
    with pytest.raises(TooManyPixels, match="20 x 20"):
        decoded(data, size=32, max_pixels=399)


def test_an_avif_may_have_fewer_pixels_as_each_can_take_more_memory():
    picture = Image.new("RGB", (20, 12))
    assert decoded(encoded(picture, "AVIF"), size=32, max_pixels=400).shape == (32, 32, 3)
    with pytest.raises(TooManyPixels, match=r"20 x 12 pixels, and at most 0\.0002394 megapixels of AVIF"):
        decoded(encoded(picture, "AVIF"), size=32, max_pixels=399)
    assert decoded(encoded(picture, "WEBP"), size=32, max_pixels=240).shape == (32, 32, 3)


def test_what_follows_a_progressive_jpeg_is_not_taken_for_scans():
    clip = b"\xff\xda\0\2" * 20_000  # as in a phone's photo with a video behind it
    assert decoded(encoded(noise(), "JPEG", progressive=True) + clip, size=32).shape == (32, 32, 3)


def test_threads_get_the_same_pixels_as_one_thread():
    batch = list(SAMPLES.values()) * 10
    expected = [decoded(data, size=64) for data in batch]
    with ThreadPoolExecutor(8) as pool:
        for one, other in zip(pool.map(lambda data: decoded(data, size=64), batch), expected, strict=True):
            assert (one == other).all()


@pytest.mark.parametrize("error", [MemoryError(), OSError("out of memory when reading image file")])
@pytest.mark.parametrize("step", ["load", "draft"])
def test_a_shortage_of_memory_is_not_taken_for_damage(monkeypatch, step, error):
    monkeypatch.setattr(Image.Image, step, _raise(error))
    monkeypatch.setattr(ImageFile.ImageFile, step, _raise(error), raising=False)
    with pytest.raises(MemoryError):
        decoded(SAMPLES["bmp"], size=32)


@pytest.mark.parametrize("error", [AttributeError, TypeError, RuntimeError, AssertionError, ValueError])
@pytest.mark.parametrize("name", ["_trimmed", "_resizable"])
def test_an_error_in_our_own_transforms_is_not_taken_for_damage(monkeypatch, name, error):
    monkeypatch.setattr(images, name, _raise(error()))
    with pytest.raises(error):
        decoded(SAMPLES["bmp"], size=32)


def test_the_recipe_is_renamed_when_the_pixels_change():
    """Pixels of another recipe give embeddings that must not meet those in a store.

    When this fails because decode changed on purpose: put a new name in model_parts.RECIPE, and the digest here.
    """
    y, x = np.mgrid[0:300, 0:225]
    picture = np.stack([x % 256, y % 256, (x * y) % 256], axis=-1).astype(np.uint8)
    digest = hashlib.sha256(decoded(encoded(Image.fromarray(picture), "PNG"), size=224)).hexdigest()
    assert (model_parts.RECIPE, digest[:16]) == ("srgb-margin-trim-3:2-stretch-bicubic-3", "95c6de72955821fc")


def _raise(error: Exception) -> Callable[..., NoReturn]:
    def raises(*_: object, **__: object) -> NoReturn:
        raise error

    return raises


def assert_pixels_or_image_error(data: bytes) -> None:
    with contextlib.suppress(ImageError):
        assert decoded(data, size=16).shape == (16, 16, 3)
