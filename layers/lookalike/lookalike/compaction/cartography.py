"""Draws the map of the catalogue: a place for one photo of each product, into an object that the manifest names (``map_file``).

Segments are read twice, one in memory at a time: to choose each product's photo and the landmarks, and to place the photos. Of a
store that is larger than ``some_segments`` reads, the products of some segments are on the map.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lookalike.compaction.neighbours import some_segments
from lookalike.compaction.places import LANDMARKS, Landscape, Points, places_of
from lookalike.errors import StoreError
from lookalike.hashes import HASH_BYTES, hashes_of
from lookalike.store import map_file, names, segment_reads
from lookalike.store.creation import create
from lookalike.store.manifest import Manifest, MapRef, SegmentRef
from lookalike.store.map_file import CatalogueMap
from lookalike.store.neighbours import sampled
from lookalike.store.object_store import ObjectStore
from lookalike.store.rows import Embeddings, Hashes
from lookalike.store.segment import Segment
from lookalike.store.shard import Mask

RESERVE_S = 180.0
"""Drawing begins only where more time is left, and takes no longer."""

_FEWEST = 16  # photos
_MAX_PRODUCTS = 200_000
_GROWTH = 1.2
_DAY_MS = 24 * 60 * 60 * 1000

_Rows = npt.NDArray[np.int64]


def is_due(manifest: Manifest, now_ms: int) -> bool:
    """Whether the store has no map yet, or has grown by a fifth since, or has changed at all and a day has passed."""
    old = manifest.map
    if sum(ref.puts for ref in manifest.segments) < _FEWEST:
        return False
    if old is None or _rows(manifest) >= _GROWTH * old.rows:
        return True
    return manifest.version > old.version and now_ms - old.made_ms >= _DAY_MS


def draw(store: ObjectStore, manifest: Manifest, live: Sequence[Mask]) -> tuple[MapRef | None, int, int]:
    """A map of the version that follows the manifest, stored and not yet published, and the bytes read and written.

    ``live``: of each segment's rows. None where no photo is live. Raises StoreError; then the new object is garbage.
    """
    read_bytes = 0

    @lru_cache(1)  # a store of one segment is read once
    def read(ref: SegmentRef) -> Segment:
        nonlocal read_bytes
        read_bytes += ref.stored_bytes
        return segment_reads.read_segment(store, ref)

    segments = some_segments(list(zip(manifest.segments, live, strict=True)))
    chosen = _Chosen()
    layout = read(segments[0][0]).layout  # the newest
    for number, (ref, mask) in enumerate(segments):
        chosen.add(number, read(ref), np.flatnonzero(mask & read(ref).is_put))
    if not chosen.photos:
        return None, read_bytes, 0
    product_ids = chosen.by_hash()[:_MAX_PRODUCTS]
    photos = [chosen.photos[product_id] for product_id in product_ids]
    landscape = Landscape(chosen.landmarks(product_ids), layout.by_column(layout.weights).astype(np.float32))
    number_of, row_of = (np.array([photo[place] for photo in photos], np.int64) for place in (1, 2))
    chance = _chance(_hashes(product_ids))
    points, order = np.empty((len(photos), 2)), np.empty(len(photos), "S32")
    for number, (ref, _) in reversed(list(enumerate(segments))):
        here, rows = np.flatnonzero(number_of == number), read(ref)
        some = row_of[here]
        order[here] = rows.order[some]
        points[here] = landscape.points(rows.embedding[rows.put_index[some]], chance[here])
    drawn = CatalogueMap(product_ids, [photo[0] for photo in photos], order, places_of(points))
    data = map_file.encode(drawn)
    name = names.new_map(data)
    if not create(store, name, data):
        raise StoreError(f"another object is named {name}, which a random name should rule out")
    return MapRef(name, manifest.version + 1, _rows(manifest), store.time_ms()), read_bytes, len(data)


class _Chosen:
    """One photo of each product, the first by key, and embeddings of those that may be landmarks.

    ``photos``: key, number of the segment and row there, by product id.
    """

    def __init__(self) -> None:
        self.photos: dict[str, tuple[str, int, int]] = {}
        self._embeddings: dict[tuple[int, int], Embeddings] = {}

    def add(self, number: int, rows: Segment, puts: _Rows) -> None:
        """Add the searchable rows of a segment."""
        for row in puts.tolist():
            product_id, key = rows.name(row)
            known = self.photos.get(product_id)
            if known is None or key < known[0]:
                self.photos[product_id] = key, number, row
        mine = np.array([row for _, of, row in self.photos.values() if of == number], np.int64)
        # Those with the smallest hashes: the landmarks are among them, whatever the other segments have.
        some = mine[sampled(rows.product_hash[mine], LANDMARKS)]
        for row, embedding in zip(some.tolist(), rows.read(rows.put_index[some]), strict=True):
            self._embeddings[number, row] = embedding

    def by_hash(self) -> list[str]:
        """The product ids in the order of their hashes."""
        product_ids = list(self.photos)
        return [product_ids[place] for place in np.argsort(_hashes(product_ids), kind="stable").tolist()]

    def landmarks(self, product_ids: Sequence[str]) -> Embeddings:
        """The embeddings of the first ``LANDMARKS`` of these products that are at hand: float32 (landmarks, dimensions)."""
        places = (self.photos[product_id][1:] for product_id in product_ids)
        found = [self._embeddings[place] for place in places if place in self._embeddings]
        return np.stack(found[:LANDMARKS])


def _rows(manifest: Manifest) -> int:
    return sum(ref.rows for ref in manifest.segments)


def _hashes(product_ids: Sequence[str]) -> Hashes:
    return np.frombuffer(hashes_of(product_id.encode() for product_id in product_ids), f"S{HASH_BYTES}")


def _chance(hashes: Hashes) -> Points:
    """Two numbers from 0 to 1 for each hash: float64 (hashes, 2)."""
    parts = np.ascontiguousarray(hashes).view(np.uint32).reshape(len(hashes), HASH_BYTES // 4)
    return parts[:, 2:] / 2**32
