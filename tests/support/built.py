"""What `make build` left, run one function at a time, without queues, schedules and the API around it."""

import json
import re
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from moto.s3.models import s3_backends

from scripts.local import resources
from scripts.local.aws_server import answer
from scripts.local.http_server import HttpServer, listen
from scripts.local.isolated import Isolation
from scripts.local.runner import FunctionRunner
from scripts.local.template import read_template
from tests.support.isolation import built_template_or_skip, isolation_or_skip


class Built:
    """The built functions with an S3 on a local port, each in one process of its own. ``folder`` takes their logs."""

    def __init__(self, isolation: Isolation, folder: Path, port: int, parameters: Mapping[str, str] | None) -> None:
        self._isolation = isolation
        self._folder = folder
        self._endpoint_url = f"http://127.0.0.1:{port}"
        stack = read_template(built_template_or_skip(), endpoint_url=self._endpoint_url, parameters=parameters)
        self.functions = stack.functions
        self._catalogue = self.functions["IngestFunction"].environment["CATALOGUE_BUCKET"]
        self._s3 = resources.client("s3", self._endpoint_url)
        self._runners: dict[str, FunctionRunner] = {}

    def make_buckets(self) -> None:
        for name in ("CATALOGUE_BUCKET", "STORE_BUCKET"):
            self._s3.create_bucket(Bucket=self.functions["IngestFunction"].environment[name])

    def close(self) -> None:
        for runner in self._runners.values():
            runner.close()
        self._s3.close()

    def limit(self, name: str, variable: str) -> int:
        return int(self.functions[name].environment[variable])

    def call(self, name: str, message: Any) -> Any:
        result = self.runner(name).invoke(message)
        assert result.error is None, result.error
        return result.value

    def runner(self, name: str) -> FunctionRunner:
        if name not in self._runners:
            function = self.functions[name]
            launch = self._isolation.launch(function, self._endpoint_url, self._folder / name)
            self._runners[name] = FunctionRunner(function, launch)
        return self._runners[name]

    def take_in(self, *photos: bytes) -> Any:
        """Put photos into the catalogue and hand them to ingest as one batch."""
        keys = [f"images/{number}.jpg" for number in range(len(photos))]
        for key, photo in zip(keys, photos, strict=True):
            self._s3.put_object(Bucket=self._catalogue, Key=key, Body=photo)
        return self.call("IngestFunction", {"Records": [_notification(self._catalogue, key) for key in keys]})

    def log(self, name: str) -> str:
        return (self._folder / name).read_text("utf-8")

    def peak_mib(self, name: str) -> int:
        return max(int(found) for found in re.findall(r"Max Memory Used: (\d+) MB", self.log(name)))


@contextmanager
def built_with_s3(folder: Path, **parameters: str) -> Iterator[Built]:
    """The built functions with an empty S3; skips where nothing is built."""
    for backends in s3_backends.values():  # what an earlier test has put there: 300 MB of photos, perhaps
        for backend in backends.values():
            backend.reset()
    server = HttpServer(listen(0), answer)
    server.start()
    with closing(server), built_at(folder, server.port, **parameters) as built:
        built.make_buckets()
        yield built


@contextmanager
def built_at(folder: Path, port: int, **parameters: str) -> Iterator[Built]:
    """The built functions with whatever listens on a port for S3; skips where nothing is built."""
    with isolation_or_skip() as isolation, closing(Built(isolation, folder, port, parameters)) as built:
        yield built


def _notification(bucket: str, key: str) -> dict[str, Any]:
    item = {
        "eventName": "ObjectCreated:Put",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": urllib.parse.quote_plus(key)}},
    }
    attributes = {"ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": str(int(time.time() * 1000))}
    body = json.dumps({"Records": [item]})
    return {"messageId": key, "receiptHandle": key, "body": body, "attributes": attributes}
