#!/usr/bin/env python3
"""How long the built functions take to start, as Lambda's runtime client starts them: a fresh process each time.

    python -m scripts.bench starts                                         random rows in a local S3 of its own
    python -m scripts.bench starts --rows 44441 --function query
    python -m scripts.bench starts --embeddings photos.npy                 float32 (rows, dimensions), as `make bench` leaves them
    python -m scripts.bench starts --endpoint-url http://127.0.0.1:9000    what a running `make demo` holds

Of each function, median (least to most):

    import   ms from the start of the process until it is ready, where it loads nothing but its modules
    init     ms where it loads all that it loads on Lambda, which allows ten seconds for it
    answer   ms of its answer to the first event: a photo to search with, a photo to take in, a turn of the schedule
    memory   MB of resident memory at the peak, of those that template.yaml gives it

Code and model are in the page cache from the second start on. The processors are this machine's: on Lambda a function
has its share of them by its memory, and more while it initialises.
"""

import argparse
import json
import statistics
import sys
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from email.message import Message
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image

from lookalike.aws import S3Store
from lookalike.photos.model import ModelSpec
from scripts.benchmarks.data import load_embeddings
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.stores import fill, fill_with, in_blocks
from scripts.local import resources
from scripts.local.api_event import to_event
from scripts.local.built import NotBuiltError, built_template
from scripts.local.calls import Result
from scripts.local.execution_environment import ExecutionEnvironment
from scripts.local.http_server import Request
from scripts.local.isolated import Isolation
from scripts.local.lambda_folders import NoRuntimeError
from scripts.local.runner import FunctionRunner
from scripts.local.s3 import local_s3
from scripts.local.schedule import scheduled_event
from scripts.local.template import Function, Route, Template, read_template

# Compaction last: its first start folds what the starts of ingest have appended.
FUNCTIONS: Final = {"query": "QueryFunction", "ingest": "IngestFunction", "compact": "CompactFunction"}
# The functions load their model and their store where Lambda starts them, which they know by this variable.
LOADS: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"


@dataclass(frozen=True, slots=True)
class Start:
    """One start: milliseconds until it was ready and of its first answer, MiB at the peak."""

    init_ms: float
    answer_ms: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Bench:
    """What all starts share."""

    isolation: Isolation
    endpoint_url: str
    log_path: Path

    def start(self, function: Function, event: Mapping[str, Any]) -> Start:
        """Start a function and have it answer. Raises BenchError."""
        launch = self.isolation.launch(function, self.endpoint_url, self.log_path)
        environment = ExecutionEnvironment(launch)
        runner = FunctionRunner(function, launch, lambda _: environment)
        with closing(runner):
            self._check(function, runner.warm_up())
            asked = perf_counter()
            answer = runner.invoke(event)
            answer_ms = (perf_counter() - asked) * 1000
            self._check(function, answer)
            return Start(environment.init_ms, answer_ms, environment.peak_mb or 0)

    def import_ms(self, function: Function) -> float:
        """How long a function takes to be ready where it loads only modules. Raises BenchError."""
        launch = self.isolation.launch(function, self.endpoint_url, self.log_path, without=[LOADS])
        environment = ExecutionEnvironment(launch)
        with closing(FunctionRunner(function, launch, lambda _: environment)) as runner:
            self._check(function, runner.warm_up())
            return environment.init_ms

    def _check(self, function: Function, result: Result) -> None:
        value = result.value if isinstance(result.value, Mapping) else {}
        problem = result.error or value.get("batchItemFailures") or (value.get("statusCode", 200) != 200 and value)
        if problem:
            log = self.log_path.read_text(encoding="utf-8")[-2000:]
            raise BenchError(f"{function.logical_id} answered {problem}. The end of its log:\n{log}")


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        for number, found in enumerate(measure(options)):
            if number == 0 and not options.json:
                print(f"{'':8} {'import':>22} {'init':>22} {'answer':>22} {'memory':>16}")
            print(json.dumps(found) if options.json else _line(found), flush=True)
    except (BenchError, NotBuiltError, NoRuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"The local S3 cannot be used: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=_count, default=10, help="starts of each function (10)")
    parser.add_argument("--function", choices=FUNCTIONS, action="append", help="only this one; may be repeated")
    store = parser.add_mutually_exclusive_group()
    store.add_argument("--rows", type=_count, default=1000, help="random rows to fill the store with (1000)")
    store.add_argument(
        "--embeddings", type=Path, metavar="FILE", help="a .npy file of embeddings to fill the store with"
    )
    store.add_argument("--endpoint-url", help="of the S3 of a running `make demo`, to measure with what it holds")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    return parser


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)


