"""From the start of a process to its first answer, over the local S3: each engine in fresh processes, in turn.

It compares the library with its peers, which would all load the same model: queries are embeddings. `bench starts` measures
the built functions as Lambda starts them, the model included.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from lookalike.aws import s3_client
from scripts.benchmarks.data import Data, Floats
from scripts.benchmarks.engines import BUCKET, KINDS, NOT_INSTALLED, Source, lance_in_s3, lance_table
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.results import Result
from scripts.benchmarks.search import datasets, figures, scratch
from scripts.benchmarks.stores import bench_s3, build
from scripts.benchmarks.worker import Reply

_TIMEOUT_S: Final = 120


def run(options: argparse.Namespace) -> Iterator[Result]:
    """Figures of each engine over each data set. Raises BenchError."""
    with scratch() as folder, bench_s3() as endpoint_url:
        for data in datasets(options, folder):
            weighted = data.weighted()
            source = Source(weighted.path, f"{data.path.stem}/", data.layout, endpoint_url)
            build(data, source.prefix)
            yield from _compare(data, weighted, source, options)


def _compare(data: Data, weighted: Data, source: Source, options: argparse.Namespace) -> Iterator[Result]:
    """A line for each engine; a note for one that cannot take part."""
    labels = {"bench": "cold", **data.labels()}
    replies: dict[str, list[Reply]] = {}
    for name in options.engines:
        problem = _prepare(name, source, weighted)
        if problem:
            yield {**labels, "engine": KINDS[name].engine, "note": problem}
        else:
            replies[name] = []
    queries = {
        name: (data if KINDS[name].engine == "lookalike" else weighted).queries[: options.starts] for name in replies
    }
    for name in replies:  # not counted: with it, everything is in the page cache
        _start(name, source, queries[name][0], options.k)
    for number in range(len(data.queries[: options.starts])):
        for name, own in replies.items():
            own.append(_start(name, source, queries[name][number], options.k))
    for line in figures(weighted, options.k, [(KINDS[name], own) for name, own in replies.items()]):
        yield {**labels, "k": options.k, "starts": len(data.queries[: options.starts]), **line}


def _prepare(name: str, source: Source, weighted: Data) -> str | None:
    """Put the data of a peer into S3: None, or the reason why it cannot take part."""
    if KINDS[name].versions() is None:
        return NOT_INSTALLED
    if name == "sklearn":
        s3_client().upload_file(str(weighted.path), BUCKET, weighted.path.name)
    if name == "lancedb":
        try:
            lance_table(lance_in_s3(source), weighted.vectors)
        except (OSError, RuntimeError, ValueError) as error:
            return f"it could not write its table to this S3: {str(error).splitlines()[0]}"
    return None


def _start(name: str, source: Source, query: Floats, k: int) -> Reply:
    """One process: its answer, and milliseconds from its start to that. Raises BenchError."""
    path = source.vectors.with_name("query.npy")
    np.save(path, query)
    asked = (path, k, source.vectors, source.prefix, source.layout, source.endpoint_url)
    command = [sys.executable, "-m", "scripts.benchmarks.first_answer", name, *map(str, asked)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout  # noqa: S101 - a pipe
        line = child.stdout.readline()
        ms = (time.perf_counter() - started) * 1000
        _, problem = child.communicate(timeout=_TIMEOUT_S)
    if child.returncode or not line:
        raise BenchError(f"{name} gave no first answer:\n{problem[-2000:]}")
    answer = json.loads(line)
    return Reply(answer["ids"], ms, answer["counts"])
