"""The query photos that the evaluation makes of catalogue photos."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from scripts.evaluation.cut_outs import crop_to, cut_out
from scripts.evaluation.transformations import TRANSFORMATIONS, cluttered, on_another_background, small_in_frame

RED = (200, 30, 40)


def product() -> Image.Image:
    """A red rectangle with a white hole, on near-white."""
    photo = Image.new("RGB", (60, 80), (250, 250, 250))
    draw = ImageDraw.Draw(photo)
    draw.rectangle((15, 20, 44, 59), fill=RED)
    draw.rectangle((25, 35, 34, 44), fill="white")
    return photo


def is_red(picture: Image.Image) -> np.ndarray:
    return np.abs(np.asarray(picture.convert("RGB")).astype(int) - RED).max(axis=2) < 30


def test_a_cut_out_is_the_product_with_the_white_inside_it():
    cut, corner = cut_out(product())
    assert np.abs(np.subtract(corner, (15, 20))).max() <= 2
    alpha = np.asarray(cut)[..., 3]
    assert alpha[cut.height // 2, cut.width // 2] == 255
    assert abs((alpha > 127).sum() - 30 * 40) <= 80


def test_a_photo_without_a_plain_background_is_its_own_cut_out():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 60, 3)).astype(np.uint8))
    cut, corner = cut_out(noise)
    assert (cut.size, corner) == (noise.size, (0, 0))


@pytest.mark.parametrize("name", TRANSFORMATIONS)
@pytest.mark.parametrize("size", [(60, 80), (225, 300), (80, 60)])
def test_the_same_numbers_make_the_same_picture_and_leave_the_photo_as_it_is(name, size):
    photo = product().resize(size)
    before = photo.tobytes()
    one, same, other = (TRANSFORMATIONS[name](photo, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert photo.tobytes() == before
    assert one.tobytes() == same.tobytes()
    assert (one.size, one.tobytes()) != (other.size, other.tobytes())
    assert one.mode == "RGB"


def test_on_another_background_only_the_product_is_left():
    picture = np.asarray(on_another_background(product(), np.random.default_rng(0))).astype(int)
    assert is_red(Image.fromarray(picture.astype(np.uint8)))[22:57, 17:24].all()
    surroundings = np.concatenate([picture[:15].reshape(-1, 3), picture[65:].reshape(-1, 3)])
    assert (np.abs(surroundings - 250).max(axis=1) > 10).mean() > 0.99


def test_small_in_a_frame_the_photo_covers_a_ninth_of_the_picture():
    picture = small_in_frame(product(), np.random.default_rng(0))
    assert is_red(picture).mean() == pytest.approx(is_red(product()).mean() / 9, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_the_box_on_clutter_holds_the_product_half_as_long_as_the_scene(seed):
    scene, box = cluttered(product(), np.random.default_rng(seed))
    assert max(box.width, box.height) == pytest.approx(0.5, abs=0.01)
    assert 0 <= box.x <= 1 - box.width
    assert 0 <= box.y <= 1 - box.height
    crop = crop_to(scene, box)
    # All of the crop but the hole and the soft edge is the product.
    assert is_red(crop).mean() > 0.6
