"""A CandidateIndex in memory that looks at every entry: the reference that the contract suite and other tests use."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from lookalike.hashes import HASH_BYTES, padded
from lookalike.index.port import Candidates, IndexRows, check_dimensions
from lookalike.store.records import ORDER_BYTES
from lookalike.store.rows import Embeddings, Hashes


@dataclass(frozen=True, slots=True)
class _Entry:
    order: bytes
    product_hash: bytes
    segment: str
    row: int
    vector: Embeddings


class MemoryIndex:
    """Exact, and safe for threads. ``entries``: by key hash."""

    def __init__(
        self, dimensions: int, *, name: str = "memory", most_candidates: int = 10_000, most_products: int = 1000
    ) -> None:
        self.name = name
        self.dimensions = dimensions
        self.most_candidates = most_candidates
        self.most_products = most_products
        self.entries: dict[bytes, _Entry] = {}
        self._lock = threading.Lock()

    def put(self, rows: IndexRows) -> None:
        check_dimensions(rows, self.dimensions)
        columns = zip(
            _bytes_of(rows.key_hash),
            _bytes_of(rows.order),
            _bytes_of(rows.product_hash),
            rows.row,
            rows.vectors,
            strict=True,
        )
        with self._lock:
            for key, order, product, row, vector in columns:
                known = self.entries.get(key)
                if known is None or order >= known.order:
                    self.entries[key] = _Entry(order, product, rows.segment, int(row), vector.copy())

    def delete(self, keys: Hashes) -> None:
        with self._lock:
            for key in _bytes_of(keys):
                self.entries.pop(key, None)

    def query(self, vector: Embeddings, count: int, *, products: Sequence[bytes] | None = None) -> Candidates:
        wanted = None if products is None else set(map(padded, products))
        with self._lock:
            entries = [
                (float(np.linalg.norm(entry.vector.astype(np.float64) - vector)), key, entry)
                for key, entry in self.entries.items()
                if wanted is None or entry.product_hash in wanted
            ]
        entries.sort(key=lambda item: item[:2])
        nearest = list(islice(entries, max(0, min(count, self.most_candidates))))
        return Candidates(
            segments=tuple(entry.segment for _, _, entry in nearest),
            row=np.array([entry.row for _, _, entry in nearest], np.int64),
            key_hash=np.array([key for _, key, _ in nearest], f"S{HASH_BYTES}"),
            order=np.array([entry.order for _, _, entry in nearest], f"S{ORDER_BYTES}"),
            product_hash=np.array([entry.product_hash for _, _, entry in nearest], f"S{HASH_BYTES}"),
            distances=np.array([distance for distance, _, _ in nearest], np.float32),
        )

    def settle(self) -> None:
        pass

    def is_empty(self) -> bool:
        return not self.entries

    def count(self) -> int:
        return len(self.entries)


def _bytes_of(hashes: Hashes) -> list[bytes]:
    """Each hash with its trailing zeros, which NumPy's elements leave out."""
    width = hashes.dtype.itemsize
    data = np.ascontiguousarray(hashes).tobytes()
    return [data[start : start + width] for start in range(0, len(data), width)]
