"""A bucket that has photos already is the catalogue, by the steps of docs/existing-bucket.md, on the local stack."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import backfill
from scripts.common.template_yaml import yaml_parse
from scripts.local.intrinsics import ACCOUNT
from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
from tests.infra.translated import translated
from tests.support.local_api import COLOURS, photo
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = dict(re.findall(r"```json (\w+)\n(.*?)```", (ROOT / "docs" / "existing-bucket.md").read_text(), re.DOTALL))
BUCKET = "my-photos"


def block(name: str, **values: str) -> Any:
    """A block of the page, with values in the place of its capitals."""
    text = BLOCKS[name]
    for word, value in values.items():
        assert word in text
        text = text.replace(word, value)
    return json.loads(text)


class Shop:
    """The stack over a bucket that it did not make, and that had photos and product data before."""

    def __init__(self, stack: LocalStack, model_dir: Path) -> None:
        self.stack = stack
        self._model_dir = model_dir
        stack.s3.create_bucket(Bucket=BUCKET)
        for name in ("red", "green"):
            self.put(f"images/{name}.png", photo(COLOURS[name]))
        self.put("products/feed.csv", b"id,price\nred,12 EUR\n")
        self.put("invoices/2025.pdf", b"none of the stack's business")

    def put(self, key: str, data: bytes) -> None:
        self.stack.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def backfill(self) -> int:
        buckets = ["--catalogue-bucket", BUCKET, "--store-bucket", self.stack.template.outputs["StoreBucketName"]]
        place = ["--endpoint-url", self.stack.endpoint_url, "--region", "us-east-1"]
        return backfill.main(["--model", str(self._model_dir), "--threads", "1", *buckets, *place])

    def found(self) -> set[str]:
        """The products that a search finds."""
        request = urllib.request.Request(f"{self.stack.url}/api/search?k=10", photo(COLOURS["red"]))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return {item["product_id"] for item in json.load(answer)["results"]}
        except urllib.error.HTTPError as error:
            with error:
                return set()

    def get(self, path: str) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(f"{self.stack.url}{path}", timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


def wait_for(ask: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not ask():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name, value in (("AWS_ACCESS_KEY_ID", "nobody"), ("AWS_SECRET_ACCESS_KEY", "nothing")):
        monkeypatch.setenv(name, value)
    model_dir = write_tiny_model(tmp_path / "model", output={"l2_normalise": True})
    options = {"parameters": {"ExistingCatalogueBucket": BUCKET, "MaxStalenessSeconds": "0"}, "window_s": 1}
    with LocalStack(launcher=from_sources(model_dir), log_dir=tmp_path / "logs", **options) as stack:
        yield Shop(stack, model_dir)


def test_a_bucket_with_photos_becomes_the_catalogue_by_the_documented_steps(shop: Shop) -> None:
    assert shop.stack.catalogue_bucket == BUCKET
    (queue_arn,) = (queue.arn for queue in shop.stack.template.queues if queue.dead_letter_arn)
    shop.stack.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration=block("notifications", QUEUE_ARN=queue_arn)
    )
    shop.stack.s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration=block("cors"))
    assert shop.found() == set(), "what was there before sent no event"

    assert shop.backfill() == 0
    wait_for(lambda: shop.found() == {"red", "green"})
    assert json.loads(shop.get("/api/products/red")[1])["price"] == 12
    assert shop.get("/images/red.png") == (200, photo(COLOURS["red"]))
    assert shop.get("/invoices/2025.pdf")[0] == 404
    assert shop.get("/images/../invoices/2025.pdf")[0] == 404

    shop.put("images/blue.png", photo(COLOURS["blue"]))
    shop.put("products/feed.csv", b"id,price\nred,10 EUR\n")
    shop.stack.s3.delete_object(Bucket=BUCKET, Key="images/green.png")
    wait_for(lambda: shop.found() == {"red", "blue"})
    wait_for(lambda: json.loads(shop.get("/api/products/red")[1])["price"] == 10)


def test_the_documented_policy_is_what_the_stack_gives_its_own_bucket() -> None:
    resources = translated(yaml_parse((ROOT / "template.yaml").read_text("utf-8")))
    own = resources.resolved(resources["CatalogueBucketPolicy"])
    served = [item for item in own["PolicyDocument"]["Statement"] if item["Effect"] == "Allow"]
    distribution = own["PolicyDocument"]["Statement"][-1]["Condition"]["StringEquals"]["AWS:SourceArn"].split("/")[-1]
    named = {"ACCOUNT": ACCOUNT, "DISTRIBUTION_ID": distribution, BUCKET: own["Bucket"]}
    assert block("policy", **named)["Statement"] == served


def test_the_documented_events_are_those_of_the_stack_s_own_bucket() -> None:
    resources = translated(yaml_parse((ROOT / "template.yaml").read_text("utf-8")))
    own = {
        (item["Event"], item["Filter"]["S3Key"]["Rules"][0]["Value"])
        for item in resources["CatalogueBucket"]["NotificationConfiguration"]["QueueConfigurations"]
    }
    documented = block("notifications", QUEUE_ARN="arn")["QueueConfigurations"]
    assert own == {
        (event, item["Filter"]["Key"]["FilterRules"][0]["Value"]) for item in documented for event in item["Events"]
    }


def test_the_stack_makes_no_bucket_beside_it_and_keeps_the_functions_to_it() -> None:
    resources = translated(yaml_parse((ROOT / "template.yaml").read_text("utf-8")))
    for name in ("CatalogueBucket", "CatalogueBucketPolicy"):
        assert resources.whole(name)["Condition"] == "MakeCatalogue"
    for role in ("IngestRole", "QueryRole"):
        told = json.dumps(resources.resolved(resources[role]["Policies"], ExistingCatalogueBucket=BUCKET))
        assert f"arn:aws:s3:::{BUCKET}/images/*" in told
        assert "cataloguebucket" not in told
