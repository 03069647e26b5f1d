"""What happens to a product's photo before a shopper sends it: each function makes a query photo of a catalogue photo.

A function takes an RGB picture and a generator of random numbers, and leaves the picture as it is. The same generator gives the
same picture.
"""

import io
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from lookalike.photos.regions import Region
from scripts.evaluation.backdrops import backdrop, clutter
from scripts.evaluation.cut_outs import background, box_of, cut_out

type Transformation = Callable[[Image.Image, np.random.Generator], Image.Image]


def cropped(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Seven tenths of each side, at any place."""
    width, height = (max(1, round(0.7 * side)) for side in photo.size)
    left, top = (int(rng.integers(free + 1)) for free in (photo.width - width, photo.height - height))
    return photo.crop((left, top, left + width, top + height))


def rotated(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turned by 5 to 20 degrees to either side, the corners in the colour of the photo's border."""
    degrees = float(rng.uniform(5, 20)) * (1 if rng.random() < 0.5 else -1)
    return photo.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=background(photo))


def blurred(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Out of focus by 0.5 to 1.5 percent of the longer side."""
    return photo.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.005, 0.015)) * max(photo.size)))


def darkened(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """With 40 to 60 percent of its brightness."""
    return ImageEnhance.Brightness(photo).enhance(float(rng.uniform(0.4, 0.6)))


def compressed(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Saved as a JPEG of quality 15 to 30."""
    file = io.BytesIO()
    photo.save(file, "JPEG", quality=int(rng.integers(15, 31)))
    with Image.open(file) as saved:
        return saved.convert("RGB")


def on_another_background(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The product at its place, on a wall of some colour with soft light and shadows."""
    cut, corner = cut_out(photo)
    picture = backdrop(photo.size, rng)
    picture.paste(cut, corner, cut)
    return picture


def small_in_frame(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The photo on white, a third as wide and as high as the whole."""
    frame = Image.new("RGB", (3 * photo.width, 3 * photo.height), "white")
    corner = int(rng.integers(2 * photo.width + 1)), int(rng.integers(2 * photo.height + 1))
    frame.paste(photo, corner)
    return frame


def on_clutter(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """The product in a scene of ``cluttered``."""
    return cluttered(photo, rng)[0]


def cluttered(photo: Image.Image, rng: np.random.Generator) -> tuple[Image.Image, Region]:
    """The product among other things, half as long as the scene, and its box there."""
    cut, _ = cut_out(photo)
    side = 2 * max(photo.size)
    scale = side / 2 / max(cut.size)
    cut = cut.resize((max(1, round(scale * cut.width)), max(1, round(scale * cut.height))), Image.Resampling.BICUBIC)
    scene = clutter((side, side), rng)
    corner = int(rng.integers(side - cut.width + 1)), int(rng.integers(side - cut.height + 1))
    scene.paste(cut, corner, cut)
    return scene, box_of(cut, corner, scene.size)


CLUTTER: Final = "on clutter"
TRANSFORMATIONS: Final[Mapping[str, Transformation]] = {
    "crop": cropped,
    "rotation": rotated,
    "blur": blurred,
    "darkness": darkened,
    "JPEG": compressed,
    "another background": on_another_background,
    "small in a white frame": small_in_frame,
    CLUTTER: on_clutter,
}
"""By the names that tables show."""
