"""The file of a segment as compaction writes it: the scan tier first, the embeddings last.

    key_hash, order, product_hash, op     as in ``segment``, in row order
    put_row      U32 (puts,)              the row of each put, in the order of the columns that follow
    text_end     U64 (chunks,)            the end of each chunk of text
    <part>. ...                           the codes of each part of the embeddings: see ``code_columns``
    text         U8 (bytes,)              ids, keys and details, in chunks of ``TEXTS_AT_ONCE`` rows, deflated
    embedding_check   U32 (blocks,)       the check of each block of embeddings (``damage``)
    embedding    F32 (puts, dimensions)

The manifest has the checks of everything before the embeddings, in blocks of ``SCAN_BLOCK_BYTES``. A reader loads everything
before the embeddings in parallel ranged reads. Of the embeddings it reads the blocks of the rows that a search needs. Similar
puts are neighbours in the file, so those rows lie together and few reads fetch them.
"""

import struct
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.codes.parted import PartedCodes
from lookalike.errors import CorruptObject
from lookalike.store import chunks, code_columns, columns, segment, tensors
from lookalike.store.damage import checks_of
from lookalike.store.embedding_blocks import EmbeddingBlocks, embedding_checks
from lookalike.store.records import Op
from lookalike.store.segment import Segment

FORMAT = "lookalike-segment/1"
TEXTS_AT_ONCE = 32
SCAN_BLOCK_BYTES = 256 * 1024

