"""Files of weights as ``torch.save`` wrote them before version 1.6, without PyTorch."""

import io
import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C


class Tensor:
    """Pickled as PyTorch pickles a tensor: a call that rebuilds it from a storage."""

    def __init__(self, key: str, array: np.ndarray) -> None:
        self.key, self.array = key, array


def write_torch_file(path: Path, tensors: Mapping[str, np.ndarray], *, magic: int = MAGIC, also: Any = None) -> Path:
    """Write tensors, and beside them something else that is no tensor, if ``also`` is given."""
    # PyTorch's own names, of which nothing more than the names is pickled.
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    utils._rebuild_tensor_v2 = _named(lambda *_: None, "torch._utils", "_rebuild_tensor_v2")  # type: ignore[attr-defined]
    for name in ("FloatStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    class Pickler(pickle.Pickler):
        def reducer_override(self, item: Any) -> Any:
            if not isinstance(item, Tensor):
                return NotImplemented
            kind = torch.FloatStorage if item.array.dtype == np.float32 else torch.LongStorage
            strides = tuple(stride // item.array.itemsize for stride in item.array.strides)
            storage = ("storage", kind, item.key, "cpu", item.array.size, None)
            return utils._rebuild_tensor_v2, (_Stored(storage), 0, item.array.shape, strides, False, OrderedDict())

        def persistent_id(self, item: Any) -> Any:
            return item.reference if isinstance(item, _Stored) else None

    arrays = {name: array if array.dtype == np.int64 else array.astype(np.float32) for name, array in tensors.items()}
    state: OrderedDict[str, Any] = OrderedDict((name, Tensor(f"key {name}", array)) for name, array in arrays.items())
    if also is not None:
        state["also"] = also
    file = io.BytesIO()
    with patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        for value in (magic, 1001, {"little_endian": True}, state, [f"key {name}" for name in arrays]):
            Pickler(file, protocol=2).dump(value)
    for array in arrays.values():
        file.write(array.size.to_bytes(8, "little") + array.tobytes("A"))
    path.write_bytes(file.getvalue())
    return path


class _Stored:
    def __init__(self, reference: tuple[Any, ...]) -> None:
        self.reference = reference


def _named(function: Any, module: str, name: str) -> Any:
    function.__module__, function.__qualname__, function.__name__ = module, name, name
    return function
