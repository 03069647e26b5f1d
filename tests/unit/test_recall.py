"""The measured recall of an index: its interval, and its objects in the store."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lookalike.errors import CorruptObject
from lookalike.store import names
from lookalike.store import recall as recalls
from lookalike.store.object_store import MemoryStore, PutAnswer
from lookalike.store.recall import Recall, newest, publish, wilson_interval

MEASURED = Recall(
    index="lancedb-0123abcd", at=5, queries=200, found=990, wanted=1000, version=7, measured_ms=1_800_000_000_000
)


@given(st.integers(1, 5000), st.data())
def test_the_interval_is_wilson_s(trials: int, data: st.DataObject) -> None:
    found = data.draw(st.integers(0, trials))
    low, high = wilson_interval(found / trials, trials)
    expected = binomtest(found, trials).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= found / trials <= high <= 1


def test_the_interval_counts_each_query_once() -> None:
    assert MEASURED.value == 0.99
    assert (MEASURED.low, MEASURED.high) == wilson_interval(0.99, 200)


@pytest.mark.parametrize(("queries", "found", "wanted"), [(1, 6, 5), (0, 0, 0), (2, 1, 11), (3, 1, 2)])
def test_counts_that_cannot_be_are_refused(queries: int, found: int, wanted: int) -> None:
    with pytest.raises(ValueError, match="no recall@5"):
        Recall("i", 5, queries, found, wanted, 1, 1)


def test_before_the_first_measurement_there_is_none() -> None:
    assert newest(MemoryStore(), "lancedb-0123abcd") is None


def test_the_last_that_was_published_counts_for_its_index_alone() -> None:
    store = MemoryStore()
    other = Recall("lancedb-0123abcd-2", 5, 10, 10, 50, 7, 1)
    for found in (10, 20, 30):
        publish(store, Recall(MEASURED.index, 5, 10, found, 50, 7, 1))
    publish(store, other)
    publish(store, MEASURED)
    assert newest(store, MEASURED.index) == MEASURED
    assert newest(store, other.index) == other


def test_judges_that_publish_at_once_all_publish() -> None:
    store = MemoryStore()
    results = [Recall("i", 5, 10, found, 50, 7, 1) for found in range(4)]
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda recall: publish(store, recall), results))
    assert sorted(written) == [entry.name for entry in store.list("index/i/recall/")]
    assert newest(store, "i") in results


def test_what_others_put_beside_it_is_passed_over() -> None:
    store = MemoryStore()
    publish(store, MEASURED)
    store.put_if_absent(f"index/{MEASURED.index}/recall/.DS_Store", b"1")
    assert newest(store, MEASURED.index) == MEASURED


def test_damage_is_found() -> None:
    store = MemoryStore()
    name = publish(store, MEASURED)
    data = store.get(name).replace(b"990", b"999")
    store.delete(name)
    store.put_if_absent(name, data)
    with pytest.raises(CorruptObject, match=name):
        newest(store, MEASURED.index)


def test_the_recall_of_another_index_under_this_one_s_name_is_no_answer() -> None:
    store = MemoryStore()
    data = store.get(publish(store, MEASURED))
    assert store.put_if_absent(names.recall_name("other", 1), data) is PutAnswer.CREATED
    with pytest.raises(CorruptObject, match="that of lancedb-0123abcd"):
        recalls.newest(store, "other")


@pytest.mark.parametrize("index", ["", "../log", "a/b", "Lance", ".x"])
def test_a_name_that_leaves_its_folder_is_refused(index: str) -> None:
    with pytest.raises(ValueError, match="no name of an index"):
        names.recall_name(index, 1)
