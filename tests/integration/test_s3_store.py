"""S3Store against moto's S3 on loopback, with answers tampered with where moto never errs."""

import socket
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from lookalike.aws import S3Store, s3_client, store_prefixes
from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.store import append_log
from lookalike.store.creation import create
from lookalike.store.object_store import ObjectStore, PutAnswer
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from scripts.local.aws_server import answer
from scripts.local.http_server import HttpServer, Request, Response, listen
from tests.support.object_store_contract import ObjectStoreContract
from tests.support.rows import LAYOUT

Tampering = Callable[[Request, Response], Response | None]


class TamperedS3:
    """moto's answers, each passed through ``tamper``, which may replace it after the request was done."""

    def __init__(self) -> None:
        self.tamper: Tampering | None = None
        self.requests: list[str] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request.method)
        response = answer(request)
        return (self.tamper and self.tamper(request, response)) or response


def error(status: int, code: str) -> Response:
    body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    return Response(status, (("Content-Type", "application/xml"),), body)


@pytest.fixture(scope="module")
def s3() -> Iterator[tuple[TamperedS3, Any]]:
    app = TamperedS3()
    server = HttpServer(listen(0), app)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        client = s3_client()
        yield app, client
        client.close()
    server.close()


@pytest.fixture
def bucket(s3: tuple[TamperedS3, Any]) -> str:
    app, client = s3
    name = f"store-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name)
    app.requests.clear()
    return name


@pytest.fixture
def tampered(s3: tuple[TamperedS3, Any]) -> Iterator[TamperedS3]:
    yield s3[0]
    s3[0].tamper = None


class InS3(ObjectStoreContract):
    """Objects are written and read with the client alone."""

    def write(self, store: Any, name: str, data: bytes) -> None:
        store._client.put_object(Bucket=store._bucket, Key=store._prefix + name, Body=data)

    def read(self, store: Any, name: str) -> bytes:
        data: bytes = store._client.get_object(Bucket=store._bucket, Key=store._prefix + name)["Body"].read()
        return data


class TestS3Store(InS3):
    @pytest.fixture
    def store(self, s3: tuple[TamperedS3, Any], bucket: str) -> ObjectStore:
        return S3Store(s3[1], bucket, "0123abcd/")


class TestS3StoreWithoutPrefix(InS3):
    @pytest.fixture
    def store(self, s3: tuple[TamperedS3, Any], bucket: str) -> ObjectStore:
        return S3Store(s3[1], bucket, "")


@pytest.fixture
def store(s3: tuple[TamperedS3, Any], bucket: str) -> S3Store:
    return S3Store(s3[1], bucket, "0123abcd/")


def test_stores_of_two_models_do_not_see_each_other(s3: tuple[TamperedS3, Any], bucket: str) -> None:
    one, other = S3Store(s3[1], bucket, f"{'1' * 64}/"), S3Store(s3[1], bucket, f"{'2' * 64}/")
    one.put_if_absent("log/a", b"1")
    assert list(other.list("")) == []
    with pytest.raises(ObjectMissing):
        other.get("log/a")
    other.put_if_absent("log/b", b"2")
    assert store_prefixes(s3[1], bucket) == [f"{'1' * 64}/", f"{'2' * 64}/"]


@pytest.mark.parametrize("length", [6, 100_000_000])
def test_a_body_that_breaks_off_is_not_stored(s3: tuple[TamperedS3, Any], bucket: str, length: int) -> None:
    """boto3 never sends one; a process that is killed in the middle of a PUT does."""
    url = s3[1].generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "images/1.jpg"})
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        head = (
            f"PUT {address.path}?{address.query} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {length}\r\n\r\n"
        )
        connection.sendall(head.encode() + b"12345")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
    assert s3[1].list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.fixture(scope="module")
