"""The state machine for stores of photos that an index follows: it lags, loses entries, and its writer ends in the middle of anything."""

from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from lookalike.errors import IndexUnavailable
from lookalike.follow import follow
from lookalike.index.memory import MemoryIndex
from lookalike.search import indexed
from lookalike.search.indexed_reader import IndexedReader
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.store import index_cursor, names
from lookalike.store.records import Op, Row
from lookalike.store.snapshot import Snapshot
from tests.property.photo_machine import PhotoMachine
from tests.property.store_machine import MOST_STEPS, SKEWS_S, Plan, plans
from tests.support.faulty_index import FaultyIndex
from tests.support.rows import DIMENSIONS, LAYOUT
from tests.support.stores import Fault, FaultyStore

_EVERY = 1000  # more than there are photos

index_faults = st.dictionaries(
    st.integers(0, 7), st.sampled_from([Fault.BEFORE, Fault.AFTER, Fault.DIES, Fault.DIES_AFTER]), max_size=2
)


class IndexMachine(PhotoMachine):
    """``is_whole``: whether the index has all that it was given and shows it."""

    def __init__(self) -> None:
        self.index = FaultyIndex(MemoryIndex(DIMENSIONS))
        self.has_lost = False
        super().__init__()

    @initialize(
        segment_bytes=st.sampled_from([1, 300, 600, 2000]),
        fanout=st.integers(2, 3),
        garbage_share=st.sampled_from([0.25, 0.5]),
        rows_at_once=st.sampled_from([1000, 1]),
    )
    def begin(self, segment_bytes: int, fanout: int, garbage_share: float, rows_at_once: int) -> None:
        super().begin(segment_bytes, fanout, garbage_share, rows_at_once)

    def own_patches(self) -> list[Any]:
        return [*super().own_patches(), patch("lookalike.follow._ROWS_AT_ONCE", 1)]

    @property
    def is_whole(self) -> bool:
        return not self.has_lost and self.index.old is None

    def decode(self, kind: names.Kind | None, data: bytes) -> object:
        return index_cursor.decode(data) if kind is names.Kind.CURSOR else super().decode(kind, data)

    def reader(self, store: Any) -> IndexedReader:
        return IndexedReader(store, index=self.index, layout=LAYOUT, io_threads=1, clocks=[lambda: self.now_s])

    def checked(self, snapshot: Snapshot, durable: dict[str, bytes]) -> list[Row]:
        assert isinstance(snapshot, IndexedSnapshot)
        rows = [row for row in snapshot.rows() if row.op is Op.PUT]
        everything = self.index.query(np.zeros(DIMENSIONS, np.float32), _EVERY)
        found = snapshot.verified(everything)
        for item, embedding in zip(found, snapshot.read([item.place for item in found]), strict=True):
            photo = snapshot.photo_of(item)
            assert photo is not None, "an entry is not of the photo in its place"
            order = snapshot.body.segment(item.place.segment).order(item.place.row)
            rows.append(Row(photo.key, photo.product_id, order, Op.PUT, embedding, photo.detail))
        searched = indexed.nearest_products(snapshot, np.zeros(DIMENSIONS, np.float32), k=_EVERY).neighbours
        assert sorted(item.key for item in searched) == sorted(row.key for row in rows), "a search shows other photos"
        rejects = snapshot.rejects(at_most=_EVERY).photos
        rows += [self.reject(photo.key, photo.product_id, dict(photo.detail)) for photo in rejects]
        self.oracle.check(rows, durable, is_whole=self.is_whole)
        return rows

    def reject(self, key: str, product_id: str, detail: dict[str, str]) -> Row:
        """The row of a rejected photo, whose page does not say its order: that of the reject with this content."""
        attempted = self.oracle.attempted[key].values()
        orders = [row.order for row in attempted if row.op is Op.REJECT and dict(row.detail) == detail]
        assert orders, f"a reject of {key} that nobody appended"
        return Row(key, product_id, max(orders), Op.REJECT, None, detail)

    def follow_all(self, store: Any, most_steps: int = MOST_STEPS) -> None:
        steps = iter(range(most_steps))
        follow(
            store,
            self.index,
            LAYOUT,
            self.policy,
            time_left_s=lambda: float("inf") if next(steps, None) is not None else 0.0,
        )

    @rule(
        plan=plans(9) | plans(20),
        faults=index_faults,
        most_steps=st.sampled_from([MOST_STEPS, 1, 3]),
        skew_s=st.sampled_from(SKEWS_S),
    )
    def follow(self, plan: Plan, faults: dict[int, Fault], most_steps: int, skew_s: float) -> None:
        store = FaultyStore(self.store, self.planned(plan))
        self.index.plan, self.index.calls = faults, 0
        with self.on_a_machine(skew_s):
            self.attempt(lambda: self.follow_or_fail(store, most_steps), store)
        self.index.plan = {}

    def follow_or_fail(self, store: Any, most_steps: int) -> None:
        """Follow, and let the index fail where a fault was planned."""
        try:
            self.follow_all(store, most_steps)
        except IndexUnavailable:
            assert self.index.plan, "the index failed without a fault"

    @rule()
    def follow_undisturbed(self) -> None:
        self.follow_all(self.store)

    @rule()
    def lag(self) -> None:
        self.index.lag()

    @rule()
    def catch_up(self) -> None:
        self.index.old = None

    @precondition(lambda self: self.index.inner.entries)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """Entries are lost, some or all."""
        entries = self.index.inner.entries
        keys = data.draw(st.lists(st.sampled_from(sorted(entries)), min_size=1, unique=True))
        for key in keys:
            del entries[key]
        self.has_lost = True

    @precondition(lambda self: self.has_lost)
    @rule()
    def fill_again(self) -> None:
        """Whoever notices a loss empties the index, and the follower fills it again."""
        self.index.inner.entries.clear()
        self.index.old = None
        self.follow_all(self.store)
        self.has_lost = False

    def others(self) -> set[str]:
        return {entry.name for entry in index_cursor.entries(self.store, self.index.name)}

    def settle(self) -> None:
        self.index.old = None
        if self.has_lost:
            self.fill_again()
        super().settle()
        self.follow_all(self.store)
        self.expect_final()
        self.now_s += 1000
        self.follow_all(self.store)
        assert len(self.others()) <= 1, "a cursor that nobody reads is left"
        cursor = index_cursor.newest(self.store, self.index.name)
        newest = self.kind.newest(self.store)
        assert cursor.segments.keys() == {ref.name for ref in newest.segments}
        photos = self.observer.refresh().tail.photos
        assert self.index.count() + photos == sum(row.op is Op.PUT for row in self.rows_of(self.observer)), (
            "the index has entries of photos that are not in the body"
        )
