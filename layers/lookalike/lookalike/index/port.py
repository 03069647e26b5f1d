"""The port to an engine that proposes candidates: which photos of a catalogue may be near a query.

The store stays the only truth. An index holds one entry a key: the key's embedding with the default weights multiplied in, so that
Euclidean distance in the index is the weighted distance, and the place of its row in the store. Nobody trusts an entry: whether
its row lives, its order and its distance are always read from the store. So an index may lag, lose entries, or keep entries of
rows that are gone, and costs recall by it, never a wrong answer.

An index has one writer at a time, and any number of readers. A write that raised IndexUnavailable may have happened, in part or
as a whole: the writer repeats it. Repeating any write that was the newest of its keys changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.layout import Layout
from lookalike.store.records import ORDER_BYTES
from lookalike.store.rows import Embeddings, Hashes

_NAMED_BYTES = 6


@dataclass(frozen=True, slots=True)
class IndexRows:
    """Puts of one segment, at most one a key.

    key_hash, product_hash: S16 (rows,); order: S32 (rows,); row: int64 (rows,), numbers in the segment; vectors: float32
    (rows, dimensions), finite, with the default weights multiplied in. Raises ValueError where they are not.
    """

    segment: str
    row: npt.NDArray[np.int64]
    key_hash: Hashes
    order: Hashes
    product_hash: Hashes
    vectors: Embeddings

    def __post_init__(self) -> None:
        columns = {
            "row": "int64",
            "key_hash": f"S{HASH_BYTES}",
            "order": f"S{ORDER_BYTES}",
            "product_hash": f"S{HASH_BYTES}",
        }
        for name, dtype in columns.items():
            column = getattr(self, name)
            if column.dtype != np.dtype(dtype) or column.shape != (len(self.vectors),):
                raise ValueError(f"{name} is {column.dtype} {column.shape}; {dtype} ({len(self.vectors)},) is needed")
        if self.vectors.dtype != np.float32 or self.vectors.ndim != 2:
            raise ValueError(
                f"vectors are {self.vectors.dtype} {self.vectors.shape}; float32 (rows, dimensions) is needed"
            )
        if not np.isfinite(self.vectors).all():
            raise ValueError("a vector has a number that is not finite")
        if len(np.unique(self.key_hash)) < len(self):
            raise ValueError("a key has more than one row")

    def __len__(self) -> int:
        return len(self.vectors)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Entries of an index, the nearest first.

    key_hash, product_hash: S16 (candidates,); order: S32 (candidates,); segments: the name of each one's segment; row: int64
    (candidates,), in its segment; distances: float32 (candidates,), as the index has them.
    """

    segments: tuple[str, ...]
    row: npt.NDArray[np.int64]
    key_hash: Hashes
    order: Hashes
    product_hash: Hashes
    distances: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.segments)


class CandidateIndex(Protocol):
    """Every call may raise IndexUnavailable.

    ``name``: of the cursor and of what is measured, see ``name_of``. ``dimensions``: of the vectors. ``most_candidates``: that a
    query can have. ``most_products``: that a query can be narrowed to.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def most_candidates(self) -> int: ...

    @property
    def most_products(self) -> int: ...

    def put(self, rows: IndexRows) -> None:
        """Write an entry for each row, where the index has none of its key, or one whose order is not greater."""

    def delete(self, keys: Hashes) -> None:
        """Remove the entries of these keys, S16 (keys,); it is no error if there are none."""

    def query(self, vector: Embeddings, count: int, *, products: Sequence[bytes] | None = None) -> Candidates:
        """About the nearest entries to a vector, float32 (dimensions,): at most ``count`` and at most ``most_candidates``.

        ``products``: only photos of products with these hashes, at most ``most_products``. A count below 1 has no candidates,
        nor has a query of no products.
        """

    def settle(self) -> None:
        """Bring the engine's files in order after writes, so that queries are quick. The writer calls it when it has finished."""

    def is_empty(self) -> bool:
        """Whether there is no entry: an index that was lost, or has never been filled. One or two requests."""

    def count(self) -> int:
        """The number of entries. It may read a key of every entry."""


def name_of(kind: str, location: str, fingerprint: str, layout: Layout) -> str:
    """The name of an index in the store, for a kind of engine, its place, a model's fingerprint and the layout of embeddings.

    What an index holds depends on all four, the default weights included. So another model, other weights and another place
    begin another index, filled from the start, and a cursor never speaks of entries that are elsewhere.
    """
    rest = text_hash(f"{location} {layout}").hex()[: 2 * _NAMED_BYTES]
    return f"{kind}-{fingerprint[:12]}-{layout.dimensions}-{rest}"


def check_dimensions(rows: IndexRows, dimensions: int) -> None:
    """Raise ValueError where the vectors are none of this index."""
    if rows.vectors.shape[1] != dimensions:
        raise ValueError(f"the vectors have {rows.vectors.shape[1]} dimensions, and the index has {dimensions}")


def no_candidates() -> Candidates:
    """The answer of an index without entries."""
    hashes = np.empty(0, f"S{HASH_BYTES}")
    return Candidates(
        (), np.empty(0, np.int64), hashes, np.empty(0, f"S{ORDER_BYTES}"), hashes, np.empty(0, np.float32)
    )


def entries_name(fingerprint: str, layout: Layout) -> str:
    """A name for a table or an index of a model's vectors: of the model, its dimensions and its default weights, and not of the place."""
    return f"photos-{fingerprint[:12]}-{layout.dimensions}-{text_hash(str(layout)).hex()[: 2 * _NAMED_BYTES]}"


def texts_of(hashes: Hashes) -> list[str]:
    """The hexadecimal digits of each hash or order, S (rows,), trailing zeros included."""
    width = 2 * hashes.dtype.itemsize
    digits = np.ascontiguousarray(hashes).tobytes().hex()
    return [digits[start : start + width] for start in range(0, len(digits), width)]


def hashes_from(texts: Sequence[str], width: int) -> Hashes:
    """The hashes or orders of ``width`` bytes that ``texts_of`` wrote: S (texts,). Raises ValueError where they are not."""
    data = bytes.fromhex("".join(texts))
    if any(len(text) != 2 * width for text in texts):
        raise ValueError(f"a text is not of {2 * width} hexadecimal digits")
    return np.frombuffer(data, f"S{width}")
