"""Cursors: how far an index follows a store of photos.

A *full* segment is one that compaction no longer merges for its size. The cursor names the full segments whose live rows are in
the index, the *body*; all other segments and the log are the *tail*, which searches scan. It holds a mask of the rows of every
segment of one manifest that were live then. So a row that was superseded or deleted within that manifest is known to be dead
without a question to the index, which may lag.

Cursors are numbered, and the newest counts. Whoever creates number n+1 has advanced the cursor; a follower that lost the race
starts again from the other's. A cursor is the check of its bytes (``damage``), eight hexadecimal digits, and then a tensor file:

    segments      U8  (bytes,)          JSON, deflated: name and rows of each segment; of one in the body also the first and the
                                        last key hash and the greatest order in it, hexadecimal
    live          U8  (bytes,)          the masks, a bit a row, each deflated; they end at live_end, U64 (segments,)
    other_row     U32 (others,)         the rejects and tombstones of the body: row, other_op U32, key_hash and product_hash;
                                        those of a segment end at other_end, U64 (segments,)
    photo_row     U32 (photos,)         puts of the body whose products are counted: row, and photo_product U64, the first eight
                                        bytes of the product's hash; they end at photo_end, U64 (segments,)
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES, padded
from lookalike.store import chunks, columns, names, tensors, versions
from lookalike.store.creation import create
from lookalike.store.damage import check_of, undamaged
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.records import ORDER_BYTES, Op, padded_order
from lookalike.store.rows import Hashes
from lookalike.store.shard import Mask
from lookalike.store.versions import natural, text
from lookalike.tables.table import heads

FORMAT = "lookalike-index-cursor/1"
EVERY_PRODUCT = 2**64 - 1
_CHECK_BYTES = 8
_BOUNDS = [HASH_BYTES, HASH_BYTES, ORDER_BYTES]

Numbers = npt.NDArray[np.uint32]
Heads = npt.NDArray[np.uint64]

_COLUMNS: columns.Columns = {
    "segments": (np.uint8, 1),
    "live": (np.uint8, 1),
    "live_end": (np.uint64, 1),
    "other_row": (np.uint32, 1),
    "other_op": (np.uint32, 1),
    "key_hash": (np.uint8, 2),
    "product_hash": (np.uint8, 2),
    "other_end": (np.uint64, 1),
    "photo_row": (np.uint32, 1),
    "photo_product": (np.uint64, 1),
    "photo_end": (np.uint64, 1),
}


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """What is known of a segment of the body without reading it.

    ``least_key``, ``greatest_key``, ``greatest_order``: of its rows, 16, 16 and 32 bytes; ``row``, ``op``, ``key_hash``, ``product_hash``: of its rejects and tombstones;
    ``photo_row``, ``photo_product``: of the puts whose products are counted, see ``Cursor.product_limit``.
    """

    least_key: bytes
    greatest_key: bytes
    greatest_order: bytes
    row: Numbers
    op: Numbers
    key_hash: Hashes
    product_hash: Hashes
    photo_row: Numbers
    photo_product: Heads


@dataclass(frozen=True, slots=True, eq=False)
class Covered:
    """A segment of the cursor's manifest. ``packed``: the mask of its live rows, deflated; ``contents``: None outside the body."""

    name: str
    rows: int
    packed: bytes
    contents: Contents | None = None

    @classmethod
    def of(cls, name: str, live: Mask, contents: Contents | None = None) -> "Covered":
        return cls(name, len(live), chunks.deflate(np.packbits(live)), contents)

    @property
    def live(self) -> Mask:
        """Which rows were live: a new array, bool (rows,). Raises CorruptObject."""
        bits = chunks.inflate(np.frombuffer(self.packed, np.uint8), -(-self.rows // 8))
        if len(bits) != -(-self.rows // 8):
            raise CorruptObject(f"the mask of {self.name} has {len(bits)} bytes for {self.rows} rows")
        return np.unpackbits(np.frombuffer(bits, np.uint8), count=self.rows).view(np.bool_)


@dataclass(frozen=True)
class Cursor:
    """How far an index follows a store.

    ``version``, ``manifest_id``: of the manifest whose rows were judged. ``product_limit``: puts of the body are among
    ``photo_row`` whose product's hash, by its first eight bytes, is not above it: all, until there are many.
    ``behind_since_ms``: since when a full segment is not in the index, in milliseconds since 1970; 0 where all are.
    """

    index: str
    number: int = 0
    version: int = 0
    manifest_id: str = ""
    covered: tuple[Covered, ...] = ()
    product_limit: int = EVERY_PRODUCT
    behind_since_ms: int = 0

    @property
    def name(self) -> str:
        return names.cursor_name(self.index, self.number)

    @cached_property
    def segments(self) -> Mapping[str, Covered]:
        """The segments of the cursor's manifest, by name."""
        return {covered.name: covered for covered in self.covered}

    @cached_property
    def body(self) -> Mapping[str, Contents]:
        """The contents of each segment whose live rows are in the index, by name."""
        return {covered.name: covered.contents for covered in self.covered if covered.contents is not None}

    def photos(self, name: str) -> int:
        """The number of live puts in a segment of the body. Raises CorruptObject."""
        live = self.segments[name].live
        return int(np.count_nonzero(live)) - int(np.count_nonzero(live[self.body[name].row]))


def entries(store: ObjectStore, index: str) -> list[Entry]:
    """The cursors of an index that exist now, the newest first."""
    return versions.entries(store, names.cursors(index), names.Kind.CURSOR)


def newest(store: ObjectStore, index: str, known: Cursor | None = None) -> Cursor:
    """The newest cursor of an index; number 0, which names no segment, before the first. ``known`` is not read again.

    Raises StoreError; ObjectMissing where the cursor was collected between its listing and its reading.
    """
    name = versions.newest_name(store, names.cursors(index), names.Kind.CURSOR)
    if name is None:
        return Cursor(index)
    return known if known is not None and known.name == name else read(store, name)


def read(store: ObjectStore, name: str) -> Cursor:
    """The cursor of that name. Raises StoreError, ObjectMissing."""

    def read_once() -> Cursor:
        cursor = decode(store.get(name))
        if cursor.name != name:
            raise CorruptObject(f"the cursor is number {cursor.number} of {cursor.index}")
        return cursor

    return undamaged(name, read_once)


def commit(store: ObjectStore, cursor: Cursor) -> bool:
    """Publish a cursor; False if another follower published that number first."""
    return create(store, cursor.name, encode(cursor))


def encode(cursor: Cursor) -> bytes:
    """The cursor's bytes, unlike any other's."""
    listed = [[covered.name, covered.rows, *_bounds(covered.contents)] for covered in cursor.covered]
    live, live_end = chunks.join(covered.packed for covered in cursor.covered)
    held = [covered.contents or _NOTHING for covered in cursor.covered]
    stored: dict[str, npt.NDArray[Any]] = {
        "segments": np.frombuffer(chunks.deflate(json.dumps(listed).encode()), np.uint8),
        "live": live,
        "live_end": live_end,
        "other_row": _joined([contents.row for contents in held], np.uint32),
        "other_op": _joined([contents.op for contents in held], np.uint32),
        "key_hash": _joined([contents.key_hash for contents in held], f"S{HASH_BYTES}"),
        "product_hash": _joined([contents.product_hash for contents in held], f"S{HASH_BYTES}"),
        "other_end": _ends([contents.row for contents in held]),
        "photo_row": _joined([contents.photo_row for contents in held], np.uint32),
        "photo_product": _joined([contents.photo_product for contents in held], np.uint64),
        "photo_end": _ends([contents.photo_row for contents in held]),
    }
    metadata = {
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        "index": cursor.index,
        "number": str(cursor.number),
        "version": str(cursor.version),
        "manifest": cursor.manifest_id,
        "product_limit": str(cursor.product_limit),
        "behind_since_ms": str(cursor.behind_since_ms),
    }
    data = tensors.encode({name: columns.stored(name, column) for name, column in stored.items()}, metadata)
    return f"{check_of(data):08x}".encode() + data


def decode(data: bytes) -> Cursor:
    """The cursor in these bytes. Raises CorruptObject."""
    checked, data = data[:_CHECK_BYTES], data[_CHECK_BYTES:]
    if checked != f"{check_of(data):08x}".encode():
        raise CorruptObject("the cursor's bytes are not those that were written")
    header = columns.decode_header(data, FORMAT, _COLUMNS)
    read = {name: columns.read(header, name, data) for name in _COLUMNS}
    try:
        listed = json.loads(chunks.inflate(read["segments"]))
        segments = [(text(name), natural(rows), [*map(bytes.fromhex, bounds)]) for name, rows, *bounds in listed]
        fields = header.metadata
        numbers = {name: int(fields[name]) for name in ("number", "version", "product_limit", "behind_since_ms")}
        index, manifest_id = fields["index"], fields["manifest"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorruptObject(f"the cursor is not valid: {error!r}") from error
    packed = chunks.split(read["live"], read["live_end"])
    pieces = _split(read)
    if not len(segments) == len(packed) == len(pieces):
        raise CorruptObject("the columns of the cursor are not of one length")
    if any([len(bound) for bound in bounds] not in ([], _BOUNDS) for _, _, bounds in segments):
        raise CorruptObject("a segment of the cursor's body has other bounds than it should")
    covered = tuple(
        Covered(name, rows, mask.tobytes(), _contents(bounds, held) if bounds else None)
        for (name, rows, bounds), mask, held in zip(segments, packed, pieces, strict=True)
    )
    return Cursor(index, manifest_id=manifest_id, covered=covered, **numbers)


def _split(read: Mapping[str, npt.NDArray[Any]]) -> list[tuple[Any, ...]]:
    """The columns of each segment. Raises CorruptObject."""
    pieces = []
    for of, end in (
        (("other_row", "other_op", "key_hash", "product_hash"), "other_end"),
        (("photo_row", "photo_product"), "photo_end"),
    ):
        pieces += [chunks.split(read[name], read[end]) for name in of]
    if len(set(map(len, pieces))) > 1:
        raise CorruptObject("the columns of the cursor are not of one length")
    return list(zip(*pieces, strict=True))


def _contents(bounds: Sequence[bytes], held: tuple[Any, ...]) -> Contents:
    least_key, greatest_key, greatest_order = bounds
    return Contents(least_key, greatest_key, greatest_order, *held)


def _bounds(contents: Contents | None) -> list[str]:
    if contents is None:
        return []
    return [bound.hex() for bound in (contents.least_key, contents.greatest_key, contents.greatest_order)]


def _joined(pieces: Sequence[npt.NDArray[Any]], dtype: Any) -> npt.NDArray[Any]:
    return np.concatenate([np.empty(0, dtype), *pieces])


def _ends(pieces: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.uint64]:
    return np.cumsum([len(piece) for piece in pieces], dtype=np.uint64)


def contents_of(
    key_hash: Hashes, order: Hashes, product_hash: Hashes, op: npt.NDArray[np.uint32], *, product_limit: int
) -> Contents:
    """The contents of a segment of these rows, one at least, for the body."""
    others = np.flatnonzero(op != Op.PUT)
    product = heads(product_hash)
    photos = np.flatnonzero((op == Op.PUT) & (product <= np.uint64(product_limit)))
    least, greatest = map(padded, key_hash[[0, -1]])
    return Contents(
        least,
        greatest,
        padded_order(max(order.tolist())),
        others.astype(np.uint32),
        op[others],
        key_hash[others],
        product_hash[others],
        photos.astype(np.uint32),
        product[photos],
    )


_NONE = np.empty(0, np.uint32)
_NO_HASH = np.empty(0, f"S{HASH_BYTES}")
_NOTHING = Contents(b"", b"", b"", _NONE, _NONE, _NO_HASH, _NO_HASH, _NONE, np.empty(0, np.uint64))
