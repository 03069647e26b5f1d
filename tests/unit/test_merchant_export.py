"""The command `export` of `scripts.catalogue`: every searchable photo once, with its embedding and what is known of its product."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lookalike.compaction.compact import compact
from lookalike.layout import Layout, Part
from lookalike.store import append_log
from lookalike.store.object_store import MemoryStore
from lookalike.store.records import Op, Row
from scripts import catalogue
from scripts.merchant import exported
from scripts.merchant import shop as shop_module
from tests.support.rows import order, reject
from tests.support.shop import FakeShop

LAYOUT = Layout((Part("shape", 3), Part("colour", 2, 0.5)))
PHOTOS = {f"images/{number}.jpg": str(number) for number in range(7)} | {"images/5/Größe.jpg": "5"}


def row(key: str, product: str, number: int, *, op: Op = Op.PUT) -> Row:
    vector = np.random.default_rng(number).standard_normal(5).astype(np.float32) if op is Op.PUT else None
    return Row(key, product, order(number, op), op, vector)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    """Segments and a log, with photos that were replaced, deleted and refused."""
    shop = FakeShop()
    monkeypatch.setattr(shop_module, "Shop", lambda _: shop)
    monkeypatch.setattr(exported, "_AT_ONCE", 3)  # lots end within segments
    shop.take_in("products/a.csv", 'id,name,price,tags\n1,Hüt,10,"a,b"\n5,Shirt,,\n9,none,3,\n')
    assert shop.store is not None
    rows = [row(key, product, number) for number, (key, product) in enumerate(PHOTOS.items(), 10)]
    old = [row(key, product, 1) for key, product in PHOTOS.items()]
    append_log.append(shop.store, [*old[:4], row("images/gone.jpg", "gone", 2)], layout=LAYOUT)
    compact(shop.store)
    append_log.append(shop.store, [*rows[:5], reject("images/bad.jpg", 3)], layout=LAYOUT)
    append_log.append(shop.store, [*rows[5:], row("images/gone.jpg", "gone", 4, op=Op.DELETE)], layout=LAYOUT)
    return shop


def embeddings() -> dict[str, np.ndarray]:
    """The embedding of each photo that is searchable."""
    found = {}
    for number, (key, product) in enumerate(PHOTOS.items(), 10):
        vector = row(key, product, number).embedding
        assert vector is not None
        found[key] = vector
    return found


def test_npz_has_every_searchable_photo_once(shop: FakeShop, tmp_path: Path) -> None:
    assert catalogue.main(["export", str(tmp_path / "x.npz")]) == 0
    with np.load(tmp_path / "x.npz") as archive:  # nothing is pickled
        read: dict[str, Any] = {name: archive[name] for name in archive.files}
    assert dict(zip(read["key"].tolist(), read["product_id"].tolist(), strict=True)) == PHOTOS
    assert len(read["key"]) == len(PHOTOS)
    expected = embeddings()
    for key, embedding in zip(read["key"].tolist(), read["embedding"], strict=True):
        assert embedding.dtype == np.float32
        assert np.array_equal(embedding, expected[key])
    assert (read["part_names"].tolist(), read["part_dimensions"].tolist()) == (["shape", "colour"], [3, 2])
    assert read["part_weights"].tolist() == [1.0, 0.5]
    products = [json.loads(line) for line in read["products"].tobytes().decode().splitlines()]
    assert {product.pop("product_id"): product for product in products} == {
        "1": {"name": "Hüt", "price": 10.0, "tags": ["a", "b"]},
        "5": {"name": "Shirt"},
        "9": {"name": "none", "price": 3.0},
    }
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_parquet_has_every_searchable_photo_once(shop: FakeShop, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    shop.take_in("products/b.csv", "id,key\n1,attribute\n")
    assert catalogue.main(["export", str(tmp_path / "x.parquet")]) == 0
    rows = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert {read["key"]: read["product_id"] for read in rows} == PHOTOS
    assert len(rows) == len(PHOTOS)
    for read in rows:
        vector = np.array([*read["shape"], *read["colour"]], np.float32)
        assert np.array_equal(vector, embeddings()[read["key"]])
    by_key = {read["key"]: read for read in rows}
    one, none = by_key["images/1.jpg"], by_key["images/2.jpg"]
    assert (one["name"], one["price"], one["tags"], one["data_key"]) == ("Hüt", 10.0, ["a", "b"], "attribute")
    assert (none["name"], none["price"], none["tags"]) == (None, None, None)
    assert by_key["images/5/Größe.jpg"]["name"] == "Shirt"


def test_parquet_without_pyarrow_says_what_to_install(
    shop: FakeShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr("scripts.merchant.parquet_file.find_spec", lambda _: None)
    assert catalogue.main(["export", str(tmp_path / "x.parquet")]) == 2
    assert "pip install" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_kept(shop: FakeShop, tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(b"mine")
    assert catalogue.main(["export", str(path)]) == 2
    assert path.read_bytes() == b"mine"
    assert catalogue.main(["export", str(path), "--force"]) == 0
    assert path.read_bytes() != b"mine"


@pytest.mark.parametrize("name", ["x.csv", "x"])
def test_another_suffix_is_refused(shop: FakeShop, tmp_path: Path, name: str) -> None:
    assert catalogue.main(["export", str(tmp_path / name)]) == 2


@pytest.mark.parametrize("store", [None, MemoryStore()])
def test_an_empty_catalogue_is_told(
    shop: FakeShop, tmp_path: Path, store: MemoryStore | None, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.store = store
    assert catalogue.main(["export", str(tmp_path / "x.npz")]) == 2
    assert "nothing to export" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
