"""Upload the first catalogue to the local bucket and wait until every photo is searchable."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scripts.common.bucket import Bucket
from scripts.common.catalogue import Photo
from scripts.common.data_files import DataToSend
from scripts.common.uploads import send
from scripts.local.stack import LocalStack

# The local S3 serves one request at a time.
_UPLOADS_AT_ONCE: Final = 4
_POLL_S: Final = 0.2
_CHECK_EVERY_S: Final = 2


class SeedingError(Exception):
    """The catalogue will not become searchable. The message says why, and which log to read."""


@dataclass(frozen=True, slots=True)
class Seeded:
    """Photos in the catalogue, and the seconds since the first upload."""

    photos: int
    rejected: int
    seconds: float


def health(stack: LocalStack) -> dict[str, Any]:
    """The API's answer to /api/health. Raises SeedingError."""
    try:
        with urllib.request.urlopen(f"{stack.url}/api/health", timeout=60) as response:  # noqa: S310 - loopback
            answer: dict[str, Any] = json.load(response)
            return answer
    except OSError as error:
        raise SeedingError(f"The API does not answer ({error}). See {stack.log_dir}/query.log.") from error


def seed(
    stack: LocalStack, photos: Sequence[Photo], on_done: Callable[[int], None], data: DataToSend | None = None
) -> Seeded:
    """Upload the photos and wait until all are searchable. ``on_done`` receives the number of photos that are done.

    ``data``: product data that is sent before them, and taken in as they are.

    Raises SeedingError.
    """
    started = time.monotonic()
    upload_failures: list[BaseException] = []

    def fill() -> None:
        try:
            bucket = Bucket(stack.s3, stack.catalogue_bucket)
            if data:
                data.send(bucket, None, dry_run=False)
            send(bucket, photos, {}, threads=_UPLOADS_AT_ONCE)
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
            upload_failures.append(error)

    sender = threading.Thread(target=fill, name="seeding", daemon=True)
    sender.start()
    next_check = started
    while True:
        if upload_failures:
            raise SeedingError(f"The upload stopped: {upload_failures[0]}") from upload_failures[0]
        if time.monotonic() >= next_check:
            _check(stack)
            next_check = time.monotonic() + _CHECK_EVERY_S
        settled = stack.messages_settled - (data is not None)
        on_done(min(settled, len(photos) - 1))
        if settled >= len(photos):
            counts = health(stack)
            if counts["photos"] + counts["rejected"] >= len(photos):
                on_done(len(photos))
                return Seeded(counts["photos"], counts["rejected"], time.monotonic() - started)
        time.sleep(_POLL_S)


def _check(stack: LocalStack) -> None:
    """Raise SeedingError if the photos will never be searchable."""
    problem = stack.problem()
    if problem:
        raise SeedingError(f"{problem} The logs are in {stack.log_dir}.")
