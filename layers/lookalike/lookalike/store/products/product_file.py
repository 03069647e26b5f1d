"""The byte format of product data: the states of data files, and one table.

A log segment has the state of one data file and its table, which is empty where the file has none. A merged object has the states of
all files, and the table that they make together. A pack is log segments one after the other, byte for byte.
"""

import json
import uuid
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from lookalike.errors import CorruptObject
from lookalike.feeds.reports import BadRow
from lookalike.store import table_file, tensors
from lookalike.store.products.data_file import FileState
from lookalike.store.records import Op
from lookalike.tables.table import Table

FORMAT = "lookalike-product-data/1"
_COLUMNS = ("states", "table")


def encode(states: Sequence[FileState], table: Table) -> bytes:
    """The file's bytes, unlike any other's."""
    text = json.dumps([_fields(state) for state in states], ensure_ascii=False, separators=(",", ":"))
    return tensors.encode(
        {
            "states": np.frombuffer(zlib.compress(text.encode(), 1), np.uint8),
            "table": np.frombuffer(table_file.encode(table, {}), np.uint8),
        },
        {"format": FORMAT, "id": uuid.uuid4().hex},
    )


def decode_states(data: bytes | memoryview) -> tuple[FileState, ...]:
    """The states in these bytes. Raises CorruptObject."""
    packed = _column(data, "states")
    try:
        return tuple(map(_state, json.loads(zlib.decompress(packed))))
    except (zlib.error, ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorruptObject(f"the states of data files are not valid: {error!r}") from error


def decode_table(data: bytes | memoryview) -> Table:
    """The table in these bytes. Raises CorruptObject."""
    return table_file.decode(_column(data, "table"))[0]


def _column(data: bytes | memoryview, name: str) -> memoryview:
    header = tensors.decode_header(data)
    if header.metadata.get("format") != FORMAT:
        raise CorruptObject(f"not a {FORMAT} file but {header.metadata.get('format', 'one without a format')}")
    info = header.tensors.get(name)
    if info is None or info.dtype != np.uint8 or len(info.shape) != 1:
        raise CorruptObject(f"the file has no {name} of the right type")
    return tensors.view(info, data).data


def _fields(state: FileState) -> list[Any]:
    bad = [[row.line, row.product_id, row.code, row.detail] for row in state.bad]
    return [state.key, state.order.hex(), int(state.op), state.rows, state.bad_total, dict(state.detail), bad]


def _state(fields: list[Any]) -> FileState:
    key, order, op, rows, bad_total, detail, bad = fields
    return FileState(key, bytes.fromhex(order), Op(op), rows, tuple(BadRow(*row) for row in bad), bad_total, detail)
