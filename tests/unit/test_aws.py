"""S3's answers, told apart: gone, refused, in conflict, or no answer at all. The client is boto3's own; only the wire is ours."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError, ResponseStreamingError
from hypothesis import given
from hypothesis import strategies as st

from lookalike import aws
from lookalike.aws import QueueCounts, S3Catalogue, S3Store, SqsQueue, s3_client, store_prefixes
from lookalike.errors import FeedError, ObjectMissing, QueueUnavailable, StoreUnavailable, TooManyBytes
from lookalike.photos.metadata import decoded_metadata
from lookalike.store.object_store import Entry, PutAnswer
from tests.support import functions


class Body(io.BytesIO):
    """A response's body; where ``broken`` is set, reading it raises that."""

    broken: Exception | None = None

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()

    def read(self, *args: Any) -> bytes:
        if self.broken:
            raise self.broken
        return super().read(*args)


Answer = tuple[int, dict[str, str], bytes | Exception] | Exception
"""Status, headers, and the body or what reading it raises; or what the request raises."""

BROKEN: dict[str, Answer] = {
    "short": (200, {"content-length": "100"}, b"half"),
    "reset": (200, {}, ResponseStreamingError(error="reset")),
    "damaged": (200, {"x-amz-checksum-crc32": "AAAAAA=="}, b"other bytes than were written"),
}
"""Answers that begin well and do not bring the object."""


class Wire:
    """Answers a client's requests from a list, the last of them forever, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[AWSRequest] = []
        self.bodies: list[Body] = []

    def __call__(self, request: AWSRequest, **_: Any) -> AWSResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers, data = answer
        body = Body(b"" if isinstance(data, Exception) else data)
        body.broken = data if isinstance(data, Exception) else None
        self.bodies.append(body)
        return AWSResponse(request.url, status, {"content-length": str(len(body.getvalue())), **headers}, body)


Connect = Callable[..., tuple[Any, Wire]]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Makes a client whose requests are answered with what is given."""
    for name, value in functions.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("time.sleep", lambda _: None)  # between retries

    def connect(*answers: Answer) -> tuple[Any, Wire]:
        client, wire = s3_client(), Wire(*answers)
        client.meta.events.register("before-send.s3", wire)
        return client, wire

    return connect


def failure(status: int, code: str) -> Answer:
    return status, {}, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()


def unavailable() -> list[Answer]:
    """Everything that must be told as "try again" and as nothing else."""
    return [
        failure(403, "AccessDenied"),
        failure(404, "NoSuchBucket"),
        failure(500, "InternalError"),
        failure(503, "SlowDown"),
        (503, {}, b"<html>busy</html>"),
        EndpointConnectionError(endpoint_url="https://s3.example"),
        ReadTimeoutError(endpoint_url="https://s3.example"),
    ]


