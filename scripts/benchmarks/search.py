"""Search a loaded catalogue: the engines answer the same held-out queries, in turn.

Generated catalogues of several sizes show how an engine grows: a smaller one is the beginning of a larger one.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from scripts.benchmarks.agreement import expected, share_equal
from scripts.benchmarks.data import Data, Shape, embeddings_of, generated, held_out
from scripts.benchmarks.engines import KINDS, NOT_INSTALLED, Kind, Source
from scripts.benchmarks.results import Result, against_ours, median_counts, percentile
from scripts.benchmarks.stores import bench_s3, build
from scripts.benchmarks.worker import Reply, Worker
from scripts.common.paths import ROOT
from scripts.common.progress import Progress

SCRATCH: Final = ROOT / "build" / "bench"
_DEFAULT: Final = Shape(44_441, 2048)
_WARM_UP: Final = 10
_QUERIES_OF_S3: Final = 20


def run(options: argparse.Namespace) -> Iterator[Result]:
    """Figures of each engine over each data set. Raises BenchError."""
    with scratch() as folder, bench_s3():
        for data in datasets(options, folder):
            compaction = build(data, f"{data.path.stem}/")
            yield from _compare(data, options)
            yield compaction


def scratch() -> "TemporaryDirectory[str]":
    """A folder for generated data, deleted afterwards."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    return TemporaryDirectory(dir=SCRATCH)


def datasets(options: argparse.Namespace, folder: str | Path) -> Iterator[Data]:
    """The data sets of the options: real embeddings first, then generated vectors. Raises BenchError."""
    folder = Path(folder)
    if options.embeddings:
        yield held_out(options.embeddings, folder, queries=options.queries, layout=options.parts)
    if options.photos:
        yield held_out(embeddings_of(options.photos, SCRATCH), folder, queries=options.queries, layout=options.parts)
    nothing_named = not (options.embeddings or options.photos or options.generate)
    for shape in [_DEFAULT] if nothing_named else options.generate or []:
        data = generated(shape, folder, queries=options.queries, layout=options.parts)
        yield data
        data.path.unlink()


def _compare(data: Data, options: argparse.Namespace) -> Iterator[Result]:
    """Query every engine that is installed; the others get a note. The store must be built. Raises BenchError."""
    labels = {"bench": "search", **data.labels()}
    weighted = data.weighted()
    source = Source(weighted.path, f"{data.path.stem}/", data.layout)
    with ExitStack() as undo:
        workers: list[Worker] = []
        for name in options.engines:
            if KINDS[name].versions():
                workers.append(undo.enter_context(closing(Worker(name, source, threads=options.threads))))
            else:
                yield {**labels, "engine": KINDS[name].engine, "note": NOT_INSTALLED}
        # An engine that reads from S3 waits for it, and runs by itself: it would take the others' time.
        racing = [worker for worker in workers if worker.kind.exact_tier != "S3"]
        replies = dict(zip(racing, ask_in_turn(racing, data, weighted, options), strict=True))
        for worker in workers:
            if worker not in replies:
                (replies[worker],) = ask_in_turn([worker], data, weighted, options, at_most=_QUERIES_OF_S3)
        memory = {worker: worker.memory_bytes() for worker in workers}
    lines = figures(weighted, options.k, [(worker.kind, replies[worker]) for worker in workers])
    for worker, line in zip(workers, lines, strict=True):
        yield {
            **labels,
            "exact_tier": worker.kind.exact_tier,
            "k": options.k,
            "threads": options.threads,
            "clock": "processor" if options.processor_time else "wall",
            "queries": len(replies[worker]),
            "resident_bytes": worker.resident_bytes,
            "process_bytes": memory[worker],
            **line,
        }


def figures(weighted: Data, k: int, replies: Sequence[tuple[Kind, Sequence[Reply]]]) -> Iterator[Result]:
    """A line for each engine and its replies to the first queries: times, agreement with scikit-learn, and counts."""
    right = expected(weighted.vectors, weighted.queries, k)
    ours = [answers for kind, answers in replies if kind.engine == "lookalike"]
    our_ms = percentile([reply.ms for reply in ours[0]], 50) if ours else None
    for kind, answers in replies:
        ids = [reply.ids for reply in answers]
        has_keys = kind.engine == "lookalike"
        yield {
            "engine": kind.engine,
            **against_ours([reply.ms for reply in answers], our_ms),
            "ids_equal_sklearn": share_equal(ids, right, weighted.vectors, weighted.queries, has_keys=has_keys),
            **median_counts([reply.counts for reply in answers]),
            "version": kind.versions(),
        }


def ask_in_turn(
    workers: Sequence[Worker], data: Data, weighted: Data, options: argparse.Namespace, at_most: int | None = None
) -> list[list[Reply]]:
    """Every worker's answers to the same queries: all of them, ``at_most`` so many, or as many as ``limit_s`` seconds allow."""
    replies: list[list[Reply]] = [[] for _ in workers]
    queries = [data.queries if worker.kind.engine == "lookalike" else weighted.queries for worker in workers]
    for worker, own in zip(workers, queries, strict=True):
        for query in own[-_WARM_UP:]:
            worker.ask(query, options.k)
    count = len(data.queries[:at_most])
    end = time.monotonic() + options.limit_s
    with Progress(count, "answered", "queries") as progress:
        for start in range(0, count, options.turn):
            if start and time.monotonic() > end:
                break
            turn = slice(start, min(start + options.turn, count))
            for worker, own, answers in zip(workers, queries, replies, strict=True):
                answers += [worker.ask(query, options.k, by_processor=options.processor_time) for query in own[turn]]
            progress.step(turn.stop - turn.start)
    return replies
