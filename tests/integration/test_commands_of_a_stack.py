"""The commands `store` and `catalogue` find the stack, its region and its account as the other commands do."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lookalike.aws import S3Store
from lookalike.store import append_log
from scripts import catalogue, store
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
        outputs |= {
            "QueueUrl": {"Ref": "Queue"},
            "DeadLetterQueueUrl": {"Ref": "Dead"},
            "SiteUrl": "https://x/",
            "DistributionId": "E1",
        }
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
            return catalogue.main(["upload", str(self.folder / "photos"), "--project", str(self.folder), *arguments])
        if command == "status":
            return catalogue.main([command, "--project", str(self.folder), *arguments])
        return store.main([command, "--project", str(self.folder), *arguments])

    @property
    def queue_arn(self) -> str:
        answer = boto3.client("sqs", region_name=REGION).get_queue_attributes(
            QueueUrl=self.outputs["QueueUrl"], AttributeNames=["QueueArn"]
        )
        return str(answer["Attributes"]["QueueArn"])

    @property
    def uploaded(self) -> bool:
        return bool(self.keys())

    def keys(self) -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.outputs["CatalogueBucketName"])
        return [item["Key"] for item in listed.get("Contents", ())]

    def has(self, key: str) -> bool:
        return key in set(self.keys())

    def photo(self, key: str) -> dict[str, str]:
        return {"Bucket": self.outputs["CatalogueBucketName"], "Key": key}

    def text(self, key: str) -> str:
        body: bytes = self.s3.get_object(**self.photo(key))["Body"].read()
        return body.decode()

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
    assert catalogue.main(["retry", "--all", "--project", str(shop.folder)]) == 0
    assert "1 dead letter went" in capsys.readouterr().out
    assert sqs.receive_message(QueueUrl=shop.outputs["QueueUrl"])["Messages"][0]["Body"] == "{}"
    assert catalogue.main(["status", "--json", "--project", str(shop.folder)]) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["photos"], status["store"]["searchable"]) == ({"in_bucket": 1, "pending": 1}, 1)


def test_buckets_and_queues_can_be_named_without_a_stack(shop: Shop) -> None:
    shop.save("")
    there = ("--region", REGION)
    assert shop.run("upload", "--bucket", shop.outputs["CatalogueBucketName"], *there) == 0
    assert shop.run("stats", "--bucket", shop.outputs["StoreBucketName"], "--store", OLD, *there) == 0
    buckets = (shop.outputs["CatalogueBucketName"], shop.outputs["StoreBucketName"])
    shop.s3.put_bucket_notification_configuration(
        Bucket=buckets[0],
        NotificationConfiguration={
            "QueueConfigurations": [{"QueueArn": shop.queue_arn, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    assert (
        catalogue.main(["retry", "--all", "--bucket", buckets[0], "--store-bucket", buckets[1], "--store", OLD, *there])
        == 0
    )


@pytest.mark.parametrize("command", ["upload", "stats", "status"])
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


def test_changed_labels_are_sent_and_touch_no_photo(shop: Shop, capsys: Capture) -> None:
    photos_of(shop, "00580.jpg")
    assert shop.run("upload", *csv_of(shop, "id;name\n1563;Grüne Jacke\n580;Shirt\n")) == 0
    assert shop.text("products/labels.csv") == "id;name\n1563;Grüne Jacke\n00580;Shirt\n"  # the ids of the photos
    written = {key: shop.version(key) for key in list(shop.keys())}
    capsys.readouterr()
    assert shop.run("upload", *csv_of(shop, "id;name\n1563;Grüne Jacke\n580;Hemd\n")) == 0
    assert {key for key, version in written.items() if shop.version(key) != version} == {"products/labels.csv"}
    told = capsys.readouterr().out
    assert "products/labels.csv: replaced." in told
    assert "0 new photos sent, 0 replaced, 2 skipped" in told


def test_what_the_source_lacks_is_deleted_where_that_is_wanted(shop: Shop, capsys: Capture) -> None:
    names = [f"{number}.jpg" for number in range(1, 20)]
    photos_of(shop, *names)
    assert shop.run("upload") == 0
    (shop.folder / "photos" / "1.jpg").unlink()
    assert shop.run("upload", "--delete-missing", "--dry-run") == 0
    assert "Photos that the source lacks: 1, would be deleted" in capsys.readouterr().out
    assert shop.has("images/1.jpg")
    assert shop.run("upload") == 0
    assert shop.has("images/1.jpg")
    assert shop.run("upload", "--delete-missing") == 0
    assert shop.keys() == sorted(f"images/{name}" for name in [*names[1:], "1563.jpg"])
    for name in names[1:]:
        (shop.folder / "photos" / name).unlink()
    assert shop.run("upload", "--delete-missing") == 2  # nobody is there to be asked
    assert "lacks 18 of the 19 photos" in capsys.readouterr().err
    assert len(shop.keys()) == 19
    assert shop.run("upload", "--delete-missing", "--yes") == 0
    assert shop.keys() == ["images/1563.jpg"]


def test_the_photos_of_another_bucket_are_copied(shop: Shop, capsys: Capture) -> None:
    shop.s3.create_bucket(Bucket="old", CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in ("shop/Shirts/1563.jpg", "shop/Hats/1580.jpg", "shop/Hats/", "other/1.jpg"):
        shop.s3.put_object(Bucket="old", Key=key, Body=key.encode(), Metadata={"note": "old"})
    shop.s3.put_object(Bucket="old", Key="shop/styles.csv", Body=b"id,name\n1563,Shirt\n1580,Hat\n")
    arguments = ["upload", "s3://old/shop", "--project", str(shop.folder)]
    assert catalogue.main(arguments) == 0
    assert shop.keys() == ["images/1563.jpg", "images/1580.jpg", "products/styles.csv"]
    copied = shop.s3.get_object(**shop.photo("images/1580.jpg"))
    assert (copied["Body"].read(), copied["ContentType"]) == (b"shop/Hats/1580.jpg", "image/jpeg")
    assert copied["Metadata"] == {"note": "old"}
    shop.s3.put_object(Bucket="old", Key="shop/Hats/1580.jpg", Body=b"newer")
    capsys.readouterr()
    assert catalogue.main([*arguments, "--dry-run"]) == 0
    assert catalogue.main(arguments) == 0
    told = capsys.readouterr().out
    assert "0 new photos would be sent, 1 would be replaced, 1 skipped" in told
    assert "0 new photos sent, 1 replaced, 1 skipped" in told
    bucket = shop.outputs["CatalogueBucketName"]
    for source in (f"s3://{bucket}", f"s3://{bucket}/images/1563", "s3://", "s3://old/none"):
        assert catalogue.main(["upload", source, "--project", str(shop.folder)]) == 2


def test_labels_tell_folders_of_categories_from_products(shop: Shop, capsys: Capture) -> None:
    (shop.folder / "photos" / "1563.jpg").unlink()
    photos_of(shop, "Shirts/1563.jpg", "Shirts/1564.jpg", "Shoes/1580.jpg")
    assert shop.run("upload", *csv_of(shop, "id,name\n1563,Shirt\n1580,Boot\n9,none\n")) == 0
    assert shop.keys() == ["images/1563.jpg", "images/1564.jpg", "images/1580.jpg", "products/labels.csv"]
    told = capsys.readouterr().out
    assert "3 photos of 3 products, 2 of them labelled" in told
    assert "1564" in told
    assert "9" in told


def test_one_photo_is_uploaded_with_the_labels_of_a_column(shop: Shop, capsys: Capture) -> None:
    options = [*csv_of(shop, "sep=;\nEAN;name\n1563;Shirt\n"), "--id-column", "ean", "--project", str(shop.folder)]
    assert catalogue.main(["upload", str(shop.folder / "photos" / "1563.jpg"), *options]) == 0
    assert shop.text("products/labels.csv") == "sep=;\nEAN;name\n1563;Shirt\n"
    assert shop.s3.head_object(**shop.photo("products/labels.csv"))["Metadata"] == {"id-column": "ean"}
    assert "1 photo of 1 product, 1 of them labelled." in capsys.readouterr().out


def test_what_is_left_out_is_told(shop: Shop, capsys: Capture) -> None:
    photos_of(shop, "again/1563.jpg", "note.txt", "1580.jfif")
    (shop.folder / "photos" / "again" / "1563.jpg").write_bytes(b"photo")
    assert shop.run("upload", *csv_of(shop, "id,name\n1563,Shirt\n")) == 0
    assert shop.keys() == ["images/1563.jpg", "images/1580.jfif", "products/labels.csv"]
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