class TestStore:
    def test_names_are_below_the_prefix(self, connect: Connect) -> None:
        client, wire = connect((200, {}, b"data"))

        assert S3Store(client, "bucket", "fingerprint/").get("log/a") == b"data"
        assert urlsplit(wire.requests[0].url).path == "/fingerprint/log/a"

    def test_a_missing_object_is_told_from_an_outage(self, connect: Connect) -> None:
        store = S3Store(connect(failure(404, "NoSuchKey"))[0], "bucket", "")
        with pytest.raises(ObjectMissing):
            store.get("a")
        with pytest.raises(ObjectMissing):
            store.get_range("a", 0, 1)

    @pytest.mark.parametrize("answer", unavailable(), ids=str)
    def test_whatever_else_goes_wrong_is_an_outage(self, connect: Connect, answer: Answer) -> None:
        client, _ = connect(answer)
        store = S3Store(client, "bucket", "")
        calls: list[Callable[[], object]] = [
            lambda: store.get("a"),
            lambda: store.get_range("a", 0, 1),
            lambda: store.put_if_absent("a", b""),
            lambda: store.delete("a"),
            lambda: list(store.list("a")),
            lambda: store_prefixes(client, "bucket"),
        ]
        for call in calls:
            with pytest.raises(StoreUnavailable):
                call()

    @pytest.mark.parametrize("broken", BROKEN, ids=BROKEN.keys())
    def test_a_body_that_breaks_off_is_read_again(self, connect: Connect, broken: str) -> None:
        client, wire = connect(BROKEN[broken], (206, {}, b"whole"))
        assert S3Store(client, "bucket", "").get("a") == b"whole"

        wire.answers = [BROKEN[broken], BROKEN[broken], (206, {}, b"ole")]
        assert S3Store(client, "bucket", "").get_range("a", 2, 5) == b"ole"
        assert wire.requests[-1].headers["Range"] == b"bytes=2-4"

    @pytest.mark.parametrize("broken", BROKEN, ids=BROKEN.keys())
    def test_bodies_that_go_on_breaking_off_are_an_outage(self, connect: Connect, broken: str) -> None:
        client, wire = connect(BROKEN[broken])
        with pytest.raises(StoreUnavailable):
            S3Store(client, "bucket", "").get("a")
        assert len(wire.requests) == 3

    def test_a_body_that_does_not_come_is_not_waited_for_again(self, connect: Connect) -> None:
        """A query function has so much time, and one silent connection has used up its share."""
        client, wire = connect((200, {}, ReadTimeoutError(endpoint_url="https://s3.example")))
        with pytest.raises(StoreUnavailable):
            S3Store(client, "bucket", "").get("a")
        assert len(wire.requests) == 1

    def test_an_object_that_is_gone_when_its_body_is_read_again_is_missing(self, connect: Connect) -> None:
        client, _ = connect(BROKEN["short"], failure(404, "NoSuchKey"))
        with pytest.raises(ObjectMissing):
            S3Store(client, "bucket", "").get("a")

    def test_ranges_are_half_open(self, connect: Connect) -> None:
        client, wire = connect((206, {}, b"cde"))

        assert S3Store(client, "bucket", "").get_range("a", 2, 5) == b"cde"
        assert wire.requests[0].headers["Range"] == b"bytes=2-4"

    def test_an_empty_range_asks_for_nothing(self, connect: Connect) -> None:
        client, wire = connect((206, {}, b""))

        assert S3Store(client, "bucket", "").get_range("a", 5, 5) == b""
        assert wire.requests == []

    def test_a_range_beyond_the_end_is_empty(self, connect: Connect) -> None:
        store = S3Store(connect(failure(416, "InvalidRange"))[0], "bucket", "")

        assert store.get_range("a", 100, 200) == b""

    @pytest.mark.parametrize(
        ("answer", "told"),
        [
            ((200, {}, b""), PutAnswer.CREATED),
            (failure(412, "PreconditionFailed"), PutAnswer.EXISTS),
            (failure(409, "ConditionalRequestConflict"), PutAnswer.CONFLICT),
        ],
        ids=["created", "exists", "conflict"],
    )
    def test_conditional_writes_report_what_s3_said(self, connect: Connect, answer: Answer, told: PutAnswer) -> None:
        client, wire = connect(answer)

        assert S3Store(client, "bucket", "p/").put_if_absent("a", b"data") is told
        assert wire.requests[0].headers["If-None-Match"] == b"*"
        assert len(wire.requests) == 1

    def test_a_listing_goes_on_over_pages_and_stops_at_its_limit(self, connect: Connect) -> None:
        def page(names: list[str], token: str | None) -> Answer:
            items = "".join(
                f"<Contents><Key>p/log/{name}</Key><LastModified>2026-03-02T10:15:30.500Z</LastModified>"
                f"<Size>{len(name)}</Size></Contents>"
                for name in names
            )
            more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
            end = more if token else "<IsTruncated>false</IsTruncated>"
            return (
                200,
                {},
                f"<ListBucketResult><EncodingType>url</EncodingType>{items}{end}</ListBucketResult>".encode(),
            )

        client, wire = connect(page(["a", "b+%C3%A9"], "next"), page(["cc"], None))

        assert list(S3Store(client, "bucket", "p/").list("log/")) == [
            Entry("log/a", 1, 1_772_446_530_500),
            Entry("log/b é", 8, 1_772_446_530_500),
            Entry("log/cc", 2, 1_772_446_530_500),
        ]
        assert parse_qs(urlsplit(wire.requests[0].url).query)["prefix"] == ["p/log/"]

        client, wire = connect(page(["a", "b"], "next"))
        assert [entry.name for entry in S3Store(client, "bucket", "p/").list("", limit=1)] == ["log/a"]
        assert len(wire.requests) == 1
        assert parse_qs(urlsplit(wire.requests[0].url).query)["max-keys"] == ["1"]

    def test_the_time_is_the_service_s_own(self, connect: Connect) -> None:
        client, wire = connect((200, {"Date": "Mon, 02 Mar 2026 10:15:30 GMT"}, b"<ListBucketResult/>"))
        assert S3Store(client, "bucket", "p/").time_ms() == 1_772_446_530_000
        assert parse_qs(urlsplit(wire.requests[0].url).query)["max-keys"] == ["1"]

    def test_stores_are_found_by_their_prefixes_and_nothing_else_is_taken_for_one(self, connect: Connect) -> None:
        ours, theirs = ("ab" * 32, "cd" * 32), ("exports", "AB" * 32, "ab" * 31)
        found = "".join(f"<CommonPrefixes><Prefix>{name}/</Prefix></CommonPrefixes>" for name in (*ours, *theirs))
        answer = f"<ListBucketResult>{found}<IsTruncated>false</IsTruncated></ListBucketResult>"

        assert store_prefixes(connect((200, {}, answer.encode()))[0], "bucket") == [f"{name}/" for name in ours]

    def test_outages_are_retried_a_few_times(self, connect: Connect) -> None:
        client, wire = connect(failure(503, "SlowDown"), failure(500, "InternalError"), (200, {}, b"data"))

        assert S3Store(client, "bucket", "").get("a") == b"data"
        assert len(wire.requests) == 3


