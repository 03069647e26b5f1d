"""Product data that was written by this and by older versions of the code opens, and holds what it held."""

import json
from types import ModuleType
from typing import Any

import pytest

from lookalike.compaction.policy import Policy
from lookalike.compaction.products import compact_products
from lookalike.compaction.products_fsck import check_products
from lookalike.store import append_log, names, tensors
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.products.product_manifest import PRODUCT_STORE
from lookalike.store.records import Op
from tests.support import golden
from tests.support.golden import GOLDEN
from tests.support.product_data import append, products_in, put_file
from tests.support.rows import copy_of

VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if (path / "products").is_dir())


def load(version: str) -> MemoryStore:
    return golden.load(GOLDEN / version / "products")


def expected(version: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((GOLDEN / version / "products.json").read_text(encoding="utf-8"))
    return data


@pytest.fixture(scope="module")
def make() -> ModuleType:
    return golden.maker()


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_product_data_opens_and_holds_what_it_held(version: str, make: ModuleType) -> None:
    assert make.shown_data(load(version)) == expected(version)
    assert check_products(load(version)).errors == []


def test_the_first_golden_product_data_holds_what_its_story_says() -> None:
    held = expected("v1")
    assert [(file["key"], file["op"], file["bad_total"]) for file in held["files"]] == [
        ("products/10-feed.csv", "PUT", 6),
        ("products/20-sale.csv", "PUT", 0),
        ("products/30-broken.tsv", "REJECT", 0),
        ("products/40-last.jsonl", "PUT", 0),
    ]
    assert {product_id: values["price"] for product_id, values in held["products"].items()} == {
        "1563": "on request",
        "1564": "80",
        "1565": "1.5",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_product_data_has_parts_of_every_kind(version: str) -> None:
    store = load(version)
    newest = PRODUCT_STORE.newest(store)
    assert newest.version > 1
    assert {ref.op for ref in newest.files} == set(Op)
    assert len(newest.packs) > 1
    kinds = {names.kind_of(name) for name in newest.objects}
    assert kinds == {names.kind_of(name) for name in newest.retired} == {names.Kind.PACK, names.Kind.TABLE}
    assert newest.retired.keys() & {entry.name for entry in store.list(names.TABLES)}
    assert newest.folded
    assert {entry.name for entry in append_log.entries(store)} - newest.folded.keys()


@pytest.mark.parametrize("version", VERSIONS)
def test_today_s_compaction_takes_golden_product_data_over(version: str, make: ModuleType) -> None:
    store = load(version)
    waiting = len(append_log.entries(store))
    compact_products(store, Policy(fanout=2))
    assert make.shown_data(store) == expected(version)
    assert len(append_log.entries(store)) < waiting
    assert check_products(store).errors == []


@pytest.mark.parametrize("version", VERSIONS)
def test_tombstones_of_golden_product_data_still_hold(version: str) -> None:
    store = load(version)
    append(store, put_file("products/05-old.csv", 1, {"1563": {"name": "never to be seen"}}))
    assert products_in(store)["1563"]["name"] == expected(version)["products"]["1563"]["name"]


def layout(store: ObjectStore) -> set[tuple[Any, ...]]:
    """How the objects of a store are built, without what is in them."""
    built: set[tuple[Any, ...]] = set()
    for entry in store.list(""):
        folder, _, name = entry.name.rpartition("/")
        data = store.get(entry.name)
        if entry.name.startswith(names.MANIFESTS):
            fields = json.loads(data)
            built.add(
                (folder, len(name), fields["format"], tuple(fields), *sorted({len(ref) for ref in fields["files"]}))
            )
        else:
            header = tensors.decode_header(data)
            columns = tuple((name, str(info.dtype), len(info.shape)) for name, info in header.tensors.items())
            built.add((folder, name.rpartition(".")[2], header.metadata["format"], tuple(header.metadata), columns))
            table = header.tensors["table"]
            inner = tensors.decode_header(data[table.start : table.end])
            built.add((inner.metadata["format"], tuple(inner.tensors)))
    return built


def test_today_s_format_is_that_of_the_newest_golden_product_data(make: ModuleType) -> None:
    """Where this fails, the format has changed: keep the old stores, and add one with ``tests/golden/make.py``."""
    newest = max(VERSIONS, key=lambda version: int(version[1:]))
    assert layout(copy_of(make.make_products())) == layout(load(newest))
