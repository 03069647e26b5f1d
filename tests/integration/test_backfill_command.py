"""The command `backfill` as a person runs it: moto's AWS behind boto3, and a model of a few nodes."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from PIL import Image

from lookalike.aws import S3Catalogue, S3Store
from lookalike.errors import StoreUnavailable
from lookalike.photos.model import ModelSpec
from lookalike.store import append_log
from lookalike.store.records import Op
from scripts import backfill
from tests.support import data_files
from tests.tiny_model import write_tiny_model

REGION = "eu-west-1"
OUTPUTS = {
    "SiteUrl": {"Value": "https://looks.example.com/"},
    "DistributionId": {"Value": "E1"},
    "DeadLetterQueueUrl": {"Value": "https://sqs/dead"},
    **{f"{name}BucketName": {"Value": {"Ref": name}} for name in ("Site", "Catalogue", "Store")},
}
BUCKETS = {name: {"Type": "AWS::S3::Bucket"} for name in ("Site", "Catalogue", "Store")}


class Shop:
    """A stack with three photos, one of which is none."""

    def __init__(self, folder: Path) -> None:
        self.model = write_tiny_model(folder / "model")
        self._project = folder
        client = boto3.client("cloudformation", region_name=REGION)
        client.create_stack(StackName="shop", TemplateBody=json.dumps({"Resources": BUCKETS, "Outputs": OUTPUTS}))
        (made,) = client.describe_stacks(StackName="shop")["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
        self.s3: Any = boto3.client("s3", region_name=REGION)
        for number in range(2):
            file = io.BytesIO()
            Image.new("RGB", (9, 9), (90 * number, 50, 50)).save(file, "PNG")
            self.put(f"images/{number}.png", file.getvalue())
        self.put("images/torn.png", b"no photo")

    def put(self, key: str, data: bytes) -> None:
        self.s3.put_object(Bucket=self.outputs["CatalogueBucketName"], Key=key, Body=data)

    def run(self, *arguments: str) -> int:
        given = ["--model", str(self.model), "--threads", "1", "--project", str(self._project)]
        return backfill.main([*given, *arguments])

    def segments(self) -> int:
        fingerprint = ModelSpec.load(self.model).fingerprint
        return len(append_log.entries(S3Store(self.s3, self.outputs["StoreBucketName"], f"{fingerprint}/")))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    with mock_aws():
        yield Shop(tmp_path)


IN_STACK = ("--stack-name", "shop", "--region", REGION)


def test_the_stack_tells_the_buckets(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.run(*IN_STACK, "--dry-run") == 0
    assert "3 photos to embed, 0 changed, 0 gone, 0 done already" in capsys.readouterr().out
    assert shop.segments() == 0

    assert shop.run(*IN_STACK) == 0
    told = capsys.readouterr()
    assert "2 photos embedded, 1 rejected, 0 gone." in told.out
    assert "  rejected: images/torn.png: " in told.out
    assert "make deploy MODEL=" in told.out
    assert "scripts.store drop" not in told.out, "there is no other store"
    assert "backfilled: 3 of 3 photos" in told.err

    assert shop.run(*IN_STACK) == 0
    assert "0 photos to embed, 0 changed, 0 gone, 3 done already" in capsys.readouterr().out
    assert shop.segments() == 1


def test_buckets_can_be_named_instead(shop: Shop) -> None:
    catalogue, store = (shop.outputs[f"{name}BucketName"] for name in ("Catalogue", "Store"))
    assert shop.run("--catalogue-bucket", catalogue, "--store-bucket", store, "--region", REGION) == 0
    assert shop.segments() == 1


def test_other_stores_are_named_with_the_command_that_drops_them(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.s3.put_object(Bucket=shop.outputs["StoreBucketName"], Key=f"{'ab' * 32}/segments/x", Body=b"")
    shop.run(*IN_STACK)
    command = f"scripts.store drop --bucket {shop.outputs['StoreBucketName']} --store {'ab' * 32}"
    command += f" --stack-name shop --region {REGION}"
    assert command in capsys.readouterr().out


def test_what_s3_does_not_give_is_left_for_the_next_run(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = S3Catalogue.photo

    def photo(catalogue: S3Catalogue, key: str, *, max_bytes: int) -> Any:
        if key == "images/1.png":
            raise StoreUnavailable("S3 answered SlowDown")
        return read(catalogue, key, max_bytes=max_bytes)

    with monkeypatch.context() as patch:
        patch.setattr(S3Catalogue, "photo", photo)
        assert shop.run(*IN_STACK) == 1
    told = capsys.readouterr()
    assert "  not read: images/1.png: S3 answered SlowDown" in told.out
    assert "Objects that could not be read: 1. Run this again" in told.err

    assert shop.run(*IN_STACK) == 0
    assert "1 photos embedded" in capsys.readouterr().out


def test_product_data_is_taken_in_where_the_store_lacks_it(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    products = S3Store(shop.s3, shop.outputs["StoreBucketName"], "products/")
    shop.put("products/", b"")
    shop.put("products/été + prix.csv", b"id,price\n0,10\n,11\n")
    shop.put("products/notes.pdf", b"%PDF")
    assert shop.run(*IN_STACK) == 0
    told = capsys.readouterr().out
    assert "2 files to read, 0 changed, 0 gone, 0 done already" in told
    assert "2 data files with 2 rows, of which 1 are bad." in told
    assert "  rejected: products/notes.pdf: " in told
    assert data_files.products(products, "products/été + prix.csv") == {"0": {"price": 10.0}}

    shop.s3.delete_object(Bucket=shop.outputs["CatalogueBucketName"], Key="products/notes.pdf")
    assert shop.run(*IN_STACK) == 0
    told = capsys.readouterr().out
    assert "0 files to read, 0 changed, 1 gone, 1 done already" in told
    assert "0 photos embedded" in told
    assert data_files.states(products)["products/notes.pdf"].op is Op.DELETE


@pytest.mark.parametrize("trouble", [StoreUnavailable("S3 did not answer"), KeyboardInterrupt()], ids=repr)
def test_a_run_that_is_cut_short_says_what_is_safe(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trouble: BaseException
) -> None:
    ingest, calls = backfill.ingest, []

    def second_fails(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise trouble
        return ingest(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(backfill, "ingest", second_fails)
        assert shop.run(*IN_STACK, "--batch", "1") == 1
    assert "The photos embedded so far are in the store. Run this again" in capsys.readouterr().err

    assert shop.run(*IN_STACK) == 0
    assert "2 photos to embed, 0 changed, 0 gone, 1 done already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Which stack?"),
        (("--stack-name", "none", "--region", REGION), "no stack none"),
        (("--store-bucket", "none", "--catalogue-bucket", "none", "--region", REGION), "NoSuchBucket"),
        ((*IN_STACK, "--model", "nowhere"), "Run `make model` first"),
    ],
)
def test_what_it_cannot_begin_is_told_in_a_line(
    shop: Shop, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert shop.run(*arguments) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert told.out == ""


@pytest.mark.parametrize("option", ["--rate=0", "--rate=nan", "--batch=0", "--threads=-1"])
def test_numbers_that_mean_nothing_are_refused(option: str) -> None:
    with pytest.raises(SystemExit) as ended:
        backfill.main([option])
    assert ended.value.code == 2
