#!/usr/bin/env python3
"""Many writers, a compactor and a reader on one store at once; then every row is accounted for.

    python -m scripts.bench stress --writers 64 --batches 200

Writers are processes that append batches of puts, rejects and deletes of keys they share with all others. A compactor loops,
with a policy so small that it folds, merges and collects all the time, and a reader keeps refreshing. In the end the store
must hold exactly the newest acknowledged row of every key, and fsck must find nothing.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from lookalike.aws import S3Store, s3_client
from lookalike.compaction import fsck
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.compaction.work import Work
from lookalike.store import append_log
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of

BUCKET = "stress"
DIMENSIONS = 8
# Everything happens all the time: small segments, a grace of seconds, and no tombstone old enough to be dropped.
POLICY = Policy(segment_bytes=1024 * 1024, grace_s=5, orphan_s=60, tombstone_s=24 * 60 * 60)


@dataclass(frozen=True, slots=True)
class Task:
    """What one writer does."""

    number: int
    endpoint_url: str
    batches: int
    rows: int
    keys: int
    acknowledged: Path


def open_store(endpoint_url: str) -> S3Store:
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return S3Store(s3_client(endpoint_url=endpoint_url), BUCKET, "stress/")


def write(task: Task) -> None:
    """Append the batches, and note each row once its append has returned."""
    store = open_store(task.endpoint_url)
    chance = random.Random(task.number)
    with task.acknowledged.open("w", encoding="utf-8") as noted:
        for batch in range(task.batches):
            rows = [_row(chance, task, batch) for _ in range(task.rows)]
            append_log.append(store, rows, dimensions=DIMENSIONS)
            for row in rows:
                noted.write(json.dumps([row.key, row.order.hex(), int(row.op)]) + "\n")
            noted.flush()


def _row(chance: random.Random, task: Task, batch: int) -> Row:
    key = f"images/{chance.randrange(task.keys)}.jpg"
    op = chance.choices([Op.PUT, Op.REJECT, Op.DELETE], [8, 1, 2])[0]
    # Sequencers of all writers interleave, and arrive in another order than theirs.
    sequencer = f"{chance.randrange(task.batches * 1000):012X}{task.number:04X}{batch:04X}"
    order = order_of(sequencer=sequencer, time_ms=int(time.time() * 1000), op=op, content=sequencer.encode())
    embedding = np.frombuffer(order[:32], np.uint8).astype(np.float32)[:DIMENSIONS] if op is Op.PUT else None
    return Row(key, key[7:-4], order, op, embedding, {"order": order.hex()})


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0 if every row is where it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=64, help="writer processes at once")
    parser.add_argument("--batches", type=int, default=200, help="batches each of them appends")
    parser.add_argument("--rows", type=int, default=4, help="rows in a batch")
    parser.add_argument("--keys", type=int, default=5000, help="image keys that all of them share")
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args(arguments)
    found = stress(options.writers, options.batches, options.rows, options.keys)
    print(json.dumps(found) if options.json else "\n".join(f"{name:22} {value}" for name, value in found.items()))
    return 0 if not found["lost"] and not found["wrong"] and not found["errors"] else 1


def stress(writers: int, batches: int, rows: int, keys: int) -> dict[str, Any]:
    """The whole run: counts of what was written, lost (missing rows), wrong (doubled or resurrected) and fsck's errors."""
    from scripts.local.s3 import local_s3  # not at the top: every writer would import moto's whole neighbourhood

    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, local_s3(BUCKET) as endpoint_url:
        tasks = [
            Task(number, endpoint_url, batches, rows, keys, Path(folder) / f"{number}.jsonl")
            for number in range(writers)
        ]
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=write, args=(task,), daemon=True) for task in tasks]
        background = _Background(endpoint_url)
        background.start()
        for process in processes:
            process.start()
        _wait(processes, tasks, writers * batches * rows)
        failed = [process.exitcode for process in processes if process.exitcode]
        background.stop()
        store = open_store(endpoint_url)
        expected = _expected(tasks)
        lost, wrong = _compare(expected, background.reader)
        work = background.work + compact(store, POLICY)
        time.sleep(POLICY.grace_s + 1)
        work += compact(store, POLICY)
        lost_later, wrong_later = _compare(expected, SnapshotReader(store, dimensions=DIMENSIONS))
        report = fsck.check(store)
    return {
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
        "errors": report.errors + background.errors + [f"a writer ended with {code}" for code in failed],
        "seconds": round(time.monotonic() - started, 1),
    }


class _Background:
    """A compactor and a reader, each looping in a thread of its own."""

    def __init__(self, endpoint_url: str) -> None:
        self._store = open_store(endpoint_url)
        self.reader = SnapshotReader(open_store(endpoint_url), dimensions=DIMENSIONS)
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=loop) for loop in (self._compact, self._compact, self._read)]
        self._adding = threading.Lock()
        self.work = Work()
        self.refreshes = 0
        self.errors: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _compact(self) -> None:
        while not self._stopping.is_set():
            # Short runs, as the schedule gives them: what was folded is collected while more is written.
            ends = time.monotonic() + 30

            def time_left_s(ends: float = ends) -> float:
                return ends - time.monotonic()

            work = compact(self._store, POLICY, time_left_s=time_left_s, reserve_s=27)
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


def _wait(processes: list[Any], tasks: list[Task], total: int) -> None:
    with tqdm(total=total, unit="row", file=sys.stderr) as progress:
        while any(process.is_alive() for process in processes):
            time.sleep(1)
            written = sum(task.acknowledged.read_bytes().count(b"\n") for task in tasks if task.acknowledged.exists())
            progress.update(written - progress.n)


def _expected(tasks: list[Task]) -> dict[str, tuple[str, int]]:
    newest: dict[str, tuple[str, int]] = {}
    for task in tasks:
        for line in task.acknowledged.read_text(encoding="utf-8").splitlines():
            key, order, op = json.loads(line)
            newest[key] = max(newest.get(key, ("", 0)), (order, op))
    return newest


def _compare(expected: dict[str, tuple[str, int]], reader: SnapshotReader) -> tuple[int, int]:
    held: dict[str, list[str]] = {}
    for row in reader.refresh().rows():
        held.setdefault(row.key, []).append(row.order.hex())
    visible = {key: order for key, (order, op) in expected.items() if op != Op.DELETE}
    lost = sum(1 for key, order in visible.items() if order not in held.get(key, []))
    wrong = sum(len(orders) - (visible.get(key) in orders) for key, orders in held.items())
    return lost, wrong


if __name__ == "__main__":
    sys.exit(main())
