"""The schemas of the API's answers."""

from typing import Any

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_REGION = {
    "type": "array",
    "items": {"type": "number", "minimum": 0, "maximum": 1},
    "minItems": 4,
    "maxItems": 4,
    "description": "x, y, w, h in fractions of the upright photo",
}
_NULLABLE_REASON = {
    "type": ["object", "null"],
    "properties": {"code": _TEXT, "detail": _TEXT},
    "required": ["code", "detail"],
}
_PLACE = {"type": "integer", "minimum": 0, "maximum": 65535}
_NULLABLE_COUNT = {"type": ["integer", "null"], "minimum": 0}
_NULLABLE_TEXT = {"type": ["string", "null"]}
_FACTS = {
    "name": _NULLABLE_TEXT,
    "price": {"type": ["number", "null"], "description": "the price to pay: a sale price while it is one"},
    "currency": {**_NULLABLE_TEXT, "description": "of the price, as ISO 4217 writes it"},
    "link": {**_NULLABLE_TEXT, "description": "the product's page in the shop, an address of http or https"},
    "brand": _NULLABLE_TEXT,
    "attributes": {
        "type": "object",
        "additionalProperties": {"oneOf": [_TEXT, _NUMBER, {"type": "array", "items": _TEXT}]},
        "description": (
            "all that is known of the product: its product data, then metadata of its photos, whose names are lower-case; of each "
            "name the first photo's value"
        ),
    },
}

_MATCH = {
    "enum": ["strong", "fair", "weak", None],
    "description": (
        "judged by the distances between the catalogue's own products: strong is nearer than half of them are to another one, "
        "weak is farther than nearly all of them; null until enough of them are measured"
    ),
}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_MATCH_SCALE = _object(strong=_NUMBER, fair=_NUMBER, rescaled={"type": "boolean"}) | {
    "type": ["object", "null"],
    "description": (
        "the largest distances of a strong and of a fair match under these weights; rescaled: estimated, as the catalogue was "
        "measured under other weights"
    ),
}

_VALUE_FACET = _object(
    attribute=_TEXT,
    kind={"enum": ["text", "list"]},
    values={
        "type": "array",
        "items": _object(value=_TEXT, count=_COUNT),
        "description": "those that most products have, first",
    },
    others={**_COUNT, "description": "the sum of the counts of all other values"},
)
_NUMBER_FACET = _object(attribute=_TEXT, kind={"enum": ["number"]}, min=_NUMBER, max=_NUMBER, count=_COUNT)

