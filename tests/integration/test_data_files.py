"""Data files on the local stack: put, replaced and deleted over HTTP, and what the product store makes of them."""

import io
import json
import time
from collections.abc import Callable, Iterator, Mapping

import pytest
from PIL import Image

from lookalike.aws import S3Store
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.records import Op
from lookalike.tables.table import Value
from scripts.local.sources import from_sources
from scripts.local.stack import LocalStack
from tests.support import functions
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    model_dir = write_tiny_model(tmp_path_factory.mktemp("model"), output={"l2_normalise": True})
    with LocalStack(launcher=from_sources(model_dir), log_dir=tmp_path_factory.mktemp("logs"), window_s=1) as stack:
        stack.wait_until_warm()
        yield stack


@pytest.fixture(scope="module")
def reader(stack: LocalStack) -> ProductReader:
    return ProductReader(S3Store(stack.s3, stack.template.outputs["StoreBucketName"], "products/"))


def put(stack: LocalStack, key: str, body: bytes, **metadata: str) -> None:
    stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=key, Body=body, Metadata=metadata)


def delete(stack: LocalStack, key: str) -> None:
    stack.s3.delete_object(Bucket=stack.catalogue_bucket, Key=key)


def wait_for(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.2)


def products(reader: ProductReader) -> dict[str, Mapping[str, Value]]:
    table = reader.refresh().table
    return {table.ids[row]: dict(table.values(row)) for row in range(len(table.ids))}


def settled(stack: LocalStack, count: int) -> None:
    """Wait until so many messages are done."""
    wait_for(lambda: stack.messages_settled >= count)


def test_files_are_taken_in_replaced_and_deleted(stack: LocalStack, reader: ProductReader) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 60), "tan").save(picture, "PNG")
    put(stack, "products/", b"")
    put(
        stack,
        "products/10 feed.tsv",
        b"id\ttitle\tprice\n1\tCoat\t80.00 EUR\n2\tH\xc3\xbct\t20.00 EUR\n\tNobody\t1.00 EUR\n",
    )
    put(stack, "products/Größe + Preis/20.csv", b"artikel,price\n1,60\n3,5\n", **{"id-column": "artikel"})
    put(stack, "products/notes.pdf", b"%PDF")
    put(stack, "images/1.png", picture.getvalue())
    settled(stack, 5)

    found = products(reader)
    assert {product: found[product]["price"] for product in sorted(found)} == {"1": 60.0, "2": 20.0, "3": 5.0}
    assert (found["1"]["name"], found["2"]["name"]) == ("Coat", "Hüt")
    states = {file.key: file for file in reader.refresh().files}
    assert (states["products/10 feed.tsv"].bad_total, states["products/10 feed.tsv"].bad[0].line) == (1, 4)
    assert states["products/notes.pdf"].op is Op.REJECT
    assert "products/" not in states

    put(stack, "products/10 feed.tsv", b"id\ttitle\tprice\n1\tCoat\t70.00 EUR\n2\tHat\t25.00 EUR\n")
    delete(stack, "products/Größe + Preis/20.csv")
    delete(stack, "products/notes.pdf")
    settled(stack, 8)

    found = products(reader)
    assert {product: found[product]["price"] for product in sorted(found)} == {"1": 70.0, "2": 25.0}
    assert found["2"]["name"] == "Hat"
    assert [file.key for file in reader.refresh().files] == ["products/10 feed.tsv"]
    log = stack.log_path("IngestFunction").read_text("utf-8")
    lines = [json.loads(line) for line in log.splitlines() if '"message"' in line]
    (read,) = (line for line in lines if line.get("file") == "products/10 feed.tsv" and line["bad_rows"])
    assert (read["rows"], read["products"], read["first_bad_rows"][0][:7]) == (3, 2, "line 4:")
    assert [line for line in lines if str(line["message"]).startswith("products/notes.pdf was rejected: ")]
    sent = functions.sent_metrics(log)
    assert sum(sum(line.get("PhotosEmbedded", ())) for line in sent) == 1, "the photo, and nothing for a data file"
    assert stack.problem() is None
