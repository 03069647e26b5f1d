"""The route that lists products, for those who browse: no photo ranks them."""

from typing import Any

from facts import facts
from http_api import Answer, Request
from lifecycle import Services
from parameters import choice, integer
from results import age_header, image_url
from searching import FILTER, K

from lookalike.search.filters import Filters
from lookalike.search.listing import Listed, Order, listed, listed_by_data
from lookalike.search.view import ProductView

OFFSET = integer(
    "offset",
    "how many products to skip: next_offset of the answer before",
    minimum=0,
    maximum=9_999_999,
    default=0,
    example="5",
)
ORDER = choice(
    "order",
    "which products are first: newest means those whose newest photo was put last into the catalogue; by default they are in a random "
    "order that stays the same",
    Order,
)


def get_products(request: Request, services: Services) -> Any:
    """Products with a searchable photo that pass the filters, in a random order that stays the same or the newest first."""
    view = services.catalogue().view
    mask = view.mask(Filters.parse(request.value(FILTER)), hide=services.hides_out_of_stock)
    offset, k = request.value(OFFSET), request.value(K)
    order, end = request.value(ORDER) or Order.RANDOM, offset + k
    total = view.count(mask) if view.is_in_memory else None
    if total is not None:
        products, more = listed(view, mask, offset=offset, k=k, order=order), end < total
    else:
        products, total = listed_by_data(view, mask, offset=offset, k=k)
        more = end < total
        if order is Order.NEWEST:  # they are in the tail, which is in memory
            products = listed(view, mask, offset=offset, k=k, order=order)
            more = len(products) == k
    value = {
        "products": [_product(request, services, view, product) for product in products],
        "total": total,
        "next_offset": end if more else None,
    }
    return Answer(value, age_header(services))


def _product(request: Request, services: Services, view: ProductView, product: Listed) -> dict[str, Any]:
    return {
        "product_id": product.product_id,
        **facts(view.data(product.product_id), product.metadata),
        "image_url": image_url(request, services, product.key),
        "image_key": product.key,
    }
