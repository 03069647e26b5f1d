"""The compact function: on a schedule, compacts the store of every model in the bucket."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lookalike import settings
from lookalike.aws import S3Store, s3_client, store_prefixes
from lookalike.compaction.compact import Policy, compact
from lookalike.errors import StoreError

logger = Logger(service="compact")
metrics = Metrics(service="compact")  # the namespace is in the environment


@cache
def _client() -> Any:
    return s3_client()


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Compact as much as the function's time allows; the next run goes on from there.

    One store that cannot be compacted does not keep the others from it. Raises StoreError in the end, so that it is seen.
    """
    read = settings.compact(os.environ)
    done = {}
    failed = {}
    for prefix in store_prefixes(_client(), read.store_bucket):
        try:
            work = compact(
                S3Store(_client(), read.store_bucket, prefix),
                Policy(grace_s=read.grace_s),
                time_left_s=lambda: context.get_remaining_time_in_millis() / 1000,
            )
        except StoreError as error:
            logger.exception("not compacted", store=prefix)
            failed[prefix] = str(error)
            continue
        logger.info("compacted", store=prefix, work=work.as_dict())
        for name, value, unit in (
            ("RowsFolded", work.rows_folded, MetricUnit.Count),
            ("CompactionBytesRead", work.bytes_read, MetricUnit.Bytes),
            ("CompactionBytesWritten", work.bytes_written, MetricUnit.Bytes),
        ):
            metrics.add_metric(name=name, unit=unit, value=value)
        done[prefix] = work.as_dict()
    metrics.add_metric(name="StoresNotCompacted", unit=MetricUnit.Count, value=len(failed))
    if failed:
        raise StoreError(f"not compacted: {failed}")
    return {"stores": done}
