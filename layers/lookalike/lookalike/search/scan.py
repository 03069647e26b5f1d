"""Lower bounds of every row of a snapshot, through all its segments.

Rows are numbered through all shards: puts, in the order in which a shard stores them, shard after shard. Shards coded in the same
frame stand together and share the coded queries. Rows of many shards are refined, and read, together: a few calls on many rows
cost less than many calls on a few.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lookalike.codes import bounds
from lookalike.codes.codes import CodedQuery, Codes, Frame, Lengths, encode_query, project_query
from lookalike.store.records import HASH_BYTES
from lookalike.store.shard import Mask, Shard

_SHARED_ROWS = 131_072  # scanning fewer takes less time than starting threads
_REFINED_AT_ONCE = 65_536  # rows; their codes are copied
_GROUP = 64  # rows that one smallest bound stands for
_LARGEST = np.finfo(np.float32).max

Filter = Callable[[Shard], Mask]
"""Selects the rows of a shard that are ranked: bool (rows,)."""

Numbers = npt.NDArray[np.int64]
Distances = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Coded:
    """The shards ``first`` to ``end`` (not included), coded in one frame, and the queries coded for them."""

    frame: Frame
    queries: Sequence[CodedQuery]
    first: int
    end: int


class Scan:
    """The live puts of some shards, and the lower bounds of their distances from queries, float32 (queries, dimensions).

    The distance of a row is the smallest to any of the queries: many queries cost one scan of the codes.
    ``exclude``: product hashes whose rows are left out; ``allowed``: the rows to rank, all of them by default.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        queries: npt.NDArray[np.float32],
        *,
        exclude: Collection[bytes] = (),
        allowed: Filter | None = None,
        scale: float = 1.0,
    ) -> None:
        self._scale = scale  # a distance is at least so many times the unweighted one
        framed: dict[tuple[int, float, int], list[Shard]] = {}
        for shard in shards:
            frame = shard.segment.codes.frame
            framed.setdefault((id(frame.rotation), frame.step, frame.head), []).append(shard)
        self._shards = [shard for alike in framed.values() for shard in alike]
        self._codes: list[Codes] = [shard.segment.codes for shard in self._shards]
        self._starts: Numbers = np.cumsum([0, *map(len, self._codes)])
        self._coded: list[_Coded] = []
        rotations = {id(codes.frame.rotation): codes.frame.rotation for codes in self._codes}
        projected = {key: [project_query(query, rotation) for query in queries] for key, rotation in rotations.items()}
        for (rotation, _, _), alike in framed.items():
            first = self._coded[-1].end if self._coded else 0
            frame = self._codes[first].frame
            reach = max(shard.segment.codes.reach for shard in alike)
            coded = [encode_query(query, frame, reach) for query in projected[rotation]]
            self._coded.append(_Coded(frame, coded, first, first + len(alike)))
        self._low: Lengths = np.empty(self._starts[-1], np.float32)
        left_out = [shard.dead_puts for shard in self._shards]
        self.live = len(self._low) - sum(map(len, left_out))
        if exclude or allowed:
            left_out = [_left_out(shard, exclude, allowed) for shard in self._shards]
        self._left_out = [start + puts for start, puts in zip(self._starts, left_out, strict=False) if len(puts)]

    def run(self, executor: Executor | None = None) -> None:
        """Bound every row; the executor's threads share a large scan."""
        shared = executor is not None and len(self._low) > _SHARED_ROWS
        for _ in (executor.map if executor and shared else map)(self._bound, self._tasks()):
            pass
        for rows in self._left_out:
            self._low[rows] = np.inf

    def _tasks(self) -> Iterator[tuple[_Coded, int, int]]:
        for coded in self._coded:
            for shard in range(coded.first, coded.end):
                for block in range(len(self._codes[shard].packed_head.blocks)):
                    yield coded, shard, block

    def _bound(self, task: tuple[_Coded, int, int]) -> None:
        coded, shard, block = task
        codes = self._codes[shard]
        low = self._low[self._starts[shard] : self._starts[shard + 1]]
        low[codes.packed_head.blocks[block]] = bounds.scan(codes, coded.queries, block)

    def __len__(self) -> int:
        return len(self._low)

    @property
    def is_resident(self) -> bool:
        """Whether all embeddings are in memory."""
        return all(shard.segment.is_resident for shard in self._shards)

    def smallest(self) -> Distances:
        """The smallest bound of each group of rows, squared distances."""
        smallest = [np.empty(0)]
        for coded, low in zip(self._coded, self._lows(), strict=True):
            groups = len(low) // _GROUP
            # A group takes rows far from each other: neighbours in a segment are similar, and all near ones would share one group.
            whole = low[: groups * _GROUP].reshape(_GROUP, groups).min(axis=0)
            rest = low[groups * _GROUP :].min(initial=np.inf)
            smallest.append(_squared(np.append(whole, rest), coded.frame))
        return np.concatenate(smallest) * self._scale**2

    def within(self, distance: float) -> Numbers:
        """The rows whose bounds are at most the distance, ascending; dropped rows are not among them."""
        rows = [np.empty(0, np.int64)]
        for coded, low in zip(self._coded, self._lows(), strict=True):
            within = distance / self._scale if self._scale else math.inf
            limit = min(bounds.squared_limit(within, coded.frame), _LARGEST)
            rows.append(np.flatnonzero(low <= limit) + self._starts[coded.first])
        return np.concatenate(rows)

    def bounds(self, rows: Numbers) -> Distances:
        """The bounds of these rows, ascending: squared distances."""
        squared = np.empty(len(rows))
        for coded, span in self._by_frame(rows):
            squared[span] = _squared(self._low[rows[span]], coded.frame)
        return squared * self._scale**2

    def refined(self, rows: Numbers) -> Distances:
        """Tighter bounds of these rows, ascending: squared distances."""
        squared = np.empty(len(rows))
        for coded, span in self._by_frame(rows):
            for start in range(span.start, span.stop, _REFINED_AT_ONCE):
                some = slice(start, min(start + _REFINED_AT_ONCE, span.stop))
                pieces = [(shard.segment.codes, puts) for shard, _, puts in self._by_shard(rows[some])]
                squared[some] = _squared(bounds.refine(pieces, coded.queries), coded.frame)
        return squared * self._scale**2

    def drop(self, rows: Numbers) -> None:
        """Leave these rows out of every later ``within``."""
        self._low[rows] = np.inf

    def place(self, row: int) -> tuple[Shard, int]:
        """The shard of a row, and its number among the shard's rows."""
        shard = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._shards[shard], int(self._shards[shard].segment.put_rows[row - self._starts[shard]])

    def products(self, rows: Numbers) -> list[bytes]:
        """The hash of the product of each row, in any order."""
        ascending = np.argsort(rows)
        products = np.empty(len(rows), f"S{HASH_BYTES}")
        for shard, places, puts in self._by_shard(rows[ascending]):
            products[ascending[places]] = shard.segment.product_hash[shard.segment.put_rows[puts]]
        hashes: list[bytes] = products.tolist()
        return hashes

    def read(self, rows: Numbers) -> npt.NDArray[np.float32]:
        """The embeddings of these rows, ascending, read from all shards at once: float32 (rows, dimensions).

        Raises StoreError.
        """
        vectors = np.empty((len(rows), self._shards[0].segment.dimensions), np.float32)
        reads = [(shard.segment.start_reading(puts), vectors[places]) for shard, places, puts in self._by_shard(rows)]
        for wait, target in reads:
            wait(target)
        return vectors

    def _by_shard(self, rows: Numbers) -> Iterator[tuple[Shard, slice, Numbers]]:
        """Ascending rows by shard: the shard, the slice of ``rows`` that is in it, and the numbers of its puts."""
        cuts = np.searchsorted(rows, self._starts).tolist()
        for shard, start, (first, end) in zip(self._shards, self._starts, pairwise(cuts), strict=False):
            if first < end:
                yield shard, slice(first, end), rows[first:end] - start

    def _by_frame(self, rows: Numbers) -> Iterator[tuple[_Coded, slice]]:
        """Ascending rows by frame: the slice of ``rows`` that is coded in it."""
        for coded in self._coded:
            first, end = np.searchsorted(rows, self._starts[[coded.first, coded.end]]).tolist()
            if first < end:
                yield coded, slice(first, end)

    def _lows(self) -> Iterator[Lengths]:
        """The bounds of each frame's rows."""
        for coded in self._coded:
            yield self._low[self._starts[coded.first] : self._starts[coded.end]]


def _left_out(shard: Shard, exclude: Collection[bytes], allowed: Filter | None) -> Numbers:
    """The puts of a shard that are not ranked."""
    ranked = shard.live if allowed is None else shard.live & allowed(shard)
    for product in exclude:
        ranked = ranked & (shard.segment.product_hash != np.bytes_(product))
    return np.flatnonzero(~ranked[shard.segment.put_rows])


def _squared(low: Lengths, frame: Frame) -> Distances:
    """Bounds in units of the step as squared distances; 0 below float32's normal range, where they may have been rounded up."""
    return np.where(low < np.finfo(np.float32).tiny, 0.0, low.astype(np.float64) * frame.step**2)
