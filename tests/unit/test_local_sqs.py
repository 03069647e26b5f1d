"""The local queue keeps the promises of SQS, whatever its length."""

import threading
import time

import pytest
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import sqs_backends

from scripts.local import sqs

ACCOUNT, REGION = "123456789012", "us-east-1"


@pytest.fixture
def backend(monkeypatch):
    monkeypatch.delenv("AWS_PROFILE", raising=False)  # moto would look for it
    before = sqs_backends[ACCOUNT][REGION]
    found = sqs.install(ACCOUNT, REGION)
    found.create_queue("lost")
    found.create_queue(
        "queue",
        VisibilityTimeout="30",
        RedrivePolicy=f'{{"deadLetterTargetArn": "arn:aws:sqs:{REGION}:{ACCOUNT}:lost", "maxReceiveCount": 2}}',
    )
    yield found
    sqs_backends[ACCOUNT][REGION] = before


def bodies(backend, count=10, name="queue", hide_s=30) -> list[str]:
    return [message.body for message in backend.receive_message(name, count, 0, hide_s)]


def attribute(backend, name="ApproximateNumberOfMessages", queue="queue") -> int:
    return int(backend.get_queue_attributes(queue, [name])[name])


def test_messages_are_received_in_order_and_once(backend):
    for i in range(5):
        backend.send_message("queue", f"{i}")
    assert bodies(backend, 3) == ["0", "1", "2"]
    assert bodies(backend) == ["3", "4"]
    assert bodies(backend) == []
    assert attribute(backend) == 0
    assert attribute(backend, "ApproximateNumberOfMessagesNotVisible") == 5


def test_a_deleted_message_is_gone(backend):
    backend.send_message("queue", "one")
    (message,) = backend.receive_message("queue", 1, 0, 0)
    backend.delete_message("queue", message.receipt_handle)
    backend.delete_message("queue", message.receipt_handle)
    assert bodies(backend) == []
    assert attribute(backend, "ApproximateNumberOfMessagesNotVisible") == 0


def test_a_message_that_is_visible_again_can_be_deleted_by_its_receipt(backend):
    backend.send_message("queue", "one")
    (message,) = backend.receive_message("queue", 1, 0, 30)
    backend.change_message_visibility("queue", message.receipt_handle, 0)
    assert attribute(backend) == 1
    backend.delete_message("queue", message.receipt_handle)
    assert attribute(backend) == 0
    assert bodies(backend) == []


def test_a_message_given_back_comes_again_with_another_receipt(backend):
    backend.send_message("queue", "one")
    (first,) = backend.receive_message("queue", 1, 0, 30)
    old_handle = first.receipt_handle
    backend.change_message_visibility("queue", old_handle, 0)
    (second,) = backend.receive_message("queue", 1, 0, 30)
    assert second.body == "one"
    assert second.receipt_handle != old_handle
    assert second.approximate_receive_count == 2


def test_hiding_a_message_longer_outlasts_its_first_timeout(backend):
    backend.send_message("queue", "one")
    (message,) = backend.receive_message("queue", 1, 0, 1)
    backend.change_message_visibility("queue", message.receipt_handle, 30)
    time.sleep(1.05)
    assert bodies(backend) == []


def test_a_message_received_too_often_moves_to_the_dead_letter_queue(backend):
    backend.send_message("queue", "poison")
    for _ in range(2):
        (message,) = backend.receive_message("queue", 1, 0, 30)
        backend.change_message_visibility("queue", message.receipt_handle, 0)
    assert bodies(backend) == []
    assert bodies(backend, name="lost") == ["poison"]
    assert attribute(backend, "ApproximateNumberOfMessagesNotVisible") == 0


def test_a_delayed_message_comes_later(backend):
    backend.send_message("queue", "later", delay_seconds=1)
    assert bodies(backend) == []
    started = time.monotonic()
    assert [message.body for message in backend.receive_message("queue", 1, 5, 30)] == ["later"]
    assert 0.5 < time.monotonic() - started < 3


def test_a_waiting_receiver_is_woken_by_a_message(backend):
    threading.Timer(0.1, backend.send_message, ("queue", "one")).start()
    started = time.monotonic()
    assert [message.body for message in backend.receive_message("queue", 1, 10, 30)] == ["one"]
    assert time.monotonic() - started < 5


def test_an_unknown_receipt_cannot_be_changed(backend):
    with pytest.raises(ReceiptHandleIsInvalid):
        backend.change_message_visibility("queue", "unknown", 5)


def test_purging_empties_the_queue(backend):
    backend.send_message("queue", "one")
    backend.send_message("queue", "two")
    bodies(backend, 1)
    backend.purge_queue("queue")
    assert attribute(backend) == attribute(backend, "ApproximateNumberOfMessagesNotVisible") == 0


def test_two_receivers_never_get_one_message(backend):
    for i in range(400):
        backend.send_message("queue", f"{i}")
    received: list[str] = []

    def receive() -> None:
        while found := bodies(backend, 3):
            received.extend(found)

    threads = [threading.Thread(target=receive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(received, key=int) == [f"{i}" for i in range(400)]


def test_the_cost_of_a_message_does_not_grow_with_the_queue(backend):
    for i in range(5_000):
        backend.send_message("queue", f"{i}")
    started = time.process_time()
    for _ in range(200):
        for message in backend.receive_message("queue", 10, 0, 30):
            backend.delete_message("queue", message.receipt_handle)
    # 0.1 ms a message; moto's own queue takes 50 ms at this length.
    assert time.process_time() - started < 5
