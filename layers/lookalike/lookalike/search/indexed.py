"""The k nearest products with an index: the tail is searched exactly, and the body by candidates of the index.

    1. Tail: the k nearest products of the tail (``knn``).
    2. Candidates: the index gives photos near each query, under the default weights. Those that are live by the store count
       (``IndexedSnapshot.verified``). Of these the embeddings are read, and distances computed as in ``knn``.
    3. The k-th distance of both together is a limit. It is certain where no other photo of the body can be nearer, by the distance
       of the last candidate. Until then, or while there are fewer than k products, more candidates are asked for.
    4. Late events: photos of the tail in the answer that are older than a row of their key in the body are left out, and
       the tail is searched again.

So with an index that is exact the answer is exact, and with another it is as good as its candidates. Under other weights than the
default ones, certainty may take all candidates there are: then ``_OTHER_WEIGHTS_TIMES`` as many have to do.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from lookalike.codes.parted import Distances
from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.layout import Weights
from lookalike.search import knn
from lookalike.search.indexed_snapshot import Allowed, Found, IndexedSnapshot, without
from lookalike.search.knn import Answer, Neighbour
from lookalike.search.ranked import Filter
from lookalike.search.timings import Timings
from lookalike.search.weighting import Weighting
from lookalike.store.body import Place
from lookalike.store.rows import Embeddings, PhotoRecord
from lookalike.store.shard import Mask

MOST_CANDIDATES: Final = 2048
"""Candidates of a query photo at most, where the index has so many: each may be a request to the store."""

_FEWEST: Final = 32
_PER_PRODUCT: Final = 2
_OTHER_WEIGHTS_TIMES: Final = 4
_GROWTH: Final = 4
_ROUNDED: Final = 1 - 1e-4  # an index computes distances in float32


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A live photo of the body, its distance, and the place of the query that is the nearest to it."""

    found: Found
    distance: float
    query: int


def nearest_products(
    snapshot: IndexedSnapshot,
    query: npt.NDArray[np.float32],
    *,
    k: int,
    weights: Weights | None = None,
    exclude: Collection[bytes] = (),
    allowed: Filter | None = None,
    body_allowed: Allowed | None = None,
    executor: Executor | None = None,
    timings: Timings | None = None,
) -> Answer:
    """As ``knn.nearest_products``. ``allowed``: photos of the tail; ``body_allowed``: of the body; both or none are given.

    ``timings`` receives the stage index, too. Raises IndexUnavailable, too.
    """
    timings = timings or Timings()
    tail = snapshot.tail
    search_tail = partial(
        knn.nearest_products,
        query=query,
        k=k,
        weights=weights,
        exclude=exclude,
        allowed=allowed,
        executor=executor,
        timings=timings,
    )
    answer = search_tail(tail)
    if not snapshot.body:
        return answer
    body = _BodySearch(
        snapshot,
        np.atleast_2d(query),
        weights=weights,
        k=k,
        exclude=exclude,
        allowed=body_allowed,
        timings=timings,
    )
    while True:
        body.find(answer.neighbours)
        neighbours = body.merged(answer.neighbours)
        late = [item.key for item in set(neighbours).intersection(answer.neighbours) if snapshot.is_late(item.key)]
        if not late:
            found = {item.key: body.photos[item.key] for item in neighbours if item.key in body.photos}
            computed = answer.rows_exact + body.computed
            return replace(answer, neighbours=neighbours, rows_exact=computed, found=found, is_exact=False)
        tail = without(tail, late)
        answer = search_tail(tail)


