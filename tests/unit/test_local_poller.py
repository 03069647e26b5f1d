"""What comes back to the queue after a batch, and when."""

import threading

import pytest
from botocore.exceptions import EndpointConnectionError

from scripts.local.calls import Result
from scripts.local.poller import Poller, failed_messages
from scripts.local.template import EventSource

IDS = ["a", "b", "c"]


def failures(*ids: object) -> Result:
    return Result({"batchItemFailures": [{"itemIdentifier": item} for item in ids]})


@pytest.mark.parametrize(
    ("result", "back"),
    [
        (failures(), set()),
        (Result(None), set()),
        (Result({}), set()),
        (Result({"batchItemFailures": None}), set()),
        (failures("b"), {"b"}),
        (Result(error={"errorMessage": "no"}), set(IDS)),
        (failures("b", "not-of-this-batch"), set(IDS)),
        (failures(""), set(IDS)),
        (failures(None), set(IDS)),
        (Result({"batchItemFailures": [{"id": "a"}]}), set(IDS)),
        (Result("nonsense"), set(IDS)),
    ],
)
def test_what_the_function_reports_comes_back(result, back):
    assert failed_messages(result, IDS, reports_item_failures=True) == back


def test_without_reports_a_batch_succeeds_or_fails_as_one():
    assert failed_messages(failures("b"), IDS, reports_item_failures=False) == set()
    assert failed_messages(Result(error={}), IDS, reports_item_failures=False) == set(IDS)


class Queue:
    """An SQS client with a number of messages to give; remembers what it was asked for."""

    def __init__(self, messages: int) -> None:
        self.left = [
            {"MessageId": str(i), "ReceiptHandle": f"r{i}", "Body": f"body {i}", "MD5OfBody": "", "Attributes": {}}
            for i in range(messages)
        ]
        self.deleted: list[str] = []

    def receive_message(self, *, MaxNumberOfMessages: int, **_: object) -> dict:
        assert 1 <= MaxNumberOfMessages <= 10
        taken, self.left = self.left[:MaxNumberOfMessages], self.left[MaxNumberOfMessages:]
        return {"Messages": taken} if taken else {}

    def delete_message_batch(self, *, Entries: list[dict], **_: object) -> None:
        assert 1 <= len(Entries) <= 10
        self.deleted += [entry["ReceiptHandle"] for entry in Entries]


class Stops:
    """A function that takes events until there is nothing left, and then stops the poller."""

    def __init__(self, queue: Queue, answer: Result) -> None:
        self.batches: list[list[dict]] = []
        self.queue, self.answer = queue, answer
        self.poller: Poller

    def invoke(self, event) -> Result:
        self.batches.append(event["Records"])
        if not self.queue.left:
            self.poller.close()
        return self.answer


def run(messages: int, answer: Result, batch_size: int = 25) -> tuple[Queue, Stops]:
    queue = Queue(messages)
    function = Stops(queue, answer)
    source = EventSource("Eater", "arn:queue", batch_size, 1, None, reports_item_failures=True)
    function.poller = Poller(source, function, queue, "url", concurrency=1)
    function.poller.start()
    function.poller.join()
    return queue, function


def test_batches_are_as_large_as_the_template_allows():
    queue = Queue(60)
    source = EventSource("Eater", "arn:queue", 25, 5, None, reports_item_failures=True)
    poller = Poller(source, Stops(queue, Result()), queue, "url", concurrency=1)
    assert [len(poller.gather()) for _ in range(2)] == [25, 25]


def test_what_is_done_is_deleted_and_what_failed_is_left_to_its_visibility_timeout():
    """As Lambda does it: a function that wants its messages back sooner asks SQS itself."""
    queue, function = run(12, failures("3", "11"))
    assert sorted(queue.deleted) == sorted(f"r{i}" for i in range(12) if i not in (3, 11))
    record = function.batches[0][0]
    assert (record["messageId"], record["body"], record["eventSource"]) == ("0", "body 0", "aws:sqs")
    assert record["eventSourceARN"] == "arn:queue"


def test_what_was_received_survives_a_queue_that_stops_answering():
    queue = Queue(10)
    answers = iter([queue.receive_message(MaxNumberOfMessages=10)])

    def receive(**_: object) -> dict:
        found = next(answers, None)
        if found is None:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        return found

    queue.receive_message = receive
    poller = Poller(
        EventSource("Eater", "arn:queue", 25, 5, None, True), Stops(queue, Result()), queue, "u", concurrency=1
    )
    assert len(poller.gather()) == 10
    with pytest.raises(EndpointConnectionError):
        poller.gather()


def test_the_next_batch_is_gathered_while_the_function_works():
    queue = Queue(50)
    gathered_meanwhile = threading.Event()

    class Busy(Stops):
        def invoke(self, event) -> Result:
            while queue.left and not gathered_meanwhile.wait(0.01):
                pass
            if not queue.left:
                gathered_meanwhile.set()
            return super().invoke(event)

    function = Busy(queue, Result())
    source = EventSource("Eater", "arn:queue", 25, 1, None, reports_item_failures=True)
    function.poller = Poller(source, function, queue, "url", concurrency=1)
    function.poller.start()
    assert gathered_meanwhile.wait(10)
    function.poller.join()
