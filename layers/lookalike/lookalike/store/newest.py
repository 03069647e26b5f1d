"""The newest row of each key, among columns, among the segments of a manifest, and in the log on top of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES
from lookalike.store.rows import Hashes, Rows
from lookalike.store.segment import Segment
from lookalike.store.shard import Mask, Shard


def newest_mask(key_hash: Hashes, order: Hashes) -> Mask:
    """A mask of the newest row of each key; of rows equal in key and order, of the last one. bool (rows,).

    Nearly all keys of a large store have one row. So the first eight bytes of the hashes are sorted as integers, and only
    rows that share them are compared in full.
    """
    newest = np.ones(len(key_hash), bool)
    heads = _heads(key_hash)
    by_head = np.argsort(heads, kind="stable")
    same_as_next = heads[by_head[1:]] == heads[by_head[:-1]]
    if not same_as_next.any():
        return newest
    shared = np.zeros(len(heads), bool)
    shared[by_head[1:][same_as_next]] = True
    shared[by_head[:-1][same_as_next]] = True
    contested = np.flatnonzero(shared)
    by_age = contested[np.lexsort((order[contested], key_hash[contested]))]
    superseded = key_hash[by_age[1:]] == key_hash[by_age[:-1]]
    newest[by_age[:-1][superseded]] = False
    return newest


def newest_rows(key_hash: Hashes, order: Hashes) -> tuple[Hashes, Hashes]:
    """The different keys, S16 (keys,), ascending, and the order of the newest row of each, S32 (keys,)."""
    rows = np.flatnonzero(newest_mask(key_hash, order))
    rows = rows[np.argsort(key_hash[rows])]
    return key_hash[rows], order[rows]


def places_of(wanted: Hashes, key_hash: Hashes) -> npt.NDArray[np.int64]:
    """The place of each wanted key among keys that ascend, -1 where it is not among them. int64 (wanted,)."""
    if not len(key_hash):
        return np.full(len(wanted), -1)
    places = np.minimum(np.searchsorted(key_hash, wanted), len(key_hash) - 1)
    return np.where(key_hash[places] == wanted, places, -1)


def count_distinct(hashes: Hashes) -> int:
    """The number of different hashes, S16 (rows,). Sorts their halves as integers, which is ten times faster."""
    halves = np.ascontiguousarray(hashes).view(np.uint64).reshape(-1, 2)
    by_first = halves[np.argsort(halves[:, 0])]
    same = by_first[1:, 0] == by_first[:-1, 0]
    # Two hashes that share only a half: chance does not bring that about.
    if (by_first[1:, 1] != by_first[:-1, 1])[same].any():
        return len(np.unique(hashes))
    return len(hashes) - int(np.count_nonzero(same))


def _heads(key_hash: Hashes) -> npt.NDArray[np.uint64]:
    columns = np.ascontiguousarray(key_hash).view(np.uint8).reshape(-1, HASH_BYTES)
    return np.ascontiguousarray(columns[:, :8]).view(">u8").reshape(-1).astype(np.uint64)


def resolve_base(segments: Sequence[Rows]) -> list[Mask]:
    """For each segment a mask of its rows that are the newest of their key: bool (rows,)."""
    if not segments:
        return []
    newest = newest_mask(
        np.concatenate([segment.key_hash for segment in segments]),
        np.concatenate([segment.order for segment in segments]),
    )
    return np.split(newest, np.cumsum([len(segment) for segment in segments])[:-1])


def overlay(base: Sequence[Shard], top: Segment) -> tuple[Shard, ...]:
    """The base with the rows of ``top`` on it; a row that is in both stays live in the base."""
    if not len(top):
        return tuple(base)
    top_live = np.ones(len(top), bool)
    shards = []
    for shard in base:
        below = shard.segment
        at = places_of(top.key_hash, below.key_hash)
        both = np.flatnonzero(at >= 0)
        both = both[shard.live[at[both]]]
        newer = top.order[both] > below.order[at[both]]
        live = shard.live
        if newer.any():
            live = live.copy()
            live[at[both[newer]]] = False
        top_live[both[~newer]] = False
        shards.append(Shard(below, live))
    return (*shards, Shard(top, top_live))
