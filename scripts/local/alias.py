"""A Lambda alias: callers of a function reach the runners of one version, and switch to the next version all at once.

As on Lambda, a call ends on the version that it began on, however long that takes; every later call goes to the new version.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.local.calls import Result
from scripts.local.runner import FunctionRunner


class Alias:
    """Calls a function by one of ``runners``: of the free ones, that which was used last. ``switch_to`` replaces them."""

    def __init__(self, runners: Sequence[FunctionRunner]) -> None:
        self.runners = tuple(runners)
        # Last in, first out: a single caller wakes a single process.
        self._free = list(reversed(self.runners))
        self._busy: set[FunctionRunner] = set()
        self._changed = threading.Condition()

    def invoke(self, event: Mapping[str, Any]) -> Result:
        """Call the function, when a runner is free."""
        with self._changed:
            self._changed.wait_for(lambda: self._free)
            runner = self._free.pop()
            self._busy.add(runner)
        try:
            return runner.invoke(event)
        finally:
            with self._changed:
                self._busy.remove(runner)
                if runner in self.runners:
                    self._free.append(runner)
                self._changed.notify_all()

    def switch_to(self, runners: Sequence[FunctionRunner]) -> tuple[FunctionRunner, ...]:
        """Send every call that has not begun to ``runners``; returns the runners before them, to be drained."""
        with self._changed:
            old, self.runners, self._free = self.runners, tuple(runners), list(reversed(runners))
            self._changed.notify_all()
            return old

    def drain(self, old: Sequence[FunctionRunner], *, timeout_s: float) -> None:
        """Close runners that get no more calls, when their last calls have ended or after ``timeout_s``."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy.isdisjoint(old), timeout_s)
        for runner in old:
            runner.close()

    def close(self) -> None:
        """Close the runners. Calls in flight and later ones end with an error."""
        for runner in self.runners:
            runner.close()
