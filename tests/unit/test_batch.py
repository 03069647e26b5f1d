"""A batch survives its worst photo: whatever ends a function, the other photos are taken in and no message is put aside."""

import json
from dataclasses import replace

import pytest

from lookalike.store.attempts import Attempt, Attempts
from lookalike.store.object_store import MemoryStore
from lookalike.store.records import Op
from tests.support import functions
from tests.support.ingest_world import HIDDEN_S, TIMEOUT_S, World

# A function that is killed has counted nothing, and Powertools warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in functions.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return World(functions.load("ingest"))


def upload(world: World, count: int, killers: frozenset[int] = frozenset()) -> None:
    for number in range(count):
        world.upload(f"images/{number}.jpg", b"kill" if number in killers else None)


def reasons(world: World) -> dict[str, str]:
    return {key: row.detail["code"] for key, row in world.rows().items() if row.op is Op.REJECT}


class TestPhotosThatEndTheFunction:
    @pytest.mark.parametrize("killers", [{0}, {49}, {25}, {3, 4, 30}, {0, 7, 8, 15, 16, 23, 24, 49}])
    def test_they_are_rejected_and_no_other_photo_is(self, world: World, killers: set[int]) -> None:
        upload(world, 50, frozenset(killers))

        world.run()

        assert reasons(world) == {f"images/{number}.jpg": "ended-function" for number in killers}
        assert len(world.rows()) == 50
        assert world.dead_letters == []
        assert world.attempts() == []

    def test_each_ends_it_twice_at_most(self, world: World) -> None:
        """Once in its first batch, once alone."""
        upload(world, 50, frozenset({3, 4, 30}))

        world.run()

        assert world.kills == 4

    def test_photos_of_its_batch_are_there_when_it_is_tried_again(self, world: World) -> None:
        """All but those that wait behind it."""
        upload(world, 50, frozenset({49}))

        world.invoke()
        assert len(world.rows()) == 0
        world.now_s += HIDDEN_S
        world.invoke()

        assert len(world.rows()) == 49
        assert len(world.queue) == 1

    def test_photos_that_come_meanwhile_do_not_wait_for_it(self, world: World) -> None:
        world.upload("images/killer.jpg", b"kill")
        world.invoke()
        world.now_s += HIDDEN_S
        world.upload("images/new.jpg")

        world.invoke()

        assert list(world.rows()) == ["images/new.jpg"]
        assert world.kills == 2
        assert len(world.queue) == 1, "the new photo is done"

    def test_a_better_photo_under_the_same_key_takes_its_place(self, world: World) -> None:
        world.upload("images/1.jpg", b"kill")
        world.run()

        world.upload("images/1.jpg")
        world.run()

        assert world.rows()["images/1.jpg"].op is Op.PUT

    def test_a_message_of_several_photos_loses_the_guilty_one_only(self, world: World) -> None:
        for number in range(3):
            world.upload(f"images/{number}.jpg", b"kill" if number == 1 else None)
        records = [json.loads(message.body)["Records"][0] for message in world.queue]
        world.queue = [replace(world.queue[0], body=json.dumps({"Records": records}))]

        world.run()

        assert reasons(world) == {"images/1.jpg": "ended-function"}
        assert len(world.rows()) == 3
        assert world.dead_letters == []


class TestFirstAttempts:
    def test_they_note_nothing(self, world: World) -> None:
        upload(world, 30)

        world.run()

        assert world.called == ["put log"]

    def test_nor_do_those_that_an_outage_of_minutes_brings_back(self, world: World) -> None:
        """They are one segment, as if nothing had been."""
        outage_ends_s = world.now_s + 300
        world.answers = lambda: world.now_s > outage_ends_s
        upload(world, 30)

        world.run()

        assert len(world.rows()) == 30
        assert len(list(world.objects.list("log/"))) == 1
        assert not [name for name in world.called if "attempts" in name]


class TestTheDeadline:
    def test_what_the_time_does_not_suffice_for_is_given_back_at_once_and_taken_in(self, world: World) -> None:
        """A hundred photos of five seconds: no function is killed for them, and none waits."""
        world.embed_s = lambda data: 5.0
        upload(world, 100)
        began_s = world.now_s

        world.run()

        assert len(world.rows()) == 100
        assert (world.kills, world.dead_letters) == (0, [])
        assert world.now_s - began_s < 100 * 5.0 + 30

    def test_messages_that_were_given_back_come_first(self, world: World) -> None:
        """Or new ones could take their turn until their attempts are used up."""
        world.embed_s = lambda data: 5.0
        upload(world, 100)
        world.queue[-1].receives = 9

        world.run()

        assert world.dead_letters == []

    def test_a_long_line_of_large_photos_does_not_run_out_of_attempts(self, world: World) -> None:
        """Each batch gives some back, and meets them again only after all the others. A PNG of 12 megapixels takes 1.8 s."""
        world.embed_s = lambda data: 2.5
        upload(world, 1500)

        world.run()

        assert (world.kills, world.dead_letters) == (0, [])
        assert len(world.rows()) == 1500

    def test_a_slow_photo_does_not_end_the_function(self, world: World) -> None:
        world.embed_s = lambda data: 10.0 if data == b"slow" else 0.03
        for number in range(60):
            world.upload(f"images/{number}.jpg", b"slow" if number % 8 == 0 else None)

        world.run()

        assert (world.kills, len(world.rows())) == (0, 60)


