"""A standard SQS queue for moto whose cost per message does not grow with the number of messages.

moto's own queue scans all its messages several times to receive or delete one: 20 ms a message with a thousand in the
queue. This one has the visible messages in line, the hidden ones in a heap by the time when they come back, and all of
them by receipt handle. Validation, the wire format and attributes stay moto's.
"""

import heapq
import threading
import time
from collections import deque
from typing import Any, Final, cast

from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends

_MAX_RECEIPTS: Final = 3
"""The number of receipt handles of a message that stay valid; AWS promises the newest only."""


def install(account: str, region: str) -> SQSBackend:
    """Make moto's SQS of one account and region use these queues; returns it."""
    backend = _Backend(region, account)
    sqs_backends[account][region] = backend
    return backend


class _LinedUpQueue(Queue):
    """``_line``: the messages to receive next; ``_hidden``: those that come back at a time (ms since 1970)."""

    def __init__(self, name: str, region: str, account_id: str, **attributes: Any) -> None:
        self._line: deque[Message] = deque()
        self._hidden: list[tuple[float, int, Message]] = []
        self._live: dict[int, Message] = {}
        self._by_handle: dict[str, Message] = {}
        self._tickets = 0
        self.changed = threading.Condition(threading.RLock())
        super().__init__(name, region, account_id, **attributes)

    # moto's own code reads this and, when it purges a queue, replaces it.
    @property
    def _messages(self) -> list[Message]:
        return list(self._live.values())

    @_messages.setter
    def _messages(self, messages: list[Message]) -> None:
        with self.changed:
            self._line.clear()
            self._hidden.clear()
            self._live.clear()
            self._by_handle.clear()
            for message in messages:
                self.add_message(message)

    @property
    def approximate_number_of_messages(self) -> int:
        with self.changed:
            self._return_hidden()
            return len(self._line)

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        with self.changed:
            self._return_hidden()
            return len(self._live) - len(self._line)

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        return 0  # they are counted with those that are not visible

    def add_message(self, message: Message) -> None:
        with self.changed:
            self._live[id(message)] = message
            if message.delayed_until > _now_ms():
                self.hide(message, message.delayed_until)
            else:
                self._line.append(message)
                self.changed.notify()

    def take(self, count: int, visibility_timeout_s: int) -> list[Message]:
        """Receive up to ``count`` messages; those that failed too often move to the dead-letter queue instead."""
        self._return_hidden()
        taken: list[Message] = []
        while self._line and len(taken) < count:
            message = self._line.popleft()
            if self._is_too_old(message):
                self._forget(message)
            elif self._is_dead(message):
                self._forget(message)
                message.visible_at = 0
                self.dead_letter_queue.add_message(message)  # type: ignore[union-attr]
            else:
                message.mark_received(visibility_timeout=visibility_timeout_s)
                self._by_handle[str(message.receipt_handle)] = message
                for stale in message._old_receipt_handles[:-_MAX_RECEIPTS]:
                    self._by_handle.pop(str(stale), None)
                self.hide(message, message.visible_at)
                taken.append(message)
        return taken

    def hide(self, message: Message, until_ms: float) -> None:
        message.visible_at = until_ms
        self._tickets += 1
        heapq.heappush(self._hidden, (until_ms, self._tickets, message))

    def delete_message(self, receipt_handle: str) -> None:
        with self.changed:
            message = self._by_handle.get(receipt_handle)
            # As on AWS, deleting a message that does not exist succeeds.
            if message is not None:
                self._forget(message)
                if message in self._line:
                    self._line.remove(message)

    def message(self, receipt_handle: str) -> Message:
        if receipt_handle not in self._by_handle:
            raise ReceiptHandleIsInvalid
        return self._by_handle[receipt_handle]

    def until_next_s(self) -> float:
        """Seconds until a hidden message comes back."""
        return max(self._hidden[0][0] - _now_ms(), 0) / 1000 + 0.001 if self._hidden else float("inf")

    def _return_hidden(self) -> None:
        now = _now_ms()
        while self._hidden and self._hidden[0][0] <= now:
            until_ms, _, message = heapq.heappop(self._hidden)
            # The entry is stale where the message was deleted or hidden again since.
            if id(message) in self._live and message.visible_at == until_ms:
                self._line.append(message)

    def _forget(self, message: Message) -> None:
        self._live.pop(id(message), None)
        for handle in message.all_receipt_handles:
            self._by_handle.pop(str(handle), None)

    def _is_too_old(self, message: Message) -> bool:
        age_s = (_now_ms() - float(message.sent_timestamp or 0)) / 1000
        return age_s > self.message_retention_period  # type: ignore[attr-defined, no-any-return]

    def _is_dead(self, message: Message) -> bool:
        policy = self.redrive_policy
        return bool(
            policy
            and self.dead_letter_queue is not None
            and message.approximate_receive_count >= policy["maxReceiveCount"]
        )


class _Backend(SQSBackend):
    """moto's SQS with queues as above."""

    def create_queue(self, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Queue:
        if name in self.queues:
            return super().create_queue(name, tags, **kwargs)
        kwargs.pop("region", None)
        queue = _LinedUpQueue(name, self.region_name, self.account_id, **kwargs)  # type: ignore[abstract]
        queue.tags = tags or {}
        self.queues[name] = queue
        return queue

    def receive_message(
        self,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,  # noqa: ARG002 - no message here has attributes
    ) -> list[Message]:
        queue = cast(_LinedUpQueue, self.get_queue(queue_name))
        give_up = time.monotonic() + wait_seconds_timeout
        with queue.changed:
            while not (taken := queue.take(count, visibility_timeout)):
                left_s = give_up - time.monotonic()
                if left_s <= 0:
                    break
                queue.changed.wait(min(left_s, queue.until_next_s()))
        return taken

    def change_message_visibility(self, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        queue = cast(_LinedUpQueue, self.get_queue(queue_name))
        with queue.changed:
            queue.hide(queue.message(receipt_handle), _now_ms() + int(visibility_timeout) * 1000)
            queue.changed.notify()


def _now_ms() -> float:
    return time.time() * 1000
