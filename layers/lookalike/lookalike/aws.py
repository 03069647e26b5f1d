"""Amazon S3 and SQS, behind the interfaces the rest of the package knows. Beside ``aws_vectors``, the only module that imports boto3."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property, partial
from itertools import batched
from tempfile import TemporaryFile
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    FlexibleChecksumError,
    IncompleteReadError,
    ResponseStreamingError,
)

from lookalike.errors import FeedError, ObjectMissing, QueueUnavailable, StoreUnavailable, TooManyBytes
from lookalike.photos.catalogue import DataObject, ListedPhoto, Photo
from lookalike.photos.metadata import decoded_metadata
from lookalike.store.object_store import Entry, PutAnswer

_PRESIGNED_FOR_S = 3600
_BODY_RETRIES = 2
_CHUNK_BYTES = 1024 * 1024
_BROKEN_BODY = (FlexibleChecksumError, IncompleteReadError, ResponseStreamingError)
_FINGERPRINT = re.compile("[0-9a-f]{64}")


def s3_client(
    *,
    connections: int = 32,
    connect_timeout_s: float = 2,
    read_timeout_s: float = 20,
    attempts: int = 4,
    endpoint_url: str | None = None,
    session: Any = boto3,
) -> Any:
    """A client for S3; endpoint, region and credentials come from the environment, as boto3 defines it.

    ``session`` is a boto3.Session of another region or profile. ``endpoint_url`` names another S3 than the environment's.
    Each of ``attempts`` attempts may wait ``connect_timeout_s`` for a connection and ``read_timeout_s`` for the next bytes.
    """
    config = Config(
        connect_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
        max_pool_connections=connections,
        retries={"mode": "standard", "total_max_attempts": attempts},
        signature_version="s3v4",
        # Otherwise presigned addresses name the global endpoint, which redirects for buckets of other regions, and the
        # signature does not outlive that. An endpoint with an IP address for a host gets paths all the same.
        s3={"addressing_style": "virtual"},
    )
    return session.client("s3", config=config, endpoint_url=endpoint_url)


def _error(error: Exception, call: str, name: str) -> Exception:
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        if code in ("NoSuchKey", "404", "NotFound"):
            return ObjectMissing(f"there is no object named {name}")
        return StoreUnavailable(f"S3 answered {code} to {call} {name}")
    return StoreUnavailable(f"S3 did not answer {call} {name}: {error}")


def _get[T](client: Any, bucket: str, key: str, read: Callable[[Any], T], **extra: str) -> T:
    """The result of ``read`` for S3's answer to a GET. Request and ``read`` are repeated where the body breaks off.

    A GET can be repeated safely, and botocore retries a request only until its headers have come. Silence in the middle of a
    body is not retried: waiting once more takes more time than a query has. Raises botocore's errors and those of ``read``.
    """
    for _ in range(_BODY_RETRIES):
        try:
            return read(client.get_object(Bucket=bucket, Key=key, **extra))
        except _BROKEN_BODY:
            continue
    return read(client.get_object(Bucket=bucket, Key=key, **extra))


def _body(answer: Any) -> bytes:
    data: bytes = answer["Body"].read()  # raises where it is shorter than the Content-Length that S3 named
    return data


class S3Store:
    """An ObjectStore in one bucket, below one prefix (``""`` or ending in a slash)."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def get(self, name: str) -> bytes:
        return self._read(name, {})

    def get_range(self, name: str, start: int, end: int) -> bytes:
        if start >= end:
            return b""
        try:
            return self._read(name, {"Range": f"bytes={start}-{end - 1}"})
        except _RangeBeyondEnd:
            return b""

    def _read(self, name: str, extra: dict[str, str]) -> bytes:
        try:
            return _get(self._client, self._bucket, self._prefix + name, _body, **extra)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "InvalidRange":
                raise _RangeBeyondEnd from error
            raise _error(error, "GET", name) from error
        except BotoCoreError as error:
            raise _error(error, "GET", name) from error

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=data, IfNoneMatch="*")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            if code == "PreconditionFailed":
                return PutAnswer.EXISTS
            if code == "ConditionalRequestConflict":
                return PutAnswer.CONFLICT
            raise _error(error, "PUT", name) from error
        except BotoCoreError as error:
            raise _error(error, "PUT", name) from error
        return PutAnswer.CREATED

    def delete(self, name: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + name)
        except (BotoCoreError, ClientError) as error:
            raise _error(error, "DELETE", name) from error

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket,
            Prefix=self._prefix + prefix,
            PaginationConfig={"MaxItems": limit, "PageSize": min(limit or 1000, 1000)},
        )
        try:
            for page in pages:
                for item in page.get("Contents", ()):
                    modified_ms = int(item["LastModified"].timestamp() * 1000)
                    yield Entry(item["Key"].removeprefix(self._prefix), item["Size"], modified_ms)
        except (BotoCoreError, ClientError) as error:
            raise _error(error, "LIST", prefix) from error

    def time_ms(self) -> int:
        try:
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        except (BotoCoreError, ClientError) as error:
            raise _error(error, "LIST", "the time") from error
        # HTTP has no other clock than the Date of an answer, in whole seconds like S3's times of objects.
        return int(parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp() * 1000)


def store_prefixes(client: Any, bucket: str) -> list[str]:
    """The prefixes of the stores in a bucket, one for each model that ever had one, each ending in a slash.

    A store's prefix is a model's fingerprint. Other objects in the bucket are not ours.
    """
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/")
        prefixes = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
        return [prefix for prefix in prefixes if _FINGERPRINT.fullmatch(prefix.rstrip("/"))]
    except (BotoCoreError, ClientError) as error:
        raise _error(error, "LIST", "stores") from error


