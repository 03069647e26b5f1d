"""Stores to measure with, in the local S3, built by the code that builds them on Lambda."""

import multiprocessing
import resource
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lookalike.aws import S3Store, s3_client
from lookalike.compaction import cartography
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.layout import Layout
from lookalike.store import append_log
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op, Row, order_of
from lookalike.store.wrappers import CountingStore
from scripts.benchmarks.data import Data, Floats
from scripts.benchmarks.engines import BUCKET
from scripts.benchmarks.worker import variables
from scripts.common.progress import Progress

_APPENDED_BYTES: Final = 24 * 1024 * 1024  # of embeddings, in one segment of the log while filling


@contextmanager
def bench_s3() -> Iterator[str]:
    """A local S3 in a process of its own with the bucket ``BUCKET``, which boto3 uses in this context and its processes: its address."""
    from scripts.local.s3 import local_s3

    credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "local")
    with (
        local_s3(BUCKET) as url,
        variables(AWS_ENDPOINT_URL=url, AWS_DEFAULT_REGION="us-east-1", **credentials),
    ):
        yield url


def in_own_process(work: Any, *arguments: Any) -> Any:
    """The result of ``work`` in a process of its own: its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def random_units(rows: int, dimensions: int, *, seed: int = 0) -> Floats:
    """Random directions, float32 (rows, dimensions)."""
    vectors = np.random.default_rng(seed).standard_normal((rows, dimensions), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def rows_of(vectors: npt.NDArray[np.float32], first: int) -> Iterator[Row]:
    """Rows of products numbered from ``first`` on; their keys ascend as their numbers do."""
    for number, vector in enumerate(vectors, first):
        order = order_of(sequencer=f"{number:012X}", time_ms=number, op=Op.PUT, content=b"bench")
        metadata = {"name": f"Product {number}", "colour": "navy blue", "articletype": "shirts"}
        yield Row(f"images/{number:09}.jpg", str(number), order, Op.PUT, vector, metadata)


def fill(store: ObjectStore, rows: int, dimensions: int, *, layout: Layout | None = None) -> None:
    """Append random rows to a store, as one part where no ``layout`` is given."""
    at_once = max(1, _APPENDED_BYTES // (4 * dimensions))
    starts = range(0, rows, at_once)
    fill_with(
        store,
        (random_units(min(at_once, rows - start), dimensions, seed=start) for start in starts),
        rows,
        layout=layout,
    )


def fill_with(store: ObjectStore, blocks: Iterable[Floats], rows: int, *, layout: Layout | None = None) -> None:
    """Append blocks of vectors, ``rows`` in all, each as a segment of the log. ``layout``: one part where there is none."""
    done = 0
    with Progress(rows, "filled", "rows") as progress:
        for block in blocks:
            append_log.append(store, list(rows_of(block, done)), layout=layout or Layout.of_one_part(block.shape[1]))
            done += len(block)
            progress.step(len(block))


def in_blocks(vectors: Floats) -> Iterator[Floats]:
    """The vectors, as many at a time as a segment of the log holds while filling."""
    at_once = max(1, _APPENDED_BYTES // (4 * vectors.shape[1]))
    for start in range(0, len(vectors), at_once):
        yield np.array(vectors[start : start + at_once])


def build(data: Data, prefix: str) -> dict[str, Any]:
    """A compacted store of these embeddings below ``prefix`` of ``BUCKET``, and the figures of its compaction."""
    in_own_process(_fill, data, prefix)
    # The log is gone at once: the local S3 holds its objects in memory.
    figures: dict[str, Any] = in_own_process(compacted, prefix, Policy(grace_s=0))
    return {"bench": "compaction", **data.labels(), **figures}


def _fill(data: Data, prefix: str) -> None:
    fill_with(S3Store(s3_client(), BUCKET, prefix), in_blocks(data.vectors), len(data.vectors), layout=data.layout)


def compacted(prefix: str, policy: Policy | None = None) -> dict[str, Any]:
    """Compact the store below ``prefix`` of ``BUCKET``: time, steps, bytes, and the peak memory of this process so far.

    The map is left out: it takes seconds that no search and no append depends on.
    """
    store = CountingStore(S3Store(s3_client(), BUCKET, prefix))
    started = time.perf_counter()
    work = compact(store, policy, time_left_s=lambda: cartography.RESERVE_S)
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "folds": work.folded,
        "merges": work.merged,
        "bytes_read": store.bytes_read,
        "bytes_written": store.bytes_written,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
