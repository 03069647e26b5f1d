"""How many of the nearest products answers have: of an index, and of the certified search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from lookalike.errors import StoreUnavailable
from lookalike.hashes import padded, text_hash
from lookalike.search import indexed, knn
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.search.knn import Neighbour
from lookalike.store import segment_reads
from lookalike.store.manifest import PHOTO_STORE
from lookalike.store.object_store import ObjectStore
from lookalike.store.partitions import live_rows
from lookalike.store.reader import SnapshotReader
from lookalike.store.rows import Embeddings
from lookalike.store.snapshot import Snapshot
from lookalike.store.state import ATTEMPTS, look
from scripts.cluster.nearest import Live, Nearest, Photos
from scripts.cluster.places import Places

_TIES: Final = 1e-6  # of a distance: two ways to add up the same numbers differ by less

Search = Callable[[Embeddings, bytes], Sequence[Neighbour]]
"""The nearest products of a photo, nearest first, without the product of that hash."""


@dataclass(frozen=True, slots=True)
class Count:
    """``found`` of ``wanted`` nearest products, of ``queries`` that have any; ``whole``: queries of which all were found."""

    queries: int
    found: int
    wanted: int
    whole: int


def one_moment(store: ObjectStore, reader: SnapshotReader, places: Places) -> tuple[Snapshot, Live]:
    """A snapshot, and the same rows as segments with their masks.

    Raises StoreError, StoreUnavailable also where the store changes all the time.
    """
    for _ in range(ATTEMPTS):
        snapshot = reader.refresh()
        state = look(store, PHOTO_STORE)
        if state.manifest.id == snapshot.manifest.id and {entry.name for entry in state.waiting} == snapshot.log_names:
            refs = segment_reads.all_of(state)
            partitions = list(live_rows(store, refs))
            masks = [np.concatenate([rows.live for rows in of_segment]) for of_segment in zip(*partitions, strict=True)]
            return snapshot, Live(places, refs, masks)
    raise StoreUnavailable(
        f"the store changed during {ATTEMPTS} attempts to read it. Try again when fewer photos come."
    )


def search_of(snapshot: Snapshot, k: int) -> Search:
    """The search that the query function would do in this snapshot."""
    if isinstance(snapshot, IndexedSnapshot):
        nearest = partial(indexed.nearest_products, snapshot, k=k)
        return lambda query, product: nearest(query, exclude=[product]).neighbours
    return lambda query, product: knn.nearest_products(snapshot, query, k=k, exclude=[product]).neighbours


def judge(queries: Photos, truth: Nearest, search: Search, on_done: Callable[[int], None] = lambda _: None) -> Count:
    """Search with each photo and count the answered products that are among its nearest.

    A product that is as near as the farthest of these counts: of several, each is right. ``on_done`` gets the number of queries.
    """
    asked = found = wanted = whole = 0
    for query, (distances, hashes) in enumerate(zip(truth.distance, truth.product_hash, strict=True)):
        count = int(np.count_nonzero(np.isfinite(distances)))
        if count:
            products = {padded(product) for product in hashes[:count].tolist()}
            limit = float(distances[count - 1]) * (1 + _TIES) + _TIES
            answered = {
                product
                for item in search(queries.embeddings[query], padded(queries.product_hash[query]))
                if (product := text_hash(item.product_id)) in products or item.distance <= limit
            }
            asked += 1
            wanted += count
            found += min(len(answered), count)
            whole += len(answered) >= count
        on_done(query + 1)
    return Count(asked, found, wanted, whole)
