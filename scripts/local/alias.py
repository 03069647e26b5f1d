"""What callers of a function call: a name that leads to one version of it, and from one moment on to the next.

As on Lambda: a call that has begun ends on the version that it began on, however long that takes, and every later one goes to
the new version.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from scripts.local.runner import Result, RunnerPool


class Alias:
    """Calls the pool that it leads to. Closing it closes that pool; the ones before it are closed when they are drained."""

    def __init__(self, pool: RunnerPool) -> None:
        self._pool = pool
        self._under_way: Counter[RunnerPool] = Counter()
        self._changed = threading.Condition()

    @property
    def pool(self) -> RunnerPool:
        """What runs the function now."""
        return self._pool

    def invoke(self, event: Mapping[str, Any]) -> Result:
        """Call the function."""
        with self._changed:
            pool = self._pool
            self._under_way[pool] += 1
        try:
            return pool.invoke(event)
        finally:
            with self._changed:
                self._under_way[pool] -= 1
                self._changed.notify_all()

    def lead_to(self, pool: RunnerPool) -> RunnerPool:
        """Have every call from now on go to ``pool``; returns the one before, to be drained."""
        with self._changed:
            before, self._pool = self._pool, pool
            return before

    def drain(self, pool: RunnerPool, *, timeout_s: float) -> None:
        """Close a pool that is led to no more, once the calls on it have ended or after ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way[pool], timeout_s)
        pool.close()

    def close(self) -> None:
        self._pool.close()
