"""The body of a snapshot: the full segments that a cursor names and the manifest still has, of which few rows are in memory.

A row of the body is live where it was live in the cursor's manifest and the tail has no greater row of its key. Every segment that came
since then is in the tail, so nothing else can have superseded it.

A row of the tail that came after that manifest may be older than a row of its key in the body, as events may be late.
``supersedes`` looks its key up in the segments that can have one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES
from lookalike.store.body_segment import BodySegment
from lookalike.store.index_cursor import EVERY_PRODUCT, Cursor, Heads
from lookalike.store.manifest import Manifest, SegmentRef
from lookalike.store.records import Op
from lookalike.store.rows import Hashes, PhotoRecord, record_of
from lookalike.store.shard import Mask

_VERDICTS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the body: the name of its segment, and its number there."""

    segment: str
    row: int


class Body:
    """``opened`` gives a segment of the body, which a reader may have open already; ``pool``: its threads share reads."""

    def __init__(
        self, cursor: Cursor, manifest: Manifest, opened: Callable[[SegmentRef], BodySegment], pool: Executor
    ) -> None:
        self.cursor = cursor
        self.refs: Mapping[str, SegmentRef] = {ref.name: ref for ref in manifest.segments if ref.name in cursor.body}
        self._opened, self._pool = opened, pool
        self.supersedes = lru_cache(_VERDICTS_KEPT)(self._supersedes)

    def __bool__(self) -> bool:
        return bool(self.refs)

    def segment(self, name: str) -> BodySegment:
        return self._opened(self.refs[name])

    def are_live(self, segments: Sequence[str], rows: npt.NDArray[np.int64]) -> Mask:
        """Which of these rows were live puts in the cursor's manifest, and are of the body: bool (rows,)."""
        names = np.array(segments, object)
        live = np.zeros(len(names), bool)
        for name in set(segments) & self.refs.keys():
            here = np.flatnonzero(names == name)
            here = here[(rows[here] >= 0) & (rows[here] < self.refs[name].rows)]
            is_put = ~np.isin(rows[here], self.cursor.body[name].row)
            live[here] = is_put & self.cursor.segments[name].live[rows[here]]
        return live

    def side_by_side[Given, Made](self, do: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
        """What ``do`` makes of each, in the threads that share reads; it must not wait for another read of theirs."""
        return list(self._pool.map(do, given))

    def photo(self, place: Place, op: Op = Op.PUT) -> PhotoRecord:
        """A photo of the body. Raises StoreError."""
        segment = self.segment(place.segment)
        return record_of(segment.key_bytes(place.row), segment.detail_bytes(place.row), op)

    def _supersedes(self, key_hash: bytes, order: bytes) -> bool:
        """Whether the body has a row of this key whose order is not less. Raises StoreError."""
        perhaps = [
            ref
            for name, ref in self.refs.items()
            if (held := self.cursor.body[name]).greatest_order >= order
            and held.least_key <= key_hash <= held.greatest_key
        ]
        return any(self.side_by_side(partial(self._has_newer, key_hash, order), perhaps))

    def _has_newer(self, key_hash: bytes, order: bytes, ref: SegmentRef) -> bool:
        segment = self._opened(ref)
        row = segment.row_of(key_hash)
        return row is not None and segment.order(row) >= order

    @cached_property
    def rejects(self) -> tuple[list[Place], Hashes, Hashes]:
        """The rejected photos: their places, key hashes S16 (rejects,), and product hashes S16 (rejects,)."""
        places: list[Place] = []
        keys, products = [], []
        for name in self.refs:
            held = self.cursor.body[name]
            rejects = np.flatnonzero((held.op == Op.REJECT) & self.cursor.segments[name].live[held.row])
            places += [Place(name, row) for row in held.row[rejects].tolist()]
            keys.append(held.key_hash[rejects])
            products.append(held.product_hash[rejects])
        empty = np.empty(0, f"S{HASH_BYTES}")
        return places, np.concatenate([empty, *keys]), np.concatenate([empty, *products])

    @cached_property
    def photos(self) -> int:
        """The number of searchable photos in the cursor's manifest."""
        return sum(map(self.cursor.photos, self.refs))

    def count_products(self, others: Heads) -> int:
        """The number of products of the body's photos and of others, whose products' hashes are given by their first eight bytes.

        It is exact until the cursor has too many photos to name; from then on it is estimated by those with small hashes.
        """
        limit = self.cursor.product_limit
        found = [others[others <= np.uint64(limit)]]
        for name in self.refs:
            held = self.cursor.body[name]
            found.append(held.photo_product[self.cursor.segments[name].live[held.photo_row]])
        distinct = len(np.unique(np.concatenate(found)))
        return distinct if limit == EVERY_PRODUCT else round(distinct * (EVERY_PRODUCT / limit))
