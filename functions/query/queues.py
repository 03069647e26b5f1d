"""The queues behind the catalogue: how many messages wait to become searchable, and how many failed too often."""

import time
from collections.abc import Callable
from dataclasses import astuple

from aws_lambda_powertools import Logger

from lookalike.aws import QueueCounts, SqsQueue
from lookalike.errors import QueueUnavailable

_KEPT_S = 5.0  # pages ask every few seconds, each of many pages


class Queues:
    """Counts the messages of the ingest queue and of its dead-letter queue, at most once in ``_KEPT_S``."""

    def __init__(
        self, waiting: SqsQueue, dead: SqsQueue, logger: Logger, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._queues = (waiting, dead)
        self._logger = logger
        self._clock = clock
        self._counted: dict[str, int | None] = {}
        self._counted_s = 0.0

    def counts(self) -> dict[str, int | None]:
        """``waiting``, ``in_flight``, ``delayed`` and ``dead_letters``; None where SQS does not say so at once."""
        if not self._counted or self._clock() - self._counted_s >= _KEPT_S:
            waiting, dead = map(self._count, self._queues)
            self._counted = {
                "waiting": waiting.waiting if waiting else None,
                "in_flight": waiting.in_flight if waiting else None,
                "delayed": waiting.delayed if waiting else None,
                # Also those that somebody is looking at, or that are about to be moved back.
                "dead_letters": sum(astuple(dead)) if dead else None,
            }
            self._counted_s = self._clock()
        return self._counted

    def _count(self, queue: SqsQueue) -> QueueCounts | None:
        try:
            return queue.counts()
        except QueueUnavailable as error:
            self._logger.warning("SQS did not count messages", detail=str(error))
            return None
