"""The ingest function, its queue and its store in simulated time: functions that are killed, an S3 that does not answer."""

import heapq
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from lookalike.errors import ImageError, LookalikeError, StoreUnavailable
from lookalike.photos.catalogue import DataObject
from lookalike.store.object_store import MemoryStore
from lookalike.store.products import PRODUCTS
from lookalike.store.products.data_file import FileState
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Row
from lookalike.store.wrappers import WrapperStore
from tests.support import data_files, functions
from tests.support.fakes import LAYOUT, FakeCatalogue, FakeEmbedder, photo

TIMEOUT_S = 300.0
HIDDEN_S = 1805.0
MOST_RECEIVES = 10
BATCH = 100
CALL_S = 0.05
FAILED_CALL_S = 18.0


class Killed(BaseException):
    """The function's process is gone. No ``except Exception`` notices it, and what a ``finally`` does has no effect any more."""


@dataclass(order=True)
class Message:
    """A message of the simulated queue."""

    visible_s: float
    id: str
    body: str = field(compare=False)
    receives: int = field(compare=False, default=0)
    first_received_s: float = field(compare=False, default=0.0)

    @property
    def key(self) -> str:
        """The key of its first photo."""
        key: str = json.loads(self.body)["Records"][0]["s3"]["object"]["key"]
        return key


class World:
    """``app`` is a fresh copy of the function's module. ``answers`` says whether S3 answers a call of the store right now.

    A photo or data file whose bytes start with ``kill`` ends the function that embeds or parses it. The function takes part as a whole: its handler is called
    with Lambda's events, and what it hides, deletes and returns decides when a message comes back.
    """

    def __init__(self, app: ModuleType, answers: Callable[[], bool] = lambda: True) -> None:
        self.now_s = 1_800_000_000.0
        self.deadline_s = self.now_s
        self.is_dead = False
        self.kills = 0
        self.called: list[str] = []
        """What the store was asked."""
        self.answers = answers
        self.objects = MemoryStore(lambda: self.now_s)
        self.product_objects = MemoryStore(lambda: self.now_s)
        """The product store."""
        self.catalogue = _Catalogue(self)
        self.embed_s: Callable[[bytes], float] = lambda data: 0.03
        self.parse_s: Callable[[bytes], float] = lambda data: 0.03
        self.queue: list[Message] = []
        self.received: dict[str, Message] = {}
        self.dead_letters: list[Message] = []
        app.S3Store = lambda client, bucket, prefix: _Store(  # type: ignore[attr-defined]
            self, self.product_objects if prefix == PRODUCTS else self.objects
        )
        app.S3Catalogue = lambda client, bucket: self.catalogue  # type: ignore[attr-defined]
        app.SqsQueue = lambda url: self  # type: ignore[attr-defined]
        app.Embedder = lambda folder, **options: _Embedder(self)  # type: ignore[attr-defined]
        app.time = SimpleNamespace(time=lambda: self.now_s)  # type: ignore[attr-defined]
        app._services.cache_clear()
        self._app = app

    # --- the merchant -------------------------------------------------------------------------------------------------

    def upload(self, key: str, data: bytes | None = None) -> None:
        self.catalogue.put(key, photo(key) if data is None else data)
        number = len(self.catalogue.photos)
        record = {
            "eventName": "ObjectCreated:Put",
            "eventTime": "2026-03-02T10:15:30.000Z",
            "s3": {"bucket": {"name": "lookalike-catalogue"}, "object": {"key": key, "sequencer": f"{number:016X}"}},
        }
        heapq.heappush(self.queue, Message(self.now_s, f"m{number:05}", json.dumps({"Records": [record]})))

    # --- SQS and Lambda -----------------------------------------------------------------------------------------------

    def hide(self, delays_s: Mapping[str, int]) -> None:
        self.live(CALL_S)
        for handle, delay_s in delays_s.items():
            if handle in self.received:
                self.received[handle].visible_s = self.now_s + delay_s

    def delete(self, handles: Sequence[str]) -> None:
        self.live(CALL_S)
        for handle in handles:
            self.received.pop(handle, None)

    def live(self, seconds: float) -> None:
        """Let time pass in a function; a function that is out of time is killed, and a killed one does nothing more."""
        if self.is_dead:
            raise Killed
        self.now_s += seconds
        if self.now_s > self.deadline_s:
            self.now_s = self.deadline_s
            self.die()

    def die(self) -> None:
        self.is_dead = True
        self.kills += 1
        raise Killed

    def run(self, until_s: float = math.inf) -> None:
        """Until the queue is empty, or the time has come."""
        for _ in range(3000):
            if not self.queue or max(self.now_s, self.queue[0].visible_s) > until_s:
                self.now_s = self.now_s if until_s == math.inf else max(self.now_s, until_s)
                return
            self.now_s = max(self.now_s, self.queue[0].visible_s)
            self.invoke()
        raise AssertionError("the queue does not become empty")

    def invoke(self) -> None:
        """One batch of what is visible."""
        records = []
        self.received = {}
        while self.queue and self.queue[0].visible_s <= self.now_s and len(records) < BATCH:
            message = heapq.heappop(self.queue)
            if message.receives == MOST_RECEIVES:
                self.dead_letters.append(message)
                continue
            message.receives += 1
            message.first_received_s = message.first_received_s or self.now_s
            message.visible_s = self.now_s + HIDDEN_S
            self.received[f"r-{message.id}"] = message
            records.append(_record(message))
        self.is_dead = False
        self.deadline_s = self.now_s + TIMEOUT_S
        for message in self._coming_back(records):
            heapq.heappush(self.queue, message)

    def _coming_back(self, records: Sequence[Mapping[str, Any]]) -> list[Message]:
        try:
            answer = self._app.handler({"Records": records}, _Context(self))
        except Killed:
            self._app._services.cache_clear()  # the next one is a new process
            return list(self.received.values())
        except LookalikeError:
            return list(self.received.values())
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        return [message for message in self.received.values() if message.id in failed]

    # --- what came of it ----------------------------------------------------------------------------------------------

    def rows(self) -> dict[str, Row]:
        return {row.key: row for row in SnapshotReader(self.objects, layout=LAYOUT).refresh().rows()}

    def files(self) -> dict[str, FileState]:
        return data_files.states(self.product_objects)

    def attempts(self) -> list[str]:
        return [entry.name for entry in self.objects.list("attempts/")]


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.id,
        "receiptHandle": f"r-{message.id}",
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receives),
            "ApproximateFirstReceiveTimestamp": str(int(message.first_received_s * 1000)),
        },
    }


