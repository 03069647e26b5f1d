"""Describe the colours of the product in a photo: how much of it has each of a few dozen colours.

The descriptor is a histogram of colours. Four ideas make it say what a person says of the product:

- Colours are compared as CIE94 compares them for textiles: in CIELAB, where a step between two vivid colours counts less than
  the same step between two greys, and a step of lightness less than one of hue. ``_PALETTE`` is a regular lattice in that space.
- A pixel belongs to all colours of the palette that are near it, so nearby colours of two photos are nearby in the descriptor.
- The background counts little. It has the colour of the photo's border, and nothing lies between it and the border: a white
  shirt on white is inside its own outline.
- The middle of the photo counts more than the corners, where a model's face and shoes are.

docs/decisions/0048 has the measurements. Other numbers here, or another ``DESCRIPTOR``, make rows that cannot be compared.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

DESCRIPTOR: Final = "cie94-lattice-2"
"""The name of the way in which ``describe`` makes a row. Part of the model's fingerprint: other rows need another name."""

_GRID: Final = 28  # samples along each side of the photo
_LIGHTNESS: Final = 0.3  # of a step of lightness, as seen beside a step between greys
_CHROMA: Final = 22.2  # 1 / 0.045, CIE94's: the chroma at which a step looks half as large as between greys
_SPACING: Final = 10.0  # between colours of the palette, as seen
_SPREAD: Final = 4.0  # standard deviation with which a pixel counts for the colours around it
_CONTRAST: Final = 10.0  # CIELAB distance from the border's colour at which a pixel counts as the product's
_BACKGROUND: Final = 0.02  # weight of the background beside the product's 1
_POWER: Final = 0.7  # of the amount of a colour: with 1 only the main colour would count, with less, traces count more
_MIDDLE: Final = 1.5  # the weight falls by exp(-_MIDDLE r^2) to the middle of a side, where r is 1

# sRGB (IEC 61966-2-1): the light of a channel's 256 values, and the matrix to XYZ relative to its white.
_CHANNEL: Final = np.arange(256) / 255
_LIGHT: Final = np.where(_CHANNEL <= 0.04045, _CHANNEL / 12.92, ((_CHANNEL + 0.055) / 1.055) ** 2.4).astype(np.float32)
_XYZ: Final = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_RELATIVE_XYZ: Final = _XYZ / _XYZ.sum(axis=1, keepdims=True)
_KNEE: Final = 6 / 29  # of CIELAB's curve


def describe(pixels: NDArray[np.uint8]) -> Floats:
    """Describe the colours of photos: uint8 sRGB (n, size, size, 3) to float32 (n, ``DIMENSIONS``), rows of unit length.

    A row depends on its own photo alone.
    """
    colours = lab(_samples(pixels))
    weights = _product_weights(colours)
    samples = _as_seen(colours).reshape(len(pixels), _GRID * _GRID, 3)
    rows = np.empty((len(pixels), DIMENSIONS), np.float32)
    for row, photo, its_weights in zip(rows, samples, weights, strict=True):  # one photo's samples stay in the cache
        amounts = _histogram(photo, its_weights) ** np.float32(_POWER)
        row[:] = amounts / np.linalg.norm(amounts)
    return rows


def lab(pixels: NDArray[np.uint8]) -> Floats:
    """CIELAB of sRGB pixels (..., 3), relative to sRGB's own white: lightness of 0 to 100, a, b."""
    return _lab(_LIGHT[pixels])


