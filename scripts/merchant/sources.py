"""What is to be uploaded: a folder, a zip or a photo of this machine, or the photos of a bucket."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lookalike.photos.catalogue import IMAGES_PREFIX
from scripts.common.bucket import Bucket, StoredObject
from scripts.common.catalogue import Catalogue, catalogue_of
from scripts.common.labels import InputError
from scripts.common.photos import Source, sorted_out

_SCHEME = "s3://"


@dataclass(frozen=True, slots=True)
class S3Folder:
    """A bucket and a prefix of its keys, "" or ending in a slash."""

    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "S3Folder | None":
        """The folder that ``s3://bucket/prefix`` names; None for another text. Raises InputError without a bucket."""
        if not text.startswith(_SCHEME):
            return None
        bucket, _, prefix = text.removeprefix(_SCHEME).partition("/")
        if not bucket:
            raise InputError(f"{text} names no bucket. Write s3://bucket/prefix.")
        return cls(bucket, prefix if not prefix or prefix.endswith("/") else f"{prefix}/")


@contextmanager
def open_bucket(
    s3: Any, folder: S3Folder, catalogue: str, labels: Path | None, id_column: str | None
) -> Iterator[Catalogue]:
    """The photos of a bucket, by ``catalogue_of``. ``catalogue``: the catalogue bucket. Raises InputError and botocore's errors."""
    if folder.bucket == catalogue and (
        IMAGES_PREFIX.startswith(folder.prefix) or folder.prefix.startswith(IMAGES_PREFIX)
    ):
        raise InputError(f"{_SCHEME}{folder.bucket}/{folder.prefix} is the catalogue itself, or a part of it.")
    stored: dict[str, StoredObject] = {}
    for item in Bucket(s3, folder.bucket).objects(folder.prefix):
        if not item.key.endswith("/"):  # an empty object that stands for a folder
            stored[item.key.removeprefix(folder.prefix)] = item
    if not stored:
        raise InputError(f"{_SCHEME}{folder.bucket}/{folder.prefix} is empty.")
    yield catalogue_of(_source(s3, stored), Path(folder.prefix.rstrip("/") or folder.bucket), labels, id_column)


def _source(s3: Any, stored: dict[str, StoredObject]) -> Source:
    return sorted_out(((name, partial(_read, s3, item)) for name, item in stored.items()), stored)


def _read(s3: Any, item: StoredObject) -> bytes:
    data: bytes = s3.get_object(Bucket=item.bucket, Key=item.key)["Body"].read()
    return data
