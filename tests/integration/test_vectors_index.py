"""The adapter of Amazon S3 Vectors, against a server that holds each request against botocore's description of the service."""

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lookalike import aws_vectors
from lookalike.aws_vectors import VectorService, vectors_client
from lookalike.errors import IndexUnavailable, StoreUnavailable
from lookalike.index import vectors_index
from lookalike.index.lance_index import LanceIndex
from lookalike.index.opening import open_index
from lookalike.index.port import CandidateIndex
from lookalike.index.vectors_index import NOT_FILTERED, S3VectorsIndex
from lookalike.layout import Layout
from tests.support import vectors_server
from tests.support.candidate_index_contract import (
    DIMENSIONS,
    QUERY,
    CandidateIndexContract,
    entries,
    entry_of,
    everything,
    keys_of,
    product_of,
    rows_of,
)
from tests.support.vectors_server import VectorsServer

BUCKET = "lookalike-vectors"


@pytest.fixture(scope="module")
def module_server() -> Iterator[VectorsServer]:
    server = VectorsServer()
    yield server
    server.close()


@pytest.fixture
def server(module_server: VectorsServer, monkeypatch: pytest.MonkeyPatch) -> VectorsServer:
    for name, value in {
        "AWS_ENDPOINT_URL_S3VECTORS": module_server.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }.items():
        monkeypatch.setenv(name, value)
    module_server.buckets.clear()
    module_server.calls.clear()
    module_server.payload_bytes.clear()
    module_server.failures.clear()
    module_server.allowed, module_server.page = None, 100
    vectors_client().create_vector_bucket(vectorBucketName=BUCKET)
    return module_server


def made(dimensions: int = DIMENSIONS, *, deadline_s: float = 5) -> S3VectorsIndex:
    """An index of its own, made as the template makes it."""
    name = f"photos-{uuid.uuid4().hex[:12]}"
    vectors_client().create_index(
        vectorBucketName=BUCKET,
        indexName=name,
        dataType="float32",
        dimension=dimensions,
        distanceMetric="euclidean",
        metadataConfiguration={"nonFilterableMetadataKeys": list(NOT_FILTERED)},
    )
    return opened(name, dimensions, deadline_s=deadline_s)


def opened(name: str, dimensions: int = DIMENSIONS, *, deadline_s: float = 5) -> S3VectorsIndex:
    return S3VectorsIndex(VectorService(vectors_client(), deadline_s=deadline_s), BUCKET, name, dimensions, name=name)


@pytest.fixture
def index(server: VectorsServer) -> S3VectorsIndex:
    return made()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_vectors, "_FIRST_PAUSE_S", 0.001)


class TestContract(CandidateIndexContract):
    @pytest.fixture
    def index(self, server: VectorsServer) -> S3VectorsIndex:
        return made()

    def reader_of(self, index: CandidateIndex) -> CandidateIndex:
        return opened(index.name)

    def emptied(self, index: CandidateIndex) -> CandidateIndex:
        return made()


