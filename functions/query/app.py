"""The query function: API Gateway's HTTP requests in, answers or problem details (RFC 9457) out."""

import base64
import json
import os
import random
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import Any, NamedTuple
from urllib.parse import quote

import api_description
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from multipart import photo_field

from lookalike import errors, settings
from lookalike.aws import S3Catalogue, S3Store, s3_client
from lookalike.photos.embedder import Embedder
from lookalike.photos.model import ModelSpec
from lookalike.search.knn import Answer
from lookalike.search.products import MAX_K, embed_query, search, similar
from lookalike.search.timings import Timings
from lookalike.store import append_log
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op
from lookalike.store.rows import PhotoRecord
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import CountingStore, DeadlineStore

logger = Logger(service="query")
metrics = Metrics(service="query")  # the namespace is in the environment
warnings.filterwarnings("ignore", "No application metrics to publish")  # most requests have none, and that is fine

MAX_BODY_BYTES = 4 * 1024 * 1024
_DISTRIBUTION_HEADER = "x-lookalike-distribution"
_RETRY_AFTER_S = 5
# What an initialisation may wait for S3: Lambda gives it ten seconds, of which Python and the model take two, and the last
# call may begin at the end of these and take three. One that takes longer begins again, out of the first request's time.
_AHEAD_S = 4
# What SnapStart may wait for embeddings, of the 130 seconds it gives.
_SETTLE_S = 60
_OUT_OF_REACH = f"The catalogue cannot be read just now. Try again in {_RETRY_AFTER_S} seconds."

Response = dict[str, Any]


class BadParameter(errors.LookalikeError):
    """A query parameter is unknown or out of range."""


class BodyTooLarge(errors.LookalikeError):
    """The request's body is larger than a query photo may be."""


class CatalogueEmpty(errors.LookalikeError):
    """There is nothing to search yet."""


class Problem(NamedTuple):
    """How an error is told over HTTP."""

    status: int
    slug: str
    title: str


PROBLEMS: Mapping[type[errors.LookalikeError], Problem] = {
    BadParameter: Problem(400, "bad-parameter", "A parameter is not valid"),
    errors.NotFound: Problem(404, "not-found", "Not found"),
    BodyTooLarge: Problem(413, "body-too-large", "The photo is too large"),
    errors.NotAnImage: Problem(415, "not-an-image", "Not an image we read"),
    errors.UndecodableImage: Problem(422, "undecodable-image", "The image cannot be decoded"),
    errors.TooManyPixels: Problem(422, "too-many-pixels", "The image has too many pixels"),
    CatalogueEmpty: Problem(503, "catalogue-empty", "The catalogue is empty"),
    errors.StoreError: Problem(503, "store-unavailable", "The catalogue cannot be reached"),
}


