"""How the built query function starts: when S3 is silent, and from a snapshot as SnapStart does it."""

import base64
import io
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scripts.local.isolated import INIT_LIMIT_S
from tests.support.api import event
from tests.support.built import built_at, built_with_s3


def photo(colour: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (60, 40), colour).save(stream, "PNG")
    return stream.getvalue()


def search(colour: str) -> dict[str, Any]:
    body = base64.b64encode(photo(colour)).decode()
    return event("POST /api/search", headers={"content-type": "image/png"}, body=body, isBase64Encoded=True)


@pytest.fixture
def silent_port() -> Any:
    """Connections to it are made, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as silent:
        yield silent.getsockname()[1]


def test_while_s3_is_silent_a_start_and_its_first_request_end_before_the_api_gives_up(
    silent_port: int, tmp_path: Path
) -> None:
    with built_at(tmp_path, silent_port) as built:
        began = time.monotonic()
        runner = built.runner("QueryFunction")
        assert runner.warm_up().error is None
        assert time.monotonic() - began < INIT_LIMIT_S
        response = built.call("QueryFunction", search("red"))
        took_s = time.monotonic() - began
    assert "INIT_REPORT" not in built.log("QueryFunction"), "the initialisation was not begun again"
    assert response["statusCode"] == 503
    assert json.loads(response["body"])["type"] == "urn:lookalike:problem:store-unavailable"
    assert response["headers"]["retry-after"] == "5"
    assert took_s < 29


def test_a_function_that_starts_from_a_snapshot_answers_with_what_came_since(tmp_path: Path) -> None:
    """Under Lambda's own runtime client, which runs the hooks before and after it would be frozen."""
    with built_with_s3(tmp_path, SnapStart="true", MaxStalenessSeconds="300") as built:
        built.take_in(photo("red"), photo("green"))
        runner = built.runner("QueryFunction")
        assert runner.warm_up().error is None
        built.take_in(photo("red"), photo("green"), photo("blue"))

        response = built.call("QueryFunction", search("blue"))

    assert response["statusCode"] == 200
    answer = json.loads(response["body"])
    assert answer["results"][0]["image_key"] == "images/2.jpg"
    assert answer["search"]["photos"] == 3
    log = built.log("QueryFunction")
    assert "Restore Duration: " in log
    assert "Init Duration: " not in log


def test_the_follower_starts_with_its_own_layers(tmp_path: Path) -> None:
    with built_with_s3(tmp_path, Engine="index", IndexName="a1", IndexDimensions="869") as built:
        built.take_in(photo("red"))
        done = built.call("FollowFunction", {})
    assert done["lacking_segments"] == 0, "nothing is full yet"
