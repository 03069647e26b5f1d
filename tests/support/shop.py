"""A catalogue in memory, in place of a stack: what the commands of a merchant work on."""

import io
import itertools
from dataclasses import dataclass, field
from typing import Any

from lookalike.feeds.feed import read_feed
from lookalike.store.object_store import MemoryStore
from lookalike.store.products import product_log
from lookalike.store.products.data_file import DataFile
from lookalike.store.products.product_reader import ProductData, ProductReader
from lookalike.store.records import Op, order_of
from scripts.common.bucket import Bucket
from tests.support.s3 import FakeS3

QUEUE, DEAD = "https://sqs/queue", "https://sqs/dead"


@dataclass
class FakeSqs:
    """Queues by URL, each a list of bodies; a message that was received is hidden until it is released. ``refused``: bodies."""

    queues: dict[str, list[str]] = field(default_factory=lambda: {QUEUE: [], DEAD: []})
    hidden: dict[str, tuple[str, str]] = field(default_factory=dict)  # receipt -> (queue, body)
    refused: set[str] = field(default_factory=set)
    receipts: Any = field(default_factory=itertools.count)

    def receive_message(self, *, QueueUrl: str, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        taken = []
        while self.queues[QueueUrl] and len(taken) < MaxNumberOfMessages:
            receipt = str(next(self.receipts))
            body = self.queues[QueueUrl].pop(0)
            self.hidden[receipt] = (QueueUrl, body)
            taken.append({"Body": body, "ReceiptHandle": receipt, "Attributes": {"SentTimestamp": "1772446530000"}})
        return {"Messages": taken} if taken else {}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        if MessageBody in self.refused:
            raise OSError("SQS did not answer")
        self.queues[QueueUrl].append(MessageBody)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        self.queues[QueueUrl] += [entry["MessageBody"] for entry in Entries]
        return {}

    def delete_message(self, *, QueueUrl: str, ReceiptHandle: str) -> None:
        self.hidden.pop(ReceiptHandle)

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> None:
        for entry in Entries:
            url, body = self.hidden.pop(entry["ReceiptHandle"])
            assert (url, entry["VisibilityTimeout"]) == (QueueUrl, 0)
            self.queues[url].append(body)

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        in_flight = sum(url == QueueUrl for url, _ in self.hidden.values())
        counts = dict.fromkeys(AttributeNames, "0")
        counts["ApproximateNumberOfMessages"] = str(len(self.queues[QueueUrl]))
        counts["ApproximateNumberOfMessagesNotVisible"] = str(in_flight)
        return {"Attributes": counts}


class FakeShop:
    """``store``: of the photos, None as long as there is none."""

    def __init__(self) -> None:
        self.threads = 2
        self.s3 = FakeS3()
        self.bucket = Bucket(self.s3, "catalogue")
        self.store: MemoryStore | None = MemoryStore()
        self.products = MemoryStore()
        self.sqs = FakeSqs()
        self.queue_url, self.dead_letters_url = QUEUE, DEAD

    def product_data(self) -> ProductData:
        return ProductReader(self.products).refresh()

    @property
    def now_ms(self) -> int:
        """The time of the bucket's clock."""
        return int(self.s3.now.timestamp() * 1000)

    def put(self, key: str, data: bytes = b"") -> None:
        self.s3.put_object(Bucket="catalogue", Key=key, Body=data)

    def take_in(self, key: str, text: str) -> None:
        """Put a data file into the bucket and the product store."""
        self.put(key, text.encode())
        feed = read_feed(io.BytesIO(text.encode()), key)
        order = order_of(sequencer=None, time_ms=self.now_ms, op=Op.PUT)
        file = DataFile(key, order, Op.PUT, feed.table, feed.rows, feed.bad, feed.bad_total)
        product_log.append(self.products, file)

    def refuse(self, key: str, code: str, detail: str) -> None:
        """Put a data file into the bucket, and its refusal into the product store."""
        self.put(key, b"?")
        order = order_of(sequencer=None, time_ms=self.now_ms, op=Op.REJECT)
        product_log.append(self.products, DataFile(key, order, Op.REJECT, detail={"code": code, "detail": detail}))