class TestCatalogue:
    def test_a_photo_comes_with_its_metadata_and_etag(self, connect: Connect) -> None:
        headers = {"ETag": '"abc"', "x-amz-meta-name": "Shirt", "x-amz-meta-BaseColour": "=?UTF-8?B?R3LDvG4=?="}
        client, _ = connect((200, headers, b"data"))

        found = S3Catalogue(client, "bucket").photo("images/1.jpg", max_bytes=4)

        assert (found.data, found.etag) == (b"data", '"abc"')
        assert found.metadata == {"name": "Shirt", "basecolour": "Grün"}

    def test_a_photo_that_is_too_large_is_not_read(self, connect: Connect) -> None:
        client, wire = connect((200, {"ETag": '"a"'}, b"12345"))

        with pytest.raises(TooManyBytes, match="5 bytes"):
            S3Catalogue(client, "bucket").photo("images/1.jpg", max_bytes=4)
        assert wire.bodies[0].closed

    def test_a_missing_photo_is_told_from_an_outage(self, connect: Connect) -> None:
        with pytest.raises(ObjectMissing):
            S3Catalogue(connect(failure(404, "NoSuchKey"))[0], "bucket").photo("a", max_bytes=4)

    @pytest.mark.parametrize("answer", unavailable(), ids=str)
    def test_whatever_else_goes_wrong_is_an_outage(self, connect: Connect, answer: Answer) -> None:
        with pytest.raises(StoreUnavailable):
            S3Catalogue(connect(answer)[0], "bucket").photo("a", max_bytes=4)

    @pytest.mark.parametrize(("status", "expected"), [(200, True), (404, False), (403, False)])
    def test_whether_there_is_a_photo_takes_one_head(self, connect: Connect, status: int, expected: bool) -> None:
        """S3 refuses a key that is not there to who may not list the bucket."""
        client, wire = connect((status, {}, b""))
        assert S3Catalogue(client, "bucket").has("images/a b.jpg") is expected
        (request,) = wire.requests
        assert (request.method, urlsplit(request.url).path) == ("HEAD", "/images/a%20b.jpg")

    @pytest.mark.parametrize(
        "answer", [(503, {}, b""), (400, {}, b""), EndpointConnectionError(endpoint_url="https://s3.example")], ids=str
    )
    def test_where_s3_does_not_say_whether_there_is_a_photo_it_is_an_outage(
        self, connect: Connect, answer: Answer
    ) -> None:
        with pytest.raises(StoreUnavailable):
            S3Catalogue(connect(answer)[0], "bucket").has("images/1.jpg")

    def test_a_photo_that_breaks_off_is_read_again_and_is_what_came_whole(self, connect: Connect) -> None:
        client, _ = connect((200, {"ETag": '"a"', "content-length": "5"}, b"1"), (200, {"ETag": '"b"'}, b"222"))

        found = S3Catalogue(client, "bucket").photo("a", max_bytes=9)
        assert (found.data, found.etag) == (b"222", '"b"')

    def test_a_photo_that_goes_on_breaking_off_is_an_outage(self, connect: Connect) -> None:
        client, _ = connect((200, {"ETag": '"a"', "content-length": "5"}, b"1"))

        with pytest.raises(StoreUnavailable):
            S3Catalogue(client, "bucket").photo("a", max_bytes=9)

    @pytest.mark.parametrize("key", ["x" * 2000, ""])
    def test_a_key_that_s3_cannot_have_is_an_outage_of_that_key(self, connect: Connect, key: str) -> None:
        with pytest.raises(StoreUnavailable):
            S3Catalogue(connect(failure(400, "KeyTooLongError"))[0], "bucket").photo(key, max_bytes=4)


