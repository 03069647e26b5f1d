#!/usr/bin/env python3
"""Upload product photos to the catalogue bucket, with what a CSV says of the products.

    python -m scripts.upload photos/                                    # to the stack in samconfig.toml
    python -m scripts.upload photos.zip --labels products.csv --stack-name shop --region eu-west-1
    python -m scripts.upload photos/ --bucket my-catalogue              # without looking at a stack

A file ``1563.jpg`` is the photo of product 1563 and becomes ``images/1563.jpg``; ``1563/back.jpg`` is another photo of
it and becomes ``images/1563/back.jpg``. The CSV needs a column ``id``, the product; every other column that is not empty
is kept with the photo and comes back with every answer. ``productDisplayName`` or ``name`` is what the page shows.

Credentials are those of the AWS command line. A photo that is uploaded again replaces the old one.
"""

import argparse
import csv
import hashlib
import re
import sys
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from email.header import Header
from functools import partial
from itertools import takewhile
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from botocore.config import Config

from lookalike.photos.catalogue import IMAGES_PREFIX, product_of
from scripts.common.progress import Progress
from scripts.deployment.stack import (
    AWS_ERRORS,
    DeployError,
    add_target_options,
    refusal,
    session,
    stack_outputs,
    target,
)

TYPES: Final = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".gif": "image/gif",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
PREFIX: Final = IMAGES_PREFIX
MAX_METADATA_BYTES: Final = 2048
"""S3's limit for the names and values of one object's user metadata."""
# What reading a file or an entry of a zip raises: RuntimeError is an encrypted one.
_UNREADABLE: Final = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
_USUAL_NAMES: Final = frozenset({"images", "image", "photos", "pictures"})

Labels = Mapping[str, Mapping[str, str]]


class UploadError(Exception):
    """The photos or the labels cannot be used. The message is a sentence that says what to change."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo: its path below the folder or zip, and how to read it."""

    path: PurePosixPath
    read: Callable[[], bytes]

    @property
    def key(self) -> str:
        return f"{PREFIX}{self.path}"

    @property
    def content_type(self) -> str:
        return TYPES[self.path.suffix.lower()]

    @property
    def product_id(self) -> str:
        return product_of(self.key) or ""


@contextmanager
def open_photos(source: Path, labels: Labels | None = None) -> Iterator[list[Photo]]:
    """The photos of a folder or a zip file, in the order of their paths. Raises UploadError.

    One folder around everything is left off where it cannot be a product: it is called images or photos, or like the zip
    itself, or the labels know the names inside of it and not its own.
    """
    if source.is_dir():
        found = [(file.relative_to(source).as_posix(), file.read_bytes) for file in source.rglob("*") if file.is_file()]
        yield _photos(source, found, labels or {})
        return
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError as error:
        raise UploadError(f"{source} does not exist. Name a folder or a zip file of photos.") from error
    except (zipfile.BadZipFile, OSError) as error:
        raise UploadError(f"{source} is neither a folder nor a zip file ({error}).") from error
    with archive:
        entries = [item for item in archive.infolist() if not item.is_dir()]
        yield _photos(source, [(item.filename, partial(archive.read, item)) for item in entries], labels or {})


