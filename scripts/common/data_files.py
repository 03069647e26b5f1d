"""Files of product data on their way to the catalogue bucket."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from email.header import Header
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from lookalike.photos.catalogue import DATA_PREFIX
from lookalike.photos.metadata import decoded_metadata
from scripts.common.bucket import Bucket, StoredObject, chunks_of
from scripts.common.uploads import Step

SUFFIXES: Final = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".jsonl": "application/x-ndjson",
}


@dataclass(frozen=True, slots=True)
class DataToSend:
    """A file of product data: its name below ``products/``, and how to open it. ``id_column``: the one that names the product."""

    name: str
    open: Callable[[], BinaryIO]
    id_column: str | None = None

    @classmethod
    def of_bytes(cls, name: str, data: bytes, id_column: str | None = None) -> "DataToSend":
        """A file in memory. It gets the suffix of a CSV where it has none that is read."""
        fitting = name if PurePosixPath(name).suffix.lower() in SUFFIXES else f"{name}.csv"
        return cls(fitting, lambda: io.BytesIO(data), id_column)

    @classmethod
    def of_path(cls, path: Path, name: str, id_column: str | None = None) -> "DataToSend":
        return cls(name, lambda: path.open("rb"), id_column)

    @property
    def key(self) -> str:
        """The key in the catalogue bucket."""
        return f"{DATA_PREFIX}{self.name}"

    def send(self, bucket: Bucket, there: StoredObject | None, *, dry_run: bool) -> Step:
        """Bring the file into the bucket unless it is ``there`` with the same bytes and column. Raises botocore's errors."""
        metadata = {"id_column": header_value(self.id_column)} if self.id_column else {}
        with self.open() as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            if there and self._has_same_column(bucket) and bucket.holds(there, size, chunks_of(file)):
                return Step.SAME
            file.seek(0)
            if not dry_run:
                bucket.put(self.key, file, SUFFIXES[PurePosixPath(self.name).suffix.lower()], **metadata)
        return Step.CHANGED if there else Step.NEW

    def _has_same_column(self, bucket: Bucket) -> bool:
        head = bucket.s3.head_object(Bucket=bucket.name, Key=self.key)
        told = decoded_metadata(head["Metadata"]).get("id-column")
        return told == self.id_column


def header_value(text: str) -> str:
    """Text as S3 metadata carries it: RFC 2047 words if it is not ASCII or looks like such words."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    return Header(text, "utf-8").encode(linesep="").replace("\n", "")
