"""Object stores around another object store. Each changes the calls that it is about and forwards the others."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

from lookalike.errors import StoreUnavailable
from lookalike.store.object_store import Entry, ObjectStore, PutAnswer


class WrapperStore:
    """An ObjectStore that forwards every call to ``inner``."""

    def __init__(self, inner: ObjectStore) -> None:
        self.inner = inner

    def begin(self, call: str, name: str) -> None:
        """Runs before each call: ``get``, ``get_range``, ``put``, ``delete``, ``list`` or ``time`` of a name. May raise."""

    def get(self, name: str) -> bytes:
        self.begin("get", name)
        return self.inner.get(name)

    def get_range(self, name: str, start: int, end: int) -> bytes:
        self.begin("get_range", name)
        return self.inner.get_range(name, start, end)

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        self.begin("put", name)
        return self.inner.put_if_absent(name, data)

    def delete(self, name: str) -> None:
        self.begin("delete", name)
        self.inner.delete(name)

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        self.begin("list", prefix)
        return self.inner.list(prefix, limit=limit)

    def time_ms(self) -> int:
        self.begin("time", "")
        return self.inner.time_ms()


class CountingStore(WrapperStore):
    """Counts requests by call, and bytes by direction. Safe for threads."""

    def __init__(self, inner: ObjectStore) -> None:
        super().__init__(inner)
        self.requests: Counter[str] = Counter()
        self.bytes_read = 0
        self.bytes_written = 0
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Start again from zero."""
        with self._lock:
            self.requests.clear()
            self.bytes_read = self.bytes_written = 0

    def begin(self, call: str, name: str) -> None:  # noqa: ARG002
        with self._lock:
            self.requests[call] += 1

    def _count(self, *, read: int = 0, written: int = 0) -> None:
        with self._lock:
            self.bytes_read += read
            self.bytes_written += written

    def get(self, name: str) -> bytes:
        data = super().get(name)
        self._count(read=len(data))
        return data

    def get_range(self, name: str, start: int, end: int) -> bytes:
        data = super().get_range(name, start, end)
        self._count(read=len(data))
        return data

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        self._count(written=len(data))
        return super().put_if_absent(name, data)


class DeadlineStore(WrapperStore):
    """Begins no call after ``within_s`` seconds, and raises StoreUnavailable instead: bounds the time of a cold start.

    A call that has begun takes as long as the inner store lets it.
    """

    def __init__(self, inner: ObjectStore, within_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(inner)
        self._within_s = within_s
        self._clock = clock
        self._until = clock() + within_s

    def begin(self, call: str, name: str) -> None:
        if self._clock() > self._until:
            raise StoreUnavailable(f"{call} {name} could not begin within {self._within_s:g} s")

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        for entry in super().list(prefix, limit=limit):
            yield entry
            self.begin("list", prefix)  # a long listing is several requests
