"""A batch of messages: those received for the first time together, those that may have ended a function alone.

A photo that ends the function which reads it (time, memory, a crash) takes the whole batch along: nothing is appended, and all
messages come back after the visibility timeout of the queue. From then on they are suspects:

1. Where the store proves that an attempt at a suspect ended its function (``attempts``), a reject is recorded and the photo is
   not read again.
2. All other messages of the batch are ingested together, and appended.
3. The rest of the suspects follow one at a time. Each attempt is noted in the store and each photo is appended on its own.

What is done before the third step is deleted from the queue at once, and so is each suspect: if one ends the function, only those
behind it come back.

Data files follow the photos of their step, one at a time. What is done is deleted from the queue before each of them, so a file
that ends the function takes no photo along; it becomes a suspect, and a reject in the end, as a photo does. Where a batch has data
files, photos leave the time that one of them may take.

A message is no suspect while it cannot have been in a function that ended. Such a message stays hidden for the visibility timeout,
so the first of its receives is that long ago. Messages that were given back are therefore ingested together again, unless S3 was
out of reach for longer than that.
"""

import logging
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.data_ingest import DataIngest
from lookalike.errors import EndedFunction, FeedError, ImageError, QueueUnavailable, StoreUnavailable
from lookalike.ingest import Embedder, Ingested, reject
from lookalike.layout import Layout
from lookalike.messages import Message, Outcome, Queue, file_events, photo_events
from lookalike.photos.catalogue import ObjectEvent, is_data
from lookalike.store.attempts import Attempt, Attempts
from lookalike.store.object_store import ObjectStore

HIDDEN_TIMEOUTS = 6
"""How many timeouts of the function the queue hides a received message for, at least: what Lambda asks for."""

_SUSPECT_AFTER_TIMEOUTS = HIDDEN_TIMEOUTS - 1  # the clocks of SQS and of the function differ

