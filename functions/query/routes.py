"""The routes of the API: a handler each, and the table that says everything about them."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import api_description
from aws_lambda_powertools.metrics import MetricUnit
from http_api import AGE_HEADER, Answer, BadForm, BodyTooLarge, CatalogueEmpty, Request, Route, integer, text
from lifecycle import Services
from query_photo import query_photo

from lookalike import errors
from lookalike.photos.catalogue import product_id_of
from lookalike.search.products import Results, search, similar
from lookalike.search.timings import Timings
from lookalike.store import append_log
from lookalike.store.records import Op
from lookalike.store.rows import PhotoRecord
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import CountingStore

PHOTOS_PER_PAGE = 100  # of one product: Lambda's answers end at 6 MB, and a signed URL takes up to 2 kB

PRODUCT_ID = text("product_id", "the id of a product", place="path")
K = integer("k", "how many products to return", minimum=1, maximum=100, default=5)
AFTER = text(
    "after", "next_after of the page before; each page is sorted by key, and the pages are in an order of their own"
)


class RequestTrace(Timings):
    """The course of one answer: how long its stages took, and what was read meanwhile, in the background too."""

    def __init__(self, stores: Sequence[CountingStore]) -> None:
        super().__init__()
        self._stores = stores
        self._before = self._reads()

    def summary(self) -> dict[str, Any]:
        """Requests to the store, bytes from it, and the stages' milliseconds."""
        (requests, bytes_read), before = self._reads(), self._before
        timings_ms = {name: round(ms, 3) for name, ms in self.ms.items()}
        return {"requests": requests - before[0], "bytes_read": bytes_read - before[1], "timings_ms": timings_ms}

    def _reads(self) -> tuple[int, int]:
        requests = sum(store.requests.total() for store in self._stores)
        return requests, sum(store.bytes_read for store in self._stores)


def post_search(request: Request, services: Services) -> Any:
    """The products that look most like the photo in the body."""
    k, trace = request.value(K), RequestTrace(services.stores)
    with trace.stage("total"):
        photo = query_photo(request)

        def search_in(snapshot: Snapshot) -> Results:
            return search(snapshot, services.embedder, photo.data, k=k, executor=services.scanners, timings=trace)

        try:
            snapshot, results = _searched(services, search_in, trace)
        except errors.ImageError as error:
            raise photo.refused(error) from error
    return _results(request, services, snapshot, results, trace)


def get_similar(request: Request, services: Services) -> Any:
    """The products that look most like a product of the catalogue."""
    k, product_id, trace = request.value(K), product_id_of(request.value(PRODUCT_ID)), RequestTrace(services.stores)

    def search_in(snapshot: Snapshot) -> Results:
        try:
            return similar(snapshot, product_id, k=k, executor=services.scanners, timings=trace)
        except errors.NotFound:
            snapshot.product(product_id, at_most=1)  # raises NotFound in words of its own if there is no such product
            raise

    with trace.stage("total"):
        snapshot, results = _searched(services, search_in, trace)
    return _results(request, services, snapshot, results, trace)


def get_product(request: Request, services: Services) -> Any:
    """A product's metadata and photos, with the reason where a photo was rejected."""
    product_id = product_id_of(request.value(PRODUCT_ID))
    snapshot = services.snapshot()
    page = snapshot.product(product_id, after=request.value(AFTER), at_most=PHOTOS_PER_PAGE)
    value = {
        "product_id": product_id,
        "metadata": snapshot.metadata([product_id])[product_id],
        "photos_total": page.total,
        "photos": [_photo(request, services, photo) for photo in page.photos],
        "next_after": page.next_after,
    }
    return Answer(value, _age_header(services))


def get_health(request: Request, services: Services) -> Any:  # noqa: ARG001 - every handler takes both
    """The size and the age of the catalogue, and the model."""
    services.embedder  # noqa: B018 - without its model a function is not healthy
    snapshot = services.snapshot()
    value = {
        "status": "stale" if services.snapshots.is_stale else "ok" if snapshot.photos else "empty",
        "snapshot": snapshot.version,
        "snapshot_age_s": round(services.reader.age_s, 3),
        "products": snapshot.products,
        "photos": snapshot.photos,
        "rejected": snapshot.rejected,
        "model": {
            "name": services.spec.name,
            "fingerprint": services.spec.fingerprint,
            "parts": [
                {"name": part.name, "dimensions": part.dimensions, "weight": part.weight}
                for part in services.spec.layout.parts
            ],
        },
    }
    return Answer(value, _age_header(services))


def get_openapi(request: Request, services: Services) -> Any:  # noqa: ARG001
    """This API, described."""
    return api_description.openapi(ROUTES)


