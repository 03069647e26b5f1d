"""The compact function: on a schedule, compacts the product data and the store of every model in the bucket."""

import logging
import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from aws_lambda_powertools.metrics import MetricUnit

from lookalike import settings
from lookalike.aws import S3Store, s3_client, store_prefixes
from lookalike.compaction.compact import photo_steps
from lookalike.compaction.policy import Policy
from lookalike.compaction.products import product_steps
from lookalike.compaction.steps import in_turn
from lookalike.errors import StoreError
from lookalike.store.damage import DAMAGED_READS
from lookalike.store.products import PRODUCTS

logger = Logger(service="compact")
metrics = Metrics(service="compact")  # the namespace is in the environment

# The libraries' warnings as JSON too: a logger has to exist to be configured.
logging.captureWarnings(True)
_LIBRARIES = {"lookalike", "botocore", "urllib3", "py"}
for _name in _LIBRARIES:
    logging.getLogger(_name)
copy_config_to_registered_loggers(logger, log_level=logging.WARNING, include=_LIBRARIES)


class _Services:
    """Objects that outlive an invocation."""

    def __init__(self) -> None:
        self.settings = settings.compact(os.environ)
        self.client = s3_client()
        self.policy = Policy(grace_s=self.settings.grace_s, segment_bytes=self.settings.segment_bytes)


@cache
def _services() -> _Services:
    return _Services()


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Compact as much as the function's time allows; the next run goes on from there.

    A store that cannot be compacted does not keep the others from it. Raises StoreError in the end, so that it is seen.
    """
    services = _services()
    bucket = services.settings.store_bucket

    def time_left_s() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    photos = {
        prefix: photo_steps(S3Store(services.client, bucket, prefix), services.policy, time_left_s=time_left_s)
        for prefix in store_prefixes(services.client, bucket)
    }
    products = product_steps(S3Store(services.client, bucket, PRODUCTS), services.policy, time_left_s=time_left_s)
    done, failed = in_turn({PRODUCTS: products, **photos})
    for prefix, work in done.items():
        if prefix in failed:
            logger.error("not compacted", store=prefix, work=work.as_dict(), exc_info=failed[prefix])
        else:
            logger.info("compacted", store=prefix, work=work.as_dict())
        for name, value, unit in (
            ("RowsFolded", work.rows_folded, MetricUnit.Count),
            ("CompactionBytesRead", work.bytes_read, MetricUnit.Bytes),
            ("CompactionBytesWritten", work.bytes_written, MetricUnit.Bytes),
        ):
            metrics.add_metric(name=name, unit=unit, value=value)
    metrics.add_metric(name="StoresNotCompacted", unit=MetricUnit.Count, value=len(failed))
    metrics.add_metric(name="DamagedReads", unit=MetricUnit.Count, value=DAMAGED_READS.take())
    if failed:
        raise StoreError(f"not compacted: { {prefix: str(error) for prefix, error in failed.items()} }")
    return {"stores": {prefix: work.as_dict() for prefix, work in done.items()}}
