"""Search with candidates of an index in LanceDB, beside the exact search of the same store.

All segments are in the index, however small. The store is in the local S3, and the index in a folder: what LanceDB reads from its
files is told apart from what the search reads from the store.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

from lookalike.aws import S3Store, s3_client
from lookalike.compaction.policy import Policy
from lookalike.follow import follow
from lookalike.index.opening import open_index
from scripts.benchmarks.agreement import Expected, expected, share_equal
from scripts.benchmarks.data import Data
from scripts.benchmarks.engines import BUCKET, FINGERPRINT, KINDS, Kind, Source, lance_place
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.results import Result, against_ours, median_counts, percentile
from scripts.benchmarks.search import ask_in_turn, datasets, scratch
from scripts.benchmarks.stores import bench_s3, build, in_own_process
from scripts.benchmarks.worker import Reply, Worker

_WARM: Final = ("lookalike", "lookalike-index")
_COLD: Final = ("lookalike-s3", "lookalike-index")
_EVERY_SEGMENT: Final = Policy(segment_bytes=1)  # counts as full


def run(options: argparse.Namespace) -> Iterator[Result]:
    """The filling of an index, and warm and cold answers of both searches, for each data set. Raises BenchError."""
    if KINDS["lookalike-index"].versions() is None:
        raise BenchError("LanceDB is not installed: `make test` and `make bench` install it.")
    with scratch() as folder, bench_s3() as endpoint_url:
        for data in datasets(options, folder):
            weighted = data.weighted()
            source = Source(weighted.path, f"{data.path.stem}/", data.layout, endpoint_url)
            build(data, source.prefix)
            yield {"bench": "index-filling", **data.labels(), **in_own_process(_filled, source, options.threads)}
            right = expected(weighted.vectors, weighted.queries, options.k)
            yield from _warm(data, weighted, source, right, options)
            yield from _cold(data, weighted, source, right, options)


def _filled(source: Source, threads: int) -> dict[str, Any]:
    """Have the index follow the store: rows, seconds, bytes."""
    index = open_index(lance_place(source), FINGERPRINT, source.layout, threads=threads)
    started = time.perf_counter()
    done = follow(S3Store(s3_client(), BUCKET, source.prefix), index, source.layout, _EVERY_SEGMENT)
    seconds = time.perf_counter() - started
    files = Path(lance_place(source).partition(":")[2]).rglob("*")
    return {
        "rows_put": done.rows_put,
        "segments": done.segments,
        "seconds": round(seconds, 1),
        "folder_bytes": sum(file.stat().st_size for file in files if file.is_file()),
    }


def _warm(
    data: Data, weighted: Data, source: Source, right: Sequence[Expected], options: argparse.Namespace
) -> Iterator[Result]:
    labels = {"bench": "index", **data.labels(), "k": options.k, "threads": options.threads}
    with ExitStack() as undo:
        workers = [undo.enter_context(closing(Worker(name, source, threads=options.threads))) for name in _WARM]
        replies = ask_in_turn(workers, data, weighted, options)
        memory = [worker.memory_bytes() for worker in workers]
    lines = _figures(weighted, right, [(worker.kind, own) for worker, own in zip(workers, replies, strict=True)])
    for line, own, process_bytes in zip(lines, replies, memory, strict=True):
        yield {**labels, "queries": len(own), **line, "process_bytes": process_bytes}


def _cold(
    data: Data, weighted: Data, source: Source, right: Sequence[Expected], options: argparse.Namespace
) -> Iterator[Result]:
    """The first answer of a process that has loaded what it holds in memory."""
    labels = {"bench": "index-cold", **data.labels(), "k": options.k, "starts": options.starts}
    replies: dict[str, list[Reply]] = {name: [] for name in _COLD}
    for number in range(options.starts):
        for name, own in replies.items():
            with closing(Worker(name, source, threads=options.threads)) as worker:
                own.append(worker.ask(data.queries[number], options.k))
    for line in _figures(weighted, right, [(KINDS[name], own) for name, own in replies.items()]):
        yield {**labels, **line}


def _figures(
    weighted: Data, right: Sequence[Expected], replies: Sequence[tuple[Kind, Sequence[Reply]]]
) -> Iterator[Result]:
    """A line for each search, the exact one first: times, the share of the right rows that it found, and counts."""
    our_ms = percentile([reply.ms for reply in replies[0][1]], 50)
    for kind, answers in replies:
        ids = [reply.ids for reply in answers]
        yield {
            "engine": kind.engine,
            "exact_tier": kind.exact_tier,
            **against_ours([reply.ms for reply in answers], our_ms),
            "recall": f"{recall(ids, right):.4f}",
            "ids_equal_sklearn": share_equal(ids, right, weighted.vectors, weighted.queries, has_keys=True),
            **median_counts([reply.counts for reply in answers]),
            "version": kind.versions(),
        }


def recall(answers: Sequence[Sequence[int]], right: Sequence[Expected]) -> float:
    """The share of the right rows that are in the answers."""
    pairs = list(zip(answers, right, strict=False))
    return sum(len(set(ids) & set(of.ids)) for ids, of in pairs) / sum(len(of.ids) for _, of in pairs)