def _refuse_above(max_bytes: int, answer: Any, error: Callable[[str], Exception], advice: str) -> None:
    if answer["ContentLength"] > max_bytes:
        answer["Body"].close()
        raise error(f"The file has {answer['ContentLength']:,} bytes; at most {max_bytes:,} are read. {advice}")


class _RangeBeyondEnd(Exception):
    """S3 answered 416: the object ends before the range starts."""


class S3Catalogue:
    """The merchant's photos and data files in one bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def photo(self, key: str, *, max_bytes: int) -> Photo:
        """The photo as it is now. Raises ObjectMissing, TooManyBytes (before reading it) and StoreUnavailable."""

        def read(answer: Any) -> Photo:
            _refuse_above(max_bytes, answer, TooManyBytes, "Upload a smaller version of the photo.")
            return Photo(_body(answer), decoded_metadata(answer.get("Metadata", {})), answer["ETag"])

        try:
            return _get(self._client, self._bucket, key, read)
        except (BotoCoreError, ClientError) as error:
            raise _error(error, "GET", key) from error

    @contextmanager
    def data_file(self, key: str, *, max_bytes: int) -> Iterator[DataObject]:
        """The data file as it is now, in a temporary file: its bytes have all come and are right before the first is used.

        Raises ObjectMissing, FeedError (before reading it) and StoreUnavailable.
        """

        def read(answer: Any) -> DataObject:
            too_large = partial(FeedError, TooManyBytes.reason)
            _refuse_above(max_bytes, answer, too_large, "Split it into several files: they are merged by product.")
            content = TemporaryFile()  # noqa: SIM115 - closed below
            try:
                for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
                    content.write(chunk)
            except BaseException:
                content.close()
                raise
            content.seek(0)
            return DataObject(content, decoded_metadata(answer.get("Metadata", {})), answer["ETag"])

        try:
            file = _get(self._client, self._bucket, key, read)
        except (BotoCoreError, ClientError) as error:
            raise _error(error, "GET", key) from error
        with file.content:
            yield file

    def has(self, key: str) -> bool:
        """Whether there is such an object, by one HEAD. Raises StoreUnavailable."""
        try:
            self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            # Who may not list the bucket is refused where there is no object.
            if error.response.get("Error", {}).get("Code") in ("403", "404"):
                return False
            raise _error(error, "HEAD", key) from error
        except BotoCoreError as error:
            raise _error(error, "HEAD", key) from error
        return True

    def photos(self, prefix: str) -> Iterator[ListedPhoto]:
        """Every object whose key starts with ``prefix``, ascending by key. Raises StoreUnavailable."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        try:
            for page in pages:
                for item in page.get("Contents", ()):
                    yield ListedPhoto(item["Key"], int(item["LastModified"].timestamp() * 1000))
        except (BotoCoreError, ClientError) as error:
            raise _error(error, "LIST", prefix) from error

    def presigned_url(self, key: str) -> str:
        """A URL from which anyone may load the photo for an hour. Makes no request."""
        url: str = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=_PRESIGNED_FOR_S
        )
        return url


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Messages of a queue, as SQS estimates them: those to receive, those that are received and not settled, those that come later."""

    waiting: int
    in_flight: int
    delayed: int


class SqsQueue:
    """A queue. The client is made when it is needed: most calls of a function need none."""

    def __init__(self, url: str, *, read_timeout_s: float = 3, attempts: int = 2) -> None:
        self._url = url
        self._config = Config(
            connect_timeout=1,
            read_timeout=read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": attempts},
        )

    @cached_property
    def _client(self) -> Any:
        return boto3.client("sqs", config=self._config)

    def counts(self) -> QueueCounts:
        """How many messages there are. Raises QueueUnavailable."""
        suffixes = ("", "NotVisible", "Delayed")
        names = [f"ApproximateNumberOfMessages{suffix}" for suffix in suffixes]
        try:
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"SQS did not count the messages of a queue: {error}") from error
        return QueueCounts(*(int(answer["Attributes"][name]) for name in names))

    def hide(self, delays_s: Mapping[str, int]) -> None:
        """Let received messages become visible again after as many seconds from now, by receipt handle.

        Raises QueueUnavailable where that failed for some; those wait for the queue's visibility timeout.
        """
        entries = [
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": delay_s}
            for number, (handle, delay_s) in enumerate(delays_s.items())
        ]
        self._change("change_message_visibility_batch", entries, "the delays")

    def delete(self, handles: Sequence[str]) -> None:
        """Delete received messages, by receipt handle. Raises QueueUnavailable where that failed for some."""
        entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(handles)]
        self._change("delete_message_batch", entries, "the deletion")

    def _change(self, call: str, entries: Sequence[Mapping[str, Any]], change: str) -> None:
        refused: list[str] = []
        try:
            for group in batched(entries, 10):  # SQS takes no more at once
                answer = getattr(self._client, call)(QueueUrl=self._url, Entries=list(group))
                refused += [item["Code"] for item in answer.get("Failed", ())]
        except (BotoCoreError, ClientError) as error:
            raise QueueUnavailable(f"SQS did not take {change} of messages: {error}") from error
        if refused:
            raise QueueUnavailable(f"SQS refused {change} of {len(refused)} messages, one of them with {refused[0]}")
