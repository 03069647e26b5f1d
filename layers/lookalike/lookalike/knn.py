"""Exact k-nearest products by Euclidean distance, most of them ruled out without being looked at.

    1. Scan: a lower bound of every row's distance, from the heads of the codes (``bounds``).
    2. Limit: the rows with the smallest bounds, enough for k products, are computed exactly. The k-th product of those is at
       least as far as the k-th of all, so its distance is a limit: a row that is surely farther is not in the answer.
    3. Refine: tighter bounds of the rows that the limit leaves, from all of their coordinates.
    4. Exact: what is still left is computed from the embeddings, in float64 and from the differences, nearest bound first,
       until the next bound exceeds the k-th distance found. Those distances decide; ties go to the smaller image key.

That no bound exceeds the distance it bounds is ``codes``' business; given that, each step drops only rows that cannot be
in the answer, and the answer is that of computing every distance.
"""

import heapq
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from lookalike import bounds
from lookalike.code_distance import squared_float_distances
from lookalike.codes import Lengths, TurnedQuery, encode_query, turn_query
from lookalike.records import HASH_BYTES
from lookalike.snapshot import Mask, Part, Snapshot
from lookalike.timings import Timings

_ROWS_AT_ONCE = 65_536  # scanned together: what is computed of them stays in the processor's cache
_GROUP = 64  # rows of which the smallest bound stands for all where only the smallest are wanted
_FIRST_PER_PRODUCT = 4  # rows looked at for each product asked for, to begin with
_FIRST_EXACT = 24  # rows computed exactly at first, which mostly hold the nearest
_THEN_TIMES = 16  # as many the next time, and so on
_EXACT_AT_ONCE = 1024  # rows in float64 at a time, where they take twice the memory they are stored in

_SURELY_IN_RANGE = 2.0**127  # what a sum of squares is at least if float32 cannot hold it

Filter = Callable[[Part], Mask]
"""Which rows of a part may be found: bool (rows,)."""

Numbers = npt.NDArray[np.int64]
Distances = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A product: its nearest photo, that photo's metadata, and its Euclidean distance from the query."""

    product_id: str
    key: str
    metadata: dict[str, str]
    distance: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Neighbours, nearest first, and how they were found.

    rows_scanned, rows_refined, rows_exact: how many were bounded, bounded a second time, and computed; timings_ms: how long
    the scan, the first limit, the other exact rows, and the reading of names took.
    """

    neighbours: tuple[Neighbour, ...]
    rows_scanned: int = 0
    rows_refined: int = 0
    rows_exact: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)


def nearest_products(
    snapshot: Snapshot,
    query: npt.NDArray[np.float32],
    *,
    k: int,
    exclude: Collection[bytes] = (),
    allowed: Filter | None = None,
    executor: Executor | None = None,
) -> Answer:
    """The k nearest products, each with its nearest photo: fewer where the catalogue has fewer.

    ``query``: float32 (dimensions,). ``exclude``: product hashes that are not to be found. ``allowed``: the rows to be
    ranked, all without it. ``executor``: its threads share the scan of a large store. Raises ValueError where k < 1,
    StoreError where embeddings cannot be read.
    """
    if k < 1:
        raise ValueError(f"k is {k}; at least one product must be asked for")
    timings = Timings()
    with timings.stage("scan"):
        parts = [part for part in snapshot.parts if len(part.live_puts)]
        rotations = {id(part.segment.codes.frame.rotation): part.segment.codes.frame.rotation for part in parts}
        turned = {key: turn_query(query, rotation) for key, rotation in rotations.items()}
        scans = [_Scan(part, turned[id(part.segment.codes.frame.rotation)]) for part in parts]
        if exclude or allowed:
            for scan in scans:
                scan.leave_out(exclude, allowed)
        _run(scans, executor)
    search = _Search(scans, query, k)
    with timings.stage("limit"):
        search.find_limit()
    with timings.stage("exact"):
        search.finish()
    with timings.stage("names"):
        neighbours = search.neighbours()
    return Answer(neighbours, sum(scan.live for scan in scans), search.rows_refined, search.rows_exact, timings.ms)


class _Scan:
    """One part's rows and their lower bounds. Rows are numbered as puts: in the order in which the part keeps them."""

    def __init__(self, part: Part, query: TurnedQuery) -> None:
        self.part = part
        self.codes = part.segment.codes
        self.query = encode_query(query, self.codes)
        self.left_out = part.dead_puts
        self.low: Lengths = np.empty(len(self.codes), np.float32)

    def leave_out(self, exclude: Collection[bytes], allowed: Filter | None) -> None:
        """Rows that are not to be found are left out before anything is ranked."""
        unwanted = np.zeros(len(self.part.live), bool)
        for product in exclude:
            unwanted |= self.part.segment.product_hash == np.bytes_(product)
        if allowed:
            unwanted |= ~allowed(self.part)
        if unwanted.any():
            unwanted |= ~self.part.live
            self.left_out = np.flatnonzero(unwanted[self.part.segment.put_rows])

    @property
    def live(self) -> int:
        """How many rows are live."""
        return len(self.low) - len(self.part.dead_puts)

    def run(self, rows: slice) -> None:
        """Bound these rows."""
        self.low[rows] = bounds.scan(self.codes, self.query, rows)

    def smallest(self) -> Distances:
        """The smallest bound of each group of rows, squared distances."""
        groups = len(self.low) // _GROUP
        whole = self.low[: groups * _GROUP].reshape(groups, _GROUP).min(axis=1)
        rest = self.low[groups * _GROUP :].min(initial=np.inf)
        return self.squared(np.append(whole, rest))

    def squared(self, low: Lengths) -> Distances:
        """Bounds out of units of the step: squared distances. Below float32's normal range they may have been rounded up."""
        return np.where(low < np.finfo(np.float32).tiny, 0.0, low.astype(np.float64) * self.codes.frame.step**2)

    def rows_within(self, distance: float) -> Numbers:
        """The rows whose bounds are not above the distance, ascending."""
        return np.flatnonzero((self.low <= bounds.squared_limit(distance, self.codes)) & (self.low < np.inf))

    def refined(self, rows: Numbers) -> Distances:
        """Tighter bounds of these rows, squared distances."""
        return self.squared(bounds.refine(self.codes, self.query, rows))


