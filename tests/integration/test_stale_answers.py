"""The local stack while its S3 is silent: answers go on from memory, say their age, and end with the grace period."""

import io
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scripts.local import stack as local_stack
from scripts.local.execution_environment import Launch
from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
from scripts.local.template import Function
from tests.tiny_model import write_tiny_model

STALE_IF_ERROR_S = 8
GRACE_S = str(60 + STALE_IF_ERROR_S)


def photo() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 60), (220, 20, 20)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStack]:
    """With one process for queries, so that each of them meets the snapshot of the one before."""
    monkeypatch.setattr(local_stack, "_QUERY_PROCESSES", 1)
    inner = from_sources(write_tiny_model(tmp_path / "model", output={"l2_normalise": True}))

    def launcher(function: Function, endpoint_url: str, log: Path) -> Launch:
        return inner(replace(function, environment={**function.environment, "GRACE_S": GRACE_S}), endpoint_url, log)

    options = {"parameters": {"MaxStalenessSeconds": "1"}, "window_s": 1}
    with LocalStack(launcher=launcher, log_dir=tmp_path / "logs", **options) as stack:
        yield stack


@contextmanager
def silent(stack: LocalStack) -> Iterator[None]:
    """S3 accepts connections and says nothing."""
    os.kill(stack.aws.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(stack.aws.process.pid, signal.SIGCONT)


def search(stack: LocalStack) -> tuple[int, Any, float]:
    """The status, the answer, and how long it took in seconds."""
    request = urllib.request.Request(f"{stack.url}/api/search", data=photo(), headers={"Content-Type": "image/png"})
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = json.load(answer)
            assert int(answer.headers["Lookalike-Snapshot-Age"]) == int(body["search"]["snapshot_age_s"])
            return answer.status, body, time.monotonic() - began
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), time.monotonic() - began


def test_answers_go_on_while_s3_is_silent_and_end_with_the_grace_period(stack: LocalStack) -> None:
    stack.s3.put_object(Bucket=stack.catalogue_bucket, Key="images/red.png", Body=photo())
    until = time.monotonic() + 60
    while search(stack)[0] != 200:
        assert time.monotonic() < until
        time.sleep(0.2)

    with silent(stack):
        time.sleep(1.5)
        status, body, took_s = search(stack)
        assert (status, body["results"][0]["product_id"]) == (200, "red")
        first_age_s = body["search"]["snapshot_age_s"]
        assert first_age_s > 1.5
        assert took_s < 4, "it waited for S3, but not for long"

        status, body, took_s = search(stack)
        assert (status, body["results"][0]["product_id"]) == (200, "red")
        assert body["search"]["snapshot_age_s"] > first_age_s
        assert took_s < 1, "S3 was not asked again"

        time.sleep(STALE_IF_ERROR_S)
        status, body, took_s = search(stack)
        assert (status, body["type"]) == (503, "urn:lookalike:problem:store-unavailable")
        assert took_s < 29

    status, body, _ = search(stack)
    assert status == 200
    assert body["search"]["snapshot_age_s"] < 1.5
