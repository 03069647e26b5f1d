"""Amazon S3 Vectors on loopback, as botocore's description of the service and its documented limits say it is.

Every request is held against that description: members, types, lengths, patterns; also a member that the description does not
have is refused. Every answer of ours is held against it as well. The nearest vectors are found by brute force in float32. What
the description does not say (sizes, the rules of metadata and of filters, tokens of pages) is from the service's documentation.
"""

import json
import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from botocore.model import OperationModel

from scripts.local.http_server import HttpServer, Request, Response, listen
from tests.support.vectors_model import MODEL, Refused, check, passes

ACCOUNT, REGION = "123456789012", "us-east-1"
PAYLOAD_BYTES = 20 * 1024 * 1024
FILTERABLE_BYTES, METADATA_BYTES, METADATA_KEYS = 2048, 40 * 1024, 50
MOST_CANDIDATES = 10_000
_STATUS = {
    "ValidationException": 400,
    "AccessDeniedException": 403,
    "NotFoundException": 404,
    "ConflictException": 409,
    "TooManyRequestsException": 429,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
}


@dataclass
class Vector:
    data: npt.NDArray[np.float32]
    metadata: dict[str, Any]


@dataclass
class Index:
    dimension: int
    metric: str
    not_filtered: frozenset[str]
    vectors: dict[str, Vector] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A request that was taken: the operation and its arguments."""

    operation: str
    arguments: Mapping[str, Any]


class VectorsServer:
    """Serves on ``url``. ``page``: candidates on a page; ``allowed``: the operations that the caller has a permission for, None for
    all; ``failures``: codes of errors, each of which answers one of the next requests, in place of an answer or, after a colon
    ("lost:ServiceUnavailableException"), once the request has been done; ``calls``: those that were taken.
    """

    def __init__(self, *, page: int = 100) -> None:
        self.page = page
        self.allowed: frozenset[str] | None = None
        self.failures: list[str] = []
        self.calls: list[Call] = []
        self.payload_bytes: list[int] = []
        self.buckets: dict[str, dict[str, Index]] = {}
        self._pages: dict[str, tuple[Mapping[str, Any], list[dict[str, Any]]]] = {}
        self._lock = threading.Lock()
        self._server = HttpServer(listen(0), self._answer)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.port}"

    def close(self) -> None:
        self._server.close()

    def count(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.calls)

    # --- requests and answers

    def _answer(self, request: Request) -> Response:
        try:
            with self._lock:
                return Response(200, _JSON, json.dumps(self._take(request)).encode())
        except Refused as refusal:
            headers = (*_JSON, ("x-amzn-ErrorType", refusal.code))
            return Response(_STATUS[refusal.code], headers, json.dumps({"message": str(refusal)}).encode())

    def _take(self, request: Request) -> dict[str, Any]:
        operation = _operation(request)
        if not re.search(
            rf"AWS4-HMAC-SHA256 .*/{REGION}/s3vectors/aws4_request", request.headers.get("Authorization", "")
        ):
            raise Refused("AccessDeniedException", "the request is not signed for S3 Vectors")
        self.payload_bytes.append(len(request.body))
        if len(request.body) > PAYLOAD_BYTES:
            raise Refused("ValidationException", f"the request has {len(request.body)} bytes")
        arguments = json.loads(request.body)
        check(arguments, operation.input_shape)
        failure = self.failures.pop(0) if self.failures else ""
        if failure and not failure.startswith("lost:"):
            raise Refused(failure, "injected")
        answer: dict[str, Any] = getattr(self, f"_{operation.name}")(arguments)
        check(answer, operation.output_shape)
        self.calls.append(Call(operation.name, arguments))
        if failure:
            raise Refused(failure.removeprefix("lost:"), "injected, after the request was done")
        return answer

    def _permit(self, *operations: str) -> None:
        for operation in operations:
            if self.allowed is not None and operation not in self.allowed:
                raise Refused("AccessDeniedException", f"s3vectors:{operation} is not allowed")

    # --- buckets and indexes

    def _CreateVectorBucket(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._permit("CreateVectorBucket")
        name = _name(arguments["vectorBucketName"])
        if name in self.buckets:
            raise Refused("ConflictException", f"there is a bucket {name}")
        self.buckets[name] = {}
        return {"vectorBucketArn": _arn(name)}

    def _CreateIndex(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._permit("CreateIndex")
        bucket, name = arguments["vectorBucketName"], _name(arguments["indexName"])
        indexes = self.buckets.get(bucket)
        if indexes is None:
            raise Refused("NotFoundException", f"there is no bucket {bucket}")
        if name in indexes:
            raise Refused("ConflictException", f"there is an index {name}")
        not_filtered = arguments.get("metadataConfiguration", {}).get("nonFilterableMetadataKeys", ())
        indexes[name] = Index(arguments["dimension"], arguments["distanceMetric"], frozenset(not_filtered))
        return {"indexArn": f"{_arn(bucket)}/index/{name}"}

    def _index(self, arguments: Mapping[str, Any]) -> Index:
        named = {"vectorBucketName", "indexName", "indexArn"} & set(arguments)
        if named == {"indexArn"}:
            _, bucket, _, name = arguments["indexArn"].rpartition(":")[2].split("/")
        elif named == {"vectorBucketName", "indexName"}:
            bucket, name = arguments["vectorBucketName"], arguments["indexName"]
        else:
            raise Refused("ValidationException", "give indexArn, or vectorBucketName and indexName")
        index = self.buckets.get(bucket, {}).get(name)
        if index is None:
            raise Refused("NotFoundException", "The specified index could not be found")
        return index

    # --- vectors

    def _PutVectors(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._permit("PutVectors")
        index = self._index(arguments)
        checked = {}
        for vector in arguments["vectors"]:
            metadata = vector.get("metadata", {})
            _check_metadata(metadata, index)
            checked[vector["key"]] = Vector(_data(vector["data"], index), metadata)
        if len(checked) < len(arguments["vectors"]):
            raise Refused("ValidationException", "a key is given twice")
        index.vectors.update(checked)
        return {}

    def _GetVectors(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._permit("GetVectors")
        index = self._index(arguments)
        return {"vectors": [_shown(key, index, arguments) for key in arguments["keys"] if key in index.vectors]}

    def _DeleteVectors(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._permit("DeleteVectors")
        index = self._index(arguments)
        for key in arguments["keys"]:
            index.vectors.pop(key, None)
        return {}

    def _ListVectors(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._permit("ListVectors", *["GetVectors"] * (_asks_more(arguments)))
        index = self._index(arguments)
        keys, after = sorted(index.vectors), arguments.get("nextToken", "")
        rest = [key for key in keys if key > after]
        page = rest[: arguments.get("maxResults", 500)]
        more = {"nextToken": page[-1]} if len(rest) > len(page) else {}
        return {"vectors": [_shown(key, index, arguments) for key in page], **more}

    def _QueryVectors(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self._permit("QueryVectors", *["GetVectors"] * (_asks_more(arguments) or "filter" in arguments))
        index = self._index(arguments)
        question = {name: value for name, value in arguments.items() if name != "nextToken"}
        if token := arguments.get("nextToken"):
            asked, rest = self._pages.pop(token, (None, []))
            if asked != question:
                raise Refused("ValidationException", "the token is of another query")
        else:
            rest = _nearest(index, arguments)
        page, rest = rest[: self.page], rest[self.page :]
        answer: dict[str, Any] = {"vectors": page, "distanceMetric": index.metric}
        if rest:
            answer["nextToken"] = uuid.uuid4().hex
            self._pages[answer["nextToken"]] = (question, rest)
        return answer


_JSON = (("Content-Type", "application/json"),)


def _operation(request: Request) -> OperationModel:
    for name in MODEL.operation_names:
        operation = MODEL.operation_model(name)
        if (operation.http["method"], operation.http["requestUri"]) == (request.method, request.path):
            return operation
    raise Refused("ValidationException", f"there is no {request.method} {request.path}")


def _arn(bucket: str) -> str:
    return f"arn:aws:s3vectors:{REGION}:{ACCOUNT}:bucket/{bucket}"


def _name(name: str) -> str:
    """A name of a bucket or index. The description has its length, and the documentation its characters."""
    if not re.fullmatch("[a-z0-9][a-z0-9.-]*[a-z0-9]", name):
        raise Refused("ValidationException", f"{name} is no name")
    return name


def _data(data: Mapping[str, Sequence[float]], index: Index) -> npt.NDArray[np.float32]:
    if list(data) != ["float32"] or len(data["float32"]) != index.dimension:
        raise Refused("ValidationException", f"the vector has not {index.dimension} float32")
    with np.errstate(over="ignore"):
        vector = np.array(data["float32"], np.float64).astype(np.float32)
    if not np.isfinite(vector).all():
        raise Refused("ValidationException", "the vector has a number that is not finite")
    return vector


def _check_metadata(metadata: Mapping[str, Any], index: Index) -> None:
    filterable = {name: value for name, value in metadata.items() if name not in index.not_filtered}
    for value in filterable.values():
        if not isinstance(value, (str, int, float, bool, list)):
            raise Refused("ValidationException", f"{value!r} is no metadata to filter by")
    if len(json.dumps(filterable).encode()) > FILTERABLE_BYTES:
        raise Refused("ValidationException", f"filterable metadata have more than {FILTERABLE_BYTES} bytes")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES or len(metadata) > METADATA_KEYS:
        raise Refused("ValidationException", "there are too many metadata")


def _asks_more(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments.get("returnData") or arguments.get("returnMetadata"))


def _shown(key: str, index: Index, arguments: Mapping[str, Any]) -> dict[str, Any]:
    vector = index.vectors[key]
    shown: dict[str, Any] = {"key": key}
    if arguments.get("returnData"):
        shown["data"] = {"float32": vector.data.tolist()}
    if arguments.get("returnMetadata"):
        shown["metadata"] = vector.metadata
    return shown


def _nearest(index: Index, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All results of a query, the nearest first."""
    if "queryVector" not in arguments or index.metric != "euclidean":
        raise Refused("ValidationException", "only vectors are searched here, by their Euclidean distance")
    if arguments["topK"] > MOST_CANDIDATES:
        raise Refused("ValidationException", f"topK is above {MOST_CANDIDATES}")
    query = _data(arguments["queryVector"], index)
    # The filter is read once even where there is nothing to filter.
    passes({}, arguments.get("filter", {}), index.not_filtered)
    keys = [
        key
        for key, vector in index.vectors.items()
        if passes(vector.metadata, arguments.get("filter", {}), index.not_filtered)
    ]
    if not keys:
        return []
    vectors = np.stack([index.vectors[key].data for key in keys])
    distances = np.sqrt(np.square(vectors.astype(np.float64) - query).sum(axis=1)).astype(np.float32)
    nearest = np.argsort(distances, kind="stable")[: arguments["topK"]]
    return [
        _shown(keys[at], index, {**arguments, "returnData": False})
        | ({"distance": float(distances[at])} if arguments.get("returnDistance") else {})
        for at in nearest
    ]
