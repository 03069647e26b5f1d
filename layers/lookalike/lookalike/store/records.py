"""The values in a store: one row for each image key at one moment, and the order of the rows of a key.

S3 may deliver an event twice, late or out of order, so the row itself decides which row of a key is the newest, never the
time of its arrival. An order is 32 bytes, compared as bytes:

    16  sequencer, its hexadecimal digits padded with zeros on the right (S3's own rule for comparing them); all zero
        where the event has none, as with backfill and local emulators
     8  event time, milliseconds since 1970, big-endian
     1  rank of the operation (put < reject < delete), so that of two events in one millisecond the delete wins
     7  hash of the content; zero where the photo was not read

So a row without a sequencer is older than every row of its key with one: a listing that backfill read never overrides an
event. The comparison is lexicographic over totally ordered components, so it is total and transitive.
"""

import hashlib
import string
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_SEQUENCER_BYTES = 16
_LAYOUT = struct.Struct(f">{_SEQUENCER_BYTES}sQB7s")  # sequencer, event time, operation, hash of the content
ORDER_BYTES = _LAYOUT.size
_TIME_MS = slice(_SEQUENCER_BYTES, _SEQUENCER_BYTES + 8)
_HEXADECIMAL = frozenset(string.hexdigits)


class Op(IntEnum):
    """The state of a key that a row records. The numbers are part of the store's format and of the order: never change them."""

    PUT = 0
    REJECT = 1
    DELETE = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One image key at one moment.

    ``embedding`` is float32 (dimensions,) for a put and None otherwise. ``detail`` holds the metadata of a put, and
    ``{"code", "detail"}`` of a reject; it is empty for a delete.
    """

    key: str
    product_id: str
    order: bytes
    op: Op
    embedding: npt.NDArray[np.float32] | None = None
    detail: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.order) != ORDER_BYTES:
            raise ValueError(f"an order has {ORDER_BYTES} bytes, not {len(self.order)}")
        if (self.op is Op.PUT) != (self.embedding is not None):
            raise ValueError("a put needs an embedding, and only a put may have one")
        if "\0" in self.product_id:
            raise ValueError(f"the product id {self.product_id!r} contains a NUL, which ends it in a segment")


def order_of(*, sequencer: str | None, time_ms: int, op: Op, content: bytes | None = b"") -> bytes:
    """The order of an event: 32 bytes, greater is newer.

    ``sequencer``: hexadecimal digits as S3 gives them, or None; digits past the 32nd are left to the event time.
    ``time_ms``: milliseconds since 1970. ``content``: bytes that tell two photos apart, such as ETag and metadata; None is older
    than any.
    Raises ValueError where the sequencer is not hexadecimal.
    """
    if not set(sequencer or "") <= _HEXADECIMAL:  # bytes.fromhex would let spaces pass, and be short of bytes
        raise ValueError(f"the sequencer {sequencer!r} is not hexadecimal")
    digits = (sequencer or "")[: 2 * _SEQUENCER_BYTES].ljust(2 * _SEQUENCER_BYTES, "0")
    content_hash = bytes(7) if content is None else hashlib.blake2b(content, digest_size=7).digest()
    return _LAYOUT.pack(bytes.fromhex(digits), max(time_ms, 0), op, content_hash)


def padded_order(order: bytes) -> bytes:
    """An order as it was, 32 bytes: NumPy takes zeros at the end of an element for padding, and drops them."""
    return bytes(order).ljust(ORDER_BYTES, b"\0")


class EventOrder(NamedTuple):
    """The event of an order. ``sequencer``: hexadecimal digits, or None.

    ``op`` is the rank: PUT also for a reject of a photo that was not read.
    """

    sequencer: str | None
    time_ms: int
    op: Op


def event_of(order: bytes) -> EventOrder:
    """The event of an order, 32 bytes."""
    sequencer, time_ms, op, _ = _LAYOUT.unpack(order)
    return EventOrder(sequencer.hex() if any(sequencer) else None, time_ms, Op(op))


def sequencers(orders: npt.NDArray[np.bytes_]) -> npt.NDArray[np.bytes_]:
    """The sequencers in a column of orders, S32 (rows,): S16 (rows,)."""
    return np.ascontiguousarray(_bytes(orders)[:, :_SEQUENCER_BYTES]).view(f"S{_SEQUENCER_BYTES}").reshape(-1)


def event_ops(orders: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint8]:
    """The ranks of the operations in a column of orders, S32 (rows,): uint8 (rows,). See ``EventOrder``."""
    return _bytes(orders)[:, _TIME_MS.stop]


def event_times_ms(orders: npt.NDArray[np.bytes_]) -> npt.NDArray[np.int64]:
    """The event times in a column of orders, S32 (rows,): milliseconds since 1970, int64 (rows,)."""
    times = np.ascontiguousarray(_bytes(orders)[:, _TIME_MS])
    # A time past the range of int64 makes no sense, and must not wrap around and look ancient.
    return np.minimum(times.view(">u8").reshape(-1).astype(np.uint64), np.uint64(2**63 - 1)).astype(np.int64)


def _bytes(orders: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(orders).view(np.uint8).reshape(-1, ORDER_BYTES)
