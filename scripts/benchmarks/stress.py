"""Many writers, two compactors and a reader on one store at once; then every row is accounted for."""

import argparse
import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from lookalike.aws import S3Store, s3_client
from lookalike.compaction import fsck
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.compaction.work import Work
from lookalike.layout import Layout
from lookalike.store import append_log
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from scripts.benchmarks.engines import BUCKET
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.stores import bench_s3
from scripts.common.progress import Progress

DIMENSIONS = 8
LAYOUT = Layout.of_one_part(DIMENSIONS)
# Everything happens all the time: small segments, a grace of seconds, and no tombstone old enough to be dropped.
POLICY = Policy(segment_bytes=1024 * 1024, grace_s=5, orphan_s=60, tombstone_s=24 * 60 * 60)


Newest = dict[str, tuple[str, int]]
"""Key -> order in hexadecimal and operation of its newest row."""


@dataclass(frozen=True, slots=True)
class Task:
    """The work of one writer."""

    number: int
    batches: int
    rows: int
    keys: int


def open_store() -> S3Store:
    """The store of all processes, in the local S3 that their environment names."""
    return S3Store(s3_client(), BUCKET, "stress/")


def write(task: Task) -> Newest:
    """Append the batches; returns the newest of the rows whose append has returned."""
    store = open_store()
    chance = random.Random(task.number)
    newest: Newest = {}
    for batch in range(task.batches):
        rows = [_row(chance, task, batch) for _ in range(task.rows)]
        append_log.append(store, rows, layout=LAYOUT)
        _add(newest, {row.key: (row.order.hex(), int(row.op)) for row in sorted(rows, key=lambda row: row.order)})
    return newest


def _add(newest: Newest, rows: Newest) -> None:
    newest.update((key, max(row, newest.get(key, ("", 0)))) for key, row in rows.items())


def _row(chance: random.Random, task: Task, batch: int) -> Row:
    key = f"images/{chance.randrange(task.keys)}.jpg"
    op = chance.choices([Op.PUT, Op.REJECT, Op.DELETE], [8, 1, 2])[0]
    # Sequencers of all writers interleave, and arrive in another order than theirs.
    sequencer = f"{chance.randrange(task.batches * 1000):012X}{task.number:04X}{batch:04X}"
    order = order_of(sequencer=sequencer, time_ms=int(time.time() * 1000), op=op, content=sequencer.encode())
    embedding = np.frombuffer(order[:32], np.uint8).astype(np.float32)[:DIMENSIONS] if op is Op.PUT else None
    return Row(key, key[7:-4], order, op, embedding, {"order": order.hex()})


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One line: counts of rows written, lost (missing) and wrong (doubled or resurrected), and fsck's errors.

    Raises BenchError after it if a row is not where it must be.
    """
    result = _stress(options.writers, options.batches, options.rows, options.keys)
    yield result
    if result["lost"] or result["wrong"] or result["errors"]:
        raise BenchError("The store lost or doubled rows, or is damaged: see lost, wrong and errors above.")


def _stress(writers: int, batches: int, rows: int, keys: int) -> dict[str, Any]:
    started = time.monotonic()
    expected: Newest = {}
    with (
        bench_s3(),
        _Background() as background,
        ProcessPoolExecutor(writers, mp_context=multiprocessing.get_context("spawn")) as pool,
        Progress(writers, "finished", "writers") as progress,
    ):
        for newest in pool.map(write, [Task(number, batches, rows, keys) for number in range(writers)]):
            _add(expected, newest)
            progress.step()
        background.stop()
        store = open_store()
        lost, wrong = _compare(expected, background.reader)
        work = background.work + compact(store, POLICY)
        time.sleep(POLICY.grace_s + 1)
        work += compact(store, POLICY)
        lost_later, wrong_later = _compare(expected, SnapshotReader(store, layout=LAYOUT))
        report = fsck.check(store)
    return {
        "bench": "stress",
        "writers": writers,
        "appends": writers * batches,
        "rows": writers * batches * rows,
        "keys": len(expected),
        "folds": work.folded,
        "merges": work.merged,
        "races lost": work.lost_races,
        "collected": work.collected,
        "refreshes": background.refreshes,
        "lost": lost + lost_later,
        "wrong": wrong + wrong_later,
        "errors": report.errors + background.errors,
        "seconds": round(time.monotonic() - started, 1),
    }


class _Background:
    """Two compactors and a reader, each looping in a thread of its own."""

    def __init__(self) -> None:
        self._store = open_store()
        self.reader = SnapshotReader(open_store(), layout=LAYOUT)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=loop) for loop in (self._compact, self._compact, self._read)]
        self._adding = threading.Lock()
        self.work = Work()
        self.refreshes = 0
        self.errors: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _compact(self) -> None:
        while not self._stopping.is_set():
            # Short runs, as by the schedule: folded segments are collected while more are written.
            work = compact(self._store, POLICY, time_left_s=_countdown(30), reserve_s=27)
            with self._adding:
                self.work += work
            self._stopping.wait(random.uniform(0.2, 4))

    def _read(self) -> None:
        newest: dict[str, bytes] = {}
        while not self._stopping.is_set():
            keys = []
            for row in self.reader.refresh().rows():
                keys.append(row.key)
                if row.order < newest.get(row.key, b""):
                    self.errors.append(f"{row.key} went back to an older row")
                newest[row.key] = max(row.order, newest.get(row.key, b""))
            if len(keys) != len(set(keys)):
                self.errors.append("a key was visible twice")
            self.refreshes += 1
            self._stopping.wait(0.5)


def _countdown(seconds: float) -> Callable[[], float]:
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def _compare(expected: Newest, reader: SnapshotReader) -> tuple[int, int]:
    visible_orders: dict[str, list[str]] = {}
    for row in reader.refresh().rows():
        visible_orders.setdefault(row.key, []).append(row.order.hex())
    visible = {key: order for key, (order, op) in expected.items() if op != Op.DELETE}
    lost = sum(1 for key, order in visible.items() if order not in visible_orders.get(key, []))
    wrong = sum(len(orders) - (visible.get(key) in orders) for key, orders in visible_orders.items())
    return lost, wrong