class _Services:
    """What outlives an invocation."""

    def __init__(self) -> None:
        self.settings = settings.query(os.environ)
        # Where S3 is silent, the last attempt must end before the API gives up after 30 seconds, and a start that was as
        # patient as _AHEAD_S lies before it: the answer is ours to give.
        self.client = s3_client(read_timeout_s=3, attempts=3)
        self.restored = False
        self.spec = ModelSpec.load(self.settings.model_dir)
        self.catalogue = S3Catalogue(self.client, self.settings.catalogue_bucket)
        self.store = CountingStore(self._store(self.client))
        self.reader = SnapshotReader(
            self.store, dimensions=self.spec.dimensions, memory_bytes=self.settings.snapshot_bytes
        )
        self.scanners = ThreadPoolExecutor(self.settings.threads, thread_name_prefix="scan")

    @cached_property
    def embedder(self) -> Embedder:
        """The model, loaded when it is first asked for."""
        embedder = Embedder(
            self.settings.model_dir, threads=self.settings.threads, max_pixels=self.settings.max_image_pixels
        )
        # Here, once for each execution environment: the next one may run on another kind of processor.
        if self.spec.probe is not None:
            with single_metric(
                name="ModelDrift",
                unit=MetricUnit.NoUnit,
                value=embedder.drift(),
                default_dimensions={"service": "embedder"},
            ):
                pass
        return embedder

    def snapshot(self) -> Snapshot:
        if not self.restored:
            return self.reader.current(self.settings.max_staleness_s)
        snapshot = self.reader.refresh()
        self.restored = False
        return snapshot

    def _store(self, client: Any) -> S3Store:
        return S3Store(client, self.settings.store_bucket, f"{self.spec.fingerprint}/")

    def load_ahead(self) -> None:
        """Read the catalogue before the first request. Where that fails, the first request reads it, or says why not."""
        try:
            self.reader.refresh()
        except errors.StoreError:
            logger.warning("the catalogue could not be read ahead of the first request", exc_info=True)

    def load_ahead_at_once(self) -> None:
        """The same in ``_AHEAD_S``, or not at all."""
        client = s3_client(connect_timeout_s=1, read_timeout_s=2, attempts=1)
        patient, self.store.inner = self.store.inner, DeadlineStore(self._store(client), _AHEAD_S)
        try:
            self.load_ahead()
        finally:
            self.store.inner = patient
            client.close()

    def before_snapshot(self) -> None:
        """SnapStart is about to freeze this process: leave nothing half done, and no connection that the other end forgets."""
        self.reader.finish_loading(_SETTLE_S)
        self.client.close()  # it opens new ones when it is asked again

    def after_restore(self) -> None:
        """SnapStart woke up a copy of this process, perhaps days later: what was true of one process is renewed.

        The catalogue is refreshed by the first request and not here, where a slow S3 would fail the start. Credentials
        carry the time they end at, and botocore renews them by it.
        """
        # The reader's clock stood still in the meantime: it believes that it has just asked.
        self.restored = True
        # The delays of retries come from here, and every copy would draw the same ones. Ids and names are no concern:
        # they come from os.urandom, which is unlike in every copy.
        random.seed()


@cache
def _services() -> _Services:
    return _Services()


class _Course(Timings):
    """How an answer came about: how long its stages took, and what was read in the meantime, the background included."""

    def __init__(self) -> None:
        super().__init__()
        self._store = _services().store
        self._before = self._so_far()

    def reads(self) -> dict[str, int]:
        """Requests to the store and bytes from it."""
        requests, bytes_read = self._so_far()
        return {"requests": requests - self._before[0], "bytes_read": bytes_read - self._before[1]}

    def _so_far(self) -> tuple[int, int]:
        return sum(self._store.requests.values()), self._store.bytes_read


class Request:
    """One HTTP API request, payload format 2.0."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self.route: str = event["routeKey"]
        self.headers: Mapping[str, str] = event.get("headers") or {}
        self.path_parameters: Mapping[str, str] = event.get("pathParameters") or {}
        self.parameters: Mapping[str, str] = event.get("queryStringParameters") or {}
        self._event = event

    def body(self) -> bytes:
        """The body's bytes. Raises BodyTooLarge."""
        text = self._event.get("body") or ""
        if not self._event.get("isBase64Encoded"):
            data = text.encode(errors="replace")  # JSON can carry half of a surrogate pair
        else:
            try:
                data = base64.b64decode(text, validate=True)
            except ValueError as error:
                raise BadParameter("The request's body is not valid base64.") from error
        if len(data) > MAX_BODY_BYTES:
            raise BodyTooLarge(
                f"The photo has {len(data):,} bytes; at most {MAX_BODY_BYTES:,} are accepted. Send a smaller version: "
                "640 pixels on the longer side are plenty."
            )
        return data

    def k(self) -> int:
        """The number of products asked for. Raises BadParameter for it and for parameters nobody knows."""
        unknown = sorted(self.parameters.keys() - {"k"})
        if unknown:
            raise BadParameter(f"There is no parameter {unknown[0]!r} here. Known: k.")
        text = self.parameters.get("k", "5")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MAX_K and len(text) < 4):
            raise BadParameter(f"k is the number of products to return, 1 to {MAX_K}.")
        return int(text)

    def product_id(self) -> str:
        """The product asked for, as API Gateway decoded it from the path."""
        return self.path_parameters["product_id"].encode(errors="replace").decode()

    def image_url(self, key: str) -> str:
        """Where a browser loads a photo: from the distribution the request came through, or else from the bucket."""
        if self.headers.get(_DISTRIBUTION_HEADER) == "1":
            return "/" + quote(key)
        return _services().catalogue.presigned_url(key)


