"""What a function's role allows is what the function's calls need: recorded at botocore, compared with the translated template."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest

from lookalike.aws import s3_client
from lookalike.compaction.policy import Policy
from lookalike.index.vectors_index import NOT_FILTERED
from scripts.common.template_yaml import yaml_parse
from scripts.local.aws_server import answer
from scripts.local.http_server import HttpServer, Request, Response, listen
from tests.infra.translated import Resources, translated
from tests.support import functions
from tests.support.api import event as http_event
from tests.support.fakes import FakeEmbedder, photo
from tests.support.vectors_server import VectorsServer

ROOT = Path(__file__).resolve().parents[2]

# Searches and quick answers count nothing, and Powertools warns of that.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")

BUCKETS = {"catalogue-bucket": "CatalogueBucket", "store-bucket": "StoreBucket"}
QUEUES = {"image-queue": "ImageQueue", "dead-letter-queue": "DeadLetterQueue"}
ACTIONS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "ListObjectsV2": "s3:ListBucket",
}
QUEUE_ACTIONS = {
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "GetQueueAttributes": "sqs:GetQueueAttributes",
}
VECTOR_ACTIONS = {
    name: f"s3vectors:{name}" for name in ("PutVectors", "GetVectors", "DeleteVectors", "ListVectors", "QueryVectors")
}
# Lambda uses the role for these itself, as AWS documents them: it polls the queue, writes the log and sends the traces.
POLLING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
LOGGING = ("logs:CreateLogStream", "logs:PutLogEvents")
TRACING = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")

Grants = set[tuple[str, str]]


@pytest.fixture(scope="module")
def resources() -> Resources:
    return translated(yaml_parse((ROOT / "template.yaml").read_text("utf-8")))


def granted(resources: Resources, function: str) -> Grants:
    """What a function's role allows where everything is switched on, as (action, resource)."""
    role = resources[resources[function]["Role"]["Fn::GetAtt"][0]]
    grants = set()
    for policy in role["Policies"]:
        for item in policy["PolicyDocument"]["Statement"]:
            statement = item["Fn::If"][1] if "Fn::If" in item else item
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            grants |= {(action, named(statement["Resource"])) for action in actions}
    return grants


def named(resource: Any) -> str:
    if isinstance(resource, str):
        return resource
    if isinstance(resource.get("Fn::Sub"), list):
        # The catalogue, whichever bucket that is.
        return str(resource["Fn::Sub"][0]).replace("arn:${AWS::Partition}:s3:::${Catalogue}", "${CatalogueBucket.Arn}")
    return resource.get("Fn::Sub") or "${" + ".".join(resource["Fn::GetAtt"]) + "}"


def needed_by_lambda(resources: Resources, function: str) -> Grants:
    """What Lambda does with a function's role, whatever the function does."""
    properties = resources[function]
    needed = {(action, f"${{{properties['LoggingConfig']['LogGroup']['Ref']}.Arn}}") for action in LOGGING}
    if "TracingConfig" in properties:
        needed |= {(action, "*") for action in TRACING}
    for source in resources.of_type("AWS::Lambda::EventSourceMapping").values():
        if source["FunctionName"] == {"Ref": function}:
            needed |= {(action, named(source["EventSourceArn"])) for action in POLLING}
    return needed


class Recorder:
    """Notes what every call of every client of boto3's default session needs, presigned addresses included."""

    def __init__(self) -> None:
        self.needed: Grants = set()
        boto3.setup_default_session()
        assert boto3.DEFAULT_SESSION is not None
        boto3.DEFAULT_SESSION.events.register("provide-client-params", self._asked)
        boto3.DEFAULT_SESSION.events.register("after-call", self._answered)

    def _asked(self, params: dict[str, Any], model: Any, **others: Any) -> None:
        if model.service_model.service_name == "sqs":
            queue = QUEUES[params["QueueUrl"].rpartition("/")[2]]
            self.needed.add((QUEUE_ACTIONS[model.name], f"${{{queue}.Arn}}"))
            return
        if model.service_model.service_name == "s3vectors":
            self.needed.add((VECTOR_ACTIONS[model.name], "${VectorIndex.IndexArn}"))
            if model.name == "QueryVectors":  # as S3 Vectors asks for it where metadata is wanted
                self.needed.add((VECTOR_ACTIONS["GetVectors"], "${VectorIndex.IndexArn}"))
            return
        assert model.service_model.service_name == "s3"
        bucket = BUCKETS[params["Bucket"]]
        action = ACTIONS[model.name]
        if action == "s3:ListBucket":
            self.needed.add((action, f"${{{bucket}.Arn}}"))
        else:
            folder = params["Key"].partition("/")[0]
            below = f"{folder}/*" if bucket == "CatalogueBucket" and folder in ("images", "products") else "*"
            if action == "s3:DeleteObject" and "/attempts/" in params["Key"]:
                below = "*/attempts/*"
            if action != "s3:GetObject" and "/index/" in params["Key"]:
                below = "*/index/*"
            self.needed.add((action, f"${{{bucket}.Arn}}/{below}"))

    def _answered(self, http_response: Any, model: Any, **others: Any) -> None:
        if model.name == "GetObject" and http_response.status_code == 404:
            # S3 says 403 to who may not list the bucket, and the function has to tell the two apart.
            bucket = unquote(urlsplit(http_response.url).path).split("/")[1]
            self.needed.add(("s3:ListBucket", f"${{{BUCKETS[bucket]}.Arn}}"))


