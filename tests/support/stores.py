"""Object stores around another one: they count what is asked, take their time, or fail where they are told to."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.store.object_store import Entry, ObjectStore, PutAnswer
from lookalike.store.wrappers import WrapperStore


class LatencyStore(WrapperStore):
    """Every call takes ``request_s`` seconds, and a read or write ``seconds_per_byte`` on top of it."""

    def __init__(
        self,
        inner: ObjectStore,
        *,
        request_s: float,
        seconds_per_byte: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(inner)
        self._request_s = request_s
        self._seconds_per_byte = seconds_per_byte
        self._sleep = sleep

    def begin(self, call: str, name: str) -> None:
        if call in ("delete", "list"):
            self._wait(0)

    def _wait(self, size: int) -> None:
        self._sleep(self._request_s + size * self._seconds_per_byte)

    def get(self, name: str) -> bytes:
        data = super().get(name)
        self._wait(len(data))
        return data

    def get_range(self, name: str, start: int, end: int) -> bytes:
        data = super().get_range(name, start, end)
        self._wait(len(data))
        return data

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        self._wait(len(data))
        return super().put_if_absent(name, data)


class Fault(Enum):
    """What goes wrong with one call. What is said of a put happens to puts only, and other calls pass unharmed."""

    BEFORE = "fails before it did anything"
    AFTER = "fails after it was done: the answer is lost"
    CUT = "a listing ends in the middle; another call fails before it did anything"
    LANDED_EXISTS = "a put lands and is answered EXISTS: the first answer was lost and the retry found the object"
    LANDED_CONFLICT = "a put lands and is answered CONFLICT"
    LOST_CONFLICT = "a put does not land and is answered CONFLICT"
    LATE = "a put fails, and lands all the same when ``land`` is called"
    DAMAGED = "a read brings bytes of which one bit is flipped"
    DIES = "the process ends before the call is done"
    DIES_AFTER = "the process ends after the call was done"


class Died(BaseException):
    """The process ended, as Lambda ends one at its deadline: no handler of errors ran."""


@dataclass(frozen=True, slots=True)
class Rival:
    """Somebody else's turn, just before or just after a call."""

    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None


@dataclass
class FaultyStore(WrapperStore):
    """Does what ``plan`` says of a call, by its number, or by its kind and its number among those of its kind, all from 0.

    ``calls`` lists what was asked, ``missing`` the names that were read and not there, ``late`` what is on its way. Rivals
    run in the caller's thread and should use another store around the same objects.
    """

    inner: ObjectStore
    plan: Mapping[int | tuple[str, int], Fault | Rival] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    late: list[tuple[str, bytes]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def land(self) -> None:
        """Let the puts that were on their way arrive."""
        while self.late:
            self.inner.put_if_absent(*self.late.pop())

    def _next(self, call: str, name: str) -> tuple[Fault | None, Rival]:
        with self._lock:
            of_its_kind = sum(earlier == call for earlier, _ in self.calls)
            planned = self.plan.get(len(self.calls)) or self.plan.get((call, of_its_kind))
            self.calls.append((call, name))
        return (None, planned) if isinstance(planned, Rival) else (planned, Rival())

    def _do[T](self, call: str, name: str, work: Callable[[], T], instead: Callable[[Fault], T] | None = None) -> T:
        fault, rival = self._next(call, name)
        if rival.before:
            rival.before()
        if fault is Fault.DIES:
            raise Died
        if fault is Fault.BEFORE or (fault is Fault.CUT and call != "list"):
            raise StoreUnavailable(f"injected: {call} {name} was not done")
        if fault and fault not in (Fault.AFTER, Fault.DIES_AFTER) and instead:
            return instead(fault)
        try:
            result = work()
        except ObjectMissing:
            self.missing.append(name)
            raise
        finally:
            if rival.after:
                rival.after()
        if fault is Fault.AFTER:
            raise StoreUnavailable(f"injected: {call} {name} was done, but its answer is lost")
        if fault is Fault.DIES_AFTER:
            raise Died
        return result

    def get(self, name: str) -> bytes:
        return self._read("get", name, lambda: self.inner.get(name))

    def get_range(self, name: str, start: int, end: int) -> bytes:
        return self._read("get_range", name, lambda: self.inner.get_range(name, start, end))

    def _read(self, call: str, name: str, read: Callable[[], bytes]) -> bytes:
        def instead(fault: Fault) -> bytes:
            data = bytearray(read())
            if fault is Fault.DAMAGED and data:
                bit = len(self.calls) * 7919 % (8 * len(data))
                data[bit // 8] ^= 1 << bit % 8
            return bytes(data)

        return self._do(call, name, read, instead)

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        def instead(fault: Fault) -> PutAnswer:
            if fault is Fault.LATE:
                self.late.append((name, bytes(data)))
                raise StoreUnavailable(f"injected: put {name} is still on its way")
            if fault is Fault.DAMAGED:
                return self.inner.put_if_absent(name, data)
            if fault is not Fault.LOST_CONFLICT:
                self.inner.put_if_absent(name, data)
            return PutAnswer.EXISTS if fault is Fault.LANDED_EXISTS else PutAnswer.CONFLICT

        return self._do("put", name, lambda: self.inner.put_if_absent(name, data), instead)

    def delete(self, name: str) -> None:
        self._do("delete", name, lambda: self.inner.delete(name))

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        def cut(fault: Fault) -> Iterator[Entry]:
            entries = list(self.inner.list(prefix, limit=limit))
            if fault is not Fault.CUT:
                return iter(entries)
            return _ending_early(entries[: len(entries) // 2], prefix)

        return self._do("list", prefix, lambda: iter(list(self.inner.list(prefix, limit=limit))), cut)


def _ending_early(entries: list[Entry], prefix: str) -> Iterator[Entry]:
    yield from entries
    raise StoreUnavailable(f"injected: the listing of {prefix} ended in the middle")