_COLUMNS: columns.Columns = {
    "key_hash": (np.uint8, 2),
    "order": (np.uint8, 2),
    "product_hash": (np.uint8, 2),
    "op": (np.uint32, 1),
    "put_row": (np.uint32, 1),
    "text_end": (np.uint64, 1),
    "text": (np.uint8, 1),
    "embedding_check": (np.uint32, 1),
    "embedding": (np.float32, 2),
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A segment's file, and the number of its first bytes that a search scans."""

    data: bytes
    scan_bytes: int

    @property
    def checks(self) -> tuple[int, ...]:
        """The checks of those first bytes."""
        return checks_of(memoryview(self.data)[: self.scan_bytes], SCAN_BLOCK_BYTES)


def encode(
    rows: Segment, codes: PartedCodes, permutation: npt.NDArray[np.int64], rotations: Mapping[str, str]
) -> Encoded:
    """The file of these rows.

    ``permutation``: int64 (puts,), which embedding comes first, second, ...; the ``codes`` are permuted already.
    ``rotations``: the names of the rotations in the codes' frames, by part.
    """
    text, text_end = chunks.join(chunks.deflate(_text(rows, start)) for start in range(0, len(rows), TEXTS_AT_ONCE))
    tensors_of = {
        name: columns.stored(name, getattr(rows, name)) for name in ("key_hash", "order", "product_hash", "op")
    }
    tensors_of |= {"put_row": rows.put_rows[permutation].astype(np.uint32), "text_end": text_end}
    embedding = np.ascontiguousarray(rows.embedding[permutation])
    tensors_of |= code_columns.encode(codes)
    tensors_of |= {"text": text, "embedding_check": embedding_checks(embedding), "embedding": embedding}
    metadata = {"format": FORMAT, "id": uuid.uuid4().hex, "layout": str(rows.layout)}
    metadata |= code_columns.metadata(codes, rotations)
    data = tensors.encode(tensors_of, metadata)
    return Encoded(data, len(data) - rows.embedding.nbytes)


def decode_header(data: bytes | memoryview) -> tensors.Header:
    """The header, from the first bytes of a file. Raises CorruptObject."""
    header = columns.decode_header(data, FORMAT, _COLUMNS)
    columns.check(header, code_columns.of(columns.read_layout(header, "embedding")))
    return header


def decode(data: bytes | memoryview) -> Segment:
    """All rows. Raises CorruptObject where the columns do not fit together."""
    header = decode_header(data)
    if max(info.end for info in header.tensors.values()) != len(data):
        raise CorruptObject("the segment is longer than its columns")
    op = columns.read(header, "op", data)
    deflated = chunks.split(columns.read(header, "text", data), columns.read(header, "text_end", data))
    texts = [read_text(*pair) for pair in zip(deflated, chunk_rows(deflated, len(op)), strict=True)]
    keys = [text.key(row) for text in texts for row in range(text.rows)]
    details = [text.detail(row) for text in texts for row in range(text.rows)]
    kept_at = put_places(columns.read(header, "put_row", data), np.equal(op, Op.PUT))
    embedding = columns.read(header, "embedding", data)
    if len(embedding) != len(kept_at):
        raise CorruptObject("the segment does not have one embedding for each put")
    return segment.checked(
        Segment(
            columns.read_layout(header, "embedding"),
            **{name: columns.read(header, name, data) for name in columns.HASH_COLUMNS},
            key_end=_text_ends(keys),
            detail_end=_text_ends(details),
            op=op,
            embedding=embedding[kept_at],
            keys=np.frombuffer(b"".join(keys), np.uint8),
            details=np.frombuffer(b"".join(details), np.uint8),
        )
    )


def embedding_blocks(header: tensors.Header, scanned: bytes | memoryview) -> EmbeddingBlocks:
    """The blocks of a file's embeddings, from the bytes before them. Raises CorruptObject."""
    rows, dimensions = header.tensors["embedding"].shape
    return EmbeddingBlocks(rows, dimensions, columns.read(header, "embedding_check", scanned).copy())


@dataclass(frozen=True, slots=True)
class Texts:
    """An inflated chunk of text: the keys of ``rows`` rows, then their details."""

    data: bytes
    ends: list[int]
    rows: int

    def key(self, row: int) -> bytes:
        return self.data[self.ends[row] : self.ends[row + 1]]

    def detail(self, row: int) -> bytes:
        return self.data[self.ends[self.rows + row] : self.ends[self.rows + row + 1]]


def _text(rows: Segment, start: int) -> bytes:
    """A chunk: the length of each key and each detail, uint32, then the keys, then the details."""
    numbers = range(start, min(start + TEXTS_AT_ONCE, len(rows)))
    texts = [rows.key_bytes(row) for row in numbers] + [rows.detail_bytes(row) for row in numbers]
    return np.array([len(text) for text in texts], "<u4").tobytes() + b"".join(texts)


def read_text(chunk: chunks.Bytes, rows: int) -> Texts:
    """The text of a deflated chunk of ``rows`` rows. Raises CorruptObject."""
    data = chunks.inflate(chunk)
    lengths_end = 2 * rows * 4
    if len(data) < lengths_end:
        raise CorruptObject("a chunk of text is shorter than its rows")
    ends = [*accumulate(struct.unpack_from(f"<{2 * rows}I", data), initial=lengths_end)]
    if ends[-1] != len(data):
        raise CorruptObject("the lengths of a chunk's rows do not cover its text")
    return Texts(data, ends, rows)


def chunk_rows(deflated: Sequence[chunks.Bytes], rows: int) -> list[int]:
    """The number of rows of each chunk. Raises CorruptObject where there are too few or too many chunks."""
    counts = [min(TEXTS_AT_ONCE, rows - start) for start in range(0, rows, TEXTS_AT_ONCE)]
    if len(counts) != len(deflated):
        raise CorruptObject(f"the segment has {len(deflated)} chunks of text for {rows} rows")
    return counts


def _text_ends(texts: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    return np.cumsum([len(text) for text in texts], dtype=np.uint64)


def put_places(put_row: npt.NDArray[Any], is_put: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The place of each put's embedding, in row order. Raises CorruptObject unless each put has exactly one."""
    if not np.array_equal(np.sort(put_row), np.flatnonzero(is_put)):
        raise CorruptObject("the segment does not have exactly one place for each put")
    return np.argsort(put_row)
