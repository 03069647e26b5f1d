"""The follow function: on a schedule, brings full segments of the model's store into the index of candidates."""

import logging
import os
from dataclasses import asdict
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from lookalike import settings
from lookalike.aws import S3Store, s3_client
from lookalike.compaction.policy import Policy
from lookalike.follow import follow
from lookalike.index.opening import open_index
from lookalike.photos.model import ModelSpec
from lookalike.store import recall
from lookalike.store.damage import DAMAGED_READS

logger = Logger(service="follow")
metrics = Metrics(service="follow")  # the namespace is in the environment

# The libraries' warnings as JSON too: a logger has to exist to be configured.
logging.captureWarnings(True)
_LIBRARIES = {"lookalike", "botocore", "urllib3", "py"}
for _name in _LIBRARIES:
    logging.getLogger(_name)
copy_config_to_registered_loggers(logger, log_level=logging.WARNING, include=_LIBRARIES)


class _Services:
    """Objects that outlive an invocation."""

    def __init__(self) -> None:
        self.settings = settings.follow(os.environ)
        self.spec = ModelSpec.load(self.settings.model_dir)
        self.store = S3Store(s3_client(), self.settings.store_bucket, f"{self.spec.fingerprint}/")
        self.index = open_index(self.settings.index, self.spec.fingerprint, self.spec.layout)
        self.policy = Policy(grace_s=self.settings.grace_s, segment_bytes=self.settings.segment_bytes)


@cache
def _services() -> _Services:
    return _Services()


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Follow as much as the function's time allows; the next run goes on from there. Raises StoreError."""
    services = _services()
    done = follow(
        services.store,
        services.index,
        services.spec.layout,
        services.policy,
        time_left_s=lambda: float(context.get_remaining_time_in_millis()) / 1000,
    )
    logger.info("followed", index=services.index.name, work=asdict(done))
    for name, value, unit in (
        ("IndexRowsPut", done.rows_put, MetricUnit.Count),
        ("IndexRowsLacking", done.lacking_rows, MetricUnit.Count),
        ("IndexBehind", done.behind_s, MetricUnit.Seconds),
        ("DamagedReads", DAMAGED_READS.take(), MetricUnit.Count),
    ):
        metrics.add_metric(name=name, unit=unit, value=value)
    measured = recall.newest(services.store, services.index.name)
    if measured is not None:  # each turn, so that its alarm rings until another measurement
        metrics.add_metric(name="IndexRecall", unit=MetricUnit.NoUnit, value=measured.value)
    return {"index": services.index.name, **asdict(done)}