def measure(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """The figures of each function that is asked for. Raises BenchError, NotBuiltError and NoRuntimeError."""
    with ExitStack() as undo:
        template = built_template()
        isolation = undo.enter_context(Isolation())
        log_path = Path(undo.enter_context(tempfile.TemporaryDirectory())) / "log"
        endpoint_url = options.endpoint_url or undo.enter_context(local_s3())
        stack = read_template(template, endpoint_url=endpoint_url)
        s3 = undo.enter_context(closing(resources.client("s3", endpoint_url)))
        bench = Bench(isolation, endpoint_url, log_path)
        if options.endpoint_url is None:
            _prepare(stack, s3, options.rows, options.embeddings)
            # A store is mostly compacted: what is measured is a manifest with little beside it.
            bench.start(stack.functions["CompactFunction"], scheduled_event("cold-start"))
        events = _events(s3, stack.outputs["CatalogueBucketName"])
        for name in options.function or FUNCTIONS:
            function = stack.functions[FUNCTIONS[name]]
            # In turn, so that both see the same machine.
            pairs = [(bench.import_ms(function), bench.start(function, events[name])) for _ in range(options.starts)]
            yield {
                "function": name,
                "starts": options.starts,
                "import_ms": _spread([imported for imported, _ in pairs]),
                "init_ms": _spread([start.init_ms for _, start in pairs]),
                "answer_ms": _spread([start.answer_ms for _, start in pairs]),
                "peak_mb": round(max(start.peak_mb for _, start in pairs)),
                "memory_mb": function.memory_mb,
            }


def _prepare(stack: Template, s3: Any, rows: int, embeddings: Path | None) -> None:
    """Make the buckets, a photo, and a store of embeddings under the built model's fingerprint. Raises BenchError."""
    store, catalogue = stack.outputs["StoreBucketName"], stack.outputs["CatalogueBucketName"]
    for bucket in (store, catalogue):
        s3.create_bucket(Bucket=bucket)
    photo = BytesIO()
    Image.radial_gradient("L").resize((480, 640)).convert("RGB").save(photo, "JPEG")
    s3.put_object(Bucket=catalogue, Key="images/0.jpg", Body=photo.getvalue(), ContentType="image/jpeg")
    folders = [layer / "model" for layer in stack.functions["QueryFunction"].layer_dirs]
    spec = ModelSpec.load(next(folder for folder in folders if folder.is_dir()))
    filled = S3Store(s3, store, f"{spec.fingerprint}/")
    if embeddings is None:
        fill(filled, rows, spec.dimensions)
        return
    vectors = load_embeddings(embeddings)
    if vectors.shape[1] != spec.dimensions:
        raise BenchError(f"{embeddings} has {vectors.shape[1]} dimensions; the built model gives {spec.dimensions}.")
    fill_with(filled, in_blocks(vectors), len(vectors))


def _events(s3: Any, bucket: str) -> dict[str, Mapping[str, Any]]:
    """What each function is called with first; the photo is the bucket's first. Raises BenchError."""
    photos = s3.list_objects_v2(Bucket=bucket, Prefix="images/", MaxKeys=1).get("Contents", [])
    if not photos:
        raise BenchError("There is no photo in the catalogue bucket. Fill the demo first.")
    (photo,) = photos
    headers = Message()
    headers["Content-Type"] = "image/jpeg"
    body = s3.get_object(Bucket=bucket, Key=photo["Key"])["Body"].read()
    # The notification that S3 has sent of it, once more: taking it in again changes nothing.
    notification = {
        "eventName": "ObjectCreated:Put",
        "eventTime": photo["LastModified"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "s3": {"bucket": {"name": bucket}, "object": {"key": urllib.parse.quote_plus(photo["Key"])}},
    }
    return {
        "query": to_event(
            Request("POST", "/api/search", headers, body), Route("POST", "/api/search", "QueryFunction"), {}, added={}
        ),
        "ingest": {"Records": [{"messageId": "cold-start", "body": json.dumps({"Records": [notification]})}]},
        "compact": scheduled_event("cold-start"),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 1),
        "min": round(min(values), 1),
        "max": round(max(values), 1),
    }


def _line(found: Mapping[str, Any]) -> str:
    cells = [
        f"{found[name]['median']:,.0f} ({found[name]['min']:,.0f} to {found[name]['max']:,.0f})"
        for name in ("import_ms", "init_ms", "answer_ms")
    ]
    memory = f"{found['peak_mb']:,} of {found['memory_mb']:,}"
    return f"{found['function']:8} {cells[0]:>22} {cells[1]:>22} {cells[2]:>22} {memory:>16}"


if __name__ == "__main__":
    sys.exit(main())
