"""ICC profiles of RGB spaces, from the chromaticities of their primaries and a gamma.

The layout is that of ICC.1:2022 (version 4.4): matrix columns adapted to D50 with the Bradford transform, and parametric curves.
"""

import struct
from typing import Final

Chromaticities = tuple[float, ...]
"""x and y of white, red, green and blue."""

SRGB_CHROMATICITIES: Final[Chromaticities] = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE_RGB_CHROMATICITIES: Final[Chromaticities] = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
ADOBE_RGB_GAMMA: Final = 563 / 256

_SRGB_CURVE: Final = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

_D50: Final[Vector] = (0.9642, 1.0, 0.8249)
_BRADFORD: Final[Matrix] = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def rgb_profile(chromaticities: Chromaticities, *, gamma: float | None) -> bytes | None:
    """The ICC profile of an RGB space. A ``gamma`` of None is the curve of sRGB. None for chromaticities of no colour space."""
    try:
        white, *primaries = (_xyz(x, y) for x, y in zip(chromaticities[::2], chromaticities[1::2], strict=True))
        red, green, blue = primaries
        columns = _transposed((red, green, blue))
        shares = _product(_inverse(columns), white)
        adaptation = _adaptation(white)
        scaled = [tuple(part * share for part in column) for column, share in zip(primaries, shares, strict=True)]
        adapted = [_product(adaptation, (column[0], column[1], column[2])) for column in scaled]
        curve = struct.pack(">4sIHHi", b"para", 0, 0, 0, _fixed(gamma)) if gamma else _srgb_curve()
        tags = {b"wtpt": _point(_D50), b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
        tags |= {name: _point(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted, strict=True)}
    except (ZeroDivisionError, struct.error):
        return None
    return _file(tags)


def _file(tags: dict[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12s4s28x3i",
        start + len(body),
        b"",
        0x04400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        b"",
        b"acsp",
        *map(_fixed, _D50),
    )
    return header.ljust(128, b"\0") + table + body


def _xyz(x: float, y: float) -> Vector:
    return x / y, 1.0, (1 - x - y) / y


def _adaptation(white: Vector) -> Matrix:
    source, target = _product(_BRADFORD, white), _product(_BRADFORD, _D50)
    scale: Matrix = ((target[0] / source[0], 0, 0), (0, target[1] / source[1], 0), (0, 0, target[2] / source[2]))
    return _chained(_inverse(_BRADFORD), _chained(scale, _BRADFORD))


def _product(matrix: Matrix, vector: Vector) -> Vector:
    first, second, third = (sum(left * right for left, right in zip(row, vector, strict=True)) for row in matrix)
    return first, second, third


def _chained(left: Matrix, right: Matrix) -> Matrix:
    first, second, third = (_product(left, column) for column in _transposed(right))
    return _transposed((first, second, third))


def _transposed(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return (a, d, g), (b, e, h), (c, f, i)


def _inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    rows: Matrix = (
        ((e * i - f * h) / determinant, (c * h - b * i) / determinant, (b * f - c * e) / determinant),
        ((f * g - d * i) / determinant, (a * i - c * g) / determinant, (c * d - a * f) / determinant),
        ((d * h - e * g) / determinant, (b * g - a * h) / determinant, (a * e - b * d) / determinant),
    )
    return rows


def _fixed(value: float) -> int:
    return round(value * 65_536)


def _point(vector: Vector) -> bytes:
    return struct.pack(">4sI3i", b"XYZ ", 0, *map(_fixed, vector))


def _srgb_curve() -> bytes:
    return struct.pack(">4sIHH5i", b"para", 0, 3, 0, *map(_fixed, _SRGB_CURVE))
