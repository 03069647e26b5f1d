"""The ingest function: what went wrong comes back alone, and what is no event at all goes to the dead-letter queue."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from urllib.parse import quote_plus

import pytest

from lookalike.errors import LookalikeError, QueueUnavailable, StoreUnavailable
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row
from tests.support import data_files, functions
from tests.support.fakes import FINGERPRINT, LAYOUT, FakeCatalogue, FakeEmbedder, OutageStore, photo


@dataclass
class Queue:
    """Hands batches to the function, as the event source mapping does."""

    app: ModuleType
    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    store: OutageStore = field(default_factory=OutageStore)
    products: OutageStore = field(default_factory=OutageStore)
    """The product store."""
    made: list[Any] = field(default_factory=list)
    hidden_s: dict[str, int] = field(default_factory=dict)
    """For how long messages were hidden again, by receipt handle."""
    is_out_of_reach: bool = False
    deleted: list[str] | None = None
    """The receipt handles of messages that the function deleted itself; None where it must not."""

    def hide(self, delays_s: Mapping[str, int]) -> None:
        if self.is_out_of_reach:
            raise QueueUnavailable("SQS did not answer")
        self.hidden_s.update(delays_s)

    def delete(self, handles: Sequence[str]) -> None:
        assert self.deleted is not None, "Lambda deletes what is done"
        if self.is_out_of_reach:
            raise QueueUnavailable("SQS did not answer")
        self.deleted += handles

    def deliver(self, event: dict[str, Any], context: functions.Context | None = None) -> list[str]:
        """The ids of the messages that must come back."""
        answer = self.app.handler(event, context or functions.Context())
        assert set(answer) == {"batchItemFailures"}
        assert all(set(item) == {"itemIdentifier"} for item in answer["batchItemFailures"])
        failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
        # Lambda takes an answer that names an unknown message, or one twice, for a failure of the whole batch.
        assert len(set(failed)) == len(failed)
        assert set(failed) <= {record["messageId"] for record in event["Records"]}
        return failed

    def rows(self) -> dict[str, Row]:
        return {row.key: row for row in SnapshotReader(self.store, layout=LAYOUT).refresh().rows()}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    for name, value in (*functions.ENVIRONMENT.items(), ("MAX_IMAGE_BYTES", "1000")):
        monkeypatch.setenv(name, value)
    queue = Queue(functions.load("ingest"))

    def store(client: Any, *place: str) -> OutageStore:
        queue.made.append(place)
        return queue.products if place[1] == "products/" else queue.store

    monkeypatch.setattr(queue.app, "S3Store", store)
    monkeypatch.setattr(queue.app, "S3Catalogue", lambda client, bucket: queue.catalogue)
    monkeypatch.setattr(queue.app, "SqsQueue", lambda url: queue)
    monkeypatch.setattr(queue.app, "Embedder", lambda folder, **options: FakeEmbedder())
    return queue


def batch(*bodies: str, received: int = 1) -> dict[str, Any]:
    """A batch of messages with the ids m0, m1 and so on, and the receipt handles r0, r1 ..."""
    now_ms = str(int(time.time() * 1000))
    attributes = {"ApproximateReceiveCount": str(received), "ApproximateFirstReceiveTimestamp": now_ms}
    return {
        "Records": [
            {"messageId": f"m{number}", "receiptHandle": f"r{number}", "body": body, "attributes": attributes}
            for number, body in enumerate(bodies)
        ]
    }


def put(key: str, *, bucket: str = "lookalike-catalogue", kind: str = "ObjectCreated:Put", number: int = 1) -> str:
    record = {
        "eventName": kind,
        "eventTime": f"2026-03-02T10:15:{number:02}.000Z",
        "s3": {"bucket": {"name": bucket}, "object": {"key": key, "sequencer": f"{number:016X}"}},
    }
    return json.dumps({"Records": [record]})


def sent(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The metrics that the last call sent."""
    return functions.sent_metrics(capsys.readouterr().out)[-1]


@pytest.mark.parametrize("name", ["sqs_put", "sqs_put_without_sequencer"])
def test_a_photo_goes_to_the_store(queue: Queue, name: str) -> None:
    queue.catalogue.put("images/1563.jpg", photo("shirt"), name="Linen Shirt")

    assert queue.deliver(functions.event(name)) == []

    assert queue.rows()["images/1563.jpg"].detail == {"name": "Linen Shirt"}


