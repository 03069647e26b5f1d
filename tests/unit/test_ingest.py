"""Events in any order, any number of times: what is appended is what the catalogue holds, and nothing is lost on the way."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from lookalike.errors import EndedFunction, ImageError, ModelError, StoreUnavailable
from lookalike.ingest import Ingested, ingest, reject
from lookalike.photos.catalogue import ObjectEvent, Photo
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row
from tests.support.fakes import LAYOUT, FakeCatalogue, FakeEmbedder, OutageStore, embedding_of, photo

MAX_BYTES = 1000


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class World:
    """A catalogue, a store and the ingest between them."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.catalogue = FakeCatalogue()
        self.embedder = FakeEmbedder()
        self.store = OutageStore(MemoryStore())
        self.pool = pool

    def ingest(self, *events: ObjectEvent, has_time: Callable[[], bool] = lambda: True) -> Ingested:
        return ingest(
            events,
            catalogue=self.catalogue,
            embedder=self.embedder,
            store=self.store,
            pool=self.pool,
            max_bytes=MAX_BYTES,
            has_time=has_time,
        )

    def reject(self, event: ObjectEvent) -> Ingested:
        return reject([event], EndedFunction("It ended the function."), store=self.store, layout=LAYOUT)

    def rows(self) -> dict[str, Row]:
        """What a reader finds, by key: deleted photos are not there."""
        return {row.key: row for row in SnapshotReader(self.store, layout=LAYOUT).refresh().rows()}

    def segments(self) -> int:
        return len(list(self.store.inner.list("log/")))


@pytest.fixture
def world(pool: ThreadPoolExecutor) -> World:
    return World(pool)


def created(key: str, number: int = 1, *, sequencer: bool = True) -> ObjectEvent:
    """The event of the ``number``-th change of a key."""
    return ObjectEvent("catalogue", key, False, f"{number:016X}" if sequencer else None, 1000 + number)


def removed(key: str, number: int = 1, *, sequencer: bool = True) -> ObjectEvent:
    return replace(created(key, number, sequencer=sequencer), removed=True)


def test_a_photo_is_embedded_and_appended_with_its_metadata(world: World) -> None:
    world.catalogue.put("images/1.jpg", photo("shirt"), name="Linen Shirt")

    done = world.ingest(created("images/1.jpg"))

    assert (done.embedded, done.rejected, done.deleted, done.skipped, done.failed) == (1, 0, 0, 0, {})
    row = world.rows()["images/1.jpg"]
    assert (row.product_id, row.op, row.detail) == ("1", Op.PUT, {"name": "Linen Shirt"})
    assert row.embedding is not None
    np.testing.assert_array_equal(row.embedding, embedding_of(photo("shirt")))


def test_a_batch_is_one_segment(world: World) -> None:
    for number in range(40):
        world.catalogue.put(f"images/{number}.jpg", photo(str(number)))

    done = world.ingest(*(created(f"images/{number}.jpg") for number in range(40)), removed("images/gone.jpg"))

    assert (done.embedded, done.deleted, world.segments()) == (40, 1, 1)
    assert len(world.rows()) == 40
    assert world.store.get(str(done.segment))


def test_an_empty_batch_writes_nothing(world: World) -> None:
    assert world.ingest() == Ingested(0, 0, 0, 0, {}, None)
    assert world.segments() == 0


@pytest.mark.parametrize(
    ("key", "product"), [("images/", "images/"), ("images/new folder/", "new folder"), ("images//", "images//")]
)
def test_a_folder_marker_is_refused_and_told(
    world: World, caplog: pytest.LogCaptureFixture, key: str, product: str
) -> None:
    """The S3 console makes an empty object for a folder."""
    world.catalogue.put(key, b"")

    with caplog.at_level(logging.INFO):
        assert list(world.ingest(created(key)).reasons) == [key]
    row = world.rows()[key]
    assert (row.op, row.product_id, row.detail["code"]) == (Op.REJECT, product, "not-an-image")
    assert f"{key} was rejected" in caplog.text
    world.catalogue.remove(key)
    world.ingest(removed(key, 2))
    assert world.rows() == {}


@pytest.mark.parametrize("key", ["images//1.jpg", "images/../1.jpg", "images/1//front.jpg", "images/1/"])
def test_a_key_with_empty_folders_is_a_photo(world: World, key: str) -> None:
    world.catalogue.put(key, photo("shirt"))

    assert world.ingest(created(key)).embedded == 1
    assert world.rows()[key].product_id == "1"


