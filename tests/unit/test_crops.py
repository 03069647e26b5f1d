"""A crop is decoded as the photo that it would be, and as sharp."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike.errors import CropTooSmall
from lookalike.photos.images import decode, decode_regions
from lookalike.photos.regions import MIN_CROP_SIDE, WHOLE, Region, with_windows
from tests.support.orientations import stored

SIZE = 48


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def decoded(data: bytes, *regions: Region) -> list[np.ndarray]:
    return [np.asarray(square).astype(int) for square in decode_regions(data, regions, size=SIZE)]


def texture(width: int, height: int) -> Image.Image:
    """Soft waves over ramps: no two places are alike, and no margin is plain."""
    y, x = np.mgrid[0:height, 0:width]
    waves = 40 * np.sin(x / 7) * np.cos(y / 9)
    pixels = np.stack([x * 170 / width + waves, y * 170 / height + waves, 90 + waves], axis=-1) + 40
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def region(box: tuple[int, int, int, int], width: int, height: int) -> Region:
    left, upper, right, lower = box
    return Region(left / width, upper / height, (right - left) / width, (lower - upper) / height)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_crop_of_whole_pixels_is_decoded_as_a_file_of_those_pixels(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(20, 200)), data.draw(st.integers(20, 200))
    left, upper = data.draw(st.integers(0, width - 16)), data.draw(st.integers(0, height - 16))
    right, lower = data.draw(st.integers(left + 16, width)), data.draw(st.integers(upper + 16, height))
    box = (left, upper, right, lower)
    picture = texture(width, height)
    (square,) = decoded(encoded(picture), region(box, width, height))
    np.testing.assert_array_equal(square, np.asarray(decode(encoded(picture.crop(box)), size=SIZE)))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_crop_is_that_of_the_upright_photo(kind: str, orientation: int) -> None:
    upright, box = texture(240, 160), (30, 20, 150, 80)
    picture, exif = stored(upright, orientation)
    (square,) = decoded(encoded(picture, kind, exif=exif, quality=100), region(box, 240, 160))
    expected = np.asarray(decode(encoded(upright.crop(box)), size=SIZE))
    # Lossless files differ by the order of rounding alone.
    assert np.abs(square - expected).max() <= (2 if kind in ("PNG", "TIFF") else 24)
    assert np.abs(square - expected).mean() < 3


def test_a_crop_of_a_large_jpeg_is_like_that_of_a_png() -> None:
    picture, box = texture(1600, 1200), (400, 300, 1000, 900)
    (square,) = decoded(encoded(picture, "JPEG", quality=95), region(box, 1600, 1200))
    assert np.abs(square - np.asarray(decode(encoded(picture.crop(box)), size=SIZE))).max() <= 8


def test_a_small_crop_of_a_large_jpeg_has_all_its_pixels() -> None:
    """Decoded at an eighth, as the whole photo is, the stripes would be grey."""
    x = np.arange(1600) + np.zeros((1600, 1), int)
    picture = Image.fromarray(np.where((x // 4) % 2, 255, 0).astype(np.uint8)).convert("RGB")
    (square,) = decoded(encoded(picture, "JPEG", quality=95), Region(0.5, 0.5, 0.04, 0.04))
    assert square.min() < 40
    assert square.max() > 215


def test_a_crop_is_taken_before_a_long_photo_is_trimmed() -> None:
    picture = texture(600, 100)
    (square,) = decoded(encoded(picture), Region(0, 0, 1 / 6, 1))
    np.testing.assert_array_equal(square, np.asarray(decode(encoded(picture.crop((0, 0, 100, 100))), size=SIZE)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_pixels_of_a_region_do_not_depend_on_the_others(kind: str) -> None:
    data = encoded(texture(900, 700), kind)
    regions = [*with_windows(WHOLE), Region(0.1, 0.1, 0.1, 0.1)]
    together = decoded(data, *regions)
    for one, square in zip(regions, together, strict=True):
        np.testing.assert_array_equal(decoded(data, one)[0], square)
    np.testing.assert_array_equal(np.asarray(decode(data, size=SIZE)), together[0])


def test_a_crop_of_a_transparent_picture_lies_on_white() -> None:
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (50, 0, 100, 100))
    left, right = decoded(encoded(picture), Region(0, 0, 0.5, 1), Region(0.5, 0, 0.5, 1))
    assert (left == 255).all()
    assert (right == (255, 0, 0)).all()


def test_a_jpeg_without_its_end_is_cropped_like_a_whole_one() -> None:
    data = encoded(texture(200, 200), "JPEG")
    crop = Region(0.25, 0.25, 0.5, 0.5)
    np.testing.assert_array_equal(decoded(data[:-2], crop)[0], decoded(data, crop)[0])


@pytest.mark.parametrize("share", [1e-4, 0.05, 0.079])
def test_a_crop_of_a_few_pixels_is_refused(share: float) -> None:
    for crop in (Region(0, 0, share, 1), Region(0.2, 0.2, 1 / 2, share)):
        with pytest.raises(CropTooSmall, match=f"at least {MIN_CROP_SIDE}"):
            decoded(encoded(texture(190, 190)), crop)


def test_a_small_photo_is_searched_whole_and_in_windows() -> None:
    for width, height in ((1, 1), (3, 20), (20, 3)):
        assert len(decoded(encoded(texture(width, height)), *with_windows(WHOLE))) == len(with_windows(WHOLE))
