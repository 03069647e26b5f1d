"""Exact k-nearest products by weighted Euclidean distance; lower bounds rule out most rows without reading them.

The distance is that of ``layout``, under the weights that a search is given.

    1. Scan: a lower bound of every row's distance, from the heads of the codes (``bounds``).
    2. Limit: exact distances of the rows with the smallest bounds, enough for k products. The k-th product of those is at
       least as far as the k-th of all, so its distance is a limit: a row with a larger bound is not in the answer.
    3. Refine: tighter bounds of the rows within the limit, from all coordinates, unless they are few and in memory.
    4. Exact: distances of the remaining rows from their embeddings, in float64 and from the differences, smallest bound first,
       until the next bound exceeds the k-th distance. Those distances decide; ties go to the smaller image key.

``codes`` and ``parted`` prove that no bound exceeds its distance. Given that, each step drops only rows that cannot be in the answer, and
the answer equals that of computing every distance.

A search may have several queries. Then the distance of a row is the smallest to any of them, and so are its bounds: the steps
above stay as they are, every row is scanned once, and the queries share the limit.
"""

import heapq
import math
from collections.abc import Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lookalike.codes import bounds
from lookalike.codes.distance import squared_float_distances
from lookalike.codes.parted import Distances, Numbers
from lookalike.layout import Weights
from lookalike.search.ranked import Filter
from lookalike.search.scan import Scan
from lookalike.search.timings import Timings
from lookalike.search.weighting import Weighting
from lookalike.store.rows import Embeddings, PhotoRecord
from lookalike.store.shard import Mask
from lookalike.store.snapshot import Snapshot

_FIRST_PER_PRODUCT = 4  # rows computed for each of the k products, at first
_FIRST_EXACT = 24  # rows of the first exact step, which mostly holds the nearest
_THEN_TIMES = 16  # growth of each further step
_FEW_NUMBERS = 800_000  # in rows so few that computing them takes no longer than bounding them once more
_EXACT_AT_ONCE = 1024  # rows whose embeddings are copied, and widened to float64, at a time

_SURELY_IN_RANGE = 2.0**127  # the least sum of squares that float32 cannot hold


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A product: the key of its nearest photo, and that photo's distance from the query, under the weights of the search.

    ``query``: the place of the query that is the nearest to the photo, where there were several.
    """

    product_id: str
    key: str
    distance: float
    query: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """Neighbours, nearest first, and how the search went.

    rows_scanned, rows_refined, rows_exact: the rows bounded, bounded a second time, and computed exactly. ``found``: photos
    that are not in memory, by key, with their embeddings; ``is_exact``: whether no product can be missing, which an index
    cannot promise.
    """

    neighbours: tuple[Neighbour, ...]
    rows_scanned: int = 0
    rows_refined: int = 0
    rows_exact: int = 0
    found: Mapping[str, tuple[PhotoRecord, Embeddings]] = field(default_factory=dict)
    is_exact: bool = True


def nearest_products(
    snapshot: Snapshot,
    query: npt.NDArray[np.float32],
    *,
    k: int,
    weights: Weights | None = None,
    exclude: Collection[bytes] = (),
    allowed: Filter | None = None,
    executor: Executor | None = None,
    timings: Timings | None = None,
) -> Answer:
    """The k nearest products, each with its nearest photo: fewer where the catalogue has fewer.

    ``query``: float32 (dimensions,), or float32 (queries, dimensions), of which the nearest counts. ``weights``: of the parts,
    the snapshot's defaults by default. ``exclude``: product hashes that are left out. ``allowed``: the rows to rank, all by default. ``executor``: its threads share the scan of a
    large store. ``timings`` receives the stages scan, limit, exact and names. Raises ValueError where k < 1
    or no weights of the parts are given, StoreError where embeddings cannot be read.
    """
    if k < 1:
        raise ValueError(f"k is {k}; it must be 1 or more")
    timings = timings or Timings()
    queries = np.atleast_2d(query)
    weighting = Weighting.of(snapshot.layout, weights)
    with timings.stage("scan"):
        shards = [shard for shard in snapshot.shards if len(shard.live_puts)]
        scan = Scan(shards, queries, weighting.weights, exclude=exclude, allowed=allowed)
        scan.run(executor)
    search = _Search(scan, queries, weighting, k)
    with timings.stage("limit"):
        search.find_limit()
    with timings.stage("exact"):
        search.finish()
    with timings.stage("names"):
        neighbours = search.neighbours()
    return Answer(neighbours, scan.live, search.rows_refined, search.rows_exact)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Some rows, and the bound or the distance of each."""

    row: Numbers
    value: Distances