def _run(scans: Sequence[_Scan], executor: Executor | None) -> None:
    """Bound every row of every scan, with the executor's threads where there is more to do than starting them takes."""
    tasks = [
        (scan, slice(start, start + _ROWS_AT_ONCE))
        for scan in scans
        for start in range(0, len(scan.low), _ROWS_AT_ONCE)
    ]
    shared = executor is not None and sum(len(scan.low) for scan in scans) > 2 * _ROWS_AT_ONCE
    for _ in (executor.map if executor and shared else map)(lambda task: task[0].run(task[1]), tasks):
        pass
    for scan in scans:
        scan.low[scan.left_out] = np.inf


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of several scans: which scan, which of its puts, and the bound or the distance of each."""

    scan: Numbers
    put: Numbers
    value: Distances

    def take(self, chosen: Numbers | slice) -> "_Rows":
        return _Rows(self.scan[chosen], self.put[chosen], self.value[chosen])


_NO_ROWS = _Rows(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


class _Search:
    """What is known so far: ``found``, rows with their exact distances, and ``limit``, the k-th product's among them."""

    def __init__(self, scans: Sequence[_Scan], query: npt.NDArray[np.float32], k: int) -> None:
        self._scans = scans
        self._query32 = query
        self._query = query.astype(np.float64)
        self._k = k
        self._nearest: dict[bytes, float] = {}  # each product's distance, by the rows found
        self.found: list[_Rows] = []
        self.limit = math.inf
        self.rows_refined = 0
        self.rows_exact = 0

    def find_limit(self) -> None:
        """Compute the most promising rows, until k products are among them."""
        if not self._scans:
            return
        smallest = np.concatenate([scan.smallest() for scan in self._scans])
        wanted = _FIRST_PER_PRODUCT * self._k
        every = False
        while not every:
            every = wanted >= len(smallest)
            promising = self._refined(
                math.inf if every else float(np.partition(smallest, wanted - 1)[wanted - 1]) ** 0.5
            )
            seen: set[bytes] = set()
            for number, product in enumerate(self._products(promising)):
                seen.add(product)
                if len(seen) == self._k:
                    self._compute(promising.take(slice(0, number + 1)))
                    return
            wanted *= 4

    def finish(self) -> None:
        """Compute every other row that may be within the limit, which falls as they come."""
        left = self._refined(self.limit)
        # What is not in memory is read at once: a second round trip costs more than the rows it may spare.
        resident = all(scan.part.segment.is_resident for scan in self._scans)
        start, size = 0, _FIRST_EXACT if resident else len(left.put)
        while True:
            within = int(np.searchsorted(left.value, bounds.raised_square(self.limit), side="right"))
            end = min(start + size, within)
            if end <= start:
                return
            self._compute(left.take(slice(start, end)))
            start, size = end, size * _THEN_TIMES

    def neighbours(self) -> tuple[Neighbour, ...]:
        """The answer."""
        named = []
        for rows in self.found:
            # Only these are read: a placeholder photo may stand for thousands of products.
            nearest = rows.take(np.flatnonzero(rows.value <= self.limit))
            for scan, put, distance in zip(nearest.scan, nearest.put, nearest.value.tolist(), strict=True):
                segment = self._scans[scan].part.segment
                row = int(segment.put_rows[put])
                product_id, key = segment.name(row)
                named.append((distance, key, product_id, segment, row))
        neighbours: dict[str, Neighbour] = {}
        for distance, key, product_id, segment, row in sorted(named, key=itemgetter(0, 1)):
            if len(neighbours) < self._k and product_id not in neighbours:
                neighbours[product_id] = Neighbour(product_id, key, segment.detail(row), distance)
        return tuple(neighbours.values())

    def _refined(self, distance: float) -> _Rows:
        """The rows not yet computed whose scanned bounds are not above the distance, ascending by their refined bounds."""
        puts = [scan.rows_within(distance) for scan in self._scans]
        numbers = np.repeat(np.arange(len(puts)), [len(part) for part in puts])
        values = [scan.refined(part) for scan, part in zip(self._scans, puts, strict=True)]
        rows = _Rows(numbers, np.concatenate(puts), np.concatenate(values)) if puts else _NO_ROWS
        self.rows_refined += len(rows.put)
        return rows.take(np.argsort(rows.value))

    def _products(self, rows: _Rows) -> list[bytes]:
        """The hash of the product of each row."""
        products = np.empty(len(rows.put), f"S{HASH_BYTES}")
        for number in np.unique(rows.scan):
            here = np.flatnonzero(rows.scan == number)
            segment = self._scans[number].part.segment
            products[here] = segment.product_hash[segment.put_rows[rows.put[here]]]
        hashes: list[bytes] = products.tolist()
        return hashes

    def _compute(self, rows: _Rows) -> None:
        """Add rows to what is found. Their embeddings are read from all parts at once."""
        reads = []
        for number in np.unique(rows.scan):
            places = np.flatnonzero(rows.scan == number)
            puts = rows.put[places]
            reads.append((places, self._scans[number].part.segment.start_reading(puts)))
            self._scans[number].low[puts] = np.inf  # not to be computed twice
        distances = np.full(len(rows.put), np.inf)
        for places, read in reads:
            vectors = read()
            near = self._perhaps_within(vectors)
            distances[places[near]] = self._distances(vectors[near])
        self.rows_exact += len(rows.put)
        near = np.flatnonzero(distances < np.inf)
        rows = _Rows(rows.scan[near], rows.put[near], distances[near])
        self.found.append(rows)
        for product, distance in zip(self._products(rows), rows.value.tolist(), strict=True):
            if distance < self._nearest.get(product, math.inf):
                self._nearest[product] = distance
        if len(self._nearest) >= self._k:
            self.limit = heapq.nsmallest(self._k, self._nearest.values())[-1]

    def _perhaps_within(self, vectors: npt.NDArray[np.float32]) -> Numbers:
        """Which embeddings float32 cannot tell to be beyond the limit.

        A sum of d squares of differences is off by at most (d + 4) 2^-24 of itself in whatever order it is summed, and by
        d 2^-149 where squares are below float32's normal range; or it is beyond float32's range.
        """
        if self.limit == math.inf:
            return np.arange(len(vectors))
        squared = squared_float_distances(vectors, self._query32)
        squared *= 1 - (vectors.shape[1] + 4) * 2.0**-24
        squared[np.isinf(squared)] = _SURELY_IN_RANGE
        return np.flatnonzero(squared <= self.limit * self.limit + vectors.shape[1] * 2.0**-149)

    def _distances(self, vectors: npt.NDArray[np.float32]) -> Distances:
        distances = np.empty(len(vectors))
        for start in range(0, len(vectors), _EXACT_AT_ONCE):
            part = vectors[start : start + _EXACT_AT_ONCE]
            distances[start : start + len(part)] = np.sqrt(np.square(part - self._query).sum(axis=1))
        return distances
