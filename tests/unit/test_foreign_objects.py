"""Objects that are not the store's stop nobody, are deleted by nobody, and are named by fsck."""

import pytest

from lookalike.backfill import planned
from lookalike.compaction import fsck
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.store import append_log, manifest, names
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from tests.support.rows import LAYOUT, put, reject, values

ID = "0123456789abcdef" * 2
FOREIGN = (
    "log/",
    "log/.DS_Store",
    "log/notes.txt",
    f"log/1700000000000-{ID}.safetensors",
    f"log/1700000000000-{ID}-0123ABCD.safetensors",
    f"log/copy/1700000000000-{ID}-0123abcd.safetensors",
    f"log/1700000000000-{ID}-0123abcd.safetensors ",
    f"log/1700000000000-{ID}-0123abcd.safetensors.bak",
    f"log/17000000000\u0664\u0664-{ID}-0123abcd.safetensors",
    "segments/",
    "segments/x",
    f"segments/{ID}.safetensors.tmp",
    f"segments/{ID}.rotation.safetensors",
    "manifests/",
    "manifests/.DS_Store",
    "manifests/00000000000000000000.json.bak",
    "manifests/0.json",
    "manifests/backup.json",
    "attempts/1",
    "readme.txt",
)
AT_ONCE = Policy(fanout=2, grace_s=-1, orphan_s=-1, manifests_kept=1)


@pytest.mark.parametrize("name", FOREIGN)
def test_an_object_of_another_name_is_nobody_s(name: str) -> None:
    assert names.kind_of(name) is None


def test_objects_of_the_store_have_its_names() -> None:
    assert names.kind_of(names.new_log_segment(b"1")) is names.Kind.LOG_SEGMENT
    assert names.kind_of(names.new_segment()) is names.Kind.SEGMENT
    assert names.kind_of(names.new_rotation(b"1")) is names.Kind.ROTATION
    assert names.kind_of(names.manifest_name(7)) is names.Kind.MANIFEST


@pytest.fixture
def store() -> MemoryStore:
    """A store with objects of others among its own."""
    store = MemoryStore()
    append_log.append(store, [put("images/1.jpg", 1), put("images/2.jpg", 2)], layout=LAYOUT)
    compact(store)
    append_log.append(store, [reject("images/3.jpg", 4)], layout=LAYOUT)
    for name in FOREIGN:
        store.put_if_absent(name, b"something else")
    return store


def test_readers_and_backfill_leave_them_alone(store: MemoryStore) -> None:
    snapshot = SnapshotReader(store, layout=LAYOUT).refresh()
    assert values(snapshot.rows()) == values(
        [put("images/1.jpg", 1), put("images/2.jpg", 2), reject("images/3.jpg", 4)]
    )
    with planned([], store, bucket="catalogue") as found:
        assert found.gone == 3


def test_compaction_and_collection_leave_them_alone(store: MemoryStore) -> None:
    for number in (5, 6, 7):
        append_log.append(store, [put("images/1.jpg", number)], layout=LAYOUT)
        compact(store, AT_ONCE)
    compact(store, AT_ONCE)
    left = {entry.name for entry in store.list("")}
    newest = manifest.newest(store)
    assert left == {*FOREIGN, newest.name, *newest.objects}


def test_fsck_names_them_and_finds_nothing_wrong(store: MemoryStore) -> None:
    report = fsck.check(store)
    assert report.errors == []
    assert report.foreign == sorted(FOREIGN)


def test_many_of_them_before_the_first_manifest_hide_none() -> None:
    store = MemoryStore()
    assert manifest.newest(store) == manifest.EMPTY
    for number in range(50):
        store.put_if_absent(f"manifests/!{number}", b"")
    assert manifest.newest(store) == manifest.EMPTY
    manifest.commit(store, manifest.Manifest(version=3))
    assert manifest.newest(store).version == 3
