"""The object store that holds all durable data: a small interface, and an implementation in memory.

The store's objects are immutable: no call here can overwrite one.
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from lookalike.errors import ObjectMissing


class PutAnswer(Enum):
    """The service's answer to a conditional write."""

    CREATED = "created"
    EXISTS = "exists"  # 412: an object of that name exists, perhaps ours
    CONFLICT = "conflict"  # 409: a rival write is in flight, and the outcome is unknown


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a listing. ``size`` in bytes; ``modified_ms`` in milliseconds since 1970, by the service's clock."""

    name: str
    size: int
    modified_ms: int


class ObjectStore(Protocol):
    """Names are UTF-8 text. Every call may raise StoreUnavailable; then its effect is unknown."""

    def get(self, name: str) -> bytes:
        """The whole object. Raises ObjectMissing."""

    def get_range(self, name: str, start: int, end: int) -> bytes:
        """Bytes ``start`` to ``end`` (exclusive), fewer where the object ends earlier. Raises ObjectMissing."""

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        """Write the object if none of that name exists. Use ``creation.create``, which interprets the answers."""

    def delete(self, name: str) -> None:
        """Remove the object; it is no error if there is none."""

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        """Every object whose name starts with ``prefix``, ascending by name; at most ``limit`` of them."""

    def time_ms(self) -> int:
        """The service's time now, in milliseconds since 1970: ``Entry.modified_ms`` is by the same clock."""


class MemoryStore:
    """An ObjectStore in memory, safe for threads: the reference that the contract suite and the tests use."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._objects: dict[str, tuple[bytes, int]] = {}
        self._lock = threading.Lock()
        self._clock = clock

    def get(self, name: str) -> bytes:
        with self._lock:
            if name not in self._objects:
                raise ObjectMissing(f"there is no object named {name}")
            return self._objects[name][0]

    def get_range(self, name: str, start: int, end: int) -> bytes:
        return self.get(name)[start:end]

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        with self._lock:
            if name in self._objects:
                return PutAnswer.EXISTS
            self._objects[name] = (bytes(data), int(self._clock() * 1000))
            return PutAnswer.CREATED

    def delete(self, name: str) -> None:
        with self._lock:
            self._objects.pop(name, None)

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        with self._lock:
            names = sorted(name for name in self._objects if name.startswith(prefix))[:limit]
            entries = [Entry(name, len(self._objects[name][0]), self._objects[name][1]) for name in names]
        return iter(entries)

    def time_ms(self) -> int:
        return int(self._clock() * 1000)
