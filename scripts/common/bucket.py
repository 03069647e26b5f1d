"""The catalogue bucket, as the commands of a merchant write to it."""

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, BinaryIO, Final

from botocore.config import Config
from botocore.exceptions import ClientError

from lookalike.photos.catalogue import IMAGES_PREFIX

_DELETED_AT_ONCE: Final = 1000  # S3 takes no more
_HASHED_AT_ONCE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a bucket as a listing has it. ``modified_ms``: milliseconds since 1970; S3 lists whole seconds."""

    bucket: str
    key: str
    etag: str
    size: int
    modified_ms: int


def s3_client(session: Any, endpoint_url: str | None = None, *, connections: int = 16) -> Any:
    """A client for S3, of a boto3.Session. ``connections``: as many calls run at once."""
    config = Config(max_pool_connections=connections, retries={"mode": "standard", "total_max_attempts": 8})
    s3 = session.client("s3", endpoint_url=endpoint_url, config=config)
    # Photos are small: to ask whether one may be sent takes as long as to send it.
    s3.meta.events.register_last("before-call.s3.PutObject", _without_expect, unique_id="upload-without-expect")
    return s3


def _without_expect(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)


class Bucket:
    """One bucket. Every call may raise botocore's errors."""

    def __init__(self, s3: Any, name: str) -> None:
        self.s3 = s3
        self.name = name

    def objects(self, prefix: str = IMAGES_PREFIX) -> Iterator[StoredObject]:
        """The objects below a prefix, ascending by key."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                modified_ms = int(item["LastModified"].timestamp() * 1000)
                yield StoredObject(self.name, item["Key"], item["ETag"].strip('"'), item["Size"], modified_ms)

    def put(self, key: str, body: bytes | BinaryIO, content_type: str, **metadata: str) -> None:
        """Write an object. Metadata: names with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in metadata.items()}
        self.s3.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type, Metadata=named)

    def copy(self, source: StoredObject, key: str, content_type: str) -> None:
        """Copy an object of this or another bucket: its bytes stay within S3. What the source has as metadata goes along."""
        # Only a copy with new metadata can set the type; a source that says nothing of its type is no picture to a browser.
        head = self.s3.head_object(Bucket=source.bucket, Key=source.key)
        told = head.get("ContentType", "")
        self.s3.copy_object(
            Bucket=self.name,
            Key=key,
            CopySource={"Bucket": source.bucket, "Key": source.key},
            CopySourceIfMatch=head["ETag"],
            MetadataDirective="REPLACE",
            Metadata=head["Metadata"],
            ContentType=told if told.startswith("image/") else content_type,
        )

    def delete(self, keys: Sequence[str]) -> Iterator[int]:
        """Delete objects; yields the number of those that are gone after each request. Raises ClientError where S3 keeps one."""
        for group in batched(keys, _DELETED_AT_ONCE):
            listed = {"Objects": [{"Key": key} for key in group], "Quiet": True}
            answer = self.s3.delete_objects(Bucket=self.name, Delete=listed)
            for error in answer.get("Errors", ()):
                raise ClientError({"Error": error}, "DeleteObjects")
            yield len(group)

    def holds(self, there: StoredObject, size: int, chunks: Iterable[bytes]) -> bool:
        """Whether an object has these bytes. ``chunks``: all of them, in any pieces.

        The ETag of an object is its MD5, unless it came in several parts or is encrypted by KMS. Then the checksum that S3 keeps
        of it decides; an object without one counts as another.
        """
        if size != there.size:
            return False
        md5, crc32, sha256 = hashlib.md5(usedforsecurity=False), 0, hashlib.sha256()
        for chunk in chunks:
            md5.update(chunk)
            sha256.update(chunk)
            crc32 = zlib.crc32(chunk, crc32)
        if md5.hexdigest() == there.etag:
            return True
        head = self.s3.head_object(Bucket=self.name, Key=there.key, ChecksumMode="ENABLED")
        if head["ETag"].strip('"') != there.etag or head.get("ChecksumType") == "COMPOSITE":
            return False
        ours = {"ChecksumSHA256": sha256.digest(), "ChecksumCRC32": crc32.to_bytes(4)}
        return any(head.get(name) == base64.b64encode(digest).decode() for name, digest in ours.items())


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file in pieces, from where it stands."""
    while chunk := file.read(_HASHED_AT_ONCE):
        yield chunk
