"""A batch of messages: those received for the first time together, those that may have ended a function alone.

A photo that ends the function which reads it (time, memory, a crash) takes the whole batch along: nothing is appended, and all
messages come back after the visibility timeout of the queue. From then on they are suspects:

1. Where the store proves that an attempt at a suspect ended its function (``attempts``), a reject is recorded and the photo is
   not read again.
2. All other messages of the batch are ingested together, and appended.
3. The rest of the suspects follow one at a time. Each attempt is noted in the store and each photo is appended on its own.

What is done before the third step is deleted from the queue at once, and so is each suspect: if one ends the function, only those
behind it come back.

A message is no suspect while it cannot have been in a function that ended. Such a message stays hidden for the visibility timeout,
so the first of its receives is that long ago. Messages that were given back are therefore ingested together again, unless S3 was
out of reach for longer than that.
"""

import logging
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.errors import EndedFunction, ImageError, QueueUnavailable, StoreUnavailable
from lookalike.ingest import Embedder, Ingested, reject
from lookalike.layout import Layout
from lookalike.photos.catalogue import ObjectEvent
from lookalike.store.attempts import Attempt, Attempts
from lookalike.store.object_store import ObjectStore

HIDDEN_TIMEOUTS = 6
"""How many timeouts of the function the queue hides a received message for, at least: what Lambda asks for."""

_SUSPECT_AFTER_TIMEOUTS = HIDDEN_TIMEOUTS - 1  # the clocks of SQS and of the function differ