class TestRequests:
    def test_writes_come_in_as_few_calls_as_the_service_takes(
        self, server: VectorsServer, index: S3VectorsIndex
    ) -> None:
        index.put(rows_of(range(1200)))
        assert [len(call.arguments["vectors"]) for call in server.calls if call.operation == "PutVectors"] == [
            500,
            500,
            200,
        ]
        index.delete(keys_of(range(1200)))
        assert server.count("DeleteVectors") == 3

    def test_the_longest_vectors_fit_into_a_request(
        self, server: VectorsServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # An eighth of both bounds, and of the time.
        monkeypatch.setattr(vectors_index, "_REQUEST_BYTES", vectors_index._REQUEST_BYTES // 8)
        monkeypatch.setattr(vectors_server, "PAYLOAD_BYTES", vectors_server.PAYLOAD_BYTES // 8)
        index = made(4096)
        # Numbers that take as many characters as a float32 can.
        vectors = np.full((20, 4096), -np.float32(1.1754942e-38))
        index.put(rows_of(range(20), vectors=vectors))
        assert index.count() == 20
        assert max(server.payload_bytes) > vectors_server.PAYLOAD_BYTES / 2

    def test_entries_that_are_newer_are_not_written_over(self, server: VectorsServer, index: S3VectorsIndex) -> None:
        index.put(rows_of(range(10), order=2))
        index.put(rows_of(range(10), order=1))
        assert server.count("PutVectors") == 1

    def test_candidates_come_from_all_pages(self, server: VectorsServer, index: S3VectorsIndex) -> None:
        server.page = 7
        rows = rows_of(range(30))
        index.put(rows)
        found = index.query(QUERY, 20)
        assert len(set(entries(found))) == 20
        assert (np.diff(found.distances) >= 0).all()
        assert server.count("QueryVectors") == 3

    def test_entries_of_another_making_are_no_candidates(self, server: VectorsServer, index: S3VectorsIndex) -> None:
        rows = rows_of(range(2))
        index.put(rows)
        foreign: list[dict[str, Any]] = [
            {"key": "somebody's"},
            {"key": "0" * 32, "metadata": {"product": "0" * 32, "order": "0" * 64, "segment": "s", "row": "first"}},
            {"key": "1" * 32, "metadata": {"product": "short", "order": "0" * 64, "segment": "s", "row": 1}},
        ]
        vectors = [{**vector, "data": {"float32": QUERY.tolist()}} for vector in foreign]
        vectors_client().put_vectors(vectorBucketName=BUCKET, indexName=index.name, vectors=vectors)
        assert everything(index) == sorted(entry_of(rows, at) for at in range(2))

    def test_the_permissions_that_reading_and_writing_need(self, server: VectorsServer, index: S3VectorsIndex) -> None:
        server.allowed = frozenset({"PutVectors", "GetVectors", "DeleteVectors", "ListVectors"})
        index.put(rows_of(range(3)))
        index.delete(keys_of([0]))
        assert index.count() == 2
        server.allowed = frozenset({"QueryVectors", "GetVectors"})
        assert len(index.query(QUERY, 3)) == 2
        assert len(index.query(QUERY, 3, products=[product_of(1)])) == 1
        server.allowed = frozenset({"QueryVectors"})
        with pytest.raises(IndexUnavailable, match="GetVectors"):
            index.query(QUERY, 3)

    def test_a_missing_index_is_named(self, server: VectorsServer) -> None:
        index = opened("absent")
        for call in (lambda: index.put(rows_of([1])), index.is_empty, lambda: index.query(QUERY, 1)):
            with pytest.raises(StoreUnavailable, match="could not be found"):
                call()


@pytest.mark.usefixtures("no_pauses")
class TestOutages:
    @pytest.mark.parametrize(
        "failure", ["TooManyRequestsException", "ServiceUnavailableException", "InternalServerException"]
    )
    def test_calls_are_repeated_while_the_service_is_busy(
        self, server: VectorsServer, index: S3VectorsIndex, failure: str
    ) -> None:
        rows = rows_of(range(3))
        server.failures = [failure] * 4
        index.put(rows)
        server.failures = [failure] * 2
        assert everything(index) == sorted(entry_of(rows, at) for at in range(3))
        server.failures = [failure] * 2
        index.delete(keys_of(range(3)))
        assert index.is_empty()

    def test_a_write_whose_answer_was_lost_is_repeated(self, server: VectorsServer, index: S3VectorsIndex) -> None:
        rows = rows_of(range(3))
        index.put(rows_of(range(3), order=0))
        server.failures = ["", "lost:ServiceUnavailableException"]  # of reading the orders, and of writing
        index.put(rows)
        assert server.count("PutVectors") == 3
        assert everything(index) == sorted(entry_of(rows, at) for at in range(3))

    @pytest.mark.parametrize("failure", ["AccessDeniedException", "ValidationException", "NotFoundException"])
    def test_what_will_not_pass_is_not_repeated(
        self, server: VectorsServer, index: S3VectorsIndex, failure: str
    ) -> None:
        server.failures = [failure, failure]
        with pytest.raises(IndexUnavailable, match=failure):
            index.is_empty()
        assert server.failures == [failure]

    def test_a_service_that_stays_busy_is_an_outage_after_the_deadline(self, server: VectorsServer) -> None:
        index = made(deadline_s=0.1)
        server.failures = ["TooManyRequestsException"] * 1000
        with pytest.raises(IndexUnavailable, match="TooManyRequests"):
            index.query(QUERY, 3)
        assert 0 < len(server.failures) < 1000

    def test_a_service_that_cannot_be_reached_is_an_outage(self, index: S3VectorsIndex) -> None:
        client = vectors_client(endpoint_url="http://127.0.0.1:9")
        unreached = S3VectorsIndex(VectorService(client, deadline_s=0.05), BUCKET, "photos", DIMENSIONS, name="photos")
        with pytest.raises(StoreUnavailable):
            unreached.is_empty()


class TestServer:
    """The server refuses what the service refuses, or tests against it would show nothing."""

    @pytest.mark.parametrize(
        ("call", "arguments"),
        [
            ("put_vectors", {"vectors": [{"key": str(n), "data": {"float32": [0.0] * 6}} for n in range(501)]}),
            ("put_vectors", {"vectors": [{"key": "a", "data": {"float32": [0.0] * 5}}]}),
            ("put_vectors", {"vectors": [{"key": "a", "data": {"float32": [1e39] * 6}}]}),
            ("put_vectors", {"vectors": [{"key": "a" * 1025, "data": {"float32": [0.0] * 6}}]}),
            ("put_vectors", {"vectors": [{"key": "a", "data": {"float32": [0.0] * 6}}] * 2}),
            (
                "put_vectors",
                {"vectors": [{"key": "a", "data": {"float32": [0.0] * 6}, "metadata": {"product": "a" * 2048}}]},
            ),
            (
                "put_vectors",
                {"vectors": [{"key": "a", "data": {"float32": [0.0] * 6}, "metadata": {"segment": "a" * 41_000}}]},
            ),
            ("get_vectors", {"keys": [str(n) for n in range(101)]}),
            ("delete_vectors", {"keys": [str(n) for n in range(501)]}),
            ("list_vectors", {"maxResults": 1001}),
            ("query_vectors", {"topK": 10_001, "queryVector": {"float32": [0.0] * 6}}),
            ("query_vectors", {"topK": 1}),
            ("query_vectors", {"topK": 1, "queryVector": {"float32": [0.0] * 6}, "filter": {"order": "a"}}),
            ("query_vectors", {"topK": 1, "queryVector": {"float32": [0.0] * 6}, "filter": {"product": {"$in": []}}}),
            ("query_vectors", {"topK": 1, "queryVector": {"float32": [0.0] * 6}, "nextToken": "unknown"}),
            ("query_vectors", {"topK": 1, "queryVector": {"float32": [0.0] * 6}, "queryMode": "FAST"}),
        ],
    )
    def test_requests_outside_the_limits_are_refused(
        self, index: S3VectorsIndex, call: str, arguments: dict[str, Any]
    ) -> None:
        with pytest.raises(ClientError, match="ValidationException"):
            getattr(vectors_client(), call)(vectorBucketName=BUCKET, indexName=index.name, **arguments)

    def test_a_name_is_taken_once(self, index: S3VectorsIndex) -> None:
        with pytest.raises(ClientError, match="Conflict"):
            vectors_client().create_vector_bucket(vectorBucketName=BUCKET)

    def test_a_member_that_the_service_does_not_know_is_refused(self, index: S3VectorsIndex) -> None:
        client = vectors_client()
        # Past the client's own check, into the body.
        client.meta.events.register(
            "before-call.s3vectors", lambda params, **_: params.update(body=params["body"][:-1] + b', "limit": 3}')
        )
        with pytest.raises(ClientError, match="limit"):
            client.list_vectors(vectorBucketName=BUCKET, indexName=index.name)


class TestMoto:
    """moto knows the service apart from its queries."""

    def test_entries_are_written_counted_and_deleted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3VECTORS", raising=False)
        with mock_aws():
            client = boto3.client("s3vectors", "us-east-1")
            client.create_vector_bucket(vectorBucketName=BUCKET)
            client.create_index(
                vectorBucketName=BUCKET, indexName="photos", dataType="float32", dimension=6, distanceMetric="euclidean"
            )
            index = S3VectorsIndex(VectorService(client, deadline_s=1), BUCKET, "photos", DIMENSIONS, name="photos")
            assert index.is_empty()
            index.put(rows_of(range(600), order=2))
            index.put(rows_of(range(601), order=1))
            index.delete(keys_of(range(599, 700)))
            assert index.count() == 599
            stored = client.get_vectors(
                vectorBucketName=BUCKET, indexName="photos", keys=[keys_of([5])[0].hex()], returnMetadata=True
            )
            assert int(stored["vectors"][0]["metadata"]["order"], 16) == 2


class TestOpening:
    FINGERPRINT = "0123456789abcdef" * 4
    LAYOUT = Layout.of_one_part(DIMENSIONS)

    def test_a_setting_names_an_index_of_s3_vectors(self, server: VectorsServer) -> None:
        made_one = made()
        index = open_index(f"s3vectors:{BUCKET}/{made_one.name}", self.FINGERPRINT, self.LAYOUT)
        assert isinstance(index, S3VectorsIndex)
        assert index.name.startswith("s3vectors-0123456789ab-6-")
        made_one.put(rows_of(range(3)))
        assert index.count() == 3

    def test_a_setting_names_a_folder_of_lancedb(self, tmp_path: Any) -> None:
        index = open_index(f"lancedb:{tmp_path}", self.FINGERPRINT, self.LAYOUT, threads=1)
        assert isinstance(index, LanceIndex)
        other = open_index(f"lancedb:{tmp_path}", "f" * 64, self.LAYOUT, threads=1)
        index.put(rows_of(range(3)))
        assert (index.count(), other.count()) == (3, 0)

    @pytest.mark.parametrize(
        "place", ["", "lancedb:", "s3vectors:bucket", "s3vectors:bucket/", "s3vectors:a/b/c", "faiss:x"]
    )
    def test_other_settings_name_none(self, place: str) -> None:
        with pytest.raises(ValueError, match="is no index"):
            open_index(place, self.FINGERPRINT, self.LAYOUT)
