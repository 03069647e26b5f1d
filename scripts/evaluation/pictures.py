"""Pictures that show no product: drawn ones of several kinds, and parts of two photographs that scikit-learn comes with."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from scripts.evaluation.backdrops import backdrop, clutter

_WIDTH: Final = 225
_HEIGHT: Final = 300
_SIZE: Final = (_WIDTH, _HEIGHT)


def _plain(rng: np.random.Generator) -> Image.Image:
    level = int(rng.integers(256))
    return Image.new("RGB", _SIZE, (level, level, level) if rng.random() < 0.5 else _colour(rng))


def _noise(rng: np.random.Generator) -> Image.Image:
    cells = int(rng.choice([1, 3, 9, 25]))
    size = (_HEIGHT // cells, _WIDTH // cells, 3)
    return _picture(rng.uniform(0, 255, size)).resize(_SIZE, Image.Resampling.NEAREST)


def _ramp(rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH] / _HEIGHT
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * x + np.sin(angle) * y
    along = ((along - along.min()) / np.ptp(along))[..., np.newaxis]
    return _picture(along * _colour(rng) + (1 - along) * _colour(rng))


def _stripes(rng: np.random.Generator) -> Image.Image:
    y, x = np.mgrid[0:_HEIGHT, 0:_WIDTH]
    angle, period = rng.uniform(0, np.pi), rng.uniform(6, 60)
    across = np.sin(2 * np.pi * (np.cos(angle) * x + np.sin(angle) * y) / period) > 0
    if rng.random() < 0.5:  # a chessboard
        across ^= np.sin(2 * np.pi * (np.cos(angle) * y - np.sin(angle) * x) / period) > 0
    return _picture(np.where(across[..., np.newaxis], _colour(rng), _colour(rng)))


def _landscape(rng: np.random.Generator) -> Image.Image:
    """A sky with a sun, over hills."""
    sky = np.linspace(rng.uniform(80, 160), rng.uniform(160, 250), _HEIGHT)[:, np.newaxis, np.newaxis]
    picture = _picture(np.broadcast_to(sky * (0.6, 0.8, 1.0), (_HEIGHT, _WIDTH, 3)))
    draw = ImageDraw.Draw(picture)
    left, top = rng.uniform(0, _WIDTH), rng.uniform(0, 100)
    draw.ellipse((left, top, left + 30, top + 30), fill=(255, 240, 180))
    for level in np.sort(rng.uniform(110, 260, 4)):
        x = np.arange(_WIDTH + 1)
        y = level + sum(rng.uniform(2, 18) * np.sin(x / rng.uniform(10, 60) + rng.uniform(0, 6)) for _ in range(3))
        green = int(250 - level * 0.7)
        outline = [*zip(x.tolist(), np.asarray(y).tolist(), strict=True), (_WIDTH, _HEIGHT), (0, _HEIGHT)]
        draw.polygon(outline, fill=(green // 2, green, green // 3))
    return picture.filter(ImageFilter.GaussianBlur(1))


def _night(rng: np.random.Generator) -> Image.Image:
    """Stars, or the lights of a town."""
    picture = np.zeros((_HEIGHT, _WIDTH, 3)) + rng.uniform(0, 30, 3)
    for _ in range(int(rng.integers(50, 400))):
        y, x, size = int(rng.integers(_HEIGHT)), int(rng.integers(_WIDTH)), int(rng.integers(1, 4))
        picture[y : y + size, x : x + size] = rng.uniform(120, 255) * rng.uniform(0.7, 1, 3)
    return _picture(picture).filter(ImageFilter.GaussianBlur(0.8))


def _text(rng: np.random.Generator) -> Image.Image:
    """A page of text, as a scan of a letter or a receipt."""
    page = Image.new("L", _SIZE, int(rng.integers(220, 256)))
    draw = ImageDraw.Draw(page)
    for top in range(15, _HEIGHT - 15, int(rng.integers(9, 18))):
        letters = "".join(map(chr, rng.integers(97, 123, 40)))
        words = " ".join(letters[start : start + 5] for start in range(0, int(rng.integers(10, 40)), 5))
        draw.text((12, top), words, fill=int(rng.integers(100)))
    return page.rotate(float(rng.uniform(-3, 3)), fillcolor=200).convert("RGB")


def _wall(rng: np.random.Generator) -> Image.Image:
    return backdrop(_SIZE, rng)


def _things(rng: np.random.Generator) -> Image.Image:
    return clutter(_SIZE, rng)


def _temple(rng: np.random.Generator) -> Image.Image:
    return _part_of("china.jpg", rng)


def _flower(rng: np.random.Generator) -> Image.Image:
    return _part_of("flower.jpg", rng)


KINDS: Final[Mapping[str, Callable[[np.random.Generator], Image.Image]]] = {
    "one colour": _plain,
    "noise": _noise,
    "a ramp": _ramp,
    "stripes": _stripes,
    "a landscape": _landscape,
    "a night": _night,
    "text": _text,
    "a wall": _wall,
    "things": _things,
    "a temple": _temple,
    "a flower": _flower,
}


def _part_of(name: str, rng: np.random.Generator) -> Image.Image:
    """A part of a photograph, at least half as high as it is."""
    photo = _photograph(name)
    height = int(rng.integers(photo.height // 2, photo.height + 1))
    width = min(photo.width, int(height * rng.uniform(0.7, 1.4)))
    left, top = (int(rng.integers(free + 1)) for free in (photo.width - width, photo.height - height))
    return photo.crop((left, top, left + width, top + height))


@cache
def _photograph(name: str) -> Image.Image:
    from sklearn.datasets import load_sample_image  # a second that --help need not wait

    return Image.fromarray(load_sample_image(name))


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def _picture(values: npt.NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
