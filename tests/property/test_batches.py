"""Random histories of the ingest function: photos and data files that kill it, slow ones, an S3 that comes and goes.

What it takes for granted: a message that was given back is received again within minutes, so the queue has no long line.
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.store.records import Op
from tests.support import functions
from tests.support.ingest_world import World

# A function that is killed has counted nothing, and Powertools warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

MOST_KILLERS = 4
"""Each takes at most two attempts of its batch where S3 fails as well; a message has ten."""


@pytest.fixture(scope="module")
def app(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in functions.ENVIRONMENT.items():
            patch.setenv(name, value)
        yield functions.load("ingest")


outages = st.lists(st.tuples(st.floats(0, 12_000), st.floats(1, 900)), max_size=3)  # beginnings and lengths, in seconds


@given(
    objects=st.lists(
        st.tuples(
            st.sampled_from(["sound", "sound", "sound", "slow", "kill"]),
            st.sampled_from(["images/{}.jpg", "images/{}.jpg", "products/{}.csv"]),
            st.sampled_from([0, 0, 0, 10, 2000]),
        ),
        min_size=1,
        max_size=25,
    ),
    outages=outages,
    failures=st.sampled_from([0.0, 0.0, 0.02, 0.3]),
    seed=st.integers(0, 1000),
)
def test_nothing_is_lost_or_rejected_for_another_s_sake(app, objects, outages, failures, seed) -> None:  # type: ignore[no-untyped-def]
    chance = random.Random(seed)
    world = World(app)
    began_s = world.now_s

    def answers() -> bool:
        time_s = world.now_s - began_s
        is_out = any(begin_s <= time_s < begin_s + length_s for begin_s, length_s in outages)
        return not is_out and chance.random() >= failures

    world.answers = answers
    world.embed_s = lambda data: 9.0 if data.startswith(b"slow") else 0.03
    world.parse_s = lambda data: 100.0 if data.startswith(b"slow") else 0.03
    keys, killers = set(), set()
    for number, (drawn, name, pause_s) in enumerate(objects):
        kind = "sound" if drawn == "kill" and len(killers) == MOST_KILLERS else drawn
        key = name.format(number)
        keys.add(key)
        killers |= {key} if kind == "kill" else set()
        table = f"{kind},id\nx,{number}\n".encode()
        photo = None if kind == "sound" else f"{kind} {number}".encode()
        world.upload(key, table if key.startswith("products/") else photo)
        world.run(until_s=world.now_s + pause_s)
    world.run()

    found = world.rows() | world.files()
    rejected = {key for key, row in found.items() if row.op is Op.REJECT}
    dead = {message.key for message in world.dead_letters}
    assert rejected <= killers
    assert keys == found.keys() | dead
    if not outages and not failures:
        assert (rejected, dead, world.attempts()) == (killers, set(), [])
