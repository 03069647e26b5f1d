"""From one model to another on a stack that is being asked all the time: backfill, deploy, backfill again, drop.

Both models are of a few nodes. The old one is one network, the new one has three parts of different weights. Their distances are
nothing alike.
"""

import io
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.aws import S3Store
from lookalike.photos.embedder import Embedder
from lookalike.store import append_log
from lookalike.store.records import Op
from scripts.local.environment import aws_variables
from scripts.local.sources import from_sources
from scripts.local.stack import DeploymentError, LocalStack
from tests.tiny_model import write_tiny_model, write_tiny_parts

ROOT = Path(__file__).resolve().parents[2]
ASKED = (200, 90, 40)
PHOTOS = 30


def photo(colour: tuple[int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 60), colour).save(file, "PNG")
    return file.getvalue()


def colour(number: int) -> tuple[int, int, int]:
    return (20 + 7 * number, 240 - 5 * number, 37 * number % 256)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    old = write_tiny_model(folder / "old", output={"l2_normalise": True})
    new = write_tiny_parts(folder / "new", has_colour=True, part_weights={"category": 0.75, "colour": 1.5})
    return old, new


@pytest.fixture
def stack(models, tmp_path) -> Iterator[LocalStack]:
    options = {"parameters": {"MaxStalenessSeconds": "0"}, "window_s": 1}
    with LocalStack(launcher=from_sources(models[0]), log_dir=tmp_path / "logs", **options) as stack:
        yield stack


@dataclass
class Answer:
    status: int
    body: Any

    @property
    def model(self) -> str:
        return self.body["search"]["model"]

    @property
    def distances(self) -> dict[str, float]:
        return {item["product_id"]: item["distance"] for item in self.body["results"]}


