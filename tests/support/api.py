"""The query function behind a small client: fakes below it, and its own OpenAPI document to check every answer against."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from openapi_schema_validator import OAS31Validator

from lookalike.aws import QueueCounts
from lookalike.errors import QueueUnavailable, StoreUnavailable
from lookalike.store.products import PRODUCTS, product_log
from lookalike.store.products.data_file import DataFile
from lookalike.store.records import Row
from tests.support import fakes, functions

Json = dict[str, Any]
Query = Mapping[str, str] | Sequence[tuple[str, str]]


def closed(schema: Any) -> Any:
    """The same schema with nothing allowed that it does not mention."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    return {"additionalProperties": False, **inner} if "properties" in schema else inner


@dataclass(slots=True)
class Answer:
    """An answer of the function; ``body`` is parsed where it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def problem(self) -> str:
        """The stable word of a problem's type."""
        return str(self.body["type"]).removeprefix("urn:lookalike:problem:")


@dataclass(slots=True)
class Bucket:
    """The keys of the catalogue's bucket, and those that were asked for; out of reach where that is said."""

    keys: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    is_down: bool = False

    def has(self, key: str) -> bool:
        self.asked.append(key)
        if self.is_down:
            raise StoreUnavailable(f"S3 did not answer HEAD {key}: no connection to secret-bucket.example")
        return key in self.keys


@dataclass(slots=True)
class Api:
    """Calls the handler and holds every answer to what the API's description says of its route and status."""

    app: ModuleType
    store: fakes.OutageStore = field(default_factory=fakes.OutageStore)
    data_store: fakes.OutageStore = field(default_factory=fakes.OutageStore)
    bucket: Bucket = field(default_factory=Bucket)
    embedder: fakes.FakeEmbedder = field(default_factory=fakes.FakeEmbedder)
    queues: list[QueueCounts | None] = field(default_factory=lambda: [QueueCounts(0, 0, 0)] * 2)
    made: list[Any] = field(default_factory=list)
    _document: Json = field(default_factory=dict)

    def fill(self, *rows: Row) -> None:
        fakes.fill(self.store, rows)

    def put_data(self, *files: DataFile) -> None:
        for file in files:
            product_log.append(self.data_store, file)

    @property
    def document(self) -> Json:
        if not self._document:
            self._document = json.loads(self.app.handler(event("GET /api/openapi.json"), functions.Context())["body"])
        return deepcopy(self._document)

    def count(self, *, dead: bool) -> QueueCounts:
        """The messages of one of the two queues, as SQS tells them; out of reach where they are None."""
        counts = self.queues[dead]
        if counts is None:
            raise QueueUnavailable("SQS did not count the messages: no connection to secret-queue.example")
        return counts

    def get(self, route: str, product_id: str | None = None, **others: Any) -> Answer:
        parameters = {} if product_id is None else {"pathParameters": {"product_id": product_id}}
        return self.send(event(f"GET {route}", **parameters, **others))

    def search(
        self,
        body: bytes,
        content_type: str = "image/jpeg",
        *,
        k: str | None = None,
        query: Query = (),
        **headers: str,
    ) -> Answer:
        """POST /api/search with a body. ``query``: parameters, beside ``k``."""
        request = event(
            "POST /api/search",
            query=[*({} if k is None else {"k": k}).items(), *pairs(query)],
            headers={"content-type": content_type, **headers},
            body=base64.b64encode(body).decode(),
            isBase64Encoded=True,
        )
        return self.send(request)

    def send(self, request: Json) -> Answer:
        """Call the handler with an event, and check the answer's shape."""
        response = self.app.handler(request, functions.Context())
        json.dumps(response)  # Lambda must be able to
        assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
        assert response["isBase64Encoded"] is False
        response["body"].encode()
        status, content_type = response["statusCode"], response["headers"]["content-type"].partition(";")[0]
        if request["requestContext"]["http"]["method"] == "HEAD":
            assert response["body"] == ""
            return Answer(status, response["headers"], "")
        body = json.loads(response["body"]) if content_type.endswith("json") else response["body"]
        self._check(request["routeKey"], status, content_type, body)
        return Answer(status, response["headers"], body)

    def _check(self, route: str, status: int, content_type: str, body: Any) -> None:
        document = self.document
        method, _, path = route.partition(" ")
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            assert status in (404, 405)
            return
        response = operation["responses"][str(status)]
        assert content_type in response["content"]
        schema = closed({**response["content"][content_type]["schema"], "components": document["components"]})
        OAS31Validator(schema).validate(body)
        if status >= 400:
            assert f"{Answer(status, {}, body).problem}: " in response["description"]
            extension = {"known"} if body["type"].endswith(":unknown-attribute") else set()
            assert body.keys() == {"type", "title", "status", "detail"} | extension
            assert body["status"] == status
            assert body["title"]
            assert len(body["detail"].split()) > 2


def pairs(query: Query) -> list[tuple[str, str]]:
    """Parameters of a query as pairs: a name may come several times."""
    return list(query.items() if isinstance(query, Mapping) else query)


def event(route: str, *, query: Query = (), **fields: Any) -> Json:
    """An event of a route, as small as they come."""
    method, _, path = route.partition(" ")
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": urlencode(pairs(query), errors="surrogatepass"),
        "headers": {},
        "requestContext": {"http": {"method": method, "path": path}},
        "isBase64Encoded": False,
        **fields,
    }


def query_function(monkeypatch: pytest.MonkeyPatch, *, rows: Iterable[Row] = ()) -> Api:
    """The query function over a store in memory and a model made up; addresses are signed by boto3's own client."""
    for name, value in (*functions.ENVIRONMENT.items(), ("MAX_STALENESS_S", "0")):
        monkeypatch.setenv(name, value)
    api = Api(functions.load("query"))

    def store(client: Any, bucket: str, prefix: str) -> fakes.OutageStore:
        api.made += [client, (bucket, prefix)]
        return api.data_store if prefix == PRODUCTS else api.store

    def embedder(folder: Any, **options: Any) -> fakes.FakeEmbedder:
        api.made.append(options)
        return api.embedder

    monkeypatch.setattr(api.app.lifecycle, "S3Store", store)
    monkeypatch.setattr(api.app.lifecycle.S3Catalogue, "has", lambda catalogue, key: api.bucket.has(key))
    monkeypatch.setattr(api.app.lifecycle, "Embedder", embedder)
    dead = functions.ENVIRONMENT["DEAD_LETTER_QUEUE_URL"]
    monkeypatch.setattr(
        api.app.lifecycle,
        "SqsQueue",
        lambda url, **options: SimpleNamespace(counts=lambda: api.count(dead=url == dead)),
    )
    monkeypatch.setattr(api.app.lifecycle, "ModelSpec", SimpleNamespace(load=lambda folder: api.embedder.spec))
    if rows := list(rows):
        api.fill(*rows)
    return api