def get_docs(request: Request, services: Services) -> Any:  # noqa: ARG001
    """This API, described for people."""
    return api_description.as_html(api_description.openapi(ROUTES))


_REFUSALS = (errors.NotAnImage, errors.UndecodableImage, errors.TooManyPixels, errors.TooMuchWork)
_PHOTO_ERRORS = (BadForm, BodyTooLarge, *_REFUSALS, errors.DecoderUnavailable)
ROUTES: Mapping[str, Route[Services]] = {
    "POST /api/search": Route(
        post_search,
        "Results",
        parameters=(K,),
        raises=(*_PHOTO_ERRORS, CatalogueEmpty, errors.StoreError),
        takes_photo=True,
    ),
    "GET /api/products/{product_id}/similar": Route(
        get_similar,
        "Results",
        parameters=(PRODUCT_ID, K),
        raises=(errors.NotFound, CatalogueEmpty, errors.StoreError),
    ),
    "GET /api/products/{product_id}": Route(
        get_product, "Product", parameters=(PRODUCT_ID, AFTER), raises=(errors.NotFound, errors.StoreError)
    ),
    "GET /api/health": Route(get_health, "Health", raises=(errors.StoreError,)),
    "GET /api/openapi.json": Route(get_openapi),
    "GET /api/docs": Route(get_docs, media_type="text/html; charset=utf-8"),
}


def _searched(
    services: Services, search_in: Callable[[Snapshot], Results], trace: RequestTrace
) -> tuple[Snapshot, Results]:
    """A snapshot and its search results; the search repeats in the newest snapshot if a segment was collected meanwhile."""
    with trace.stage("refresh"):
        snapshot = _searchable(services.snapshot())
    try:
        return snapshot, search_in(snapshot)
    except errors.ObjectMissing:
        with trace.stage("refresh"):
            snapshot = _searchable(services.newest())
        return snapshot, search_in(snapshot)


def _searchable(snapshot: Snapshot) -> Snapshot:
    if not snapshot.photos:
        raise CatalogueEmpty("The catalogue has no searchable photo yet. Add photos to it, then ask again.")
    return snapshot


def _results(request: Request, services: Services, snapshot: Snapshot, results: Results, trace: RequestTrace) -> Answer:
    metrics, age_s = services.metrics, services.reader.age_s
    metrics.add_metric(name="SearchTime", unit=MetricUnit.Milliseconds, value=trace.ms["total"])
    metrics.add_metric(name="LogSegments", unit=MetricUnit.Count, value=len(snapshot.log_names))
    metrics.add_metric(name="LogAge", unit=MetricUnit.Seconds, value=_log_age_s(snapshot))
    metrics.add_metric(name="SnapshotAge", unit=MetricUnit.Seconds, value=age_s)
    value = {
        "results": [
            {
                "product_id": neighbour.product_id,
                "distance": neighbour.distance,
                "image_url": _image_url(request, services, neighbour.key),
                "image_key": neighbour.key,
                "metadata": results.metadata[neighbour.product_id],
            }
            for neighbour in results.neighbours
        ],
        "search": {
            "k": request.value(K),
            "model": services.spec.fingerprint,
            "snapshot": snapshot.version,
            "snapshot_age_s": round(age_s, 3),
            "products": snapshot.products,
            "photos": snapshot.photos,
            "query_photos": results.query_photos,
            "query_photos_skipped": results.query_photos_skipped,
            "rows_scanned": results.rows_scanned,
            "rows_refined": results.rows_refined,
            "rows_exact": results.rows_exact,
            **trace.summary(),
        },
    }
    return Answer(value, _age_header(services))


def _age_header(services: Services) -> dict[str, str]:
    """Whole seconds since the catalogue that was answered from was the newest."""
    return {AGE_HEADER: str(int(services.reader.age_s))}


def _photo(request: Request, services: Services, photo: PhotoRecord) -> dict[str, Any]:
    is_rejected = photo.op is Op.REJECT
    return {
        "image_key": photo.key,
        "image_url": _image_url(request, services, photo.key),
        "status": "rejected" if is_rejected else "searchable",
        "reason": dict(photo.detail) if is_rejected else None,
    }


def _image_url(request: Request, services: Services, key: str) -> str:
    return services.image_url(key, through_distribution=request.is_through_distribution)


def _log_age_s(snapshot: Snapshot) -> float:
    """Seconds that the oldest log segment has waited for compaction; 0 without one."""
    appended = [time_ms for name in snapshot.log_names if (time_ms := append_log.appended_ms(name)) is not None]
    return max(0.0, time.time() - min(appended) / 1000) if appended else 0.0
