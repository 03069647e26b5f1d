"""The local S3 and SQS: their process, clients of them, and the template's buckets, queues and notifications in them."""

import os
import socket
from pathlib import Path
from typing import Any, Final

from botocore.config import Config

from scripts.local.aws_session import isolated_session
from scripts.local.lifeline import Child, python
from scripts.local.template import Queue, Template

_CONNECTIONS: Final = 32


def start(listener: socket.socket, log_path: Path) -> Child:
    """S3 and SQS in a process of their own, which serves ``listener``."""
    # Without the caller's AWS variables: they must not change how moto behaves.
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    command = [*python("scripts.local.aws_server"), "--listener", str(listener.fileno())]
    with log_path.open("wb") as log:
        return Child(command, log=log, env=variables, passed=(listener.fileno(),))


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
    """Make the buckets with their rules, the queues and the notifications of the template; returns the URLs of the queues by ARN."""
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
        if bucket.cors_rules:
            s3.put_bucket_cors(Bucket=bucket.name, CORSConfiguration={"CORSRules": list(bucket.cors_rules)})
    return urls


def _dead_letter_queues_first(queue: Queue) -> bool:
    """A queue can only name a dead-letter queue that exists."""
    return queue.dead_letter_arn is not None
