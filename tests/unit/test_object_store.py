import time
from typing import Any

import pytest

from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.store import creation
from lookalike.store.creation import create
from lookalike.store.object_store import MemoryStore, ObjectStore, PutAnswer
from lookalike.store.wrappers import CountingStore, DeadlineStore, WrapperStore
from tests.support.object_store_contract import ObjectStoreContract
from tests.support.stores import Fault, FaultyStore, LatencyStore, Rival


class TestMemoryStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryStore()

    def write(self, store: Any, name: str, data: bytes) -> None:
        store._objects[name] = (data, int(time.time() * 1000))

    def read(self, store: Any, name: str) -> bytes:
        data: bytes = store._objects[name][0]
        return data


class TestWrapperStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return WrapperStore(MemoryStore())


class TestCountingStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return CountingStore(MemoryStore())


class TestLatencyStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return LatencyStore(MemoryStore(), request_s=0)


class TestFaultyStoreWithoutFaults(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return FaultyStore(MemoryStore())


class TestDeadlineStoreInTime(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return DeadlineStore(MemoryStore(), 3600)


def test_past_a_deadline_no_call_begins() -> None:
    now = [100.0]
    counting = CountingStore(MemoryStore())
    counting.put_if_absent("log/1", b"1")
    counting.put_if_absent("log/2", b"2")
    counting.reset()
    store = DeadlineStore(counting, 4, clock=lambda: now[0])
    listing = store.list("log/")
    assert next(listing).name == "log/1"
    now[0] = 104.5
    for call in (
        lambda: next(listing),
        lambda: store.get("log/1"),
        lambda: store.get_range("log/1", 0, 1),
        lambda: store.put_if_absent("log/3", b""),
        lambda: store.delete("log/1"),
        lambda: list(store.list("log/")),
    ):
        with pytest.raises(StoreUnavailable, match="within 4 s"):
            call()
    assert counting.requests == {"list": 1}


def no_sleep(seconds: float) -> None:
    assert seconds > 0


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT])
def test_create_learns_that_its_write_landed(fault: Fault) -> None:
    memory = MemoryStore()
    assert create(FaultyStore(memory, {0: fault}), "manifests/1", b"ours", sleep=no_sleep)
    assert memory.get("manifests/1") == b"ours"


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT, None])
def test_create_learns_that_a_rival_was_first(fault: Fault | None) -> None:
    memory = MemoryStore()
    memory.put_if_absent("manifests/1", b"theirs")
    assert not create(FaultyStore(memory, {0: fault} if fault else {}), "manifests/1", b"ours", sleep=no_sleep)
    assert memory.get("manifests/1") == b"theirs"


def test_create_loses_to_a_rival_that_lands_after_the_conflict() -> None:
    memory = MemoryStore()
    rival = Rival(after=lambda: memory.put_if_absent("manifests/1", b"theirs"))
    # Call 0 is answered 409, call 1 finds nothing yet, then the rival's write lands, and call 2 meets it.
    assert not create(FaultyStore(memory, {0: Fault.LOST_CONFLICT, 1: rival}), "manifests/1", b"ours", sleep=no_sleep)


@pytest.mark.parametrize("plan", [{0: Fault.BEFORE}, {0: Fault.AFTER}, {0: Fault.LANDED_EXISTS, 1: Fault.BEFORE}])
def test_create_raises_where_nothing_can_be_known(plan: dict[int, Fault]) -> None:
    with pytest.raises(StoreUnavailable):
        create(FaultyStore(MemoryStore(), plan), "manifests/1", b"ours", sleep=no_sleep)


def test_create_gives_up_on_rivals_that_never_settle() -> None:
    store = FaultyStore(MemoryStore(), dict.fromkeys(range(0, 100, 2), Fault.LOST_CONFLICT))
    pauses: list[float] = []
    with pytest.raises(StoreUnavailable, match="did not settle"):
        create(store, "manifests/1", b"ours", sleep=pauses.append)
    assert len(pauses) == creation._ATTEMPTS
    assert pauses[-1] > 4 * pauses[0], "each pause should be about twice the one before"


def test_counting_store_counts_requests_and_bytes() -> None:
    store = CountingStore(MemoryStore())
    store.put_if_absent("log/a", b"12345")
    store.get("log/a")
    store.get_range("log/a", 1, 3)
    with pytest.raises(ObjectMissing):
        store.get("log/b")
    list(store.list("log/"))
    store.delete("log/a")
    assert store.requests == {"put": 1, "get": 2, "get_range": 1, "list": 1, "delete": 1}
    assert (store.bytes_read, store.bytes_written) == (7, 5)
    store.reset()
    assert (store.requests.total(), store.bytes_read, store.bytes_written) == (0, 0, 0)


def test_latency_store_waits_for_each_request_and_each_byte() -> None:
    waits: list[float] = []
    store = LatencyStore(MemoryStore(), request_s=0.03, seconds_per_byte=0.5, sleep=waits.append)
    store.put_if_absent("log/a", b"1234")
    store.get("log/a")
    store.get_range("log/a", 0, 2)
    list(store.list(""))
    assert waits == [2.03, 2.03, 1.03, 0.03]


def test_faulty_store_does_what_its_plan_says() -> None:
    memory = MemoryStore()
    store = FaultyStore(memory, {0: Fault.BEFORE, 1: Fault.AFTER, 2: Fault.LATE, 4: Fault.CUT})
    for name in ("log/a", "log/b", "log/c"):
        with pytest.raises(StoreUnavailable):
            store.put_if_absent(name, b"")
    assert [entry.name for entry in memory.list("")] == ["log/b"]
    store.land()
    assert store.put_if_absent("log/d", b"") is PutAnswer.CREATED
    listing = store.list("log/")
    assert next(listing).name == "log/b"
    with pytest.raises(StoreUnavailable):
        list(listing)
    assert [entry.name for entry in store.list("log/")] == ["log/b", "log/c", "log/d"]
    assert store.calls[-1] == ("list", "log/")
