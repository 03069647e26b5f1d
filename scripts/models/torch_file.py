"""Read the tensors of a PyTorch file without PyTorch, and without running what a pickle may ask for.

Files of ``torch.save`` before version 1.6 are a row of pickles and then raw numbers: a magic number, the version of the protocol, the
properties of the machine, the tensors by name (which refer to storages by key), the keys of the storages, and for each key, in
this order, the count of its values and the values. The format is described by ``torch/serialization.py`` of PyTorch.
"""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import ModelError

Tensors = Mapping[str, NDArray[Any]]

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL: Final = 1001


@dataclass(frozen=True, slots=True)
class _Storage:
    dtype: np.dtype[Any]
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor: a window on a storage. ``offset`` and ``strides`` count values."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_tensors(path: Path) -> Tensors:
    """The tensors of a saved state dictionary by name, read-only. Raises ``ModelError`` where the file is anything else."""
    try:
        with path.open("rb") as file:
            if _load(file) != _MAGIC or _load(file) != _PROTOCOL or not _load(file)["little_endian"]:
                raise ValueError("it has another format")
            views = _load(file)
            storages = {key: _read_storage(file, key, views) for key in _load(file)}
        return {name: _tensor(view, storages[view.storage.key]) for name, view in views.items()}
    except (OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, pickle.UnpicklingError) as error:
        raise ModelError(f"{path} cannot be read as PyTorch's weights ({error}).") from error


class _Unpickler(pickle.Unpickler):
    """Unpickles tensors only: every other name that a pickle refers to is refused."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None

    def persistent_load(self, reference: Any) -> _Storage:
        kind, dtype, key, _device, count, whole = reference
        if kind != "storage" or whole is not None:
            raise pickle.UnpicklingError("it refers to something other than a storage")
        return _Storage(dtype, key, count)


def _view(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_gradient: Any) -> _View:
    return _View(storage, offset, shape, strides)


_ALLOWED: Final[dict[tuple[str, str], Any]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _view,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
}


def _load(file: BinaryIO) -> Any:
    return _Unpickler(file).load()


def _read_storage(file: BinaryIO, key: str, views: Mapping[str, _View]) -> NDArray[Any]:
    storage = next(view.storage for view in views.values() if view.storage.key == key)
    count = int.from_bytes(file.read(8), "little")
    data = file.read(count * storage.dtype.itemsize)
    if count != storage.count or len(data) != count * storage.dtype.itemsize:
        raise EOFError("it is incomplete")
    return np.frombuffer(data, storage.dtype)


def _tensor(view: _View, values: NDArray[Any]) -> NDArray[Any]:
    last = view.offset + sum((side - 1) * stride for side, stride in zip(view.shape, view.strides, strict=True))
    if min((view.offset, *view.shape, *view.strides), default=0) < 0 or last >= len(values):
        raise ValueError("a tensor exceeds its storage")
    strides = [stride * values.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(values[view.offset :], view.shape, strides, writeable=False)
