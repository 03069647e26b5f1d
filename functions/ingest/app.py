"""The ingest function: a batch of S3 notifications from the queue in, the messages that must come back out."""

import os
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from lookalike import settings
from lookalike.aws import S3Catalogue, S3Store, SqsQueue, s3_client
from lookalike.errors import LookalikeError, QueueUnavailable
from lookalike.ingest import ingest
from lookalike.photos.catalogue import NotAnEvent, PhotoEvent, parse_notification
from lookalike.photos.embedder import Embedder

logger = Logger(service="ingest")
copy_config_to_registered_loggers(logger, include={"lookalike"})  # the package's warnings as JSON too
metrics = Metrics(service="ingest")  # the namespace is in the environment

_PARALLEL_DOWNLOADS = 16
_RETRY_DELAYS_S = (10, 40, 160, 640, 900)
"""After the first failure of a message, the second and so on; the last one after all further failures."""

Message = Mapping[str, Any]


class BatchFailed(LookalikeError):
    """Every message of a batch failed."""


class _Services:
    """Objects that outlive an invocation."""

    def __init__(self) -> None:
        self.settings = settings.ingest(os.environ)
        client = s3_client()
        self.embedder = Embedder(
            self.settings.model_dir, threads=self.settings.threads, max_pixels=self.settings.max_image_pixels
        )
        # Once per execution environment: the next one may run on another kind of processor.
        if self.embedder.spec.probe is not None:
            with single_metric(
                name="ModelDrift",
                unit=MetricUnit.NoUnit,
                value=self.embedder.drift(),
                default_dimensions={"service": "embedder"},
            ):
                pass
        self.catalogue = S3Catalogue(client, self.settings.catalogue_bucket)
        self.store = S3Store(client, self.settings.store_bucket, f"{self.embedder.fingerprint}/")
        self.queue = SqsQueue(self.settings.queue_url)
        self.pool = ThreadPoolExecutor(_PARALLEL_DOWNLOADS, thread_name_prefix="download")


@cache
def _services() -> _Services:
    return _Services()


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Ingest the batch; messages named in the answer stay in the queue, and in the end reach the dead-letter queue.

    Raises BatchFailed where all of them failed. All come back then too, and Lambda counts an error: an alarm rings.
    """
    services = _services()
    messages: list[Message] = event["Records"]
    try:
        reasons = _ingest(messages, services)
    except Exception:  # nothing was appended, or it is not known: all messages come back
        logger.exception("not ingested")
        _give_back(messages, services.queue)
        raise
    failed = [message for message in messages if message["messageId"] in reasons]
    _give_back(failed, services.queue)
    if failed and len(failed) == len(messages):
        reason = next(iter(reasons.values()))
        raise BatchFailed(f"{len(failed)} of {len(failed)} messages failed, one of them because: {reason}")
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in reasons]}


def _ingest(messages: Sequence[Message], services: _Services) -> dict[str, str]:
    """Ingest the events of all messages as one batch. Returns why messages failed, by message id."""
    events: dict[str, list[PhotoEvent]] = {}
    failed: dict[str, str] = {}
    for message in messages:
        try:
            events[message["messageId"]] = _events(message["body"], services.settings.catalogue_bucket)
        except NotAnEvent as error:
            failed[message["messageId"]] = str(error)
    done = ingest(
        [item for items in events.values() for item in items],
        catalogue=services.catalogue,
        embedder=services.embedder,
        store=services.store,
        pool=services.pool,
        max_bytes=services.settings.max_image_bytes,
    )
    for message_id, items in events.items():
        reasons = [done.failed[item] for item in items if item in done.failed]
        if reasons:
            failed[message_id] = reasons[0]
    log = logger.warning if failed else logger.info
    log(
        "ingested",
        embedded=done.embedded,
        rejected=done.rejected,
        deleted=done.deleted,
        skipped=done.skipped,
        failed=failed,
        segment=done.segment,
    )
    for name, count in (
        ("PhotosEmbedded", done.embedded),
        ("PhotosRejected", done.rejected),
        ("PhotosDeleted", done.deleted),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    return failed


def _events(body: str, bucket: str) -> list[PhotoEvent]:
    events = list(parse_notification(body))
    for event in events:
        if event.bucket != bucket:
            raise NotAnEvent(f"the notification is of the bucket {event.bucket}, not the catalogue's")
    return events


def _give_back(messages: Sequence[Message], queue: SqsQueue) -> None:
    """Let failed messages come back after their delay. Otherwise they do after the queue's visibility timeout."""
    metrics.add_metric(name="MessagesFailed", unit=MetricUnit.Count, value=len(messages))
    if not messages:
        return
    jitter = random.random()  # noqa: S311 - one for all: they come back together, and become one segment
    delays_s = {
        message["receiptHandle"]: retry_delay_s(int(message["attributes"]["ApproximateReceiveCount"]), jitter)
        for message in messages
    }
    try:
        queue.hide(delays_s)
    except QueueUnavailable as error:
        logger.warning("failed messages come back late", reason=str(error))


def retry_delay_s(receive_count: int, jitter: float) -> int:
    """Seconds until a message comes back that failed for the ``receive_count``-th time.

    ``jitter``, 0 to 1, takes up to a quarter off, so that the batches of one outage spread.
    """
    return round(_RETRY_DELAYS_S[min(receive_count, len(_RETRY_DELAYS_S)) - 1] * (1 - jitter / 4))


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    _services()  # Lambda gives the initialisation phase a full processor: load the model there