@pytest.mark.parametrize("name", ["sqs_removed", "sqs_removed_by_marker"])
def test_a_deleted_photo_leaves_the_store(queue: Queue, name: str) -> None:
    queue.catalogue.put("images/1563.jpg", photo("shirt"))
    queue.deliver(functions.event("sqs_put"))
    queue.catalogue.remove("images/1563.jpg")

    assert queue.deliver(functions.event(name)) == []

    assert queue.rows() == {}


def test_several_messages_of_several_records(queue: Queue) -> None:
    for key in ("images/1564/front.jpg", "images/1565.jpg"):
        queue.catalogue.put(key, photo(key))

    assert queue.deliver(functions.event("sqs_several")) == []

    assert {key: row.product_id for key, row in queue.rows().items()} == {
        "images/1564/front.jpg": "1564",
        "images/1565.jpg": "1565",
    }


def test_awkward_keys(queue: Queue) -> None:
    keys = [
        "images/blue shirt.jpg",
        "images/a+b.jpg",
        "images/100%.jpg",
        "images/été.jpg",
        "images/毛衣/背面.jpg",
        "images/Größe 42 & more=?#.jpg",
    ]
    for key in keys:
        queue.catalogue.put(key, photo(key))

    assert queue.deliver(functions.event("sqs_awkward_keys")) == []

    assert set(queue.rows()) == set(keys)


def test_the_message_that_s3_tests_the_queue_with_is_done(queue: Queue) -> None:
    assert queue.deliver(functions.event("sqs_test_event")) == []
    assert list(queue.store.inner.list("")) == []


def test_an_empty_batch_is_done(queue: Queue) -> None:
    assert queue.deliver({"Records": []}) == []


def test_bad_messages_come_back_and_the_others_are_done(queue: Queue) -> None:
    for number in (1, 2):
        queue.catalogue.put(f"images/{number}.jpg", photo(str(number)))

    failed = queue.deliver(
        batch(
            put("images/1.jpg"),
            "no JSON",
            put("images/3.jpg", bucket="another bucket"),
            put("images/4.jpg", kind="ObjectRestore:Completed"),
            put("images/%FF.jpg"),
            put("images/\ud800.jpg"),
            "[" * 100_000,
            put("images/2.jpg"),
        )
    )

    assert failed == ["m1", "m2", "m3", "m4", "m5", "m6"]
    assert set(queue.rows()) == {"images/1.jpg", "images/2.jpg"}
    assert "images/3.jpg" not in queue.catalogue.asked


def test_a_message_with_one_bad_record_comes_back_whole(queue: Queue) -> None:
    queue.catalogue.put("images/1.jpg", photo("1"))
    good, bad = json.loads(put("images/1.jpg")), json.loads(put("images/2.jpg", bucket="another bucket"))

    failed = queue.deliver(batch(json.dumps({"Records": good["Records"] + bad["Records"]}), put("images/1.jpg")))

    assert failed == ["m0"]


def test_an_outage_of_one_photo_brings_back_its_messages_only(queue: Queue) -> None:
    for number in (1, 2):
        queue.catalogue.put(f"images/{number}.jpg", photo(str(number)))
    queue.catalogue.out_of_reach = {"images/1.jpg"}
    event = batch(put("images/1.jpg", number=1), put("images/2.jpg"), put("images/1.jpg", number=2))

    assert queue.deliver(event) == ["m0", "m2"]
    assert set(queue.rows()) == {"images/2.jpg"}

    queue.catalogue.out_of_reach = set()
    event["Records"] = [record for record in event["Records"] if record["messageId"] != "m1"]
    assert queue.deliver(event) == []
    assert set(queue.rows()) == {"images/1.jpg", "images/2.jpg"}


def test_the_same_event_twice_in_a_batch_comes_back_twice(queue: Queue) -> None:
    queue.catalogue.out_of_reach = {"images/1.jpg"}

    assert queue.deliver(batch(put("images/1.jpg"), put("images/1.jpg"), put("images/gone.jpg"))) == ["m0", "m1"]


