"""Data files in any order, any number of times: the product store has what the catalogue holds, and says why where it has not."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.backfill import planned_files, read_file_orders
from lookalike.compaction.policy import Policy
from lookalike.compaction.products import compact_products
from lookalike.data_ingest import SUFFIXES, DataIngest, IngestedFile
from lookalike.errors import FeedError, StoreUnavailable
from lookalike.photos.catalogue import ListedPhoto, ObjectEvent
from lookalike.store.object_store import MemoryStore
from lookalike.store.records import Op
from scripts.common.data_files import SUFFIXES as SENT_SUFFIXES
from tests.support import data_files
from tests.support.fakes import FakeCatalogue, OutageStore

KEY = "products/prices.csv"
MAX_BYTES = 1000


class World:
    """A catalogue, a product store and the ingest between them."""

    def __init__(self) -> None:
        self.catalogue = FakeCatalogue()
        self.store = OutageStore(MemoryStore())
        self.ingest = DataIngest(self.catalogue, self.store, MAX_BYTES)

    def take_in(self, event: ObjectEvent) -> IngestedFile:
        return self.ingest.take_in(event)

    def state(self, key: str = KEY) -> tuple[Op, str]:
        """The operation, and the code of a reject."""
        state = data_files.states(self.store.inner)[key]
        return state.op, state.detail.get("code", "")

    def price(self, product_id: str = "1", key: str = KEY) -> object:
        return data_files.products(self.store.inner, key)[product_id]["price"]


@pytest.fixture
def world() -> World:
    return World()


def put(number: int = 1, key: str = KEY, *, sequencer: bool = True) -> ObjectEvent:
    """The event of the ``number``-th change of a key."""
    return ObjectEvent("catalogue", key, False, f"{number:016X}" if sequencer else None, 1000 + number)


def removed(number: int, key: str = KEY, *, sequencer: bool = True) -> ObjectEvent:
    return replace(put(number, key, sequencer=sequencer), removed=True)


def prices(price: float) -> bytes:
    return f"id,name,price\n1,Linen Shirt,{price}\n2,Mug,5\n".encode()


def test_a_file_is_appended_with_its_products(world: World) -> None:
    world.catalogue.put(KEY, prices(10))

    done = world.take_in(put())

    assert done == IngestedFile(KEY, Op.PUT, rows=2)
    assert data_files.products(world.store, KEY) == {
        "1": {"name": "Linen Shirt", "price": 10.0},
        "2": {"name": "Mug", "price": 5.0},
    }


def test_metadata_names_the_column_of_ids(world: World) -> None:
    world.catalogue.put(KEY, b"id,artikel,price\nx,1,10\n", **{"id-column": "artikel"})

    world.take_in(put())

    assert world.price("1") == 10.0


@pytest.mark.parametrize(
    "key",
    [
        "products/a b+c.csv",
        "products/sub/folder/x.TSV",
        "products/价格 – Größe.Csv",
        "products/feed.txt",
        "products/f.JSONL",
    ],
)
def test_keys_of_all_kinds(world: World, key: str) -> None:
    line = b'{"id": "1", "price": 10}\n' if key.endswith("JSONL") else b"id\tprice\n1\t10\n"
    world.catalogue.put(key, line.replace(b"\t", b",") if key.lower().endswith("csv") else line)

    assert world.take_in(put(key=key)).op is Op.PUT

    assert world.price("1", key) == 10.0


def test_a_bad_row_is_left_out_and_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.catalogue.put(KEY, b"id,price\n1,10\n,20\n3,30\n")

    with caplog.at_level(logging.INFO):
        done = world.take_in(put())

    assert (done.op, done.rows, done.bad_rows) == (Op.PUT, 3, 1)
    (row,) = data_files.states(world.store)[KEY].bad
    assert row.line == 3
    assert set(data_files.products(world.store, KEY)) == {"1", "3"}
    logged = next(record.__dict__ for record in caplog.records if "rows" in record.__dict__)
    assert (logged["file"], logged["rows"], logged["bad_rows"]) == (KEY, 3, 1)
    assert logged["first_bad_rows"] == [f"line 3: {row.detail}"]


@pytest.mark.parametrize(
    ("key", "content", "code"),
    [
        ("products/notes.pdf", b"%PDF", "unknown-suffix"),
        ("products/prices", b"id,price\n1,10\n", "unknown-suffix"),
        (KEY, b"id,price\n" + b"1,10\n" * 500, "too-many-bytes"),
        (KEY, b"", None),
        (KEY, b"\xff\xfe\x00\xd8garbage", None),
    ],
)
def test_a_file_that_cannot_be_used_is_a_reject_with_its_reason(
    world: World, key: str, content: bytes, code: str | None
) -> None:
    world.catalogue.put(key, content)

    done = world.take_in(put(key=key))

    state = data_files.states(world.store)[key]
    assert (done.op, state.op, done.rows) == (Op.REJECT, Op.REJECT, 0)
    assert state.detail["detail"] == done.reason != ""
    assert code in (None, state.detail["code"])


def test_an_unknown_suffix_says_which_are_read(world: World) -> None:
    done = world.take_in(put(key="products/sub/notes.pdf"))

    assert done.reason.startswith("notes.pdf")
    assert all(suffix in done.reason for suffix in (".csv", ".tsv", ".txt", ".jsonl"))
    assert world.catalogue.asked == [], "such a file is not read"


def test_the_command_sends_files_that_are_read() -> None:
    assert set(SENT_SUFFIXES) == set(SUFFIXES)


def test_a_reject_takes_the_place_of_an_earlier_table(world: World) -> None:
    """And a better file that of the reject."""
    for number, content, op in ((1, prices(10), Op.PUT), (2, b"", Op.REJECT), (3, prices(12), Op.PUT)):
        world.catalogue.put(KEY, content)
        world.take_in(put(number))
        assert world.state()[0] is op


@pytest.mark.parametrize("sequencer", [True, False])
def test_a_deleted_file_is_a_tombstone(world: World, sequencer: bool) -> None:
    world.catalogue.put(KEY, prices(10))
    world.take_in(put(1, sequencer=sequencer))
    world.catalogue.remove(KEY)

    assert world.take_in(removed(2, sequencer=sequencer)) == IngestedFile(KEY, Op.DELETE)

    assert world.state() == (Op.DELETE, "")


def test_a_file_that_is_gone_before_it_was_read_is_a_tombstone(world: World) -> None:
    assert world.take_in(put(1)).op is Op.DELETE
    assert world.state() == (Op.DELETE, "")


def test_a_late_deletion_does_not_remove_a_file_that_came_after_it(world: World) -> None:
    world.catalogue.put(KEY, prices(10))

    world.take_in(put(2))
    world.take_in(removed(1))

    assert world.price() == 10.0


def test_an_event_that_comes_late_reads_the_file_of_now(world: World) -> None:
    world.catalogue.put(KEY, prices(12))

    world.take_in(put(1))

    assert world.price() == 12.0


def test_a_file_that_was_replaced_while_it_was_read_is_right_in_the_end(world: World) -> None:
    """The first event's row has the old content; the replacement's own event is newer."""
    world.catalogue.put(KEY, prices(10))
    ordinary = world.catalogue.data_file

    @contextmanager
    def replaced(key: str, *, max_bytes: int) -> Iterator[object]:
        with ordinary(key, max_bytes=max_bytes) as file:
            world.catalogue.put(KEY, prices(12))
            yield file

    world.catalogue.data_file = replaced  # type: ignore[assignment, method-assign]
    world.take_in(put(1))
    assert world.price() == 10.0
    world.catalogue.data_file = ordinary  # type: ignore[method-assign]

    world.take_in(put(2))
    world.take_in(put(1))

    assert world.price() == 12.0


@pytest.mark.parametrize("down", ["put", "get"])
def test_a_store_out_of_reach_is_told_and_the_event_can_come_again(world: World, down: str) -> None:
    world.catalogue.put(KEY, prices(10))
    world.store.down = {"put", down}

    with pytest.raises(StoreUnavailable):
        world.take_in(put())
    world.store.down = set()
    world.take_in(put())

    assert world.price() == 10.0


def test_a_catalogue_out_of_reach_is_told_and_nothing_is_recorded(world: World) -> None:
    world.catalogue.put(KEY, prices(10))
    world.catalogue.out_of_reach = {KEY}

    with pytest.raises(StoreUnavailable):
        world.take_in(put())

    assert data_files.states(world.store) == {}


class TestRejectsOfFilesThatWereNotRead:
    ERROR = FeedError("ended-function", "Reading this file ended the function.")

    def test_they_are_recorded(self, world: World) -> None:
        assert world.ingest.reject(put(), self.ERROR).reason == "Reading this file ended the function."

        assert world.state() == (Op.REJECT, "ended-function")

    @pytest.mark.parametrize("content", [prices(10), b""])
    @pytest.mark.parametrize("first", ["reject", "file"])
    def test_what_an_attempt_at_the_same_event_made_of_the_file_beats_them(
        self, world: World, content: bytes, first: str
    ) -> None:
        world.catalogue.put(KEY, content)
        steps = [lambda: world.take_in(put()), lambda: world.ingest.reject(put(), self.ERROR)]

        for step in steps if first == "file" else reversed(steps):
            step()

        assert world.state()[1] != "ended-function"

    def test_they_beat_the_table_of_an_earlier_event(self, world: World) -> None:
        world.catalogue.put(KEY, prices(10))
        world.take_in(put(1))

        world.ingest.reject(put(2), self.ERROR)

        assert world.state() == (Op.REJECT, "ended-function")


class TestNoting:
    """An attempt is noted while a file is worked on, as it may end the function then."""

    @contextmanager
    def noted(self) -> Iterator[None]:
        self.entered = True
        yield
        self.left = True

    entered = left = False

    def test_a_file_that_is_read(self, world: World) -> None:
        world.catalogue.put(KEY, prices(10))

        world.ingest.take_in(put(), self.noted())

        assert (self.entered, self.left) == (True, True)

    @pytest.mark.parametrize(
        "event", [removed(1), put(1), put(1, "products/a.pdf")], ids=["removed", "missing", "suffix"]
    )
    def test_nothing_is_noted_where_nothing_is_read(self, world: World, event: ObjectEvent) -> None:
        world.ingest.take_in(event, self.noted())

        assert not self.entered


CHANGES = {"first": prices(10), "second": prices(20), "empty": b"", "bad value": b"id,price\n1,oops\n", "deleted": None}
steps = st.one_of(st.sampled_from(sorted(CHANGES)), st.tuples(st.integers(0, 9), st.booleans()))


@settings(deadline=None)
@given(history=st.lists(steps, max_size=12), rest=st.randoms(use_true_random=False))
def test_any_order_of_any_events_ends_with_the_file_of_now(
    history: list[str | tuple[int, bool]], rest: random.Random
) -> None:
    """A change of the file sends an event, which is delivered at any time after it, once or more."""
    world = World()
    waiting: list[ObjectEvent] = [put(1)]
    for number, step in enumerate(history, 2):
        if isinstance(step, str):
            content = CHANGES[step]
            if content is None:
                world.catalogue.photos.pop(KEY, None)
            else:
                world.catalogue.put(KEY, content)
            waiting.append(removed(number) if content is None else put(number))
        elif waiting:
            place, again = step
            event = waiting[place % len(waiting)]
            world.take_in(event)
            if not again:
                waiting.remove(event)
    rest.shuffle(waiting)
    for event in waiting:
        world.take_in(event)

    alone = World()
    alone.ingest = DataIngest(world.catalogue, alone.store, MAX_BYTES)
    alone.take_in(put(1))
    state, expected = (data_files.states(item.store)[KEY] for item in (world, alone))
    assert (state.op, state.detail, state.rows, state.bad) == (
        expected.op,
        expected.detail,
        expected.rows,
        expected.bad,
    )
    if expected.op is Op.PUT:
        assert data_files.products(world.store, KEY) == data_files.products(alone.store, KEY)


class TestBackfill:
    def backfill(self, world: World, modified_ms: int = 5000) -> list[str]:
        """Takes in what a plan finds; gives the keys."""
        listed = [ListedPhoto(key, modified_ms) for key in sorted(world.catalogue.photos)]
        with planned_files(listed, read_file_orders(world.store), bucket="catalogue") as found:
            for event in found:
                world.take_in(event)
            return [event.key for event in found]

    def test_it_takes_in_what_the_store_lacks_and_nothing_twice(self, world: World) -> None:
        for key in (KEY, "products/", "products/sub/b.csv", "images/1.jpg"):
            world.catalogue.put(key, prices(10))

        assert self.backfill(world) == [KEY, "products/sub/b.csv"]

        assert self.backfill(world) == []
        assert world.price() == 10.0

    def test_it_finds_what_was_replaced_and_deleted_without_an_event(self, world: World) -> None:
        for key in (KEY, "products/b.csv"):
            world.catalogue.put(key, prices(10))
            world.take_in(put(1, key))
        world.catalogue.put(KEY, prices(12))
        world.catalogue.remove("products/b.csv")

        assert self.backfill(world) == [KEY, "products/b.csv"]

        assert world.price() == 12.0
        assert world.state("products/b.csv")[0] is Op.DELETE
        assert self.backfill(world) == []

    def test_a_late_duplicate_of_an_old_deletion_does_not_undo_it(self, world: World) -> None:
        world.take_in(removed(3))
        world.catalogue.put(KEY, prices(10))
        self.backfill(world)

        world.take_in(removed(3))

        assert world.price() == 10.0

    def test_the_next_event_beats_it(self, world: World) -> None:
        world.take_in(removed(3))
        world.catalogue.put(KEY, prices(10))
        self.backfill(world)
        world.catalogue.put(KEY, prices(12))

        world.take_in(put(4))

        assert world.price() == 12.0

    def test_a_folded_store_is_compared_as_well(self, world: World) -> None:
        for key in (KEY, "products/b.csv"):
            world.catalogue.put(key, prices(10))
            world.take_in(put(1, key))
        compact_products(world.store, Policy(grace_s=0))
        world.catalogue.remove("products/b.csv")

        assert self.backfill(world, modified_ms=1000) == ["products/b.csv"]