def ask(stack: LocalStack) -> Answer:
    """Everything there is, by its distance from one colour."""
    request = urllib.request.Request(
        f"{stack.url}/api/search?k=100", data=photo(ASKED), headers={"Content-Type": "image/png"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, json.load(error))


@dataclass
class Shopper:
    """Asks again and again, and keeps every answer. In between it leaves the processor to the others for a moment."""

    stack: LocalStack
    answers: list[Answer] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Shopper":
        self._thread = threading.Thread(target=self._run, name="shopper")
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(0.01):
            try:
                self.answers.append(ask(self.stack))
            except OSError as error:
                self.answers.append(Answer(0, repr(error)))


@dataclass
class Shop:
    """The stack with its catalogue, and what it should hold: the colours of photos by product."""

    stack: LocalStack
    models: tuple[Path, Path]
    colours: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    ever: dict[str, set[tuple[int, int, int]]] = field(default_factory=dict)

    def put(self, product: str, shown: tuple[int, int, int]) -> None:
        self.colours[product] = shown
        self.ever.setdefault(product, set()).add(shown)
        self.stack.s3.put_object(
            Bucket=self.stack.catalogue_bucket,
            Key=f"images/{product}.png",
            Body=photo(shown),
            Metadata={"name": product},
        )

    def delete(self, product: str) -> None:
        del self.colours[product]
        self.stack.s3.delete_object(Bucket=self.stack.catalogue_bucket, Key=f"images/{product}.png")

    def distance(self, model: Path, shown: tuple[int, int, int]) -> float:
        embedder = Embedder(model, threads=1)
        asked, other = embedder.embed([photo(ASKED), photo(shown)])
        apart = np.asarray(asked, np.float64) - other
        parts = [np.linalg.norm(apart[columns]) for columns in embedder.layout.slices]
        return float(np.linalg.norm(embedder.layout.weights * parts))

    def expected(self, model: Path) -> dict[str, float]:
        return {
            product: pytest.approx(self.distance(model, shown), abs=1e-3) for product, shown in self.colours.items()
        }

    def command(self, name: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", f"scripts.{name}", *arguments, "--endpoint-url", self.stack.endpoint_url]

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **aws_variables(self.stack.endpoint_url)}

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(name, *arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def backfill_arguments(self) -> list[str]:
        buckets = ["--catalogue-bucket", self.stack.catalogue_bucket, "--store-bucket", self.store_bucket]
        return [*buckets, "--model", str(self.models[1]), "--threads", "1", "--batch", "4"]

    def backfill(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("backfill", *self.backfill_arguments, *arguments)

    @property
    def store_bucket(self) -> str:
        return self.stack.template.outputs["StoreBucketName"]

    def store(self, model: Path) -> S3Store:
        return S3Store(self.stack.s3, self.store_bucket, f"{fingerprint(model)}/")

    def rows(self, model: Path) -> Counter[tuple[str, Op]]:
        """How often each key was written to a store that has not been compacted, and as what."""
        store = self.store(model)
        segments = [append_log.read(store, entry.name) for entry in append_log.entries(store)]
        return Counter((held.name(row)[1], Op(held.op[row])) for held in segments for row in range(len(held)))


@pytest.fixture
def shop(stack, models) -> Shop:
    shop = Shop(stack, models)
    for number in range(PHOTOS):
        shop.put(f"p{number}", colour(number))
    stack.s3.put_object(Bucket=stack.catalogue_bucket, Key="images/zz-broken.png", Body=b"This is no photo.")
    wait_for(lambda: answers_as(stack, shop.expected(models[0])))
    return shop


def fingerprint(model: Path) -> str:
    return Embedder(model, threads=1).fingerprint


def answers_as(stack: LocalStack, expected: dict[str, Any]) -> bool:
    answer = ask(stack)
    return answer.status == 200 and answer.distances == expected


def wait_for(what: Callable[[], bool], timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def test_a_model_is_switched_while_shoppers_ask(shop: Shop, stack: LocalStack, models: tuple[Path, Path]) -> None:
    old, new = models
    with Shopper(stack) as shopper:
        planned = shop.backfill("--dry-run")
        assert planned.returncode == 0, planned.stderr
        assert f"{PHOTOS + 1} photos to embed, 0 changed, 0 gone, 0 done already" in planned.stdout
        assert not list(append_log.entries(shop.store(new)))

        # Killed on its way, and run again.
        slow = subprocess.Popen(
            shop.command("backfill", *shop.backfill_arguments, "--rate", "8"),
            env=shop.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(lambda: len(list(append_log.entries(shop.store(new)))) >= 2)
        slow.kill()
        slow.wait()
        begun = shop.rows(new)
        assert 8 <= len(begun) < PHOTOS
        shop.put("during", (10, 200, 90))
        shop.delete("p0")
        wait_for(lambda: answers_as(stack, shop.expected(old)))
        finished = shop.backfill()
        assert finished.returncode == 0, finished.stderr
        assert "1 rejected" in finished.stdout
        assert "  rejected: images/zz-broken.png: " in finished.stdout
        held = shop.rows(new)
        assert set(begun) <= set(held)
        assert max(held.values()) == 1, "nothing was done twice"
        assert {key for key, op in held if op is Op.PUT} >= {f"images/{product}.png" for product in shop.colours}
        assert ("images/zz-broken.png", Op.REJECT) in held

        # The old model is still the one that takes photos in.
        shop.put("between", (250, 250, 5))
        shop.put("p3", (3, 3, 3))
        shop.delete("p4")
        wait_for(lambda: answers_as(stack, shop.expected(old)))

        stack.deploy(from_sources(new))
        assert ask(stack).model == fingerprint(new)
        shop.put("after", (120, 0, 120))
        shop.delete("p5")
        wait_for(lambda: "after" in ask(stack).distances and "p5" not in ask(stack).distances)
        assert "between" not in ask(stack).distances, "who backfills but once misses it"

        again = shop.backfill()
        assert again.returncode == 0, again.stderr
        assert "scripts.store drop" in again.stdout
        wait_for(lambda: answers_as(stack, shop.expected(new)))
        nothing = shop.backfill()
        assert "0 photos to embed, 0 changed, 0 gone" in nothing.stdout

        dropped = shop.run("store", "drop", "--bucket", shop.store_bucket, "--store", fingerprint(old), "--yes")
        assert dropped.returncode == 0, dropped.stderr
        assert not list(shop.store(old).list(""))
        assert answers_as(stack, shop.expected(new))

    assert {answer.status for answer in shopper.answers} == {200}
    assert {answer.model for answer in shopper.answers} == {fingerprint(old), fingerprint(new)}
    told = [answer.model == fingerprint(new) for answer in shopper.answers]
    assert told == sorted(told), "once the new model has answered, the old one does not any more"
    possible = {
        fingerprint(model): {
            product: {shop.distance(model, shown) for shown in ever} for product, ever in shop.ever.items()
        }
        for model in models
    }
    for answer in shopper.answers:
        for product, distance in answer.distances.items():
            assert any(distance == pytest.approx(other, abs=1e-3) for other in possible[answer.model][product])
    assert stack.problem() is None


def test_what_does_not_start_is_not_deployed(
    shop: Shop, stack: LocalStack, models: tuple[Path, Path], tmp_path: Path
) -> None:
    before = stack.processes()

    with pytest.raises(DeploymentError, match=r"Function does not start: .*make model"):
        stack.deploy(from_sources(tmp_path / "no model"))

    assert answers_as(stack, shop.expected(models[0]))
    assert stack.processes().items() >= {name: pids for name, pids in before.items() if pids}.items()
