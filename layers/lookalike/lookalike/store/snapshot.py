"""Snapshots: what the store holds at one moment.

A snapshot is the newest manifest's segments plus the log segments not folded into them. Of all rows of a key the newest is
live, wherever it is.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.errors import NotFound
from lookalike.store.manifest import Manifest
from lookalike.store.records import HASH_BYTES, Op, Row, text_hash
from lookalike.store.rows import Embeddings, Hashes, PhotoRecord, Rows, first_two_bytes
from lookalike.store.segment import Segment

Mask = npt.NDArray[np.bool_]

_MERGED_PHOTOS = 500  # of one product; more are a folder of products, whose metadata has no meaning and takes seconds


@dataclass(frozen=True)
class Part:
    """A segment and which of its rows are live: bool (rows,)."""

    segment: Rows
    live: Mask

    def __post_init__(self) -> None:
        self.live.flags.writeable = False

    @cached_property
    def live_puts(self) -> npt.NDArray[np.int64]:
        """The rows that can be found by a search, ascending. int64."""
        return np.flatnonzero(self.live & self.segment.is_put)

    @cached_property
    def dead_puts(self) -> npt.NDArray[np.int64]:
        """Which of the segment's puts are not live, in the order in which it keeps them. int64."""
        return np.flatnonzero(~self.live[self.segment.put_rows])

    def rows_of(self, products: Collection[bytes]) -> npt.NDArray[np.int64]:
        """The live rows of products, by the products' hashes, ascending. int64.

        A table of two bytes leaves few rows to compare in full: looking through a million takes a millisecond.
        """
        hashes = np.array(list(products), f"S{HASH_BYTES}")
        may_match = np.zeros(2**16, bool)
        may_match[first_two_bytes(hashes)] = True
        rows = np.flatnonzero(may_match.take(self.segment.product_prefix) & self.live)
        return rows[np.isin(self.segment.product_hash[rows], hashes)]


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
        product = [text_hash(product_id)]
        rows_of = [(part.segment, part.rows_of(product)) for part in self.parts]
        photos = [
            segment.photo(row) for segment, rows in rows_of for row in rows[segment.op[rows] != Op.DELETE].tolist()
        ]
        if not photos:
            raise NotFound(f"the catalogue has no product {product_id!r}")
        return sorted(photos, key=lambda photo: photo.key)

    def metadata(self, product_ids: Collection[str]) -> dict[str, dict[str, str]]:
        """Each product's metadata: of each name the first value that is not empty, over its searchable photos by key.

        Of more than ``_MERGED_PHOTOS`` photos of a product, those that ``_some_puts`` chooses.
        """
        puts_of, _ = self._some_puts(product_ids, _MERGED_PHOTOS)
        photos = [segment.photo(row) for segment, puts in puts_of for row in puts.tolist()]
        merged: dict[str, dict[str, str]] = {product_id: {} for product_id in product_ids}
        for photo in sorted(photos, key=lambda photo: photo.key):
            for name, value in photo.detail.items():
                if value:
                    merged[photo.product_id].setdefault(name, value)
        return merged

    def embeddings(self, product_id: str, *, at_most: int) -> tuple[Embeddings, int]:
        """Embeddings of a product's searchable photos, float32 (photos, dimensions), and how many such photos there are.

        Of more than ``at_most`` photos, those that ``_some_puts`` chooses. Each segment is one batched read, and all are
        read at once. Raises StoreError.
        """
        puts_of, count = self._some_puts([product_id], at_most)
        reads = [segment.start_reading(segment.put_index[puts]) for segment, puts in puts_of]
        embeddings = [np.empty((len(puts), segment.dimensions), np.float32) for segment, puts in puts_of]
        for wait, target in zip(reads, embeddings, strict=True):
            wait(target)
        return np.concatenate(embeddings) if embeddings else np.empty((0, 0), np.float32), count

    def _some_puts(
        self, product_ids: Collection[str], at_most: int
    ) -> tuple[list[tuple[Rows, npt.NDArray[np.int64]]], int]:
        """Segments with the rows of searchable photos of these products, and how many such photos there are.

        Of each product ``at_most`` photos: those with the smallest key hashes, a random choice that compaction keeps.
        """
        products = [text_hash(product_id) for product_id in product_ids]
        rows_of = [(part.segment, part.rows_of(products)) for part in self.parts]
        puts_of = [(segment, puts) for segment, rows in rows_of if len(puts := rows[segment.is_put[rows]])]
        if not puts_of:
            return [], 0
        product = np.concatenate([segment.product_hash[puts] for segment, puts in puts_of])
        by_product = np.lexsort((np.concatenate([segment.key_hash[puts] for segment, puts in puts_of]), product))
        # A row is beyond the limit if the row that stands ``at_most`` places before it is of the same product.
        beyond = by_product[at_most:][product[by_product[at_most:]] == product[by_product[: len(product) - at_most]]]
        chosen = np.ones(len(product), bool)
        chosen[beyond] = False
        cuts = np.cumsum([len(puts) for _, puts in puts_of])[:-1]
        kept = zip(puts_of, np.split(chosen, cuts), strict=True)
        return [(segment, puts[some]) for (segment, puts), some in kept], len(product)

    def rows(self) -> Iterator[Row]:
        """Every searchable or rejected row, in no particular order."""
        for part in self.parts:
            for row in np.flatnonzero(part.live & (part.segment.op != Op.DELETE)):
                yield part.segment.row(int(row))


