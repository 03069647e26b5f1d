"""Shards of a snapshot: segments with the rows of them that are live."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES
from lookalike.store.rows import Rows, first_two_bytes

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Shard:
    """A segment and a mask of its live rows: bool (rows,)."""

    segment: Rows
    live: Mask

    def __post_init__(self) -> None:
        self.live.flags.writeable = False

    @cached_property
    def live_puts(self) -> npt.NDArray[np.int64]:
        """The searchable rows, ascending. int64."""
        return np.flatnonzero(self.live & self.segment.is_put)

    @cached_property
    def dead_puts(self) -> npt.NDArray[np.int64]:
        """The segment's puts that are not live, as places in the order of ``put_rows``. int64."""
        return np.flatnonzero(~self.live[self.segment.put_rows])

    def rows_of(self, products: Collection[bytes]) -> npt.NDArray[np.int64]:
        """The live rows of products, by the products' hashes, ascending. int64.

        A table of two bytes leaves few rows to compare in full: looking through a million takes a millisecond.
        """
        hashes = np.array(list(products), f"S{HASH_BYTES}")
        may_match = np.zeros(2**16, bool)
        may_match[first_two_bytes(hashes)] = True
        rows = np.flatnonzero(may_match.take(self.segment.product_prefix) & self.live)
        return rows[np.isin(self.segment.product_hash[rows], hashes)]