class MishapS3:
    """moto's S3, with the next appends of the log going wrong: the answer lost, or the request."""

    def __init__(self) -> None:
        self.mishaps: list[str] = []

    def __call__(self, request: Request) -> Response:
        if request.method != "PUT" or "/log/" not in request.path or not self.mishaps:
            return answer(request)
        mishap = self.mishaps.pop()
        if mishap == "lost answer":
            answer(request)
        body = b"<Error><Code>PreconditionFailed</Code><Message>injected</Message></Error>"
        return Response(412, (("Content-Type", "application/xml"),), body)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[MishapS3]:
    mishaps = MishapS3()
    server = HttpServer(listen(0), mishaps)
    server.start()
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # a recorder hears of its own test only
    for name, value in functions.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("STORE_BUCKET", "store-bucket")
    monkeypatch.setenv("CATALOGUE_BUCKET", "catalogue-bucket")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("QUEUE_URL", f"http://127.0.0.1:{server.port}/123456789012/image-queue")
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", f"http://127.0.0.1:{server.port}/123456789012/dead-letter-queue")
    monkeypatch.setenv("GRACE_S", "0")
    monkeypatch.setenv("SEGMENT_BYTES", "1")
    merchant = s3_client()
    for bucket in BUCKETS:
        merchant.create_bucket(Bucket=bucket)
    for name in ("red", "blue", "green"):
        merchant.put_object(Bucket="catalogue-bucket", Key=f"images/{name}.jpg", Body=photo(name))
    merchant.put_object(Bucket="catalogue-bucket", Key="products/prices.csv", Body=b"id,price\nred,10\n")
    yield mishaps
    for bucket in BUCKETS:
        for item in merchant.list_objects_v2(Bucket=bucket).get("Contents", ()):
            merchant.delete_object(Bucket=bucket, Key=item["Key"])
        merchant.delete_bucket(Bucket=bucket)
    merchant.close()
    server.close()


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, s3: MishapS3) -> Callable[[str], ModuleType]:
    def load(name: str) -> ModuleType:
        app = functions.load(name)
        for module in (app, getattr(app, "lifecycle", None)):
            if hasattr(module, "Embedder"):
                monkeypatch.setattr(module, "Embedder", lambda folder, **options: FakeEmbedder())
            if hasattr(module, "ModelSpec"):
                monkeypatch.setattr(module, "ModelSpec", SimpleNamespace(load=lambda folder: FakeEmbedder.spec))
        return app

    return load


def notification(key: str, number: int = 0, kind: str = "ObjectCreated:Put") -> str:
    told = {
        "eventName": kind,
        "eventTime": "2026-03-02T10:15:30.000Z",
        "s3": {"bucket": {"name": "catalogue-bucket"}, "object": {"key": key, "sequencer": f"{number:016X}"}},
    }
    return json.dumps({"Records": [told]})


def ingest(app: ModuleType, *keys: str, kind: str = "ObjectCreated:Put") -> None:
    """Deliver one batch, a message a photo."""
    now_ms = str(int(time.time() * 1000))
    attributes = {"ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": now_ms}
    records = [
        {
            "messageId": f"m{number}",
            "receiptHandle": f"r{number}",
            "body": notification(key, number, kind),
            "attributes": attributes,
        }
        for number, key in enumerate(keys)
    ]
    assert app.handler({"Records": records}, functions.Context()) == {"batchItemFailures": []}


def received(body: str) -> dict[str, Any]:
    """A message of the queue as Lambda hands it over; the merchant's client is nobody that a recorder hears of."""
    session = boto3.Session()
    sqs = session.client("sqs")
    url = sqs.create_queue(QueueName="image-queue")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    sqs.close()
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }


