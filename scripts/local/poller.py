"""From a queue to a function, as Lambda's event source mapping does it.

One thread gathers batches: until one is full, or until the batching window after its first message is over. Other threads call
the function with the batches and delete the messages that it finished. Gathering goes on while the function works, so the window
of a batch has mostly passed when its turn comes. A failed message is left alone: it comes back after the queue's visibility
timeout, or sooner where the function has set it so.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from itertools import batched
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from scripts.local.calls import Callee, Result
from scripts.local.intrinsics import REGION
from scripts.local.template import EventSource

Message = dict[str, Any]

_PER_CALL: Final = 10
"""The most messages that one SQS call receives or deletes."""
_POLL_S: Final = 5
"""How long a call waits for messages; also the longest time until a poller notices that it was closed."""
_RETRY_S: Final = 1
_TICK_S: Final = 0.5
"""The longest time until a thread that waits for another notices that the poller was closed."""
_log = logging.getLogger(__name__)


class Poller:
    """Feeds ``runner`` from a queue, with up to ``concurrency`` calls at once, until it is closed.

    ``on_done`` is called after each batch with the number of its messages that were deleted.
    """

    def __init__(
        self,
        source: EventSource,
        runner: Callee,
        sqs: Any,
        queue_url: str,
        *,
        concurrency: int,
        on_done: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._runner = runner
        self._sqs = sqs
        self._queue_url = queue_url
        self._on_done = on_done
        self._stopping = threading.Event()
        # One batch gathered ahead for each call that can be under way.
        self._gathered: queue.Queue[list[Message]] = queue.Queue(concurrency)
        names = {"gather": self._gather_ahead} | {f"call-{number}": self._call for number in range(concurrency)}
        self._threads = [
            threading.Thread(target=target, name=f"poller-{name}", daemon=True) for name, target in names.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Take no more batches. Close the runner too: that ends the calls which are still running."""
        self._stopping.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(timeout=5)

    def _gather_ahead(self) -> None:
        while not self._stopping.is_set():
            try:
                batch = self.gather()
            except (BotoCoreError, ClientError) as error:
                self._trouble(error)
                continue
            while batch and not self._stopping.is_set():
                try:
                    self._gathered.put(batch, timeout=_TICK_S)
                    break
                except queue.Full:
                    continue

    def _call(self) -> None:
        while not self._stopping.is_set():
            try:
                batch = self._gathered.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            result = self._runner.invoke({"Records": [self._record(item) for item in batch]})
            try:
                self._settle(batch, result)
            except (BotoCoreError, ClientError) as error:
                self._trouble(error)  # messages that were not deleted come back after their visibility timeout

    def _trouble(self, error: Exception) -> None:
        if not self._stopping.is_set():
            _log.warning("the queue %s does not answer: %s", self._queue_url, error)
        self._stopping.wait(_RETRY_S)

    def gather(self) -> list[Message]:
        """The next batch; empty only if the poller was closed meanwhile."""
        batch: list[Message] = []
        until = float("inf")
        while len(batch) < self._source.batch_size and not self._stopping.is_set():
            left_s = until - time.monotonic()
            try:
                # SQS waits whole seconds, so the rest of the window is rounded.
                received = self._receive(self._source.batch_size - len(batch), wait_s=round(min(left_s, _POLL_S)))
            except (BotoCoreError, ClientError):
                if batch:
                    break  # received messages are hidden from all other receivers: they must not be dropped
                raise
            if received and not batch:
                until = time.monotonic() + self._source.window_s
            batch += received
            if batch and left_s < 0.5:
                break
        return batch

    def _receive(self, count: int, *, wait_s: int) -> list[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=min(count, _PER_CALL),
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["All"],
        )
        messages: list[Message] = answer.get("Messages", [])
        return messages

    def _record(self, message: Message) -> dict[str, Any]:
        """A message as Lambda hands it to a function."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self._source.queue_arn,
            "awsRegion": REGION,
        }

    def _settle(self, batch: Sequence[Message], result: Result) -> None:
        failed = failed_messages(result, [item["MessageId"] for item in batch], self._source.reports_item_failures)
        done = [item for item in batch if item["MessageId"] not in failed]
        for group in batched(done, _PER_CALL):
            self._sqs.delete_message_batch(
                QueueUrl=self._queue_url,
                Entries=[{"Id": str(i), "ReceiptHandle": item["ReceiptHandle"]} for i, item in enumerate(group)],
            )
        if failed:
            reason = (result.error or {}).get("errorMessage", "see the function's log")
            _log.warning("%s of %s messages failed and come back: %s", len(failed), len(batch), reason)
        self._on_done(len(done))


def failed_messages(result: Result, message_ids: Sequence[str], reports_item_failures: bool) -> set[str]:
    """The ids of the messages that must come back, by Lambda's rules.

    If the call failed: all. If the function reports failures: those it names, or all if a name is empty or not in the batch,
    as such an answer cannot be trusted.
    """
    everything = set(message_ids)
    if result.error is not None:
        return everything
    if not reports_item_failures or not result.value:
        return set()
    if not isinstance(result.value, dict):
        return everything
    items = result.value.get("batchItemFailures") or []
    try:
        named = {item["itemIdentifier"] for item in items}
    except (TypeError, KeyError):
        return everything
    return everything if named - everything else named
