"""Rotations as objects of the store: one file each, shared by the segments that were coded with it.

The name of a rotation has the check of its bytes (``names``).
"""

import uuid

import numpy as np

from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject
from lookalike.store import names, tensors
from lookalike.store.damage import undamaged
from lookalike.store.object_store import ObjectStore

FORMAT = "lookalike-rotation/1"
_COLUMNS = {"mean": 1, "matrix": 2}


def encode(rotation: Rotation) -> bytes:
    """The file's bytes, unlike any other's."""
    return tensors.encode(
        {"mean": rotation.mean, "matrix": rotation.matrix},
        {"format": FORMAT, "id": uuid.uuid4().hex, "defect": rotation.defect.hex()},
    )


def read(store: ObjectStore, name: str) -> Rotation:
    """A rotation of the store. Raises StoreError."""
    return undamaged(name, lambda: decode(names.verified(name, store.get(name))))


def decode(data: bytes) -> Rotation:
    """The rotation in these bytes, without a copy: it keeps them. Raises CorruptObject."""
    header = tensors.decode_header(data)
    if header.metadata.get("format") != FORMAT:
        raise CorruptObject(f"not a {FORMAT} file but {header.metadata.get('format', 'one without a format')}")
    for name, axes in _COLUMNS.items():
        info = header.tensors.get(name)
        if info is None or info.dtype != np.float32 or len(info.shape) != axes:
            raise CorruptObject(f"the rotation has no {name} of the right type")
    mean, matrix = (tensors.view(header.tensors[name], data) for name in _COLUMNS)
    try:
        rotation = Rotation(mean, matrix, float.fromhex(header.metadata["defect"]))
    except (KeyError, ValueError, OverflowError) as error:
        raise CorruptObject(f"the rotation does not say how exact it is: {error!r}") from error
    if not (np.isfinite(mean).all() and np.isfinite(matrix).all()):
        raise CorruptObject("the rotation has a number that is not finite")
    if rotation.mean.shape != (rotation.dimensions,) or not 0 <= rotation.defect < 0.5:
        raise CorruptObject("the rotation's matrix and mean do not fit together, or it is no rotation")
    return rotation
