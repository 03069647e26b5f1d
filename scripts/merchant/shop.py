"""The buckets, the store and the queues that a command works on: those of a stack, or those that are named."""

import argparse
import json
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from lookalike.aws import S3Store, store_prefixes
from lookalike.store.products import PRODUCTS
from lookalike.store.products.product_reader import ProductData, ProductReader
from scripts.common.arguments import BUCKET_VARIABLE, STORE_BUCKET_VARIABLE, at_least_one
from scripts.common.bucket import Bucket, s3_client
from scripts.common.labels import InputError
from scripts.deployment import deployed, drop_store

_QUEUE: Final = "QueueUrl"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that say where a command works."""
    where = parser.add_argument_group("where")
    deployed.add_target_options(where)
    where.add_argument("--bucket", help=f"the catalogue bucket, without a stack (or ${BUCKET_VARIABLE})")
    where.add_argument("--store-bucket", help=f"the store bucket, without a stack (or ${STORE_BUCKET_VARIABLE})")
    where.add_argument("--store", metavar="FINGERPRINT", help="the model, where the store bucket has those of several")
    where.add_argument("--threads", type=at_least_one, default=16, help="requests at once (16)")


class Shop:
    """What belongs to one catalogue. Each part is found when it is first asked for.

    Every part may raise DeployError, where no stack or more than one store could be meant, and botocore's errors.
    """

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> None:
        self._options = options
        self.threads: int = options.threads
        is_named = bool(options.stack_name or options.bucket or options.store_bucket)
        # Variables stand for a stack that samconfig.toml does not know, such as the local one.
        self._variables: Mapping[str, str] = {} if is_named else environment

    @cached_property
    def session(self) -> Any:
        if BUCKET_VARIABLE in self._variables:
            return deployed.Target("", self._options.region, self._options.profile).session()
        return deployed.session(self._options)

    @cached_property
    def s3(self) -> Any:
        return s3_client(self.session, connections=2 * self.threads)

    @cached_property
    def sqs(self) -> Any:
        return self.session.client("sqs")

    @cached_property
    def bucket(self) -> Bucket:
        """The catalogue bucket."""
        name = self._options.bucket or self._variables.get(BUCKET_VARIABLE) or self._outputs["CatalogueBucketName"]
        return Bucket(self.s3, name)

    @property
    def needs_stack(self) -> bool:
        """Whether the catalogue bucket is that of a stack."""
        return not (self._options.bucket or self._variables.get(BUCKET_VARIABLE))

    @cached_property
    def _outputs(self) -> Mapping[str, str]:
        return deployed.stack_outputs(deployed.target_of(self._options))

    @cached_property
    def _store_bucket(self) -> str:
        named: str | None = self._options.store_bucket or self._variables.get(STORE_BUCKET_VARIABLE)
        if not named and not self.needs_stack:
            raise InputError(f"Which store? Name its bucket with --store-bucket, or set {STORE_BUCKET_VARIABLE}.")
        return named or self._outputs["StoreBucketName"]

    @cached_property
    def store(self) -> S3Store | None:
        """The store of the photos; None as long as no photo was ever taken in."""
        prefixes = store_prefixes(self.s3, self._store_bucket)
        if not prefixes:
            return None
        wanted = self._options.store or (self._outputs.get("ModelFingerprint") if self.needs_stack else None)
        return S3Store(self.s3, self._store_bucket, drop_store.prefix_of(prefixes, self._store_bucket, wanted))

    def product_data(self) -> ProductData:
        """The product data as it is now. Raises StoreError."""
        return ProductReader(S3Store(self.s3, self._store_bucket, PRODUCTS)).refresh()

    @cached_property
    def queue_url(self) -> str:
        """The queue of the bucket's events: the stack's, or the one that the bucket notifies."""
        if self.needs_stack and _QUEUE in self._outputs:
            return self._outputs[_QUEUE]
        told = self.s3.get_bucket_notification_configuration(Bucket=self.bucket.name)
        queues = {item["QueueArn"] for item in told.get("QueueConfigurations", ())}
        if len(queues) != 1:
            raise InputError(f"{self.bucket.name} notifies {len(queues)} queues of its objects; one is needed.")
        return self._url_of(queues.pop())

    @cached_property
    def dead_letters_url(self) -> str:
        """The queue of the events that failed too often: that which the queue itself names."""
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["RedrivePolicy"])
        policy = answer.get("Attributes", {}).get("RedrivePolicy")
        if not policy:
            raise InputError(f"{self.queue_url} has no dead-letter queue.")
        return self._url_of(json.loads(policy)["deadLetterTargetArn"])

    def _url_of(self, arn: str) -> str:
        *_, account, name = arn.split(":")
        url: str = self.sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        return url
