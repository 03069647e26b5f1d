"""The colour descriptor sees the product's colours, and little of its background, size and compression."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from lookalike.photos.colour_descriptor import DIMENSIONS, describe, lab

WHITE = (255, 255, 255)
RED, DARK_RED, BLUE, GREEN, YELLOW = (200, 30, 40), (150, 22, 30), (30, 60, 170), (40, 120, 50), (240, 210, 40)
SKIN = (224, 172, 140)


def noise(side: int, seed: int, low: int, levels: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, low + levels, (3, side, side, 3)).astype(np.uint8)


# Made from a seed: Hypothesis takes long to draw an array element by element.
photos = st.builds(
    noise, st.sampled_from([1, 2, 27, 56, 61]), st.integers(0, 2**32), st.sampled_from([0, 120, 253]), st.integers(1, 3)
) | st.builds(noise, st.sampled_from([1, 56, 224]), st.integers(0, 2**32), st.just(0), st.just(256))
colours = st.tuples(*3 * [st.integers(0, 255)])


def product(colour, background=WHITE, *, side=224, box=(0.25, 0.2, 0.75, 0.85), stripe=None):  # type: ignore[no-untyped-def]
    """A rounded product of one colour, with a stripe across it."""
    image = Image.new("RGB", (side, side), background)
    draw = ImageDraw.Draw(image)
    left, upper, right, lower = (round(edge * side) for edge in box)
    draw.rounded_rectangle((left, upper, right, lower), side // 12, colour)
    if stripe:
        draw.rectangle((left, (upper + lower) // 2, right, (upper + lower) // 2 + side // 12), stripe)
    return image


def distance(one: Image.Image, other: Image.Image) -> float:
    rows = describe(np.stack([np.asarray(one.resize((224, 224))), np.asarray(other.resize((224, 224)))]))
    return float(np.linalg.norm(rows[0] - rows[1]))


@settings(max_examples=25, deadline=None)
@given(photos)
def test_rows_are_finite_and_of_unit_length(pixels: np.ndarray) -> None:
    rows = describe(pixels)
    assert rows.shape == (3, DIMENSIONS)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows.astype(float), axis=1), 1, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(photos)
def test_a_row_depends_on_its_own_photo_alone(pixels: np.ndarray) -> None:
    rows = describe(pixels)
    np.testing.assert_array_equal(describe(pixels[::-1]), rows[::-1])
    np.testing.assert_array_equal(describe(pixels[:1]), rows[:1])


def test_no_photos_have_no_rows() -> None:
    assert describe(np.zeros((0, 224, 224, 3), np.uint8)).shape == (0, DIMENSIONS)


def test_a_photo_is_not_changed() -> None:
    pixels = np.asarray(product(RED))[np.newaxis].copy()
    pixels.flags.writeable = False
    describe(pixels)


@settings(max_examples=50, deadline=None)
@given(colours)
def test_every_colour_of_srgb_is_described(colour: tuple[int, int, int]) -> None:
    row = describe(np.full((1, 8, 8, 3), colour, np.uint8))
    assert np.linalg.norm(row) == pytest.approx(1)


def test_a_jpeg_of_low_quality_moves_a_photo_little() -> None:
    photo, file = product(RED, stripe=WHITE), io.BytesIO()
    photo.save(file, "JPEG", quality=40)
    assert distance(photo, Image.open(file)) < 0.2


def test_a_small_copy_and_a_close_crop_move_a_photo_little() -> None:
    photo = product(RED, stripe=WHITE)
    assert distance(photo, photo.resize((60, 60))) < 0.2
    assert distance(photo, photo.crop((10, 6, 214, 220))) < 0.2


@pytest.mark.parametrize("background", [(128, 128, 128), (20, 20, 20), (180, 200, 230), SKIN])
def test_another_background_moves_a_photo_less_than_another_colour(background: tuple[int, int, int]) -> None:
    photo = product(RED, stripe=WHITE)
    assert distance(photo, product(RED, background, stripe=WHITE)) < 0.4
    assert all(distance(photo, product(colour, stripe=WHITE)) > 1 for colour in (BLUE, GREEN, YELLOW))


def test_a_white_product_on_white_is_seen_by_its_outline() -> None:
    off_white = product((250, 250, 250))
    ImageDraw.Draw(off_white).rounded_rectangle((56, 45, 168, 190), 18, outline=(190, 190, 190), width=6)
    dark = product((20, 20, 20), WHITE)
    assert distance(off_white, product((250, 250, 250), (60, 60, 60))) < 0.6
    assert distance(off_white, dark) > 1


def test_a_product_may_touch_the_border() -> None:
    assert distance(product(RED, box=(0.1, 0, 0.9, 1)), product(RED)) < 0.2


def test_exposure_moves_a_photo_step_by_step() -> None:
    photo = product(RED, stripe=WHITE)
    darker = [distance(photo, photo.point(lambda value, part=part: round(value * part))) for part in (0.95, 0.85, 0.7)]
    assert darker == sorted(darker)
    assert darker[0] < 0.25
    assert darker[1] < distance(photo, product(YELLOW, stripe=WHITE)) / 2


def test_a_nearer_colour_is_nearer() -> None:
    photo = product(RED)
    assert distance(photo, product((210, 45, 50))) < distance(photo, product(DARK_RED)) < distance(photo, product(BLUE))


@pytest.mark.parametrize(
    ("pixel", "expected"),
    [
        # Bruce Lindbloom's calculator: sRGB, white D65, no adaptation.
        ((0, 0, 0), (0, 0, 0)),
        ((255, 255, 255), (100, 0, 0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.74, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.20, -107.86)),
        ((0, 255, 255), (91.11, -48.09, -14.13)),
        ((255, 0, 255), (60.32, 98.25, -60.84)),
        ((255, 255, 0), (97.14, -21.56, 94.48)),
        ((128, 128, 128), (53.59, 0, 0)),
    ],
)
def test_cielab_of_known_colours(pixel: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(lab(np.array(pixel, np.uint8)), expected, atol=0.1)


def test_cielab_of_greys_is_that_of_little_cms() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis, np.newaxis], 3, axis=2)
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    image = ImageCms.applyTransform(
        Image.fromarray(greys), ImageCms.buildTransform(*profiles, "RGB", "LAB", ImageCms.Intent.RELATIVE_COLORIMETRIC)
    )
    assert image is not None
    lightness = np.asarray(image)[..., 0] * (100 / 255)
    np.testing.assert_allclose(lab(greys)[..., 0], lightness, atol=0.5)
    np.testing.assert_allclose(lab(greys)[..., 1:], 0, atol=0.05)