SCHEMAS: dict[str, Any] = {
    "Results": _object(
        results={
            "type": "array",
            "items": _object(
                product_id=_TEXT,
                **_FACTS,
                distance={**_NUMBER, "minimum": 0, "description": "Euclidean, of the weights; smaller is more alike"},
                match=_MATCH,
                region={
                    "oneOf": [_REGION, {"type": "null"}],
                    "description": "the region of the query photo in which the product was found; null for the whole photo",
                },
                image_url=_TEXT,
                image_key=_TEXT,
                same_as={
                    "type": "array",
                    "items": _TEXT,
                    "description": "with distinct=true, products whose photos are near-identical to this one's, nearest first",
                },
            ),
        },
        verdict={
            "enum": ["match", "no_good_match", None],
            "description": "no_good_match: every match is weak; null where matches are not judged",
        },
        search=_object(
            k={"type": "integer"},
            offset=_COUNT,
            next_offset={
                "type": ["integer", "null"],
                "description": "offset for the next page; null where there is none, or where it would be beyond the limit",
            },
            filters={"type": "array", "items": _TEXT, "description": "as they were given"},
            products_matching={
                **_COUNT,
                "description": (
                    "products with a searchable photo that pass the filters and are not hidden as out of stock, at any distance"
                ),
            },
            weights={
                "type": "object",
                "additionalProperties": _NUMBER,
                "description": "of the parts in these distances; only distances of equal weights compare",
            },
            match_scale=_MATCH_SCALE,
            model={**_TEXT, "description": "fingerprint: distances of two models do not compare"},
            snapshot=_TEXT,
            snapshot_age_s={**_NUMBER, "description": "above a few seconds where the store is out of reach"},
            products=_COUNT,
            photos=_COUNT,
            regions={
                "type": "array",
                "items": _REGION,
                "description": "of the query photo, that were searched with",
            },
            query_photos={**_COUNT, "description": "photos that were searched with"},
            query_photos_skipped={**_COUNT, "description": "further photos of the product, beyond the limit"},
            rows_scanned=_COUNT,
            rows_refined=_COUNT,
            rows_exact=_COUNT,
            requests={**_COUNT, "description": "to the store while answering"},
            bytes_read={**_COUNT, "description": "from the store while answering"},
            timings_ms={"type": "object", "additionalProperties": _NUMBER},
        ),
    ),
    "Product": _object(
        product_id=_TEXT,
        **_FACTS,
        photos_total={**_COUNT, "description": "photos of the product, on all pages"},
        photos={
            "type": "array",
            "items": _object(
                image_key=_TEXT,
                image_url=_TEXT,
                status={"enum": ["searchable", "rejected"]},
                reason=_NULLABLE_REASON,
            ),
        },
        next_after={"type": ["string", "null"], "description": "after for the next page; null on the last"},
    ),
    "Products": _object(
        products={
            "type": "array",
            "items": _object(
                product_id=_TEXT,
                **_FACTS,
                image_url=_TEXT,
                image_key={**_TEXT, "description": "of the product's first searchable photo, by key"},
            ),
        },
        total={**_COUNT, "description": "products that pass the filters, on all pages"},
        next_offset={"type": ["integer", "null"], "description": "offset for the next page; null on the last"},
    ),
    "Facets": _object(
        products={**_COUNT, "description": "products that a search under these filters ranks"},
        facets={
            "type": "array",
            "items": {"oneOf": [_VALUE_FACET, _NUMBER_FACET]},
            "description": "of attributes with few enough values to choose from",
        },
    ),
    "Map": _object(
        snapshot=_TEXT,
        made={**_TEXT, "format": "date-time", "description": "when compaction made the map"},
        total={**_COUNT, "description": "products with a searchable photo"},
        products={
            **_COUNT,
            "description": "products on the map; newer ones come with the next map, and of a large catalogue it has a random choice",
        },
        ids={"type": "array", "items": _TEXT, "description": "the product ids"},
        images={"type": "array", "items": _TEXT, "description": "the key of a photo of each, below images/"},
        x={"type": "array", "items": _PLACE, "description": "the place of each, 0 to 65535"},
        y={"type": "array", "items": _PLACE},
    ),
    "Rejected": _object(
        total={**_COUNT, "description": "photos, data files and rows that were refused, on all pages"},
        unlisted={**_COUNT, "description": "rows among them that no page lists: of each file the first are kept"},
        rejected={
            "type": "array",
            "items": _object(
                key={**_TEXT, "description": "of the photo or data file in the catalogue's bucket"},
                product_id={**_NULLABLE_TEXT, "description": "null where the row or the file names none"},
                line={"type": ["integer", "null"], "description": "of the row in its data file; null for a whole file"},
                code={**_TEXT, "description": "the reason, for programs"},
                detail={**_TEXT, "description": "the reason, and what to do"},
            ),
        },
        next_after={**_NULLABLE_TEXT, "description": "after for the next page; null on the last"},
    ),
    "Queue": _object(
        waiting={
            **_NULLABLE_COUNT,
            "description": "messages of photos and data files that are to be taken in; as all of these, null where the queue does not say",
        },
        in_flight={
            **_NULLABLE_COUNT,
            "description": "messages that are being worked on, or that failed and come back later",
        },
        delayed={**_NULLABLE_COUNT, "description": "messages that may be received later only"},
        dead_letters={**_NULLABLE_COUNT, "description": "messages that failed too often"},
    ),
    "Health": _object(
        status={"enum": ["ok", "empty", "stale"], "description": "stale: the store is out of reach"},
        snapshot=_TEXT,
        snapshot_age_s=_NUMBER,
        products=_COUNT,
        photos=_COUNT,
        rejected={**_COUNT, "description": "photos"},
        data=_object(
            version=_TEXT,
            products=_COUNT,
            files=_COUNT,
            rejected_files={**_COUNT, "description": "files of which nothing can be used"},
            bad_rows={**_COUNT, "description": "rows that cannot be used; GET /api/rejected lists them"},
            changed={
                **_NULLABLE_TEXT,
                "format": "date-time",
                "description": "when a data file was put last; null without one",
            },
        ),
        model=_object(
            name=_TEXT,
            fingerprint=_TEXT,
            parts={
                "type": "array",
                "items": _object(
                    name=_TEXT,
                    dimensions=_COUNT,
                    weight={**_NUMBER, "minimum": 0, "description": "in distances, where a query gives no other"},
                ),
            },
        ),
    ),
    # Every answer of ours has the first four. None is required, as in RFC 9457: generated clients read the gateway's answers of the same
    # status as problems, too.
    "Problem": {
        "type": "object",
        "properties": {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _TEXT,
            "known": {
                "type": "array",
                "items": _TEXT,
                "description": "of unknown-attribute: the attributes that there are",
            },
        },
    },
    "GatewayMessage": _object(message=_TEXT),
}
