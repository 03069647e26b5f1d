"""No read, whole or ranged, answers from bytes that are not those written.

Single bits are flipped in every field of every object of a small store, and everything that reads a store reads it: a search
with embeddings in memory and one that reads them by ranges, backfill, compaction and fsck. HYPOTHESIS_PROFILE=long tries 10 bits
of each field instead of 3, other ones each time, and FLIPS=40 tries 40.
"""

import os
import random

import pytest

from lookalike.store.damage import DAMAGED_READS
from tests.support import damage
from tests.support.damage import DamagedStore, Table
from tests.support.rows import copy_of

IS_LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
EACH = int(os.environ.get("FLIPS", "10" if IS_LONG else "3"))


@pytest.fixture(scope="module")
def table() -> Table:
    return damage.outcomes(damage.small_store(), EACH, random.randrange(2**32) if EACH > 3 else 0)


def test_every_kind_of_object_is_damaged(table: Table) -> None:
    assert {kind for kind, _, _ in table} == {"log segment", "manifest", "segment", "rotation", "map"}


@pytest.mark.parametrize("use", damage.USES)
def test_a_flipped_bit_gives_the_right_answer_or_an_error_that_names_the_object(table: Table, use: str) -> None:
    for (kind, field, of_use), outcomes in table.items():
        if of_use == use:
            assert outcomes.keys() <= {"right", "refused", "unread"}, f"{field} of a {kind}"
    assert sum(outcomes["refused"] for (_, _, of_use), outcomes in table.items() if of_use == use) > 50


class DamagedOnTheWay(DamagedStore):
    """Flips a bit of an object in the first read of it, and in no other."""

    def _damaged(self, name: str, data: bytes, start: int) -> bytes:
        damaged = super()._damaged(name, data, start)
        if damaged != data:
            self._name = ""
        return damaged


@pytest.mark.parametrize("use", damage.USES)
def test_what_is_damaged_on_its_way_is_read_once_more(use: str) -> None:
    store = damage.small_store()
    sound = damage.sound_uses(store)[use]
    flips = {flip.name: flip for flip in damage.flips(store, 1) if sound.store.was_read(flip)}
    assert len(flips) >= 5
    for flip in flips.values():
        DAMAGED_READS.take()
        damaged = DamagedOnTheWay(copy_of(store), flip.name, flip.bit)
        assert repr(damage.USES[use](damaged)) == sound.answer
        assert DAMAGED_READS.take() == 1


def test_fsck_finds_every_flipped_bit(table: Table) -> None:
    """Also in objects that nothing reads any more and that collection has not deleted yet."""
    for (kind, field, use), outcomes in table.items():
        if use == "fsck":
            assert outcomes.keys() == {"refused"}, f"{field} of a {kind}"
