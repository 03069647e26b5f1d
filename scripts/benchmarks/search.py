"""Searching a loaded catalogue: every engine is asked the same held-out queries, in turn."""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from scripts.benchmarks.agreement import agrees, expected
from scripts.benchmarks.data import Data, Shape, generated, held_out, of_photos
from scripts.benchmarks.engines import KINDS, Source
from scripts.benchmarks.results import Result, median, percentile, result
from scripts.benchmarks.stores import bench_s3, build, in_own_process
from scripts.benchmarks.worker import Reply, Worker

SCRATCH: Final = Path("build") / "bench"
_WARM_UP: Final = 10


def run(options: argparse.Namespace) -> Iterator[Result]:
    """Figures of each engine over each data set. Raises BenchError."""
    with scratch() as folder, bench_s3():
        for data in datasets(options, folder):
            in_own_process(build, data, f"{data.path.stem}/")
            yield from compare(data, options, bench="search")


def scratch() -> "TemporaryDirectory[str]":
    """A folder for what is generated, gone afterwards."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(dir=SCRATCH)


def datasets(options: argparse.Namespace, folder: str | Path) -> Iterator[Data]:
    """What is asked for: real embeddings first, then what is generated. Raises BenchError."""
    folder = Path(folder)
    if options.embeddings:
        yield held_out(options.embeddings, folder, queries=options.queries)[0]
    if options.photos:
        yield of_photos(options.photos, options.model_dir, SCRATCH, folder, queries=options.queries)
    for shape in options.generate or [Shape(44_441, 2048)]:
        yield generated(shape, folder, queries=options.queries)


def compare(data: Data, options: argparse.Namespace, *, bench: str) -> Iterator[Result]:
    """Ask every engine that is installed; those that are not say so. The store must be built. Raises BenchError."""
    labels = {"bench": bench, **data.labels()}
    source = Source(data.path.resolve(), f"{data.path.stem}/", data.vectors.shape[1])
    with ExitStack() as undo:
        workers: list[Worker] = []
        for name in options.engines:
            if KINDS[name].versions():
                workers.append(undo.enter_context(Worker(name, source, threads=options.threads)))
            else:
                yield result(**labels, engine=KINDS[name].engine, note="not installed: `make bench` installs it")
        replies = ask_in_turn(workers, data, options)
        memory = [worker.memory_bytes() for worker in workers]
    asked = data.queries[: len(replies[0])] if replies else data.queries[:0]
    right = expected(data.vectors, asked, options.k) if len(asked) else []
    our_ms: float | None = None
    for worker, answers, process_bytes in zip(workers, replies, memory, strict=True):
        kind, ready = worker.kind, worker.ready
        p50_ms = percentile([reply.ms for reply in answers], 50)
        our_ms = p50_ms if our_ms is None and kind.engine == "lookalike" else our_ms
        equal = [
            agrees(reply.ids, answer, data.vectors, query, has_keys=kind.engine == "lookalike")
            for reply, answer, query in zip(answers, right, asked, strict=True)
        ]
        yield result(
            **labels,
            engine=kind.engine,
            exact_tier=kind.exact_tier,
            k=options.k,
            threads=options.threads,
            queries=len(answers),
            p50_ms=p50_ms,
            p99_ms=percentile([reply.ms for reply in answers], 99),
            ratio_to_lookalike=round(p50_ms / our_ms, 3) if our_ms else None,
            ids_equal_sklearn=f"{sum(equal)}/{len(equal)}",
            resident_bytes=ready.resident_bytes,
            process_bytes=process_bytes,
            bytes_read=median(reply.bytes_read for reply in answers),
            requests=median(reply.requests for reply in answers),
            rows_refined=median(reply.rows_refined for reply in answers),
            rows_exact=median(reply.rows_exact for reply in answers),
            load_bytes_read=ready.bytes_read,
            load_requests=ready.requests,
            version=kind.versions(),
        )


def ask_in_turn(workers: Sequence[Worker], data: Data, options: argparse.Namespace) -> list[list[Reply]]:
    """Every worker's answers to the same queries: all of them, or as many as ``limit_s`` seconds allow."""
    replies: list[list[Reply]] = [[] for _ in workers]
    for query in data.queries[-_WARM_UP:]:
        for worker in workers:
            worker.ask(query, options.k)
    end = time.monotonic() + options.limit_s
    for start in range(0, len(data.queries), options.turn):
        if start and time.monotonic() > end:
            break
        for worker, answers in zip(workers, replies, strict=True):
            answers += [worker.ask(query, options.k) for query in data.queries[start : start + options.turn]]
    return replies