def test_the_ingest_function_may_do_what_it_does_and_nothing_else(
    s3: MishapS3, load: Callable[[str], ModuleType], resources: Resources
) -> None:
    recorder = Recorder()
    app = load("ingest")
    ingest(app, "images/red.jpg", "images/gone.jpg")
    ingest(app, "images/blue.jpg", kind="ObjectRemoved:Delete")
    s3.mishaps = ["lost answer"]
    ingest(app, "images/blue.jpg")
    s3.mishaps = ["lost request"]
    ingest(app, "images/green.jpg")
    with pytest.raises(app.BatchFailed):
        app.handler({"Records": [received("no JSON")]}, functions.Context())
    ingest(app, "products/prices.csv", "products/gone.csv", "images/red.jpg")
    suspect = received(notification("images/red.jpg"))
    suspect["attributes"] |= {"ApproximateReceiveCount": "2", "ApproximateFirstReceiveTimestamp": "0"}
    assert app.handler({"Records": [suspect]}, functions.Context()) == {"batchItemFailures": []}
    assert recorder.needed | needed_by_lambda(resources, "IngestFunction") == granted(resources, "IngestFunction")


@pytest.fixture
def vectors(monkeypatch: pytest.MonkeyPatch, s3: MishapS3) -> Iterator[VectorsServer]:
    server = VectorsServer()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3VECTORS", server.url)
    monkeypatch.setenv("INDEX", "s3vectors:vector-bucket/photos")
    client = boto3.client("s3vectors")
    client.create_vector_bucket(vectorBucketName="vector-bucket")
    client.create_index(
        vectorBucketName="vector-bucket",
        indexName="photos",
        dataType="float32",
        dimension=FakeEmbedder.spec.layout.dimensions,
        distanceMetric="euclidean",
        metadataConfiguration={"nonFilterableMetadataKeys": list(NOT_FILTERED)},
    )
    client.close()
    yield server
    server.close()


def test_the_follow_function_may_do_what_it_does_and_nothing_else(
    load: Callable[[str], ModuleType], vectors: VectorsServer, resources: Resources
) -> None:
    """It fills the index, deletes what was deleted, and collects old cursors."""
    ingest(load("ingest"), "images/red.jpg", "images/blue.jpg")
    load("compact").handler({}, functions.Context())
    recorder = Recorder()
    app = load("follow")
    app._services().policy = Policy(grace_s=-2, segment_bytes=1)
    assert app.handler({}, functions.Context())["rows_put"] == 2
    Recorder()  # hears what the others do from here on
    ingest(load("ingest"), "images/red.jpg", kind="ObjectRemoved:Delete")
    load("compact").handler({}, functions.Context())
    assert app.handler({}, functions.Context())["keys_deleted"] == 1
    assert recorder.needed | needed_by_lambda(resources, "FollowFunction") == granted(resources, "FollowFunction")


def test_the_query_function_may_do_what_it_does_and_nothing_else(
    load: Callable[[str], ModuleType], vectors: VectorsServer, monkeypatch: pytest.MonkeyPatch, resources: Resources
) -> None:
    ingest(load("ingest"), "images/red.jpg", "images/blue.jpg")
    load("compact").handler({}, functions.Context())
    ingest(load("ingest"), "images/green.jpg")
    boto3.client("s3").put_object(Bucket="catalogue-bucket", Key="images/new.jpg", Body=photo("new"))
    for name in QUEUES:
        boto3.client("sqs").create_queue(QueueName=name)
    load("follow").handler({}, functions.Context())
    recorder = Recorder()
    for engine in ("exact", "index"):
        monkeypatch.setenv("ENGINE", engine)
        app = load("query")
        app.lifecycle.start(app._services(), "on-demand")
        ask(app)
    assert recorder.needed | needed_by_lambda(resources, "QueryFunction") == granted(resources, "QueryFunction")


def ask(app: ModuleType) -> None:
    """Some requests of each kind."""
    sent = {"body": base64.b64encode(photo("red")).decode(), "isBase64Encoded": True}
    for request in (
        http_event("POST /api/search", **sent | {"headers": {"content-type": "image/jpeg"}}),
        http_event("GET /api/products/{product_id}/similar", pathParameters={"product_id": "blue"}),
        http_event("GET /api/products/{product_id}", pathParameters={"product_id": "green"}),
        http_event("GET /api/products"),
        http_event("GET /api/facets"),
        http_event("GET /api/rejected"),
        http_event("GET /api/queue"),
        http_event("GET /api/health"),
    ):
        assert app.handler(request, functions.Context())["statusCode"] == 200
    for product_id, problem in (("new", "product-pending"), ("nobody", "not-found")):
        request = http_event("GET /api/products/{product_id}", pathParameters={"product_id": product_id})
        assert json.loads(app.handler(request, functions.Context())["body"])["type"].endswith(problem)


def test_the_compact_function_may_do_what_it_does_and_nothing_else(
    load: Callable[[str], ModuleType], resources: Resources
) -> None:
    for name in ("red", "blue", "green"):
        ingest(load("ingest"), f"images/{name}.jpg")
    recorder = Recorder()
    app = load("compact")
    app._services().policy = Policy(grace_s=-2)  # S3's time has whole seconds
    for _ in range(2):  # the second collects what the first has folded
        app.handler({}, functions.Context())
    assert recorder.needed | needed_by_lambda(resources, "CompactFunction") == granted(resources, "CompactFunction")
