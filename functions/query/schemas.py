"""The schemas of the API's answers: every field with its meaning."""

from typing import Any

Schema = dict[str, Any]


def _text(meaning: str) -> Schema:
    return {"type": "string", "description": meaning}


def _number(meaning: str) -> Schema:
    return {"type": "number", "description": meaning}


def _count(meaning: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": meaning}


def _word(meaning: str, *words: str | None) -> Schema:
    return {"enum": [*words], "description": meaning}


def _list(meaning: str, items: Schema) -> Schema:
    return {"type": "array", "items": items, "description": meaning}


def _object(meaning: str = "", /, **properties: Schema) -> Schema:
    described = {"description": meaning} if meaning else {}
    return {"type": "object", "properties": properties, "required": list(properties), **described}


def _or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


_PLAIN_TEXT = {"type": "string"}
_PLAIN_NUMBER = {"type": "number"}
_REGION: Schema = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 4,
    "maxItems": 4,
    "description": "x, y, w, h in fractions of the upright photo",
}
_PLACE: Schema = {"type": "integer", "minimum": 0, "maximum": 65535}
_PRODUCT_ID = _text("the id of the product, as its photos' keys and its data have it")
_IMAGE_KEY = _text("the key of the photo in the catalogue's bucket")
_IMAGE_URL = _text("where a browser loads the photo: a path of the page's own address, or a signed address for an hour")
_NEXT_AFTER = _or_null(_text("after for the next page; null on the last"))
_SNAPSHOT = _text("the version of the photos; it changes whenever one does")
_SNAPSHOT_AGE = _number(
    "seconds since photos and product data were both the newest; more than a few while the store is out of reach"
)
_PRODUCTS = _count("products with a searchable photo")
_PHOTOS = _count("searchable photos")
_FACTS = {
    "name": _or_null(_text("the name, for people; null where nothing says it")),
    "price": _or_null(_number("the price to pay: a sale price while it is one")),
    "currency": _or_null(_text("the currency of the price, as ISO 4217 writes it")),
    "link": _or_null(_text("the product's page in the shop, an address of http or https")),
    "brand": _or_null(_text("the brand")),
    "attributes": {
        "type": "object",
        "additionalProperties": {"oneOf": [_PLAIN_TEXT, _PLAIN_NUMBER, {"type": "array", "items": _PLAIN_TEXT}]},
        "description": (
            "all that is known of the product: its product data, then metadata of its photos, whose names are lower-case; of each "
            "name the first photo's value"
        ),
    },
}
_RESULT = _object(
    product_id=_PRODUCT_ID,
    **_FACTS,
    distance={**_number("Euclidean, of the weights; smaller is more alike, and 0 is the same picture"), "minimum": 0},
    match=_word(
        "judged by the distances between the catalogue's own products: strong is nearer than half of them are to another one, "
        "weak is farther than nearly all of them; null until enough of them are measured",
        "strong",
        "fair",
        "weak",
        None,
    ),
    region={
        "oneOf": [_REGION, {"type": "null"}],
        "description": "the region of the query photo in which the product was found; null for the whole photo",
    },
    image_url=_IMAGE_URL,
    image_key=_IMAGE_KEY,
    same_as=_list(
        "with distinct=true, products whose photos are near-identical to this one's, nearest first", _PLAIN_TEXT
    ),
)
_SEARCH = _object(
    "what was searched, and how",
    k=_count("how many products were asked for"),
    offset=_count("how many of the nearest products were skipped"),
    next_offset=_or_null(
        _count("offset for the next page; null where there is none, or where it would be beyond the limit")
    ),
    filters=_list("the filters, as they were given", _PLAIN_TEXT),
    products_matching=_or_null(
        _count(
            "products with a searchable photo that pass the filters and are not hidden as out of stock, at any distance; null "
            "where an index proposes candidates and not all are counted"
        )
    ),
    weights={
        "type": "object",
        "additionalProperties": _PLAIN_NUMBER,
        "description": "the weights of the parts in these distances; only distances of equal weights compare",
    },
    match_scale=_or_null(
        _object(
            "what matches are judged by under these weights; null until enough products are measured",
            strong=_number("the largest distance of a strong match"),
            fair=_number("the largest distance of a fair match"),
            rescaled={
                "type": "boolean",
                "description": "whether it is estimated, as the catalogue was measured under other weights",
            },
        )
    ),
    model=_text("the fingerprint of the model: distances of two models do not compare"),
    snapshot=_SNAPSHOT,
    snapshot_age_s=_SNAPSHOT_AGE,
    products=_PRODUCTS,
    photos=_PHOTOS,
    regions=_list("the regions of the query photo that were searched with", _REGION),
    query_photos=_count("photos that were searched with"),
    query_photos_skipped=_count("further photos of the product, beyond the limit"),
    rows_scanned=_count("photos of which a bound of the distance was computed"),
    rows_refined=_count("photos of which a tighter bound was computed"),
    rows_exact=_count("photos of which the distance was computed"),
    exact={
        "type": "boolean",
        "description": "whether these are surely the nearest products; an index of candidates may miss some",
    },
    reasons=_list(
        "why a product may be missing: the candidates came from an index, which chose them under the default weights",
        _word("", "index-candidates", "default-weights"),
    ),
    recall=_or_null(
        _object(
            "how many of the nearest products the index found when it was measured last; null where it was not, or is not asked",
            at=_count("how many nearest products each query had"),
            value=_number("the share that was found"),
            low=_number("the lower end of its 95 % interval"),
            high=_number("the upper end of its 95 % interval"),
            queries=_count("queries of the measurement"),
            measured=_text("when it was measured, in UTC"),
        )
    ),
    requests=_count("requests to the store while answering"),
    bytes_read=_count("bytes from the store while answering"),
    timings_ms={
        "type": "object",
        "additionalProperties": _PLAIN_NUMBER,
        "description": "milliseconds of each stage, and in total",
    },
)
_ATTRIBUTE = _text("the name of the attribute, as a filter takes it")
_VALUE_FACET = _object(
    attribute=_ATTRIBUTE,
    kind=_word("whether a product has one text, or a list of them", "text", "list"),
    values=_list(
        "the values that most products have, first",
        _object(value=_text("the value, as a filter takes it"), count=_count("products that have the value")),
    ),
    others=_count("the sum of the counts of all other values"),
)
_NUMBER_FACET = _object(
    attribute=_ATTRIBUTE,
    kind=_word("a number", "number"),
    min=_number("the least number"),
    max=_number("the greatest number"),
    count=_count("products that have a number"),
)
_DATA = _object(
    "the product data",
    version=_text("the version of the product data; it changes whenever a file does, or a price by its date"),
    products=_count("products that the files speak of, with photos or without"),
    files=_count("data files, those that were refused included"),
    rejected_files=_count("files of which nothing can be used"),
    bad_rows=_count("rows and values that cannot be used; GET /api/rejected lists them"),
    changed={**_or_null(_text("when a data file was put last; null without one")), "format": "date-time"},
)
_MODEL = _object(
    "the model that photos are compared by",
    name=_text("the name of the model"),
    fingerprint=_text("what tells the model from every other one"),
    parts=_list(
        "what the model sees, each by itself",
        _object(
            name=_text("the name of the part, as weights takes it"),
            dimensions=_count("numbers that the part makes of a photo"),
            weight={**_number("the weight in distances, where a query gives no other"), "minimum": 0},
        ),
    ),
)