class TestDataFiles:
    """They are parsed as a stream, so nothing of one may be used before all of it came."""

    def read(self, client: Any, max_bytes: int = 9) -> tuple[bytes, str, dict[str, str]]:
        with S3Catalogue(client, "bucket").data_file("products/a.csv", max_bytes=max_bytes) as file:
            return file.content.read(), file.etag, dict(file.metadata)

    def test_a_file_comes_with_its_metadata_and_etag(self, connect: Connect) -> None:
        client, _ = connect((200, {"ETag": '"abc"', "x-amz-meta-ID-Column": "sku"}, b"id,price"))

        assert self.read(client) == (b"id,price", '"abc"', {"id-column": "sku"})

    def test_a_file_that_is_too_large_is_not_read(self, connect: Connect) -> None:
        client, wire = connect((200, {"ETag": '"a"'}, b"12345"))

        with pytest.raises(FeedError, match="5 bytes") as raised:
            self.read(client, max_bytes=4)
        assert raised.value.reason == "too-many-bytes"
        assert wire.bodies[0].closed

    def test_a_missing_file_is_told_from_an_outage(self, connect: Connect) -> None:
        with pytest.raises(ObjectMissing):
            self.read(connect(failure(404, "NoSuchKey"))[0])

    @pytest.mark.parametrize("answer", [*unavailable(), *BROKEN.values()], ids=str)
    def test_whatever_else_goes_wrong_is_an_outage(self, connect: Connect, answer: Answer) -> None:
        with pytest.raises(StoreUnavailable):
            self.read(connect(answer)[0], max_bytes=1000)

    @pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
    def test_a_file_that_breaks_off_is_read_again_and_is_what_came_whole(
        self, connect: Connect, broken: Answer
    ) -> None:
        client, _ = connect(broken, (200, {"ETag": '"b"'}, b"222"))

        assert self.read(client, max_bytes=1000) == (b"222", '"b"', {})


AWKWARD_KEYS = [
    "images/1563.jpg",
    "images/blue shirt.jpg",
    "images/a+b.jpg",
    "images/100%.jpg",
    "images/a%20b.jpg",
    "images/a#b?c=d&e.jpg",
    "images/毛衣/背面.jpg",
    "images/'quoted\"<b>.jpg",
]


