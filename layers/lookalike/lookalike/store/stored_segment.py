"""Segments as compaction writes them: what a search scans in front, the embeddings themselves behind.

    key_hash, order, product_hash, op     as in ``segment``, in row order
    put_row      U32 (puts,)              the row of each put, in the order of the columns that follow
    head_error, error, rest, tail         F32 (puts,): see ``codes``
    head_end, body_end, text_end  U64     where each chunk of the next three ends
    head, body   U8 (bytes,)              the codes, in chunks of ``CODED_AT_ONCE`` puts, deflated
    text         U8 (bytes,)              ids, keys and details, in chunks of ``TEXTS_AT_ONCE`` rows, deflated
    embedding    F32 (puts, dimensions)

A reader loads all but the embeddings, in parallel ranged reads, as the manifest says how many bytes that is; of the
embeddings it reads the rows a search cannot do without. Puts are kept in an order in which similar ones are neighbours, so
that those rows lie together and few reads fetch them.

Codes are deflated with Huffman coding alone: they have no repetitions to look for, and it is fast.
"""

import math
import struct
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import Codes, Frame
from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject
from lookalike.store import chunks, columns, segment, tensors
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op
from lookalike.store.rows import Embeddings, Hashes, Rows, copy_rows
from lookalike.store.segment import Segment

FORMAT = "lookalike-segment/1"
CODED_AT_ONCE = 4096
TEXTS_AT_ONCE = 32
NEAR_BYTES = 192 * 1024  # between two rows: it takes less time to read them than to ask twice
_READ_AT_ONCE_BYTES = 8 * 1024 * 1024
_FIRST_READ_BYTES = 16 * 1024  # the header, and the key hashes and orders of a small segment
_CHUNKS_KEPT = 16

