"""The cost of compaction and readers of product data over the local S3: requests, bytes, seconds and memory of each.

A feed of made-up products and two files of changed prices are appended as ingest appends them. Each work runs in a process of its own, so
that its memory is its own. A warm reader refreshes after each of the events that a shop has.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from lookalike.aws import S3Store, s3_client
from lookalike.compaction.products import compact_products
from lookalike.feeds.feed import read_feed
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import PRODUCTS, product_log
from lookalike.store.products.data_file import DataFile
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.records import Op, order_of
from lookalike.store.wrappers import CountingStore
from scripts.benchmarks.engines import BUCKET
from scripts.benchmarks.products import write_feed
from scripts.benchmarks.stores import bench_s3, in_own_process

_FEED: Final = "products/10-feed.tsv"
_SALE: Final = "products/20-sale.csv"
_LATER: Final = "products/30-later.csv"

Line = dict[str, Any]


def run(options: argparse.Namespace) -> Iterator[Line]:
    """A line for each work, for each number of products. Raises BenchError."""
    for products in options.products or [44_441]:
        with tempfile.TemporaryDirectory() as folder, bench_s3():
            feed, sale = Path(folder, "feed.tsv"), Path(folder, "sale.csv")
            write_feed(feed, products)
            sale.write_text("id,price\n" + "".join(f"{number},1.00\n" for number in range(options.changed)))
            works = ((_ingest, feed, sale), (_compact, sale), (_read, sale))
            for work, *files in works:
                for line in in_own_process(work, *files):
                    yield {"bench": "product-reads", "products": products, "changed": options.changed, **line}


def _store() -> CountingStore:
    return CountingStore(S3Store(s3_client(), BUCKET, PRODUCTS))


def _append(store: ObjectStore, key: str, path: Path, number: int) -> None:
    with path.open("rb") as lines:
        feed = read_feed(lines, path.name)
    order = order_of(sequencer=f"{number:012X}", time_ms=number, op=Op.PUT, content=b"bench")
    product_log.append(store, DataFile(key, order, Op.PUT, feed.table, feed.rows))


def _ingest(feed: Path, sale: Path) -> list[Line]:
    store = _store()
    return [
        _timed("append the feed", store, lambda: _append(store, _FEED, feed, 1)),
        _timed("append the prices", store, lambda: _append(store, _SALE, sale, 2)),
    ]


def _compact(sale: Path) -> list[Line]:
    """The first fold, and one that only adds a file."""
    store = _store()
    first = _timed("fold all", store, lambda: compact_products(store))
    _append(store, _LATER, sale, 3)
    return [first, _timed("fold a file that sorts last", store, lambda: compact_products(store))]


def _read(sale: Path) -> list[Line]:
    """A reader that starts, and its refresh after each event. From the first fold on, the peak is that of compaction."""
    store = _store()
    reader = ProductReader(store)

    def refresh(after: str, change: Callable[[], object] | None = None) -> Line:
        if change:
            change()
        return _timed(f"refresh {after}", store, reader.refresh)

    return [
        refresh("at the start"),
        refresh("with nothing new"),
        refresh("after a file that sorts last", lambda: _append(store, "products/40.csv", sale, 4)),
        refresh("after the fold of it", lambda: compact_products(_store())),
        refresh("after a file in the middle", lambda: _append(store, _SALE, sale, 5)),
        refresh("after the fold of that", lambda: compact_products(_store())),
    ]


def _timed(work: str, store: CountingStore, act: Callable[[], object]) -> Line:
    store.reset()
    started, worked = time.monotonic(), time.process_time()
    act()
    seconds, processor_s = time.monotonic() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "work": work,
        "seconds": round(seconds, 3),
        "processor_s": round(processor_s, 3),
        **{f"{call}_requests": store.requests[call] for call in ("list", "get", "get_range", "put")},
        "bytes_read": store.bytes_read,
        "bytes_written": store.bytes_written,
        "peak_mib": peak // (1024 if sys.platform == "linux" else 1024 * 1024),
    }
