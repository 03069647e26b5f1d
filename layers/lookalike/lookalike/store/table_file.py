"""The file of a table of product data.

    about    U8  (bytes,)    JSON: the metadata, the number of rows, and the name, kind and streams of each column
    end      U64 (chunks,)   the end of each chunk
    chunk    U8  (bytes,)    the streams, in chunks of ``CHUNK_BYTES``, deflated where that pays
    check    U32 (1,)        the check (``damage``) of all bytes before it

A stream is an array of a column, or of the ids: the lengths and the bytes of texts, codes, numbers, the counts of lists. Its
items are stored in as few bytes as the largest needs, and all first bytes come first, then all second ones, as that deflates
better. Hashes are not stored: they are made of the ids again, and so they are always the right ones.

The same table and metadata give the same bytes.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.store import chunks, columns, tensors
from lookalike.store.damage import check_of, verify
from lookalike.tables.columns import is_in_order_of_use
from lookalike.tables.names import comparable
from lookalike.tables.table import MISSING, Column, Kind, ListColumn, NumberColumn, Table, TextColumn
from lookalike.tables.texts import Texts

FORMAT = "lookalike-table/1"
CHUNK_BYTES = 1 << 20
_CHECK_BYTES = 4

_COLUMNS: columns.Columns = {
    "about": (np.uint8, 1),
    "end": (np.uint64, 1),
    "chunk": (np.uint8, 1),
    "check": (np.uint32, 1),
}

Stream = npt.NDArray[Any]
"""uint8, unsigned integers, or float64: (items,)."""


def encode(table: Table, metadata: Mapping[str, str]) -> bytes:
    """The file's bytes."""
    streams = [*_text_streams(table.ids)]
    described = []
    for name, column in table.columns.items():
        streams += _streams(column)
        described.append([name, column.kind.value])
    packed = [_packed(stream) for stream in streams]
    about = {
        "metadata": dict(metadata),
        "rows": len(table),
        "columns": described,
        "streams": [[len(stream), width] for stream, (width, _) in zip(streams, packed, strict=True)],
    }
    chunk, end = chunks.join(_deflated(piece) for _, data in packed for piece in _pieces(data))
    tensors_of: dict[str, npt.NDArray[Any]] = {
        "about": np.frombuffer(chunks.deflate(json.dumps(about, ensure_ascii=False).encode()), np.uint8),
        "end": end,
        "chunk": chunk,
        "check": np.zeros(1, np.uint32),
    }
    unchecked = memoryview(tensors.encode(tensors_of, {"format": FORMAT}))[:-_CHECK_BYTES]
    return b"".join([unchecked, check_of(unchecked).to_bytes(_CHECK_BYTES, "little")])


def decode(data: bytes | memoryview) -> tuple[Table, dict[str, str]]:
    """The table and the metadata in these bytes. Raises CorruptObject where they are not those that were written."""
    whole = memoryview(data)
    verify(whole[:-_CHECK_BYTES], [int.from_bytes(whole[-_CHECK_BYTES:], "little")], max(len(whole), 1))
    header = columns.decode_header(data, FORMAT, _COLUMNS)
    try:
        about = json.loads(chunks.inflate(columns.read(header, "about", data)))
        metadata, rows, described, sizes = (about[name] for name in ("metadata", "rows", "columns", "streams"))
        found = chunks.split(columns.read(header, "chunk", data), columns.read(header, "end", data))
        streams = _read_streams(sizes, found)
        ids = _read_texts(streams)
        held: dict[str, Column] = {name: _read_column(Kind(kind), rows, streams) for name, kind in described}
        is_read = next(streams, None) is None
        metadata = {str(name): str(value) for name, value in metadata.items()}
    except (ValueError, LookupError, TypeError, AttributeError, StopIteration, OverflowError) as error:
        raise CorruptObject(f"the table does not say what it holds: {error!r}") from error
    if not is_read or len({comparable(name) for name in held}) != len(described):
        raise CorruptObject("the table has other columns than it says")
    hashes = np.array([text_hash(text) for text in ids], f"S{HASH_BYTES}")
    if len(ids) != rows or (hashes[1:] <= hashes[:-1]).any():
        raise CorruptObject("the products of the table do not ascend by the hashes of their ids")
    return Table(hashes, ids, held), metadata