_KEY_COLUMNS: columns.Columns = {"key_hash": (np.uint8, 2), "order": (np.uint8, 2)}
_LENGTHS = ("head_error", "error", "rest", "tail")
_COLUMNS: columns.Columns = {
    **_KEY_COLUMNS,
    "product_hash": (np.uint8, 2),
    "op": (np.uint32, 1),
    "put_row": (np.uint32, 1),
    **dict.fromkeys(_LENGTHS, (np.float32, 1)),
    "head_end": (np.uint64, 1),
    "body_end": (np.uint64, 1),
    "text_end": (np.uint64, 1),
    "head": (np.uint8, 1),
    "body": (np.uint8, 1),
    "text": (np.uint8, 1),
    "embedding": (np.float32, 2),
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A segment's file, and how many of its first bytes a search scans."""

    data: bytes
    scan_bytes: int


def encode(rows: Segment, codes: Codes, permutation: npt.NDArray[np.int64], rotation_name: str) -> Encoded:
    """The file of these rows.

    ``permutation``: int64 (puts,), which embedding comes first, second, ...; the ``codes`` are permuted already.
    ``rotation_name``: of the rotation in the codes' frame, empty where there is none.
    """
    head, head_end = chunks.join(
        chunks.deflate(np.ascontiguousarray(part), huffman_only=True) for part in _parts(codes.head)
    )
    body, body_end = chunks.join(
        chunks.deflate(np.ascontiguousarray(part), huffman_only=True) for part in _parts(codes.body)
    )
    text, text_end = chunks.join(chunks.deflate(_text(rows, start)) for start in range(0, len(rows), TEXTS_AT_ONCE))
    tensors_of = {
        name: columns.stored(name, getattr(rows, name)) for name in ("key_hash", "order", "product_hash", "op")
    }
    tensors_of |= {"put_row": rows.put_rows[permutation].astype(np.uint32)}
    tensors_of |= {name: getattr(codes, name) for name in _LENGTHS}
    tensors_of |= {"head_end": head_end, "body_end": body_end, "text_end": text_end}
    tensors_of |= {"head": head, "body": body, "text": text, "embedding": rows.embedding[permutation]}
    metadata = {
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        "step": codes.frame.step.hex(),
        "reach": codes.reach.hex(),
        "head": str(codes.frame.head),
        "coordinates": str(codes.matrix.shape[1]),
        "rotation": rotation_name,
    }
    data = tensors.encode(tensors_of, metadata)
    return Encoded(data, len(data) - rows.embedding.nbytes)


def decode(data: bytes | memoryview) -> Segment:
    """All rows of a segment of this format or of ``segment``'s. Raises CorruptObject."""
    if tensors.decode_header(data).metadata.get("format") == segment.FORMAT:
        return segment.decode(data)
    header = columns.decode_header(data, FORMAT, _COLUMNS)
    if max(info.end for info in header.tensors.values()) != len(data):
        raise CorruptObject("the segment is longer than its columns")
    op = columns.read(header, "op", data)
    deflated = chunks.split(columns.read(header, "text", data), columns.read(header, "text_end", data))
    texts = [_read_text(*pair) for pair in zip(deflated, _rows_of(deflated, len(op)), strict=True)]
    keys = [text.key(row) for text in texts for row in range(text.rows)]
    details = [text.detail(row) for text in texts for row in range(text.rows)]
    kept_at = _inverse(columns.read(header, "put_row", data), np.equal(op, Op.PUT))
    embedding = columns.read(header, "embedding", data)
    if len(embedding) != len(kept_at):
        raise CorruptObject("the segment does not have one embedding for each put")
    return segment.checked(
        Segment(
            **{name: columns.read(header, name, data) for name in columns.HASH_COLUMNS},
            key_end=_text_ends(keys),
            detail_end=_text_ends(details),
            op=op,
            embedding=embedding[kept_at],
            keys=np.frombuffer(b"".join(keys), np.uint8),
            details=np.frombuffer(b"".join(details), np.uint8),
        )
    )


def read_keys(store: ObjectStore, name: str) -> tuple[Hashes, Hashes]:
    """Only the key hashes, S16 (rows,), and orders, S32 (rows,), of a segment of either format. Raises StoreError."""
    first = store.get_range(name, 0, _FIRST_READ_BYTES)
    file_format = tensors.decode_header(first).metadata.get("format")
    header = columns.decode_header(first, FORMAT if file_format == FORMAT else segment.FORMAT, _KEY_COLUMNS)
    start, end = header.tensors["key_hash"].start, header.tensors["order"].end
    data = first[start:end] if end <= len(first) else store.get_range(name, start, end)
    keys, orders = (columns.read(header, column, data, start) for column in _KEY_COLUMNS)
    if len(keys) != len(orders):
        raise CorruptObject(f"the segment {name} has {len(keys)} keys and {len(orders)} orders")
    return keys, orders


class StoredSegment(Rows):
    """A segment whose scan tier is in memory and whose embeddings are in the store until they are made resident.

    ``scanned``: the first ``scan_bytes`` of the file, or all of it. ``rotation`` gives a rotation by name. ``pool`` runs the reads. Raises
    CorruptObject, and what ``rotation`` raises.
    """

    def __init__(
        self, store: ObjectStore, name: str, scanned: bytes, *, rotation: Callable[[str], Rotation], pool: Executor
    ) -> None:
        self._store, self._name, self._pool = store, name, pool
        header = columns.decode_header(scanned, FORMAT, _COLUMNS)

        def column(name: str) -> npt.NDArray[Any]:
            # A copy, so that what was read can go: deflated codes are most of it.
            copied = columns.read(header, name, scanned).copy()
            copied.flags.writeable = False
            return copied

        self.key_hash, self.order, self.product_hash = map(column, columns.HASH_COLUMNS)
        self.op = column("op")
        self._put_rows = column("put_row").astype(np.int64)
        self._put_rows.flags.writeable = False
        _inverse(self._put_rows, self.is_put)
        self._embedding = header.tensors["embedding"]
        if any(len(held) != len(self) for held in (self.key_hash, self.order, self.product_hash)):
            raise CorruptObject("the columns of the segment are not of one length")
        if np.any(self.op > max(Op)):
            raise CorruptObject("the segment has an operation there is not")
        if self._embedding.shape[0] != len(self._put_rows):
            raise CorruptObject("the segment does not have one embedding for each put")
        is_whole = len(scanned) == self._embedding.end
        self._resident: npt.NDArray[np.float32] | None = column("embedding") if is_whole else None
        self._codes = _read_codes(header, scanned, rotation, pool)
        self._texts = chunks.split(column("text"), column("text_end"))
        rows_of = _rows_of(self._texts, len(self))
        # Not by way of self: a segment that refers to itself is only let go of when the garbage is collected, hundreds of MB late.
        texts = self._texts
        self._text = lru_cache(_CHUNKS_KEPT)(lambda number: _read_text(texts[number], rows_of[number]))

    @property
    def codes(self) -> Codes:
        return self._codes

    @property
    def dimensions(self) -> int:
        return int(self._embedding.shape[1])

    @property
    def put_rows(self) -> npt.NDArray[np.int64]:
        return self._put_rows

    @property
    def embedding_bytes(self) -> int:
        """How much memory the embeddings take once they are resident."""
        return self._embedding.end - self._embedding.start

    @property
    def scan_bytes(self) -> int:
        """How much memory the rest takes."""
        held = (self.key_hash, self.order, self.product_hash, self.op, self._put_rows, *self._texts)
        return sum(part.nbytes for part in held) + self._codes.nbytes

    @property
    def is_resident(self) -> bool:
        return self._resident is not None

    def make_resident(self, stop: threading.Event | None = None) -> None:
        """Read all embeddings into memory, where they stay until ``release``. Raises StoreError, ObjectMissing.

        Stops between two reads, with nothing done, once ``stop`` is set.
        """
        matrix = np.empty(self._embedding.shape, np.float32)
        target = memoryview(matrix).cast("B") if matrix.size else memoryview(b"")
        for start in range(0, self.embedding_bytes, _READ_AT_ONCE_BYTES):
            if stop is not None and stop.is_set():
                return
            end = min(start + _READ_AT_ONCE_BYTES, self.embedding_bytes)
            target[start:end] = self._read(start, end)
        if stop is not None and stop.is_set():
            return
        matrix.flags.writeable = False
        self._resident = matrix

    def release(self) -> None:
        """Let go of the embeddings in memory: searches read the few they need."""
        self._resident = None

    def start_reading(self, puts: npt.NDArray[np.int64]) -> Callable[[Embeddings], None]:
        """See ``Rows``. Rows near each other are read at once, and all ranges in parallel."""
        resident = self._resident
        if resident is not None:
            return partial(copy_rows, resident, puts)
        row_bytes = self.dimensions * np.dtype(np.float32).itemsize
        wanted, place = np.unique(puts, return_inverse=True)
        spans = list(ranges(wanted, max(1, NEAR_BYTES // row_bytes), max(1, _READ_AT_ONCE_BYTES // row_bytes)))
        reads = [self._pool.submit(self._read, first * row_bytes, end * row_bytes) for first, end in spans]

        def wait(target: Embeddings) -> None:
            matrix = np.empty((len(wanted), self.dimensions), np.float32)
            for (first, end), read in zip(spans, reads, strict=True):
                start, stop = np.searchsorted(wanted, [first, end])
                rows = np.frombuffer(read.result(), np.float32).reshape(end - first, self.dimensions)
                matrix[start:stop] = rows[wanted[start:stop] - first]
            copy_rows(matrix, place, target)

        return wait

    def _read(self, start: int, end: int) -> bytes:
        """Bytes of the embeddings."""
        data = self._store.get_range(self._name, self._embedding.start + start, self._embedding.start + end)
        if len(data) != end - start:
            raise CorruptObject(f"{self._name} ends inside its embeddings")
        return data

    def key_bytes(self, row: int) -> bytes:
        return self._text(row // TEXTS_AT_ONCE).key(row % TEXTS_AT_ONCE)

    def detail_bytes(self, row: int) -> bytes:
        return self._text(row // TEXTS_AT_ONCE).detail(row % TEXTS_AT_ONCE)


def ranges(rows: npt.NDArray[np.int64], near: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Ranges that hold these ascending rows: one range for rows less than ``near`` apart, none of more than ``at_once``."""
    if not len(rows):
        return
    starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - near - 1) > near)
    for first, last in zip(rows[starts], rows[np.append(starts[1:], len(rows)) - 1], strict=True):
        for start in range(int(first), int(last) + 1, at_once):
            yield start, min(start + at_once, int(last) + 1)


def _read_codes(header: tensors.Header, scanned: bytes, rotation: Callable[[str], Rotation], pool: Executor) -> Codes:
    try:
        step, reach = (float.fromhex(header.metadata[name]) for name in ("step", "reach"))
        head, coordinates = (int(header.metadata[name]) for name in ("head", "coordinates"))
        rotation_name = header.metadata["rotation"]
    except (KeyError, ValueError, OverflowError) as error:
        raise CorruptObject(f"the segment does not say how it was coded: {error!r}") from error
    frame = Frame(rotation(rotation_name) if rotation_name else None, step, head)
    dimensions = header.tensors["embedding"].shape[1]
    if not (0 < step < math.inf and 0 <= reach < math.inf):
        raise CorruptObject(f"the segment's step of {step} or its reach of {reach} cannot be")
    if not 0 < head <= coordinates == frame.coordinates(dimensions) or (
        frame.rotation and frame.rotation.dimensions != dimensions
    ):
        raise CorruptObject("the segment's codes do not fit its rotation")
    lengths = {name: columns.read(header, name, scanned).copy() for name in _LENGTHS}
    puts = header.tensors["embedding"].shape[0]
    if any(len(column) != puts for column in lengths.values()):
        raise CorruptObject("the segment does not have one code for each put")

    matrix = np.empty((puts, coordinates), np.int8)
    for name, target in (("head", matrix[:, :head]), ("body", matrix[:, head:])):
        deflated = chunks.split(columns.read(header, name, scanned), columns.read(header, f"{name}_end", scanned))
        parts = list(_parts(target))
        if len(parts) != len(deflated):
            raise CorruptObject(f"the segment has {len(deflated)} chunks of codes for {puts} puts")
        # zlib lets go of the interpreter, so that this runs on all processors.
        list(pool.map(_inflate_into, deflated, parts))
    return Codes(frame, matrix, **lengths, reach=reach)


def _parts(codes: npt.NDArray[np.int8]) -> Iterator[npt.NDArray[np.int8]]:
    if codes.size:
        for start in range(0, len(codes), CODED_AT_ONCE):
            yield codes[start : start + CODED_AT_ONCE]


def _inflate_into(chunk: chunks.Bytes, target: npt.NDArray[np.int8]) -> None:
    inflated = chunks.inflate(chunk, target.nbytes)
    if len(inflated) != target.nbytes:
        raise CorruptObject("a chunk of codes has too few of them")
    target[:] = np.frombuffer(inflated, np.int8).reshape(target.shape)


@dataclass(frozen=True, slots=True)
class _Texts:
    """A chunk of text, inflated: keys and then details, of so many rows."""

    data: bytes
    ends: list[int]
    rows: int

    def key(self, row: int) -> bytes:
        return self.data[self.ends[row] : self.ends[row + 1]]

    def detail(self, row: int) -> bytes:
        return self.data[self.ends[self.rows + row] : self.ends[self.rows + row + 1]]


def _text(rows: Segment, start: int) -> bytes:
    """A chunk: how long each key and each detail is, uint32, then the keys, then the details."""
    numbers = range(start, min(start + TEXTS_AT_ONCE, len(rows)))
    texts = [rows.key_bytes(row) for row in numbers] + [rows.detail_bytes(row) for row in numbers]
    return np.array([len(text) for text in texts], "<u4").tobytes() + b"".join(texts)


def _read_text(chunk: chunks.Bytes, rows: int) -> _Texts:
    data = chunks.inflate(chunk)
    lengths_end = 2 * rows * 4
    if len(data) < lengths_end:
        raise CorruptObject("a chunk of text is shorter than its rows")
    ends = [*accumulate(struct.unpack_from(f"<{2 * rows}I", data), initial=lengths_end)]
    if ends[-1] != len(data):
        raise CorruptObject("the rows of a chunk do not share out its text")
    return _Texts(data, ends, rows)


def _rows_of(deflated: Sequence[chunks.Bytes], rows: int) -> list[int]:
    """How many rows each chunk has. Raises CorruptObject where there are too few or too many chunks."""
    counts = [min(TEXTS_AT_ONCE, rows - start) for start in range(0, rows, TEXTS_AT_ONCE)]
    if len(counts) != len(deflated):
        raise CorruptObject(f"the segment has {len(deflated)} chunks of text for {rows} rows")
    return counts


def _text_ends(texts: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    return np.cumsum([len(text) for text in texts], dtype=np.uint64)


def _inverse(put_row: npt.NDArray[Any], is_put: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Where each put is kept, in row order. Raises CorruptObject unless each put is kept once."""
    if not np.array_equal(np.sort(put_row), np.flatnonzero(is_put)):
        raise CorruptObject("the segment does not keep each put once")
    return np.argsort(put_row)
