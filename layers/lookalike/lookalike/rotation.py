"""Rotations: an orthogonal change of coordinates that puts most of what tells embeddings apart into the first few.

A rotation is fitted at compaction by principal component analysis (``calibration``), stored once, and shared by many
segments. It has fewer rows than columns where the last coordinates are left out.
"""

import uuid
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike import tensors
from lookalike.errors import CorruptObject

FORMAT = "lookalike-rotation/1"
_COLUMNS = {"mean": 1, "matrix": 2}


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
    """A rotation with its defect measured."""
    wide = matrix.astype(np.float64)
    return Rotation(mean, matrix, float(np.linalg.norm(wide @ wide.T - np.eye(len(wide)))))


def encode(rotation: Rotation) -> bytes:
    """The file's bytes, unlike any other's."""
    return tensors.encode(
        {"mean": rotation.mean, "matrix": rotation.matrix},
        {"format": FORMAT, "id": uuid.uuid4().hex, "defect": rotation.defect.hex()},
    )


def decode(data: bytes) -> Rotation:
    """The rotation in these bytes, which it keeps and does not copy. Raises CorruptObject."""
    header = tensors.decode_header(data)
    if header.metadata.get("format") != FORMAT:
        raise CorruptObject(f"not a {FORMAT} file but {header.metadata.get('format', 'one without a format')}")
    for name, axes in _COLUMNS.items():
        info = header.tensors.get(name)
        if info is None or info.dtype != np.float32 or len(info.shape) != axes:
            raise CorruptObject(f"the rotation has no {name} as it should be")
    mean, matrix = (tensors.view(header.tensors[name], data) for name in _COLUMNS)
    try:
        rotation = Rotation(mean, matrix, float.fromhex(header.metadata["defect"]))
    except (KeyError, ValueError, OverflowError) as error:
        raise CorruptObject(f"the rotation does not say how exact it is: {error!r}") from error
    if rotation.mean.shape != (rotation.dimensions,) or not 0 <= rotation.defect < 0.5:
        raise CorruptObject("the rotation's matrix and mean do not fit together, or it is no rotation")
    return rotation
