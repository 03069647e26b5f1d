"""The compact function looks after every store in the bucket, within its time, and one broken store stops no other."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from lookalike.errors import StoreError, StoreUnavailable
from lookalike.store import append_log, names
from lookalike.store.products import PRODUCTS
from lookalike.store.reader import SnapshotReader
from tests.support import functions
from tests.support.fakes import LAYOUT, OutageStore, fill, photo, put_row

# A handler that raises has counted nothing, and Powertools warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

SCHEDULE = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}


@dataclass
class Bucket:
    """The stores of a bucket by prefix, and the function over them."""

    app: ModuleType
    stores: dict[str, OutageStore] = field(default_factory=lambda: {PRODUCTS: OutageStore()})

    def add(self, prefix: str, photos: int) -> OutageStore:
        """A store with one photo in each of several log segments."""
        store = self.stores[prefix] = OutageStore()
        for number in range(photos):
            fill(store, [put_row(f"images/{number}.jpg", photo(str(number)))])
        return store

    def run(self, remaining_ms: int = 900_000) -> dict[str, Any]:
        answer: dict[str, Any] = self.app.handler(SCHEDULE, functions.Context(remaining_ms=remaining_ms))
        return answer


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in functions.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    bucket = Bucket(functions.load("compact"))

    def store(client: Any, name: str, prefix: str) -> OutageStore:
        assert name == "lookalike-store"
        return bucket.stores[prefix]

    monkeypatch.setattr(bucket.app, "S3Store", store)
    monkeypatch.setattr(
        bucket.app, "store_prefixes", lambda client, name: [prefix for prefix in bucket.stores if prefix != PRODUCTS]
    )
    return bucket


def version(store: OutageStore) -> str:
    return SnapshotReader(store, layout=LAYOUT).refresh().version


def test_every_store_is_compacted(bucket: Bucket) -> None:
    stores = [bucket.add("aa/", 3), bucket.add("bb/", 5)]

    answer = bucket.run()

    assert [version(store) for store in stores] == ["1+0", "1+0"]
    folded = {prefix: work["rows_folded"] for prefix, work in answer["stores"].items()}
    assert folded == {"aa/": 3, "bb/": 5, PRODUCTS: 0}


def test_nothing_is_lost(bucket: Bucket) -> None:
    store = bucket.add("aa/", 4)

    bucket.run()
    bucket.run()

    snapshot = SnapshotReader(store, layout=LAYOUT).refresh()
    assert {row.key for row in snapshot.rows()} == {f"images/{number}.jpg" for number in range(4)}


def test_a_bucket_without_stores_needs_no_work(bucket: Bucket) -> None:
    answer = bucket.run()
    assert {prefix: set(work.values()) for prefix, work in answer["stores"].items()} == {PRODUCTS: {0}}


def test_no_step_begins_that_would_not_end_in_time(bucket: Bucket) -> None:
    store = bucket.add("aa/", 3)

    answer = bucket.run(remaining_ms=30_000)

    assert answer["stores"]["aa/"]["rows_folded"] == 0
    assert version(store) == "0+3"


def test_time_is_asked_for_again_and_again(bucket: Bucket) -> None:
    """What the first store took is not there for the second."""
    first, second = bucket.add("aa/", 3), bucket.add("bb/", 3)
    context = functions.Context(remaining_ms=100_000)
    put_if_absent: Callable[..., Any] = first.put_if_absent

    def slow_put(name: str, data: bytes) -> Any:
        context.remaining_ms = 30_000
        return put_if_absent(name, data)

    first.put_if_absent = slow_put  # type: ignore[method-assign]

    bucket.app.handler(SCHEDULE, context)

    assert (version(first), version(second)) == ("1+0", "0+3")


def test_a_store_with_much_to_do_holds_up_no_other(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backfill of one model's store takes many runs, and the photos of the other are to be searchable meanwhile."""
    monkeypatch.setenv("SEGMENT_BYTES", "1")  # each log segment is a step
    busy, other = bucket.add("aa/", 20), bucket.add("bb/", 2)

    @dataclass
    class Passing(functions.Context):
        def get_remaining_time_in_millis(self) -> int:
            self.remaining_ms -= 50_000
            return self.remaining_ms

    bucket.app.handler(SCHEDULE, Passing(remaining_ms=400_000))

    assert version(other) == "2+0"
    assert int(version(busy).partition("+")[0]) >= 2


def test_the_function_needs_settings_of_its_own_alone(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    store = bucket.add("aa/", 1)
    for name in ("CATALOGUE_BUCKET", "MODEL_DIR"):
        monkeypatch.delenv(name)
    bucket.run()
    assert version(store) == "1+0"


def test_warnings_of_the_libraries_are_json() -> None:
    program = """
import logging, sys
sys.path.insert(0, "functions/compact")
import app
for name in ("lookalike.store.reader", "botocore.hooks", "py.warnings"):
    logging.getLogger(name).warning("%s says so", name)
    logging.getLogger(name).info("nothing worth a line")
"""
    environment = {**os.environ, **functions.ENVIRONMENT}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=functions.ROOT, env=environment
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [(line["level"], line["service"], line["message"]) for line in lines] == [
        ("WARNING", "compact", "lookalike.store.reader says so"),
        ("WARNING", "compact", "botocore.hooks says so"),
        ("WARNING", "compact", "py.warnings says so"),
    ]
    assert ran.stderr == ""


@pytest.mark.parametrize("fault", ["get", "list", "put"])
def test_a_store_that_fails_stops_no_other_and_is_reported(bucket: Bucket, fault: str) -> None:
    broken, sound = bucket.add("aa/", 2), bucket.add("bb/", 2)
    broken.down = {fault}

    with pytest.raises(StoreError, match="aa/"):
        bucket.run()
    broken.down = set()

    assert (version(broken), version(sound)) == ("0+2", "1+0")


def test_a_damaged_store_stops_no_other(bucket: Bucket) -> None:
    bucket.add("aa/", 1).put_if_absent(names.new_log_segment(b""), b"nonsense")
    sound = bucket.add("bb/", 2)

    with pytest.raises(StoreError, match="aa/"):
        bucket.run()

    assert version(sound) == "1+0"


def test_an_error_that_nobody_foresaw_stops_no_other_store(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, sound = bucket.add("aa/", 1), bucket.add("bb/", 2)
    read = append_log.read

    def fail(store: Any, name: str) -> Any:
        if store is bad:
            raise ZeroDivisionError("division by zero")
        return read(store, name)

    monkeypatch.setattr(append_log, "read", fail)
    with pytest.raises(StoreError, match=r"aa/.*division"):
        bucket.run()

    assert version(sound) == "1+0"


def test_a_bucket_out_of_reach_is_an_error(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(client: Any, name: str) -> list[str]:
        raise StoreUnavailable("S3 did not answer LIST")

    monkeypatch.setattr(bucket.app, "store_prefixes", fail)
    with pytest.raises(StoreUnavailable):
        bucket.run()


def test_what_was_folded_goes_after_the_grace_period(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    store = bucket.add("aa/", 2)
    monkeypatch.setenv("GRACE_S", "3600")
    bucket.run()
    bucket.run()
    assert len(list(store.list("log/"))) == 2

    monkeypatch.setenv("GRACE_S", "0")
    bucket.app._services.cache_clear()
    time.sleep(0.002)  # the age of what was folded is counted in whole milliseconds
    bucket.run()

    assert list(store.list("log/")) == []
