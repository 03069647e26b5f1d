"""Columns of a segment file: their types and layout, and the conversion of hashes to bytes and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES
from lookalike.layout import Layout
from lookalike.store import tensors
from lookalike.store.records import ORDER_BYTES

HASH_COLUMNS = {"key_hash": HASH_BYTES, "order": ORDER_BYTES, "product_hash": HASH_BYTES}

Columns = Mapping[str, tuple[type, int]]
"""Columns as they are stored, in order: dtype and number of axes."""


def stored(name: str, column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A column as the tensor that is stored: hashes as rows of bytes."""
    if name not in HASH_COLUMNS:
        return column
    return np.ascontiguousarray(column).view(np.uint8).reshape(len(column), HASH_COLUMNS[name])


def decode_header(data: bytes | memoryview, file_format: str, columns: Columns) -> tensors.Header:
    """The header of a file of that format. Raises CorruptObject for another format, or a column of another type."""
    header = tensors.decode_header(data)
    if header.metadata.get("format") != file_format:
        raise CorruptObject(f"not a {file_format} file but {header.metadata.get('format', 'one without a format')}")
    check(header, columns)
    return header


def check(header: tensors.Header, columns: Columns) -> None:
    """Raise CorruptObject where a file lacks one of these columns, or has one of another type."""
    for name, (dtype, axes) in columns.items():
        info = header.tensors.get(name)
        if info is None or info.dtype != dtype or len(info.shape) != axes:
            raise CorruptObject(f"the segment has no column {name} of the right type")
        if name in HASH_COLUMNS and info.shape[1] != HASH_COLUMNS[name]:
            raise CorruptObject(f"the column {name} has {info.shape[1]} bytes a row, not {HASH_COLUMNS[name]}")


def read_layout(header: tensors.Header, embedding: str) -> Layout:
    """The layout of the rows of the column ``embedding``. Raises CorruptObject where it is missing or does not fit them."""
    try:
        layout = Layout.parse(header.metadata["layout"])
    except (KeyError, ValueError) as error:
        raise CorruptObject(f"the segment does not say which parts its embeddings have: {error!r}") from error
    if header.tensors[embedding].shape[1:] != (layout.dimensions,):
        raise CorruptObject(f"the segment's embeddings have the shape {header.tensors[embedding].shape}, not {layout}")
    return layout


def read(header: tensors.Header, name: str, data: bytes | memoryview, data_start: int = 0) -> npt.NDArray[Any]:
    """A column, from bytes that begin at offset ``data_start`` of the file. Raises CorruptObject."""
    column = tensors.view(header.tensors[name], data, data_start=data_start)
    return column.reshape(-1).view(f"S{HASH_COLUMNS[name]}") if name in HASH_COLUMNS else column
