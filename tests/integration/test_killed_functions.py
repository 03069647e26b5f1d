"""Photos that kill the ingest function, by time and by memory, and a data file that crashes it: the built functions, within limits
that are enforced.

The photos do it inside the model, the file while it is parsed, where nothing but the end of the function can stop them. The handler is the product's; a
module in front of it makes the model misbehave. The limits are smaller than in the template, and the times in the same proportion,
so that the test takes minutes.
"""

import io
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from samtranslator.yaml_helper import yaml_parse

from lookalike.batch import HIDDEN_TIMEOUTS
from scripts.local.stack import LocalStack
from tests.support.isolation import built_template_or_skip, isolation_or_skip
from tests.tiny_model import write_tiny_model

TIMEOUT_S = 5
MEMORY_MB = 512
WINDOW_S = 1
PHOTOS = 50
KILLERS = {7: b"time", 23: b"memory"}
FILES = {"products/crash.csv": b"crash", "products/sound.csv": b"id,price\n0,10\n"}

MISBEHAVING = """
import os, time
from lookalike import data_ingest
from lookalike.photos import embedder

read_feed = data_ingest.read_feed

def misbehaving_feed(lines, name, **options):
    if "crash" in name:
        os.abort()
    return read_feed(lines, name, **options)

data_ingest.read_feed = misbehaving_feed

embed = embedder.Embedder.embed

def misbehaving(self, images):
    for data in images:
        if data.endswith(b"time"):
            time.sleep(3600)
        if data.endswith(b"memory"):
            block = bytearray(os.urandom(1024)) * 1024 * 1024
            time.sleep(3600)
    return embed(self, images)

embedder.Embedder.embed = misbehaving

from product import handler
"""


def photo(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 60), (5 * number, 255 - 5 * number, 60)).save(file, "PNG")
    return file.getvalue() + KILLERS.get(number, b"")


def impatient_template(built: Path, folder: Path) -> Path:
    """The built template with the misbehaving function and short times."""
    code = folder / "function"
    shutil.copytree(built.parent / "IngestFunction", code)
    (code / "app.py").rename(code / "product.py")
    (code / "app.py").write_text(MISBEHAVING, encoding="utf-8")
    template = yaml_parse(built.read_text(encoding="utf-8"))
    for resource in template["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if isinstance(resource.get("Properties", {}).get(name), str):
                resource["Properties"][name] = str(built.parent / resource["Properties"][name])
    function = template["Resources"]["IngestFunction"]["Properties"]
    function |= {"CodeUri": str(code), "Timeout": TIMEOUT_S, "MemorySize": MEMORY_MB}
    function["Environment"]["Variables"] |= {"RESERVE_S": "1", "DATA_RESERVE_S": "2"}
    function["Events"]["Images"]["Properties"]["MaximumBatchingWindowInSeconds"] = WINDOW_S
    template["Resources"]["ImageQueue"]["Properties"]["VisibilityTimeout"] = HIDDEN_TIMEOUTS * TIMEOUT_S + WINDOW_S
    path = folder / "template.yaml"
    path.write_text(json.dumps(template), encoding="utf-8")
    return path


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    model_dir = write_tiny_model(tmp_path / "model", output={"l2_normalise": True})
    template = impatient_template(built_template_or_skip(), tmp_path)
    with (
        isolation_or_skip(model_dir) as isolation,
        LocalStack(
            launcher=isolation.launch,
            template=template,
            log_dir=tmp_path / "logs",
            parameters={"MaxStalenessSeconds": "1"},
        ) as stack,
    ):
        stack.wait_until_warm()
        yield stack


def call(url: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, data=body, headers={"Content-Type": "image/png"} if body else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return {"status": error.code}


def wait_for(condition: Callable[[], bool], timeout_s: float) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(1)


def messages(stack: LocalStack, *, dead: bool) -> int:
    """How many messages a queue holds, hidden ones included."""
    (arn,) = (queue.arn for queue in stack.template.queues if (queue.dead_letter_arn is None) is dead)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.sqs.get_queue_attributes(QueueUrl=stack.queue_urls[arn], AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def test_a_batch_survives_photos_and_a_file_that_kill_the_function(stack: LocalStack) -> None:
    for key, content in FILES.items():
        stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=key, Body=content)
    for number in range(PHOTOS):
        stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=f"images/{number}.png", Body=photo(number))

    wait_for(lambda: messages(stack, dead=False) == 0, timeout_s=600)

    answer = call(f"{stack.url}/api/search?k=50", photo(0))
    assert {item["product_id"] for item in answer["results"]} == {
        str(number) for number in range(PHOTOS) if number not in KILLERS
    }
    for number in KILLERS:
        (rejected,) = call(f"{stack.url}/api/products/{number}")["photos"]
        assert (rejected["status"], rejected["reason"]["code"]) == ("rejected", "ended-function")
        assert rejected["reason"]["detail"].startswith("Reading this photo ended the function")
    refused = {item["key"]: item["code"] for item in call(f"{stack.url}/api/rejected")["rejected"]}
    assert refused == {f"images/{number}.png": "ended-function" for number in KILLERS} | {
        "products/crash.csv": "ended-function"
    }
    assert call(f"{stack.url}/api/products/0")["price"] == 10
    assert messages(stack, dead=True) == 0
    store = stack.template.functions["IngestFunction"].environment["STORE_BUCKET"]
    names = [item["Key"] for item in stack.s3.list_objects_v2(Bucket=store)["Contents"]]
    assert not [name for name in names if "/attempts/" in name]
    log = stack.log_path("IngestFunction").read_text(encoding="utf-8")
    for reason in ("Task timed out", "Runtime.OutOfMemory", "signal: aborted"):
        assert reason in log
