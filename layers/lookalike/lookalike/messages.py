"""Messages of the queue, and what came of a batch of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from lookalike.data_ingest import IngestedFile
from lookalike.events import newest_of_each_key
from lookalike.ingest import Ingested
from lookalike.photos.catalogue import ObjectEvent, is_data, is_folder


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


@dataclass(slots=True)
class Outcome:
    """Result of a batch. ``embedded``, ``rejected``, ``deleted``: numbers of photos; ``skipped``: number of events; ``files``: the
    data files that were taken in.

    Messages that must come back, by id: ``failed`` with reasons; ``unstarted`` because the time did not suffice.
    """

    embedded: int = 0
    rejected: int = 0
    deleted: int = 0
    skipped: int = 0
    files: list[IngestedFile] = field(default_factory=list)
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


def photo_events(messages: Iterable[Message]) -> list[ObjectEvent]:
    """The events of messages that are not of data files."""
    return [event for message in messages for event in message.events if not is_data(event.key)]


def file_events(messages: Iterable[Message]) -> list[ObjectEvent]:
    """The newest event of each data file among the events of messages. Folders are none."""
    events = (event for message in messages for event in message.events)
    return newest_of_each_key(event for event in events if is_data(event.key) and not is_folder(event.key))
