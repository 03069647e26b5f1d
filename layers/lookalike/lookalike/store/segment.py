"""Segments: immutable sets of rows, and the file of a log segment.

Rows are sorted by the hash of their key, with at most one row per key. The columns that decide which row is newest come
first and the bulky ones (embeddings, metadata) last, so that a reader can fetch the first alone by a ranged GET:

    key_hash      U8  (rows, 16)       blake2b of the image key; rows ascend by it
    order         U8  (rows, 32)       see ``records``
    product_hash  U8  (rows, 16)
    key_end       U64 (rows,)          end of the row's key in ``keys``
    detail_end    U64 (rows,)          end of the row's detail in ``details``
    op            U32 (rows,)          ``records.Op``
    embedding     F32 (puts, dims)     the puts only, in row order
    keys          U8  (bytes,)         "product id NUL key" of every row, UTF-8
    details       U8  (bytes,)         JSON of every row

Hashes are stored because NumPy sorts, searches and compares byte columns of fixed width at once. NumPy sees them as ``S16``
and ``S32``, and ignores trailing zero bytes when it compares; in columns of fixed width that changes no result.
"""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.codes.parted import PartedCodes, encode_parts, plain_frames
from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.layout import Layout
from lookalike.store import tensors
from lookalike.store.columns import HASH_COLUMNS, Columns, decode_header, read, read_layout, stored
from lookalike.store.records import ORDER_BYTES, Op, Row
from lookalike.store.rows import SEPARATOR, Embeddings, Hashes, Rows, copy_rows

FORMAT = "lookalike-log-segment/1"


@dataclass(frozen=True)
class Segment(Rows):
    """Rows in memory, all of them and in full.

    embedding: float32 (puts, dimensions), in row order; keys, details: bytes of all rows, each row ending at key_end,
    detail_end (uint64, (rows,)).
    """

    layout: Layout
    key_hash: Hashes
    order: Hashes
    product_hash: Hashes
    key_end: npt.NDArray[np.uint64]
    detail_end: npt.NDArray[np.uint64]
    op: npt.NDArray[np.uint32]
    embedding: npt.NDArray[np.float32]
    keys: npt.NDArray[np.uint8]
    details: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            getattr(self, name).flags.writeable = False

    @cached_property
    def put_rows(self) -> npt.NDArray[np.int64]:
        """The rows that are puts, one for each row of ``embedding``. int64 (puts,)."""
        return np.flatnonzero(self.is_put)

    @cached_property
    def codes(self) -> PartedCodes:
        """The scan tier, made at the first use."""
        return encode_parts(self.embedding, self.layout, plain_frames(self.embedding, self.layout))

    @property
    def is_resident(self) -> bool:
        return True

    def start_reading(self, puts: npt.NDArray[np.int64]) -> Callable[[Embeddings], None]:
        """See ``Rows``. The function waits for nothing."""
        return partial(copy_rows, self.embedding, puts)

    def key_bytes(self, row: int) -> bytes:
        return _slice(self.keys, self.key_end, row)

    def detail_bytes(self, row: int) -> bytes:
        return _slice(self.details, self.detail_end, row)

    def take(self, rows: npt.NDArray[np.int64]) -> "Segment":
        """A segment of these rows (indices, in ascending order)."""
        puts = rows[self.is_put[rows]]
        keys, key_end = _take_bytes(self.keys, self.key_end, rows)
        details, detail_end = _take_bytes(self.details, self.detail_end, rows)
        return Segment(
            layout=self.layout,
            key_hash=self.key_hash[rows],
            order=self.order[rows],
            product_hash=self.product_hash[rows],
            key_end=key_end,
            detail_end=detail_end,
            op=self.op[rows],
            embedding=self.embedding[self.put_index[puts]],
            keys=keys,
            details=details,
        )


def _slice(data: npt.NDArray[np.uint8], end: npt.NDArray[np.uint64], row: int) -> bytes:
    start = int(end[row - 1]) if row else 0
    return data[start : int(end[row])].tobytes()


def _take_bytes(
    data: npt.NDArray[np.uint8], end: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint64]]:
    ends = end.astype(np.int64)
    starts = np.concatenate([[0], ends[:-1]])[rows] if len(ends) else ends
    lengths = ends[rows] - starts
    new_end = np.cumsum(lengths)
    # The place of each byte in the old data is its place in the new data, shifted by the move of its row.
    shift = np.repeat(starts - (new_end - lengths), lengths)
    taken = data[np.arange(len(shift)) + shift]
    return taken, new_end.astype(np.uint64)


