"""A snapshot of which a search has only the tail in memory, and asks an index for candidates of the body (``store.body``).

Everything that is answered is decided by the store: an index only proposes rows to look at. What has to look through all photos
stays as right as it can be without: ``photos`` and ``products`` count those of the cursor and of the tail, so that a photo that was
replaced since counts twice until the index has followed, and the searchable photos of a product are those that the index finds.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from lookalike.errors import NotFound
from lookalike.hashes import padded, text_hash
from lookalike.index.port import CandidateIndex, Candidates
from lookalike.store.body import Body, Place
from lookalike.store.records import Op, Row, padded_order
from lookalike.store.rows import Embeddings, Hashes, PhotoRecord
from lookalike.store.shard import Mask, Shard
from lookalike.store.snapshot import PhotoPage, Snapshot
from lookalike.tables.table import heads

_MOST_PHOTOS: Final = 500
"""Photos of some products that are asked of an index."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The photos of the body that a search ranks. ``products``: hashes of all products that pass, None where there are too many
    to name; ``mask``: which of some products, by their hashes, pass."""

    products: Sequence[bytes] | None
    mask: Callable[[Hashes], Mask]


@dataclass(frozen=True, slots=True)
class Found:
    """A live photo of the body: its place, and the hashes of its key and product."""

    place: Place
    key_hash: bytes
    product_hash: bytes


@dataclass(frozen=True)
class IndexedSnapshot(Snapshot):
    """``shards``: of the tail. ``covered``: of each shard, whether its live rows were compared with the body's."""

    covered: tuple[bool, ...]
    body: Body
    index: CandidateIndex

    @cached_property
    def tail(self) -> Snapshot:
        """The tail alone, as the snapshot of a store."""
        return Snapshot(self.manifest, self.log_names, self.shards, self.layout)

    @cached_property
    def photos(self) -> int:
        return self.body.photos + sum(len(shard.live_puts) for shard in self.shards)

    @cached_property
    def products(self) -> int:
        hashes = [heads(shard.segment.product_hash[shard.live_puts]) for shard in self.shards]
        return self.body.count_products(np.concatenate([np.empty(0, np.uint64), *hashes]))

    @cached_property
    def rejected(self) -> int:
        return len(self.body.rejects[0]) + self.tail.rejected

    def product(self, product_id: str, *, after: str = "", at_most: int) -> PhotoPage:
        """As of a snapshot; of the body the photos that the index finds, ``_MOST_PHOTOS`` at most, and all rejected ones."""
        hashed = text_hash(product_id)
        photos = [
            shard.segment.photo(row) for shard, row in self._tail_rows([hashed]) if shard.segment.op[row] != Op.DELETE
        ]
        photos += filter(None, map(self.photo_of, self.found_of([hashed])))
        places, keys, products = self.body.rejects
        of_product = np.flatnonzero(products == np.bytes_(hashed))
        of_product = of_product[~self.superseded(keys[of_product], [places[row] for row in of_product.tolist()])]
        photos += [self.body.photo(places[row], Op.REJECT) for row in of_product.tolist()]
        mine = [photo for photo in photos if photo.product_id == product_id]
        if not mine:
            raise NotFound(f"the catalogue has no product {product_id!r}")
        return _page(mine, after, at_most)

    def rejects(self, *, after: str = "", at_most: int) -> PhotoPage:
        """As of a snapshot. Of pages beyond the first the names of the photos before are read, too."""
        rows = [
            (shard, row)
            for shard in self.shards
            for row in np.flatnonzero((shard.segment.op == Op.REJECT) & shard.live).tolist()
        ]
        places, keys, _ = self.body.rejects
        gone = self.superseded(keys, places)
        waiting: list[tuple[bytes, tuple[Shard, int] | Place]] = [
            (_key(shard.segment.key_hash, row), (shard, row)) for shard, row in rows
        ]
        waiting += [(_key(keys, row), place) for row, place in enumerate(places) if not gone[row]]
        last = text_hash(after) if after else b""
        rest = sorted((item for item in waiting if item[0] > last), key=lambda item: item[0])
        shown: list[PhotoRecord] = []
        for _, item in rest:
            if len(shown) > at_most:
                break
            if isinstance(item, Place):
                shown.append(self.body.photo(item, Op.REJECT))
            elif not self._is_superseded(*item):
                shown.append(item[0].segment.photo(item[1]))
        next_after = shown[at_most - 1].key if len(shown) > at_most else None
        page = tuple(sorted(shown[:at_most], key=lambda photo: photo.key))
        return PhotoPage(page, len(waiting), next_after)

    def photos_of(self, products: Collection[bytes]) -> list[PhotoRecord]:
        """The searchable photos of products in the tail, sorted by key: those of the body are known to who found them."""
        kept = self.tail.photos_of(products)
        return [photo for photo in kept if not self.is_late(photo.key)]

    def embeddings(self, product_id: str, *, at_most: int) -> tuple[Embeddings, int]:
        """As of a snapshot; of the body the photos that the index finds."""
        hashed = text_hash(product_id)
        in_tail = [(shard, row) for shard, row in self._tail_rows([hashed]) if shard.segment.is_put[row]]
        found = self.found_of([hashed])
        count = len(in_tail) + len(found)
        in_tail = in_tail[:at_most]
        found = found[: at_most - len(in_tail)]
        embeddings = np.empty((len(in_tail) + len(found), self.layout.dimensions), np.float32)
        for number, (shard, row) in enumerate(in_tail):
            embeddings[number] = shard.segment.read(shard.segment.put_index[[row]])[0]
        embeddings[len(in_tail) :] = self.read([item.place for item in found])
        return embeddings, count

    def rows(self) -> Iterator[Row]:
        """Every searchable or rejected row of the tail."""
        for shard in self.shards:
            for row in np.flatnonzero(shard.live & (shard.segment.op != Op.DELETE)).tolist():
                if not self._is_superseded(shard, row):
                    yield shard.segment.row(row)

    # --- what an index proposes ---------------------------------------------------------------------------------------

    def found_of(self, products: Sequence[bytes]) -> list[Found]:
        """The photos of the body of some products, as far as the index has them, ascending by key hash."""
        if not self.body:
            return []
        anywhere = np.zeros(self.layout.dimensions, np.float32)
        found = self.verified(
            self.index.query(anywhere, min(_MOST_PHOTOS, self.index.most_candidates), products=products)
        )
        return sorted(found, key=lambda item: item.key_hash)

    def photo_of(self, found: Found) -> PhotoRecord | None:
        """The photo, or None where the store has another key or product in its place than the index. Raises StoreError."""
        photo = self.body.photo(found.place)
        is_same = (text_hash(photo.key), text_hash(photo.product_id)) == (found.key_hash, found.product_hash)
        return photo if is_same else None

    def verified(self, candidates: Candidates) -> list[Found]:
        """The candidates that are live by the store. Their keys and products are the index's until ``Body.photo`` is read."""
        live = np.flatnonzero(self.body.are_live(candidates.segments, candidates.row))
        rows = candidates.row[live].tolist()
        places = [Place(candidates.segments[number], row) for number, row in zip(live.tolist(), rows, strict=True)]
        kept = np.flatnonzero(~self.superseded(candidates.key_hash[live], places))
        return [
            Found(places[number], _key(candidates.key_hash, live[number]), _key(candidates.product_hash, live[number]))
            for number in kept.tolist()
        ]

    def superseded(self, key_hash: Hashes, places: Sequence[Place]) -> Mask:
        """Which rows of the body the tail has a greater row of, by their keys: bool (rows,). Reads the orders of those keys."""
        gone = np.zeros(len(places), bool)
        if not len(places):
            return gone
        for shard in self.shards:
            rows = shard.segment
            if not len(rows):
                continue
            at = np.minimum(np.searchsorted(rows.key_hash, key_hash), len(rows) - 1)
            for number in np.flatnonzero((rows.key_hash[at] == key_hash) & ~gone).tolist():
                place = places[number]
                order = self.body.segment(place.segment).order(place.row)
                gone[number] = _order(rows.order, int(at[number])) > order
        return gone

    def read(self, places: Sequence[Place]) -> Embeddings:
        """The embeddings of photos of the body: float32 (places, dimensions). All are read side by side. Raises StoreError."""
        embeddings = np.empty((len(places), self.layout.dimensions), np.float32)
        by_segment: dict[str, list[int]] = {}
        for number, place in enumerate(places):
            by_segment.setdefault(place.segment, []).append(number)

        def begin(item: tuple[str, list[int]]) -> Callable[[Embeddings], None]:
            name, numbers = item
            rows = np.array([places[number].row for number in numbers], np.int64)
            return self.body.segment(name).start_reading(rows)

        for numbers, wait in zip(by_segment.values(), self.body.side_by_side(begin, by_segment.items()), strict=True):
            read = np.empty((len(numbers), self.layout.dimensions), np.float32)
            wait(read)
            embeddings[numbers] = read
        return embeddings

    # --- late events --------------------------------------------------------------------------------------------------

    def is_late(self, key: str) -> bool:
        """Whether the tail's photo of this key is older than a row of the body."""
        hashed = text_hash(key)
        for shard in self.shards:
            row = _row_of(shard, hashed)
            if row is not None and shard.live[row]:
                return self._is_superseded(shard, row)
        return False

    def _is_superseded(self, shard: Shard, row: int) -> bool:
        number = next(place for place, other in enumerate(self.shards) if other is shard)
        rows = shard.segment
        return not self.covered[number] and self.body.supersedes(_key(rows.key_hash, row), _order(rows.order, row))

    def _tail_rows(self, products: Collection[bytes]) -> list[tuple[Shard, int]]:
        """The live rows of products in the tail, ascending by key hash, without those that a late event brought."""
        rows = [(shard, row) for shard in self.shards for row in shard.rows_of(products).tolist()]
        kept = [(shard, row) for shard, row in rows if not self._is_superseded(shard, row)]
        return sorted(kept, key=lambda item: _key(item[0].segment.key_hash, item[1]))


