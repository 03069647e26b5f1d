"""From the start of a process to its first answer, over the local S3: each engine in fresh processes, in turn."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from lookalike.aws import s3_client
from scripts.benchmarks.agreement import agrees, expected
from scripts.benchmarks.data import Data
from scripts.benchmarks.engines import BUCKET, KINDS, lance_table
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.relay import relay
from scripts.benchmarks.results import Result, median, percentile, result
from scripts.benchmarks.search import datasets, scratch
from scripts.benchmarks.stores import bench_s3, build, in_own_process

_FIRST_ANSWER: Final = Path(__file__).with_name("first_answer.py")
_STAGES: Final = ("import_ms", "load_ms", "embed_ms", "search_ms")
_MODEL_THREADS: Final = 2
_TIMEOUT_S: Final = 120


@dataclass(slots=True)
class _Starts:
    """What the fresh processes of one engine answered, and what went over the wire for one of them."""

    ms: list[float] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    wire: dict[str, int] = field(default_factory=dict)


def run(options: argparse.Namespace) -> Iterator[Result]:
    """Figures of each engine over each data set. Raises BenchError."""
    with scratch() as folder, bench_s3() as endpoint_url:
        for data in datasets(options, folder):
            in_own_process(build, data, f"{data.path.stem}/")
            yield from _compare(data, Path(folder), endpoint_url, options)


def _compare(data: Data, folder: Path, endpoint_url: str, options: argparse.Namespace) -> Iterator[Result]:
    labels = {"bench": "cold", **data.labels()}
    photo = _photo(data, folder, options)
    engines = []
    for name in options.engines:
        problem = _prepare(name, data, endpoint_url)
        if problem:
            yield result(**labels, engine=name, note=problem)
        else:
            engines.append(name)
    starts = {name: _Starts() for name in engines}
    queries = data.queries[: options.starts]
    for name in engines:  # not timed: with it, everything is in the page cache
        with relay(endpoint_url) as (address, traffic):
            _start(_asked(name, data, 0, folder, photo, options, address), address)
        requests = traffic.requests["GET"] + traffic.requests["HEAD"]
        starts[name].wire = {"bytes_read": traffic.bytes_read, "requests": requests, "lists": traffic.requests["LIST"]}
    for number in range(len(queries)):
        for name, found in starts.items():
            asked = _asked(name, data, number, folder, photo, options, endpoint_url)
            answer, ms = _start(asked, endpoint_url)
            found.answers.append(answer)
            found.ms.append(ms)
    right = [] if photo else expected(data.vectors, queries, options.k)
    our_ms = percentile(starts["lookalike"].ms, 50) if "lookalike" in starts else None
    for name, found in starts.items():
        yield _result(name, found, labels, data, right, our_ms, options, is_image=bool(photo))


def _result(
    name: str,
    found: _Starts,
    labels: Mapping[str, Any],
    data: Data,
    right: list[Any],
    our_ms: float | None,
    options: argparse.Namespace,
    *,
    is_image: bool,
) -> Result:
    equal = [
        agrees(answer["ids"], answers, data.vectors, query, has_keys=name == "lookalike")
        for answer, answers, query in zip(found.answers, right, data.queries, strict=False)
    ]
    p50_ms = percentile(found.ms, 50)
    read = {
        count: median(answer.get(count) for answer in found.answers) if count in found.answers[0] else found.wire[count]
        for count in ("bytes_read", "requests", "lists")
    }
    return result(
        **labels,
        **read,
        engine=name,
        asked_by="image" if is_image else "embedding",
        k=options.k,
        starts=len(found.ms),
        p50_ms=p50_ms,
        p99_ms=percentile(found.ms, 99),
        ratio_to_lookalike=round(p50_ms / our_ms, 3) if our_ms else None,
        ids_equal_sklearn=f"{sum(equal)}/{len(equal)}" if equal else None,
        **{stage: percentile([answer[stage] for answer in found.answers], 50) for stage in _STAGES},
        rows_refined=median(answer.get("rows_refined") for answer in found.answers),
        rows_exact=median(answer.get("rows_exact") for answer in found.answers),
        version=KINDS[name].versions(),
    )


def _photo(data: Data, folder: Path, options: argparse.Namespace) -> Path | None:
    """The file of the photo to ask with, None where embeddings ask."""
    if not options.image:
        return None
    if isinstance(options.image, Path):
        return Path(options.image)
    if data.photo is None:
        raise BenchError(f"There is no photo of {data.name}. Name one with --image, or the catalogue with --photos.")
    path = folder / "query-photo"
    path.write_bytes(data.photo)
    return path


def _prepare(name: str, data: Data, endpoint_url: str) -> str | None:
    """Put into S3 what a peer reads: None, or what stands in the way."""
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


def _asked(
    name: str,
    data: Data,
    number: int,
    folder: Path,
    photo: Path | None,
    options: argparse.Namespace,
    endpoint_url: str,
) -> dict[str, Any]:
    query = folder / "query.npy"
    np.save(query, data.queries[number])
    return {
        "engine": name,
        "bucket": BUCKET,
        "prefix": f"{data.path.stem}/",
        "dimensions": data.vectors.shape[1],
        "k": options.k,
        "query": str(query),
        "image": str(photo) if photo else None,
        "model_dir": str(options.model_dir),
        "threads": _MODEL_THREADS,
        "matrix": data.path.name,
        "lance": _lance(data),
        "storage_options": _storage_options(endpoint_url),
    }


def _start(asked: dict[str, Any], endpoint_url: str) -> tuple[dict[str, Any], float]:
    """One process: its answer, and milliseconds from its start to that. Raises BenchError."""
    environment = os.environ | {"AWS_ENDPOINT_URL": endpoint_url}
    command = [sys.executable, str(_FIRST_ANSWER), json.dumps(asked)]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout  # noqa: S101 - it was asked for
        line = child.stdout.readline()
        ms = (time.perf_counter() - started) * 1000
        _, problem = child.communicate(timeout=_TIMEOUT_S)
    if child.returncode or not line:
        raise BenchError(f"{asked['engine']} gave no first answer:\n{problem[-2000:]}")
    answer: dict[str, Any] = json.loads(line)
    return answer, ms
