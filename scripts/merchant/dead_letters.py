"""The queue of the events that failed too often: what is in it, and its way back.

Nothing is lost: a message leaves this queue only after the other has it. Where a run is killed between the two, it is in both
for once, which does no harm, as ingest takes an event in once however often it comes.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final

from lookalike.photos.catalogue import NotAnEvent, parse_notification

_HIDDEN_S: Final = 300
"""How long a message that was received is hidden from others: longer than all of them take to be looked through."""
_PEEK_HIDDEN_S: Final = 20
_AT_ONCE: Final = 10  # SQS takes no more


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message. ``events``: (key, whether it was removed) of each; none where it is no notification of S3."""

    body: str
    receipt: str
    events: tuple[tuple[str, bool], ...]
    sent_ms: int

    @classmethod
    def of(cls, message: dict[str, Any]) -> "DeadLetter":
        events: tuple[tuple[str, bool], ...] = ()
        with contextlib.suppress(NotAnEvent):
            events = tuple((event.key, event.removed) for event in parse_notification(message["Body"]))
        sent_ms = int(message.get("Attributes", {}).get("SentTimestamp", 0))
        return cls(message["Body"], message["ReceiptHandle"], events, sent_ms)

    def __str__(self) -> str:
        """What it tells of, for people."""
        if not self.events:
            return f"no event of the catalogue: {self.body[:80]!r}"
        return ", ".join(f"{key} {'deleted' if removed else 'created'}" for key, removed in self.events)


def counts(sqs: Any, url: str) -> tuple[int, int]:
    """The messages that wait, those that are delayed included, and those that are in flight; both by SQS's estimate."""
    names = (
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
    )
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
    waiting, delayed, in_flight = (int(told.get(name, 0)) for name in names)
    return waiting + delayed, in_flight


def peek(sqs: Any, url: str, at_most: int) -> list[DeadLetter]:
    """Some dead letters, which stay in their queue."""
    found: list[DeadLetter] = []
    for letters in _received(sqs, url, hidden_s=_PEEK_HIDDEN_S):
        found += letters
        if len(found) >= at_most:
            break
    _release(sqs, url, found)
    return found[:at_most]


def move_back(
    sqs: Any, url: str, target_url: str, wanted: Callable[[DeadLetter], bool], on_moved: Callable[[int], None]
) -> int:
    """Send the dead letters that are wanted to a queue, as they were, and the number of them. The others stay."""
    kept: list[DeadLetter] = []
    moved = 0
    try:
        for letters in _received(sqs, url, hidden_s=_HIDDEN_S):
            chosen = [letter for letter in letters if wanted(letter)]
            kept += [letter for letter in letters if letter not in chosen]
            for letter in chosen:
                sqs.send_message(QueueUrl=target_url, MessageBody=letter.body)
                sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
                moved += 1
            on_moved(moved)
    finally:
        _release(sqs, url, kept)
    return moved


def _received(sqs: Any, url: str, *, hidden_s: int) -> Iterator[list[DeadLetter]]:
    """All messages, a few at a time."""
    while messages := sqs.receive_message(
        QueueUrl=url,
        MaxNumberOfMessages=_AT_ONCE,
        WaitTimeSeconds=1,  # without waiting, SQS asks a part of its servers
        VisibilityTimeout=hidden_s,
        MessageSystemAttributeNames=["SentTimestamp"],
    ).get("Messages", []):
        yield [DeadLetter.of(message) for message in messages]


def _release(sqs: Any, url: str, letters: list[DeadLetter]) -> None:
    """Let messages be received again at once."""
    for group in batched(letters, _AT_ONCE):
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0}
            for number, letter in enumerate(group)
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
