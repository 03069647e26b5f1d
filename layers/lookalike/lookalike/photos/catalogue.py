"""The catalogue: the merchant's photos and data files, the products they belong to, and the events of their changes."""

import json
import re
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote_plus

from lookalike.errors import LookalikeError

IMAGES_PREFIX = "images/"
"""Photos are the objects below this prefix. template.yaml subscribes to this prefix and the next, and functions read nothing else."""

DATA_PREFIX = "products/"
"""Data files are the objects below this prefix: names, prices and other attributes of products."""

_MAX_KEY_BYTES = 1024  # of S3


def is_data(key: str) -> bool:
    """Whether a key is below ``DATA_PREFIX``."""
    return key.startswith(DATA_PREFIX)


def is_folder(key: str) -> bool:
    """Whether the object of a key only stands for a folder, as the S3 console makes it."""
    return key.endswith("/")


def product_of(key: str) -> str | None:
    """The product that an image key belongs to, or None where the key is outside the prefix.

    ``images/1563.jpg`` and ``images/1563/back.jpg`` both belong to product ``1563``. Empty folders count for nothing:
    ``images//1563.jpg`` belongs to it, too, and so does ``images/1563/``, which is most often an empty file that stands for a
    folder. A key that names no product, such as ``images/``, is its own product: its refusal can then be looked up.
    Products are in Unicode's NFC, as ``product_id_of`` gives them.
    """
    if not key.startswith(IMAGES_PREFIX):
        return None
    names = [name for name in key.removeprefix(IMAGES_PREFIX).split("/") if name not in ("", ".", "..")]
    if not names:
        return key
    is_folder = len(names) > 1 or key.endswith("/")
    return product_id_of(names[0] if is_folder else PurePosixPath(names[0]).stem)


def photo_key_of(product_id: str) -> str | None:
    """The key at which a product's only photo most often is, ``images/1563.jpg``; None for an id that no such key has."""
    key = f"{IMAGES_PREFIX}{product_id}.jpg"
    try:
        is_key = len(key.encode()) <= _MAX_KEY_BYTES
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    return key if is_key and "\0" not in key and product_of(key) == product_id else None


def product_id_of(text: str) -> str:
    """A product id in Unicode's NFC. macOS writes names in NFD: the same characters in other bytes."""
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo's bytes, its user metadata (names in lower case) and its ETag."""

    data: bytes
    metadata: Mapping[str, str]
    etag: str


@dataclass(frozen=True, slots=True)
class ListedPhoto:
    """One line of a listing of the catalogue. ``modified_ms`` in milliseconds since 1970; S3 lists whole seconds."""

    key: str
    modified_ms: int


class Catalogue(Protocol):
    """The merchant's bucket, as far as functions read photos of it."""

    def photo(self, key: str, *, max_bytes: int) -> Photo:
        """The photo as it is now. Raises ObjectMissing, TooManyBytes and StoreUnavailable."""

    def presigned_url(self, key: str) -> str:
        """An address from which a browser can load the photo for a limited time."""


@dataclass(frozen=True, slots=True)
class DataObject:
    """A data file's bytes as a stream from its beginning, its user metadata (names in lower case) and its ETag."""

    content: BinaryIO
    metadata: Mapping[str, str]
    etag: str


class DataCatalogue(Protocol):
    """The merchant's bucket, as far as functions read data files of it."""

    def data_file(self, key: str, *, max_bytes: int) -> AbstractContextManager[DataObject]:
        """The whole data file as it is now, while the block runs. Entering raises ObjectMissing, FeedError and StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """A photo or data file was created or replaced (``removed`` false), or deleted. ``time_ms`` in milliseconds since 1970."""

    bucket: str
    key: str
    removed: bool
    sequencer: str | None
    time_ms: int


# A lifecycle rule of the bucket deletes an object just as a person does.
_REMOVALS = ("ObjectRemoved", "LifecycleExpiration")
# An order holds 32 digits. Those that S3 sends begin with their time in seconds: 16 digits, or 18 of which the first two are 0.
_SEQUENCER = re.compile("(?:00)?(?P<seconds>[0-9A-Fa-f]{1,8})[0-9A-Fa-f]*")
_MAX_SEQUENCER_DIGITS = 32
_MAX_AHEAD_S = 24 * 60 * 60


class NotAnEvent(LookalikeError):
    """A message is not an S3 notification of the catalogue."""


def parse_notification(body: str, *, clock: Callable[[], float] = time.time) -> Iterator[ObjectEvent]:
    """The events of one S3 notification; none for the test message that S3 sends when notifications are configured.

    Keys arrive URL-encoded with ``+`` for spaces. Raises NotAnEvent, also for values that a row cannot hold, as one bad message
    must not fail the other messages of its batch, and for events more than a day ahead of ``clock`` (seconds since 1970): their
    rows would outdo all true events of the key.
    """
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return
        for record in message["Records"]:
            yield _parse_record(record, clock() + _MAX_AHEAD_S)
    except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotAnEvent(f"the message is not an S3 notification: {error!r}") from error


def _parse_record(record: Mapping[str, Any], latest_s: float) -> ObjectEvent:
    name = record["eventName"].removeprefix("s3:")
    kind = name.partition(":")[0]
    if kind not in ("ObjectCreated", *_REMOVALS):
        raise NotAnEvent(f"the event {name} is neither a creation nor a removal")
    item = record["s3"]["object"]
    sequencer = item.get("sequencer")
    if sequencer:
        _check_sequencer(sequencer, latest_s)
    event_time = datetime.fromisoformat(record["eventTime"])
    if event_time.tzinfo is None:
        event_time = event_time.replace(tzinfo=UTC)
    if event_time.timestamp() > latest_s:
        raise NotAnEvent(f"the event time {record['eventTime']} is in the future")
    return ObjectEvent(
        bucket=record["s3"]["bucket"]["name"],
        key=_decoded_key(item["key"]),
        removed=kind in _REMOVALS,
        sequencer=sequencer or None,
        time_ms=int(event_time.timestamp() * 1000),
    )


def _check_sequencer(sequencer: str, latest_s: float) -> None:
    match = _SEQUENCER.fullmatch(sequencer)
    if match is None:
        raise NotAnEvent(f"the sequencer {sequencer!r} is not hexadecimal")
    if len(sequencer) > _MAX_SEQUENCER_DIGITS:
        raise NotAnEvent(f"the sequencer {sequencer!r} has more than {_MAX_SEQUENCER_DIGITS} digits")
    if int(match["seconds"].ljust(8, "0"), 16) > latest_s:
        raise NotAnEvent(f"the sequencer {sequencer!r} is of a time in the future")


def _decoded_key(text: str) -> str:
    # Replacing bytes that are not UTF-8 would give a key that does not exist, and its photo would be skipped.
    key = unquote_plus(text, errors="strict")
    key.encode()  # JSON can carry half of a surrogate pair
    if "\0" in key:
        raise NotAnEvent(f"the key {key!r} contains a NUL, which separates names in the store")
    return key
