"""The nearest products of sampled photos, by computing every distance: what answers are judged by.

Each segment is one task, which reads it whole and computes the distance of each live photo from each query in float64. The nearest of
each segment are merged. Nothing of the search's own code decides anything here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import ray
import ray.data
from ray.data import TaskPoolStrategy

from lookalike.hashes import HASH_BYTES
from lookalike.layout import Layout
from lookalike.store import segment_reads
from lookalike.store.manifest import SegmentRef
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.rows import Embeddings, Hashes
from lookalike.store.segment import Segment
from lookalike.store.shard import Mask
from scripts.cluster.places import Places
from scripts.cluster.running import ClusterError, cluster_errors

_AT_ONCE: Final = 4096  # rows whose distances are in memory
_MERGED_AT_ONCE: Final = 64  # answers of segments
_NO_PRODUCT: Final = b""

Distances = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Some photos. key_hash, product_hash: S16 (photos,); embeddings: float32 (photos, dimensions)."""

    key_hash: Hashes
    product_hash: Hashes
    embeddings: Embeddings

    def __len__(self) -> int:
        return len(self.key_hash)


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The nearest products of each query, nearest first.

    distance: float64 (queries, k), infinite where there are no more; product_hash: S16 (queries, k).
    """

    distance: Distances
    product_hash: Hashes


@dataclass(frozen=True, slots=True)
class Live:
    """The segments of a store at one moment, and which rows of each are the newest of their keys: bool (rows,)."""

    places: Places
    refs: Sequence[SegmentRef | Entry]
    masks: Sequence[Mask]

    @property
    def rows(self) -> int:
        """How many rows are the newest of their keys."""
        return sum(int(np.count_nonzero(mask)) for mask in self.masks)

    def items(self) -> list[dict[str, Any]]:
        return [{"segment": number, "live": np.packbits(mask).tobytes()} for number, mask in enumerate(self.masks)]


def sample(live: Live, count: int, tasks: int) -> Photos:
    """The live photos with the smallest key hashes, at most ``count``: a random choice, and of one snapshot always the same.

    Raises ClusterError.
    """
    # Twice as many as are wanted, as the hashes of few rows are uneven, and some rows are no photos.
    most = _bound(2 * count / max(live.rows, 1))
    found = [
        Photos(
            np.frombuffer(row["key_hash"], f"S{HASH_BYTES}"),
            np.frombuffer(row["product_hash"], f"S{HASH_BYTES}"),
            np.frombuffer(row["embeddings"], np.float32).reshape(-1, row["dimensions"]),
        )
        for row in _of_each_segment(live, partial(_sampled, most=most), tasks)
        if row["key_hash"]
    ]
    if not found:
        return Photos(*2 * (np.empty(0, f"S{HASH_BYTES}"),), np.empty((0, 0), np.float32))
    key_hash = np.concatenate([photos.key_hash for photos in found])
    chosen = np.argsort(key_hash)[:count]
    return Photos(
        key_hash[chosen],
        np.concatenate([photos.product_hash for photos in found])[chosen],
        np.concatenate([photos.embeddings for photos in found])[chosen],
    )


def nearest(live: Live, queries: Photos, layout: Layout, k: int, tasks: int) -> Nearest:
    """The ``k`` nearest products of each query but its own, under the default weights. Raises ClusterError."""
    reference = ray.put((queries, layout))
    merged: list[Nearest] = [_none(len(queries), k)]
    for row in _of_each_segment(live, partial(_nearest_of, reference=[reference], k=k), tasks):
        distance = np.frombuffer(row["distance"], np.float64).reshape(len(queries), k)
        merged.append(Nearest(distance, np.frombuffer(row["product_hash"], f"S{HASH_BYTES}").reshape(len(queries), k)))
        if len(merged) > _MERGED_AT_ONCE:
            merged = [merge(merged, k)]
    return merge(merged, k)


def _of_each_segment(live: Live, work: Any, tasks: int) -> Iterator[dict[str, Any]]:
    items = live.items()
    if not items:
        return
    refs = ray.put(list(live.refs))
    read = partial(_read_and, places=live.places, refs=[refs], work=work)
    dataset = ray.data.from_items(items, override_num_blocks=len(items))
    done = 0
    with cluster_errors("The segments could not be read"):
        for row in dataset.map(read, compute=TaskPoolStrategy(size=tasks), num_cpus=1).iter_rows():
            yield row
            done += 1
    if done < len(items):  # Ray passes over a task that fails: see ``running``
        raise ClusterError(f"{len(items) - done} of {len(items)} segments could not be read. Run this again.")


def _read_and(item: dict[str, Any], *, places: Places, refs: list[Any], work: Any) -> dict[str, Any]:
    """Do the work on a segment. ``refs``: a reference in a list, which Ray leaves as it is."""
    store: ObjectStore = places.open_store(places.client())
    rows = segment_reads.read_segment(store, ray.get(refs[0])[item["segment"]])
    live = np.unpackbits(np.frombuffer(item["live"], np.uint8), count=len(rows)).view(np.bool_)
    done: dict[str, Any] = work(rows, live)
    return done


def _sampled(rows: Segment, live: Mask, *, most: bytes) -> dict[str, Any]:
    puts = np.flatnonzero(live & rows.is_put & (rows.key_hash <= np.bytes_(most)))
    return {
        "key_hash": rows.key_hash[puts].tobytes(),
        "product_hash": rows.product_hash[puts].tobytes(),
        "embeddings": rows.embedding[rows.put_index[puts]].tobytes(),
        "dimensions": rows.dimensions,
    }


def _nearest_of(rows: Segment, live: Mask, *, reference: list[Any], k: int) -> dict[str, Any]:
    queries, layout = ray.get(reference[0])
    found = nearest_in(rows, live, queries, layout, k)
    return {"distance": found.distance.tobytes(), "product_hash": found.product_hash.tobytes()}


def nearest_in(rows: Segment, live: Mask, queries: Photos, layout: Layout, k: int) -> Nearest:
    """The ``k`` nearest products of each query but its own, among the live photos of a segment."""
    puts = np.flatnonzero(live & rows.is_put)
    puts = puts[np.argsort(rows.product_hash[puts], kind="stable")]
    scales = layout.by_column(layout.weights)
    scaled = queries.embeddings * scales
    lengths = np.square(scaled).sum(axis=1)[:, np.newaxis]
    merged = [_none(len(queries), k)]
    for start in range(0, len(puts), _AT_ONCE):
        some = puts[start : start + _AT_ONCE]
        embeddings = rows.embedding[rows.put_index[some]] * scales
        squared = lengths + np.square(embeddings).sum(axis=1) - 2 * (scaled @ embeddings.T)
        products = rows.product_hash[some]
        starts = np.flatnonzero(np.append(True, products[1:] != products[:-1]))
        squared, products = np.minimum.reduceat(squared, starts, axis=1), products[starts]
        squared[queries.product_hash[:, np.newaxis] == products] = np.inf
        merged.append(_first(np.sqrt(np.maximum(squared, 0)), np.broadcast_to(products, squared.shape), k))
        if len(merged) > _MERGED_AT_ONCE:
            merged = [merge(merged, k)]
    return merge(merged, k)


def merge(some: Sequence[Nearest], k: int) -> Nearest:
    """The nearest products among several answers to the same queries."""
    distance = np.concatenate([nearest.distance for nearest in some], axis=1)
    product_hash = np.concatenate([nearest.product_hash for nearest in some], axis=1)
    by_distance = np.argsort(distance, axis=1, kind="stable")
    distance = np.take_along_axis(distance, by_distance, axis=1)
    product_hash = np.take_along_axis(product_hash, by_distance, axis=1)
    for query in range(len(distance)):
        again = np.ones(distance.shape[1], bool)
        again[np.unique(product_hash[query], return_index=True)[1]] = False
        distance[query, again] = np.inf
    return _first(distance, product_hash, k)


def _first(distance: Distances, product_hash: Hashes, k: int) -> Nearest:
    """The ``k`` products with the smallest distances, each of which is there once."""
    missing = k - distance.shape[1]
    if missing > 0:
        distance = np.pad(distance, ((0, 0), (0, missing)), constant_values=np.inf)
        product_hash = np.pad(product_hash, ((0, 0), (0, missing)), constant_values=_NO_PRODUCT)
    smallest = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return Nearest(np.take_along_axis(distance, smallest, axis=1), np.take_along_axis(product_hash, smallest, axis=1))


def _none(queries: int, k: int) -> Nearest:
    return Nearest(np.full((queries, k), np.inf), np.full((queries, k), _NO_PRODUCT, f"S{HASH_BYTES}"))


def _bound(share: float) -> bytes:
    """The hash below which this share of all hashes is."""
    most = 1 << 8 * HASH_BYTES
    return min(int(share * most), most - 1).to_bytes(HASH_BYTES)
