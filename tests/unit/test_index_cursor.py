"""Cursors: what they say is read as it was written, damage is found, and of two followers one wins."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.compaction import fsck
from lookalike.errors import CorruptObject
from lookalike.follow import follow
from lookalike.index.memory import MemoryIndex
from lookalike.store import index_cursor, names
from lookalike.store.index_cursor import Covered, Cursor, contents_of
from lookalike.store.object_store import MemoryStore
from lookalike.store.segment import from_rows
from tests.support.indexed import EVERY_SEGMENT_FULL, add
from tests.support.rows import DIMENSIONS, LAYOUT, delete, put, reject

ROWS = from_rows([put("a", 1), reject("b", 2), delete("c", 3), put("d", 4, product="2")], LAYOUT)
LIVE = np.array([True, False, True, True])


def cursor(number: int = 1, limit: int = index_cursor.EVERY_PRODUCT) -> Cursor:
    held = contents_of(ROWS.key_hash, ROWS.order, ROWS.product_hash, ROWS.op, product_limit=limit)
    covered = (Covered.of("segments/a", LIVE, held), Covered.of("segments/b", np.zeros(9, bool)))
    return Cursor("memory", number, 7, "0123", covered, limit, 5)


def test_a_cursor_is_read_as_it_was_written() -> None:
    store = MemoryStore()
    assert index_cursor.newest(store, "memory") == Cursor("memory")
    assert index_cursor.commit(store, cursor())
    found = index_cursor.newest(store, "memory")
    assert (found.number, found.version, found.manifest_id, found.behind_since_ms) == (1, 7, "0123", 5)
    assert [covered.live.tolist() for covered in found.covered] == [LIVE.tolist(), [False] * 9]
    assert list(found.body) == ["segments/a"]
    held = found.body["segments/a"]
    others = np.flatnonzero(~ROWS.is_put)
    assert held.row.tolist() == others.tolist()
    assert held.op.tolist() == ROWS.op[others].tolist()
    assert held.key_hash.tolist() == ROWS.key_hash[others].tolist()
    assert held.product_hash.tolist() == ROWS.product_hash[others].tolist()
    assert [held.least_key, held.greatest_key] == [bytes(key).ljust(16, b"\0") for key in ROWS.key_hash[[0, -1]]]
    assert held.greatest_order == max(ROWS.order.tolist()).ljust(32, b"\0")
    assert found.photos("segments/a") == int(np.count_nonzero(LIVE & ROWS.is_put))


def test_the_newest_counts_and_is_not_read_again() -> None:
    store = MemoryStore()
    first, second = cursor(1), cursor(2)
    assert index_cursor.commit(store, first)
    assert index_cursor.commit(store, second)
    found = index_cursor.newest(store, "memory")
    assert found.number == 2
    assert index_cursor.newest(store, "memory", found) is found
    assert index_cursor.newest(store, "other").number == 0


def test_of_two_followers_one_creates_a_number() -> None:
    store = MemoryStore()
    assert index_cursor.commit(store, cursor())
    assert not index_cursor.commit(store, cursor())


def test_every_damaged_byte_is_noticed() -> None:
    data = index_cursor.encode(cursor())
    for place in range(0, len(data), 7):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(CorruptObject):
            index_cursor.decode(bytes(damaged))


def test_a_cursor_under_another_s_name_is_refused() -> None:
    store = MemoryStore()
    store.put_if_absent(names.cursor_name("memory", 3), index_cursor.encode(cursor(2)))
    with pytest.raises(CorruptObject, match="number 2"):
        index_cursor.newest(store, "memory")


def test_fsck_reads_cursors_and_finds_what_they_have_wrong() -> None:
    store, index = MemoryStore(), MemoryIndex(DIMENSIONS)
    add(store, [put("a", 1), put("b", 2)], LAYOUT, EVERY_SEGMENT_FULL)
    follow(store, index, LAYOUT, EVERY_SEGMENT_FULL)
    report = fsck.check(store)
    assert (report.errors, report.foreign, report.counts["cursors"]) == ([], [], 3)
    right = index_cursor.newest(store, "memory")
    wrong = Covered.of(right.covered[0].name, ~right.covered[0].live, right.covered[0].contents)
    index_cursor.commit(store, replace(right, number=right.number + 1, covered=(wrong, *right.covered[1:])))
    (error,) = fsck.check(store).errors
    assert "is the newest of its key" in error
