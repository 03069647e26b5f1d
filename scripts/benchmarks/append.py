"""Times of appends, refreshes and compaction against the size of the store. Rows are random: their values do not matter."""

import argparse
import time
from collections.abc import Iterator
from typing import Any

from lookalike.aws import S3Store, s3_client
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.compaction.work import Work
from lookalike.layout import Layout
from lookalike.store import append_log
from lookalike.store.object_store import MemoryStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Row
from lookalike.store.wrappers import CountingStore
from scripts.benchmarks.engines import BUCKET
from scripts.benchmarks.results import percentile
from scripts.benchmarks.stores import bench_s3, compacted, fill, in_own_process, random_units, rows_of


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Fill two stores, compact the large one, and compare appends; then let a warm reader refresh after one batch."""
    with bench_s3():
        client = s3_client()
        stores = {rows: CountingStore(S3Store(client, BUCKET, f"{rows}/")) for rows in (options.small, options.rows)}
        for rows, store in stores.items():
            fill(store, rows, options.dimensions)
            yield _compaction(rows, options.dimensions, store.bytes_written)
        times: dict[int, list[float]] = {rows: [] for rows in stores}
        for store in stores.values():
            store.reset()
        for number in range(options.appends):
            batch = _rows(range(number * options.batch, (number + 1) * options.batch), options.dimensions)
            for rows, store in stores.items():
                started = time.perf_counter()
                append_log.append(store, batch, layout=Layout.of_one_part(options.dimensions))
                times[rows].append((time.perf_counter() - started) * 1000)
        for rows, store in stores.items():
            yield {
                "bench": "append",
                "rows": rows,
                "dimensions": options.dimensions,
                "batch": options.batch,
                "p50_ms": percentile(times[rows], 50),
                "p99_ms": percentile(times[rows], 99),
                "requests": sum(store.requests.values()) / options.appends,
                "ratio_to_small": round(percentile(times[rows], 50) / percentile(times[options.small], 50), 3),
            }
        yield _trickle(options.dimensions, options.batch, options.trickle)
        for rows in stores:
            yield in_own_process(_refresh, f"{rows}/", rows, options.dimensions, options.batch)


def _rows(numbers: range, dimensions: int) -> list[Row]:
    return list(rows_of(random_units(len(numbers), dimensions, seed=numbers.start), numbers.start))


def _compaction(rows: int, dimensions: int, log_bytes: int) -> dict[str, Any]:
    figures = in_own_process(compacted, f"{rows}/")
    return {
        "bench": "compaction",
        "rows": rows,
        "dimensions": dimensions,
        **figures,
        "log_bytes": log_bytes,
        "write_amplification": round(figures["bytes_written"] / log_bytes, 3),
    }


def _trickle(dimensions: int, batch: int, appends: int, between: int = 20) -> dict[str, Any]:
    """The hard case for write amplification: small batches, compacted after every few."""
    store = CountingStore(MemoryStore())
    appended = CountingStore(store.inner)
    work = Work()
    for number in range(appends):
        numbers = range(number * batch, (number + 1) * batch)
        append_log.append(appended, _rows(numbers, dimensions), layout=Layout.of_one_part(dimensions))
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
    reader = SnapshotReader(store, layout=Layout.of_one_part(dimensions))
    reader.refresh()
    store.reset()
    append_log.append(
        store.inner, _rows(range(10**9, 10**9 + batch), dimensions), layout=Layout.of_one_part(dimensions)
    )
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