class TestPresignedAddresses:
    def address(self, connect: Connect, key: str) -> str:
        client, wire = connect((200, {}, b""))
        url = S3Catalogue(client, "lookalike-catalogue").presigned_url(key)
        assert wire.requests == []
        return url

    def test_they_name_the_bucket_in_its_region(self, connect: Connect) -> None:
        """The global endpoint redirects for a bucket of another region, and the signature does not outlive that."""
        parts = urlsplit(self.address(connect, "images/1.jpg"))

        assert parts.scheme == "https"
        assert parts.netloc == "lookalike-catalogue.s3.eu-west-1.amazonaws.com"

    def test_they_are_signed_with_version_4_for_an_hour(self, connect: Connect) -> None:
        query = parse_qs(urlsplit(self.address(connect, "images/1.jpg")).query)

        assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
        assert query["X-Amz-Expires"] == ["3600"]
        assert query["X-Amz-SignedHeaders"] == ["host"]
        assert "/eu-west-1/s3/aws4_request" in query["X-Amz-Credential"][0]
        assert len(query["X-Amz-Signature"][0]) == 64

    @pytest.mark.parametrize("key", AWKWARD_KEYS)
    def test_the_key_comes_back_from_the_address(self, connect: Connect, key: str) -> None:
        parts = urlsplit(self.address(connect, key))

        assert unquote(parts.path) == f"/{key}"
        assert parts.fragment == ""

    def test_an_endpoint_with_an_ip_address_gets_paths(self, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")

        url = self.address(connect, "images/1.jpg")

        assert url.startswith("http://127.0.0.1:9000/lookalike-catalogue/images/1.jpg?")


class TestMetadata:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("Linen Shirt", "Linen Shirt"),
            ("=?UTF-8?B?R3LDvG4=?=", "Grün"),
            ("=?utf-8?Q?caf=C3=A9_noir?=", "café noir"),
            ("Red =?utf-8?q?caf=C3=A9?= shirt", "Red café shirt"),
            ("=?UTF-8?Q?a?= =?UTF-8?Q?b?=", "ab"),
            ("a =? b ?= c", "a =? b ?= c"),
            ("=?", "=?"),
            ("=?no-such-charset?q?a?=", "=?no-such-charset?q?a?="),
            ("=?utf-8?b?Y?=", "=?utf-8?b?Y?="),
            ("=?utf-8?b?/w==?=", "=?utf-8?b?/w==?="),
            ("=?utf-7?q?+2AA-?=", "=?utf-7?q?+2AA-?="),  # half of a surrogate pair, which no UTF-8 holds
            ("=?unicode_escape?q?=5Cud800?=", "=?unicode_escape?q?=5Cud800?="),
            ("=?a\0?q?a?=", "=?a\0?q?a?="),
        ],
    )
    def test_encoded_words_are_decoded_and_lookalikes_left_alone(self, value: str, text: str) -> None:
        assert decoded_metadata({"Name": value}) == {"name": text}

    @pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning")  # the codec's, of the value
    @given(
        st.text(st.characters(codec="ascii"))
        | st.builds(
            "=?{}?{}?{}?=".format,
            st.sampled_from(
                ["utf-8", "utf-7", "utf-16", "unicode_escape", "idna", "punycode", "rot13", "unknown-8bit", "x"]
            ),
            st.sampled_from("bBqQ"),
            st.text(st.characters(codec="ascii")),
        )
    )
    def test_every_value_becomes_text_that_can_be_stored(self, value: str) -> None:
        decoded_metadata({"name": value})["name"].encode()


def test_photos_are_listed_page_by_page(connect: Connect) -> None:
    def page(key: str, more: str) -> Answer:
        listed = f"<Contents><Key>{key}</Key><LastModified>2026-03-02T10:15:09.000Z</LastModified></Contents>"
        return 200, {}, f"<ListBucketResult><EncodingType>url</EncodingType>{more}{listed}</ListBucketResult>".encode()

    more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
    client, wire = connect(page("images/blue+shirt%2B1.jpg", more), page("images/%E6%AF%9B.jpg", ""))

    photos = list(S3Catalogue(client, "catalogue").photos("images/"))

    assert [photo.key for photo in photos] == ["images/blue shirt+1.jpg", "images/毛.jpg"]
    assert {photo.modified_ms for photo in photos} == {1772446509000}
    assert len(wire.requests) == 2


