"""A standard SQS queue for moto whose cost per message does not grow with the number of messages that wait.

moto's own queue scans all its messages several times to receive or delete one: 50 ms a message with a thousand in the
queue. This one has the visible messages in line, and apart from them those that are in flight or delayed, which are few.
Validation, the wire format and attributes stay moto's.
"""

import time
from collections import OrderedDict
from typing import Any, cast

from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend, sqs_backends


def install(account: str, region: str) -> SQSBackend:
    """Make moto's SQS of one account and region use these queues; returns it."""
    backend = _Backend(region, account)
    sqs_backends[account][region] = backend
    return backend


class _LinedUpQueue(Queue):
    """``_line``: the messages to receive next; ``_hidden``: those that join it at their ``visible_at`` (ms since 1970).

    ``_messages_lock`` is moto's condition: it guards all of this, and is notified where a message may be visible sooner.
    """

    # moto's own code reads this, and sets it to no messages where it makes or purges a queue.
    @property
    def _messages(self) -> list[Message]:
        return [*self._line, *self._hidden]

    @_messages.setter
    def _messages(self, _: list[Message]) -> None:
        self._line: OrderedDict[Message, None] = OrderedDict()
        self._hidden: dict[Message, None] = {}
        self._by_handle: dict[str, Message] = {}

    @property
    def approximate_number_of_messages(self) -> int:
        with self._messages_lock:
            self._line_up()
            return len(self._line)

    @property
    def approximate_number_of_messages_not_visible(self) -> int:
        with self._messages_lock:
            self._line_up()
            return len(self._hidden)

    @property
    def approximate_number_of_messages_delayed(self) -> int:
        return 0  # they are counted with those that are not visible

    def add_message(self, message: Message) -> None:
        self._hide(message, message.delayed_until)

    def receive(self, count: int, wait_s: float, visibility_timeout_s: int) -> list[Message]:
        """Up to ``count`` messages, as soon as there is one within ``wait_s``."""
        give_up_ms = _now_ms() + wait_s * 1000
        with self._messages_lock:
            while not (taken := self._take(count, visibility_timeout_s)) and (now_ms := _now_ms()) < give_up_ms:
                next_ms = min([give_up_ms, *(message.visible_at for message in self._hidden)])
                self._messages_lock.wait(max(next_ms - now_ms, 1) / 1000)
        return taken

    def _take(self, count: int, visibility_timeout_s: int) -> list[Message]:
        """Receive visible messages; those that failed too often move to the dead-letter queue instead."""
        self._line_up()
        retention_ms = self.message_retention_period * 1000  # type: ignore[attr-defined]
        taken: list[Message] = []
        while self._line and len(taken) < count:
            message, _ = self._line.popitem(last=False)
            if _now_ms() - float(message.sent_timestamp or 0) > retention_ms:
                self._forget(message)
            elif self.redrive_policy and message.approximate_receive_count >= self.redrive_policy["maxReceiveCount"]:
                self._forget(message)
                self.dead_letter_queue.add_message(message)  # type: ignore[union-attr]
            else:
                message.mark_received(visibility_timeout=visibility_timeout_s)
                self._by_handle[str(message.receipt_handle)] = message
                self._hide(message, message.visible_at)
                taken.append(message)
        return taken

    def delete_message(self, receipt_handle: str) -> None:
        with self._messages_lock:
            # As on AWS, deleting a message that does not exist succeeds.
            if receipt_handle in self._by_handle:
                self._forget(self._by_handle[receipt_handle])

    def change_visibility(self, receipt_handle: str, timeout_s: int) -> None:
        with self._messages_lock:
            if receipt_handle not in self._by_handle:
                raise ReceiptHandleIsInvalid
            self._hide(self._by_handle[receipt_handle], _now_ms() + timeout_s * 1000)

    def _hide(self, message: Message, until_ms: float) -> None:
        with self._messages_lock:
            message.visible_at = until_ms
            self._line.pop(message, None)
            self._hidden[message] = None
            self._messages_lock.notify_all()

    def _line_up(self) -> None:
        """Move the hidden messages whose time has come to the end of the line."""
        now_ms = _now_ms()
        for message in [message for message in self._hidden if message.visible_at <= now_ms]:
            del self._hidden[message]
            self._line[message] = None

    def _forget(self, message: Message) -> None:
        self._line.pop(message, None)
        self._hidden.pop(message, None)
        for handle in message.all_receipt_handles:
            self._by_handle.pop(str(handle), None)


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
        return queue.receive(count, wait_seconds_timeout, visibility_timeout)

    def change_message_visibility(self, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        cast(_LinedUpQueue, self.get_queue(queue_name)).change_visibility(receipt_handle, int(visibility_timeout))


def _now_ms() -> float:
    return time.time() * 1000
