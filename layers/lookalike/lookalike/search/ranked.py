"""The puts of a shard that a search ranks, and their lower bounds, block by block.

A filter allows some of the puts. Where it allows a half of a shard's at most, only those are numbered. Blocks without any of them
are passed over, and where a block has few, those alone are bounded, by all their coordinates: by the bounds of ``refine``.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np

from lookalike.codes.codes import Lengths
from lookalike.codes.parted import Numbers, PartedCodes, WeightedQueries
from lookalike.store.shard import Mask, Shard

_FEW = 1 / 16  # of the rows of a block: bounding them alone takes less time than scanning the block
_BOUND_OF_LEFT_OUT = np.array([0, np.inf], np.float32)  # by whether a row is left out
_GATHERED_AT_ONCE = 16_384  # rows bounded alone: their codes are copied

Filter = Callable[[Shard], Mask]
"""Selects the puts of a shard that are ranked: a new array, bool (puts,), in the order in which it stores them."""

Task = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Ranked:
    """The puts of a shard that a scan numbers.

    ``live``: how many are live and allowed, those of excluded products too. ``puts``: which, ascending, None for all of the
    shard's. ``left_out``: which of all are numbered and not ranked, None for none.
    """

    shard: Shard
    live: int
    puts: Numbers | None = None
    left_out: Mask | None = None

    @classmethod
    def of(cls, shard: Shard, exclude: Collection[bytes], allowed: Filter | None) -> Self:
        """The live puts of a shard that a filter allows, without those of products excluded by their hashes."""
        segment = shard.segment
        live = len(segment.put_rows) - len(shard.dead_puts)
        if allowed is None and not exclude and live == len(segment.put_rows):
            return cls(shard, live)
        ranked = np.ones(len(segment.put_rows), bool) if allowed is None else allowed(shard)
        ranked[shard.dead_puts] = False
        live = int(np.count_nonzero(ranked))
        if exclude:
            rows = shard.rows_of(exclude)
            ranked[segment.put_index[rows[segment.is_put[rows]]]] = False
        if 2 * live > len(ranked):
            return cls(shard, live, left_out=~ranked)
        return cls(shard, live, puts=np.flatnonzero(ranked))

    def __len__(self) -> int:
        return len(self.codes) if self.puts is None else len(self.puts)

    @property
    def codes(self) -> PartedCodes:
        return self.shard.segment.codes

    @property
    def scanned(self) -> int:
        """As long as scanning so many rows takes, bounding these takes at most."""
        return len(self.codes) if self.puts is None else min(len(self.codes), int(len(self.puts) / _FEW))

    def puts_of(self, numbers: Numbers) -> Numbers:
        """The puts that have these numbers."""
        return numbers if self.puts is None else self.puts[numbers]


@dataclass(frozen=True, slots=True)
class _Some:
    """Some puts of a block, and where their bounds are written."""

    codes: PartedCodes
    block: int
    puts: Numbers
    low: Lengths


def tasks(queries: WeightedQueries, alike: Sequence[Ranked], lows: Sequence[Lengths]) -> Iterator[Task]:
    """Calls that write the bounds of rows coded in the same frames, each shard's to one of ``lows``; they may run side by side.

    Rows that are left out get infinity.
    """
    few: list[_Some] = []
    for ranked, low in zip(alike, lows, strict=True):
        if ranked.puts is None:
            for block, rows in enumerate(ranked.codes.packed.blocks):
                left_out = None if ranked.left_out is None else ranked.left_out[rows]
                yield partial(_scan, queries, ranked.codes, block, left_out, low[rows])
            continue
        for some, is_few in _by_block(ranked.codes, ranked.puts, low):
            if not is_few:
                yield partial(_scan_some, queries, some)
                continue
            few.append(some)
            if sum(len(other.puts) for other in few) >= _GATHERED_AT_ONCE:
                yield partial(_gather, queries, few)
                few = []
    if few:
        yield partial(_gather, queries, few)


def _by_block(codes: PartedCodes, puts: Numbers, low: Lengths) -> Iterator[tuple[_Some, bool]]:
    """Ascending puts by the blocks that have any, and whether these are few."""
    blocks = codes.packed.blocks
    cuts = np.searchsorted(puts, [rows.stop for rows in blocks]).tolist()
    for block, (rows, first, end) in enumerate(zip(blocks, [0, *cuts], cuts, strict=False)):
        if first < end:
            some = slice(first, end)
            yield _Some(codes, block, puts[some], low[some]), end - first <= _FEW * (rows.stop - rows.start)


def _scan(queries: WeightedQueries, codes: PartedCodes, block: int, left_out: Mask | None, low: Lengths) -> None:
    low[:] = queries.scan(codes, block)
    if left_out is None:
        return
    if np.count_nonzero(left_out) <= _FEW * len(left_out):
        low[left_out] = np.inf
    else:  # in one pass without a branch for each row: four times as fast where half is left out
        np.maximum(low, _BOUND_OF_LEFT_OUT.take(left_out.view(np.uint8), mode="clip"), out=low)


def _scan_some(queries: WeightedQueries, some: _Some) -> None:
    bounds = queries.scan(some.codes, some.block)
    bounds.take(some.puts - some.codes.packed.blocks[some.block].start, out=some.low, mode="clip")


def _gather(queries: WeightedQueries, pieces: Sequence[_Some]) -> None:
    bounds = queries.refine([(some.codes, some.puts) for some in pieces])
    start = 0
    for some in pieces:
        some.low[:] = bounds[start : start + len(some.low)]
        start += len(some.low)