class _Context(functions.Context):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def get_remaining_time_in_millis(self) -> int:
        return round((self._world.deadline_s - self._world.now_s) * 1000)


class _Catalogue(FakeCatalogue):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    @contextmanager
    def data_file(self, key: str, *, max_bytes: int) -> Iterator[DataObject]:
        with super().data_file(key, max_bytes=max_bytes) as file:
            content = io.BufferedReader(_Stream(self._world, file.content.read()))
            yield DataObject(content, file.metadata, file.etag)


class _Stream(io.RawIOBase):
    """The bytes of a data file. Parsing takes its time when the first are read."""

    def __init__(self, world: World, data: bytes) -> None:
        self._world = world
        self._data = data
        self._is_begun = False
        self._left = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._is_begun:
            self._is_begun = True
            self._world.live(self._world.parse_s(self._data))
            if self._data.startswith(b"kill"):
                self._world.die()
        return self._left.readinto(buffer)


class _Embedder(FakeEmbedder):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def embed(self, images: Sequence[bytes]) -> list[np.ndarray | ImageError]:
        for data in images:
            self._world.live(self._world.embed_s(data))
            if data.startswith(b"kill"):
                self._world.die()
        return super().embed(images)


class _Store(WrapperStore):
    """The store as the function reaches it: each call takes time, and fails where S3 does not answer."""

    def __init__(self, world: World, objects: MemoryStore) -> None:
        super().__init__(objects)
        self._world = world

    def begin(self, call: str, name: str) -> None:
        self._world.called.append(f"{call} {name.partition('/')[0]}")
        answers = self._world.answers()
        self._world.live(CALL_S if answers else FAILED_CALL_S)
        if not answers:
            raise StoreUnavailable(f"S3 did not answer {call} {name}")