def post_search(request: Request) -> Response:
    """The products that look most like the photo in the body."""
    k = request.k()
    course = _Course()
    with course.stage("total"):
        photo = _query_photo(request)
        with course.stage("refresh"):
            snapshot = _searchable(_services().snapshot())
        with course.stage("embed"):
            embedding = embed_query(_services().embedder, photo)
        with course.stage("search"):
            answer = search(snapshot, embedding, k=k, executor=_services().scanners)
    return _results(request, snapshot, answer, course)


def _query_photo(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        photo = photo_field(content_type, request.body())
        if photo is None:
            raise BadParameter("The form has no file field named image.")
        return photo
    if kind.startswith("image/") or kind == "application/octet-stream":
        return request.body()
    raise errors.NotAnImage(
        "Send the photo as the body with a Content-Type of image/*, or as the field image of multipart/form-data."
    )


def get_similar(request: Request) -> Response:
    """The products that look most like a product of the catalogue."""
    k = request.k()
    course = _Course()
    with course.stage("total"):
        with course.stage("refresh"):
            snapshot = _searchable(_services().snapshot())
        with course.stage("search"):
            answer = similar(snapshot, request.product_id(), k=k, executor=_services().scanners)
    return _results(request, snapshot, answer, course)


def get_product(request: Request) -> Response:
    """What is known of a product: its metadata and photos, and why a photo was rejected."""
    product_id = request.product_id()
    rows = _services().snapshot().product(product_id)
    metadata = next((dict(row.detail) for row in rows if row.op is Op.PUT), {})
    return _json(
        {
            "product_id": product_id,
            "metadata": metadata,
            "photos": [_photo(request, row) for row in rows],
        }
    )


def _photo(request: Request, row: PhotoRecord) -> dict[str, Any]:
    rejected = row.op is Op.REJECT
    return {
        "image_key": row.key,
        "image_url": request.image_url(row.key),
        "status": "rejected" if rejected else "searchable",
        "reason": dict(row.detail) if rejected else None,
    }


def get_health(request: Request) -> Response:  # noqa: ARG001 - every route takes a request
    """What is being served: how much, how fresh, and by which model."""
    services = _services()
    services.embedder  # noqa: B018 - without its model a function is not healthy
    snapshot = services.snapshot()
    return _json(
        {
            "status": "ok" if snapshot.photos else "empty",
            "snapshot": snapshot.version,
            "snapshot_age_s": round(services.reader.age_s, 3),
            "products": snapshot.products,
            "photos": snapshot.photos,
            "rejected": snapshot.rejected,
            "model": {
                "name": services.spec.name,
                "fingerprint": services.spec.fingerprint,
                "dimensions": services.spec.dimensions,
            },
        }
    )


def get_openapi(request: Request) -> Response:  # noqa: ARG001
    """This API, described."""
    return _json(_description())


def get_docs(request: Request) -> Response:  # noqa: ARG001
    """This API, described for people."""
    page = api_description.as_html(_description())
    return _response(200, "text/html; charset=utf-8", page)


ROUTES: Mapping[str, Callable[[Request], Response]] = {
    "POST /api/search": post_search,
    "GET /api/products/{product_id}/similar": get_similar,
    "GET /api/products/{product_id}": get_product,
    "GET /api/health": get_health,
    "GET /api/openapi.json": get_openapi,
    "GET /api/docs": get_docs,
}


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Response:  # noqa: ARG001 - Lambda's signature
    """Answer one request. What is wrong with a request is told as a problem; what is wrong with us is raised."""
    request = Request(event)
    try:
        if request.route not in ROUTES:
            raise errors.NotFound(f"There is no {request.route} here; GET /api/docs lists what there is.")
        return ROUTES[request.route](request)
    except errors.LookalikeError as error:
        problem = next((PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS), None)
        if problem is None:
            raise
        return _problem(problem, error)


def _problem(problem: Problem, error: errors.LookalikeError) -> Response:
    metrics.add_metric(name=f"Problem-{problem.slug}", unit=MetricUnit.Count, value=1)
    note = logger.error if problem.status >= 500 else logger.info
    note("problem", slug=problem.slug, detail=str(error))
    # What the store says of itself (buckets, names of objects) is for the log only.
    detail = _OUT_OF_REACH if isinstance(error, errors.StoreError) else str(error)
    body = {
        "type": f"urn:lookalike:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
    }
    response = _response(problem.status, "application/problem+json", json.dumps(body))
    if problem.status == 503:
        response["headers"]["retry-after"] = str(_RETRY_AFTER_S)
    return response


def _searchable(snapshot: Snapshot) -> Snapshot:
    if not snapshot.photos:
        raise CatalogueEmpty("The catalogue has no searchable photo yet. Add photos to it, then ask again.")
    return snapshot


def _results(request: Request, snapshot: Snapshot, answer: Answer, course: _Course) -> Response:
    metrics.add_metric(name="SearchTime", unit=MetricUnit.Milliseconds, value=course.ms["total"])
    metrics.add_metric(name="LogSegments", unit=MetricUnit.Count, value=len(snapshot.log_names))
    metrics.add_metric(name="LogAge", unit=MetricUnit.Seconds, value=_log_age_s(snapshot))
    return _json(
        {
            "results": [
                {
                    "product_id": neighbour.product_id,
                    "distance": neighbour.distance,
                    "image_url": request.image_url(neighbour.key),
                    "image_key": neighbour.key,
                    "metadata": neighbour.metadata,
                }
                for neighbour in answer.neighbours
            ],
            "search": {
                "k": request.k(),
                "model": _services().spec.fingerprint,
                "snapshot": snapshot.version,
                "products": snapshot.products,
                "photos": snapshot.photos,
                "rows_scanned": answer.rows_scanned,
                "rows_refined": answer.rows_refined,
                "rows_exact": answer.rows_exact,
                **course.reads(),
                "timings_ms": {**course.ms, **{name: round(ms, 3) for name, ms in answer.timings_ms.items()}},
            },
        }
    )


def _log_age_s(snapshot: Snapshot) -> float:
    """How long the oldest log segment has waited to be folded; 0 where none waits."""
    appended = [time_ms for name in snapshot.log_names if (time_ms := append_log.appended_ms(name)) is not None]
    return max(0.0, time.time() - min(appended) / 1000) if appended else 0.0


def _description() -> dict[str, Any]:
    return api_description.openapi(ROUTES, PROBLEMS.values(), max_k=MAX_K, max_body_bytes=MAX_BODY_BYTES)


def _json(value: Any) -> Response:
    return _response(200, "application/json", json.dumps(value, ensure_ascii=False))


def _response(status: int, content_type: str, body: str) -> Response:
    headers = {"content-type": content_type, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}


def _start(initialization: str) -> None:
    """Load model and catalogue where Lambda gives a full processor, and where SnapStart takes its snapshot."""
    services = _services()
    is_frozen = initialization == "snap-start"  # then there is time, and every copy has what is read here
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        # While S3 is waited for, the model is loaded.
        reading = pool.submit(services.load_ahead if is_frozen else services.load_ahead_at_once)
        services.embedder  # noqa: B018
        reading.result()
    if is_frozen:
        from snapshot_restore_py import register_after_restore, register_before_snapshot  # of Lambda's runtime

        register_before_snapshot(services.before_snapshot)
        register_after_restore(services.after_restore)


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    _start(os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"])
