"""The files of the page in the site bucket: a mirror of static_site/, with the headers that a browser needs.

The merchant's own files are in the same bucket, and stay as they are: config.json, and all below own/.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import ClientError

TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
# Files keep their names when they change. A browser asks each time and mostly receives "not modified", so it never mixes
# scripts of two releases; an edge keeps them for a day, because a deployment invalidates the files that it changed.
CACHE_CONTROL: Final = "public, max-age=0, must-revalidate, s-maxage=86400"
INDEX: Final = "index.html"
CATALOGUE: Final = "catalogue.html"
CONFIG: Final = "config.json"
OWN: Final = "own/"


class SiteError(Exception):
    """The site cannot be published. The message says what to change."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the site: its key in the bucket, its bytes and its content type."""

    key: str
    data: bytes
    content_type: str

    @property
    def etag(self) -> str:
        """The ETag that S3 gives these bytes, put in one piece and encrypted with S3's own key."""
        return f'"{hashlib.md5(self.data, usedforsecurity=False).hexdigest()}"'


def files(folder: Path) -> list[File]:
    """The files of the site, the page last: after the files that it refers to. Raises SiteError."""
    site_files = []
    for path in sorted(folder.rglob("*")):
        key = path.relative_to(folder).as_posix()
        if (
            key.startswith(OWN)
            or not path.is_file()
            or any(part.startswith(".") for part in path.relative_to(folder).parts)
        ):
            continue
        if path.suffix not in TYPES:
            raise SiteError(f"{path} has no known content type. Add {path.suffix!r} to {Path(__file__).name}.")
        site_files.append(File(key, path.read_bytes(), TYPES[path.suffix]))
    if not any(file.key == INDEX for file in site_files):
        raise SiteError(f"{folder} has no {INDEX}.")
    return sorted(site_files, key=lambda file: (file.key.endswith(".html"), file.key))


def publish(folder: Path, s3: Any, bucket: str) -> list[str]:
    """Make the bucket a mirror of the folder; returns the keys that were put or deleted.

    A file that is the same is not put again, and the merchant's own files are left alone; where config.json says so, the merchant's page is
    left out. At no time does the page refer to a file that is missing: the page is put
    after the files that it refers to, and old files are deleted last. Raises SiteError.
    """
    before = keys(s3, bucket)
    has_catalogue = CONFIG not in before or _has_catalogue(s3.get_object(Bucket=bucket, Key=CONFIG)["Body"].read())
    current = [file for file in files(folder) if has_catalogue or file.key != CATALOGUE]
    owned = {key for key in before if key == CONFIG or key.startswith(OWN)}
    changed = put([file for file in current if file.key not in owned], s3, bucket)
    for key in sorted(before - owned - {file.key for file in current}):
        s3.delete_object(Bucket=bucket, Key=key)
        changed.append(key)
    return changed


def own_files(paths: Sequence[Path]) -> list[File]:
    """The merchant's files with their keys: config.json is beside the page, others are below own/. Raises SiteError."""
    own = []
    for path in paths:
        if path.suffix not in TYPES:
            raise SiteError(f"{path} cannot be put beside the page. Use one of {', '.join(sorted(TYPES))}.")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise SiteError(f"{path} cannot be used: {error}.") from error
        if path.name == CONFIG:
            _has_catalogue(data)
        own.append(File(CONFIG if path.name == CONFIG else f"{OWN}{path.name}", data, TYPES[path.suffix]))
    return sorted(own, key=lambda file: file.key == CONFIG)  # after the files that it refers to


def _has_catalogue(config: bytes) -> bool:
    """Whether the merchant's page is published, by a config.json. Raises SiteError."""
    try:
        value = json.loads(config)
    except ValueError as error:
        raise SiteError(f"{CONFIG} cannot be used: {error}.") from error
    if not isinstance(value, dict):
        raise SiteError(f"{CONFIG} has to be a JSON object: {{...}}.")
    has_catalogue = value.get("catalogue", True)
    if not isinstance(has_catalogue, bool):
        raise SiteError(f'"catalogue" in {CONFIG} has to be true or false.')
    return has_catalogue


def put(wanted: Sequence[File], s3: Any, bucket: str) -> list[str]:
    """Put the files that are not there as they are; returns their keys."""
    changed = [file for file in wanted if not _is_there(file, s3, bucket)]
    for file in changed:
        s3.put_object(
            Bucket=bucket,
            Key=file.key,
            Body=file.data,
            ContentType=file.content_type,
            CacheControl=CACHE_CONTROL,
        )
    return [file.key for file in changed]


def _is_there(file: File, s3: Any, bucket: str) -> bool:
    try:
        head = s3.head_object(Bucket=bucket, Key=file.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    headers = (head["ETag"], head["ContentType"], head.get("CacheControl"))
    return headers == (file.etag, file.content_type, CACHE_CONTROL)


def empty(s3: Any, bucket: str) -> None:
    """Delete every object of the bucket."""
    for key in keys(s3, bucket):
        s3.delete_object(Bucket=bucket, Key=key)


def keys(s3: Any, bucket: str) -> set[str]:
    """The keys of all objects in the bucket."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {item["Key"] for page in pages for item in page.get("Contents", ())}


def addresses(changed: list[str]) -> list[str]:
    """The paths under which a distribution may hold these keys."""
    return [f"/{quote(key)}" for key in changed] + (["/"] if INDEX in changed else [])
