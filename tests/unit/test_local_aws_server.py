"""The local S3 and SQS: which requests go where, and that S3 requests come one at a time."""

import threading
import time
from email.message import Message

import pytest
from moto.s3.models import FakeKey
from moto.s3.responses import S3Response
from moto.sqs.responses import SQSResponse

from scripts.local import aws_server
from scripts.local.http_server import Request


def request(method: str, target: str, body: bytes = b"", **headers: str) -> Request:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Request(method, target, message, body)


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """The calls of moto's entry points, which do nothing."""
    found: list[str] = []
    entries = {
        "key": (S3Response, "key_dispatch"),
        "bucket": (S3Response, "bucket_dispatch"),
        "sqs": (SQSResponse, "dispatch"),
    }
    for name, (owner, attribute) in entries.items():
        monkeypatch.setattr(owner, attribute, lambda *_, name=name: found.append(name) or (200, {}, b""))
    return found


@pytest.mark.parametrize(
    ("target", "headers", "expected"),
    [
        ("/", {}, "bucket"),
        ("/bucket", {}, "bucket"),
        ("/bucket/?list-type=2", {}, "bucket"),
        ("/bucket/images/a%20b.jpg", {}, "key"),
        ("/bucket/images/", {}, "key"),
        ("/", {"X_Amz_Target": "AmazonSQS.ReceiveMessage"}, "sqs"),
        (
            "/123456789012/queue",
            {"Authorization": "AWS4-HMAC-SHA256 Credential=l/1/us-east-1/sqs/aws4_request, x"},
            "sqs",
        ),
        ("/bucket/sqs", {"Authorization": "AWS4-HMAC-SHA256 Credential=l/1/us-east-1/s3/aws4_request, x"}, "key"),
    ],
)
def test_a_request_reaches_its_service(calls, target, headers, expected):
    assert aws_server.answer(request("GET", target, **headers)).status == 200
    assert calls == [expected]


def test_moto_gets_the_request_as_it_was_sent(monkeypatch):
    seen = {}

    def look(incoming, url, headers):
        seen.update(url=url, headers=headers, body=incoming.data, path=incoming.raw_path)
        return 201, {"ETag": '"x"', "status": 201}, "text"

    monkeypatch.setattr(S3Response, "key_dispatch", look)
    sent = request("PUT", "/b/a%2Fb%20c?x=1", b"photo", Host="127.0.0.1:9000")
    sent.headers["x-amz-meta-base_colour"] = "Red"
    response = aws_server.answer(sent)
    assert (response.status, list(response.headers), response.body) == (201, [("ETag", '"x"')], b"text")
    assert seen["headers"]["x-amz-meta-base_colour"] == "Red"
    assert (seen["path"], seen["body"]) == ("/b/a%2Fb%20c", b"photo")
    assert seen["url"] == "http://127.0.0.1:9000/b/a%2Fb%20c?x=1"


def test_s3_requests_come_one_at_a_time_and_do_not_wait_for_a_queue(monkeypatch):
    inside = most = 0
    receiving, done = threading.Event(), threading.Event()

    def slow(*_):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.01)
        inside -= 1
        return 200, {}, b""

    def receive(*_):
        receiving.set()
        assert done.wait(10)
        return 200, {}, b""

    monkeypatch.setattr(S3Response, "key_dispatch", slow)
    monkeypatch.setattr(SQSResponse, "dispatch", receive)
    waiting = threading.Thread(target=aws_server.answer, args=(request("POST", "/", X_Amz_Target="AmazonSQS.X"),))
    waiting.start()
    assert receiving.wait(10)
    threads = [threading.Thread(target=aws_server.answer, args=(request("PUT", f"/b/{i}"),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    waiting.join()
    assert most == 1


@pytest.mark.parametrize("limit", [10, 1000])
def test_an_object_in_memory_is_not_copied_and_one_in_a_file_is_read(monkeypatch, limit):
    monkeypatch.setenv("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", str(limit))
    key = FakeKey("name", b"x" * 100, account_id="1", region_name="us-east-1")
    key.value = b"y" * 200
    first = aws_server._uncopied(key)
    assert first == b"y" * 200
    assert (aws_server._uncopied(key) is first) == (limit == 1000)
    key.value = b"z"
    assert (aws_server._uncopied(key), first) == (b"z", b"y" * 200)