def _lab(light: Floats) -> Floats:
    """CIELAB of the light of the three channels, 0 to 1."""
    xyz = light @ _RELATIVE_XYZ.T.astype(np.float32)
    curve = np.where(xyz > _KNEE**3, np.cbrt(xyz), xyz / np.float32(3 * _KNEE**2) + np.float32(4 / 29))
    x, y, z = np.moveaxis(curve, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _samples(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of small squares on a grid over the photo: (n, _GRID, _GRID, 3).

    The squares leave as much between them as they cover: squares without gaps would be twice as large, and would mix the
    colours at an edge more.
    """
    size = pixels.shape[1]
    side = max(1, size // (2 * _GRID))
    starts = (2 * np.arange(_GRID) + 1) * size // (2 * _GRID) - side // 2
    total = np.zeros((len(pixels), _GRID, _GRID, 3), np.uint32)
    for row in range(side):
        for column in range(side):
            total += pixels[:, (starts + row)[:, np.newaxis], starts + column]
    return np.asarray((total + side * side // 2) // (side * side), np.uint8)


def _product_weights(colours: Floats) -> Floats:
    """How far each sample is the product's: CIELAB (n, _GRID, _GRID, 3) to (n, _GRID * _GRID), above 0."""
    edge = np.ones((_GRID, _GRID), bool)
    edge[1:-1, 1:-1] = False
    background = np.median(colours[:, edge], axis=1)
    contrast = np.linalg.norm(colours - background[:, np.newaxis, np.newaxis], axis=-1)
    # The largest contrast on the way to the border, on the one of the four ways where it is smallest.
    there = [np.maximum.accumulate(contrast, axis) for axis in (1, 2)]
    back = [np.flip(np.maximum.accumulate(np.flip(contrast, axis), axis), axis) for axis in (1, 2)]
    enclosed = np.minimum.reduce(there + back)
    of_product = 1 - np.exp(-((enclosed / _CONTRAST) ** 2)) + _BACKGROUND
    at = (np.arange(_GRID) + 0.5) / _GRID * 2 - 1
    middle = np.exp(-_MIDDLE * (at[:, np.newaxis] ** 2 + at**2))
    return np.asarray((of_product * middle).reshape(len(colours), _GRID * _GRID), np.float32)


def _as_seen(colours: Floats) -> Floats:
    """CIELAB (..., 3) to a space where Euclidean distance is about CIE94's for textiles."""
    chroma = np.hypot(colours[..., 1], colours[..., 2])
    shrink = np.float32(_CHROMA) * np.log1p(chroma / np.float32(_CHROMA)) / np.maximum(chroma, np.float32(1e-3))
    return np.stack(
        [colours[..., 0] * np.float32(_LIGHTNESS), colours[..., 1] * shrink, colours[..., 2] * shrink], axis=-1
    )


def _histogram(seen: Floats, weights: Floats) -> Floats:
    """How much of one photo has each colour of the palette: samples (p, 3) and their weights (p,) to (DIMENSIONS,)."""
    terms = np.column_stack([seen, np.sum(seen**2, axis=1), np.ones(len(seen), np.float32)])
    nearness = terms @ _EXPONENTS  # -|sample - colour|^2 / 2 spread^2
    np.exp(nearness, out=nearness)
    return np.asarray((weights / nearness.sum(axis=1)) @ nearness, np.float32)


def _palette() -> Floats:
    """A lattice of colours as seen: hexagonal at each of four lightnesses, as far as sRGB has such a colour or nearly."""
    steps = np.arange(-8, 9)
    lightness, u, v = np.meshgrid(np.linspace(0, 100, 4) * _LIGHTNESS, steps, steps, indexing="ij")
    lattice = np.stack([lightness, (u + v / 2) * _SPACING, v * np.sqrt(3) / 2 * _SPACING], axis=-1).reshape(-1, 3)
    nearest = _as_seen(_lab(np.clip(_light(_from_seen(lattice)), 0, 1)))
    return np.asarray(lattice[np.linalg.norm(lattice - nearest, axis=1) < _SPACING / 2], np.float32)


def _from_seen(seen: Floats) -> Floats:
    """The inverse of ``_as_seen``."""
    shrunk = np.hypot(seen[..., 1], seen[..., 2])
    stretch = _CHROMA * np.expm1(shrunk / _CHROMA) / np.maximum(shrunk, 1e-3)
    return np.stack([seen[..., 0] / _LIGHTNESS, seen[..., 1] * stretch, seen[..., 2] * stretch], axis=-1)


def _light(colours: Floats) -> Floats:
    """The inverse of ``_lab``: light of the three channels, outside 0 to 1 for colours that sRGB has not."""
    y = (colours[..., 0] + 16) / 116
    curve = np.stack([y + colours[..., 1] / 500, y, y - colours[..., 2] / 200], axis=-1)
    xyz = np.where(curve > _KNEE, curve**3, 3 * _KNEE**2 * (curve - 4 / 29))
    return np.asarray(np.linalg.solve(_RELATIVE_XYZ, xyz[..., np.newaxis])[..., 0])


_PALETTE: Final = _palette()
_EXPONENTS: Final = np.asarray(
    np.vstack([2 * _PALETTE.T, -np.ones(len(_PALETTE)), -np.sum(_PALETTE**2, axis=1)]) / (2 * _SPREAD**2), np.float32
)

DIMENSIONS: Final = len(_PALETTE)
"""Of a row: the colours of the palette."""
