#!/usr/bin/env python3
"""Benchmarks of the store, each with what it is compared to in the same run on the same machine.

    scripts/bench.py append                 appends to a store of a thousand rows, and of a million
    scripts/bench.py append --json          the same as JSON lines

S3 is the local one, in a process of its own. Rows are random unit vectors: their values do not matter here.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from lookalike import log  # noqa: E402
from lookalike.aws import S3Store, s3_client  # noqa: E402
from lookalike.compaction import Policy, Work, compact  # noqa: E402
from lookalike.object_store import CountingStore, MemoryStore, ObjectStore  # noqa: E402
from lookalike.reader import SnapshotReader  # noqa: E402
from lookalike.records import Op, Row, order_of  # noqa: E402

BUCKET = "bench"
_FILL_ROWS = 12_000  # in one segment of the log while filling


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark that is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    append = commands.add_parser("append", help="appends, refreshes and compaction against the size of the store")
    append.add_argument("--small", type=int, default=1_000, help="rows of the store compared with")
    append.add_argument("--rows", type=int, default=1_000_000, help="rows of the large store")
    append.add_argument("--dimensions", type=int, default=512)
    append.add_argument("--appends", type=int, default=200, help="appends to each store, in turn")
    append.add_argument("--batch", type=int, default=16, help="rows of an append")
    append.add_argument("--json", action="store_true", help="print JSON lines")
    options = parser.parse_args(arguments)
    for found in bench_append(options):
        if options.json:
            print(json.dumps(found), flush=True)
        else:
            print("  ".join(f"{name} {value}" for name, value in found.items()), flush=True)
    return 0


def bench_append(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Fill two stores, compact the large one, and compare appends; then let a warm reader learn of one batch."""
    from scripts.local.s3 import local_s3

    with local_s3(BUCKET) as endpoint_url:
        os.environ |= {
            "AWS_ENDPOINT_URL": endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        client = s3_client()
        stores = {rows: CountingStore(S3Store(client, BUCKET, f"{rows}/")) for rows in (options.small, options.rows)}
        for rows, store in stores.items():
            fill(store, rows, options.dimensions)
            yield _in_own_process(_compaction, f"{rows}/", rows, options.dimensions, store.bytes_written)
        times: dict[int, list[float]] = {rows: [] for rows in stores}
        for store in stores.values():
            store.reset()
        for number in range(options.appends):
            batch = list(_rows(range(options.batch), options.dimensions, seed=number))
            for rows, store in stores.items():
                started = time.perf_counter()
                log.append(store, batch, dimensions=options.dimensions)
                times[rows].append((time.perf_counter() - started) * 1000)
        for rows, store in stores.items():
            yield {
                "bench": "append",
                "rows": rows,
                "dimensions": options.dimensions,
                "batch": options.batch,
                "p50_ms": round(statistics.median(times[rows]), 3),
                "p99_ms": round(float(np.percentile(times[rows], 99)), 3),
                "requests": sum(store.requests.values()) / options.appends,
                "ratio_to_small": round(statistics.median(times[rows]) / statistics.median(times[options.small]), 3),
            }
        yield _trickle(options.dimensions, options.batch)
        for rows in stores:
            yield _in_own_process(_refresh, f"{rows}/", rows, options.dimensions, options.batch)


def _rows(numbers: range, dimensions: int, *, seed: int) -> Iterator[Row]:
    vectors = np.random.default_rng(seed).standard_normal((len(numbers), dimensions), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for number, vector in zip(numbers, vectors, strict=True):
        order = order_of(sequencer=f"{seed:012X}", time_ms=seed, op=Op.PUT, content=b"bench")
        metadata = {"name": f"Product {number}", "colour": "navy blue", "articletype": "shirts"}
        yield Row(f"images/{number}.jpg", str(number), order, Op.PUT, vector, metadata)


def fill(store: ObjectStore, rows: int, dimensions: int) -> None:
    with tqdm(total=rows, unit="row", desc="filling", file=sys.stderr) as progress:
        for start in range(0, rows, _FILL_ROWS):
            numbers = range(start, min(start + _FILL_ROWS, rows))
            log.append(store, list(_rows(numbers, dimensions, seed=start)), dimensions=dimensions)
            progress.update(len(numbers))


def _in_own_process(work: Any, *arguments: Any) -> dict[str, Any]:
    """Its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: dict[str, Any] = pool.apply(work, arguments)
        return found


def _compaction(prefix: str, rows: int, dimensions: int, log_bytes: int) -> dict[str, Any]:
    store = CountingStore(S3Store(s3_client(), BUCKET, prefix))
    started = time.perf_counter()
    work = compact(store)
    return {
        "bench": "compaction",
        "rows": rows,
        "dimensions": dimensions,
        "seconds": round(time.perf_counter() - started, 1),
        "folds": work.folded,
        "merges": work.merged,
        "log_bytes": log_bytes,
        "bytes_read": store.bytes_read,
        "bytes_written": store.bytes_written,
        "write_amplification": round(store.bytes_written / log_bytes, 3),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _trickle(dimensions: int, batch: int, appends: int = 2000, between: int = 20) -> dict[str, Any]:
    """The hard case for write amplification: small batches, compacted after every few."""
    store = CountingStore(MemoryStore())
    appended = CountingStore(store.inner)
    work = Work()
    for number in range(appends):
        numbers = range(number * batch, (number + 1) * batch)
        log.append(appended, list(_rows(numbers, dimensions, seed=number)), dimensions=dimensions)
        if number % between == between - 1:
            work += compact(store, Policy(grace_s=0))
    return {
        "bench": "trickle",
        "rows": appends * batch,
        "dimensions": dimensions,
        "batch": batch,
        "appends_between_compactions": between,
        "merges": work.merged,
        "write_amplification": round(store.bytes_written / appended.bytes_written, 3),
    }


def _refresh(prefix: str, rows: int, dimensions: int, batch: int) -> dict[str, Any]:
    store = CountingStore(S3Store(s3_client(), BUCKET, prefix))
    reader = SnapshotReader(store, dimensions=dimensions)
    reader.refresh()
    store.reset()
    log.append(store.inner, list(_rows(range(batch), dimensions, seed=10**9)), dimensions=dimensions)
    started = time.perf_counter()
    reader.refresh()
    return {
        "bench": "refresh",
        "rows": rows,
        "dimensions": dimensions,
        "new_rows": batch,
        "ms": round((time.perf_counter() - started) * 1000, 1),
        "requests": sum(store.requests.values()),
        "bytes_read": store.bytes_read,
    }


if __name__ == "__main__":
    sys.exit(main())
