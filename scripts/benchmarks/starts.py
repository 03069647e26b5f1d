"""Cold starts of the built functions. `python -m scripts.bench starts --help` explains the figures."""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from email.message import Message
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from PIL import Image

from lookalike.aws import S3Store
from lookalike.photos.model import ModelSpec
from scripts.benchmarks.command import FUNCTIONS
from scripts.benchmarks.data import load_embeddings
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.results import spread
from scripts.benchmarks.stores import fill, fill_with, in_blocks
from scripts.local import resources
from scripts.local.api_event import to_event
from scripts.local.built import NotBuiltError, built_template
from scripts.local.calls import Result
from scripts.local.execution_environment import ExecutionEnvironment
from scripts.local.http_api import Route
from scripts.local.http_server import Request
from scripts.local.isolated import Isolation
from scripts.local.lambda_folders import NoRuntimeError
from scripts.local.runner import FunctionRunner
from scripts.local.s3 import local_s3
from scripts.local.schedule import scheduled_event
from scripts.local.template import Function, Template, read_template

_KEY: Final = "images/0.jpg"
# With this variable, the functions load their model and their store at the start, as on Lambda.
LOADS: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"


@dataclass(frozen=True, slots=True)
class Start:
    """One start: milliseconds until it was ready and of its first answer, MiB at the peak."""

    init_ms: float
    answer_ms: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Starter:
    """The S3, the log and the processes of all starts."""

    isolation: Isolation
    endpoint_url: str
    log_path: Path

    def start(self, function: Function, event: Mapping[str, Any]) -> Start:
        """Start a function and send it an event. Raises BenchError."""
        launch = self.isolation.launch(function, self.endpoint_url, self.log_path)
        environment = ExecutionEnvironment(launch)
        runner = FunctionRunner(function, launch, lambda _: environment)
        with closing(runner):
            self._check(function, runner.warm_up())
            sent = perf_counter()
            answer = runner.invoke(event)
            answer_ms = (perf_counter() - sent) * 1000
            self._check(function, answer)
            return Start(environment.init_ms, answer_ms, environment.peak_mb or 0)

    def import_ms(self, function: Function) -> float:
        """The time of a start that loads only modules. Raises BenchError."""
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


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line for each function. Raises BenchError."""
    try:
        yield from _measure(options)
    except (NotBuiltError, NoRuntimeError) as error:
        raise BenchError(str(error)) from error


def _measure(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with ExitStack() as undo:
        template = built_template()
        isolation = undo.enter_context(Isolation())
        log_path = Path(undo.enter_context(tempfile.TemporaryDirectory())) / "log"
        endpoint_url = undo.enter_context(local_s3())
        stack = read_template(template, endpoint_url=endpoint_url)
        s3 = undo.enter_context(closing(resources.client("s3", endpoint_url)))
        starter = Starter(isolation, endpoint_url, log_path)
        photo = BytesIO()
        Image.radial_gradient("L").resize((480, 640)).convert("RGB").save(photo, "JPEG")
        _prepare(stack, s3, photo.getvalue(), options)
        # A store is mostly compacted: its manifest has little beside it.
        starter.start(stack.functions["CompactFunction"], scheduled_event("cold-start"))
        events = _events(stack.outputs["CatalogueBucketName"], photo.getvalue())
        for name in options.function or FUNCTIONS:
            function = stack.functions[FUNCTIONS[name]]
            # In turn, so that both see the same machine.
            pairs = [
                (starter.import_ms(function), starter.start(function, events[name])) for _ in range(options.starts)
            ]
            yield {
                "bench": "starts",
                "function": name,
                "starts": options.starts,
                "import_ms": spread([imported for imported, _ in pairs]),
                "init_ms": spread([start.init_ms for _, start in pairs]),
                "answer_ms": spread([start.answer_ms for _, start in pairs]),
                "peak_mb": round(max(start.peak_mb for _, start in pairs)),
                "memory_mb": function.memory_mb,
            }


def _prepare(stack: Template, s3: Any, photo: bytes, options: argparse.Namespace) -> None:
    """Make the buckets, a photo, and a store of embeddings under the built model's fingerprint. Raises BenchError."""
    store, catalogue = stack.outputs["StoreBucketName"], stack.outputs["CatalogueBucketName"]
    for bucket in (store, catalogue):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=catalogue, Key=_KEY, Body=photo)
    folders = [layer / "model" for layer in stack.functions["QueryFunction"].layer_dirs]
    spec = ModelSpec.load(next(folder for folder in folders if folder.is_dir()))
    filled = S3Store(s3, store, f"{spec.fingerprint}/")
    if options.embeddings is None:
        fill(filled, options.rows, spec.layout.dimensions, layout=spec.layout)
        return
    vectors = load_embeddings(options.embeddings)
    if vectors.shape[1] != spec.layout.dimensions:
        raise BenchError(
            f"{options.embeddings} has {vectors.shape[1]} dimensions; the built model gives {spec.layout.dimensions}."
        )
    fill_with(filled, in_blocks(vectors), len(vectors), layout=spec.layout)


def _events(bucket: str, photo: bytes) -> dict[str, Mapping[str, Any]]:
    """The first event of each function."""
    headers = Message()
    headers["Content-Type"] = "image/jpeg"
    route = Route("POST", "/api/search", "QueryFunction")
    notification = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2025-01-01T00:00:00Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": _KEY}},
    }
    message = {
        "messageId": "cold-start",
        "receiptHandle": "cold-start",
        "body": json.dumps({"Records": [notification]}),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "ApproximateFirstReceiveTimestamp": str(time.time_ns() // 10**6),
        },
    }
    return {
        # Among random rows every match is weak, and would be searched for in several windows of the photo.
        "query": to_event(Request(route.method, f"{route.path}?regions=whole", headers, photo), route, {}, added={}),
        "ingest": {"Records": [message]},
        "compact": scheduled_event("cold-start"),
    }
