"""Sending photos with their labels to the catalogue bucket, several at once."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from botocore.config import Config

from lookalike.aws import decoded_metadata
from lookalike.photos.catalogue import IMAGES_PREFIX
from scripts.common.catalogue import Photo
from scripts.common.labels import s3_metadata

# A copy with other metadata drops these unless they are sent again.
_KEPT_HEADERS: Final = ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage")


@dataclass(slots=True)
class Uploaded:
    """Photos that were sent, and photos in the bucket whose labels alone were replaced."""

    sent: int = 0
    relabelled: int = 0


def s3_client(session: Any, endpoint_url: str | None = None, *, connections: int = 16) -> Any:
    """A client for S3, of a boto3.Session."""
    config = Config(max_pool_connections=connections, retries={"mode": "standard", "total_max_attempts": 8})
    return session.client("s3", endpoint_url=endpoint_url, config=config)


def present(s3: Any, bucket: str) -> dict[str, str]:
    """The keys of the photos in the bucket, with their ETags."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=IMAGES_PREFIX)
    return {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())}


def upload(
    s3: Any,
    bucket: str,
    photos: Iterable[Photo],
    *,
    threads: int = 8,
    on_done: Callable[[int], None] = lambda _: None,
    etags: Mapping[str, str] = MappingProxyType({}),
) -> Uploaded:
    """Upload photos with their labels.

    ``on_done`` receives the number of photos that are done. ``etags``: key -> ETag of the photos in the bucket. A photo with
    the same bytes is not sent again; if its product has labels and the bucket has others, they are replaced by a copy of the
    object onto itself. The first failure stops all and is raised: InputError if the photo cannot be read.
    """
    # Photos are small: to ask whether one may be sent takes as long as to send it.
    s3.meta.events.register_last("before-call.s3.PutObject", _without_expect, unique_id="upload-without-expect")
    lock = threading.Lock()
    uploaded = Uploaded()
    done = 0

    def put(photo: Photo) -> None:
        nonlocal done
        data = photo.read()
        metadata = s3_metadata(photo.labels)
        sent = relabelled = False
        if etags.get(photo.key) != hashlib.md5(data, usedforsecurity=False).hexdigest():
            s3.put_object(Bucket=bucket, Key=photo.key, Body=data, ContentType=photo.content_type, Metadata=metadata)
            sent = True
        elif photo.labels:
            relabelled = _relabel(s3, bucket, photo.key, metadata)
        with lock:
            uploaded.sent += sent
            uploaded.relabelled += relabelled
            done += 1
            on_done(done)

    with ThreadPoolExecutor(threads, thread_name_prefix="upload") as pool:
        futures = [pool.submit(put, photo) for photo in photos]
        try:
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return uploaded


def _relabel(s3: Any, bucket: str, key: str, metadata: dict[str, str]) -> bool:
    """Replace the metadata of an object if it is another; whether it was."""
    head = s3.head_object(Bucket=bucket, Key=key)
    # S3 encodes text that is not ASCII in its own way, so texts are compared.
    if decoded_metadata(head["Metadata"]) == decoded_metadata(metadata):
        return False
    s3.copy_object(
        Bucket=bucket,
        Key=key,
        CopySource={"Bucket": bucket, "Key": key},
        CopySourceIfMatch=head["ETag"],  # another photo that arrived meanwhile keeps its own labels
        MetadataDirective="REPLACE",
        Metadata=metadata,
        **{name: head[name] for name in _KEPT_HEADERS if head.get(name)},
    )
    return True


def _without_expect(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)
