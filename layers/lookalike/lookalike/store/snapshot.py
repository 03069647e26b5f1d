"""Snapshots: what the store holds at one moment.

A snapshot is the newest manifest's segments plus the log segments not folded into them. Of all rows of a key the newest is
live, wherever it is.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.errors import NotFound
from lookalike.store.manifest import Manifest
from lookalike.store.records import HASH_BYTES, Op, Row, text_hash
from lookalike.store.rows import Embeddings, Hashes, PhotoRecord, Rows
from lookalike.store.segment import Segment

Mask = npt.NDArray[np.bool_]


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

        One pass however many products there are: a table of the first two bytes leaves few rows to compare in full.
        """
        hashes = np.array(list(products), f"S{HASH_BYTES}")
        may_match = np.zeros(2**16, bool)
        may_match[_first_two_bytes(hashes)] = True
        rows = np.flatnonzero(may_match[_first_two_bytes(self.segment.product_hash)] & self.live)
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
        photos = self._photos([product_id])
        if not photos:
            raise NotFound(f"the catalogue has no product {product_id!r}")
        return photos

    def metadata(self, product_ids: Collection[str]) -> dict[str, dict[str, str]]:
        """The merged metadata of each product (see ``merged_metadata``); products without a photo are left out."""
        photos: dict[str, list[PhotoRecord]] = {}
        for photo in self._photos(product_ids):
            photos.setdefault(photo.product_id, []).append(photo)
        return {product_id: merged_metadata(own) for product_id, own in photos.items()}

    def embeddings(self, product_id: str, *, at_most: int) -> tuple[Embeddings, int]:
        """Embeddings of a product's searchable photos, float32 (photos, dimensions), and how many such photos there are.

        Of more than ``at_most`` photos those with the smallest key hashes, which is a choice at random that no compaction
        changes. Each part is one batched read, and all parts are read at once. Raises StoreError.
        """
        rows_of = [(part.segment, part.rows_of([text_hash(product_id)])) for part in self.parts]
        puts_of = [(segment, rows[segment.is_put[rows]]) for segment, rows in rows_of]
        puts_of = [(segment, puts) for segment, puts in puts_of if len(puts)]
        if not puts_of:
            return np.empty((0, 0), np.float32), 0
        keys = np.sort(np.concatenate([segment.key_hash[puts] for segment, puts in puts_of]))
        reads, embeddings = [], []
        for segment, puts in puts_of:
            chosen = puts[np.isin(segment.key_hash[puts], keys[:at_most])]
            reads.append(segment.start_reading(segment.put_index[chosen]))
            embeddings.append(np.empty((len(chosen), segment.dimensions), np.float32))
        for wait, target in zip(reads, embeddings, strict=True):
            wait(target)
        return np.concatenate(embeddings), len(keys)

    def _photos(self, product_ids: Collection[str]) -> list[PhotoRecord]:
        """The searchable and the rejected photos of products, by key."""
        products = [text_hash(product_id) for product_id in product_ids]
        photos = [
            part.segment.photo(int(row))
            for part in self.parts
            for row in part.rows_of(products)
            if part.segment.op[row] != Op.DELETE
        ]
        return sorted(photos, key=lambda photo: photo.key)

    def rows(self) -> Iterator[Row]:
        """Every searchable or rejected row, in no particular order."""
        for part in self.parts:
            for row in np.flatnonzero(part.live & (part.segment.op != Op.DELETE)):
                yield part.segment.row(int(row))


def merged_metadata(photos: Iterable[PhotoRecord]) -> dict[str, str]:
    """A product's metadata: of each name the first value that is not empty among its searchable photos, in the order given."""
    merged: dict[str, str] = {}
    for photo in photos:
        if photo.op is Op.PUT:
            for name, value in photo.detail.items():
                if value:
                    merged.setdefault(name, value)
    return merged


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


def _first_two_bytes(hashes: Hashes) -> npt.NDArray[np.uint16]:
    return np.ascontiguousarray(hashes).view(np.uint16).reshape(-1, HASH_BYTES // 2)[:, 0]


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
