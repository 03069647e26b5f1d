"""No read, whole or ranged, answers from bytes that are not those written.

Single bits are flipped in every field of every object of a small store, and everything that reads a store reads it: a search
with embeddings in memory and one that reads them by ranges, backfill, compaction and fsck; of product data, readers that
read the table of all files and the files, compaction and fsck. HYPOTHESIS_PROFILE=long tries 10 bits
of each field instead of 3, other ones each time, and FLIPS=40 tries 40.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lookalike.store.damage import DAMAGED_READS
from lookalike.store.object_store import MemoryStore
from tests.support import damage
from tests.support.damage import DamagedStore, Table
from tests.support.rows import copy_of

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EACH = int(os.environ.get("FLIPS", "10" if IS_LONG else "3"))


@dataclass(frozen=True)
class Story:
    """A small store of one kind, all that reads it, and the kinds of its objects."""

    make: Callable[[], MemoryStore]
    uses: damage.Uses
    kinds: frozenset[str]


PHOTOS = Story(damage.small_store, damage.USES, frozenset({"log segment", "manifest", "segment", "rotation", "map"}))
PRODUCTS = Story(
    damage.small_product_store, damage.PRODUCT_USES, frozenset({"log segment", "manifest", "pack", "table"})
)
STORIES = {"photos": PHOTOS, "products": PRODUCTS}
USES = [(name, use) for name, story in STORIES.items() for use in story.uses]


@pytest.fixture(scope="module")
def tables() -> dict[str, Table]:
    seed = random.randrange(2**32) if EACH > 3 else 0
    return {name: damage.outcomes(story.make(), story.uses, EACH, seed) for name, story in STORIES.items()}


@pytest.mark.parametrize("name", STORIES)
def test_every_kind_of_object_is_damaged(tables: dict[str, Table], name: str) -> None:
    assert {kind for kind, _, _ in tables[name]} == STORIES[name].kinds


@pytest.mark.parametrize(("name", "use"), USES)
def test_a_flipped_bit_gives_the_right_answer_or_an_error_that_names_the_object(
    tables: dict[str, Table], name: str, use: str
) -> None:
    of_use = {(kind, field): outcomes for (kind, field, other), outcomes in tables[name].items() if other == use}
    for (kind, field), outcomes in of_use.items():
        assert outcomes.keys() <= {"right", "refused", "unread"}, f"{field} of a {kind}"
    assert sum(outcomes["refused"] for outcomes in of_use.values()) > 50


class DamagedOnTheWay(DamagedStore):
    """Flips a bit of an object in the first read of it, and in no other."""

    def _damaged(self, name: str, data: bytes, start: int) -> bytes:
        damaged = super()._damaged(name, data, start)
        if damaged != data:
            self._name = ""
        return damaged


@pytest.mark.parametrize(("name", "use"), USES)
def test_what_is_damaged_on_its_way_is_read_once_more(name: str, use: str) -> None:
    story = STORIES[name]
    store = story.make()
    sound = damage.sound_uses(store, story.uses)[use]
    flips = {flip.name: flip for flip in damage.flips(store, 1) if sound.store.was_read(flip)}
    assert len(flips) >= 4
    for flip in flips.values():
        DAMAGED_READS.take()
        damaged = DamagedOnTheWay(copy_of(store), flip.name, flip.bit)
        assert repr(story.uses[use](damaged)) == sound.answer
        assert DAMAGED_READS.take() == 1


@pytest.mark.parametrize("name", STORIES)
def test_fsck_finds_every_flipped_bit(tables: dict[str, Table], name: str) -> None:
    """Also in objects that nothing reads any more and that collection has not deleted yet."""
    for (kind, field, use), outcomes in tables[name].items():
        if use == "fsck":
            assert outcomes.keys() == {"refused"}, f"{field} of a {kind}"
