"""The gate: compaction publishes segments only if searching them gives scikit-learn's answers.

The segments are opened as a reader opens them. The queries are sampled rows and mixtures of two; the reference is a brute-force
``NearestNeighbors`` over the same rows. A search computes the nearest rows anyway, so most bounds never decide: bounds of sampled
rows are compared with their distances as well. Earlier segments passed when they were written, and the nearest of all rows are among
the nearest of each segment, so only new segments need the check.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from lookalike.codes.bounds import inflated_square
from lookalike.codes.parted import Distances
from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject, NotExact
from lookalike.hashes import text_hash
from lookalike.layout import MAX_FACTOR, Layout, Weights
from lookalike.search.knn import Neighbour, nearest_products
from lookalike.search.scan import Scan
from lookalike.search.weighting import Weighting
from lookalike.store.manifest import EMPTY
from lookalike.store.object_store import MemoryStore
from lookalike.store.rows import Hashes
from lookalike.store.segment import Segment
from lookalike.store.segment_file import Encoded
from lookalike.store.shard import Shard
from lookalike.store.snapshot import Snapshot
from lookalike.store.stored_segment import StoredSegment

_QUERIES = 16  # of each kind
_OTHER_QUERIES = 4  # under weights other than the defaults
_K = 10
_BOUNDED = 512  # rows for each query
_RELATIVE = 1e-5
_SQUARED_BY_FLOAT32 = (2.0**-40, 2.0**60)
_LOST_BY_FLOAT32 = 2.0**-60  # error of a distance whose square is below float32's range
_OF_THE_NORM = 1e-6  # scikit-learn computes |x|^2 - 2 x.q + |q|^2, which loses digits where x and q are close


def judge(written: Sequence[Encoded], rows: Segment, rotations: Mapping[str, Rotation]) -> None:
    """Compare searches of the encoded segments with scikit-learn's over their rows. Raises NotExact on a difference.

    ``rotations``: those of the segments' codes, by name.
    """
    if not len(rows.embedding):
        return
    queries = _queries(rows.embedding)
    with ThreadPoolExecutor(2, thread_name_prefix="gate") as pool:
        shards = tuple(_open(encoded, rotations, pool) for encoded in written)
        snapshot = Snapshot(EMPTY, frozenset(), shards, rows.layout)
        for weights in _weights(rows.layout, len(queries)):
            _compare_searches(snapshot, rows, queries if weights is None else queries[:_OTHER_QUERIES], weights)


def _weights(layout: Layout, seed: int) -> Iterator[Weights | None]:
    """The default weights; where there are several parts also random ones, with all parts and without each of them."""
    yield None
    rng = np.random.default_rng(seed)
    parts = len(layout.parts)
    for left_out in range(parts + 1 if parts > 1 else 0):
        weights = MAX_FACTOR * rng.random(parts) * (layout.weights + rng.random(parts))
        weights[left_out : left_out + 1] = 0
        yield weights


def _compare_searches(
    snapshot: Snapshot, rows: Segment, queries: npt.NDArray[np.float32], weights: Weights | None
) -> None:
    by_column = rows.layout.by_column(rows.layout.weights if weights is None else weights)
    # scikit-learn computes float32 in float64, block by block; only what float32 cannot square needs twice the memory.
    least, most = _SQUARED_BY_FLOAT32
    largest = np.maximum(rows.embedding.max(axis=0), -rows.embedding.min(axis=0))
    is_wide = not least < float((largest * by_column).max()) < most
    vectors = rows.embedding.astype(np.float64) if is_wide else rows.embedding
    if (by_column != 1).any():
        vectors = vectors * by_column.astype(vectors.dtype)
    brute = NearestNeighbors(algorithm="brute").fit(vectors)
    expected = _expected(brute, rows.product_hash[rows.put_rows], (queries * by_column).astype(vectors.dtype))
    for query, theirs in zip(queries, expected, strict=True):
        _check_bounds(snapshot, query, weights)
        answer = nearest_products(snapshot, query, k=_K, weights=weights).neighbours
        lost = _OF_THE_NORM * float(np.linalg.norm(query * by_column))
        _compare(answer, theirs, lost if is_wide else lost + _LOST_BY_FLOAT32)


def _expected(brute: NearestNeighbors, products: Hashes, queries: npt.NDArray[Any]) -> list[dict[bytes, float]]:
    """The nearest products of each query by scikit-learn, nearest first: hash and distance."""
    neighbours = 4 * _K
    while True:
        count = min(neighbours, len(products))
        distances, rows = brute.kneighbors(queries, n_neighbors=count)
        nearest: list[dict[bytes, float]] = [{} for _ in queries]
        for theirs, *ranked in zip(nearest, distances.tolist(), products[rows].tolist(), strict=True):
            for distance, product in zip(*ranked, strict=True):
                theirs.setdefault(product, distance)
        if count == len(products) or all(len(theirs) >= _K for theirs in nearest):
            return [dict(list(theirs.items())[:_K]) for theirs in nearest]
        neighbours *= 4


def _compare(answer: Sequence[Neighbour], expected: Mapping[bytes, float], lost: float) -> None:
    """Demand the same products at the same distances in the same order, up to what scikit-learn's digits can tell apart."""
    if len(answer) != len(expected):
        raise NotExact(f"the search gives {len(answer)} products and scikit-learn {len(expected)}: not published")
    for place, (ours, distance) in enumerate(zip(answer, expected.values(), strict=True)):
        product = text_hash(ours.product_id).rstrip(b"\0")  # as NumPy gives them
        tolerance = _RELATIVE * distance + lost
        theirs = expected.get(product, distance)
        if abs(ours.distance - distance) > tolerance or abs(ours.distance - theirs) > tolerance:
            raise NotExact(
                f"the search has product {ours.product_id!r} in place {place} at {ours.distance}; scikit-learn has {distance} "
                f"in that place and {theirs} for that product: not published"
            )


