"""The interface of a segment's rows, whether all of them are in memory or only the scan tier, with the rest on S3."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.codes.parted import PartedCodes
from lookalike.errors import CorruptObject
from lookalike.hashes import HASH_BYTES
from lookalike.layout import Layout
from lookalike.store.records import Op, Row, padded_order

SEPARATOR = "\0"

Hashes = npt.NDArray[np.bytes_]
Embeddings = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PhotoRecord:
    """A photo of the catalogue: a put with its metadata, or a reject with ``code`` and ``detail``."""

    product_id: str
    key: str
    op: Op
    detail: dict[str, str]


class Rows(ABC):
    """Rows as columns. Arrays are read-only.

    layout: of the embeddings. key_hash, product_hash: S16 (rows,); order: S32 (rows,); op: uint32 (rows,); put_rows: int64 (puts,), the row of each put,
    in the order of the stored embeddings.
    """

    key_hash: Hashes
    order: Hashes
    product_hash: Hashes
    op: npt.NDArray[np.uint32]
    layout: Layout

    def __len__(self) -> int:
        return len(self.op)

    @property
    def dimensions(self) -> int:
        """Of the embeddings."""
        return self.layout.dimensions

    @property
    @abstractmethod
    def put_rows(self) -> npt.NDArray[np.int64]: ...

    @property
    @abstractmethod
    def codes(self) -> PartedCodes:
        """The scan tier of the embeddings."""

    @property
    @abstractmethod
    def is_resident(self) -> bool:
        """Whether the embeddings are in memory, so that reading them costs no request."""

    @abstractmethod
    def start_reading(self, puts: npt.NDArray[np.int64]) -> Callable[[Embeddings], None]:
        """Begin to read the embeddings of these puts. Returns a function that waits for them and writes them to an array.

        The array: float32 (puts, dimensions), contiguous. The function raises StoreError, ObjectMissing where the segment is
        gone.
        """

    def read(self, puts: npt.NDArray[np.int64]) -> Embeddings:
        """The embeddings of these puts: float32 (puts, dimensions). Raises StoreError."""
        embeddings = np.empty((len(puts), self.dimensions), np.float32)
        self.start_reading(puts)(embeddings)
        return embeddings

    @abstractmethod
    def key_bytes(self, row: int) -> bytes:
        """The product id, a separator, and the image key of a row, UTF-8."""

    @abstractmethod
    def detail_bytes(self, row: int) -> bytes:
        """The detail of a row, JSON."""

    @cached_property
    def is_put(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.op, Op.PUT)

    @cached_property
    def put_index(self) -> npt.NDArray[np.int64]:
        """For each row that is a put, its place in ``put_rows``; other rows have no meaningful value. int64 (rows,)."""
        index = np.zeros(len(self), np.int64)
        index[self.put_rows] = np.arange(len(self.put_rows))
        return index

    @cached_property
    def product_prefix(self) -> npt.NDArray[np.uint16]:
        """The first two bytes of each row's product hash, side by side: fast to look through. uint16 (rows,)."""
        return first_two_bytes(self.product_hash)

    def name(self, row: int) -> tuple[str, str]:
        """The product id and the image key of a row. Raises CorruptObject."""
        return _name(self.key_bytes(row))

    def detail(self, row: int) -> dict[str, str]:
        """A put's metadata, or a reject's ``code`` and ``detail``. Raises CorruptObject."""
        return _detail(self.detail_bytes(row))

    def photo(self, row: int) -> PhotoRecord:
        """A row without its embedding. Raises CorruptObject."""
        return record_of(self.key_bytes(row), self.detail_bytes(row), Op(int(self.op[row])))

    def row(self, row: int) -> Row:
        """One row as a value. Raises CorruptObject; StoreError where its embedding cannot be read."""
        product_id, key = self.name(row)
        op = Op(int(self.op[row]))
        embedding = self.read(self.put_index[[row]])[0] if op is Op.PUT else None
        order = padded_order(self.order[row])
        return Row(key, product_id, order, op, embedding, self.detail(row))


def record_of(key: bytes, detail: bytes, op: Op) -> PhotoRecord:
    """A photo from the bytes of its row's key and detail. Raises CorruptObject."""
    return PhotoRecord(*_name(key), op, _detail(detail))


def _name(data: bytes) -> tuple[str, str]:
    try:
        product_id, _, key = data.decode().partition(SEPARATOR)
    except UnicodeDecodeError as error:
        raise CorruptObject("the key of a row is not text") from error
    return product_id, key


def _detail(data: bytes) -> dict[str, str]:
    try:
        detail = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptObject("the detail of a row is not JSON") from error
    if not isinstance(detail, dict) or not all(isinstance(value, str) for value in detail.values()):
        raise CorruptObject("the detail of a row does not map names to text")
    return detail


def first_two_bytes(hashes: Hashes) -> npt.NDArray[np.uint16]:
    """uint16 (rows,), contiguous."""
    return np.ascontiguousarray(np.ascontiguousarray(hashes).view(np.uint16).reshape(-1, HASH_BYTES // 2)[:, 0])


def copy_rows(source: Embeddings, rows: npt.NDArray[np.int64], target: Embeddings) -> None:
    """``target[:] = source[rows]`` without a temporary array. ``take`` makes one where it has to check the rows."""
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(source):
        raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(source)}")
    source.take(rows, axis=0, out=target, mode="clip")
