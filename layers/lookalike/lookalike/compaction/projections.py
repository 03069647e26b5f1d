"""Sampled rows of one part of the embeddings in coordinates that calibration may choose: their own, or principal components.

Principal components have the largest variances first, and one step for all would be coarse for most of them. So the head is turned once
more, by a random rotation: its coordinates then have ranges alike, and its distances stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA

from lookalike.codes.rotation import Rotation, rotation_of

MOST_COORDINATES = 512

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Projection:
    """Rows in the coordinates of a rotation, or in their own where ``components`` is None.

    coordinates: float32 (rows, coordinates); squares: float64 (rows,), the squared length of a whole row; mean: float32
    (dimensions,); components: float32 (coordinates, dimensions).
    """

    coordinates: Floats
    squares: npt.NDArray[np.float64]
    mean: Floats
    components: Floats | None

    def outside(self, coordinates: int) -> Floats:
        """The length outside the first coordinates, float32 (rows,)."""
        inside = np.einsum(
            "ij,ij->i", self.coordinates[:, :coordinates], self.coordinates[:, :coordinates], dtype=np.float64
        )
        outside: Floats = np.sqrt(np.maximum(self.squares - inside, 0.0)).astype(np.float32)
        return outside

    def head(self, size: int, rows: int | None = None) -> Floats:
        """The coordinates of a head as they are coded, float32 (rows, size): of all rows, or the first."""
        head = self.coordinates[:rows, :size]
        return head if self.components is None else head @ _turn(size).T

    def rotation(self, coordinates: int, head: int) -> Rotation | None:
        """The rotation to so many coordinates, its head turned."""
        if self.components is None:
            return None
        matrix = self.components[:coordinates].copy()
        matrix[:head] = _turn(head) @ matrix[:head]
        return rotation_of(self.mean, matrix)


def projections(sample: Floats) -> Iterator[Projection]:
    """The coordinates to choose from for these rows of one part, float32 (rows, dimensions)."""
    dimensions = sample.shape[1]
    squares = np.square(sample, dtype=np.float64).sum(axis=1)
    yield Projection(sample, squares, np.zeros(dimensions, np.float32), None)
    if (sample == sample[0]).all():
        return  # equal rows have no principal components
    fitted = PCA(n_components=min(*sample.shape, MOST_COORDINATES), svd_solver="covariance_eigh").fit(sample)
    mean = fitted.mean_.astype(np.float32)
    components = np.ascontiguousarray(fitted.components_, np.float32)
    centred = sample - mean
    yield Projection(centred @ components.T, np.square(centred, dtype=np.float64).sum(axis=1), mean, components)


@lru_cache
def _turn(size: int) -> Floats:
    """A random rotation of so many coordinates, the same each time."""
    drawn = np.random.default_rng(size).standard_normal((size, size))
    return np.linalg.qr(drawn)[0].astype(np.float32)
