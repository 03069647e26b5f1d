"""Photos on their way to the catalogue bucket: those that it has already are not sent again."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from lookalike.errors import LookalikeError
from scripts.common.bucket import Bucket, StoredObject
from scripts.common.parallel import in_parallel


class Step(StrEnum):
    """What becomes of a photo of the source."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


class NotObtained(LookalikeError):
    """A photo of the source could not be had; the others can."""


class Sendable(Protocol):
    """A photo of a source."""

    @property
    def key(self) -> str:
        """The key in the catalogue bucket."""

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""

    def send(self, bucket: Bucket, there: StoredObject | None, *, dry_run: bool) -> Step:
        """Bring the photo into the bucket unless it is ``there`` with the same bytes. Raises NotObtained, InputError and botocore's errors."""


@dataclass(slots=True)
class Sent:
    """What became of photos: how many of each step, and those that could not be had with the reasons."""

    steps: dict[Step, int] = field(default_factory=lambda: dict.fromkeys(Step, 0))
    failed: list[tuple[Sendable, str]] = field(default_factory=list)

    @property
    def settled(self) -> int:
        return sum(self.steps.values()) + len(self.failed)


def send(
    bucket: Bucket,
    photos: Iterable[Sendable],
    there: Mapping[str, StoredObject],
    *,
    threads: int,
    sent: Sent | None = None,
    dry_run: bool = False,
    on_done: Callable[[int], None] = lambda _: None,
) -> Sent:
    """Send photos to the bucket. ``there``: its photos by key. ``sent`` counts while it goes on; ``on_done`` receives the number.

    A photo that cannot be had does not stop the others. Raises InputError and botocore's errors.
    """
    sent = Sent() if sent is None else sent

    def bring(photo: Sendable) -> Step | str:
        try:
            return photo.send(bucket, there.get(photo.key), dry_run=dry_run)
        except NotObtained as error:
            return str(error)

    for photo, result in in_parallel(bring, photos, threads=threads):
        if isinstance(result, Step):
            sent.steps[result] += 1
        else:
            sent.failed.append((photo, result))
        on_done(sent.settled)
    return sent
