"""Writes a small store with today's code, to be kept and opened for ever: ``python tests/golden/make.py v1``.

Run it when the format changes, for a new version; stores of older versions are never made anew.
"""

import itertools
import json
import sys
import uuid
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from lookalike.compaction import compact
from lookalike.compaction.policy import Policy
from lookalike.layout import Layout, Part
from lookalike.store import append_log
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from tests.support.calibrations import turned

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


def make() -> MemoryStore:
    """The store: several manifests, live, retired, folded and waiting segments, tombstones, rejects, a sample of neighbours."""
    minutes = itertools.count()
    ids = itertools.count(1)
    now_s = [_NOON_S]
    store = MemoryStore(lambda: now_s[0])
    policy = Policy(segment_bytes=100_000)
    with (
        patch("uuid.uuid4", lambda: uuid.UUID(int=next(ids) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128)),
        patch("time.time", lambda: now_s[0]),
        patch("lookalike.compaction.writer.MIN_ROWS", 2),
        patch("lookalike.compaction.writer.choose", turned),
        patch("lookalike.compaction.neighbours.FEWEST", 2),
    ):
        for batch, compacted in zip(batches(), (True, True, True, False, False), strict=True):
            now_s[0] = _NOON_S + 60 * next(minutes)
            append_log.append(store, batch, layout=LAYOUT)
            if compacted:
                compact.compact(store, policy)
    return store


def main() -> None:
    folder = Path(__file__).parent / sys.argv[1]
    folder.mkdir()
    store = make()
    for entry in store.list(""):
        path = folder / "store" / entry.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.get(entry.name))
    shown = sorted(SnapshotReader(store, layout=LAYOUT).refresh().rows(), key=lambda item: item.key)
    rows = [
        {
            "key": item.key,
            "product_id": item.product_id,
            "order": item.order.hex(),
            "op": item.op.name,
            "embedding": None if item.embedding is None else [float(number) for number in item.embedding],
            "detail": dict(item.detail),
        }
        for item in shown
    ]
    (folder / "rows.json").write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