SCHEMAS: Schema = {
    "Results": _object(
        results=_list("the products, nearest first", _RESULT),
        verdict=_word(
            "whether any product is a match; no_good_match where every one is weak, null where they are not judged",
            "match",
            "no_good_match",
            None,
        ),
        search=_SEARCH,
    ),
    "Product": _object(
        product_id=_PRODUCT_ID,
        **_FACTS,
        photos_total=_count("photos of the product, on all pages"),
        photos=_list(
            "the photos on this page, by key",
            _object(
                image_key=_IMAGE_KEY,
                image_url=_IMAGE_URL,
                status=_word("whether searches find the photo", "searchable", "rejected"),
                reason=_or_null(
                    _object(
                        "why it was rejected; null where it was not",
                        code=_text("the reason, for programs"),
                        detail=_text("the reason, and what to do"),
                    )
                ),
            ),
        ),
        next_after=_NEXT_AFTER,
    ),
    "Products": _object(
        products=_list(
            "in an order of their own, which stays",
            _object(product_id=_PRODUCT_ID, **_FACTS, image_url=_IMAGE_URL, image_key=_IMAGE_KEY),
        ),
        total=_count("products that pass the filters, on all pages"),
        next_offset=_or_null(_count("offset for the next page; null on the last")),
    ),
    "Facets": _object(
        products=_count("products that a search under these filters ranks"),
        facets=_list("the attributes with few enough values to choose from", {"oneOf": [_VALUE_FACET, _NUMBER_FACET]}),
    ),
    "Map": _object(
        snapshot=_SNAPSHOT,
        made={**_text("when compaction made the map"), "format": "date-time"},
        total=_PRODUCTS,
        products=_count(
            "products on the map; newer ones come with the next, and of a large catalogue it has a random choice"
        ),
        ids=_list("the products on the map", _PRODUCT_ID),
        images=_list("the key of a photo of each, below images/", _PLAIN_TEXT),
        x=_list("how far right each is, 0 to 65535", _PLACE),
        y=_list("how far down each is, 0 to 65535", _PLACE),
    ),
    "Rejected": _object(
        total=_count("photos, data files and rows that were refused, on all pages"),
        unlisted=_count("rows among them that no page lists: of each file the first are kept"),
        rejected=_list(
            "what was refused, on this page",
            _object(
                key=_text("the key of the photo or data file in the catalogue's bucket"),
                product_id=_or_null(_text("the product; null where the row or the file names none")),
                line=_or_null(_count("where the row begins in its data file; null for a whole file or a photo")),
                code=_text("the reason, for programs"),
                detail=_text("the reason, and what to do"),
            ),
        ),
        next_after=_NEXT_AFTER,
    ),
    "Queue": _object(
        waiting=_or_null(
            _count(
                "messages of photos and data files that are to be taken in; as all of these, null where the queue does not say"
            )
        ),
        in_flight=_or_null(_count("messages that are being worked on, or that failed and come back later")),
        delayed=_or_null(_count("messages that may be received later only")),
        dead_letters=_or_null(_count("messages that failed too often")),
    ),
    "Health": _object(
        status=_word(
            "whether there is something to search; stale while the store is out of reach", "ok", "empty", "stale"
        ),
        snapshot=_SNAPSHOT,
        snapshot_age_s=_SNAPSHOT_AGE,
        products=_PRODUCTS,
        photos=_PHOTOS,
        rejected=_count("photos that were refused; GET /api/rejected lists them"),
        index=_or_null(
            _object(
                "the index that proposes candidates, and how far it has followed; null where everything is scanned",
                name=_text("its name: kind of engine, model, dimensions and place"),
                photos=_count("searchable photos that it follows; the others are scanned"),
                segments=_count("segments of the store that it follows"),
                snapshot=_text("the version of the photos that it has followed"),
            )
        ),
        data=_DATA,
        model=_MODEL,
    ),
    # Every answer of ours has the first four. None is required, as in RFC 9457: generated clients read the gateway's answers of the same
    # status as problems, too.
    "Problem": {
        "type": "object",
        "properties": {
            "type": _text("urn:lookalike:problem: and the word of the problem, which stays"),
            "title": _text("the problem in a few words"),
            "status": {"type": "integer", "description": "the status of the answer"},
            "detail": _text("what is wrong with this request, and what to do"),
            "known": _list("only with unknown-attribute: the attributes that there are", _PLAIN_TEXT),
        },
    },
    "GatewayMessage": _object(message=_text("the gateway's own words")),
}
