"""A state machine that leads a store of either kind through random histories: events and their deliveries, compactions, collections,
readers, time, faults at any call, damaged bytes, processes that end in the middle of anything, and rivals whose clocks differ.

What it takes for granted, as the store does:
- a row arrives at most ``RETENTION_S`` after a deletion of its key that is newer than it. The queue forgets events sooner
  than compaction forgets tombstones, which it does after ``tombstone_s``;
- a compaction step ends, and a write in flight arrives or is lost, within ``orphan_s``.
Readers may pause for as long as they like.

``photo_machine`` and ``product_machine`` say what the rows of a store are.
"""

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lookalike.compaction import collect
from lookalike.compaction.policy import Policy
from lookalike.errors import CorruptObject, StoreUnavailable
from lookalike.store import names
from lookalike.store.records import Op, event_of, order_of
from lookalike.store.refreshing import Reader
from lookalike.store.versions import StoreKind
from tests.property.audit import AuditedStore
from tests.property.oracle import Oracle
from tests.support.damage import DamagedStore
from tests.support.rows import Value
from tests.support.stores import Died, Fault, FaultyStore, Rival

GRACE_S = 20.0
PAUSE_S = 3.0  # of a rival in the middle of a compaction
ORPHAN_S = 60.0
RETENTION_S = 70.0
TOMBSTONE_S = 100.0
READING_S = GRACE_S - 3 * PAUSE_S  # up to three rivals may pause between the time in a manifest and its commit
MOST_STEPS = 300

KEYS = ("by sequencer", "by sequencer too", "by time", "by both")


@dataclass(frozen=True)
class Event:
    """An event of an object of the catalogue, and the object then: a number, or None where it was deleted."""

    key: str
    op: Op
    sequencer: str | None
    time_ms: int
    content: int | None

    def order(self, found: "Event") -> bytes:
        """The order of this event when ingest finds the object as another event, or this one, left it."""
        content = str(found.content).encode()
        return order_of(sequencer=self.sequencer, time_ms=self.time_ms, op=found.op, content=content)


@dataclass
class Catalogue:
    """All that happened. ``waiting``: the events that are still in the queue."""

    events: list[Event] = field(default_factory=list)
    waiting: list[Event] = field(default_factory=list)

    def newest(self, key: str) -> Event:
        return next(event for event in reversed(self.events) if event.key == key)

    def add(self, event: Event) -> None:
        self.events.append(event)
        self.waiting.append(event)


SKEWS_S = (0.0, 0.0, 9000.0, -9000.0)  # of a machine's clock, ahead of the store's

ops = st.sampled_from([Op.PUT, Op.DELETE, Op.PUT, Op.REJECT])
faults = st.sampled_from(Fault)
rivals = st.tuples(
    st.sampled_from(
        ["compact", "compact", "compact", "deliver", "happen", "collect", "refresh", "pause", "clean", "clean"]
    ),
    st.sampled_from(["before", "after"]),
)
Call = int | tuple[str, int]
Plan = list[tuple[Call, Fault | tuple[str, str]]]


def plans(most_calls: int) -> st.SearchStrategy[Plan]:
    """Up to three things that go wrong, or come in between, at some of the first calls of an operation."""
    calls = st.integers(0, most_calls - 1) | st.tuples(st.sampled_from(["put", "list", "get"]), st.integers(0, 4))
    return st.lists(st.tuples(calls, faults | rivals), max_size=3)