class _BodySearch:
    """The candidates of a search so far. ``photos``: those whose names were read, by key, with their embeddings."""

    def __init__(
        self,
        snapshot: IndexedSnapshot,
        queries: npt.NDArray[np.float32],
        *,
        weights: Weights | None,
        k: int,
        exclude: Collection[bytes],
        allowed: Allowed | None,
        timings: Timings,
    ) -> None:
        layout = snapshot.layout
        self._snapshot, self._k, self._allowed, self._timings = snapshot, k, allowed, timings
        self._exclude = np.array(list(exclude), f"S{HASH_BYTES}")
        self._weighting = Weighting.of(layout, weights)
        self._queries = queries.astype(np.float64)
        default = layout.weights
        self._asked = (queries * layout.by_column(default)).astype(np.float32)
        asked = default if weights is None else weights
        # A row at a distance d under the default weights is at least so many times d away under those asked for.
        self._least_factor = float(min(asked[default > 0] / default[default > 0]))
        self._is_default = np.array_equal(asked, default)
        self._count = 0
        self._reach = 0.0  # every photo of the body that is nearer, under the default weights, is among the candidates
        self._candidates: dict[Place, _Candidate] = {}
        self._embeddings: dict[Place, Embeddings] = {}
        self._unlike: set[Place] = set()  # candidates that the index has under another key or product than the store
        self.photos: Mapping[str, tuple[PhotoRecord, Embeddings]] = {}
        self._read: dict[Place, PhotoRecord] = {}
        self.computed = 0

    def find(self, tail: Sequence[Neighbour]) -> None:
        """Ask for candidates until the k-th distance is certain, or as good as it gets."""
        first = max(_FEWEST, _PER_PRODUCT * self._k) * (1 if self._is_default else _OTHER_WEIGHTS_TIMES)
        most = min(MOST_CANDIDATES, self._snapshot.index.most_candidates)
        while self._count < most and not self._is_done(tail):
            self._count = min(max(first, _GROWTH * self._count), most)
            self._ask()

    def _is_done(self, tail: Sequence[Neighbour]) -> bool:
        if self._reach == math.inf:
            return True
        limit = self._limit(tail)
        if limit < self._reach * self._least_factor * _ROUNDED:
            return True
        return limit < math.inf and not self._is_default and self._count > 0

    def _ask(self) -> None:
        """The candidates near each query, the new ones with their distances."""
        snapshot, products = self._snapshot, self._allowed.products if self._allowed else None
        with self._timings.stage("index"):
            given = [snapshot.index.query(query, self._count, products=products) for query in self._asked]
        reaches, new = [], dict[Place, Found]()
        for candidates in given:
            is_all = len(candidates) < self._count
            reaches.append(math.inf if is_all else float(candidates.distances[-1]))
            for found in snapshot.verified(candidates):
                new.setdefault(found.place, found)
        self._reach = min(reaches)
        fresh = [found for place, found in new.items() if place not in self._candidates]
        fresh = [found for found, passes in zip(fresh, self._pass(fresh), strict=True) if passes]
        with self._timings.stage("exact"):
            embeddings = snapshot.read([found.place for found in fresh])
            distances, queries = self._distances(embeddings)
        self.computed += len(fresh)
        for number, found in enumerate(fresh):
            candidate = _Candidate(found, float(distances[number]) * self._weighting.scale, int(queries[number]))
            self._candidates[found.place] = candidate
            self._embeddings[found.place] = embeddings[number]

    def _pass(self, found: Sequence[Found]) -> Mask:
        products = np.array([item.product_hash for item in found], f"S{HASH_BYTES}")
        passes = ~np.isin(products, self._exclude)
        return passes & self._allowed.mask(products) if self._allowed else passes

    def _distances(self, embeddings: Embeddings) -> tuple[Distances, npt.NDArray[np.intp]]:
        each = np.stack([self._weighting.distances(embeddings - query) for query in self._queries])
        nearest = each.argmin(axis=0)
        return np.take_along_axis(each, nearest[None], axis=0)[0], nearest

    def _limit(self, tail: Sequence[Neighbour]) -> float:
        """The k-th distance of products so far, infinite where there are fewer."""
        nearest = {text_hash(neighbour.product_id): neighbour.distance for neighbour in tail}
        for place, candidate in self._candidates.items():
            product = candidate.found.product_hash
            if place not in self._unlike and candidate.distance < nearest.get(product, math.inf):
                nearest[product] = candidate.distance
        return sorted(nearest.values())[self._k - 1] if len(nearest) >= self._k else math.inf

    def merged(self, tail: Sequence[Neighbour]) -> tuple[Neighbour, ...]:
        """The k nearest products of the tail and the candidates, by names that the store has."""
        with self._timings.stage("names"):
            while not self._are_read(limit := self._limit(tail)):
                pass
        named = [(item.distance, item.key, item.product_id, item.query) for item in tail]
        photos = {}
        for place, candidate in self._candidates.items():
            if place not in self._unlike and candidate.distance <= limit:
                photo = self._read[place]
                photos[photo.key] = photo, self._embeddings[place]
                named.append((candidate.distance, photo.key, photo.product_id, candidate.query))
        self.photos = photos
        neighbours: dict[str, Neighbour] = {}
        for distance, key, product_id, query in sorted(named):
            if len(neighbours) < self._k and product_id not in neighbours:
                neighbours[product_id] = Neighbour(product_id, key, distance, query)
        return tuple(neighbours.values())

    def _are_read(self, limit: float) -> bool:
        """Read the names of the candidates within the limit; False where one of them is not what the index said."""
        unread = [
            candidate.found
            for place, candidate in self._candidates.items()
            if candidate.distance <= limit and place not in self._read and place not in self._unlike
        ]
        for found, photo in zip(unread, self._snapshot.body.side_by_side(self._snapshot.photo_of, unread), strict=True):
            if photo is None:
                self._unlike.add(found.place)
            else:
                self._read[found.place] = photo
        return not any(found.place in self._unlike for found in unread)
