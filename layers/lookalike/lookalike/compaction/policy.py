"""The policy of compaction: bounds of its steps, times for which objects are kept, and which segments are merged."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lookalike.settings import SEGMENT_BYTES
from lookalike.store.partitions import ROWS_AT_ONCE


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of a step, and the times for which objects are kept, in seconds. ``rows_at_once``: whose keys are in memory."""

    segment_bytes: int = SEGMENT_BYTES
    rows_at_once: int = ROWS_AT_ONCE
    fanout: int = 4
    garbage_share: float = 0.25
    grace_s: float = 15 * 60
    orphan_s: float = 2 * 60 * 60
    tombstone_s: float = 15 * 24 * 60 * 60
    manifests_kept: int = 10


class Sized(Protocol):
    """Something that may be merged: its number of rows, and its size."""

    @property
    def rows(self) -> int: ...

    @property
    def raw_bytes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Size:
    """The number of rows of something that may be merged, and its size."""

    rows: int
    raw_bytes: int


def is_full(ref: Sized, policy: Policy) -> bool:
    """Whether a segment is no longer merged for its size, only for its garbage."""
    return 2 * ref.raw_bytes >= policy.segment_bytes


def choose(refs: Sequence[Sized], live_rows: Sequence[int], policy: Policy) -> list[int]:
    """The segments to merge next, by index, most useful first; none where the store is in good shape.

    Sizes are those without superseded rows. A tier spans a factor of ``fanout``; the lowest begins at 1/64 of a full segment,
    so that a trickle of photos does not leave a tail of ever smaller segments.
    """
    sizes = [ref.raw_bytes * live // max(ref.rows, 1) for ref, live in zip(refs, live_rows, strict=True)]
    tiers: dict[int, list[int]] = {}
    for index, ref in enumerate(refs):
        if live_rows[index] <= (1 - policy.garbage_share) * ref.rows:
            return [index]
        if 2 * sizes[index] < policy.segment_bytes:
            floor = max(policy.segment_bytes // 64, 1)
            tiers.setdefault(math.ceil(math.log(max(sizes[index] / floor, 1), policy.fanout)), []).append(index)
    for _, members in sorted(tiers.items()):
        if len(members) < policy.fanout:
            continue
        members.sort(key=lambda index: sizes[index])
        total = np.cumsum([sizes[index] for index in members])
        return members[: max(2, int(np.count_nonzero(total <= policy.segment_bytes)))]
    return []
