"""The routes that search: by a photo, by a product of the catalogue, and the counts that filters are chosen by."""

from collections.abc import Callable
from typing import Any

from http_api import Answer, Request
from lifecycle import Services
from lookups import PRODUCT_ID, missing
from parameters import BadParameter, choice, factors, integer, number, region, switch, texts
from problems import CatalogueEmpty
from query_photo import query_photo
from results import RequestTrace, SearchAnswer, age_header, send_metrics

from lookalike import errors
from lookalike.layout import MAX_FACTOR
from lookalike.photos.catalogue import product_id_of
from lookalike.photos.regions import MIN_CROP_SIDE
from lookalike.search.distinct import MAX_RANKED
from lookalike.search.facets import Facet, NumberFacet, facets
from lookalike.search.filters import Filters
from lookalike.search.products import Page, Regions, Results, search, similar
from lookalike.search.view import ProductView

MAX_PLACE = 500  # of a result: each is a product to name, and of a distance to be certain of

K = integer("k", "how many products to return", minimum=1, maximum=100, default=5, example="10")
OFFSET = integer(
    "offset",
    f"how many of the nearest products to skip: next_offset of the answer before; offset and k are {MAX_PLACE} together at most",
    minimum=0,
    maximum=MAX_PLACE - 1,
    default=0,
    example="5",
)
FILTER = texts(
    "filter",
    "only products whose data has this value, as attribute:value; one of several values as attribute:value,value; of a number "
    "also a range, as 10..50, 10.. or ..50, ends included; a value with a comma, a quote or two dots in double quotes, as in "
    "CSV. May be given several times: then all have to hold. GET /api/facets lists attributes and values",
    example="colour:Red,Blue",
)
MAX_DISTANCE = number(
    "max_distance", "only products at most this far away, in the distances of the answer", example="1.2"
)
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
    "whether to search with windows of the photo, or of the crop, as well, of which the nearest to a product counts: auto does, "
    "whole does not. By default it is done where the whole photo finds weak matches only, and not in a crop",
    Regions,
)
_RANKING = (K, OFFSET, FILTER, MAX_DISTANCE, WEIGHTS, DISTINCT)
SEARCH = (*_RANKING, CROP, REGIONS)
SIMILAR = (PRODUCT_ID, *_RANKING)


def post_search(request: Request, services: Services) -> Any:
    """The products that look most like the photo in the body."""
    page, trace = _page(request, services), RequestTrace(services.stores)
    with trace.stage("total"):
        photo = query_photo(request)

        def search_in(view: ProductView) -> Results:
            return search(
                view,
                services.embedder,
                photo.data,
                page,
                crop=request.value(CROP),
                regions=request.value(REGIONS),
                executor=services.scanners,
                timings=trace,
            )

        try:
            searched = _searched(services, search_in, trace)
        except errors.ImageError as error:
            raise photo.refused(error) from error
    return _answer(request, services, page, searched, trace)


def get_similar(request: Request, services: Services) -> Any:
    """The products that look most like a product of the catalogue."""
    product_id = product_id_of(request.value(PRODUCT_ID))
    page, trace = _page(request, services), RequestTrace(services.stores)

    def search_in(view: ProductView) -> Results:
        try:
            return similar(view, product_id, page, executor=services.scanners, timings=trace)
        except errors.NotFound as error:
            raise _without_neighbours(services, view, product_id, error) from error

    with trace.stage("total"):
        searched = _searched(services, search_in, trace)
    return _answer(request, services, page, searched, trace)


def get_facets(request: Request, services: Services) -> Any:
    """The values of each attribute, and how many products have each under the filters of the other attributes."""
    filters = _filters(request)
    counted = facets(services.catalogue().view, filters, hide=services.hides_out_of_stock)
    value = {"products": counted.products, "facets": [_facet(facet) for facet in counted.facets]}
    return Answer(value, age_header(services))


def _page(request: Request, services: Services) -> Page:
    """What a request asks of a ranking. Raises BadParameter, BadFilter."""
    k, offset = request.value(K), request.value(OFFSET)
    if offset + k > MAX_PLACE:
        raise BadParameter(f"offset and k are {offset + k} together; they may be {MAX_PLACE} at most.")
    try:
        weights = services.spec.layout.weights_by(request.value(WEIGHTS))
    except ValueError as error:
        raise BadParameter(str(error)) from error
    return Page(
        k,
        offset,
        _filters(request),
        hide=services.hides_out_of_stock,
        max_distance=request.value(MAX_DISTANCE),
        distinct=request.value(DISTINCT),
        weights=weights,
    )


def _answer(
    request: Request, services: Services, page: Page, searched: tuple[ProductView, Results], trace: RequestTrace
) -> Answer:
    view, results = searched
    send_metrics(services, view.snapshot, trace)
    next_offset = page.offset + page.k if results.has_more and page.offset + 2 * page.k <= MAX_PLACE else None
    found = SearchAnswer(view, results, page, request.value(FILTER), next_offset)
    return Answer(found.as_json(request, services, trace), age_header(services))


def _filters(request: Request) -> Filters:
    return Filters.parse(request.value(FILTER))


def _searched(
    services: Services, search_in: Callable[[ProductView], Results], trace: RequestTrace
) -> tuple[ProductView, Results]:
    """A view and its search results; the search repeats in the newest one if an object of it was collected meanwhile."""
    with trace.stage("refresh"):
        view = _searchable(services.catalogue().view)
    try:
        return view, search_in(view)
    except errors.ObjectMissing:
        with trace.stage("refresh"):
            view = _searchable(services.newest().view)
        return view, search_in(view)


def _searchable(view: ProductView) -> ProductView:
    if not view.snapshot.photos:
        raise CatalogueEmpty("The catalogue has no searchable photo yet. Add photos to it, then ask again.")
    return view


def _without_neighbours(
    services: Services, view: ProductView, product_id: str, error: errors.NotFound
) -> errors.NotFound:
    """Why a product has no neighbours: it has no photo, none that could be read, or none yet; or it does not exist."""
    try:
        view.snapshot.product(product_id, at_most=1)
    except errors.NotFound as unknown:
        if view.row(product_id) is None:
            return missing(services, product_id, unknown)
        without_photos = errors.NotFound(f"product {product_id!r} has data and no photo, so it has no neighbours")
        return missing(services, product_id, without_photos)
    return error


def _facet(facet: Facet) -> dict[str, Any]:
    if isinstance(facet, NumberFacet):
        least, most = facet.least, facet.most
        return {"attribute": facet.attribute, "kind": facet.kind, "min": least, "max": most, "count": facet.count}
    values = [{"value": item.value, "count": item.count} for item in facet.values]
    return {"attribute": facet.attribute, "kind": facet.kind, "values": values, "others": facet.others}