_ENDED_FUNCTION = EndedFunction(
    "Reading this photo ended the function: it takes too long or too much memory, or it makes a library crash. "
    "Save it as a plain JPEG and upload it again."
)
_FEED_ENDED_FUNCTION = FeedError(
    EndedFunction.reason,
    "Reading this file ended the function: it takes too long or too much memory. "
    "Split it into several files and upload them: they are merged by product.",
)

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Batch:
    """Takes batches in. ``store``: of the photos; ``timeout_s``: how long the function may run; ``time_left_s``: how much of it is
    left; ``reserve_s``, ``file_reserve_s``: how much must be left when photos or a data file are begun, so that they are still
    appended; ``clock``: seconds since 1970; ``unsettled``: attempts of this and earlier batches that are over and may still be noted.
    """

    ingest: Ingest
    embedder: Embedder
    files: DataIngest
    store: ObjectStore
    queue: Queue
    timeout_s: float
    time_left_s: Callable[[], float]
    reserve_s: float
    file_reserve_s: float
    clock: Callable[[], float]
    unsettled: set[Attempt]

    def take_in(self, messages: Sequence[Message]) -> Outcome:
        """Ingest the events of messages. Raises StoreUnavailable where photos that are taken together could not be appended."""
        outcome = Outcome()
        suspects = [message for message in messages if self._is_suspect(message)]
        together = [message for message in messages if message not in suspects]
        attempts = self._attempts(suspects, outcome)
        convicted = self._convict(suspects, attempts, outcome) if attempts else set()
        if together:
            # The time may not suffice for all of them: those that it did not suffice for before come first.
            together.sort(key=lambda message: -message.receives)
            photos_leave_s = self.file_reserve_s if file_events(messages) else 0.0
            outcome.add(together, self._ingest(photo_events(together), self.embedder, photos_leave_s))
            self._take_in_files(together, outcome)
        alone = [message for message in suspects if not convicted.issuperset(_attempts_at(message))]
        if attempts and alone:
            self._delete([message for message in together if not outcome.comes_back(message)])
            alone.sort(key=_has_data)
            for number, message in enumerate(alone):
                if self.unsettled:  # the function must live: if it ended, an object that it has read would be blamed
                    outcome.failed[message.id] = "S3 did not let an earlier attempt be forgotten"
                elif (together or number) and not self._has_time_for(message):
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
        """Record rejects of the objects that ended a function. Returns the attempts that are not to be made."""
        convicted = {
            attempt for message in suspects for attempt in _attempts_at(message) if attempts.was_fatal(attempt)
        }
        guilty = [
            replace(
                message, events=tuple(event for event in message.events if _attempt_at(message, event) in convicted)
            )
            for message in suspects
        ]
        photos = photo_events(guilty)
        if photos:
            outcome.add((), reject(photos, _ENDED_FUNCTION, store=self.store, layout=self.embedder.layout))
        outcome.files += [self.files.reject(event, _FEED_ENDED_FUNCTION) for event in file_events(guilty)]
        if convicted:
            for message in suspects:
                if convicted.issuperset(_attempts_at(message)):
                    self._settle(message, attempts)
        return convicted

    def _take_in_files(self, messages: Sequence[Message], outcome: Outcome) -> None:
        """Take in the data files of messages whose photos are appended."""
        files = file_events(messages)
        waiting = {event.key for event in files}
        undeleted = list(messages)
        for event in files:
            done = [
                message
                for message in undeleted
                if not outcome.comes_back(message) and waiting.isdisjoint(_keys(message))
            ]
            self._delete(done)
            undeleted = [message for message in undeleted if message not in done]
            of_file = [message for message in messages if event.key in _keys(message)]
            waiting.remove(event.key)
            if self.time_left_s() < self.file_reserve_s:
                outcome.unstarted.update(message.id for message in of_file)
                continue
            try:
                outcome.files.append(self.files.take_in(event))
            except Exception as error:  # noqa: BLE001 - of this file alone: the others do not pay for it
                _log.warning("not ingested: %s", event.key, exc_info=error)
                outcome.failed |= dict.fromkeys((message.id for message in of_file), _reason(error))

    def _take_in_alone(self, message: Message, convicted: Set[Attempt], attempts: Attempts, outcome: Outcome) -> None:
        """Take in the objects of a suspect, each on its own."""
        for attempt in _attempts_at(message) - convicted:
            if attempts.is_under_way(attempt):
                outcome.failed[message.id] = f"another function may be reading {attempt.key}"
                return
            of_key = replace(message, events=tuple(event for event in message.events if event.key == attempt.key))
            try:
                photos = photo_events([of_key])
                if photos:
                    outcome.add([message], self._ingest(photos, _Noting(self.embedder, attempts, attempt)))
                for event in file_events([of_key]):
                    outcome.files.append(self.files.take_in(event, attempts.noted(attempt)))
            except Exception as error:  # noqa: BLE001 - of this object alone: the others do not pay for it
                _log.warning("not ingested: %s", attempt.key, exc_info=error)
                outcome.failed[message.id] = _reason(error)
            if outcome.comes_back(message):
                return
        self._settle(message, attempts)

    def _ingest(self, events: Sequence[ObjectEvent], embedder: Embedder, leave_s: float = 0.0) -> Ingested:
        """Ingest photos. ``leave_s``: time to leave for others."""
        needed_s = self.reserve_s + leave_s
        return self.ingest(events, embedder=embedder, store=self.store, has_time=lambda: self.time_left_s() >= needed_s)

    def _has_time_for(self, message: Message) -> bool:
        return self.time_left_s() >= (self.file_reserve_s if _has_data(message) else self.reserve_s)

    def _settle(self, message: Message, attempts: Attempts) -> None:
        """Delete a message that is done, and then what proved its photos guilty: not the other way round."""
        self._delete([message])
        try:
            for attempt in _attempts_at(message):
                attempts.forget(attempt)
        except StoreUnavailable as error:
            _log.warning("an attempt stays noted: %s", error)

    def _delete(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
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


def _keys(message: Message) -> set[str]:
    return {event.key for event in message.events}


def _has_data(message: Message) -> bool:
    return any(is_data(event.key) for event in message.events)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
