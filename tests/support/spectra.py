"""Embeddings as models make them, and as none should: float32 (rows, dimensions), the same in every run."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from scipy.fft import dct
from sklearn.decomposition import PCA

from lookalike.codes.rotation import Rotation, rotation_of

Vectors = npt.NDArray[np.float32]


def unit(vectors: npt.NDArray[np.float64]) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def isotropic(seed: int, rows: int, dimensions: int) -> Vectors:
    """Of unit length, alike in all directions."""
    return unit(np.random.default_rng(seed).standard_normal((rows, dimensions)))


def power_law(seed: int, rows: int, dimensions: int) -> Vectors:
    """Variances that fall as trained embeddings' do, along directions that are not the coordinates'."""
    spread = np.random.default_rng(0).choice([-1, 1], dimensions) * np.arange(1, dimensions + 1) ** -0.75
    return unit(dct(np.random.default_rng(seed).standard_normal((rows, dimensions)) * spread, norm="ortho"))


def clustered(seed: int, rows: int, dimensions: int) -> Vectors:
    """Tight clusters: many rows are nearly as far from a query as the nearest."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((8, dimensions))
    return unit(centres[rng.integers(8, size=rows)] + 0.01 * rng.standard_normal((rows, dimensions)))


def sparse(seed: int, rows: int, dimensions: int) -> Vectors:
    """Not negative, mostly zero and not of unit length, as after a ReLU."""
    return np.maximum(np.random.default_rng(seed).standard_normal((rows, dimensions)) - 1, 0).astype(np.float32) * 30


def far_from_unit(seed: int, rows: int, dimensions: int) -> Vectors:
    """Norms from a thousandth to a thousand: in float32 the long ones' products are off by more than the short are long."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((rows, dimensions)) * 10.0 ** rng.uniform(-3, 3, (rows, 1))).astype(np.float32)


def shifted(seed: int, rows: int, dimensions: int) -> Vectors:
    """Far from the origin and close to each other: differences of dot products cancel to noise."""
    return (100.0 + np.random.default_rng(seed).standard_normal((rows, dimensions)) / 100).astype(np.float32)


def all_equal(seed: int, rows: int, dimensions: int) -> Vectors:
    return np.repeat(isotropic(seed, 1, dimensions), rows, axis=0)


def zero(seed: int, rows: int, dimensions: int) -> Vectors:
    return np.zeros((rows, dimensions), np.float32)


def tiny(seed: int, rows: int, dimensions: int) -> Vectors:
    """Float32 holds neither their squares nor what a sum of those loses."""
    return isotropic(seed, rows, dimensions) * np.float32(2.0**-72)


def subnormal(seed: int, rows: int, dimensions: int) -> Vectors:
    """With a few bits left of each number."""
    return isotropic(seed, rows, dimensions) * np.float32(2.0**-140)


def huge(seed: int, rows: int, dimensions: int) -> Vectors:
    """Float32 holds neither their squares nor most differences."""
    return isotropic(seed, rows, dimensions) * np.float32(3e38)


WELL_BEHAVED: Mapping[str, Callable[[int, int, int], Vectors]] = {
    make.__name__: make for make in (isotropic, power_law, clustered, sparse, shifted)
}
EVERY = WELL_BEHAVED | {make.__name__: make for make in (far_from_unit, all_equal, zero, tiny, subnormal, huge)}


def fitted(vectors: Vectors, coordinates: int) -> Rotation:
    """The first principal components of these rows by scikit-learn."""
    found = PCA(n_components=coordinates, svd_solver="full").fit(vectors.astype(np.float64))
    return rotation_of(found.mean_.astype(np.float32), np.ascontiguousarray(found.components_, np.float32))


def inexact(vectors: Vectors, coordinates: int, *, by: float = 1e-3) -> Rotation:
    """The same with noise on the matrix, which its measured defect tells."""
    exact = fitted(vectors, coordinates)
    noise = np.random.default_rng(0).standard_normal(exact.matrix.shape)
    return rotation_of(exact.mean.copy(), (exact.matrix + by * noise / np.linalg.norm(noise)).astype(np.float32))