_ENDED_FUNCTION = EndedFunction(
    "Reading this photo ended the function: it takes too long or too much memory, or it makes a library crash. "
    "Save it as a plain JPEG and upload it again."
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the queue. ``receives``: how often it was received, this time included; ``first_received_s``: since 1970."""

    id: str
    receipt: str
    events: tuple[ObjectEvent, ...]
    receives: int
    first_received_s: float


class Queue(Protocol):
    """The part of a queue that a batch uses."""

    def delete(self, handles: Sequence[str]) -> None:
        """Delete received messages, by receipt handle. Raises QueueUnavailable where that failed for some."""


class Ingest(Protocol):
    """``ingest.ingest`` with all but these arguments given."""

    def __call__(
        self,
        events: Iterable[ObjectEvent],
        *,
        embedder: Embedder,
        store: ObjectStore,
        has_time: Callable[[], bool],
    ) -> Ingested: ...


@dataclass(slots=True)
class Outcome:
    """Result of a batch. ``embedded``, ``rejected``, ``deleted``: numbers of photos; ``skipped``: number of events.

    Messages that must come back, by id: ``failed`` with reasons; ``unstarted`` because the time did not suffice.
    """

    embedded: int = 0
    rejected: int = 0
    deleted: int = 0
    skipped: int = 0
    segments: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unstarted: set[str] = field(default_factory=set)

    def add(self, messages: Iterable[Message], done: Ingested) -> None:
        """Count what was done for some messages; those of which an event failed or was not begun come back."""
        self.embedded += done.embedded
        self.rejected += done.rejected
        self.deleted += done.deleted
        self.skipped += done.skipped
        self.segments += [done.segment] if done.segment else []
        for message in messages:
            reasons = [done.failed[event] for event in message.events if event in done.failed]
            if reasons:
                self.failed[message.id] = reasons[0]
            elif not done.unstarted.isdisjoint(message.events):
                self.unstarted.add(message.id)

    def comes_back(self, message: Message) -> bool:
        return message.id in self.failed or message.id in self.unstarted


@dataclass(frozen=True, slots=True)
class Batch:
    """Takes batches in. ``timeout_s``: how long the function may run; ``has_time``: whether more photos may be begun, and still be
    appended; ``clock``: seconds since 1970; ``unsettled``: attempts of this and earlier batches that are over and may still be noted.
    """

    ingest: Ingest
    embedder: Embedder
    store: ObjectStore
    queue: Queue
    timeout_s: float
    has_time: Callable[[], bool]
    clock: Callable[[], float]
    unsettled: set[Attempt]

    def take_in(self, messages: Sequence[Message]) -> Outcome:
        """Ingest the events of messages. Raises StoreUnavailable where those that are taken together could not be appended."""
        outcome = Outcome()
        suspects = [message for message in messages if self._is_suspect(message)]
        together = [message for message in messages if message not in suspects]
        attempts = self._attempts(suspects, outcome)
        convicted = self._convict(suspects, attempts, outcome) if attempts else set()
        if together:
            # The time may not suffice for all of them: those that it did not suffice for before come first.
            together.sort(key=lambda message: -message.receives)
            events = [event for message in together for event in message.events]
            outcome.add(together, self._ingest(events, self.embedder))
        alone = [message for message in suspects if not convicted.issuperset(_attempts_at(message))]
        if attempts and alone:
            self._delete([message for message in together if not outcome.comes_back(message)])
            for number, message in enumerate(alone):
                if self.unsettled:  # the function must live: if it ended, a photo that it has read would be blamed
                    outcome.failed[message.id] = "S3 did not let an earlier attempt be forgotten"
                elif (together or number) and not self.has_time():
                    outcome.unstarted.add(message.id)
                else:
                    self._take_in_alone(message, convicted, attempts, outcome)
        return outcome

    def _is_suspect(self, message: Message) -> bool:
        age_s = self.clock() - message.first_received_s
        return (
            message.receives > 1
            and age_s >= _SUSPECT_AFTER_TIMEOUTS * self.timeout_s
            and not all(event.removed for event in message.events)  # for a deletion nothing is read
        )

    def _attempts(self, suspects: Sequence[Message], outcome: Outcome) -> Attempts | None:
        """The attempts that the store knows of; None where there is no need, or S3 does not answer: then the suspects come back."""
        if not suspects and not self.unsettled:
            return None
        try:
            return Attempts(self.store, self.unsettled, timeout_s=self.timeout_s, clock=self.clock)
        except StoreUnavailable as error:
            outcome.failed |= dict.fromkeys((message.id for message in suspects), str(error))
            return None

    def _convict(self, suspects: Sequence[Message], attempts: Attempts, outcome: Outcome) -> set[Attempt]:
        """Record rejects of the photos that ended a function. Returns the attempts that are not to be made."""
        convicted = {
            attempt for message in suspects for attempt in _attempts_at(message) if attempts.was_fatal(attempt)
        }
        if convicted:
            events = [
                event for message in suspects for event in message.events if _attempt_at(message, event) in convicted
            ]
            done = reject(events, _ENDED_FUNCTION, store=self.store, layout=self.embedder.layout)
            outcome.add((), done)
            for message in suspects:
                if convicted.issuperset(_attempts_at(message)):
                    self._settle(message, attempts)
        return convicted

    def _take_in_alone(self, message: Message, convicted: Set[Attempt], attempts: Attempts, outcome: Outcome) -> None:
        """Take in the photos of a suspect, each on its own."""
        for attempt in _attempts_at(message) - convicted:
            if attempts.is_under_way(attempt):
                outcome.failed[message.id] = f"another function may be reading {attempt.key}"
                return
            events = [event for event in message.events if event.key == attempt.key]
            try:
                outcome.add([message], self._ingest(events, _Noting(self.embedder, attempts, attempt)))
            except Exception as error:  # noqa: BLE001 - of this photo alone: the others do not pay for it
                _log.warning("not ingested: %s", attempt.key, exc_info=error)
                outcome.failed[message.id] = f"{type(error).__name__}: {error}"
            if outcome.comes_back(message):
                return
        self._settle(message, attempts)

    def _ingest(self, events: Sequence[ObjectEvent], embedder: Embedder) -> Ingested:
        return self.ingest(events, embedder=embedder, store=self.store, has_time=self.has_time)

    def _settle(self, message: Message, attempts: Attempts) -> None:
        """Delete a message that is done, and then what proved its photos guilty: not the other way round."""
        self._delete([message])
        try:
            for attempt in _attempts_at(message):
                attempts.forget(attempt)
        except StoreUnavailable as error:
            _log.warning("an attempt stays noted: %s", error)

    def _delete(self, messages: Sequence[Message]) -> None:
        try:
            self.queue.delete([message.receipt for message in messages])
        except QueueUnavailable as error:
            _log.warning("messages that are done are deleted later: %s", error)


@dataclass(frozen=True, slots=True)
class _Noting:
    """An embedder of one photo that notes the attempt while it lasts. No photo, no attempt."""

    inner: Embedder
    attempts: Attempts
    attempt: Attempt

    @property
    def layout(self) -> Layout:
        return self.inner.layout

    def embed(self, images: Sequence[bytes]) -> list[npt.NDArray[np.float32] | ImageError]:
        if not images:
            return []
        with self.attempts.noted(self.attempt):
            return self.inner.embed(images)


def _attempt_at(message: Message, event: ObjectEvent) -> Attempt:
    return Attempt(message.id, event.key, message.receives)


def _attempts_at(message: Message) -> set[Attempt]:
    return {_attempt_at(message, event) for event in message.events}
