"""LanceDB's adapter with a table in S3, moto's on loopback: the same entries, conditional writes, and an outage."""

from collections.abc import Iterator

import pytest

from lookalike.aws import s3_client
from lookalike.errors import StoreUnavailable
from lookalike.index import lance_index
from lookalike.index.lance_index import LanceIndex
from scripts.local.aws_server import answer
from scripts.local.http_server import HttpServer, listen
from tests.support.candidate_index_contract import DIMENSIONS, entry_of, everything, keys_of, rows_of

CREDENTIALS = {
    "AWS_ALLOW_HTTP": "true",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = HttpServer(listen(0), answer)
    server.start()
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    client = s3_client()
    client.create_bucket(Bucket="lance-index")
    client.close()
    yield "lance-index"
    server.close()


def lance(bucket: str) -> LanceIndex:
    return LanceIndex(f"s3://{bucket}/index", "photos", DIMENSIONS, name="lance", threads=1)


def test_a_table_in_a_bucket_holds_the_newest_entries(bucket: str) -> None:
    index, reader = lance(bucket), lance(bucket)
    assert reader.is_empty()
    first, second = rows_of(range(6), order=2), rows_of(range(4, 8), order=3)
    for rows in (second, first):
        index.put(rows)
    index.delete(keys_of([0]))
    index.settle()
    expected = [entry_of(first, at) for at in range(1, 4)] + [entry_of(second, at) for at in range(4)]
    assert everything(reader) == sorted(expected)


def test_a_service_that_cannot_be_reached_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(lance_index, "_STORAGE", {"client_max_retries": "0"})
    with pytest.raises(StoreUnavailable):
        lance("bucket").is_empty()
