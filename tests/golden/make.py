"""Writes small stores of photos and of product data with today's code, to be kept and opened for ever.

    python tests/golden/make.py v1

Run it when the format changes, for a new version; stores of older versions are never made anew.
"""

import itertools
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from lookalike.compaction import compact
from lookalike.compaction.policy import Policy
from lookalike.compaction.products import compact_products
from lookalike.feeds.reports import BadRow
from lookalike.layout import Layout, Part
from lookalike.store import append_log
from lookalike.store.object_store import MemoryStore
from lookalike.store.products import product_log
from lookalike.store.products.data_file import DataFile
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from tests.support.calibrations import turned
from tests.support.product_data import Products, products_of, table_of

LAYOUT = Layout((Part("shape", 3), Part("colour", 1, 0.5)))
_NOON_S = 1_767_268_800.0  # 2026-01-01 12:00 UTC


def row(key: str, product_id: str, op: Op, sequencer: str | None, minute: int, detail: dict[str, str]) -> Row:
    """A row whose embedding and order follow from the rest."""
    content = json.dumps(detail, sort_keys=True).encode()
    order = order_of(sequencer=sequencer, time_ms=int((_NOON_S + 60 * minute) * 1000), op=op, content=content)
    embedding = None
    if op is Op.PUT:
        vector = np.arange(1, LAYOUT.dimensions + 1, dtype=np.float32) * (minute + len(key)) % 7 + np.float32(0.1)
        embedding = (vector / np.linalg.norm(vector)).astype(np.float32)
    return Row(key, product_id, order, op, embedding, detail)


def batches() -> list[list[Row]]:
    """What is appended, batch after batch; the last two stay in the log."""
    shirt = {"name": "Turtle Check Shirt", "articletype": "Shirts"}
    broken = {"code": "undecodable-image", "detail": "The photo ends in the middle."}
    return [
        [
            row("images/1563.jpg", "1563", Op.PUT, "0062E99A88DC407460", 0, shirt),
            row("images/1564/front.jpg", "1564", Op.PUT, "0062E99A88DC407461", 0, {"name": "Größe 42 – 日本 😀"}),
            row("images/1564/back.jpg", "1564", Op.PUT, "0062E99A88DC407462", 0, {}),
            row("images/1565.jpg", "1565", Op.PUT, None, 0, {"name": "found by backfill"}),
        ],
        [
            row("images/1563.jpg", "1563", Op.PUT, "0062E99A88DC407463", 1, shirt | {"basecolour": "Navy Blue"}),
            row("images/1564/back.jpg", "1564", Op.DELETE, "0062E99A88DC407464", 1, {}),
            row("images/1566.jpg", "1566", Op.REJECT, "0062E99A88DC407465", 1, broken),
        ],
        [row("images/gone.jpg", "gone", Op.DELETE, "0062E99A88DC407470", 2, {})],
        [
            row("images/1565.jpg", "1565", Op.PUT, "0062E99A88DC407466", 3, {"name": "replaced"}),
            row("images/1567.jpg", "1567", Op.PUT, "0062E99A88DC407467", 3, {"name": "only in the log"}),
            # Late: it was put before it was deleted.
            row("images/gone.jpg", "gone", Op.PUT, "0062E99A88DC40746F", 2, {"name": "never to be seen"}),
        ],
        [row("images/1564/front.jpg", "1564", Op.REJECT, "0062E99A88DC407468", 4, broken)],
    ]


def file(
    key: str, op: Op, sequencer: str, minute: int, products: Products | None = None, bad: tuple[BadRow, ...] = ()
) -> DataFile:
    """A data file at a minute after noon."""
    order = order_of(sequencer=sequencer, time_ms=int((_NOON_S + 60 * minute) * 1000), op=op, content=key.encode())
    table = None if products is None else table_of(products)
    detail = {"code": "no-ids", "detail": "The file has no ids."} if op is Op.REJECT else {}
    rows = len(products or ()) + len(bad)
    return DataFile(key, order, op, table, rows, bad, 3 * len(bad), detail)


