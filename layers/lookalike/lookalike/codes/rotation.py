"""Rotations: an orthogonal change of coordinates that moves most of the variance into the first coordinates.

Compaction fits a rotation by principal component analysis (``calibration``), stores it once, and shares it between
segments. It has fewer rows than columns where the last coordinates are truncated.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Rotation:
    """z = matrix (x - mean), where the matrix's rows are nearly orthonormal.

    mean: float32 (dimensions,); matrix: float32 (coordinates, dimensions); defect: an upper bound of the spectral norm of
    matrix matrix^T - I.
    """

    mean: npt.NDArray[np.float32]
    matrix: npt.NDArray[np.float32]
    defect: float

    def __post_init__(self) -> None:
        self.mean.flags.writeable = False
        self.matrix.flags.writeable = False

    @property
    def dimensions(self) -> int:
        return int(self.matrix.shape[1])

    @property
    def coordinates(self) -> int:
        return int(self.matrix.shape[0])


def rotation_of(mean: npt.NDArray[np.float32], matrix: npt.NDArray[np.float32]) -> Rotation:
    """A rotation, its defect measured."""
    wide = matrix.astype(np.float64)
    return Rotation(mean, matrix, float(np.linalg.norm(wide @ wide.T - np.eye(len(wide)))))
