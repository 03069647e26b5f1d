"""The search with an exact index answers as the search of all rows, over random histories, queries, filters and weights."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.follow import follow
from lookalike.index.memory import MemoryIndex
from lookalike.search.filters import Filters
from lookalike.search.knn import Answer
from lookalike.search.products import Page, _Ranking, similar
from lookalike.search.timings import Timings
from lookalike.search.view import ProductView
from lookalike.store import append_log
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row
from lookalike.store.snapshot import Snapshot
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Table
from tests.support.indexed import indexed, indexed_view_of
from tests.support.inline import InlineExecutor
from tests.support.rows import DIMENSIONS, LAYOUT, order

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
KEYS = [f"images/{number}.jpg" for number in range(12)]
Batch = list[tuple[int, int, Op, int]]

# Of the number of an event, and of a photo: embeddings repeat, so that distances are equal.
events = st.tuples(st.integers(0, len(KEYS) - 1), st.integers(1, 40), st.sampled_from([Op.PUT, *Op]), st.integers(0, 9))
steps = st.lists(
    st.lists(events, min_size=1, max_size=6) | st.sampled_from(["compact", "compact", "follow"]),
    min_size=3,
    max_size=14,
)
policies = st.builds(
    Policy, segment_bytes=st.sampled_from([1, 400, 2000]), fanout=st.integers(2, 3), tombstone_s=st.just(1e9)
)
searches = st.tuples(
    st.integers(1, 9),
    st.lists(st.integers(0, 9), min_size=1, max_size=3),
    st.sampled_from([None, np.array([1.0, 0.5]), np.array([0.2, 2.0]), np.array([0.0, 1.0])]),
    st.sampled_from([(), ("kind:even",), ("kind:odd",), ("number:..3",)]),
)


@pytest.fixture(autouse=True)
def inline() -> Iterator[None]:
    """Stores of these sizes are read in one thread, and by blocks of a few rows."""
    with (
        patch("lookalike.store.reader.ThreadPoolExecutor", InlineExecutor),
        patch("lookalike.search.indexed._FEWEST", 2),
    ):
        yield


def vector(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(-2, 3, DIMENSIONS).astype(np.float32)


def row(event: tuple[int, int, Op, int]) -> Row:
    key, number, op, content = event
    detail = {} if op is Op.DELETE else {"code": str(content), "detail": "x"}
    embedding = vector(content) if op is Op.PUT else None
    return Row(KEYS[key], str(key // 2), order(number, op), op, embedding, detail)


def table() -> Table:
    builder = TableBuilder()
    for product in range(5):  # product 5 has no data
        builder.add(str(product), {"kind": "odd" if product % 2 else "even", "number": float(product)})
    return builder.build()


def lived(history: list[Batch | str], policy: Policy, index: MemoryIndex) -> MemoryStore:
    """A store with this history. Of events of one order, which are one event, only the first is told."""
    store = MemoryStore()
    told: dict[tuple[int, bytes], Row] = {}
    for step in history:
        if step == "compact":
            compact(store, policy)
        elif step == "follow":
            follow(store, index, LAYOUT, policy)
        else:
            rows = [told.setdefault((event[0], row(event).order), row(event)) for event in step if step]  # type: ignore[arg-type]
            append_log.append(store, rows, layout=LAYOUT)
    return store


def found(answer: Answer) -> list[tuple[str, str, float, int]]:
    return [(item.product_id, item.key, item.distance, item.query) for item in answer.neighbours]


@settings(max_examples=1000 if IS_LONG else 60)
@given(history=steps, policy=policies, asked=st.lists(searches, min_size=1, max_size=3))
def test_an_exact_index_gives_the_answers_of_a_search_of_everything(history, policy, asked) -> None:
    index = MemoryIndex(DIMENSIONS)
    store = lived(history, policy, index)
    whole = ProductView.of(SnapshotReader(store, layout=LAYOUT).refresh(), table())
    view = indexed_view_of(store, index, LAYOUT, table())
    for k, queries, weights, filters in asked:
        vectors = np.stack([vector(number) for number in queries]) + np.float32(0.25)
        page = Page(k=k, weights=weights, filters=Filters.parse(filters))
        with patch("lookalike.search.indexed._FEWEST", 2 if weights is None else 50):
            assert nearest(view, vectors, page) == nearest(whole, vectors, page)


def nearest(view: ProductView, vectors: np.ndarray, page: Page) -> list[tuple[str, str, float, int]]:
    """The answer of a ranking, as ``search`` asks for it."""
    ranked = _Ranking.of(view, page, executor=None, timings=Timings()).ranked(vectors)
    return found(ranked.answer)


def test_similar_products_are_the_same_with_an_index() -> None:
    index, policy = MemoryIndex(DIMENSIONS), Policy(segment_bytes=1)
    store = lived(
        [[(key, 1, Op.PUT, key) for key in range(12)], "compact", "follow", [(3, 2, Op.DELETE, 0)]], policy, index
    )
    whole = ProductView.of(SnapshotReader(store, layout=LAYOUT).refresh(), table())
    view = indexed_view_of(store, index, LAYOUT, table())
    for page in (
        Page(k=3),
        Page(k=2, offset=2),
        Page(k=4, distinct=True),
        Page(k=4, filters=Filters.parse(["kind:odd"])),
    ):
        expected, answered = (similar(each, "1", page) for each in (whole, view))
        assert answered.neighbours == expected.neighbours
        assert answered.has_more == expected.has_more
        assert answered.metadata.keys() == expected.metadata.keys()
        assert not answered.is_exact


def test_the_photos_and_refusals_of_a_product_are_the_same_with_an_index() -> None:
    index, policy = MemoryIndex(DIMENSIONS), Policy(segment_bytes=1)
    history = [[(key, 1, Op.REJECT if key % 3 else Op.PUT, key) for key in range(12)], "compact", "follow"]
    store = lived([*history, [(4, 2, Op.DELETE, 0), (5, 2, Op.PUT, 1), (6, 2, Op.REJECT, 1)]], policy, index)
    whole: Snapshot = SnapshotReader(store, layout=LAYOUT).refresh()
    snapshot = indexed_view_of(store, index, LAYOUT, table()).snapshot
    assert [snapshot.product(str(product), at_most=9) for product in range(6)] == [
        whole.product(str(product), at_most=9) for product in range(6)
    ]
    after, pages, expected = "", [], []
    while after is not None:
        page, other = snapshot.rejects(after=after, at_most=3), whole.rejects(after=after, at_most=3)
        pages.append(page)
        expected.append(other)
        after = page.next_after
    assert pages == expected
    assert any(page.photos for page in pages)

    compact(store, policy)
    follow(store, index, LAYOUT, policy)
    snapshot, whole = indexed(store, index, LAYOUT), SnapshotReader(store, layout=LAYOUT).refresh()
    assert (snapshot.photos, snapshot.products, snapshot.rejected) == (whole.photos, whole.products, whole.rejected)
