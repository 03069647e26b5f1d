import pytest

from lookalike.errors import StoreUnavailable
from lookalike.store import append_log, names, segment
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.wrappers import CountingStore
from tests.support.rows import LAYOUT, delete, put, reject, values
from tests.support.stores import Fault, FaultyStore

pytestmark = pytest.mark.usefixtures("no_pauses")

ROWS = [put("a", 1), reject("b", 2), delete("c", 3)]


def test_an_append_is_one_write_however_large_the_store_is() -> None:
    store = CountingStore(MemoryStore())
    for _ in range(50):
        store.reset()
        append_log.append(store, ROWS, layout=LAYOUT)
        assert store.requests == {"put": 1}


def test_appended_rows_are_listed_and_read_back() -> None:
    store = MemoryStore()
    name = append_log.append(store, ROWS, layout=LAYOUT)
    assert [entry.name for entry in append_log.entries(store)] == [name]
    assert name.startswith(names.LOG)
    assert values(segment.decode(store.get(name))) == values(ROWS)


def test_two_appends_of_one_moment_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    store = MemoryStore()
    names = {append_log.append(store, ROWS, layout=LAYOUT) for _ in range(20)}
    assert len(names) == 20


def test_a_name_says_when_it_was_appended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.25)
    assert append_log.appended_ms(append_log.append(MemoryStore(), ROWS, layout=LAYOUT)) == 1_700_000_000_250
    assert append_log.appended_ms("log/by-hand.safetensors") is None


@pytest.mark.parametrize("fault", [Fault.LANDED_EXISTS, Fault.LANDED_CONFLICT, Fault.LOST_CONFLICT])
def test_append_survives_a_lost_response(fault: Fault) -> None:
    memory = MemoryStore()
    name = append_log.append(FaultyStore(memory, {0: fault}), ROWS, layout=LAYOUT)
    assert [entry.name for entry in append_log.entries(memory)] == [name]


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.LATE])
def test_an_append_whose_outcome_is_unknown_raises_and_may_be_repeated(fault: Fault) -> None:
    memory = MemoryStore()
    store = FaultyStore(memory, {0: fault})
    with pytest.raises(StoreUnavailable):
        append_log.append(store, ROWS, layout=LAYOUT)
    append_log.append(store, ROWS, layout=LAYOUT)
    store.land()
    assert values(SnapshotReader(memory, layout=LAYOUT).refresh().rows()) == values(ROWS[:2])


def test_an_append_of_nothing_is_harmless() -> None:
    store = MemoryStore()
    append_log.append(store, [], layout=LAYOUT)
    assert list(SnapshotReader(store, layout=LAYOUT).refresh().rows()) == []
