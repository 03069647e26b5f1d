"""The ingest function: a batch of S3 notifications from the queue in, the messages that must come back out."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from lookalike import settings
from lookalike.aws import S3Catalogue, S3Store, s3_client
from lookalike.errors import LookalikeError
from lookalike.ingest import ingest
from lookalike.photos.catalogue import NotAnEvent, PhotoEvent, parse_notification
from lookalike.photos.embedder import Embedder

logger = Logger(service="ingest")
metrics = Metrics(service="ingest")  # the namespace is in the environment

_DOWNLOADS_AT_ONCE = 16


class BatchFailed(LookalikeError):
    """Every message of a batch failed."""


class _Services:
    """What outlives an invocation."""

    def __init__(self) -> None:
        self.settings = settings.ingest(os.environ)
        client = s3_client()
        self.embedder = Embedder(
            self.settings.model_dir, threads=self.settings.threads, max_pixels=self.settings.max_image_pixels
        )
        # Here, once for each execution environment: the next one may run on another kind of processor.
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
        self.pool = ThreadPoolExecutor(_DOWNLOADS_AT_ONCE, thread_name_prefix="download")


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
    messages: dict[str, list[PhotoEvent]] = {}
    failures: dict[str, str] = {}
    for record in event["Records"]:
        try:
            events = list(parse_notification(record["body"]))
            for item in events:
                if item.bucket != services.settings.catalogue_bucket:
                    raise NotAnEvent(f"the notification is of the bucket {item.bucket}, not the catalogue's")
            messages[record["messageId"]] = events
        except NotAnEvent as error:
            failures[record["messageId"]] = str(error)
    done = ingest(
        [item for events in messages.values() for item in events],
        catalogue=services.catalogue,
        embedder=services.embedder,
        store=services.store,
        pool=services.pool,
        max_bytes=services.settings.max_image_bytes,
    )
    for message_id, events in messages.items():
        reasons = [done.failed[item] for item in events if item in done.failed]
        if reasons:
            failures[message_id] = reasons[0]
    log = logger.warning if failures else logger.info
    log(
        "ingested",
        embedded=done.embedded,
        rejected=done.rejected,
        deleted=done.deleted,
        skipped=done.skipped,
        failed=failures,
        segment=done.segment,
    )
    for name, count in (
        ("PhotosEmbedded", done.embedded),
        ("PhotosRejected", done.rejected),
        ("PhotosDeleted", done.deleted),
        ("MessagesFailed", len(failures)),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    if failures and len(failures) == len(event["Records"]):
        reason = next(iter(failures.values()))
        raise BatchFailed(f"{len(failures)} of {len(failures)} messages failed, one of them because: {reason}")
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failures]}


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    _services()  # Lambda gives the initialisation phase a full processor: load the model there
