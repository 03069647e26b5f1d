"""The template's buckets, queues and notifications, made in the local S3 and SQS."""

from typing import Any, Final

from botocore.config import Config

from scripts.local.aws_session import isolated_session
from scripts.local.template import Queue, Template

_CONNECTIONS: Final = 32


def client(service: str, endpoint_url: str) -> Any:
    """A boto3 client for the local S3 or SQS, whatever this machine's AWS configuration says."""
    config = Config(
        max_pool_connections=_CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": 3},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=5,
        read_timeout=60,
    )
    return isolated_session().client(service, endpoint_url=endpoint_url, config=config)


def make(template: Template, s3: Any, sqs: Any) -> dict[str, str]:
    """Make what the template describes; returns the queues' URLs by ARN."""
    urls = {}
    for queue in sorted(template.queues, key=_dead_letter_queues_first):
        urls[queue.arn] = sqs.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes))["QueueUrl"]
    for bucket in template.buckets:
        s3.create_bucket(Bucket=bucket.name)
        if bucket.versioned:
            s3.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
        if bucket.notifications:
            s3.put_bucket_notification_configuration(
                Bucket=bucket.name,
                NotificationConfiguration={"QueueConfigurations": list(bucket.notifications)},
            )
    return urls


def _dead_letter_queues_first(queue: Queue) -> bool:
    """A queue can only name a dead-letter queue that is there."""
    return queue.dead_letter_arn is not None
