"""Data files in batches: photos neither wait for them nor go down with them, and none is lost itself."""

import json
from collections.abc import Sequence

import pytest

from lookalike.store.records import Op
from tests.support import data_files, functions
from tests.support.ingest_world import HIDDEN_S, World

# A function that is killed has counted nothing, and Powertools warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

SOUND = b"id,price\n1,10\n"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in functions.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return World(functions.load("ingest"))


def upload(world: World, photos: int, files: Sequence[bytes]) -> None:
    """The files come first, as photos must not wait for them."""
    for number, content in enumerate(files):
        world.upload(f"products/{number}.csv", content)
    for number in range(photos):
        world.upload(f"images/{number}.jpg")


def outcome(world: World) -> dict[str, str]:
    """The operation of each data file, or the code of its reject."""
    return {key: state.detail.get("code", state.op.name) for key, state in world.files().items()}


def test_photos_and_data_files_of_one_batch_are_all_taken_in(world: World) -> None:
    upload(world, 20, [SOUND, SOUND.replace(b"10", b"20")])

    world.invoke()

    assert (len(world.rows()), world.queue) == (20, [])
    assert data_files.products(world.product_objects, "products/1.csv") == {"1": {"price": 20.0}}


def test_photos_are_appended_before_a_data_file_is_read(world: World) -> None:
    seen: list[int] = []

    def parse_s(data: bytes) -> float:
        seen.append(len(world.rows()))
        return 0.03

    world.parse_s = parse_s
    upload(world, 20, [SOUND])

    world.run()

    assert seen == [20]


class TestFilesThatEndTheFunction:
    @pytest.mark.parametrize("killers", [{0}, {2}, {0, 2}])
    def test_they_are_rejected_and_no_other_file_is(self, world: World, killers: set[int]) -> None:
        upload(world, 20, [b"kill" if number in killers else SOUND for number in range(3)])

        world.run()

        assert outcome(world) == {
            f"products/{number}.csv": "ended-function" if number in killers else "PUT" for number in range(3)
        }
        assert (len(world.rows()), world.dead_letters, world.attempts()) == (20, [], [])
        assert not [row for row in world.rows().values() if row.op is Op.REJECT]

    def test_photos_of_its_batch_are_done_at_once(self, world: World) -> None:
        """They do not come back with it, half an hour later."""
        upload(world, 20, [b"kill"])

        world.invoke()

        assert (world.kills, len(world.rows()), len(world.queue)) == (1, 20, 1)

    def test_so_are_data_files_that_were_read_before_it(self, world: World) -> None:
        upload(world, 0, [SOUND, b"kill", SOUND])

        world.invoke()

        assert outcome(world) == {"products/0.csv": "PUT"}
        assert len(world.queue) == 2

    def test_each_ends_it_twice_at_most(self, world: World) -> None:
        """Once in its first batch, once alone."""
        upload(world, 20, [b"kill"])

        world.run()

        assert world.kills == 2

    def test_a_better_file_under_the_same_key_takes_its_place(self, world: World) -> None:
        upload(world, 0, [b"kill"])
        world.run()

        world.catalogue.photos["other"] = world.catalogue.photos["products/0.csv"]  # the next number is a later event
        world.upload("products/0.csv", SOUND)
        world.run()

        assert outcome(world) == {"products/0.csv": "PUT"}

    def test_a_photo_that_ends_it_takes_no_data_file_along(self, world: World) -> None:
        upload(world, 3, [SOUND])
        world.upload("images/killer.jpg", b"kill")

        world.run()

        assert outcome(world) == {"products/0.csv": "PUT"}
        assert [key for key, row in world.rows().items() if row.op is Op.REJECT] == ["images/killer.jpg"]

    def test_a_message_of_a_photo_and_a_file_loses_the_guilty_one_only(self, world: World) -> None:
        upload(world, 1, [b"kill"])
        records = [json.loads(message.body)["Records"][0] for message in world.queue]
        world.queue = world.queue[:1]
        world.queue[0].body = json.dumps({"Records": records})

        world.run()

        assert outcome(world) == {"products/0.csv": "ended-function"}
        assert world.rows()["images/0.jpg"].op is Op.PUT
        assert world.dead_letters == []


class TestTheDeadline:
    def test_files_that_take_long_come_back_and_are_all_taken_in(self, world: World) -> None:
        world.parse_s = lambda data: 100.0
        upload(world, 0, [SOUND] * 12)

        world.run()

        assert list(outcome(world).values()) == ["PUT"] * 12
        assert (world.kills, world.dead_letters) == (0, [])

    def test_many_slow_photos_leave_the_time_that_a_file_takes(self, world: World) -> None:
        """Or the file would be begun too late, and be killed for it; or never, while photos keep coming."""
        world.embed_s = lambda data: 5.0
        world.parse_s = lambda data: 100.0
        upload(world, 100, [SOUND, SOUND])

        world.run()

        assert (world.kills, world.dead_letters) == (0, [])
        assert (len(world.rows()), len(world.files())) == (100, 2)

    def test_a_suspect_is_begun_only_with_the_time_that_it_takes(self, world: World) -> None:
        upload(world, 100, [SOUND])
        message = next(message for message in world.queue if message.key.startswith("products/"))
        message.receives, message.first_received_s = 1, world.now_s - HIDDEN_S
        world.embed_s, world.parse_s = (lambda data: 3.0), (lambda data: 140.0)

        world.run()

        assert (world.kills, outcome(world)) == (0, {"products/0.csv": "PUT"})


class TestOutages:
    @pytest.mark.parametrize("seconds", [60, 900, 2400])
    def test_an_outage_rejects_no_sound_file(self, world: World, seconds: float) -> None:
        outage_ends_s = world.now_s + seconds
        world.answers = lambda: world.now_s > outage_ends_s
        upload(world, 5, [SOUND, SOUND])

        world.run()

        assert set(outcome(world).values()) == {"PUT"}
        assert (len(world.rows()), world.dead_letters) == (5, [])

    def test_a_file_that_cannot_be_appended_comes_back_alone(self, world: World) -> None:
        upload(world, 5, [SOUND, SOUND.replace(b"10", b"20")])
        puts = iter([True, False])  # the photos, then the first file
        world.answers = lambda: next(puts, True)

        world.invoke()

        assert (len(world.rows()), len(world.files()), len(world.queue)) == (5, 1, 1)
        assert world.queue[0].visible_s - world.now_s < 15
        world.run()
        assert len(world.files()) == 2

    def test_nothing_is_noted_for_first_attempts(self, world: World) -> None:
        upload(world, 5, [SOUND])

        world.run()

        assert not [name for name in world.called if "attempts" in name]
