"""An object store that gives up at a deadline: for what is only worth doing while it is quick."""

import time
from collections.abc import Callable, Iterator

from lookalike.errors import StoreUnavailable
from lookalike.store.object_store import Entry, ObjectStore, PutAnswer


class DeadlineStore:
    """An ObjectStore around another that begins no call once ``within_s`` are over, and raises StoreUnavailable instead.

    A call that has begun takes as long as the inner store lets it.
    """

    def __init__(self, inner: ObjectStore, within_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._within_s = within_s
        self._clock = clock
        self._until = clock() + within_s

    def _check(self) -> None:
        if self._clock() > self._until:
            raise StoreUnavailable(f"the object store did not answer all that was asked within {self._within_s:g} s")

    def get(self, name: str) -> bytes:
        self._check()
        return self._inner.get(name)

    def get_range(self, name: str, start: int, end: int) -> bytes:
        self._check()
        return self._inner.get_range(name, start, end)

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        self._check()
        return self._inner.put_if_absent(name, data)

    def delete(self, name: str) -> None:
        self._check()
        self._inner.delete(name)

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        self._check()
        for entry in self._inner.list(prefix, limit=limit):
            yield entry
            self._check()  # a long listing is several calls