@pytest.mark.parametrize("key", ["elsewhere/1.jpg", "1.jpg"])
def test_a_key_outside_the_catalogue_is_skipped_and_told(
    world: World, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    world.catalogue.put(key, b"")

    assert world.ingest(created(key), removed(key)) == Ingested(0, 0, 0, 2, {}, None)
    assert world.catalogue.asked == []
    assert f"{key} is not below images/" in caplog.text


@pytest.mark.parametrize("key", ["images/blue shirt+1%.jpg", "images/毛衣/背面.jpg", "images/é/\N{GRINNING FACE}.jpg"])
def test_awkward_keys_survive(world: World, key: str) -> None:
    world.catalogue.put(key, photo("shirt"), name="Größe \N{GRINNING FACE}")

    world.ingest(created(key))

    assert world.rows()[key].detail == {"name": "Größe \N{GRINNING FACE}"}


class TestOneKeySeveralTimes:
    def test_duplicates_in_a_batch_are_read_once(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))

        done = world.ingest(*[created("images/1.jpg")] * 3)

        assert (done.embedded, world.catalogue.asked) == (1, ["images/1.jpg"])

    def test_a_replayed_event_changes_nothing(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))
        world.ingest(created("images/1.jpg"))
        before = world.rows()["images/1.jpg"]

        world.ingest(created("images/1.jpg"))

        assert world.rows()["images/1.jpg"].order == before.order

    def test_one_event_read_before_and_after_a_change_gives_rows_of_different_order(self, world: World) -> None:
        """So that the same one is the newest whichever was written first."""
        orders = set()
        for data, name in ((photo("shirt"), "Old"), (photo("shirt"), "New"), (photo("shoe"), "New")):
            world.store = OutageStore()
            world.catalogue.put("images/1.jpg", data, name=name)
            world.ingest(created("images/1.jpg"))
            orders.add(world.rows()["images/1.jpg"].order)

        assert len(orders) == 3

    @pytest.mark.parametrize("sequencer", [True, False])
    @pytest.mark.parametrize("swapped", [True, False])
    def test_created_then_removed(self, world: World, sequencer: bool, swapped: bool) -> None:
        events = [
            created("images/1.jpg", 1, sequencer=sequencer),
            removed("images/1.jpg", 2, sequencer=sequencer),
        ]

        done = world.ingest(*(reversed(events) if swapped else events))

        assert (done.embedded, done.deleted, world.rows()) == (0, 1, {})

    @pytest.mark.parametrize("sequencer", [True, False])
    @pytest.mark.parametrize("swapped", [True, False])
    def test_removed_then_created(self, world: World, sequencer: bool, swapped: bool) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))
        events = [
            removed("images/1.jpg", 1, sequencer=sequencer),
            created("images/1.jpg", 2, sequencer=sequencer),
        ]

        done = world.ingest(*(reversed(events) if swapped else events))

        assert (done.embedded, done.deleted, list(world.rows())) == (1, 0, ["images/1.jpg"])

    def test_the_sequencer_decides_and_not_the_clock(self, world: World) -> None:
        older = replace(created("images/1.jpg", 1), time_ms=9_000)
        newer = replace(removed("images/1.jpg", 2), time_ms=1_000)

        world.catalogue.put("images/1.jpg", photo("shirt"))
        world.ingest(newer, older)

        assert world.rows() == {}

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
    def test_batches_out_of_order_end_the_same(self, world: World, order: tuple[int, ...]) -> None:
        world.catalogue.put("images/1.jpg", photo("final"))
        events = [created("images/1.jpg", 1), removed("images/1.jpg", 2), created("images/1.jpg", 3)]

        for number in order:
            world.ingest(events[number])

        row = world.rows()["images/1.jpg"]
        assert row.embedding is not None
        np.testing.assert_array_equal(row.embedding, embedding_of(photo("final")))