@dataclass(frozen=True, slots=True)
class _Computed:
    """Some rows, the distance of each, and the place of the query that is the nearest to it."""

    row: Numbers
    distance: Distances
    query: Numbers


class _Search:
    """The state of a search: ``computed``, rows with exact distances, and ``limit``, the k-th product's distance among them."""

    def __init__(self, scan: Scan, queries: npt.NDArray[np.float32], weighting: Weighting, k: int) -> None:
        self._scan = scan
        self._queries32 = queries
        self._queries = queries.astype(np.float64)
        self._weighting = weighting
        self._k = k
        self._nearest: dict[bytes, float] = {}  # the distance of each product, by the rows computed
        self.computed: list[_Computed] = []
        self.limit = math.inf
        self._is_crowded = False  # near the query are products with many photos
        self.rows_refined = 0
        self.rows_exact = 0

    def find_limit(self) -> None:
        """Compute the rows of the smallest bounds, and of each of k products the first; of all products where there are fewer."""
        rows, every = _FIRST_PER_PRODUCT * self._k, False
        first_of: dict[bytes, int] = {}
        while not every and len(first_of) < self._k:
            nearest, every = self._scan.nearest(rows)
            first_of = {}  # the place of each product's row of smallest bound
            for place, product in enumerate(self._scan.products(nearest)):
                first_of.setdefault(product, place)
                if len(first_of) == self._k:
                    break
            rows *= 4
        if first_of:
            self._k = len(first_of)
            first = min(_FIRST_PER_PRODUCT * self._k, len(nearest))
            self._is_crowded = max(first_of.values()) >= first
            more = [place for place in first_of.values() if place >= first]
            self._compute(nearest[[*range(first), *more]] if more else nearest[:first])

    def finish(self) -> None:
        """Compute every other row whose bound is within the limit; the limit falls on the way."""
        rows = self._scan.within(self.limit)
        if self._scan.is_resident and rows.size * self._queries.shape[1] <= _FEW_NUMBERS and not self._is_crowded:
            if len(rows):
                self._compute(rows)
            return
        left = self._refined(rows)
        if self._is_crowded:
            left = self._contenders(left)
        # Rows outside memory are read in one step: a second round trip costs more than the rows that it may spare.
        start, size = 0, _FIRST_EXACT if self._scan.is_resident else len(left.row)
        while True:
            within = int(np.searchsorted(left.value, bounds.inflated_square(self.limit), side="right"))
            end = min(start + size, within)
            if end <= start:
                return
            self._compute(left.row[start:end])
            start, size = end, size * _THEN_TIMES

    def neighbours(self) -> tuple[Neighbour, ...]:
        """The answer."""
        named = []
        for rows in self.computed:
            # Names of these rows only: one placeholder photo may stand for thousands of products.
            for place in np.flatnonzero(rows.distance <= self.limit).tolist():
                shard, row = self._scan.place(int(rows.row[place]))
                product_id, key = shard.segment.name(row)
                named.append((float(rows.distance[place]), key, product_id, int(rows.query[place])))
        neighbours: dict[str, Neighbour] = {}
        for distance, key, product_id, query in sorted(named):
            if len(neighbours) < self._k and product_id not in neighbours:
                neighbours[product_id] = Neighbour(product_id, key, distance * self._weighting.scale, query)
        return tuple(neighbours.values())

    def _refined(self, rows: Numbers) -> _Rows:
        """The rows ascending by refined bound."""
        values = self._scan.refined(rows)
        self.rows_refined += len(rows)
        nearest_first = np.argsort(values)
        return _Rows(rows[nearest_first], values[nearest_first])

    def _contenders(self, rows: _Rows) -> _Rows:
        """The rows whose bounds are at most their products' distances so far: of products with many photos, only a few."""
        distances = np.array([self._nearest.get(product, math.inf) for product in self._scan.products(rows.row)])
        may_be_nearest = rows.value <= bounds.inflated_square(distances)
        return _Rows(rows.row[may_be_nearest], rows.value[may_be_nearest])

    def _compute(self, rows: Numbers) -> None:
        """Compute the distances of these rows."""
        self._scan.drop(rows)  # each row is computed once
        self.rows_exact += len(rows)
        ascending = np.sort(rows)
        # Rows from the store come in one read, and are in memory after it.
        size = _EXACT_AT_ONCE if self._scan.is_resident else len(rows)
        for start in range(0, len(rows), size):
            self._add(ascending[start : start + size])

    def _add(self, rows: Numbers) -> None:
        distances, queries = self._distances(self._scan.read(rows))
        near = np.isfinite(distances)
        if not near.all():
            rows, distances, queries = rows[near], distances[near], queries[near]
        self.computed.append(_Computed(rows, distances, queries))
        for product, distance in zip(self._scan.products(rows), distances.tolist(), strict=True):
            if distance < self._nearest.get(product, math.inf):
                self._nearest[product] = distance
        if len(self._nearest) >= self._k:
            self.limit = heapq.nsmallest(self._k, self._nearest.values())[-1]

    def _distances(self, vectors: npt.NDArray[np.float32]) -> tuple[Distances, Numbers]:
        """The distance of each embedding from the nearest query, in float64, and that query's place.

        The distance is infinite where it is surely beyond the limit.
        """
        distances, queries = np.full(len(vectors), np.inf), np.zeros(len(vectors), np.intp)
        for number, (query, perhaps) in enumerate(zip(self._queries, self._perhaps_nearest(vectors), strict=True)):
            near = np.flatnonzero(perhaps)
            for start in range(0, len(near), _EXACT_AT_ONCE):
                some = near[start : start + _EXACT_AT_ONCE]
                exact = self._weighting.distances(vectors[some] - query)
                is_nearer = exact < distances[some]
                distances[some[is_nearer]] = exact[is_nearer]
                queries[some[is_nearer]] = number
        return distances, queries

    def _perhaps_nearest(self, vectors: npt.NDArray[np.float32]) -> Mask:
        """Which queries float32 cannot prove to be beyond the limit, or farther than another query: bool (queries, rows).

        A sum of d squares of differences is off by at most (d + 4) 2^-24 of itself in any order of summing, and by
        d 2^-149 where squares are below float32's normal range; or it is beyond float32's range. Weights, at most 1, and
        sums in float64 add nothing to that.
        """
        is_alone = len(self._queries) == 1
        if is_alone and self.limit == math.inf:
            return np.ones((1, len(vectors)), bool)
        dimensions = vectors.shape[1]
        relative, absolute = (dimensions + 4) * 2.0**-24, dimensions * 2.0**-149
        squared = self._weighting.sum(
            lambda columns: squared_float_distances(vectors[:, columns], self._queries32[:, columns])
        )
        within = self.limit * self.limit
        if not is_alone:
            within = np.minimum(within, (squared.min(axis=0) + absolute) / (1 - relative))
        squared *= 1 - relative
        squared[np.isinf(squared)] = _SURELY_IN_RANGE * self._weighting.least_square
        near: npt.NDArray[np.bool_] = squared <= within + absolute
        return near
