"""The routes of the API: the table that says everything about them."""

from collections.abc import Mapping
from typing import Any

import api_description
import docs_page
from http_api import Request, Route
from lifecycle import Services
from listing import OFFSET, ORDER, get_products
from lookups import AFTER, AFTER_REFUSAL, PRODUCT_ID, get_health, get_product, get_queue, get_rejected
from mapping import get_map
from problems import BadForm, BodyTooLarge, CatalogueEmpty, NoMap, ProductPending
from searching import FILTER, SEARCH, SIMILAR, K, get_facets, get_similar, post_search

from lookalike import errors


def get_openapi(request: Request, services: Services) -> Any:  # noqa: ARG001 - every handler takes both
    """This API, described for programs."""
    return api_description.openapi(ROUTES)


def get_docs(request: Request, services: Services) -> Any:  # noqa: ARG001
    """This API, described for people."""
    return docs_page.as_html(api_description.openapi(ROUTES))


_REFUSALS = (
    errors.NotAnImage,
    errors.UndecodableImage,
    errors.CropTooSmall,
    errors.TooManyPixels,
    errors.TooMuchWork,
)
_PHOTO_ERRORS = (BadForm, BodyTooLarge, *_REFUSALS, errors.DecoderUnavailable)
_FILTER_ERRORS = (errors.BadFilter, errors.UnknownAttribute)
_MISSING = (errors.NotFound, ProductPending)
ROUTES: Mapping[str, Route[Services]] = {
    "POST /api/search": Route(
        post_search,
        "Results",
        parameters=SEARCH,
        raises=(*_PHOTO_ERRORS, *_FILTER_ERRORS, CatalogueEmpty, errors.StoreError),
        takes_photo=True,
    ),
    "GET /api/products/{product_id}/similar": Route(
        get_similar,
        "Results",
        parameters=SIMILAR,
        raises=(*_FILTER_ERRORS, *_MISSING, CatalogueEmpty, errors.StoreError),
    ),
    "GET /api/products/{product_id}": Route(
        get_product, "Product", parameters=(PRODUCT_ID, AFTER), raises=(*_MISSING, errors.StoreError)
    ),
    "GET /api/products": Route(
        get_products, "Products", parameters=(K, OFFSET, FILTER, ORDER), raises=(*_FILTER_ERRORS, errors.StoreError)
    ),
    "GET /api/facets": Route(get_facets, "Facets", parameters=(FILTER,), raises=(*_FILTER_ERRORS, errors.StoreError)),
    "GET /api/map": Route(get_map, "Map", raises=(NoMap, errors.StoreError)),
    "GET /api/rejected": Route(get_rejected, "Rejected", parameters=(AFTER_REFUSAL,), raises=(errors.StoreError,)),
    "GET /api/queue": Route(get_queue, "Queue"),
    "GET /api/health": Route(get_health, "Health", raises=(errors.StoreError,)),
    "GET /api/openapi.json": Route(get_openapi),
    "GET /api/docs": Route(get_docs, media_type="text/html; charset=utf-8"),
}
