"""A Lambda alias: callers of a function reach one version of it, and switch to the next all at once.

As on Lambda, a call ends on the version that it began on, however long that takes; every later call goes to the new version.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from scripts.local.calls import Result
from scripts.local.runner import RunnerPool


class Alias:
    """Sends calls to one pool. Closing the alias closes that pool; ``drain`` closes those before it."""

    def __init__(self, pool: RunnerPool) -> None:
        self._pool = pool
        self._under_way: Counter[RunnerPool] = Counter()
        self._changed = threading.Condition()

    @property
    def pool(self) -> RunnerPool:
        """The pool that runs the function now."""
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

    def switch_to(self, pool: RunnerPool) -> RunnerPool:
        """Send every call from now on to ``pool``; returns the pool before it, to be drained."""
        with self._changed:
            before, self._pool = self._pool, pool
            return before

    def drain(self, pool: RunnerPool, *, timeout_s: float) -> None:
        """Close a pool that gets no more calls, when its last call has ended or after ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way[pool], timeout_s)
        pool.close()

    def close(self) -> None:
        self._pool.close()
