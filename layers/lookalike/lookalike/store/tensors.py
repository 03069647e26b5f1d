"""The byte format of every binary object: safetensors, written and read here so that we choose the layout.

A file is an 8-byte little-endian header length, a JSON header ``{name: {dtype, shape, data_offsets}}``, and the raw
tensors one after another (https://github.com/huggingface/safetensors, "Format"). The library's own writer sorts tensors
by dtype; a ranged read of "the columns for scanning" needs them side by side, in the order given.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject

_DTYPES = {
    "U8": np.uint8,
    "I8": np.int8,
    "U32": np.uint32,
    "U64": np.uint64,
    "F32": np.float32,
    "F64": np.float64,
}
_NAMES = {np.dtype(dtype): name for name, dtype in _DTYPES.items()}
_LENGTH_BYTES = 8
MAX_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """The type, shape and place of a tensor. ``start`` and ``end`` are offsets in the whole file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a file, read from its first bytes."""

    metadata: Mapping[str, str]
    tensors: Mapping[str, TensorInfo]


def encode(tensors: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """The file's bytes, the tensors laid out in the mapping's order."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    parts, offset = [], 0
    for name, tensor in tensors.items():
        data = np.asarray(tensor, order="C")
        header[name] = {
            "dtype": _NAMES[data.dtype],
            "shape": list(data.shape),
            "data_offsets": [offset, offset + data.nbytes],
        }
        parts.append(data.data.cast("B") if data.size else b"")
        offset += data.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)  # tensors start aligned
    return b"".join([len(text).to_bytes(_LENGTH_BYTES, "little"), text, *parts])


def header_size(first_bytes: bytes | memoryview) -> int:
    """The bytes of the length and the header together, from the first 8 bytes. Raises CorruptObject."""
    if len(first_bytes) < _LENGTH_BYTES:
        raise CorruptObject("the object is too short to be a tensor file")
    length = int.from_bytes(first_bytes[:_LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        raise CorruptObject(f"a tensor file's header of {length} bytes is too long")
    return _LENGTH_BYTES + length


def decode_header(data: bytes | memoryview) -> Header:
    """The header, from at least the first ``header_size`` bytes of the file. Raises CorruptObject."""
    end = header_size(data)
    if len(data) < end:
        raise CorruptObject("the object ends inside its header")
    try:
        fields = json.loads(bytes(data[_LENGTH_BYTES:end]))
        metadata = fields.pop("__metadata__", {})
        if not all(isinstance(value, str) for value in metadata.values()):
            raise CorruptObject("the tensor file's metadata is not text")
        tensors = {name: _tensor_info(name, field, end) for name, field in fields.items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptObject(f"the tensor file's header is not valid: {error!r}") from error
    return Header(metadata, tensors)


def _tensor_info(name: str, field: Mapping[str, Any], header_end: int) -> TensorInfo:
    dtype, shape = np.dtype(_DTYPES[field["dtype"]]), tuple(field["shape"])
    start, end = field["data_offsets"]
    if not all(type(number) is int and number >= 0 for number in (*shape, start, end)):
        raise CorruptObject(f"the place or the shape of tensor {name} is not made of natural numbers")
    if end - start != dtype.itemsize * math.prod(shape):
        raise CorruptObject(f"tensor {name} does not fill its place in the file")
    return TensorInfo(dtype, shape, header_end + start, header_end + end)


def view(info: TensorInfo, data: bytes | memoryview, *, data_start: int = 0) -> npt.NDArray[Any]:
    """The tensor, read-only and without a copy, from bytes that begin at offset ``data_start`` of the file.

    Raises CorruptObject where they do not hold it.
    """
    start = info.start - data_start
    if start < 0 or info.end - data_start > len(data):
        raise CorruptObject("the object ends inside a tensor")
    try:
        return np.frombuffer(data, info.dtype, math.prod(info.shape), start).reshape(info.shape)
    except (ValueError, OverflowError) as error:  # an empty tensor may claim sides of any length
        raise CorruptObject(f"a tensor cannot have the shape {info.shape}") from error