def _check_bounds(snapshot: Snapshot, query: npt.NDArray[np.float32], weights: Weights | None) -> None:
    """Demand that no bound of the sampled rows exceeds its distance."""
    scaled = Weighting.of(snapshot.layout, weights).weights
    scan = Scan(snapshot.shards, query[np.newaxis], scaled)
    scan.run()
    rows = np.sort(np.random.default_rng(len(scan)).choice(len(scan), min(len(scan), _BOUNDED), replace=False))
    differences = (scan.read(rows) - query.astype(np.float64)) * snapshot.layout.by_column(scaled)
    distances: Distances = np.sqrt(np.square(differences).sum(axis=1))
    limits = inflated_square(distances)
    for low in (scan.bounds(rows), scan.refined(rows)):
        if not (low <= limits).all():
            raise NotExact("a lower bound exceeds its distance: not published")


def _open(encoded: Encoded, rotations: Mapping[str, Rotation], pool: ThreadPoolExecutor) -> Shard:
    def rotation_of_segment(name: str) -> Rotation:
        if name not in rotations:
            raise CorruptObject(f"a segment without the rotation {name} names it")
        return rotations[name]

    store = MemoryStore()
    store.put_if_absent("written", encoded.data)
    scanned = store.get_range("written", 0, encoded.scan_bytes)
    held = StoredSegment(store, "written", scanned, rotation=rotation_of_segment, pool=pool)
    held.make_resident()
    return Shard(held, np.ones(len(held), bool))


def _queries(embedding: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Float32 (up to twice ``_QUERIES``, dimensions)."""
    rng = np.random.default_rng(len(embedding))
    chosen = embedding[rng.choice(len(embedding), min(_QUERIES, len(embedding)), replace=False)]
    return np.concatenate([chosen, chosen / 2 + rng.permutation(chosen) / 2])
