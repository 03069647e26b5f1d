"""Fresh snapshots while the store answers, and the last one for a while after it stopped: "stale-if-error" of RFC 5861.

The objects of a snapshot exist for the grace period after its refresh began, as compaction collects nothing sooner. So an
answer from an old snapshot is the right answer of that time, and no read of it fails for want of an object.
"""

from collections.abc import Callable

from lookalike.errors import StoreError
from lookalike.store.object_store import ObjectStore
from lookalike.store.refreshing import Reader

RETRY_AFTER_S = 10.0
"""Seconds between two refreshes after one failed: where the store is silent, only one request in that time waits for it."""


class FreshSnapshots[Seen]:
    """Gives a reader's snapshot, of photos or of product data: refreshed where it is older than ``max_staleness_s``, or else the last one.

    ``quick``: the reader's objects by way of a client that gives up early, for refreshes that may fail.
    ``stale_if_error_s``: the age up to which the last snapshot stands in. ``failed`` receives the error of each refresh that
    it stood in for.
    """

    def __init__(
        self,
        reader: Reader[Seen],
        quick: ObjectStore,
        *,
        max_staleness_s: float,
        stale_if_error_s: float,
        failed: Callable[[StoreError], None],
    ) -> None:
        self._reader = reader
        self._quick = quick
        self._max_staleness_s = max_staleness_s
        self._stale_if_error_s = stale_if_error_s
        self._failed = failed
        self._retry_at_age_s = 0.0  # of the snapshot: no other clock tells the time that Lambda froze the process for

    @property
    def is_stale(self) -> bool:
        """Whether the last refresh failed."""
        return self._retry_at_age_s > 0

    def current(self) -> Seen:
        """A snapshot that is fresh enough, or the last one where the store fails. Raises StoreError where that is too old."""
        last = self._reader.last(self._stale_if_error_s)
        if last is None:
            return self.refresh()
        if self._reader.age_s < self._retry_at_age_s:
            return last
        try:
            snapshot = self._reader.current(self._max_staleness_s, self._quick)
        except StoreError as error:
            self._retry_at_age_s = self._reader.age_s + RETRY_AFTER_S
            self._failed(error)
            return last
        self._retry_at_age_s = 0.0
        return snapshot

    def refresh(self) -> Seen:
        """The newest snapshot, however long the reader's own store takes. Raises StoreError."""
        snapshot = self._reader.refresh()
        self._retry_at_age_s = 0.0
        return snapshot
