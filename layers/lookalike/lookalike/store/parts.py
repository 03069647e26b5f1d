"""Parts of a snapshot: segments with the rows of them that are live."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.store.rows import Hashes, Rows

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """A segment and which of its rows are live: bool (rows,)."""

    segment: Rows
    live: Mask

    def __post_init__(self) -> None:
        self.live.flags.writeable = False

    @cached_property
    def live_puts(self) -> npt.NDArray[np.int64]:
        """The rows that can be found by a search, ascending. int64."""
        return np.flatnonzero(self.live & self.segment.is_put)

    @cached_property
    def dead_puts(self) -> npt.NDArray[np.int64]:
        """Which of the segment's puts are not live, in the order in which it keeps them. int64."""
        return np.flatnonzero(~self.live[self.segment.put_rows])

    def rows_of(self, column: Hashes, value: bytes) -> npt.NDArray[np.int64]:
        """The live rows whose hash is ``value``."""
        return np.flatnonzero((column == np.bytes_(value)) & self.live)
