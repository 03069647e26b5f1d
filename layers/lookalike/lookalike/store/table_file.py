"""The file of a table of product data.

    about    U8  (bytes,)    JSON, deflated: the metadata, the number of rows, name and kind of each column, sizes of the streams
    end      U64 (chunks,)   the end of each chunk
    chunk    U8  (bytes,)    the streams (``streams``), in deflated chunks
    check    U32 (1,)        the check (``damage``) of all bytes before it

The streams of the ids come first, then those of each column:

    number   the numbers, NaN where a row has none
    text     the code of each row plus 1, 0 where it has none; the lengths of the texts; the texts as UTF-8
    list     the length of each row's list; codes plus 1; the lengths of the texts; the texts

Hashes are not stored. They are made of the ids again, so they are always the right ones. The same table and metadata give the
same bytes. A reader finds damage by the check, and then sees that the columns fit together. It does not look for equal texts in a
column: that would take as long as the rest, and no writer has them.
"""

import codecs
import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES, hashes_of
from lookalike.store import chunks, columns, tensors
from lookalike.store.damage import check_of, verify
from lookalike.store.streams import Stream, StreamReader, StreamWriter
from lookalike.tables.columns import is_in_order_of_use
from lookalike.tables.names import comparable
from lookalike.tables.table import Column, Kind, ListColumn, NumberColumn, Table, TextColumn
from lookalike.tables.texts import Texts

FORMAT = "lookalike-table/1"
_CHECK_BYTES = 4
_DECODED_AT_ONCE_BYTES = 1 << 20

_COLUMNS: columns.Columns = {
    "about": (np.uint8, 1),
    "end": (np.uint64, 1),
    "chunk": (np.uint8, 1),
    "check": (np.uint32, 1),
}


def encode(table: Table, metadata: Mapping[str, str]) -> bytes:
    """The file's bytes."""
    writer = StreamWriter()
    _add_texts(writer, table.ids)
    for column in table.columns.values():
        _add_column(writer, column)
    about = {
        "metadata": dict(metadata),
        "rows": len(table),
        "columns": [(name, column.kind) for name, column in table.columns.items()],
        "streams": writer.sizes,
    }
    chunk, end = chunks.join(writer.chunks)
    writer.chunks.clear()
    tensors_of: dict[str, npt.NDArray[Any]] = {
        "about": np.frombuffer(chunks.deflate(json.dumps(about).encode()), np.uint8),
        "end": end,
        "chunk": chunk,
        "check": np.zeros(1, np.uint32),
    }
    del chunk
    unchecked = memoryview(tensors.encode(tensors_of, {"format": FORMAT}))[:-_CHECK_BYTES]
    tensors_of.clear()  # a file of a million products takes 80 MB, and is in memory twice, not four times
    return b"".join([unchecked, check_of(unchecked).to_bytes(_CHECK_BYTES, "little")])


def decode(data: bytes | memoryview) -> tuple[Table, dict[str, str]]:
    """The table and the metadata in these bytes. Raises CorruptObject where they are not those that were written."""
    checked, check = memoryview(data)[:-_CHECK_BYTES], memoryview(data)[-_CHECK_BYTES:]
    verify(checked, [int.from_bytes(check, "little")], max(len(checked), 1))
    header = columns.decode_header(data, FORMAT, _COLUMNS)
    deflated = chunks.split(columns.read(header, "chunk", data), columns.read(header, "end", data))
    try:
        about = json.loads(chunks.inflate(columns.read(header, "about", data)))
        rows, kinds = int(about["rows"]), [(str(name), Kind(kind)) for name, kind in about["columns"]]
        metadata = {str(name): str(value) for name, value in about["metadata"].items()}
        sizes = about["streams"]
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise CorruptObject(f"the table does not say what it holds: {error!r}") from error
    if len({comparable(name) for name, _ in kinds}) != len(kinds):
        raise CorruptObject("the table has two columns of one attribute")
    reader = StreamReader(sizes, deflated)
    ids = _read_texts(reader)
    hashes = _hashes(ids)
    if len(ids) != rows:
        raise CorruptObject("the table does not have one product for each row")
    held = {name: _read_column(reader, kind, rows) for name, kind in kinds}
    reader.end()
    if (hashes[1:] <= hashes[:-1]).any():
        raise CorruptObject("the products of the table do not ascend by the hashes of their ids")
    return Table(hashes, ids, held), metadata


def _add_texts(writer: StreamWriter, texts: Texts) -> None:
    writer.add(texts.lengths.astype(np.uint64))
    writer.add(texts.data)


def _add_column(writer: StreamWriter, column: Column) -> None:
    if isinstance(column, NumberColumn):
        writer.add(column.numbers)
        return
    if isinstance(column, ListColumn):
        writer.add(np.diff(column.starts).astype(np.uint64))
    writer.add((column.codes + 1).astype(np.uint32))
    _add_texts(writer, column.texts)


def _read_column(reader: StreamReader, kind: Kind, rows: int) -> Column:
    if kind is Kind.NUMBER:
        numbers = reader.numbers()
        if len(numbers) != rows or np.isinf(numbers).any():
            raise CorruptObject("a column of the table does not have one number for each row")
        return NumberColumn(numbers)
    starts = _starts(reader.integers()) if kind is Kind.LIST else np.arange(rows + 1)
    stored, texts = reader.integers(), _read_texts(reader)
    if len(starts) != rows + 1 or len(stored) != starts[-1]:
        raise CorruptObject("a column of the table does not have one value for each row")
    if stored.max(initial=0) > len(texts) or (kind is Kind.LIST and not stored.all()):
        raise CorruptObject("a column of the table has a code without a text")
    codes = stored.astype(np.int32) - np.int32(1)
    if not is_in_order_of_use(codes, len(texts)):
        raise CorruptObject("a column of the table has texts in another order than its rows")
    return ListColumn(starts, codes, texts) if kind is Kind.LIST else TextColumn(codes, texts)


def _read_texts(reader: StreamReader) -> Texts:
    starts, data = _starts(reader.integers()), reader.integers()
    if data.dtype != np.uint8 or starts[-1] != len(data):
        raise CorruptObject("the lengths of the table's texts do not cover them")
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), _DECODED_AT_ONCE_BYTES):
            decoder.decode(data[start : start + _DECODED_AT_ONCE_BYTES].tobytes())
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise CorruptObject(f"a text of the table is not UTF-8: {error}") from error
    if (data[starts[:-1][np.diff(starts) > 0]] & 0xC0 == 0x80).any():
        raise CorruptObject("a text of the table begins inside a character")
    return Texts(data, starts)


def _hashes(ids: Texts) -> npt.NDArray[np.bytes_]:
    whole = ids.data.tobytes()
    hashes = hashes_of(whole[start:end] for start, end in pairwise(ids.starts.tolist()))
    return np.frombuffer(hashes, f"S{HASH_BYTES}")


def _starts(lengths: Stream) -> npt.NDArray[np.int64]:
    """Where each of so many items begins, and the last one ends. Raises CorruptObject where together they are too long."""
    if lengths.sum(dtype=np.float64) > 1 << 40:
        raise CorruptObject("the lengths of the table are out of range")
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