@pytest.mark.parametrize("bodies", [["no JSON"], [put("images/1.jpg"), "no JSON", put("images/2.jpg")]])
def test_a_batch_of_which_every_message_failed_is_an_error(
    queue: Queue, capsys: pytest.CaptureFixture[str], bodies: list[str]
) -> None:
    """An answer would be a success for Lambda, and no alarm would ring while nothing is taken in."""
    queue.catalogue.out_of_reach = {"images/1.jpg", "images/2.jpg"}

    with pytest.raises(LookalikeError, match=f"{len(bodies)} messages failed"):
        queue.deliver(batch(*bodies))

    assert sent(capsys)["MessagesFailed"] == [len(bodies)]


class TestRetries:
    def test_what_failed_comes_back_soon_and_nothing_else_does(self, queue: Queue) -> None:
        """The queue's own visibility timeout is half an hour."""
        queue.catalogue.out_of_reach = {"images/1.jpg"}

        assert queue.deliver(batch(put("images/1.jpg"), put("images/2.jpg"))) == ["m0"]

        assert queue.hidden_s.keys() == {"r0"}
        assert 5 <= queue.hidden_s["r0"] <= 10

    def test_it_waits_longer_after_each_attempt(self, queue: Queue) -> None:
        waits_s = []
        for received in range(1, 20):
            queue.deliver(batch("no JSON", put("images/gone.jpg"), received=received))
            waits_s.append(queue.hidden_s["r0"])

        assert all(later >= 2 * sooner for sooner, later in itertools.pairwise(waits_s[:4]))
        assert max(waits_s) <= 15 * 60

    def test_the_failures_of_a_batch_come_back_together(self, queue: Queue) -> None:
        """They are one segment then."""
        queue.deliver(batch(*["no JSON"] * 20, put("images/gone.jpg"), received=6))

        assert len(set(queue.hidden_s.values())) == 1

    def test_batches_do_not_all_come_back_at_once(self, queue: Queue) -> None:
        waits_s = set()
        for _ in range(20):
            queue.deliver(batch("no JSON", put("images/gone.jpg"), received=6))
            waits_s.add(queue.hidden_s["r0"])

        assert len(waits_s) > 5

    @pytest.mark.parametrize("down", [set(), {"put"}])
    def test_so_does_a_batch_that_failed_whole(self, queue: Queue, down: set[str]) -> None:
        queue.catalogue.put("images/1.jpg", photo("1"))
        queue.catalogue.out_of_reach = {"images/2.jpg"} if down else {"images/1.jpg", "images/2.jpg"}
        queue.store.down = down

        with pytest.raises(LookalikeError):
            queue.deliver(batch(put("images/1.jpg"), put("images/2.jpg")))

        assert queue.hidden_s.keys() == {"r0", "r1"}
        assert max(queue.hidden_s.values()) <= 10

    def test_so_does_a_batch_that_a_defect_failed(self, queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
        queue.catalogue.photo = lambda key, *, max_bytes: 1 / 0  # type: ignore[assignment]

        with pytest.raises(ZeroDivisionError):
            queue.deliver(batch(put("images/1.jpg")))

        assert queue.hidden_s.keys() == {"r0"}
        assert sent(capsys)["MessagesFailed"] == [1.0]

    def test_a_queue_out_of_reach_loses_no_message(self, queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
        """It hides them for longer, and that is all."""
        queue.is_out_of_reach = True
        queue.catalogue.put("images/1.jpg", photo("1"))

        assert queue.deliver(batch("no JSON", put("images/1.jpg"))) == ["m0"]
        with pytest.raises(LookalikeError, match="1 messages failed"):
            queue.deliver(batch("no JSON"))

        assert [record.levelname for record in caplog.records if "SQS did not answer" in str(record.__dict__)] == [
            "WARNING",
            "WARNING",
        ]

    def test_where_nothing_failed_the_queue_is_not_called(self, queue: Queue) -> None:
        queue.is_out_of_reach = True
        queue.catalogue.put("images/1.jpg", photo("1"))

        assert queue.deliver(batch(put("images/1.jpg"))) == []


class TestTime:
    def test_what_it_does_not_suffice_for_comes_back_at_once_and_has_not_failed(
        self, queue: Queue, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for number in range(20):
            queue.catalogue.put(f"images/{number}.jpg", photo(str(number)))
        event = batch(*(put(f"images/{number}.jpg") for number in range(20)))

        came_back = queue.deliver(event, functions.Context(remaining_ms=30_000))

        taken_in = queue.rows().keys()
        assert 0 < len(taken_in) < 20
        assert {f"images/{message_id[1:]}.jpg" for message_id in came_back} == set(queue.catalogue.photos) - taken_in
        assert queue.hidden_s == {f"r{message_id[1:]}": 0 for message_id in came_back}
        logged = caplog.records[-1].__dict__
        assert (logged["levelname"], logged["failed"], logged["unstarted"]) == ("INFO", {}, len(came_back))
        assert sent(capsys)["MessagesFailed"] == [0.0]

    def test_a_failure_among_them_waits_as_any_other(self, queue: Queue) -> None:
        for number in range(20):
            queue.catalogue.put(f"images/{number}.jpg", photo(str(number)))
        event = batch("no JSON", *(put(f"images/{number}.jpg") for number in range(20)))

        came_back = queue.deliver(event, functions.Context(remaining_ms=30_000))

        assert "m0" in came_back
        assert queue.hidden_s["r0"] > 0


def test_a_broken_photo_does_not_come_back(queue: Queue) -> None:
    queue.catalogue.put("images/1.jpg", b"broken")
    queue.catalogue.put("images/2.jpg", b"x" * 1001)

    assert queue.deliver(batch(put("images/1.jpg"), put("images/2.jpg"))) == []

    rows = queue.rows()
    assert {row.op for row in rows.values()} == {Op.REJECT}
    assert [rows[f"images/{number}.jpg"].detail["code"] for number in (1, 2)] == ["undecodable-image", "too-many-bytes"]


def test_a_store_out_of_reach_fails_the_whole_batch(queue: Queue) -> None:
    """Raised and not answered: an answer would have Lambda delete the messages."""
    queue.catalogue.put("images/1.jpg", photo("1"))
    queue.store.down = {"put"}

    with pytest.raises(StoreUnavailable):
        queue.deliver(batch(put("images/1.jpg"), "no JSON"))


def test_the_store_is_that_of_the_model_and_product_data_has_its_own(queue: Queue) -> None:
    queue.deliver(batch())
    queue.deliver(batch())

    assert queue.made == [("lookalike-store", f"{FINGERPRINT}/"), ("lookalike-store", "products/")]


def test_what_was_done_is_logged_and_counted(
    queue: Queue, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.catalogue.put("images/1.jpg", photo("1"))
    queue.catalogue.put("images/2.jpg", b"broken")
    removal = put("images/3.jpg", kind="ObjectRemoved:Delete")

    queue.deliver(batch(put("images/1.jpg"), put("images/2.jpg"), removal, "no JSON"))

    logged = caplog.records[-1].__dict__
    assert (logged["embedded"], logged["rejected"], logged["deleted"], list(logged["failed"])) == (1, 1, 1, ["m3"])
    metrics = sent(capsys)
    assert {
        name: metrics[name] for name in ("PhotosEmbedded", "PhotosRejected", "PhotosDeleted", "MessagesFailed")
    } == {
        "PhotosEmbedded": [1.0],
        "PhotosRejected": [1.0],
        "PhotosDeleted": [1.0],
        "MessagesFailed": [1.0],
    }


class TestDataFiles:
    FILE = "products/prices.csv"

    @pytest.fixture(autouse=True)
    def it_may_delete_messages(self, queue: Queue) -> None:
        queue.deleted = []

    def test_a_file_goes_to_the_product_store_and_leaves_it_again(self, queue: Queue) -> None:
        queue.catalogue.put(self.FILE, b"id,price\n1563,10\n")

        assert queue.deliver(functions.event("sqs_data_put")) == []
        assert data_files.products(queue.products, self.FILE) == {"1563": {"price": 10.0}}
        queue.catalogue.remove(self.FILE)
        assert queue.deliver(functions.event("sqs_data_removed")) == []
        assert data_files.states(queue.products)[self.FILE].op is Op.DELETE

        assert list(queue.store.inner.list("")) == [], "the photos' store is not touched"

    def test_awkward_keys_and_a_folder(self, queue: Queue) -> None:
        for key in ("products/Frühling 2026/Preise + Rabatte.csv", "products/价格.TSV"):
            queue.catalogue.put(key, b"id,price\n1,10\n".replace(b",", b"\t" if key.endswith("V") else b","))

        assert queue.deliver(functions.event("sqs_data_awkward_keys")) == []

        assert {key: state.op for key, state in data_files.states(queue.products).items()} == {
            "products/Frühling 2026/Preise + Rabatte.csv": Op.PUT,
            "products/价格.TSV": Op.PUT,
            "products/notes.pdf": Op.REJECT,
        }

    def test_nothing_is_embedded(self, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
        embedder = FakeEmbedder()
        monkeypatch.setattr(queue.app, "Embedder", lambda folder, **options: embedder)
        queue.catalogue.put(self.FILE, b"id,price\n1563,10\n")

        queue.deliver(functions.event("sqs_data_put"))

        assert embedder.batches == []

    def test_rows_are_counted_and_bad_ones_fail_nothing(self, queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
        queue.catalogue.put(self.FILE, b"id,price\n1,10\n,20\n,30\n")
        queue.catalogue.put("products/empty.csv", b"")

        assert queue.deliver(batch(put(self.FILE), put("products/empty.csv"))) == []

        metrics = sent(capsys)
        assert {name: metrics[name] for name in ("DataFiles", "DataFilesRejected", "ProductRows", "BadRows")} == {
            "DataFiles": [1.0],
            "DataFilesRejected": [1.0],
            "ProductRows": [3.0],
            "BadRows": [2.0],
        }
        assert metrics["MessagesFailed"] == [0.0]

    def test_photos_alone_send_no_metrics_of_data_files(self, queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
        """Each is paid for by the hour in which it is sent."""
        queue.deliver(functions.event("sqs_put"))

        assert not sent(capsys).keys() & {"DataFiles", "DataFilesRejected", "ProductRows", "BadRows"}

    def test_text_of_a_file_does_not_end_a_line_of_the_log(
        self, queue: Queue, capsys: pytest.CaptureFixture[str]
    ) -> None:
        forged = json.dumps({"level": "ERROR", "message": "forged"})
        key = f"products/a\n{forged}\n.csv"
        queue.catalogue.put(key, f'id,price\n1,"x\n{forged}\n"\n"",3\n'.encode())

        queue.deliver(batch(put(quote_plus(key))))

        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert "forged" not in {line.get("message") for line in lines}

    @pytest.mark.parametrize("call", ["put", "get"])
    def test_a_product_store_out_of_reach_brings_back_the_files_only(self, queue: Queue, call: str) -> None:
        queue.catalogue.put("images/1.jpg", photo("1"))
        queue.catalogue.put(self.FILE, b"id,price\n1,10\n")
        queue.products.down = {"put", call}
        queue.is_out_of_reach = True  # messages that are done are deleted later

        assert queue.deliver(batch(put("images/1.jpg"), put(self.FILE))) == ["m1"]

        assert set(queue.rows()) == {"images/1.jpg"}

    def test_done_photos_are_deleted_from_the_queue_before_a_file_is_read(self, queue: Queue) -> None:
        queue.catalogue.put("images/1.jpg", photo("1"))

        queue.deliver(batch(put(self.FILE), put("images/1.jpg"), put("images/2.jpg")))

        assert queue.deleted == ["r1", "r2"]


def test_warnings_of_the_package_are_json_as_those_of_the_function_are() -> None:
    """docs/operations.md searches them by level."""
    code = "import app, logging; logging.getLogger('lookalike.photos.embedder').warning('drift of %s', 0.25)"
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(functions.ROOT / "functions" / "ingest")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, **functions.ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    logged = json.loads(line)
    assert (logged["level"], logged["message"], logged["service"]) == ("WARNING", "drift of 0.25", "ingest")
    assert logged["name"] == "lookalike.photos.embedder"


def test_the_drift_of_the_model_is_told_once(queue: Queue, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        queue.deliver(batch())

    told = functions.sent_metrics(capsys.readouterr().out)
    assert [(item["ModelDrift"], item["service"]) for item in told if "ModelDrift" in item] == [([0.25], "embedder")]
