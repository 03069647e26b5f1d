"""Snapshots: what the store holds at one moment.

A snapshot is the newest manifest's segments plus the log segments not folded into them. Of all rows of a key the newest is
live, wherever it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.errors import NotFound
from lookalike.store.manifest import Manifest
from lookalike.store.newest import count_distinct
from lookalike.store.parts import Part
from lookalike.store.records import Op, Row, text_hash
from lookalike.store.rows import PhotoRecord


@dataclass(frozen=True)
class Snapshot:
    """The rows of the store at one moment, each key's newest row live and only that."""

    manifest: Manifest
    log_names: frozenset[str]
    parts: tuple[Part, ...]

    @property
    def version(self) -> str:
        """What this snapshot is of: the manifest's version and the number of log segments on top of it."""
        return f"{self.manifest.version}+{len(self.log_names)}"

    @cached_property
    def photos(self) -> int:
        """How many photos are searchable."""
        return sum(len(part.live_puts) for part in self.parts)

    @cached_property
    def products(self) -> int:
        """How many products have at least one searchable photo."""
        hashes = [part.segment.product_hash[part.live_puts] for part in self.parts]
        return count_distinct(np.concatenate(hashes)) if hashes else 0

    @cached_property
    def rejected(self) -> int:
        """How many photos were refused and not replaced or deleted since."""
        return sum(int(np.count_nonzero((part.segment.op == Op.REJECT) & part.live)) for part in self.parts)

    def product(self, product_id: str) -> list[PhotoRecord]:
        """The searchable and the rejected photos of a product, by key. Raises NotFound where there is none."""
        photos = [part.segment.photo(row) for part, row in self._rows_of_product(product_id)]
        if not photos:
            raise NotFound(f"the catalogue has no product {product_id!r}")
        return sorted(photos, key=lambda photo: photo.key)

    def embeddings(self, product_id: str) -> list[npt.NDArray[np.float32]]:
        """The embeddings of a product's searchable photos, float32 (dimensions,) each. Raises StoreError."""
        return [
            embedding
            for part, row in self._rows_of_product(product_id)
            if (embedding := part.segment.row(row).embedding) is not None
        ]

    def _rows_of_product(self, product_id: str) -> Iterator[tuple[Part, int]]:
        wanted = text_hash(product_id)
        for part in self.parts:
            for row in part.rows_of(part.segment.product_hash, wanted):
                if part.segment.op[row] != Op.DELETE:
                    yield part, int(row)

    def rows(self) -> Iterator[Row]:
        """Every searchable or rejected row, in no particular order."""
        for part in self.parts:
            for row in np.flatnonzero(part.live & (part.segment.op != Op.DELETE)):
                yield part.segment.row(int(row))