@pytest.mark.parametrize("answer", unavailable(), ids=str)
def test_a_catalogue_that_cannot_be_listed_is_an_outage(connect: Connect, answer: Answer) -> None:
    client, _ = connect(answer)
    with pytest.raises(StoreUnavailable):
        list(S3Catalogue(client, "catalogue").photos("images/"))


class TestQueue:
    @pytest.fixture
    def connect_queue(self, monkeypatch: pytest.MonkeyPatch, connect: Connect) -> Callable[..., tuple[SqsQueue, Wire]]:
        def connect_queue(*answers: Answer) -> tuple[SqsQueue, Wire]:
            wire, make = Wire(*answers), aws.boto3.client

            def client(*names: str, **options: Any) -> Any:
                made = make(*names, **options)
                made.meta.events.register("before-send.sqs", wire)
                return made

            monkeypatch.setattr(aws.boto3, "client", client)
            return SqsQueue(functions.ENVIRONMENT["QUEUE_URL"]), wire

        return connect_queue

    def test_messages_are_hidden_ten_at_a_time(self, connect_queue: Callable[..., tuple[SqsQueue, Wire]]) -> None:
        queue, wire = connect_queue((200, {}, b"{}"))

        queue.hide({f"r{number}": number for number in range(25)})

        bodies = [json.loads(request.body) for request in wire.requests]
        assert {body["QueueUrl"] for body in bodies} == {functions.ENVIRONMENT["QUEUE_URL"]}
        assert [len(body["Entries"]) for body in bodies] == [10, 10, 5]
        entries = [entry for body in bodies for entry in body["Entries"]]
        assert {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in entries} == {
            f"r{number}": number for number in range(25)
        }

    def test_messages_are_deleted_ten_at_a_time(self, connect_queue: Callable[..., tuple[SqsQueue, Wire]]) -> None:
        queue, wire = connect_queue((200, {}, b"{}"))

        queue.delete([f"r{number}" for number in range(25)])

        assert {request.headers["X-Amz-Target"] for request in wire.requests} == {b"AmazonSQS.DeleteMessageBatch"}
        entries = [entry for request in wire.requests for entry in json.loads(request.body)["Entries"]]
        assert [entry["ReceiptHandle"] for entry in entries] == [f"r{number}" for number in range(25)]

    def test_messages_are_counted(self, connect_queue: Callable[..., tuple[SqsQueue, Wire]]) -> None:
        numbers = {"": "3", "NotVisible": "2", "Delayed": "1"}
        counted = {f"ApproximateNumberOfMessages{name}": number for name, number in numbers.items()}
        queue, wire = connect_queue((200, {}, json.dumps({"Attributes": counted}).encode()))

        assert queue.counts() == QueueCounts(waiting=3, in_flight=2, delayed=1)
        assert set(json.loads(wire.requests[0].body)["AttributeNames"]) == counted.keys()

    def test_a_message_that_is_refused_is_told(self, connect_queue: Callable[..., tuple[SqsQueue, Wire]]) -> None:
        failed = {"Id": "0", "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
        queue, _ = connect_queue((200, {}, json.dumps({"Successful": [{"Id": "1"}], "Failed": [failed]}).encode()))

        with pytest.raises(QueueUnavailable, match=r"1 messages.*ReceiptHandleIsInvalid"):
            queue.hide({"r0": 5, "r1": 5})

    @pytest.mark.parametrize(
        "answer",
        [
            (403, {}, b'{"__type": "com.amazonaws.sqs#AccessDenied", "message": "no"}'),
            (503, {}, b"<html>busy</html>"),
            EndpointConnectionError(endpoint_url="https://sqs.example"),
            ReadTimeoutError(endpoint_url="https://sqs.example"),
        ],
        ids=str,
    )
    def test_whatever_else_goes_wrong_is_an_outage(
        self, connect_queue: Callable[..., tuple[SqsQueue, Wire]], answer: Answer
    ) -> None:
        queue, _ = connect_queue(answer)

        with pytest.raises(QueueUnavailable):
            queue.hide({"r0": 5})

    def test_no_client_is_made_for_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delattr(aws.boto3, "client")

        SqsQueue("https://sqs.example/queue").hide({})
        SqsQueue("https://sqs.example/queue").delete([])