def files() -> list[list[DataFile]]:
    """The data files that are appended, batch after batch; the last two stay in the log."""
    shirt = {"name": "Turtle Check Shirt", "price": 20.0, "currency": "EUR", "sizes": ("S", "M")}
    boots = {"name": "Größe 42 – 日本 😀", "price": 80.0, "sizes": ("42",)}
    feed, sale, broken = "products/10-feed.csv", "products/20-sale.csv", "products/30-broken.tsv"
    bad = (BadRow(4, "1566", "no-price", "'x' is no price"), BadRow(7, "", "no-id", "The row has no id."))
    return [
        [
            file(feed, Op.PUT, "0062E99A88DC407460", 0, {"1563": shirt, "1564": boots}, bad),
            file(sale, Op.PUT, "0062E99A88DC407461", 0, {"1563": {"price": 15.0}, "1564": {"price": 70.0}}),
        ],
        [
            file(sale, Op.PUT, "0062E99A88DC407462", 1, {"1563": {"price": "on request"}, "1565": {"price": 1.5}}),
            file("products/05-old.csv", Op.DELETE, "0062E99A88DC407463", 1),
        ],
        [file(broken, Op.REJECT, "0062E99A88DC407464", 2)],
        [file("products/05-old.csv", Op.PUT, "0062E99A88DC407459", 0, {"1563": {"name": "never to be seen"}})],
        [file("products/40-last.jsonl", Op.PUT, "0062E99A88DC407465", 4, {"1564": {"brand": "only in the log"}})],
    ]


@contextmanager
def same_every_time(now_s: list[float]) -> Iterator[None]:
    """Names, ids and times follow from what is done."""
    ids = itertools.count(1)
    with (
        patch("uuid.uuid4", lambda: uuid.UUID(int=next(ids) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)),
        patch("time.time", lambda: now_s[0]),
    ):
        yield


def make() -> MemoryStore:
    """The store: several manifests, live, retired, folded and waiting segments, tombstones, rejects, a sample of neighbours."""
    now_s = [_NOON_S]
    store = MemoryStore(lambda: now_s[0])
    policy = Policy(segment_bytes=100_000)
    with (
        same_every_time(now_s),
        patch("lookalike.compaction.writer.MIN_ROWS", 2),
        patch("lookalike.compaction.writer.choose", turned),
        patch("lookalike.compaction.neighbours.FEWEST", 2),
    ):
        for minute, (batch, compacted) in enumerate(zip(batches(), (True, True, True, False, False), strict=True)):
            now_s[0] = _NOON_S + 60 * minute
            append_log.append(store, batch, layout=LAYOUT)
            if compacted:
                compact.compact(store, policy)
    return store


def make_products() -> MemoryStore:
    """The product data: several manifests, live and retired packs and tables, folded and waiting files, a tombstone, a reject."""
    now_s = [_NOON_S]
    store = MemoryStore(lambda: now_s[0])
    with same_every_time(now_s):
        for minute, (batch, compacted) in enumerate(zip(files(), (True, True, True, False, False), strict=True)):
            now_s[0] = _NOON_S + 60 * minute
            for each in batch:
                product_log.append(store, each)
            if compacted:
                compact_products(store)
    return store


def keep(store: MemoryStore, folder: Path, shown: Any, name: str) -> None:
    """Write the objects of a store, and beside them what a reader shows."""
    for entry in store.list(""):
        path = folder / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.get(entry.name))
    text = json.dumps(shown, indent=1, ensure_ascii=False)
    (folder.parent / name).write_text(text + "\n", encoding="utf-8")


def shown_rows(store: MemoryStore) -> list[dict[str, Any]]:
    """The rows of a store of photos, by key."""
    rows = sorted(SnapshotReader(store, layout=LAYOUT).refresh().rows(), key=lambda item: item.key)
    return [
        {
            "key": item.key,
            "product_id": item.product_id,
            "order": item.order.hex(),
            "op": item.op.name,
            "embedding": None if item.embedding is None else [float(number) for number in item.embedding],
            "detail": dict(item.detail),
        }
        for item in rows
    ]


def shown_data(store: MemoryStore) -> dict[str, Any]:
    """The product data of a store: files and products."""
    data = ProductReader(store).refresh()
    return {
        "files": [
            {
                "key": item.key,
                "order": item.order.hex(),
                "op": item.op.name,
                "rows": item.rows,
                "bad": [[row.line, row.product_id, row.code, row.detail] for row in item.bad],
                "bad_total": item.bad_total,
                "detail": dict(item.detail),
            }
            for item in data.files
        ],
        "products": {
            product_id: {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
            for product_id, values in sorted(products_of(data.table).items())
        },
    }


def main() -> None:
    folder = Path(__file__).parent / sys.argv[1]
    folder.mkdir()
    photos, products = make(), make_products()
    keep(photos, folder / "store", shown_rows(photos), "rows.json")
    keep(products, folder / "products", shown_data(products), "products.json")


if __name__ == "__main__":
    main()
