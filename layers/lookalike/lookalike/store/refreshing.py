"""The part that all readers share: the last state that one read, its age, and one refresh at a time."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from lookalike.store.object_store import ObjectStore


class Reader[Seen](ABC):
    """Keeps a view of a store fresh. Safe for threads; one refresh runs at a time.

    ``clocks``: each gives seconds; by default the time of day and monotonic time. The clock that counted more seconds gives
    the age: monotonic time may stand still while Lambda freezes the process, and the time of day may be set back.
    """

    def __init__(self, store: ObjectStore, clocks: Sequence[Callable[[], float]] = ()) -> None:
        self._store = store
        self._clocks = tuple(clocks) or (time.time, time.monotonic)
        self._lock = threading.Lock()
        self._seen: Seen | None = None
        self._refreshed_at = self._now()

    @abstractmethod
    def _read(self, store: ObjectStore) -> Seen:
        """The store as it is now. Raises StoreError."""

    @property
    def age_s(self) -> float:
        """Seconds since the last successful refresh began."""
        return max(self._ages_s())

    def _now(self) -> list[float]:
        return [clock() for clock in self._clocks]

    def _ages_s(self) -> list[float]:
        return [now - then for now, then in zip(self._now(), self._refreshed_at, strict=True)]

    def last(self, max_age_s: float) -> Seen | None:
        """The last view if it was the newest at most ``max_age_s`` ago; reads nothing."""
        # A negative age: the clock was set back, so the true age is not known.
        return self._seen if all(0 <= age_s <= max_age_s for age_s in self._ages_s()) else None

    def current(self, max_staleness_s: float, store: ObjectStore | None = None) -> Seen:
        """A view that was the newest at most ``max_staleness_s`` ago. Raises StoreError. ``store``: see ``refresh``."""
        with self._lock:
            return self.last(max_staleness_s) or self._refresh(store or self._store)

    def refresh(self, store: ObjectStore | None = None) -> Seen:
        """The newest view. Raises StoreError.

        ``store``: another way to the same objects, for this refresh only; later reads go on by the reader's own.
        """
        with self._lock:
            return self._refresh(store or self._store)

    def _refresh(self, store: ObjectStore) -> Seen:
        started = self._now()
        seen = self._seen = self._read(store)
        self._refreshed_at = started
        return seen
