"""Surroundings for products, drawn by code: a wall with soft light, and a scene full of things."""

from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Size = tuple[int, int]
Colour = tuple[int, int, int]

_THINGS: Final = 24


def backdrop(size: Size, rng: np.random.Generator) -> Image.Image:
    """A wall of some colour, with soft light and shadows and a little grain."""
    colour = rng.uniform(50, 220) + rng.normal(0, 30, 3)
    light = rng.normal(0, 30, (4, 4, 1)) + rng.normal(0, 8, (4, 4, 3))
    coarse = Image.fromarray(np.clip(colour + light, 0, 255).astype(np.uint8))
    wall = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float64)
    grain = rng.normal(0, 4, (size[1], size[0], 1))
    return Image.fromarray(np.clip(wall + grain, 0, 255).astype(np.uint8))


def clutter(size: Size, rng: np.random.Generator) -> Image.Image:
    """A wall full of things: plain, striped or spotted ellipses, rectangles and polygons of all colours."""
    scene = backdrop(size, rng)
    for _ in range(_THINGS):
        extent = int(rng.integers(max(4, min(size) // 10), max(5, min(size) // 3)))
        shape = _shape(extent, rng)
        thing = _cloth(extent, rng)
        left, top = (int(rng.integers(-extent // 2, side - extent // 2)) for side in size)
        scene.paste(thing, (left, top), shape)
    return scene.filter(ImageFilter.GaussianBlur(0.6))


def _shape(extent: int, rng: np.random.Generator) -> Image.Image:
    """A filled outline as a mask of ``extent`` x ``extent``."""
    mask = Image.new("L", (extent, extent))
    draw = ImageDraw.Draw(mask)
    narrow = int(extent * rng.uniform(0, 0.35))
    box = (narrow, 0, extent - 1 - narrow, extent - 1)
    match rng.integers(3):
        case 0:
            draw.ellipse(box, fill=255)
        case 1:
            draw.rounded_rectangle(box, radius=extent // 10, fill=255)
        case _:
            angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
            corners = extent / 2 + extent / 2 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            draw.polygon([(float(x), float(y)) for x, y in corners], fill=255)
    return mask.rotate(float(rng.uniform(0, 360)))


def _cloth(extent: int, rng: np.random.Generator) -> Image.Image:
    """A square of one colour, of stripes, or of spots."""
    picture = Image.new("RGB", (extent, extent), _colour(rng))
    draw = ImageDraw.Draw(picture)
    step = max(3, extent // int(rng.integers(3, 10)))
    pattern, colour = rng.integers(3), _colour(rng)
    for start in range(0, extent, step):
        if pattern == 1:
            draw.rectangle((0, start, extent, start + step // 2), fill=colour)
        elif pattern == 2:
            for left in range(0, extent, step):
                draw.ellipse((left, start, left + step // 2, start + step // 2), fill=colour)
    return picture.rotate(float(rng.integers(4)) * 90)


def _colour(rng: np.random.Generator) -> Colour:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue
