"""Snapshots: the rows of the store at one moment.

A snapshot is the newest manifest's segments plus the log segments that are not folded into them. The newest row of a key is
live, in whichever segment it is.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.errors import NotFound
from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.layout import Layout
from lookalike.store.manifest import Manifest
from lookalike.store.neighbours import NeighbourSample, Sampler, sampled
from lookalike.store.newest import count_distinct
from lookalike.store.records import Op, Row
from lookalike.store.rows import Embeddings, PhotoRecord, Rows
from lookalike.store.shard import Mask, Shard

_MERGED_PHOTOS = 500  # of one product; more are a folder of products, whose metadata has no meaning and takes seconds

# Of a store without a manifest. Sampling takes a tenth of a second at most, in the first search of a snapshot.
_LOG_PHOTOS = 8192
_LOG_SAMPLE = 128

_RowsOf = tuple[Rows, npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class PhotoPage:
    """Some photos, by key.

    ``total``: the number of photos on all pages. ``next_after``: where the next page begins, None on the last.
    """

    photos: tuple[PhotoRecord, ...]
    total: int
    next_after: str | None


@dataclass(frozen=True)
class Snapshot:
    """The rows of the store at one moment, each key's newest row live and only that.

    ``layout``: of the reader; its weights are the default of a search, whatever weights the segments were written with.
    """

    manifest: Manifest
    log_names: frozenset[str]
    shards: tuple[Shard, ...]
    layout: Layout

    @property
    def version(self) -> str:
        """The manifest's version, and the number of log segments on top of it."""
        return f"{self.manifest.version}+{len(self.log_names)}"

    @cached_property
    def photos(self) -> int:
        """The number of searchable photos."""
        return sum(len(shard.live_puts) for shard in self.shards)

    @cached_property
    def products(self) -> int:
        """The number of products with at least one searchable photo."""
        hashes = [shard.segment.product_hash[shard.live_puts] for shard in self.shards]
        return count_distinct(np.concatenate(hashes)) if hashes else 0

    @cached_property
    def rejected(self) -> int:
        """The number of photos that were refused, and not replaced or deleted since."""
        return sum(int(np.count_nonzero((shard.segment.op == Op.REJECT) & shard.live)) for shard in self.shards)

    @cached_property
    def neighbours(self) -> NeighbourSample | None:
        """How near the photos lie to each other: by the manifest, or by the log where nothing is compacted yet."""
        if self.manifest.segments or not 0 < self.photos <= _LOG_PHOTOS:
            return self.manifest.neighbours
        puts_of = [(shard.segment, shard.live_puts) for shard in self.shards]
        keys, products = (
            np.concatenate([getattr(segment, column)[puts] for segment, puts in puts_of])
            for column in ("key_hash", "product_hash")
        )
        embeddings = np.concatenate([segment.read(segment.put_index[puts]) for segment, puts in puts_of])
        some = sampled(keys, _LOG_SAMPLE)
        sampler = Sampler(self.layout, embeddings[some], products[some])
        sampler.add(embeddings, products)
        return sampler.sample()

    def product(self, product_id: str, *, after: str = "", at_most: int) -> PhotoPage:
        """A page of the searchable and rejected photos of a product: see ``_page``. Raises NotFound where it has none."""
        product = [text_hash(product_id)]
        rows_of = [(shard.segment, shard.rows_of(product)) for shard in self.shards]
        page = _page(
            [(segment, rows[segment.op[rows] != Op.DELETE]) for segment, rows in rows_of], after=after, at_most=at_most
        )
        if not page.total:
            raise NotFound(f"the catalogue has no product {product_id!r}")
        return page

    def rejects(self, *, after: str = "", at_most: int) -> PhotoPage:
        """A page of the rejected photos: see ``_page``."""
        rows_of = [
            (shard.segment, np.flatnonzero((shard.segment.op == Op.REJECT) & shard.live)) for shard in self.shards
        ]
        return _page(rows_of, after=after, at_most=at_most)

    def metadata(self, product_ids: Collection[str]) -> dict[str, dict[str, str]]:
        """Each product's metadata, by product id: see ``merged`` and ``photos_of``."""
        photos = self.photos_of([text_hash(product_id) for product_id in product_ids])
        return {product_id: {} for product_id in product_ids} | merged(photos)

    def photos_of(self, products: Collection[bytes]) -> list[PhotoRecord]:
        """The searchable photos of products, by the hashes of their ids, sorted by key.

        Of more than ``_MERGED_PHOTOS`` photos of a product, those that ``_some_puts`` chooses.
        """
        puts_of, _ = self._some_puts(products, _MERGED_PHOTOS)
        photos = [segment.photo(row) for segment, puts in puts_of for row in puts.tolist()]
        return sorted(photos, key=lambda photo: photo.key)

    def embeddings(self, product_id: str, *, at_most: int) -> tuple[Embeddings, int]:
        """Embeddings of a product's searchable photos, float32 (photos, dimensions), and how many such photos there are.

        Of more than ``at_most`` photos, those that ``_some_puts`` chooses. Each segment is one batched read, and all are
        read at once. Raises StoreError.
        """
        puts_of, count = self._some_puts([text_hash(product_id)], at_most)
        reads = [segment.start_reading(segment.put_index[puts]) for segment, puts in puts_of]
        embeddings = [np.empty((len(puts), segment.dimensions), np.float32) for segment, puts in puts_of]
        for wait, target in zip(reads, embeddings, strict=True):
            wait(target)
        return np.concatenate(embeddings) if embeddings else np.empty((0, 0), np.float32), count

    def embeddings_of(self, keys: Sequence[str]) -> Embeddings:
        """The embeddings of searchable photos: float32 (keys, dimensions). Raises NotFound, StoreError."""
        hashes = np.array([text_hash(key) for key in keys], f"S{HASH_BYTES}")
        embeddings = np.empty((len(keys), self.layout.dimensions), np.float32)
        reads = []
        for segment, live in [(shard.segment, shard.live & shard.segment.is_put) for shard in self.shards]:
            row = np.minimum(np.searchsorted(segment.key_hash, hashes), max(len(segment) - 1, 0))
            here = np.flatnonzero(live[row] & (segment.key_hash[row] == hashes)) if len(segment) else row[:0]
            reads.append((here, segment.start_reading(segment.put_index[row[here]])))
        if sum(len(here) for here, _ in reads) < len(keys):
            raise NotFound("a key has no searchable photo")
        for here, wait in reads:
            read = np.empty((len(here), self.layout.dimensions), np.float32)
            wait(read)
            embeddings[here] = read
        return embeddings

    def _some_puts(self, products: Collection[bytes], at_most: int) -> tuple[list[_RowsOf], int]:
        """Segments with the rows of searchable photos of these products, and how many such photos there are.

        Of each product ``at_most`` photos: those with the smallest key hashes, a random choice that compaction keeps.
        """
        rows_of = [(shard.segment, shard.rows_of(products)) for shard in self.shards]
        puts_of = [(segment, puts) for segment, rows in rows_of if len(puts := rows[segment.is_put[rows]])]
        if not puts_of:
            return [], 0
        product = np.concatenate([segment.product_hash[puts] for segment, puts in puts_of])
        by_product = np.lexsort((np.concatenate([segment.key_hash[puts] for segment, puts in puts_of]), product))
        # A row is beyond the limit if the row that stands ``at_most`` places before it is of the same product.
        beyond = by_product[at_most:][product[by_product[at_most:]] == product[by_product[: len(product) - at_most]]]
        chosen = np.ones(len(product), bool)
        chosen[beyond] = False
        return _split(puts_of, chosen), len(product)

    def rows(self) -> Iterator[Row]:
        """Every searchable or rejected row, in no particular order."""
        for shard in self.shards:
            for row in np.flatnonzero(shard.live & (shard.segment.op != Op.DELETE)):
                yield shard.segment.row(int(row))


def merged(photos: Iterable[PhotoRecord]) -> dict[str, dict[str, str]]:
    """The metadata of photos by product id: of each name the first value that is not empty."""
    found: dict[str, dict[str, str]] = {}
    for photo in photos:
        metadata = found.setdefault(photo.product_id, {})
        for name, value in photo.detail.items():
            if value:
                metadata.setdefault(name, value)
    return found


def _page(rows_of: Sequence[_RowsOf], *, after: str, at_most: int) -> PhotoPage:
    """A page of the photos of these rows. ``after``: ``next_after`` of the page before.

    Pages follow the hashes of the keys, which are in memory: the names of the other photos are not read.
    """
    if not any(len(rows) for _, rows in rows_of):
        return PhotoPage((), 0, None)
    hashes = np.concatenate([segment.key_hash[rows] for segment, rows in rows_of])
    by_hash = np.argsort(hashes)
    rest = by_hash[np.searchsorted(hashes[by_hash], np.bytes_(text_hash(after)), "right") if after else 0 :]
    page = np.zeros(len(hashes), bool)
    page[rest[:at_most]] = True
    photos = [segment.photo(row) for segment, rows in _split(rows_of, page) for row in rows.tolist()]
    ordered = tuple(sorted(photos, key=lambda photo: photo.key))
    last = max(ordered, key=lambda photo: text_hash(photo.key)).key if len(rest) > at_most else None
    return PhotoPage(ordered, len(hashes), last)


def _split(rows_of: Sequence[_RowsOf], chosen: Mask) -> list[_RowsOf]:
    """The chosen rows of each segment. ``chosen``: bool, of all rows one after the other."""
    cuts = np.cumsum([len(rows) for _, rows in rows_of])[:-1]
    return [(segment, rows[some]) for (segment, rows), some in zip(rows_of, np.split(chosen, cuts), strict=True)]
