"""The commands `store` and `upload` find the stack, its region and its account as the other commands do."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lookalike.aws import S3Store
from lookalike.store import append_log
from scripts import store, upload
from tests.support.rows import LAYOUT, put

REGION = "eu-west-1"
SERVED, OLD = "ab" * 32, "cd" * 32
SAVED = f'[default.deploy.parameters]\nstack_name = "shop"\nregion = "{REGION}"\n'
Capture = pytest.CaptureFixture[str]


class Shop:
    """A stack of which samconfig.toml tells, with two stores, a photo to upload and a dead letter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.save(SAVED)
        names = ("Site", "Catalogue", "Store")
        resources: dict[str, Any] = {name: {"Type": "AWS::S3::Bucket"} for name in names}
        resources |= {"Dead": {"Type": "AWS::SQS::Queue"}}
        redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 1}
        resources["Queue"] = {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive}}
        outputs = {f"{name}BucketName": {"Ref": name} for name in names}
        outputs |= {"DeadLetterQueueUrl": {"Ref": "Dead"}, "SiteUrl": "https://x/", "DistributionId": "E1"}
        outputs["ModelFingerprint"] = SERVED
        template = {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}}
        client = boto3.client("cloudformation", region_name=REGION)
        client.create_stack(StackName="shop", TemplateBody=json.dumps(template))
        (made,) = client.describe_stacks(StackName="shop")["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
        self.s3: Any = boto3.client("s3", region_name=REGION)
        catalogue = self.outputs["CatalogueBucketName"]
        self.s3.put_bucket_versioning(Bucket=catalogue, VersioningConfiguration={"Status": "Enabled"})
        for fingerprint in (SERVED, OLD):
            append_log.append(self.store(fingerprint), [put("images/1.jpg", 1)], layout=LAYOUT)
        (folder / "photos").mkdir()
        (folder / "photos" / "1563.jpg").write_bytes(b"photo")

    def store(self, fingerprint: str) -> S3Store:
        return S3Store(self.s3, self.outputs["StoreBucketName"], f"{fingerprint}/")

    def save(self, text: str) -> None:
        (self.folder / "samconfig.toml").write_text(text)

    def run(self, command: str, *arguments: str) -> int:
        if command == "upload":
            return upload.main([str(self.folder / "photos"), "--project", str(self.folder), *arguments])
        return store.main([command, "--project", str(self.folder), *arguments])

    @property
    def uploaded(self) -> bool:
        return bool(self.keys())

    def keys(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.outputs["CatalogueBucketName"])
        return [item["Key"] for item in listed.get("Contents", ())]

    def photo(self, key: str) -> dict[str, str]:
        return {"Bucket": self.outputs["CatalogueBucketName"], "Key": key}

    def metadata(self, key: str) -> dict[str, str]:
        return self.s3.head_object(**self.photo(key))["Metadata"]

    def version(self, key: str) -> str:
        return self.s3.head_object(**self.photo(key))["VersionId"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    with mock_aws():
        yield Shop(tmp_path)


def test_the_buckets_and_the_queue_are_those_of_the_stack(shop: Shop, capsys: Capture) -> None:
    assert shop.run("upload") == 0
    assert shop.uploaded
    assert shop.run("stats", "--store", SERVED) == 0
    assert shop.run("fsck", "--store", OLD) == 0
    sqs = boto3.client("sqs", region_name=REGION)
    sqs.send_message(QueueUrl=shop.outputs["DeadLetterQueueUrl"], MessageBody="{}")
    capsys.readouterr()
    assert shop.run("redrive") == 0
    assert "1 messages are back" in capsys.readouterr().out


def test_buckets_and_queues_can_be_named_without_a_stack(shop: Shop) -> None:
    shop.save("")
    there = ("--region", REGION)
    assert shop.run("upload", "--bucket", shop.outputs["CatalogueBucketName"], *there) == 0
    assert shop.run("stats", "--bucket", shop.outputs["StoreBucketName"], "--store", OLD, *there) == 0
    assert shop.run("redrive", "--dead-letters", shop.outputs["DeadLetterQueueUrl"], *there) == 0


@pytest.mark.parametrize("command", ["upload", "stats", "redrive"])
@pytest.mark.parametrize(
    ("saved", "arguments", "told"),
    [
        ("", (), "--stack-name"),
        ("", ("--stack-name", "shop"), "--region"),
        (SAVED, ("--stack-name", "none"), "no stack none"),
        (SAVED, ("--profile", "nobody"), "--profile"),
        (SAVED + 'profile = "nobody"\n', (), "--profile"),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(
    shop: Shop, capsys: Capture, command: str, saved: str, arguments: tuple[str, ...], told: str
) -> None:
    shop.save(saved)
    assert shop.run(command, *arguments) in (1, 2)
    assert told in capsys.readouterr().err
    assert not shop.uploaded


def test_a_queue_that_is_not_there_is_told(shop: Shop, capsys: Capture) -> None:
    assert shop.run("redrive", "--dead-letters", f"https://sqs.{REGION}.amazonaws.com/123456789012/none") == 2
    assert "AWS refused: " in capsys.readouterr().err


def test_the_store_that_shoppers_are_answered_from_is_not_dropped(shop: Shop, capsys: Capture) -> None:
    bucket = shop.outputs["StoreBucketName"]
    for arguments in ((), ("--bucket", bucket)):
        assert shop.run("drop", "--store", SERVED, "--yes", *arguments) == 2
        assert "answers from" in capsys.readouterr().err
    assert shop.run("drop", "--store", OLD, "--yes") == 0
    assert list(shop.store(OLD).list("")) == []
    assert list(shop.store(SERVED).list("")) != []


def drop_of_another_bucket(shop: Shop) -> tuple[str, ...]:
    shop.s3.create_bucket(Bucket="another", CreateBucketConfiguration={"LocationConstraint": REGION})
    for fingerprint in (SERVED, OLD):
        append_log.append(S3Store(shop.s3, "another", f"{fingerprint}/"), [put("images/1.jpg", 1)], layout=LAYOUT)
    return ("--bucket", "another")


def drop_without_a_stack(shop: Shop) -> tuple[str, ...]:
    shop.save("")
    return ("--bucket", shop.outputs["StoreBucketName"], "--region", REGION)


@pytest.mark.parametrize("prepare", [drop_of_another_bucket, drop_without_a_stack])
def test_a_drop_that_cannot_know_what_is_served_takes_force(
    shop: Shop, capsys: Capture, prepare: Callable[[Shop], tuple[str, ...]]
) -> None:
    arguments = ("--store", OLD, "--yes", *prepare(shop))
    assert shop.run("drop", *arguments) == 2
    assert "--stack-name" in capsys.readouterr().err
    assert shop.run("drop", *arguments, "--force") == 0


def csv_of(shop: Shop, text: str) -> tuple[str, str]:
    path = shop.folder / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return ("--labels", str(path))


def photos_of(shop: Shop, *names: str) -> None:
    for name in names:
        path = shop.folder / "photos" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())


def test_a_row_too_long_for_s3_loses_a_value_and_stops_nothing(shop: Shop, capsys: Capture) -> None:
    text = f"id,story,name,colour\n1563,{'長' * 500},Shirt,blue\n1580,{'長' * 500},no photo,\n"
    assert shop.run("upload", *csv_of(shop, text)) == 0
    assert shop.metadata("images/1563.jpg") == {"name": "Shirt", "colour": "blue"}
    told = capsys.readouterr().out
    assert "1563 (story)" in told
    assert "1580 (story)" not in told


def test_resume_brings_changed_labels_to_photos_that_are_there(shop: Shop, capsys: Capture) -> None:
    photos_of(shop, "1580.jpg", "1590.jpg")
    before = "id,name,colour\n1563,Grüne Jacke,green\n1580,Shirt,blue\n1590,Jeans,blue\n"
    assert shop.run("upload", *csv_of(shop, before)) == 0
    written = {key: shop.version(key) for key in ("images/1563.jpg", "images/1580.jpg", "images/1590.jpg")}
    capsys.readouterr()
    after = "id,name,colour\n1563,Grüne Jacke,green\n1580,Hemd,\n"  # it says nothing of 1590
    assert shop.run("upload", "--resume", *csv_of(shop, after)) == 0
    assert shop.metadata("images/1580.jpg") == {"name": "Hemd"}
    assert shop.s3.get_object(**shop.photo("images/1580.jpg"))["Body"].read() == b"1580.jpg"
    assert shop.s3.head_object(**shop.photo("images/1580.jpg"))["ContentType"] == "image/jpeg"
    assert shop.metadata("images/1590.jpg") == {"name": "Jeans", "colour": "blue"}
    assert {key for key, version in written.items() if shop.version(key) != version} == {"images/1580.jpg"}
    assert ", 1 photo with new labels" in capsys.readouterr().out


def test_labels_tell_folders_of_categories_from_products(shop: Shop, capsys: Capture) -> None:
    (shop.folder / "photos" / "1563.jpg").unlink()
    photos_of(shop, "Shirts/1563.jpg", "Shirts/1564.jpg", "Shoes/1580.jpg")
    assert shop.run("upload", *csv_of(shop, "id,name\n1563,Shirt\n1580,Boot\n9,none\n")) == 0
    assert shop.keys() == ["images/1563.jpg", "images/1564.jpg", "images/1580.jpg"]
    told = capsys.readouterr().out
    assert "3 photos of 3 products, 2 of them labelled" in told
    assert "1564" in told
    assert "9" in told


def test_one_photo_is_uploaded_with_the_labels_of_a_column(shop: Shop, capsys: Capture) -> None:
    options = [*csv_of(shop, "sep=;\nEAN;name\n1563;Shirt\n"), "--id-column", "ean", "--project", str(shop.folder)]
    assert upload.main([str(shop.folder / "photos" / "1563.jpg"), *options]) == 0
    assert shop.metadata("images/1563.jpg") == {"name": "Shirt"}
    assert "1 photo of 1 product, 1 of them labelled." in capsys.readouterr().out


def test_what_is_left_out_is_told(shop: Shop, capsys: Capture) -> None:
    photos_of(shop, "again/1563.jpg", "note.txt", "1580.jfif")
    (shop.folder / "photos" / "again" / "1563.jpg").write_bytes(b"photo")
    assert shop.run("upload", *csv_of(shop, "id,name\n1563,Shirt\n")) == 0
    assert shop.keys() == ["images/1563.jpg", "images/1580.jfif"]
    told = capsys.readouterr().out
    assert "second copies of photos: 1, such as again/1563.jpg." in told
    assert "files without the suffix of a photo: 1, such as note.txt." in told
    assert "Products without labels: 1, such as 1580." in told
    assert shop.s3.head_object(**shop.photo("images/1580.jfif"))["ContentType"] == "image/jpeg"


def test_labels_that_match_no_product_stop_the_upload(shop: Shop, capsys: Capture) -> None:
    assert shop.run("upload", *csv_of(shop, "id,name\nA1,x\nA2,x\nA3,x\nA4,x\n")) == 2
    told = capsys.readouterr().err
    assert "A1, A2, A3" in told
    assert "A4" not in told
    assert "1563" in told
    assert not shop.uploaded
