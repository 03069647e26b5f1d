"""Attempts at single photos, each noted in the store while it lasts.

A function that runs out of time or memory, or crashes, cannot tell which photo was the cause. So a photo that may be the cause is
read alone, and an object stands in the store meanwhile:

    attempts/<hash of the message and the key>-<how often the message was received>

A function that lives deletes it, whatever came of the attempt. An object that is still there when the message is received again
proves that the photo ended the function. It does so on two conditions, because a function that lives may fail to delete the
object while S3 does not answer:

- The attempt belongs to the receive just before this one. If another receive came between, S3 may have been out of reach.
- The attempt is several timeouts old. The messages of a function that ended come back after the visibility timeout of the queue,
  which is six timeouts at least. A message that a living function gave back comes sooner.
"""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lookalike.errors import StoreUnavailable
from lookalike.hashes import text_hash
from lookalike.store.creation import create
from lookalike.store.names import ATTEMPTS
from lookalike.store.object_store import ObjectStore

_FATAL_AFTER_TIMEOUTS = 4
"""Age from which an attempt counts as proof. A message comes back five timeouts after its attempt began, or later."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One photo of one message. ``receives``: how often the message was received, this time included."""

    message_id: str
    key: str
    receives: int

    @property
    def stem(self) -> str:
        """The part of the name that all attempts at this photo of this message share."""
        return f"{ATTEMPTS}{text_hash(f'{self.message_id}\0{self.key}').hex()}-"

    @property
    def name(self) -> str:
        return f"{self.stem}{self.receives}"


class Attempts:
    """The attempts that the store held when this was made. Making one raises StoreUnavailable.

    ``timeout_s``: how long a function may run. ``clock``: seconds since 1970; ages compare it with the time that S3 gives an
    object, and seconds of difference between the two do not matter. ``unsettled``: attempts that are over and may still be noted,
    because S3 did not answer; it outlives this object, and those that it holds are deleted first.
    """

    def __init__(
        self, store: ObjectStore, unsettled: set[Attempt], *, timeout_s: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._unsettled = unsettled
        self._timeout_s = timeout_s
        for attempt in tuple(unsettled):
            store.delete(attempt.name)
            unsettled.discard(attempt)
        self._ages_s = {entry.name: clock() - entry.modified_ms / 1000 for entry in store.list(ATTEMPTS)}

    def is_under_way(self, attempt: Attempt) -> bool:
        """Whether another function may be reading the photo at this moment."""
        return any(self._ages_s[name] < self._timeout_s for name in self._known(attempt))

    def was_fatal(self, attempt: Attempt) -> bool:
        """Whether the attempt before this one ended its function."""
        age_s = self._ages_s.get(replace(attempt, receives=attempt.receives - 1).name, 0.0)
        return age_s >= _FATAL_AFTER_TIMEOUTS * self._timeout_s

    @contextmanager
    def noted(self, attempt: Attempt) -> Iterator[None]:
        """Note the attempt while the block runs. Raises StoreUnavailable, also where another function has noted it."""
        self._unsettled.add(attempt)
        if not create(self._store, attempt.name, uuid.uuid4().bytes):
            self._unsettled.discard(attempt)
            raise StoreUnavailable(f"another function is reading {attempt.key}")
        try:
            yield
        finally:
            self._store.delete(attempt.name)
            self._unsettled.discard(attempt)

    def forget(self, attempt: Attempt) -> None:
        """Delete what earlier attempts at the photo left. Raises StoreUnavailable."""
        for name in self._known(attempt):
            self._store.delete(name)

    def _known(self, attempt: Attempt) -> list[str]:
        return [name for name in self._ages_s if name.startswith(attempt.stem)]
