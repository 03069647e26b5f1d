"""The command `bulk` as a person runs it: workers of Ray, the local S3, and a model of a few nodes."""

import io
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lookalike.aws import S3Store, s3_client
from lookalike.compaction.compact import compact
from lookalike.follow import follow
from lookalike.index.opening import open_index
from lookalike.photos.model import ModelSpec
from lookalike.store import append_log
from lookalike.store.recall import newest
from lookalike.store.records import Op, Row
from scripts import backfill
from scripts.local import aws_server
from scripts.local.http_server import HttpServer, Request, Response, listen
from tests.support.indexed import EVERY_SEGMENT_FULL
from tests.tiny_model import write_tiny_model

REGION = "us-east-1"


@dataclass(frozen=True)
class Done:
    """How a command ended, and its output."""

    code: int
    out: str
    errors: str


class Commands:
    """A process that runs commands on its own Ray."""

    def __init__(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_"))}
        environment |= {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.bulk_commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def run(self, *arguments: str) -> Done:
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(arguments), file=self._process.stdin, flush=True)
        return Done(*json.loads(self._process.stdout.readline()))

    def kill_workers(self) -> None:
        """End the processes that embed."""
        for number in descendants(self._process.pid):
            if "MapWorker" in name_of(number):
                os.kill(number, signal.SIGKILL)

    def close(self) -> None:
        self._process.communicate(timeout=120)


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    commands = Commands()
    yield commands
    commands.close()


class Shop:
    """A catalogue in the local S3. ``on_read`` is called with the key of each photo that is read."""

    def __init__(self, folder: Path, commands: Commands) -> None:
        self._commands = commands
        self._server = HttpServer(listen(0), self._answer)
        self._server.start()
        self.endpoint_url = f"http://127.0.0.1:{self._server.port}"
        self.model = write_tiny_model(folder / "model")
        self.s3: Any = s3_client(endpoint_url=self.endpoint_url)
        self.on_read: Callable[[str], None] = lambda _: None
        self.catalogue, self.usual, self.bulk = (
            f"{name}-{uuid.uuid4().hex}" for name in ("catalogue", "usual", "bulk")
        )
        for bucket in (self.catalogue, self.usual, self.bulk):
            self.s3.create_bucket(Bucket=bucket)

    def _answer(self, request: Request) -> Response:
        if request.method == "GET" and request.path.startswith(f"/{self.catalogue}/images/"):
            self.on_read(request.path.removeprefix(f"/{self.catalogue}/"))
        return aws_server.answer(request)

    def put(self, key: str, data: bytes, **metadata: str) -> None:
        self.s3.put_object(Bucket=self.catalogue, Key=key, Body=data, Metadata=metadata)

    def embed(self, *arguments: str, prefix: str = "") -> Done:
        options = ["--store-bucket", self.bulk, "--model", str(self.model), "--endpoint-url", self.endpoint_url]
        return self._commands.run(
            "embed", f"s3://{self.catalogue}/{prefix}", *options, "--workers", "2", "--piece", "4", *arguments
        )

    def judge(self, *arguments: str) -> Done:
        options = ["--store-bucket", self.usual, "--model", str(self.model), "--endpoint-url", self.endpoint_url]
        return self._commands.run("judge", *options, "--workers", "2", *arguments)

    def backfill(self) -> int:
        buckets = ["--catalogue-bucket", self.catalogue, "--store-bucket", self.usual]
        return backfill.main(
            [*buckets, "--model", str(self.model), "--endpoint-url", self.endpoint_url, "--threads", "1"]
        )

    def segments(self, bucket: str) -> list[list[Row]]:
        store = S3Store(self.s3, bucket, f"{ModelSpec.load(self.model).fingerprint}/")
        found = [append_log.read(store, entry.name) for entry in append_log.entries(store)]
        return [[segment.row(row) for row in range(len(segment))] for segment in found]

    def rows(self, bucket: str) -> dict[str, Any]:
        """The newest row of each key, as values that compare."""
        newest: dict[str, Row] = {}
        for row in (row for segment in self.segments(bucket) for row in segment):
            newest[row.key] = max(newest.get(row.key, row), row, key=lambda row: row.order)
        return {
            key: (
                row.product_id,
                row.order,
                row.op,
                dict(row.detail),
                row.embedding is not None and row.embedding.tobytes(),
            )
            for key, row in newest.items()
        }

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commands: Commands) -> Iterator[Shop]:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    shop = Shop(tmp_path, commands)
    for number in range(20):
        shop.put(f"images/{number}.png", png(number), colour=str(number))
    yield shop
    shop.close()


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), (11 * number, 50, 50)).save(file, "PNG")
    return file.getvalue()


def descendants(parent: int) -> Iterator[int]:
    for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
        for number in map(int, tasks.read_text().split()):
            yield number
            yield from descendants(number)


def name_of(number: int) -> str:
    try:
        return Path(f"/proc/{number}/cmdline").read_text()
    except OSError:  # it ended
        return ""


def test_killed_workers_cost_no_photo_but_the_one_that_ends_them_all(shop: Shop, commands: Commands) -> None:
    shop.put("images/torn.png", b"no photo")
    assert shop.backfill() == 0
    killed: list[str] = []

    def on_read(key: str) -> None:
        """One worker ends by chance, and every one that reads a certain photo."""
        if key == "images/7.png" or (key == "images/15.png" and not killed):
            killed.append(key)
            commands.kill_workers()

    shop.on_read = on_read
    done = shop.embed("--workers", "1")
    assert done.code == 0
    assert "images/15.png" in killed
    assert "21 photos to embed" in done.out
    assert "19 photos embedded, 2 rejected, 0 gone, in " in done.out
    assert "  rejected: images/torn.png: " in done.out
    bulk, usual = shop.rows(shop.bulk), shop.rows(shop.usual)
    product_id, _, op, detail, _ = bulk.pop("images/7.png")
    assert (product_id, op, detail["code"]) == ("7", Op.REJECT, "ended-function")
    del usual["images/7.png"]
    assert bulk == usual
    assert len(shop.segments(shop.bulk)) == 3, (
        "one for all sound pieces, one for the photos of the other, one for the reject"
    )

    assert "0 photos to embed, 0 changed, 0 gone, 21 done already." in shop.embed().out


def test_the_judge_publishes_the_recall_of_an_index(shop: Shop, tmp_path: Path) -> None:
    assert shop.backfill() == 0
    spec = ModelSpec.load(shop.model)
    store = S3Store(shop.s3, shop.usual, f"{spec.fingerprint}/")
    place = f"lancedb:{tmp_path / 'index'}"
    index = open_index(place, spec.fingerprint, spec.layout)
    compact(store)
    follow(store, index, spec.layout, EVERY_SEGMENT_FULL)
    assert index.count() == 20

    done = shop.judge("--index", place, "--queries", "8")
    assert done.code == 0
    assert "8 photos of 20, each compared with all in " in done.out
    assert "The exact search: 8 of 8 answers are the nearest 5 products." in done.out
    assert f"The index {index.name}: recall@5 1.0000, with 95 % confidence between 0.6756 and 1.0000." in done.out
    measured = newest(store, index.name)
    assert measured
    assert (measured.at, measured.queries, measured.found, measured.wanted) == (5, 8, 40, 40)