class TestPhotosThatChange:
    def test_an_object_already_gone_is_noted_as_deleted(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))
        world.ingest(created("images/1.jpg", 1))
        world.catalogue.remove("images/1.jpg")  # by a rule that sends no event

        done = world.ingest(created("images/1.jpg", 1))

        assert (done.embedded, done.deleted, done.skipped, done.failed) == (0, 1, 0, {})
        assert world.rows() == {}

    def test_a_photo_put_again_after_it_was_gone_comes_back(self, world: World) -> None:
        world.ingest(created("images/1.jpg", 1))
        world.catalogue.put("images/1.jpg", photo("shirt"))

        world.ingest(created("images/1.jpg", 2))

        assert list(world.rows()) == ["images/1.jpg"]

    def test_an_object_replaced_since_is_read_as_it_is(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("new"), name="New")

        world.ingest(created("images/1.jpg", 1))  # the event of the old photo
        assert world.rows()["images/1.jpg"].detail == {"name": "New"}

        world.ingest(created("images/1.jpg", 2))
        assert world.rows()["images/1.jpg"].detail == {"name": "New"}

    def test_new_metadata_of_the_same_photo_replace_the_old(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"), name="Old")
        world.ingest(created("images/1.jpg", 1))
        world.catalogue.put("images/1.jpg", photo("shirt"), name="New")

        world.ingest(created("images/1.jpg", 2))

        assert world.rows()["images/1.jpg"].detail == {"name": "New"}

    def test_a_good_photo_replaces_a_rejected_one(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", b"broken")
        world.ingest(created("images/1.jpg", 1))
        world.catalogue.put("images/1.jpg", photo("shirt"))

        world.ingest(created("images/1.jpg", 2))

        assert world.rows()["images/1.jpg"].op is Op.PUT

    def test_a_rejected_photo_can_be_deleted(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", b"broken")
        world.ingest(created("images/1.jpg", 1))

        world.ingest(removed("images/1.jpg", 2))

        assert world.rows() == {}


class TestWhatIsWrongWithAPhoto:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"broken", "undecodable-image"),
            (b"text", "not-an-image"),
            (b"", "not-an-image"),
            (b"huge", "too-many-pixels"),
            (b"x" * (MAX_BYTES + 1), "too-many-bytes"),
        ],
    )
    def test_it_is_recorded_with_its_reason(self, world: World, data: bytes, code: str) -> None:
        world.catalogue.put("images/1.jpg", data, name="Shirt")
        world.catalogue.put("images/2.jpg", photo("shoe"))

        done = world.ingest(created("images/1.jpg"), created("images/2.jpg"))

        assert (done.embedded, done.rejected, done.failed) == (1, 1, {})
        row = world.rows()["images/1.jpg"]
        assert (row.op, row.product_id, row.detail["code"]) == (Op.REJECT, "1", code)
        assert row.detail["detail"].endswith(".")

    def test_a_photo_of_just_the_limit_is_read(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", b"x" * MAX_BYTES)

        assert world.ingest(created("images/1.jpg")).embedded == 1


class TestRejectedUnread:
    def test_it_is_recorded_with_its_reason(self, world: World) -> None:
        done = world.reject(created("images/1/front.jpg"))

        assert (done.rejected, list(done.reasons)) == (1, ["images/1/front.jpg"])
        row = world.rows()["images/1/front.jpg"]
        assert (row.op, row.product_id, row.detail["code"]) == (Op.REJECT, "1", "ended-function")

    @pytest.mark.parametrize("sequencer", [True, False])
    @pytest.mark.parametrize("data", [photo("shirt"), photo("shoe"), b"broken"])
    @pytest.mark.parametrize("read_first", [True, False])
    def test_an_attempt_that_read_the_photo_knows_better(
        self, world: World, sequencer: bool, data: bytes, read_first: bool
    ) -> None:
        event = created("images/1.jpg", sequencer=sequencer)
        world.catalogue.put("images/1.jpg", data)
        for work in (world.ingest, world.reject) if read_first else (world.reject, world.ingest):
            work(event)

        row = world.rows()["images/1.jpg"]
        assert row.op is Op.PUT or row.detail["code"] == "undecodable-image"

    def test_what_happens_to_the_photo_next_counts(self, world: World) -> None:
        world.reject(created("images/1.jpg", 1))
        world.ingest(removed("images/1.jpg", 2))

        assert world.rows() == {}

    def test_what_happened_before_does_not(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))
        world.reject(created("images/1.jpg", 2))
        world.ingest(created("images/1.jpg", 1))

        assert world.rows()["images/1.jpg"].op is Op.REJECT


class TestAnEmbedderThatFails:
    @pytest.mark.parametrize("error", [ModelError("it failed"), MemoryError(), ZeroDivisionError()], ids=repr)
    def test_one_photo_that_it_fails_on_fails_alone(self, world: World, error: Exception) -> None:
        """It may be the machine's fault, so the photo is not rejected; its neighbours do not wait for it."""
        for number in range(20):
            world.catalogue.put(f"images/{number}.jpg", photo(str(number)))
        embed, failing = world.embedder.embed, photo("7")

        def fail(images: Sequence[bytes]) -> list[np.ndarray | ImageError]:
            if failing in images:
                raise error
            return embed(images)

        world.embedder.embed = fail  # type: ignore[method-assign]
        done = world.ingest(*(created(f"images/{number}.jpg") for number in range(20)))

        assert (done.embedded, done.rejected, set(done.failed)) == (19, 0, {created("images/7.jpg")})
        assert type(error).__name__ in done.failed[created("images/7.jpg")]


