"""Listings that S3 Inventory writes: a manifest.json, and the files that it names, in CSV or Parquet.

To list a bucket takes a request for each thousand objects, one after the other. An inventory of it is there already, some hours old.
A photo that was deleted since is found to be gone when it is read; one that came since has its event.

Keys are URL-encoded in CSV and plain in Parquet. ORC is not read.
"""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote_plus, urlsplit

from lookalike.photos.catalogue import ListedPhoto
from scripts.common.labels import InputError

_NEEDED: Final = ("bucket", "key", "lastmodifieddate")
_BUCKET_ARN: Final = "arn:aws:s3:::"

Read = Callable[[str, str], bytes]
"""The bytes of an object, by bucket and key."""

Line = Mapping[str, Any]
"""The values of an object by their names: small letters without separators, as CSV and Parquet write them differently."""


def reader_of(client: Any) -> Read:
    """Reads objects by a client of S3."""

    def read(bucket: str, key: str) -> bytes:
        data: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    return read


def bucket_and_key(address: str) -> tuple[str, str]:
    """The parts of ``s3://bucket/key``. Raises InputError."""
    parts = urlsplit(address, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc or parts.query:
        raise InputError(f"{address} is no address in S3, such as s3://bucket/folder.")
    return parts.netloc, parts.path.removeprefix("/")


@dataclass(frozen=True, slots=True)
class _File:
    key: str
    md5: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """A manifest that was read. ``made``: when S3 began to list."""

    bucket: str
    made: datetime
    _in: str
    _files: tuple[_File, ...]
    _lines: Callable[[bytes], Iterator[Line]]
    _decoded: Callable[[str], str]
    _read: Read

    def photos(self, prefix: str) -> Iterator[ListedPhoto]:
        """The objects below a prefix, in the order of the files. Raises InputError, and what reading raises."""
        for file in self._files:
            data = self._read(self._in, file.key)
            if hashlib.md5(data, usedforsecurity=False).hexdigest() != file.md5:
                raise InputError(f"{file.key} of the inventory is not the file that the manifest names.")
            for line in self._lines(data):
                key = self._decoded(line["key"])
                if key.startswith(prefix) and _is_there(line):
                    yield ListedPhoto(key, _milliseconds(line["lastmodifieddate"]))


def open_inventory(address: str, read: Read) -> Inventory:
    """The inventory whose manifest.json is at ``s3://...``. Raises InputError, and what ``read`` raises."""
    place, key = bucket_and_key(address)
    try:
        fields = json.loads(read(place, key))
        lines: Callable[[bytes], Iterator[Line]]
        decoded: Callable[[str], str]
        names = [_plain(name) for name in fields["fileSchema"].split(",")]
        if fields["fileFormat"] == "Parquet":  # its schema is Parquet's own text, and each file has it
            lines, decoded = _parquet_lines, str
        elif fields["fileFormat"] == "CSV":
            missing = [name for name in _NEEDED if name not in names]
            if missing:
                raise InputError(
                    "The inventory does not have each object's last modified date: add it to the configuration."
                )
            lines, decoded = _csv_lines(names), unquote_plus
        else:
            raise InputError(f"The inventory is in {fields['fileFormat']}: let S3 write CSV or Parquet.")
        return Inventory(
            fields["sourceBucket"],
            datetime.fromtimestamp(int(fields["creationTimestamp"]) / 1000, UTC),
            fields["destinationBucket"].removeprefix(_BUCKET_ARN),
            tuple(_File(file["key"], file["MD5checksum"]) for file in fields["files"]),
            lines,
            decoded,
            read,
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(f"{address} is no manifest.json of S3 Inventory: {error!r}") from error


def _csv_lines(names: Sequence[str]) -> Callable[[bytes], Iterator[Line]]:
    def lines(data: bytes) -> Iterator[Line]:
        with gzip.open(io.BytesIO(data), "rt", encoding="utf-8", newline="") as file:
            for values in csv.reader(file):
                yield dict(zip(names, values, strict=True))

    return lines


def _parquet_lines(data: bytes) -> Iterator[Line]:
    from pyarrow import parquet

    file = parquet.ParquetFile(io.BytesIO(data))
    wanted = ("bucket", "key", "lastmodifieddate", "islatest", "isdeletemarker")
    columns = [name for name in file.schema_arrow.names if _plain(name) in wanted]
    if "lastmodifieddate" not in map(_plain, columns):
        raise InputError("The inventory does not have each object's last modified date: add it to the configuration.")
    for batch in file.iter_batches(columns=columns):
        for values in batch.to_pylist():
            yield {_plain(name): value for name, value in values.items()}


def _plain(name: str) -> str:
    return name.strip().replace("_", "").lower()


def _is_there(line: Line) -> bool:
    """Whether the line is of an object as it is now: an inventory of versions has the earlier ones and deletions, too."""
    return (
        str(line.get("islatest", True)).lower() == "true" and str(line.get("isdeletemarker", False)).lower() != "true"
    )


def _milliseconds(value: str | datetime) -> int:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
