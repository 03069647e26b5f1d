"""From the start of a process to its first answer, over the local S3: each engine in fresh processes, in turn.

It compares the library with its peers, which would all load the same model: queries are embeddings. `bench starts` measures
the built functions as Lambda starts them, the model included.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from lookalike.aws import s3_client
from scripts.benchmarks.agreement import Expected, expected, share_equal
from scripts.benchmarks.data import Data
from scripts.benchmarks.engines import BUCKET, KINDS, lance_table
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.results import Result, against_ours, median_counts, percentile
from scripts.benchmarks.search import datasets, scratch
from scripts.benchmarks.stores import bench_s3, build, in_own_process

_STAGES: Final = ("import_ms", "load_ms", "search_ms")
_TIMEOUT_S: Final = 120


@dataclass(slots=True)
class _Starts:
    """Times and answers of the fresh processes of one engine."""

    ms: list[float] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)


def run(options: argparse.Namespace) -> Iterator[Result]:
    """Figures of each engine over each data set. Raises BenchError."""
    with scratch() as folder, bench_s3() as endpoint_url:
        for data in datasets(options, folder):
            in_own_process(build, data, f"{data.path.stem}/")
            yield from _Contest(data, Path(folder), endpoint_url, options).results()


@dataclass(frozen=True, slots=True)
class _Contest:
    """The engines over one data set, which is in S3 in the form of each."""

    data: Data
    folder: Path
    endpoint_url: str
    options: argparse.Namespace

    def results(self) -> Iterator[Result]:
        """A line for each engine; a note for one that cannot take part."""
        labels = {"bench": "cold", **self.data.labels()}
        starts: dict[str, _Starts] = {}
        for name in self.options.engines:
            problem = _prepare(name, self.data, self.endpoint_url)
            if problem:
                yield {**labels, "engine": name, "note": problem}
            else:
                starts[name] = _Starts()
        for name in starts:  # not timed: with it, everything is in the page cache
            _start(self._request(name, 0))
        queries = self.data.queries[: self.options.starts]
        for number in range(len(queries)):
            for name, own in starts.items():
                answer, ms = _start(self._request(name, number))
                own.answers.append(answer)
                own.ms.append(ms)
        right = expected(self.data.vectors, queries, self.options.k)
        our_ms = percentile(starts["lookalike"].ms, 50) if "lookalike" in starts else None
        for name, own in starts.items():
            yield {**labels, "engine": name, **self._figures(name, own, right, our_ms)}

    def _figures(self, name: str, own: _Starts, right: Sequence[Expected], our_ms: float | None) -> dict[str, Any]:
        ids = [answer["ids"] for answer in own.answers]
        is_ours = name == "lookalike"
        return {
            "k": self.options.k,
            "starts": len(own.ms),
            **against_ours(own.ms, our_ms),
            "ids_equal_sklearn": share_equal(ids, right, self.data.vectors, self.data.queries, has_keys=is_ours),
            **median_counts([answer["counts"] for answer in own.answers]),
            **{stage: percentile([answer[stage] for answer in own.answers], 50) for stage in _STAGES},
            "version": KINDS[name].versions(),
        }

    def _request(self, name: str, number: int) -> dict[str, Any]:
        query = self.folder / "query.npy"
        np.save(query, self.data.queries[number])
        return {
            "engine": name,
            "bucket": BUCKET,
            "prefix": f"{self.data.path.stem}/",
            "k": self.options.k,
            "query": str(query),
            "matrix": self.data.path.name,
            "lance": _lance(self.data),
            "storage_options": _storage_options(self.endpoint_url),
        }


def _prepare(name: str, data: Data, endpoint_url: str) -> str | None:
    """Put the data of a peer into S3: None, or the reason why it cannot take part."""
    if KINDS[name].versions() is None:
        return "not installed: `make bench` installs it"
    if name == "sklearn":
        s3_client().upload_file(str(data.path), BUCKET, data.path.name)
    if name == "lancedb":
        import lancedb

        database = lancedb.connect(_lance(data), storage_options=_storage_options(endpoint_url))
        try:
            lance_table(database, data.vectors)
        except (OSError, RuntimeError, ValueError) as error:
            return f"it could not write its table to this S3: {str(error).splitlines()[0]}"
    return None


def _lance(data: Data) -> str:
    return f"s3://{BUCKET}/lance-{data.path.stem}"


def _storage_options(endpoint_url: str) -> dict[str, str]:
    return {
        "aws_endpoint": endpoint_url,
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "aws_region": os.environ["AWS_DEFAULT_REGION"],
        "allow_http": "true",
    }


def _start(request: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """One process: its answer, and milliseconds from its start to that. Raises BenchError."""
    command = [sys.executable, "-m", "scripts.benchmarks.first_answer", json.dumps(request)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout  # noqa: S101 - a pipe
        line = child.stdout.readline()
        ms = (time.perf_counter() - started) * 1000
        _, problem = child.communicate(timeout=_TIMEOUT_S)
    if child.returncode or not line:
        raise BenchError(f"{request['engine']} gave no first answer:\n{problem[-2000:]}")
    answer: dict[str, Any] = json.loads(line)
    return answer, ms
