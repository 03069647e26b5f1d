"""The studio: lays a drawn product on a near-white background, in the middle, with its shadow."""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scripts.drawing.fields import COARSE, Field, blurred, enlarged

_TINT: Final = (1.0, 0.997, 0.992)
_SHADOW: Final = (1.0, 0.967, 0.913)
"""How much of the shadow each channel takes: shadows are a little blue."""
_MARGIN: Final = 60
"""Units around a product that its shadow may reach."""


def photograph(
    rgb: Field, alpha: Field, floor: Field | None, *, scale: float, shift: tuple[float, float]
) -> Image.Image:
    """The picture of a product, whose middle is ``shift`` pixels from the picture's.

    ``rgb`` is (3, height, width), premultiplied by ``alpha``. ``floor`` is the shadow of a product that stands, on
    the coarse grid; without it the product lies flat and its own outline casts the shadow.
    """
    height, width = alpha.shape
    wall, pixels = _wall(width, height)
    pixels = pixels.copy()
    rows, columns = (np.flatnonzero(alpha.max(axis=axis) > 0.05) for axis in (1, 0))
    if not len(rows):
        return Image.fromarray(pixels)
    shadow = enlarged(np.minimum(_lying(alpha, scale) if floor is None else floor, 0.6), height, width)
    margin = round(_MARGIN * scale)
    source, target = [], []
    for used, size, wanted in ((rows, height, shift[1]), (columns, width, shift[0])):
        move = round(size / 2 - (int(used[0]) + int(used[-1])) / 2 + wanted)
        start = max(0, int(used[0]) - margin, -move)
        end = min(size, int(used[-1]) + margin, size - move)
        source.append(slice(start, end))
        target.append(slice(start + move, end + move))
    from_, to = (source[0], source[1]), (target[0], target[1])
    bare = wall[to] * (1 - alpha[from_]) * 255
    dark = bare * shadow[from_]
    for channel in range(3):
        value = rgb[channel][from_] * 255
        value += bare * np.float32(_TINT[channel])
        value -= dark * np.float32(_SHADOW[channel])
        value += np.float32(0.5)
        pixels[(*to, channel)] = np.minimum(value, 255, out=value)
    return Image.fromarray(pixels)


def _lying(alpha: Field, scale: float) -> Field:
    """The shadow of a product that lies flat, on the coarse grid: a wide soft one and a narrow dark one."""
    outline = np.asarray(Image.fromarray(alpha).reduce(COARSE), dtype=np.float32)
    shadow = np.zeros_like(outline)
    for blur, right, down, weight in ((13.0, 5.0, 13.0, 0.17), (3.5, 1.5, 4.0, 0.16)):
        x, y = round(right * scale / COARSE), round(down * scale / COARSE)
        soft = blurred(outline, blur * scale / COARSE)
        shadow[y:, x:] += soft[: soft.shape[0] - y, : soft.shape[1] - x] * np.float32(weight)
    return shadow


@lru_cache(maxsize=2)
def _wall(width: int, height: int) -> tuple[Field, NDArray[np.uint8]]:
    """The background's brightness, highest behind the product and lower towards the floor, and its pixels."""
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    tone = 0.972 - 0.038 * y**2 - 0.020 * x**2 + 0.010 * np.exp(-((y - 0.4) ** 2) * 8 - x**2 * 2)
    pixels = (tone[..., None] * np.array(_TINT) * 255 + 0.5).astype(np.uint8)
    return tone.astype(np.float32), pixels
