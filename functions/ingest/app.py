"""The ingest function: a batch of S3 notifications from the queue in, the messages that must come back out."""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from lookalike import settings
from lookalike.aws import S3Catalogue, S3Store, SqsQueue, s3_client
from lookalike.batch import Batch
from lookalike.data_ingest import DataIngest, IngestedFile
from lookalike.errors import LookalikeError, QueueUnavailable
from lookalike.ingest import ingest
from lookalike.messages import Message, Outcome
from lookalike.photos.catalogue import NotAnEvent, parse_notification
from lookalike.photos.embedder import Embedder
from lookalike.store.attempts import Attempt
from lookalike.store.products import PRODUCTS
from lookalike.store.records import Op

logger = Logger(service="ingest")
copy_config_to_registered_loggers(logger, include={"lookalike"})  # the package's warnings as JSON too
metrics = Metrics(service="ingest")  # the namespace is in the environment

_PARALLEL_DOWNLOADS = 16
_RETRY_DELAYS_S = (10, 40, 160, 640, 900)
"""After the first failure of a message, the second and so on; the last one after all further failures."""

Record = Mapping[str, Any]
"""A message as Lambda hands it over."""


class BatchFailed(LookalikeError):
    """Every message of a batch failed."""


class _Services:
    """Objects that outlive an invocation."""

    def __init__(self) -> None:
        self.settings = settings.ingest(os.environ)
        # RESERVE_S has room for an append, which may be written and read back, at the worst: every attempt times out.
        client = s3_client(connect_timeout_s=1, read_timeout_s=4, attempts=3)
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
        self.files = DataIngest(
            self.catalogue,
            S3Store(client, self.settings.store_bucket, PRODUCTS),
            max_bytes=self.settings.max_data_bytes,
        )
        self.queue = SqsQueue(self.settings.queue_url)
        self.unsettled: set[Attempt] = set()
        self.pool = ThreadPoolExecutor(_PARALLEL_DOWNLOADS, thread_name_prefix="download")


@cache
def _services() -> _Services:
    return _Services()


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Ingest the batch; messages named in the answer stay in the queue, and in the end reach the dead-letter queue.

    Raises BatchFailed where all of them failed. All come back then too, and Lambda counts an error: an alarm rings.
    """
    services = _services()
    records: list[Record] = event["Records"]
    try:
        outcome = _ingest(records, services, lambda: context.get_remaining_time_in_millis() / 1000)
    except Exception:  # nothing was appended, or it is not known: all messages come back
        logger.exception("not ingested")
        _give_back(records, {record["messageId"]: _receives(record) for record in records}, services.queue)
        raise
    failures = {record["messageId"]: _receives(record) for record in records if record["messageId"] in outcome.failed}
    _give_back(records, failures | dict.fromkeys(outcome.unstarted, 0), services.queue)
    if records and len(outcome.failed) == len(records):
        reason = next(iter(outcome.failed.values()))
        raise BatchFailed(f"{len(records)} of {len(records)} messages failed, one of them because: {reason}")
    return {"batchItemFailures": [{"itemIdentifier": id_} for id_ in (*outcome.failed, *outcome.unstarted)]}


def _ingest(records: Sequence[Record], services: _Services, time_left_s: Callable[[], float]) -> Outcome:
    """Ingest the events of all messages."""
    messages: list[Message] = []
    no_events: dict[str, str] = {}  # reasons by message id
    for record in records:
        try:
            messages.append(_message(record, services.settings.catalogue_bucket))
        except NotAnEvent as error:
            no_events[record["messageId"]] = str(error)
    batch = Batch(
        ingest=partial(
            ingest,
            catalogue=services.catalogue,
            pool=services.pool,
            max_bytes=services.settings.max_image_bytes,
        ),
        embedder=services.embedder,
        files=services.files,
        store=services.store,
        queue=services.queue,
        timeout_s=time_left_s(),
        time_left_s=time_left_s,
        reserve_s=services.settings.reserve_s,
        file_reserve_s=services.settings.data_reserve_s,
        clock=time.time,
        unsettled=services.unsettled,
    )
    outcome = batch.take_in(messages)
    outcome.failed |= no_events
    log = logger.warning if outcome.failed else logger.info
    log(
        "ingested",
        embedded=outcome.embedded,
        rejected=outcome.rejected,
        deleted=outcome.deleted,
        skipped=outcome.skipped,
        data_files=[file.key for file in outcome.files],
        failed=outcome.failed,
        unstarted=len(outcome.unstarted),
        segments=outcome.segments,
    )
    for name, count in (
        ("PhotosEmbedded", outcome.embedded),
        ("PhotosRejected", outcome.rejected),
        ("PhotosDeleted", outcome.deleted),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    if outcome.files:
        _count_files(outcome.files)
    return outcome


def _count_files(files: Sequence[IngestedFile]) -> None:
    for name, count in (
        ("DataFiles", sum(file.op is Op.PUT for file in files)),
        ("DataFilesRejected", sum(file.op is Op.REJECT for file in files)),
        ("ProductRows", sum(file.rows for file in files)),
        ("BadRows", sum(file.bad_rows for file in files)),
    ):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)


def _message(record: Record, bucket: str) -> Message:
    """The message and its events. Raises NotAnEvent."""
    events = tuple(parse_notification(record["body"]))
    for event in events:
        if event.bucket != bucket:
            raise NotAnEvent(f"the notification is of the bucket {event.bucket}, not the catalogue's")
    first_received_s = int(record["attributes"]["ApproximateFirstReceiveTimestamp"]) / 1000
    return Message(record["messageId"], record["receiptHandle"], events, _receives(record), first_received_s)


def _receives(record: Record) -> int:
    """How often a message was received, this time included."""
    return int(record["attributes"]["ApproximateReceiveCount"])


def _give_back(records: Sequence[Record], failures: Mapping[str, int], queue: SqsQueue) -> None:
    """Let messages come back after the delay of as many failures. Otherwise they do after the queue's visibility timeout.

    ``failures`` by message id; 0 where the message did not fail and only its turn did not come.
    """
    metrics.add_metric(name="MessagesFailed", unit=MetricUnit.Count, value=sum(map(bool, failures.values())))
    if not failures:
        return
    jitter = random.random()  # noqa: S311 - one for all: they come back together, and become one segment
    delays_s = {
        record["receiptHandle"]: retry_delay_s(failures[record["messageId"]], jitter)
        for record in records
        if record["messageId"] in failures
    }
    try:
        queue.hide(delays_s)
    except QueueUnavailable as error:
        logger.warning("failed messages come back late", reason=str(error))


def retry_delay_s(failures: int, jitter: float) -> int:
    """Seconds until a message comes back after so many failures; 0 without any.

    ``jitter``, 0 to 1, takes up to a quarter off, so that the batches of one outage spread.
    """
    if not failures:
        return 0
    return round(_RETRY_DELAYS_S[min(failures, len(_RETRY_DELAYS_S)) - 1] * (1 - jitter / 4))


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    _services()  # Lambda gives the initialisation phase a full processor: load the model there