def without(snapshot: Snapshot, keys: Collection[str]) -> Snapshot:
    """The snapshot without the photos of these keys."""
    hashes = [text_hash(key) for key in keys]
    shards = []
    for shard in snapshot.shards:
        rows = [row for hashed in hashes if (row := _row_of(shard, hashed)) is not None]
        live: npt.NDArray[np.bool_] = shard.live
        if rows:
            live = live.copy()
            live[rows] = False
        shards.append(Shard(shard.segment, live))
    return Snapshot(snapshot.manifest, snapshot.log_names, tuple(shards), snapshot.layout)


def _row_of(shard: Shard, key_hash: bytes) -> int | None:
    keys = shard.segment.key_hash
    row = int(np.searchsorted(keys, np.bytes_(key_hash)))
    return row if row < len(keys) and keys[row] == np.bytes_(key_hash) else None


def _key(hashes: Hashes, row: int) -> bytes:
    return padded(hashes[row])


def _order(orders: Hashes, row: int) -> bytes:
    return padded_order(orders[row])


def _page(photos: Sequence[PhotoRecord], after: str, at_most: int) -> PhotoPage:
    by_hash = sorted(photos, key=lambda photo: text_hash(photo.key))
    rest = [photo for photo in by_hash if not after or text_hash(photo.key) > text_hash(after)]
    page = tuple(sorted(rest[:at_most], key=lambda photo: photo.key))
    return PhotoPage(page, len(photos), rest[at_most - 1].key if len(rest) > at_most else None)