def newest_mask(key_hash: Hashes, order: Hashes) -> Mask:
    """Which rows are the newest of their key; of rows equal in key and order the last. bool (rows,).

    Nearly all keys of a large store have one row, so the first eight bytes of the hash are sorted as integers, and only
    rows that share them are compared in full.
    """
    newest = np.ones(len(key_hash), bool)
    heads = _heads(key_hash)
    by_head = np.argsort(heads, kind="stable")
    same_as_next = heads[by_head[1:]] == heads[by_head[:-1]]
    if not same_as_next.any():
        return newest
    shared = np.zeros(len(heads), bool)
    shared[by_head[1:][same_as_next]] = True
    shared[by_head[:-1][same_as_next]] = True
    contested = np.flatnonzero(shared)
    by_age = contested[np.lexsort((order[contested], key_hash[contested]))]
    superseded = key_hash[by_age[1:]] == key_hash[by_age[:-1]]
    newest[by_age[:-1][superseded]] = False
    return newest


def count_distinct(hashes: Hashes) -> int:
    """How many different hashes there are, S16 (rows,): by their halves as integers, which sort ten times faster."""
    halves = np.ascontiguousarray(hashes).view(np.uint64).reshape(-1, 2)
    by_first = halves[np.argsort(halves[:, 0])]
    same = by_first[1:, 0] == by_first[:-1, 0]
    if (by_first[1:, 1] != by_first[:-1, 1])[
        same
    ].any():  # two hashes that share a half, which chance does not bring about
        return len(np.unique(hashes))
    return len(hashes) - int(np.count_nonzero(same))


def _heads(key_hash: Hashes) -> npt.NDArray[np.uint64]:
    columns = np.ascontiguousarray(key_hash).view(np.uint8).reshape(-1, HASH_BYTES)
    return np.ascontiguousarray(columns[:, :8]).view(">u8").reshape(-1).astype(np.uint64)


def resolve_base(segments: Sequence[Rows]) -> list[Mask]:
    """Which rows of each segment are the newest of their key: bool (rows,) each."""
    if not segments:
        return []
    newest = newest_mask(
        np.concatenate([part.key_hash for part in segments]),
        np.concatenate([part.order for part in segments]),
    )
    return np.split(newest, np.cumsum([len(part) for part in segments])[:-1])


def overlay(base: Sequence[Part], top: Segment) -> tuple[Part, ...]:
    """The base with the rows of ``top`` on it; a row that both hold stays where it is."""
    if not len(top):
        return tuple(base)
    top_live = np.ones(len(top), bool)
    parts = []
    for part in base:
        held = part.segment
        at = np.minimum(np.searchsorted(held.key_hash, top.key_hash), max(len(held) - 1, 0))
        both = np.flatnonzero(held.key_hash[at] == top.key_hash) if len(held) else np.empty(0, np.int64)
        both = both[part.live[at[both]]]
        newer = top.order[both] > held.order[at[both]]
        live = part.live
        if newer.any():
            live = live.copy()
            live[at[both[newer]]] = False
        top_live[both[~newer]] = False
        parts.append(Part(held, live))
    return (*parts, Part(top, top_live))
