"""Stores that were written by this and by older versions of the code open, and hold what they held."""

import json
from typing import Any

import pytest
import safetensors.numpy

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.layout import Layout, Part
from lookalike.store import append_log, manifest, names, segment, segment_file, segment_reads, tensors
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from lookalike.store.state import look
from tests.support import golden
from tests.support.golden import GOLDEN
from tests.support.rows import copy_of

VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if (path / "store").is_dir())
LAYOUT = Layout((Part("shape", 3), Part("colour", 1)))  # a model's weights may change


def load(version: str) -> MemoryStore:
    return golden.load(GOLDEN / version / "store")


def expected(version: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((GOLDEN / version / "rows.json").read_text(encoding="utf-8"))
    return rows


def shown(store: ObjectStore) -> list[dict[str, Any]]:
    rows = sorted(SnapshotReader(store, layout=LAYOUT).refresh().rows(), key=lambda row: row.key)
    return [
        {
            "key": row.key,
            "product_id": row.product_id,
            "order": row.order.hex(),
            "op": row.op.name,
            "embedding": None if row.embedding is None else row.embedding.tolist(),
            "detail": dict(row.detail),
        }
        for row in rows
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_golden_store_opens_and_holds_what_it_held(version: str) -> None:
    assert shown(load(version)) == expected(version)


def test_the_first_golden_store_holds_what_its_story_says() -> None:
    assert [(row["key"], row["op"], row["detail"].get("name")) for row in expected("v1")] == [
        ("images/1563.jpg", "PUT", "Turtle Check Shirt"),
        ("images/1564/front.jpg", "REJECT", None),
        ("images/1565.jpg", "PUT", "replaced"),
        ("images/1566.jpg", "REJECT", None),
        ("images/1567.jpg", "PUT", "only in the log"),
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_golden_store_has_parts_of_every_kind(version: str) -> None:
    store = load(version)
    newest = manifest.newest(store)
    live = {ref.name for ref in newest.segments}
    assert newest.version > 1
    assert len(live) > 1
    assert newest.neighbours is not None
    assert newest.neighbours.squared
    assert newest.map is not None
    assert newest.retired.keys() & {entry.name for entry in store.list(names.SEGMENTS)}
    waiting = {entry.name for entry in append_log.entries(store)} - newest.folded.keys()
    assert waiting
    assert newest.folded
    state = look(store, manifest.PHOTO_STORE)
    ops = {op for ref in segment_reads.all_of(state) for op in segment_reads.read_segment(store, ref).op}
    assert ops == set(Op)


@pytest.mark.parametrize("version", VERSIONS)
def test_today_s_compaction_takes_a_golden_store_over(version: str) -> None:
    store = load(version)
    waiting = len(append_log.entries(store))
    compact(store, Policy(segment_bytes=100_000, fanout=2))
    assert shown(store) == expected(version)
    assert manifest.newest(store).folded.keys() >= {entry.name for entry in append_log.entries(store)}
    assert len(append_log.entries(store)) < waiting


@pytest.mark.parametrize("version", VERSIONS)
def test_tombstones_of_a_golden_store_still_hold(version: str) -> None:
    store = load(version)
    late = order_of(sequencer="0062E99A88DC407400", time_ms=0, op=Op.REJECT)
    append_log.append(store, [Row("images/gone.jpg", "gone", late, Op.REJECT)], layout=LAYOUT)
    assert shown(store) == expected(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_safetensors_library_opens_every_segment_of_a_golden_store(version: str) -> None:
    store = GOLDEN / version / "store"
    paths = [path for path in store.rglob("*.safetensors") if not path.match("*.*.safetensors")]
    assert paths
    for path in paths:
        is_log = path.parent.name == "log"
        held = (segment if is_log else segment_file).decode(path.read_bytes())
        columns = safetensors.numpy.load_file(path)
        # A segment keeps similar embeddings together instead of in row order.
        assert sorted(map(bytes, columns["embedding"])) == sorted(map(bytes, held.embedding))
        assert columns["key_hash"].tobytes() == held.key_hash.tobytes()


def layout(store: ObjectStore) -> set[tuple[Any, ...]]:
    """How the objects of a store are built, without what is in them."""
    built: set[tuple[Any, ...]] = set()
    for entry in store.list(""):
        folder, _, name = entry.name.rpartition("/")
        data = store.get(entry.name)
        if entry.name.startswith(names.MANIFESTS):
            fields = json.loads(data)
            refs = {tuple(ref) for ref in fields["segments"]}
            built.add((folder, len(name), fields["format"], tuple(fields), *refs))
        else:
            header = tensors.decode_header(data)
            columns = tuple((name, str(info.dtype), info.shape[1:]) for name, info in header.tensors.items())
            built.add((folder, header.metadata["format"], tuple(header.metadata), columns))
    return built


def test_today_s_format_is_that_of_the_newest_golden_store() -> None:
    """Where this fails, the format has changed: keep the old stores, and add one with ``tests/golden/make.py``."""
    make = golden.maker()
    newest = max(VERSIONS, key=lambda version: int(version[1:]))
    assert layout(copy_of(make.make())) == layout(load(newest))