def _photos(source: Path, found: Iterable[tuple[str, Callable[[], bytes]]], labels: Labels) -> list[Photo]:
    photos = []
    for name, read in found:
        path = PurePosixPath(*(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")))
        # Neither a system's own files (.DS_Store, __MACOSX/._1563.jpg) nor anything that is no photo.
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
        if path.suffix.lower() in TYPES and not hidden:
            photos.append(Photo(path, read))
    depth = _wrapping_depth(photos, source, labels)
    # A zip may hold one name twice; as when it is unpacked, the last one counts.
    by_path = {path: Photo(path, photo.read) for photo in photos for path in [PurePosixPath(*photo.path.parts[depth:])]}
    if not by_path:
        raise UploadError(f"{source} holds no photos ({', '.join(sorted(TYPES))}).")
    return [by_path[path] for path in sorted(by_path)]


def _wrapping_depth(photos: list[Photo], source: Path, labels: Labels) -> int:
    """How many of the folders that are around every photo are no product."""
    folders = [photo.path.parent.parts for photo in photos]
    shared = 0
    while folders and all(len(parts) > shared and parts[shared] == folders[0][shared] for parts in folders):
        shared += 1
    for depth in range(shared + 1):
        keys = (PREFIX + "/".join(photo.path.parts[depth:]) for photo in photos)
        if any(product_of(key) in labels for key in keys):
            return depth
    usual = (name.lower() in _USUAL_NAMES or name == source.stem for name in (folders or [()])[0][:shared])
    return sum(1 for _ in takewhile(bool, usual))


def read_labels(path: Path) -> dict[str, dict[str, str]]:
    """The labels of each product by its id, as S3 metadata: lower-case names, values encoded where they are not ASCII.

    Where several rows have one id the last counts. Raises UploadError.
    """
    labels: dict[str, dict[str, str]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            id_column = next((name for name in rows.fieldnames or () if name.strip().lower() == "id"), None)
            if id_column is None:
                columns = ", ".join(rows.fieldnames or ()) or "none"
                raise UploadError(f"{path} has no column named id, which names the product. Its columns: {columns}.")
            for row in rows:
                product_id = (row[id_column] or "").strip()
                if product_id:
                    where = f"{path}, line {rows.line_num} (id {product_id})"
                    row.pop(None, None)  # what a row has beyond the header
                    labels[product_id] = _metadata({**row, id_column: None}, where)
    except FileNotFoundError as error:
        raise UploadError(f"{path} does not exist. Name a CSV file with a column id.") from error
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UploadError(f"{path} cannot be read as CSV in UTF-8: {error}.") from error
    return labels


def _metadata(row: Mapping[str, str | None], where: str) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for column, value in row.items():
        # A header's name: letters, digits and a few signs. Its value: one line.
        name = re.sub(r"[^a-z0-9_.-]+", "-", column.strip().lower()).strip("-")
        text = " ".join((value or "").split())
        if not name or not text:
            continue
        if name == "productdisplayname":
            name = "name"
        metadata.setdefault(name, _header_value(text))
    size = sum(len(name) + len(value) for name, value in metadata.items())
    if size > MAX_METADATA_BYTES:
        raise UploadError(
            f"{where}: the labels have {size:,} bytes as S3 keeps them, and at most {MAX_METADATA_BYTES:,} are "
            "possible. Shorten a text or drop a column."
        )
    return metadata


def _header_value(text: str) -> str:
    """Text as S3 metadata carries it: as it is, or in RFC 2047 words where it is not ASCII or looks like such words."""
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    return Header(text, "utf-8").encode(linesep="").replace("\n", "")


def s3_client(where: Any, endpoint_url: str | None = None, *, connections: int = 16) -> Any:
    """A client for S3, of a boto3.Session."""
    config = Config(max_pool_connections=connections, retries={"mode": "standard", "total_max_attempts": 8})
    return where.client("s3", endpoint_url=endpoint_url, config=config)


def upload(
    s3: Any,
    bucket: str,
    photos: Iterable[Photo],
    labels: Labels,
    *,
    threads: int = 8,
    on_done: Callable[[int], None] = lambda _: None,
    skip: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Upload photos with their labels, several at once; returns how many were sent.

    ``on_done`` is told how many are settled so far. ``skip`` maps keys to ETags: a photo with both is there already.
    The first that fails stops the others and is raised: UploadError where it is the photo's fault.
    """
    # Photos are small: asking whether they may be sent takes as long as sending them.
    s3.meta.events.register_last("before-call.s3.PutObject", _without_asking, unique_id="upload-without-asking")
    lock = threading.Lock()
    sent = settled = 0

    def put(photo: Photo) -> None:
        nonlocal sent, settled
        try:
            data = photo.read()
        except _UNREADABLE as error:
            raise UploadError(f"{photo.path} cannot be read: {error}.") from error
        is_there = photo.key in skip and skip[photo.key] == hashlib.md5(data, usedforsecurity=False).hexdigest()
        if not is_there:
            s3.put_object(
                Bucket=bucket,
                Key=photo.key,
                Body=data,
                ContentType=photo.content_type,
                Metadata=dict(labels.get(photo.product_id, {})),
            )
        with lock:
            sent += not is_there
            settled += 1
            on_done(settled)

    with ThreadPoolExecutor(threads, thread_name_prefix="upload") as pool:
        futures = [pool.submit(put, photo) for photo in photos]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sent


def _without_asking(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)


def present(s3: Any, bucket: str) -> dict[str, str]:
    """The keys of the photos that are in the bucket, with their ETags."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    return {item["Key"]: item["ETag"].strip('"') for page in pages for item in page.get("Contents", ())}


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder or zip file of photos")
    add_target_options(parser)
    parser.add_argument("--bucket", help="the catalogue bucket (default: the stack's)")
    parser.add_argument("--labels", type=Path, help="CSV file whose column id names the product")
    parser.add_argument("--endpoint-url", help="an S3 other than Amazon's, such as the local stack's")
    parser.add_argument("--threads", type=int, default=8, help="photos sent at once (8)")
    parser.add_argument(
        "--resume", action="store_true", help="leave out photos that are in the bucket already; new labels are too"
    )
    arguments = parser.parse_args(words)
    begun = False
    try:
        labels = read_labels(arguments.labels) if arguments.labels else {}
        with open_photos(arguments.photos, labels) as photos:
            s3 = s3_client(session(arguments), arguments.endpoint_url, connections=arguments.threads)
            bucket = arguments.bucket or stack_outputs(target(arguments))["CatalogueBucketName"]
            skip = present(s3, bucket) if arguments.resume else {}
            begun = True
            with Progress(len(photos), "uploaded") as progress:
                sent = upload(s3, bucket, photos, labels, threads=arguments.threads, on_done=progress.to, skip=skip)
    except (UploadError, DeployError) as error:
        print(error, file=sys.stderr)
        return 2
    except AWS_ERRORS as error:
        safe = "\nThe upload stopped. What was sent is there; --resume goes on from it." if begun else ""
        print(refusal(error) + safe, file=sys.stderr)
        return 1
    labelled = sum(photo.product_id in labels for photo in photos)
    print(f"{sent:,} of {len(photos):,} photos sent to s3://{bucket}/{PREFIX}, {labelled:,} of them labelled.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
