"""Listings by S3 Inventory, in the forms in which AWS writes them."""

import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from lookalike.photos.catalogue import ListedPhoto
from scripts.cluster.inventory import bucket_and_key, open_inventory
from scripts.common.labels import InputError

PLACE = "s3://lists/catalogue/all/2026-11-25T01-00Z/manifest.json"
SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"
MARCH_MS = int(datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC).timestamp() * 1000)


def line(key: str, *, latest: str = "true", deleted: str = "false") -> list[str]:
    return [
        "catalogue",
        key,
        "v1",
        latest,
        deleted,
        "123",
        "2026-03-01T12:30:05.000Z",
        "d41d8cd98f00b204e9800998ecf8427e",
    ]


def csv_file(lines: Sequence[Sequence[str]]) -> bytes:
    return gzip.compress("\n".join(",".join(f'"{value}"' for value in values) for values in lines).encode())


def written(*files: bytes, kind: str = "CSV", schema: str = SCHEMA, **changes: Any) -> dict[tuple[str, str], bytes]:
    """The objects of an inventory, by bucket and key."""
    names = [f"catalogue/all/data/{number}" for number in range(len(files))]
    manifest = {
        "sourceBucket": "catalogue",
        "destinationBucket": "arn:aws:s3:::lists",
        "version": "2016-11-30",
        "creationTimestamp": "1772326800000",
        "fileFormat": kind,
        "fileSchema": schema,
        "files": [
            {"key": name, "size": len(data), "MD5checksum": hashlib.md5(data, usedforsecurity=False).hexdigest()}
            for name, data in zip(names, files, strict=True)
        ],
    } | changes
    return {
        ("lists", "catalogue/all/2026-11-25T01-00Z/manifest.json"): json.dumps(manifest).encode(),
        **{("lists", name): data for name, data in zip(names, files, strict=True)},
    }


def listed(objects: dict[tuple[str, str], bytes], prefix: str = "images/") -> list[ListedPhoto]:
    return list(open_inventory(PLACE, lambda bucket, key: objects[bucket, key]).photos(prefix))


def test_csv_files_give_the_keys_below_the_prefix_decoded() -> None:
    first = csv_file([line("images/red+shoe%2B1.jpg"), line("products/feed.csv"), line("images/m%C3%BCtze.jpg")])
    second = csv_file([line("images/4.jpg")])
    assert listed(written(first, second)) == [
        ListedPhoto("images/red shoe+1.jpg", MARCH_MS),
        ListedPhoto("images/mütze.jpg", MARCH_MS),
        ListedPhoto("images/4.jpg", MARCH_MS),
    ]
    assert listed(written(first, second), "images/4") == [ListedPhoto("images/4.jpg", MARCH_MS)]


def test_earlier_versions_and_deletions_are_no_photos() -> None:
    data = csv_file([line("images/1.jpg", latest="false"), line("images/2.jpg", deleted="true"), line("images/3.jpg")])
    assert listed(written(data)) == [ListedPhoto("images/3.jpg", MARCH_MS)]


def test_parquet_files_give_the_keys_as_they_are() -> None:
    file = io.BytesIO()
    columns = {
        "bucket": ["catalogue"] * 2,
        "key": ["images/a+b%20.jpg", "images/2.jpg"],
        "is_latest": [True, False],
        "is_delete_marker": [False, False],
        "size": [1, 2],
        "last_modified_date": pa.array([MARCH_MS] * 2, pa.timestamp("ms")),
    }
    parquet.write_table(pa.table(columns), file)
    schema = "message s3.inventory { required binary bucket (STRING); required binary key (STRING); }"
    assert listed(written(file.getvalue(), kind="Parquet", schema=schema)) == [
        ListedPhoto("images/a+b%20.jpg", MARCH_MS)
    ]


def test_the_inventory_says_of_which_bucket_it_is_and_when_it_was_made() -> None:
    objects = written()
    inventory = open_inventory(PLACE, lambda bucket, key: objects[bucket, key])
    assert (inventory.bucket, inventory.made) == ("catalogue", datetime(2026, 3, 1, 1, tzinfo=UTC))


def test_a_file_that_is_not_the_one_that_the_manifest_names_is_refused() -> None:
    objects = written(csv_file([line("images/1.jpg")]))
    objects["lists", "catalogue/all/data/0"] = csv_file([line("images/2.jpg")])
    with pytest.raises(InputError, match="is not the file that the manifest names"):
        listed(objects)


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        (written(schema="Bucket, Key, Size"), "last modified date"),
        (written(kind="ORC"), "in ORC: let S3 write CSV or Parquet"),
        (written(files=[{"name": "x"}]), "is no manifest.json"),
        ({("lists", "catalogue/all/2026-11-25T01-00Z/manifest.json"): b"key,size"}, "is no manifest.json"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(objects: dict[tuple[str, str], bytes], message: str) -> None:
    with pytest.raises(InputError, match=message):
        listed(objects)


@pytest.mark.parametrize("address", ["catalogue/images", "https://bucket/x", "s3://", "s3:///key"])
def test_an_address_that_is_not_in_s3_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="is no address in S3"):
        bucket_and_key(address)


def test_the_characters_of_a_key_are_kept() -> None:
    assert bucket_and_key("s3://bucket/images/a#1.jpg") == ("bucket", "images/a#1.jpg")
    assert bucket_and_key("s3://bucket") == ("bucket", "")