class TestTime:
    def test_what_is_done_before_it_ends_is_appended_and_the_rest_named(self, world: World) -> None:
        events = [created(f"images/{number}.jpg") for number in range(40)]
        for event in events:
            world.catalogue.put(event.key, photo(event.key))
        answers = iter([True, True, False])

        done = world.ingest(*events, removed("images/gone.jpg"), has_time=lambda: next(answers))

        assert 0 < done.embedded < 40
        assert done.unstarted == {event for event in events if event.key not in world.rows()}
        assert len(done.unstarted) == 40 - done.embedded
        assert (done.deleted, done.failed, world.segments()) == (1, {}, 1)

    def test_a_batch_always_begins(self, world: World) -> None:
        """Or its messages would come back until their attempts are used up."""
        world.catalogue.put("images/1.jpg", photo("shirt"))

        done = world.ingest(created("images/1.jpg"), has_time=lambda: False)

        assert (done.embedded, done.unstarted) == (1, frozenset())

    def test_every_event_of_a_photo_that_was_not_begun_comes_back(self, world: World) -> None:
        keys = [f"images/{number}.jpg" for number in range(40)]
        events = [created(key, number) for number in (1, 2) for key in keys]
        for key in keys:
            world.catalogue.put(key, photo(key))

        done = world.ingest(*events, has_time=lambda: False)

        assert done.unstarted == {event for event in events if event.key not in world.rows()}


class TestOutages:
    def test_one_download_that_fails_fails_its_event_only(self, world: World) -> None:
        for number in range(20):
            world.catalogue.put(f"images/{number}.jpg", photo(str(number)))
        world.catalogue.out_of_reach = {"images/7.jpg"}

        done = world.ingest(*(created(f"images/{number}.jpg") for number in range(20)))

        assert list(done.failed) == [created("images/7.jpg")]
        assert "SlowDown" in done.failed[created("images/7.jpg")]
        assert len(world.rows()) == 19

    def test_a_failed_download_fails_every_event_of_its_key(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))
        world.catalogue.out_of_reach = {"images/1.jpg"}
        events = [created("images/1.jpg", 1), removed("images/1.jpg", 2), created("images/1.jpg", 3)]

        done = world.ingest(*events, removed("images/2.jpg"))

        assert set(done.failed) == set(events)
        assert done.deleted == 1

    def test_nothing_is_written_when_all_downloads_fail(self, world: World) -> None:
        world.catalogue.out_of_reach = {"images/1.jpg"}

        done = world.ingest(created("images/1.jpg"))

        assert (done.segment, world.segments(), len(done.failed)) == (None, 0, 1)

    def test_a_failing_append_fails_the_whole_batch(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))
        world.store.down = {"put"}

        with pytest.raises(StoreUnavailable):
            world.ingest(created("images/1.jpg"), removed("images/2.jpg"))

    def test_a_batch_that_comes_back_is_taken_in(self, world: World) -> None:
        world.catalogue.put("images/1.jpg", photo("shirt"))
        world.store.down = {"put"}
        with pytest.raises(StoreUnavailable):
            world.ingest(created("images/1.jpg"))
        world.store.down = set()

        assert world.ingest(created("images/1.jpg")).embedded == 1
        assert list(world.rows()) == ["images/1.jpg"]

    def test_a_programming_error_in_a_download_is_not_swallowed(self, world: World) -> None:
        world.catalogue.photo = lambda key, *, max_bytes: 1 / 0  # type: ignore[assignment]

        with pytest.raises(ZeroDivisionError):
            world.ingest(created("images/1.jpg"))


class TestMemory:
    def test_photos_are_let_go_as_they_are_embedded(self, world: World) -> None:
        """A batch of a hundred large photos must not be in memory at once."""
        held = Held()
        world.pool = AtOnce()
        keys = [f"images/{number}.jpg" for number in range(120)]
        world.catalogue.photo = lambda key, *, max_bytes: Photo(held.data(key.encode()), {}, "")  # type: ignore[assignment]

        done = world.ingest(*(created(key) for key in keys))

        assert done.embedded == 120
        assert held.most <= 16, "20 MB each, beside the one that is decoded: decision 35"
        assert held.now == 0

    def test_photos_are_embedded_in_groups(self, world: World) -> None:
        for number in range(40):
            world.catalogue.put(f"images/{number}.jpg", photo(str(number)))

        world.ingest(*(created(f"images/{number}.jpg") for number in range(40)))

        assert sum(world.embedder.batches) == 40
        assert 1 < len(world.embedder.batches) < 40


class AtOnce(ThreadPoolExecutor):
    """Does what it is asked while it is asked, so that what is in memory at once does not depend on threads."""

    def submit(self, work, /, *args, **options):  # type: ignore[no-untyped-def, override]
        done: Future[object] = Future()
        done.set_result(work(*args, **options))
        return done


class Held:
    """Counts the photos in memory. Safe for threads."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.RLock()

    def data(self, content: bytes) -> bytes:
        held = self

        class Data(bytes):
            def __del__(self) -> None:
                with held._lock:
                    held.now -= 1

        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        return Data(content)