class StoreMachine(RuleBasedStateMachine):
    """See the module's docstring. ``examples`` counts the histories that were begun."""

    examples = 0
    kind: StoreKind[Any]

    def __init__(self) -> None:
        super().__init__()
        type(self).examples += 1
        self.now_s = 1_000_000.0
        self.chance = random.Random(1)
        self.store = AuditedStore(self.kind, self.decode, lambda: self.now_s, READING_S)
        self.compacting: FaultyStore | None = None
        self.on_its_way = FaultyStore(self.store)  # keeps the puts that may still land
        self.oracle: Oracle[Any] = Oracle(self.value)
        self.catalogue = Catalogue()
        self.attempts: set[str] = set()
        self.patches = [
            patch("uuid.uuid4", lambda: uuid.UUID(int=self.chance.getrandbits(128))),
            patch("lookalike.store.names.time", SimpleNamespace(time=lambda: self.store.machine_time_ms() / 1000)),
            patch("lookalike.store.creation._PAUSE_S", 0),
            *self.own_patches(),
        ]
        for each in self.patches:
            each.start()
        self.reader_stores = [FaultyStore(self.store) for _ in range(2)]
        self.readers = [self.reader(store) for store in self.reader_stores]
        self.observer = self.reader(self.store)

    # --- what a machine for one kind of store defines -----------------------------------------------------------------

    def own_patches(self) -> list[Any]:
        """What makes a small store do what a large one does, and in one thread."""
        raise NotImplementedError

    def decode(self, kind: names.Kind | None, data: bytes) -> object:
        """Raise where the bytes of an object that is no manifest are not what its kind promises."""
        raise NotImplementedError

    def value(self, row: Any) -> Value:
        """A row as something that can be compared and sorted."""
        raise NotImplementedError

    def row(self, event: Event, found: Event) -> Any:
        """The row that ingest makes of an event when it finds the object as another event, or this one, left it."""
        raise NotImplementedError

    def append_rows(self, store: Any, rows: list[Any]) -> None:
        raise NotImplementedError

    def compact_store(self, store: Any, time_left_s: Callable[[], float]) -> None:
        raise NotImplementedError

    def reader(self, store: Any) -> Reader[Any]:
        raise NotImplementedError

    def seen(self, reader: Reader[Any], durable: dict[str, bytes]) -> list[Any]:
        """The rows that a reader shows now, held against what was durable before."""
        raise NotImplementedError

    def others(self) -> set[str]:
        """Objects that belong to neither the log nor a manifest."""
        return set()

    def expect_at_rest(self, newest: Any) -> None:
        """What else must hold of the newest manifest at the end."""

    @initialize(
        segment_bytes=st.sampled_from([2000, 4000, 10_000, 1]),
        fanout=st.integers(2, 3),
        garbage_share=st.sampled_from([0.25, 0.5]),
        rows_at_once=st.sampled_from([1000, 1]),  # keys in one partition, or in several
    )
    def begin(self, segment_bytes: int, fanout: int, garbage_share: float, rows_at_once: int) -> None:
        self.policy = Policy(
            segment_bytes=segment_bytes,
            rows_at_once=rows_at_once,
            fanout=fanout,
            garbage_share=garbage_share,
            grace_s=GRACE_S,
            orphan_s=ORPHAN_S,
            tombstone_s=TOMBSTONE_S,
            manifests_kept=2,
        )

    # --- what the operations share ------------------------------------------------------------------------------------

    def planned(self, plan: Plan, pause_s: float = PAUSE_S) -> dict[Call, Fault | Rival]:
        return {
            call: item if isinstance(item, Fault) else Rival(**{item[1]: lambda act=item[0]: self.rival(act, pause_s)})
            for call, item in plan
        }

    def rival(self, act: str, pause_s: float) -> None:
        """Somebody else's turn in the middle of an operation. Rivals have no faults and no rivals, and clocks of their own."""
        with self.on_a_machine(self.chance.choice(SKEWS_S)):
            self.rival_acts(act, pause_s)

    @contextmanager
    def on_a_machine(self, skew_s: float) -> Iterator[None]:
        """Whatever runs meanwhile runs on a machine whose clock is ahead by so much."""
        before, self.store.skew_s = self.store.skew_s, skew_s
        yield
        self.store.skew_s = before

    def rival_acts(self, act: str, pause_s: float) -> None:
        if act == "happen":
            self.add_event(self.chance.choice(KEYS), self.chance.choice(list(Op)), self.chance.random() < 0.5)
        elif act == "deliver":
            self.append(self.store, self.deliverable()[:2], self.chance.random() < 0.5)
        elif act == "compact":
            self.compact_and_collect(self.store)
            if pause_s > GRACE_S:  # what was put out of use is gone, too, when the reader goes on
                self.advance(pause_s)
                self.compact_and_collect(self.store)
        elif act == "collect":
            collect.collect(self.store, self.kind, self.policy)
        elif act == "refresh":
            self.check(self.observer)
        elif act == "clean":
            self.clean()
        else:
            self.advance(pause_s)

    def clean(self) -> None:
        """Somebody deletes the segments that a compaction has just written, and did not look what they are for."""
        calls = self.compacting.calls[-2:] if self.compacting else []
        if any(call == "put" and name.startswith(self.kind.prefix) for call, name in calls):
            for unpublished in self.store.unpublished():
                self.store.inner.delete(unpublished)

    def attempt(self, work: Callable[[], object], store: FaultyStore) -> bool:
        """Do it, and let it fail where a fault was planned. What is still on its way is kept for later.

        False where the process died.
        """
        planned = [item for item in store.plan.values() if isinstance(item, Fault)]
        died = False
        try:
            work()
        except StoreUnavailable:
            assert set(planned) - {Fault.DAMAGED}, "an operation failed without a fault"
        except CorruptObject as error:
            assert planned.count(Fault.DAMAGED) >= 2, "an object was damaged once, and not read once more"
            self.expect_named(error, {name for _, name in store.calls})
        except Died:
            died = True
        self.on_its_way.late += store.late
        store.late.clear()
        return not died

    def expect_named(self, error: CorruptObject, read: set[str]) -> None:
        assert any(name in str(error) for name in read if name), "an error does not name the damaged object"

    def append(self, store: Any, events: list[Event], reads_now: bool) -> None:
        """Handle a batch as ingest does, with each photo as it is now, or as a slow batch read it before it was replaced."""
        rows = []
        for event in events:
            reads = reads_now and event.op is not Op.DELETE
            rows.append(self.row(event, self.catalogue.newest(event.key) if reads else event))
        self.oracle.attempt(rows)
        self.append_rows(store, rows)
        self.oracle.acknowledge(rows)
        self.catalogue.waiting = [event for event in self.catalogue.waiting if event not in events]

    def is_too_late(self, event: Event, now_s: float) -> bool:
        """Whether the store may have forgotten a newer deletion of the event's key by ``now_s``."""
        deletions = [row.order for row in self.oracle.attempted[event.key].values() if row.op is Op.DELETE]
        deletions += [
            other.order(other) for other in self.catalogue.events if other.key == event.key and other.op is Op.DELETE
        ]
        order = event.order(event)
        return any(
            deletion > order and event_of(deletion).time_ms / 1000 + RETENTION_S < now_s for deletion in deletions
        )

    def deliverable(self) -> list[Event]:
        return [event for event in self.catalogue.waiting if not self.is_too_late(event, self.now_s)]

    def advance(self, seconds: float) -> None:
        """Let time pass; what could not be delivered afterwards is delivered before."""
        self.on_its_way.land()
        then_s = self.now_s + seconds
        urgent = [event for event in self.deliverable() if self.is_too_late(event, then_s)]
        if urgent:
            self.append(self.store, urgent, reads_now=False)
        self.now_s = then_s

    def add_event(self, key: str, op: Op, sequenced: bool) -> None:
        self.now_s += 0.001
        number = len(self.catalogue.events) + 1
        sequencer = f"{number:06X}" if key.startswith("by sequencer") or (key == "by both" and sequenced) else None
        content = None if op is Op.DELETE else number
        self.catalogue.add(Event(key, op, sequencer, int(self.now_s * 1000), content))

    def compact_and_collect(self, store: Any, most_steps: int = MOST_STEPS) -> None:
        steps = iter(range(most_steps))

        def time_left_s() -> float:
            if next(steps, None) is not None:
                return float("inf")
            assert most_steps < MOST_STEPS, "compaction does not come to rest"
            return 0.0

        self.compact_store(store, time_left_s)

    def check(self, reader: Reader[Any]) -> list[Value]:
        return sorted(map(self.value, self.rows_of(reader)))

    # --- rules --------------------------------------------------------------------------------------------------------

    @rule(events=st.lists(st.tuples(st.sampled_from(KEYS), ops, st.booleans()), min_size=1, max_size=4))
    def happen(self, events: list[tuple[str, Op, bool]]) -> None:
        for event in events:
            self.add_event(*event)

    @precondition(lambda self: self.catalogue.waiting)
    @rule(data=st.data(), plan=plans(3), skew_s=st.sampled_from([0.0, 0.0, -9000.0, 9000.0]), reads_now=st.booleans())
    def deliver(self, data: st.DataObject, plan: Plan, skew_s: float, reads_now: bool) -> None:
        """Some of the waiting events, in any order, perhaps not for the first time."""
        events = self.deliverable()
        if events:
            self.deliver_some(
                data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=4)), plan, skew_s, reads_now
            )

    @precondition(lambda self: self.catalogue.events)
    @rule(data=st.data(), plan=plans(3), skew_s=st.sampled_from([0.0, -9000.0]), reads_now=st.booleans())
    def deliver_again(self, data: st.DataObject, plan: Plan, skew_s: float, reads_now: bool) -> None:
        """Any events that may still be in a queue, in batches that they were not in before."""
        events = [event for event in self.catalogue.events if not self.is_too_late(event, self.now_s)]
        if events:
            self.deliver_some(
                data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=3)), plan, skew_s, reads_now
            )

    def deliver_some(self, events: list[Event], plan: Plan, skew_s: float, reads_now: bool) -> None:
        store = FaultyStore(self.store, self.planned(plan, pause_s=0.0))
        with self.on_a_machine(skew_s):
            self.attempt(lambda: self.append(store, events, reads_now), store)

    @rule(plan=plans(9) | plans(20), most_steps=st.sampled_from([MOST_STEPS, 1, 2]), skew_s=st.sampled_from(SKEWS_S))
    def compact(self, plan: Plan, most_steps: int, skew_s: float) -> None:
        self.compacting = store = FaultyStore(self.store, self.planned(plan))
        with self.on_a_machine(skew_s):
            self.attempt(lambda: self.compact_and_collect(store, most_steps), store)
        self.compacting = None

    @rule(plan=plans(12), skew_s=st.sampled_from(SKEWS_S))
    def collect(self, plan: Plan, skew_s: float) -> None:
        store = FaultyStore(self.store, self.planned(plan))
        with self.on_a_machine(skew_s):
            self.attempt(lambda: collect.collect(store, self.kind, self.policy), store)

    @precondition(lambda self: any(self.store.inner.list("")))
    @rule(data=st.data(), use=st.sampled_from(["refresh", "compact"]))
    def read_damaged(self, data: st.DataObject, use: str) -> None:
        """One bit of an object is flipped for as long as this takes: the answer is right, or an error names the object."""
        name = data.draw(st.sampled_from([entry.name for entry in self.store.inner.list("")]))
        bit = data.draw(st.integers(0, 8 * len(self.store.inner.get(name)) - 1))
        damaged = DamagedStore(self.store, name, bit)
        try:
            if use == "refresh":
                self.check(self.reader(damaged))
            else:
                self.compact_and_collect(damaged, most_steps=1)
        except CorruptObject as error:
            self.expect_named(error, {name})

    @rule(which=st.integers(0, 1), plan=plans(4), pause_s=st.sampled_from([GRACE_S + 1, PAUSE_S, 1000.0]))
    def refresh(self, which: int, plan: Plan, pause_s: float) -> None:
        store = self.reader_stores[which]
        store.calls.clear()
        store.missing.clear()
        store.plan = self.planned(plan, pause_s)
        if not self.attempt(lambda: self.check(self.readers[which]), store):
            self.readers[which] = self.reader(store)
        interrupted = any(isinstance(item, Rival) for item in store.plan.values())
        assert interrupted or not store.missing, "I5: a reader that nobody interrupted missed an object"

    @rule(seconds=st.sampled_from([TOMBSTONE_S + 1, GRACE_S + 1, ORPHAN_S + 1, 1.0]))
    def wait(self, seconds: float) -> None:
        self.advance(seconds)

    @precondition(lambda self: self.on_its_way.late)
    @rule()
    def land(self) -> None:
        """What was on its way arrives."""
        self.on_its_way.land()

    @invariant()
    def warm_and_cold_readers_agree(self) -> None:
        """A reader that has seen everything and one that has seen nothing show the same."""
        assert self.check(self.observer) == self.check(self.reader(self.store)), "I4: warm and cold readers differ"

    # --- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if hasattr(self, "policy"):
                self.settle()
        finally:
            for each in self.patches:
                each.stop()

    def settle(self) -> None:
        """Once every event was delivered and compaction has come to rest, the store is what the events say."""
        self.on_its_way.land()
        self.append(self.store, self.deliverable(), reads_now=True)
        self.check(self.observer)  # rows whose append was never acknowledged are there or not, and stay so
        self.expect_final()
        self.compact_and_collect(self.store)
        self.expect_final()
        for _ in range(3):
            self.now_s += TOMBSTONE_S + ORPHAN_S + GRACE_S
            self.compact_and_collect(self.store)
            self.expect_final()
        newest = self.kind.newest(self.store)
        left = {entry.name for entry in self.store.list("")}
        manifests = {entry.name for entry in self.store.list(names.MANIFESTS)}
        assert left - manifests - self.others() == newest.objects | self.attempts, (
            "garbage is left, or an attempt is lost"
        )
        assert len(manifests) <= self.policy.manifests_kept
        self.expect_at_rest(newest)

    def expect_final(self) -> None:
        for store in self.reader_stores:
            store.plan = {}
        for reader in (*self.readers, self.observer, self.reader(self.store)):
            assert self.check(reader) == self.oracle.final(), "I4: a reader does not show what the rows say"
        shown = {row.key: int(row.detail["content"]) for row in self.rows_of(self.observer)}
        newest = {event.key: event.content for event in self.catalogue.events if event.key != "by both"}
        for key, content in newest.items():
            assert shown.get(key) == content, f"I4: {key} is not as it is in the catalogue"

    def rows_of(self, reader: Reader[Any]) -> list[Any]:
        return self.seen(reader, dict(self.oracle.durable))