def from_rows(rows: Iterable[Row], layout: Layout) -> Segment:
    """A segment of these rows; of several rows of one key, the newest.

    Raises ValueError where an embedding has another width or is not finite: it could be neither searched nor removed.
    """
    newest: dict[str, Row] = {}
    for row in rows:
        if row.key not in newest or newest[row.key].order < row.order:
            newest[row.key] = row
    ordered = sorted(newest.values(), key=lambda row: text_hash(row.key))
    embeddings = [row.embedding for row in ordered if row.embedding is not None]
    names = [f"{row.product_id}{SEPARATOR}{row.key}".encode() for row in ordered]
    details = [json.dumps(dict(row.detail), ensure_ascii=False).encode() for row in ordered]
    matrix = np.array(embeddings, np.float32) if embeddings else np.empty((0, layout.dimensions), np.float32)
    if matrix.shape[1] != layout.dimensions:
        raise ValueError(f"embeddings of {matrix.shape[1]} dimensions in a store of {layout.dimensions}")
    if not np.isfinite(matrix).all():
        raise ValueError("an embedding is not finite")
    return Segment(
        layout=layout,
        key_hash=np.array([text_hash(row.key) for row in ordered], f"S{HASH_BYTES}"),
        order=np.array([row.order for row in ordered], f"S{ORDER_BYTES}"),
        product_hash=np.array([text_hash(row.product_id) for row in ordered], f"S{HASH_BYTES}"),
        key_end=np.cumsum([len(name) for name in names], dtype=np.uint64),
        detail_end=np.cumsum([len(detail) for detail in details], dtype=np.uint64),
        op=np.array([row.op for row in ordered], np.uint32),
        embedding=matrix,
        keys=np.frombuffer(b"".join(names), np.uint8),
        details=np.frombuffer(b"".join(details), np.uint8),
    )


def merge(segments: Sequence[Segment]) -> Segment:
    """One segment of the newest row of each key. Rows with equal keys and orders are one event, and one of them stays."""
    if len(segments) == 1:
        return segments[0]
    joined = concatenate(segments)
    by_age = np.lexsort((joined.order, joined.key_hash))
    keys = joined.key_hash[by_age]
    last_of_key = np.append(keys[1:] != keys[:-1], True) if len(keys) else np.zeros(0, bool)
    return joined.take(by_age[last_of_key])


def concatenate(segments: Sequence[Segment]) -> Segment:
    """All rows of all segments in the given order; as they are not sorted, they must not be stored.

    The default weights are those of the last segment. Raises CorruptObject where segments have other parts.
    """
    layout = segments[-1].layout
    for other in segments:
        if not layout.has_parts_of(other.layout):
            raise CorruptObject(f"the segments of one store have embeddings of {other.layout} and of {layout}")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(segment, name) for segment in segments])
        for name in ("key_hash", "order", "product_hash", "op", "embedding", "keys", "details")
    }
    for end, data in (("key_end", "keys"), ("detail_end", "details")):
        sizes = np.array([len(getattr(segment, data)) for segment in segments], np.uint64)
        bases = np.cumsum(sizes, dtype=np.uint64) - sizes
        columns[end] = np.concatenate(
            [getattr(segment, end) + base for segment, base in zip(segments, bases, strict=True)]
        )
    return Segment(layout=layout, **columns)


_COLUMNS: Columns = {
    "key_hash": (np.uint8, 2),
    "order": (np.uint8, 2),
    "product_hash": (np.uint8, 2),
    "key_end": (np.uint64, 1),
    "detail_end": (np.uint64, 1),
    "op": (np.uint32, 1),
    "embedding": (np.float32, 2),
    "keys": (np.uint8, 1),
    "details": (np.uint8, 1),
}


def row_bytes(segment: Segment) -> npt.NDArray[np.int64]:
    """The bytes of each row in a file, without the file's header. int64 (rows,)."""
    sizes: npt.NDArray[np.int64] = segment.is_put * np.int64(segment.dimensions * segment.embedding.itemsize)
    sizes += sum(HASH_COLUMNS.values())
    sizes += segment.op.itemsize
    for end in (segment.key_end, segment.detail_end):
        ends = end.astype(np.int64)
        sizes += ends + end.itemsize
        sizes[1:] -= ends[:-1]
    return sizes


def encode(segment: Segment) -> bytes:
    """The file's bytes. A random id makes every file unlike every other, which ``create`` relies on."""
    columns = {name: stored(name, getattr(segment, name)) for name in _COLUMNS}
    return tensors.encode(columns, {"format": FORMAT, "id": uuid.uuid4().hex, "layout": str(segment.layout)})


def decode(data: bytes | memoryview) -> Segment:
    """The segment in these bytes, without a copy: it keeps them. Raises CorruptObject where the columns do not fit together."""
    header = decode_header(data, FORMAT, _COLUMNS)
    if max(info.end for info in header.tensors.values()) != len(data):
        raise CorruptObject("the segment is longer than its columns")
    layout = read_layout(header, "embedding")
    return checked(Segment(layout, **{name: read(header, name, data) for name in _COLUMNS}))


def checked(segment: Segment) -> Segment:
    """The segment itself, if its columns fit together. Raises CorruptObject."""
    rows = len(segment)
    if any(
        len(getattr(segment, name)) != rows for name in ("key_hash", "order", "product_hash", "key_end", "detail_end")
    ):
        raise CorruptObject("the columns of the segment are not of one length")
    for end, data in ((segment.key_end, segment.keys), (segment.detail_end, segment.details)):
        if np.any(end[1:] < end[:-1]) or int(end[-1] if rows else 0) != len(data):
            raise CorruptObject("row offsets do not cover the data")
    if np.any(segment.op > max(Op)) or int(np.count_nonzero(segment.is_put)) != len(segment.embedding):
        raise CorruptObject("the segment does not have one embedding for each put")
    if np.any(segment.key_hash[1:] <= segment.key_hash[:-1]):
        raise CorruptObject("the rows of the segment do not ascend by the hash of their keys")
    if not np.isfinite(segment.embedding).all():
        raise CorruptObject("an embedding is not finite")
    return segment
