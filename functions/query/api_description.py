"""The HTTP API described: OpenAPI 3.1 for programs and a page for people, both made from the table of routes.

Summaries are the handlers' docstrings, parameters and problems those that the function parses and answers.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from http_api import AGE_HEADER, MAX_BODY_BYTES, Route
from parameters import Parameter

from lookalike import __version__, errors

# Generators of clients know no image/*, and make bytes of format: binary.
_PHOTO_TYPES = (
    "image/jpeg",
    "image/png",
    "image/webp",
    "image/avif",
    "image/gif",
    "image/bmp",
    "image/tiff",
    "application/octet-stream",
)
_BYTES = {"type": "string", "format": "binary"}
# API Gateway gives these answers before the function or in place of it, and lets nobody choose their words.
_GATEWAY = {
    "401": "where the API asks for a token, without a valid one",
    "413": "a request of more than 6 MB",
    "429": "more requests than the API takes at once; try again in a second",
    "500": "the function failed",
    "503": "the function did not answer in 30 seconds",
}
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

_SCHEMAS: dict[str, Any] = {
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
    "Health": _object(
        status={"enum": ["ok", "empty", "stale"], "description": "stale: the store is out of reach"},
        snapshot=_TEXT,
        snapshot_age_s=_NUMBER,
        products=_COUNT,
        photos=_COUNT,
        rejected=_COUNT,
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
    # Every answer of ours has all four. None is required, as in RFC 9457: generated clients read the gateway's answers of the same
    # status as problems, too.
    "Problem": {
        "type": "object",
        "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT},
    },
    "GatewayMessage": _object(message=_TEXT),
}


def openapi(routes: Mapping[str, Route[Any]]) -> dict[str, Any]:
    """The OpenAPI document of the routes, which are named ``METHOD /path``."""
    paths: dict[str, Any] = {}
    for name, route in routes.items():
        method, path = name.split(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lookalike", "version": __version__, "summary": "Products that look alike"},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }


def _operation(route: Route[Any]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{route.answer}"} if route.answer else {}
    media_type = route.media_type.partition(";")[0]
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": (route.handler.__doc__ or "").strip().splitlines()[0],
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": {
            "200": {"description": "OK", "content": {media_type: {"schema": schema}}} | _headers(route),
            **_error_responses(route),
        },
    }
    if route.takes_photo:
        form = _object(image=_BYTES)
        operation["requestBody"] = {
            "required": True,
            "description": f"A photo of at most {MAX_BODY_BYTES:,} bytes, raw or as a form. It is not stored.",
            "content": {
                **{media_type: {"schema": _BYTES} for media_type in _PHOTO_TYPES},
                "multipart/form-data": {"schema": form},
            },
        }
    return operation


def _headers(route: Route[Any]) -> dict[str, Any]:
    if errors.StoreError not in route.raises:
        return {}
    age = {
        "description": "whole seconds since the catalogue that was answered from was the newest",
        "schema": {"type": "integer", "minimum": 0},
    }
    return {"headers": {AGE_HEADER: age}}


def _parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }


def _error_responses(route: Route[Any]) -> dict[str, Any]:
    """The responses by status: the route's problems, and the messages of the gateway."""
    responses: dict[str, Any] = {}

    def add(status: str, line: str, media_type: str, schema: str) -> None:
        response = responses.setdefault(status, {"description": "", "content": {}})
        response["description"] += f"; {line}" if response["description"] else line
        response["content"][media_type] = {"schema": {"$ref": f"#/components/schemas/{schema}"}}

    for problem in route.problems:
        add(str(problem.status), f"{problem.slug}: {problem.title.lower()}", "application/problem+json", "Problem")
    for status, when in _GATEWAY.items():
        if status != "413" or route.takes_photo:
            add(status, f"from the gateway: {when}", "application/json", "GatewayMessage")
    return dict(sorted(responses.items()))


def as_html(document: Mapping[str, Any]) -> str:
    """An OpenAPI document of ``openapi`` for people: plain HTML that needs no script."""
    operations = "".join(
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>"
        f"<dl>{''.join(_described(operation))}</dl>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Lookalike API</title><link rel="stylesheet" href="/base.css"></head><body><main>'
        f"<h1>Lookalike API {escape(document['info']['version'])}</h1>"
        '<p>Also as <a href="/api/openapi.json">OpenAPI</a>. Errors are problem details (RFC 9457), '
        "<code>application/problem+json</code>. Their <code>type</code> is stable: "
        "<code>urn:lookalike:problem:</code> and the word listed with the status. The gateway's own answers are "
        '<code>{"message": "..."}</code>. HEAD is answered like GET, without a body; another path or method with the '
        "problem not-found or method-not-allowed.</p>"
        f"{operations}</main></body></html>"
    )


def _described(operation: Mapping[str, Any]) -> Iterator[str]:
    """The terms and details of an operation's parameters, body and errors."""
    for parameter in operation["parameters"]:
        schema = parameter["schema"]
        limits = "".join(f", {name} {schema[name]}" for name in ("minimum", "maximum", "default") if name in schema)
        limits += "".join(f", such as {example}" for example in schema.get("examples", ()))
        kind = f"{parameter['in']}, {schema['type']}{limits}"
        yield f"<dt><code>{escape(parameter['name'])}</code></dt><dd>{escape(parameter['description'])} ({escape(kind)})</dd>"
    if "requestBody" in operation:
        yield f"<dt>body</dt><dd>{escape(operation['requestBody']['description'])}</dd>"
    for status, response in operation["responses"].items():
        if status != "200":
            yield f"<dt>{escape(status)}</dt><dd>{escape(response['description'])}</dd>"