class TestOutages:
    @pytest.mark.parametrize("seconds", [60, 900, 2400])
    def test_an_outage_rejects_no_sound_photo(self, world: World, seconds: float) -> None:
        outage_ends_s = world.now_s + seconds
        world.answers = lambda: world.now_s > outage_ends_s
        upload(world, 20)

        world.run()

        assert reasons(world) == {}
        assert len(world.rows()) == 20

    def test_nor_does_one_that_begins_while_a_suspect_is_read(self, world: World) -> None:
        """The function lives, and cannot delete what would prove the photo guilty."""
        upload(world, 3, frozenset({2}))
        world.invoke()
        world.now_s += HIDDEN_S
        began_s: list[float] = []

        def embed_s(data: bytes) -> float:
            began_s.append(world.now_s)
            return 1.0

        world.embed_s = embed_s
        world.answers = lambda: not began_s or world.now_s > began_s[0] + 1500

        world.run()

        assert reasons(world) == {"images/2.jpg": "ended-function"}
        assert len(world.rows()) == 3
        assert world.dead_letters == []

    def test_a_photo_that_was_read_is_not_blamed_where_the_next_one_ends_the_function(self, world: World) -> None:
        """S3 fails once: the attempt at the first photo stays noted."""
        upload(world, 2, frozenset({1}))
        world.invoke()
        world.now_s += HIDDEN_S
        answers = iter([True, True, False])  # a listing, a note, and its deletion
        world.answers = lambda: next(answers, True)

        world.run()

        assert reasons(world) == {"images/1.jpg": "ended-function"}
        assert len(world.rows()) == 2

    def test_suspects_outlast_an_hour_in_which_nothing_can_be_written(self, world: World) -> None:
        """A permission was taken away, say: reading works."""
        upload(world, 20, frozenset({0}))
        world.invoke()
        ends_s = world.now_s + HIDDEN_S + 3600
        world.answers = lambda: world.now_s > ends_s or not world.called[-1].startswith(("put", "delete"))

        world.run()

        assert world.dead_letters == []
        assert reasons(world) == {"images/0.jpg": "ended-function"}
        assert len(world.rows()) == 20

    def test_nor_is_one_that_waits_in_a_long_line_afterwards(self, world: World) -> None:
        """The function settles it as soon as S3 answers, whatever its next batch is."""
        world.upload("images/1.jpg")
        world.queue[0].receives, world.queue[0].first_received_s = 1, world.now_s - HIDDEN_S
        answers = iter([True, True, False])
        world.answers = lambda: next(answers, True)
        world.invoke()
        assert world.attempts()
        waiting, world.queue = world.queue, []
        world.upload("images/2.jpg")
        world.invoke()
        assert world.attempts() == []
        world.queue = waiting
        world.now_s += HIDDEN_S

        world.run()

        assert reasons(world) == {}


class TestTwoFunctionsAtOnce:
    def test_a_photo_that_another_function_is_reading_is_left_alone(self, world: World) -> None:
        """SQS may deliver a message to two functions at once."""
        world.upload("images/1.jpg")
        message = world.queue[0]
        message.receives, message.first_received_s = 1, world.now_s - HIDDEN_S
        attempts = Attempts(world.objects, set(), timeout_s=TIMEOUT_S, clock=lambda: world.now_s)

        with attempts.noted(Attempt(message.id, "images/1.jpg", 1)):
            world.now_s += TIMEOUT_S / 2
            world.invoke()
            assert world.rows() == {}
            assert world.attempts(), "the other function's"

        world.run()
        assert world.rows()["images/1.jpg"].op is Op.PUT
        assert world.attempts() == []


@pytest.mark.parametrize(
    ("receives", "age_s", "is_fatal"),
    [
        (4, 5 * TIMEOUT_S, True),
        (4, TIMEOUT_S, False),  # the message came back sooner than one of a function that was killed
        (3, 5 * TIMEOUT_S, False),  # this receive's own
        (5, 9 * TIMEOUT_S, False),  # S3 may have been out of reach when the message was received in between
    ],
)
def test_what_proves_that_a_photo_ended_a_function(receives: int, age_s: float, is_fatal: bool) -> None:
    now_s = 1_000_000.0
    store = MemoryStore(lambda: now_s)
    store.put_if_absent(Attempt("m", "images/1.jpg", 3).name, b"")
    now_s += age_s

    attempts = Attempts(store, set(), timeout_s=TIMEOUT_S, clock=lambda: now_s)

    assert attempts.was_fatal(Attempt("m", "images/1.jpg", receives)) is is_fatal
    assert not attempts.was_fatal(Attempt("m", "images/2.jpg", receives))
    assert not attempts.was_fatal(Attempt("n", "images/1.jpg", receives))
