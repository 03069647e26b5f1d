"""What every ObjectStore promises. A backend subclasses the suite and gives it a fresh store."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lookalike.errors import ObjectMissing
from lookalike.store.creation import create
from lookalike.store.object_store import ObjectStore, PutAnswer

# Characters that URLs, XML, shells and sorting treat in a way of their own.
AWKWARD = (
    "plain",
    "a b",
    "a+b",
    "a%20b",
    "a&b=c?d#e",
    "a~!*'()b",
    "ä",
    "a\u0308",
    "日本語",
    "😀",
    "a//b",
    "a\\b",
    "<&>",
)


class ObjectStoreContract:
    """Subclasses define the fixture ``store``, an empty ObjectStore, and how to write and read beside it."""

    def write(self, store: Any, name: str, data: bytes) -> None:
        """Write an object without a method of the store. By default, into what the store is wrapped around."""
        assert store.inner.put_if_absent(name, data) is PutAnswer.CREATED

    def read(self, store: Any, name: str) -> bytes:
        """Read an object without a method of the store."""
        data: bytes = store.inner.get(name)
        return data

    def test_an_object_that_was_put_is_there(self, store: ObjectStore) -> None:
        assert store.put_if_absent("log/a", b"\x00\xff data") is PutAnswer.CREATED
        assert self.read(store, "log/a") == b"\x00\xff data"

    def test_an_object_that_is_there_is_read(self, store: ObjectStore) -> None:
        self.write(store, "log/a", b"\x00\xff data")
        assert store.get("log/a") == b"\x00\xff data"

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        assert store.put_if_absent("log/empty", b"") is PutAnswer.CREATED
        assert self.read(store, "log/empty") == b""
        assert store.get("log/empty") == b""
        assert store.get_range("log/empty", 0, 10) == b""
        assert [entry.size for entry in store.list("log/")] == [0]

    def test_an_object_is_never_overwritten(self, store: ObjectStore) -> None:
        self.write(store, "log/a", b"first")
        assert store.put_if_absent("log/a", b"second") is PutAnswer.EXISTS
        assert self.read(store, "log/a") == b"first"

    def test_later_changes_of_a_buffer_do_not_reach_the_object(self, store: ObjectStore) -> None:
        buffer = bytearray(b"first")
        store.put_if_absent("log/a", bytes(buffer))
        buffer[:] = b"other"
        assert self.read(store, "log/a") == b"first"

    def test_what_is_not_there_is_missing(self, store: ObjectStore) -> None:
        self.write(store, "log/ab", b"")
        for name in ("log/a", "log/abc", "ab", "log/"):
            with pytest.raises(ObjectMissing, match=name):
                store.get(name)
        with pytest.raises(ObjectMissing):
            store.get_range("log/a", 0, 1)

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            (0, 4, b"0123"),
            (3, 7, b"3456"),
            (9, 10, b"9"),
            (0, 10, b"0123456789"),
            (8, 100, b"89"),  # fewer where the object ends before
            (10, 12, b""),
            (50, 60, b""),
            (4, 4, b""),
        ],
    )
    def test_a_range_is_half_open_and_ends_with_the_object(
        self, store: ObjectStore, start: int, end: int, expected: bytes
    ) -> None:
        self.write(store, "segments/a", b"0123456789")
        assert store.get_range("segments/a", start, end) == expected

    def test_a_listing_ascends_and_keeps_to_its_prefix(self, store: ObjectStore) -> None:
        for name in ("log/b", "log/a", "log/c/d", "logs/a", "lo", "manifests/a", "log/B"):
            self.write(store, name, name.encode())
        listed = list(store.list("log/"))
        assert [entry.name for entry in listed] == ["log/B", "log/a", "log/b", "log/c/d"]
        assert [entry.size for entry in listed] == [len(entry.name) for entry in listed]
        assert list(store.list("nothing/")) == []

    def test_a_limited_listing_is_the_first_of_the_whole(self, store: ObjectStore) -> None:
        for name in "cabd":
            self.write(store, f"log/{name}", b"")
        assert [entry.name for entry in store.list("log/", limit=1)] == ["log/a"]
        assert [entry.name for entry in store.list("log/", limit=3)] == ["log/a", "log/b", "log/c"]
        assert len(list(store.list("log/", limit=99))) == 4

    def test_a_listing_sees_every_write_and_deletion_before_it(self, store: ObjectStore) -> None:
        store.put_if_absent("log/a", b"")
        store.put_if_absent("log/b", b"")
        store.delete("log/a")
        assert [entry.name for entry in store.list("log/")] == ["log/b"]

    def test_entries_say_when_they_were_written(self, store: ObjectStore) -> None:
        before_ms = int(time.time() * 1000)
        store.put_if_absent("log/a", b"")
        (entry,) = store.list("log/")
        # S3 gives whole seconds, rounded down.
        assert before_ms - 1000 <= entry.modified_ms <= time.time() * 1000

    def test_the_time_is_that_of_the_entries(self, store: ObjectStore) -> None:
        before_ms = int(time.time() * 1000)
        store.put_if_absent("log/a", b"")
        (entry,) = store.list("log/")
        assert entry.modified_ms <= store.time_ms() <= time.time() * 1000
        assert before_ms - 1000 <= store.time_ms()

    def test_deletion_is_idempotent_and_makes_room(self, store: ObjectStore) -> None:
        self.write(store, "log/a", b"first")
        store.delete("log/a")
        store.delete("log/a")
        with pytest.raises(ObjectMissing):
            store.get("log/a")
        assert store.put_if_absent("log/a", b"second") is PutAnswer.CREATED

    def test_names_may_hold_any_character(self, store: ObjectStore) -> None:
        for name in AWKWARD:
            assert store.put_if_absent(f"log/{name}", name.encode()) is PutAnswer.CREATED
        assert [entry.name for entry in store.list("log/")] == sorted(f"log/{name}" for name in AWKWARD)
        for name in AWKWARD:
            assert store.get(f"log/{name}") == self.read(store, f"log/{name}") == name.encode()
            assert [entry.name for entry in store.list(f"log/{name}", limit=1)] == [f"log/{name}"]
            store.delete(f"log/{name}")
        assert list(store.list("log/")) == []

    def test_of_rival_writers_exactly_one_wins(self, store: ObjectStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            for turn in range(5):
                name = f"manifests/{turn}"
                rivals = [f"writer {rival}".encode() for rival in range(8)]
                won = list(pool.map(lambda data, name=name: create(store, name, data), rivals))
                assert won.count(True) == 1
                assert self.read(store, name) == rivals[won.index(True)]