def _text_streams(texts: Texts) -> Sequence[Stream]:
    return np.diff(texts.starts).astype(np.uint64), texts.data


def _streams(column: Column) -> Sequence[Stream]:
    if isinstance(column, NumberColumn):
        return (column.numbers,)
    codes = (column.codes + 1).astype(np.uint32)
    if isinstance(column, TextColumn):
        return codes, *_text_streams(column.texts)
    return np.diff(column.starts).astype(np.uint64), codes, *_text_streams(column.texts)


def _packed(stream: Stream) -> tuple[int, Stream]:
    """The number of bytes of an item, 0 for a float64, and the items: all first bytes, then all second ones."""
    if stream.dtype == np.float64:
        width, used = 0, 8
    else:
        width = used = max(1, (int(stream.max(initial=0)).bit_length() + 7) // 8)
    little = stream.astype(stream.dtype.newbyteorder("<"), copy=False)
    planes = little.view(np.uint8).reshape(len(stream), stream.itemsize)[:, :used]
    return width, np.ascontiguousarray(planes.T).reshape(-1)


def _pieces(data: Stream) -> Iterator[Stream]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def _deflated(piece: Stream) -> bytes:
    return chunks.deflate(piece)


def _read_streams(sizes: Any, found: Sequence[chunks.Bytes]) -> Iterator[Stream]:
    remaining = iter(found)
    for length, width in sizes:
        if type(length) is not int or type(width) is not int or length < 0 or not 0 <= width <= 8:
            raise CorruptObject("the table's streams have no sizes")
        used = width or 8
        planes = np.empty(length * used, np.uint8)
        for piece in _pieces(planes):
            inflated = chunks.inflate(next(remaining), len(piece))
            if len(inflated) != len(piece):
                raise CorruptObject("a chunk of the table is too short")
            piece[:] = np.frombuffer(inflated, np.uint8)
        if width == 1:
            yield planes
            continue
        items = np.zeros((length, 8), np.uint8)
        items[:, :used] = planes.reshape(used, length).T
        yield (
            items.reshape(-1)
            .view("<f8" if width == 0 else "<u8")
            .astype(np.float64 if width == 0 else np.uint64, copy=False)
        )
    if next(remaining, None) is not None:
        raise CorruptObject("the table has more chunks than streams")


def _read_texts(streams: Iterator[Stream]) -> Texts:
    lengths, data = next(streams), next(streams)
    starts = _starts(lengths)
    if data.dtype != np.uint8 or starts[-1] != len(data):
        raise CorruptObject("the lengths of the table's texts do not cover them")
    if (data[starts[:-1][lengths > 0]] & 0xC0 == 0x80).any():
        raise CorruptObject("a text of the table begins inside a character")
    data.tobytes().decode()
    return Texts(data, starts)


def _read_column(kind: Kind, rows: int, streams: Iterator[Stream]) -> Column:
    if kind is Kind.NUMBER:
        numbers = next(streams)
        if numbers.dtype != np.float64 or len(numbers) != rows or np.isinf(numbers).any():
            raise CorruptObject("a column of the table does not have one number for each row")
        return NumberColumn(numbers)
    starts = _starts(next(streams)) if kind is Kind.LIST else None
    stored = next(streams)
    if stored.dtype == np.float64 or len(stored) != (rows if starts is None else starts[-1]):
        raise CorruptObject("a column of the table does not have one code for each row")
    texts = _read_texts(streams)
    if stored.max(initial=0) > len(texts):
        raise CorruptObject("a column of the table has a code without a text")
    codes = stored.astype(np.int32) - np.int32(1)
    if not is_in_order_of_use(codes, len(texts)):
        raise CorruptObject("a column of the table has texts in another order than its rows")
    if starts is None:
        return TextColumn(codes, texts)
    if len(starts) != rows + 1 or (codes == MISSING).any():
        raise CorruptObject("a column of the table does not have one list for each row")
    return ListColumn(starts, codes, texts)


def _starts(lengths: Stream) -> npt.NDArray[np.int64]:
    """Where each of so many items begins, and the last one ends. Raises CorruptObject where together they are too long."""
    if lengths.dtype == np.float64 or float(lengths.sum(dtype=np.float64)) > 1 << 40:
        raise CorruptObject("the lengths of the table are out of range")
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
