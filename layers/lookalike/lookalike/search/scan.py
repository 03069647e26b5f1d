"""Lower bounds of every row of a snapshot that a search ranks, through all its segments.

Rows are numbered through all shards: puts that are ranked (``ranked``), in the order in which a shard stores them, shard after shard. Shards coded in the same
frames stand together and share the coded queries. Rows of many shards are refined, and read, together: a few calls on many rows
cost less than many calls on a few.
"""

import math
from collections.abc import Collection, Hashable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import Lengths
from lookalike.codes.parted import Distances, Numbers, WeightedProjections, WeightedQueries
from lookalike.hashes import HASH_BYTES
from lookalike.layout import Weights
from lookalike.search.ranked import Filter, Ranked, Task, tasks
from lookalike.store.shard import Shard

_SHARED_ROWS = 131_072  # scanning fewer takes less time than starting threads
_REFINED_AT_ONCE = 65_536  # rows; their codes are copied
_GROUP = 64  # rows that one smallest bound stands for
_LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True, slots=True)
class _Coded:
    """The shards ``first`` to ``end`` (not included), coded in the same frames, and the queries coded for them."""

    queries: WeightedQueries
    first: int
    end: int


class Scan:
    """The live puts of some shards, and the lower bounds of their distances from queries, float32 (queries, dimensions).

    The distance of a row is the smallest to any of the queries: many queries cost one scan of the codes. ``weights``: of the
    parts, one at least above 0. ``exclude``: product hashes whose rows are left out; ``allowed``: the rows to rank, all of them by default.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        queries: npt.NDArray[np.float32],
        weights: Weights,
        *,
        exclude: Collection[bytes] = (),
        allowed: Filter | None = None,
    ) -> None:
        ranked = [Ranked.of(shard, exclude, allowed) for shard in shards]
        self.live = sum(rows.live for rows in ranked)
        framed: dict[Hashable, list[Ranked]] = {}
        self._coded: list[_Coded] = []
        if shards:
            projections = WeightedProjections(queries, shards[0].segment.layout, weights)
            for rows in filter(len, ranked):
                framed.setdefault(projections.frames_of(rows.codes), []).append(rows)
            for alike in framed.values():
                first = self._coded[-1].end if self._coded else 0
                coded = projections.coded([rows.codes for rows in alike])
                self._coded.append(_Coded(coded, first, first + len(alike)))
        self._ranked = [rows for alike in framed.values() for rows in alike]
        self._starts: Numbers = np.cumsum([0, *map(len, self._ranked)])
        self._low: Lengths = np.empty(self._starts[-1], np.float32)

    def run(self, executor: Executor | None = None) -> None:
        """Bound every row; the executor's threads share a large scan."""
        shared = executor is not None and sum(rows.scanned for rows in self._ranked) > _SHARED_ROWS
        for _ in (executor.map if executor and shared else map)(lambda task: task(), self._tasks()):
            pass

    def _tasks(self) -> Iterator[Task]:
        lows = np.split(self._low, self._starts[1:-1])
        for coded in self._coded:
            alike = slice(coded.first, coded.end)
            yield from tasks(coded.queries, self._ranked[alike], lows[alike])

    def __len__(self) -> int:
        return len(self._low)

    @property
    def is_resident(self) -> bool:
        """Whether all embeddings are in memory."""
        return all(rows.shard.segment.is_resident for rows in self._ranked)

    def nearest(self, count: int) -> tuple[Numbers, bool]:
        """At least ``count`` rows of the smallest bounds, ascending by bound, and whether these are all rows."""
        smallest = []
        for coded, low in zip(self._coded, self._lows(), strict=True):
            groups = len(low) // _GROUP
            # A group takes rows far from each other: neighbours in a segment are similar, and all near ones would share one group.
            whole = low[: groups * _GROUP].reshape(_GROUP, groups).min(axis=0)
            rest = low[groups * _GROUP :].min(initial=np.inf)
            smallest.append(np.sqrt(np.append(whole, rest), dtype=np.float64) * coded.queries.unit)
        of_groups = np.concatenate([np.empty(0), *smallest])
        every = count >= len(of_groups)
        limit = math.inf if every else float(np.partition(of_groups, count - 1)[count - 1])
        rows = self.within(limit)
        return rows[np.argsort(self.bounds(rows))], every

    def within(self, distance: float) -> Numbers:
        """The rows whose bounds are at most the distance, ascending; dropped rows are not among them."""
        rows = []
        for coded, low in zip(self._coded, self._lows(), strict=True):
            limit = min(coded.queries.squared_limit(distance), _LARGEST)
            rows.append((low <= limit).nonzero()[0] + self._starts[coded.first])
        return rows[0] if len(rows) == 1 else np.concatenate([np.empty(0, np.int64), *rows])

    def bounds(self, rows: Numbers) -> Distances:
        """The bounds of these rows, ascending: squared distances."""
        if len(self._coded) == 1:
            return self._coded[0].queries.squared_distances(self._low[rows])
        squared = np.empty(len(rows))
        for coded, span in self._by_frame(rows):
            squared[span] = coded.queries.squared_distances(self._low[rows[span]])
        return squared

    def refined(self, rows: Numbers) -> Distances:
        """Tighter bounds of these rows, ascending: squared distances."""
        squared = np.empty(len(rows))
        for coded, span in self._by_frame(rows):
            for start in range(span.start, span.stop, _REFINED_AT_ONCE):
                some = slice(start, min(start + _REFINED_AT_ONCE, span.stop))
                pieces = [(shard.segment.codes, puts) for shard, _, puts in self._by_shard(rows[some])]
                squared[some] = coded.queries.squared_distances(coded.queries.refine(pieces))
        return squared

    def drop(self, rows: Numbers) -> None:
        """Leave these rows out of every later ``within``."""
        self._low[rows] = np.inf

    def place(self, row: int) -> tuple[Shard, int]:
        """The shard of a row, and its number among the shard's rows."""
        ((shard, _, puts),) = self._by_shard(np.array([row]))
        return shard, int(shard.segment.put_rows[puts[0]])

    def products(self, rows: Numbers) -> list[bytes]:
        """The hash of the product of each row, in any order."""
        ascending = np.argsort(rows) if len(self._ranked) > 1 else np.arange(len(rows))
        products = np.empty(len(rows), f"S{HASH_BYTES}")
        for shard, places, puts in self._by_shard(rows[ascending]):
            products[ascending[places]] = shard.segment.product_hash[shard.segment.put_rows[puts]]
        hashes: list[bytes] = products.tolist()
        return hashes

    def read(self, rows: Numbers) -> npt.NDArray[np.float32]:
        """The embeddings of these rows, ascending, read from all shards at once: float32 (rows, dimensions).

        Raises StoreError.
        """
        vectors = np.empty((len(rows), self._ranked[0].shard.segment.dimensions), np.float32)
        reads = [(shard.segment.start_reading(puts), vectors[places]) for shard, places, puts in self._by_shard(rows)]
        for wait, target in reads:
            wait(target)
        return vectors

    def _by_shard(self, rows: Numbers) -> Iterator[tuple[Shard, slice, Numbers]]:
        """Ascending rows by shard: the shard, the slice of ``rows`` that is in it, and their puts."""
        if len(self._ranked) == 1:
            if len(rows):
                yield self._ranked[0].shard, slice(0, len(rows)), self._ranked[0].puts_of(rows)
            return
        cuts = np.searchsorted(rows, self._starts).tolist()
        for ranked, start, (first, end) in zip(self._ranked, self._starts, pairwise(cuts), strict=False):
            if first < end:
                yield ranked.shard, slice(first, end), ranked.puts_of(rows[first:end] - start)

    def _by_frame(self, rows: Numbers) -> Iterator[tuple[_Coded, slice]]:
        """Ascending rows by frames: the slice of ``rows`` that is coded in them."""
        if len(self._coded) == 1:
            if len(rows):
                yield self._coded[0], slice(0, len(rows))
            return
        for coded in self._coded:
            first, end = np.searchsorted(rows, self._starts[[coded.first, coded.end]]).tolist()
            if first < end:
                yield coded, slice(first, end)

    def _lows(self) -> Iterator[Lengths]:
        """The bounds of the rows in the same frames."""
        for coded in self._coded:
            yield self._low[self._starts[coded.first] : self._starts[coded.end]]