def two_pages(s3: tuple[TamperedS3, Any]) -> S3Store:
    s3[1].create_bucket(Bucket="two-pages")
    store = S3Store(s3[1], "two-pages", "0123abcd/")
    for number in range(1001):  # a page of S3 has 1,000 names
        store.put_if_absent(f"log/{number:04}", b"")
    return store


def test_a_listing_goes_on_past_the_first_page(two_pages: S3Store, tampered: TamperedS3) -> None:
    tampered.requests.clear()
    assert [entry.name for entry in two_pages.list("log/")] == [f"log/{number:04}" for number in range(1001)]
    assert tampered.requests == ["GET", "GET"]


def test_a_listing_cut_short_raises(two_pages: S3Store, tampered: TamperedS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    def fail_the_second_page(request: Request, response: Response) -> Response | None:
        return error(503, "SlowDown") if "continuation-token" in request.query else None

    tampered.tamper = fail_the_second_page
    listing = two_pages.list("log/")
    assert [next(listing).name for _ in range(1000)][-1] == "log/0999"
    with pytest.raises(StoreUnavailable):
        next(listing)


def test_the_newest_manifest_costs_one_request_however_many_there_are(store: S3Store, tampered: TamperedS3) -> None:
    for number in range(5):
        store.put_if_absent(f"manifests/{number}", b"")
    tampered.requests.clear()
    assert next(iter(store.list("manifests/", limit=1))).name == "manifests/0"
    assert tampered.requests == ["GET"]


def test_a_write_whose_answer_was_lost_is_known_as_ours(store: S3Store, tampered: TamperedS3) -> None:
    """The SDK tries again below us, and is told that the object exists."""
    lost: list[Request] = []

    def lose_the_first_answer(request: Request, response: Response) -> Response | None:
        if request.method == "PUT" and not lost:
            lost.append(request)
            return error(500, "InternalError")
        return None

    tampered.tamper = lose_the_first_answer
    assert store.put_if_absent("manifests/1", b"ours") is PutAnswer.EXISTS
    lost.clear()
    assert create(store, "manifests/2", b"ours")
    assert tampered.requests == ["PUT", "PUT", "PUT", "PUT", "GET"]


def test_409_is_a_conflict_and_not_an_outage(store: S3Store, tampered: TamperedS3) -> None:
    tampered.tamper = lambda request, response: error(409, "ConditionalRequestConflict")
    assert store.put_if_absent("manifests/1", b"ours") is PutAnswer.CONFLICT


@pytest.mark.parametrize(
    ("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (503, "SlowDown"), (400, "ExpiredToken")]
)
def test_an_outage_is_never_taken_for_an_absent_object(
    store: S3Store, tampered: TamperedS3, status: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the SDK's pauses between attempts
    store.put_if_absent("log/a", b"data")
    tampered.tamper = lambda request, response: error(status, code)
    calls: list[Callable[[], object]] = [
        lambda: store.get("log/a"),
        lambda: store.get_range("log/a", 0, 1),
        lambda: store.put_if_absent("log/b", b""),
        lambda: store.delete("log/a"),
        lambda: list(store.list("log/")),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable, match=code):
            call()


def test_a_body_that_ends_early_is_an_outage_and_not_a_short_object(store: S3Store, tampered: TamperedS3) -> None:
    store.put_if_absent("log/a", b"0123456789")

    def cut(request: Request, response: Response) -> Response:
        headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
        # The connection stays open, so the answer announces more than comes before the server closes it.
        return Response(response.status, (*headers, ("Content-Length", "10"), ("Connection", "close")), b"01234")

    tampered.tamper = cut
    with pytest.raises(StoreUnavailable):
        store.get("log/a")


def test_a_row_goes_to_s3_and_comes_back(store: S3Store) -> None:
    row = Row("images/1.jpg", "1", order_of(sequencer="0A", time_ms=1, op=Op.REJECT), Op.REJECT, detail={"code": "ä"})
    append_log.append(store, [row], layout=LAYOUT)
    assert list(SnapshotReader(store, layout=LAYOUT).refresh().rows()) == [row]
