"""The routes of the API: a handler each, and the table that says everything about them."""

from collections.abc import Callable, Mapping
from typing import Any

import api_description
from facts import facts
from http_api import AGE_HEADER, Answer, BadForm, BodyTooLarge, CatalogueEmpty, Request, Route
from lifecycle import Services
from parameters import BadParameter, choice, factors, integer, region, switch, text
from query_photo import query_photo
from results import RequestTrace, SearchAnswer, image_url, send_metrics

from lookalike import errors
from lookalike.layout import MAX_FACTOR, Weights
from lookalike.photos.catalogue import product_id_of
from lookalike.photos.regions import MIN_CROP_SIDE
from lookalike.search.distinct import MAX_RANKED
from lookalike.search.products import Page, Regions, Results, search, similar
from lookalike.search.view import ProductView
from lookalike.store.records import Op
from lookalike.store.rows import PhotoRecord
from lookalike.store.snapshot import Snapshot

PHOTOS_PER_PAGE = 100  # of one product: Lambda's answers end at 6 MB, and a signed URL takes up to 2 kB

PRODUCT_ID = text("product_id", "the id of a product", place="path")
K = integer("k", "how many products to return", minimum=1, maximum=100, default=5)
WEIGHTS = factors(
    "weights",
    f"factors on the default weights of the model's parts, 0 to {MAX_FACTOR:g}; parts that are not named keep theirs. "
    "GET /api/health lists the parts",
    example="colour:2,shape:0.5",
)
DISTINCT = switch(
    "distinct",
    "whether products whose photos are near-identical are one result, the nearest, with the others in same_as; the nearest "
    f"{MAX_RANKED} products are looked at",
)
CROP = region(
    "crop",
    "the part of the photo to search with, x,y,w,h: its upper left corner, its width and its height, in fractions of the photo as "
    f"it stands upright; at least {MIN_CROP_SIDE} pixels a side",
    example="0.25,0.1,0.5,0.8",
)
REGIONS = choice(
    "regions",
    "auto: search with windows of the photo, or of the crop, as well, of which the nearest to a product counts; whole: without "
    "them. By default they are searched where the whole photo finds weak matches only, and not in a crop",
    Regions,
)
AFTER = text(
    "after", "next_after of the page before; each page is sorted by key, and the pages are in an order of their own"
)


def post_search(request: Request, services: Services) -> Any:
    """The products that look most like the photo in the body."""
    weights, trace = _weights(request, services), RequestTrace(services.stores)
    with trace.stage("total"):
        photo = query_photo(request)

        def search_in(snapshot: Snapshot) -> Results:
            return search(
                ProductView.of(snapshot),
                services.embedder,
                photo.data,
                Page(request.value(K), distinct=request.value(DISTINCT), weights=weights),
                crop=request.value(CROP),
                regions=request.value(REGIONS),
                executor=services.scanners,
                timings=trace,
            )

        try:
            snapshot, results = _searched(services, search_in, trace)
        except errors.ImageError as error:
            raise photo.refused(error) from error
    return _answer(request, services, SearchAnswer(snapshot, results, request.value(K), weights), trace)


def get_similar(request: Request, services: Services) -> Any:
    """The products that look most like a product of the catalogue."""
    product_id = product_id_of(request.value(PRODUCT_ID))
    weights, trace = _weights(request, services), RequestTrace(services.stores)

    def search_in(snapshot: Snapshot) -> Results:
        try:
            return similar(
                ProductView.of(snapshot),
                product_id,
                Page(request.value(K), distinct=request.value(DISTINCT), weights=weights),
                executor=services.scanners,
                timings=trace,
            )
        except errors.NotFound:
            snapshot.product(product_id, at_most=1)  # raises NotFound in words of its own if there is no such product
            raise

    with trace.stage("total"):
        snapshot, results = _searched(services, search_in, trace)
    return _answer(request, services, SearchAnswer(snapshot, results, request.value(K), weights), trace)


def get_product(request: Request, services: Services) -> Any:
    """A product's metadata and photos, with the reason where a photo was rejected."""
    product_id = product_id_of(request.value(PRODUCT_ID))
    snapshot = services.snapshot()
    page = snapshot.product(product_id, after=request.value(AFTER), at_most=PHOTOS_PER_PAGE)
    value = {
        "product_id": product_id,
        **facts({}, snapshot.metadata([product_id])[product_id]),
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


_REFUSALS = (
    errors.NotAnImage,
    errors.UndecodableImage,
    errors.CropTooSmall,
    errors.TooManyPixels,
    errors.TooMuchWork,
)
_PHOTO_ERRORS = (BadForm, BodyTooLarge, *_REFUSALS, errors.DecoderUnavailable)
ROUTES: Mapping[str, Route[Services]] = {
    "POST /api/search": Route(
        post_search,
        "Results",
        parameters=(K, WEIGHTS, DISTINCT, CROP, REGIONS),
        raises=(*_PHOTO_ERRORS, CatalogueEmpty, errors.StoreError),
        takes_photo=True,
    ),
    "GET /api/products/{product_id}/similar": Route(
        get_similar,
        "Results",
        parameters=(PRODUCT_ID, K, WEIGHTS, DISTINCT),
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


def _weights(request: Request, services: Services) -> Weights:
    """The weights of the request. Raises BadParameter."""
    try:
        return services.spec.layout.weights_by(request.value(WEIGHTS))
    except ValueError as error:
        raise BadParameter(str(error)) from error


def _answer(request: Request, services: Services, answer: SearchAnswer, trace: RequestTrace) -> Answer:
    send_metrics(services, answer.snapshot, trace)
    return Answer(answer.as_json(request, services, trace), _age_header(services))


def _age_header(services: Services) -> dict[str, str]:
    """Whole seconds since the catalogue that was answered from was the newest."""
    return {AGE_HEADER: str(int(services.reader.age_s))}


def _photo(request: Request, services: Services, photo: PhotoRecord) -> dict[str, Any]:
    is_rejected = photo.op is Op.REJECT
    return {
        "image_key": photo.key,
        "image_url": image_url(request, services, photo.key),
        "status": "rejected" if is_rejected else "searchable",
        "reason": dict(photo.detail) if is_rejected else None,
    }
