"""The HTTP API described: OpenAPI 3.1 for programs and a page for people, both made from the routes the function serves.

Summaries are the handlers' own docstrings and the errors are the function's own table, so neither can drift apart.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, Protocol

from lookalike import __version__


class _Problem(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def slug(self) -> str: ...
    @property
    def title(self) -> str: ...


_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_COUNT = {"type": "integer", "minimum": 0}
_NULLABLE_REASON = {
    "type": ["object", "null"],
    "properties": {"code": _TEXT, "detail": _TEXT},
    "required": ["code", "detail"],
}
_METADATA = {"type": "object", "additionalProperties": _TEXT, "description": "names are lower-case"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_SCHEMAS: dict[str, Any] = {
    "Results": _object(
        results={
            "type": "array",
            "items": _object(
                product_id=_TEXT,
                distance={**_NUMBER, "minimum": 0, "description": "Euclidean; smaller is more alike"},
                image_url=_TEXT,
                image_key=_TEXT,
                metadata=_METADATA,
            ),
        },
        search=_object(
            k={"type": "integer"},
            model={**_TEXT, "description": "fingerprint: distances of one model say nothing of another's"},
            snapshot=_TEXT,
            products=_COUNT,
            photos=_COUNT,
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
        metadata=_METADATA,
        photos={
            "type": "array",
            "items": _object(
                image_key=_TEXT,
                image_url=_TEXT,
                status={"enum": ["searchable", "rejected"]},
                reason=_NULLABLE_REASON,
            ),
        },
    ),
    "Health": _object(
        status={"enum": ["ok", "empty"]},
        snapshot=_TEXT,
        snapshot_age_s=_NUMBER,
        products=_COUNT,
        photos=_COUNT,
        rejected=_COUNT,
        model=_object(name=_TEXT, fingerprint=_TEXT, dimensions=_COUNT),
    ),
    "Problem": _object(type=_TEXT, title=_TEXT, status={"type": "integer"}, detail=_TEXT),
}

_ANSWERS = {
    "POST /api/search": ("application/json", "Results"),
    "GET /api/products/{product_id}/similar": ("application/json", "Results"),
    "GET /api/products/{product_id}": ("application/json", "Product"),
    "GET /api/health": ("application/json", "Health"),
    "GET /api/openapi.json": ("application/json", None),
    "GET /api/docs": ("text/html", None),
}
_QUERIES = ("POST /api/search", "GET /api/products/{product_id}/similar")


def openapi(
    routes: Mapping[str, Callable[..., Any]],
    problems: Iterable[_Problem],
    *,
    max_k: int,
    max_body_bytes: int,
) -> dict[str, Any]:
    """The OpenAPI document. ``routes`` maps ``METHOD /path`` to the handler whose docstring describes it."""
    errors = _error_answers(problems)
    paths: dict[str, Any] = {}
    for route, handler in routes.items():
        method, path = route.split(" ")
        content_type, schema = _ANSWERS[route]
        reference = {"$ref": f"#/components/schemas/{schema}"} if schema else {}
        operation: dict[str, Any] = {
            "operationId": handler.__name__,
            "summary": (handler.__doc__ or "").strip().splitlines()[0],
            "parameters": [
                {"name": name, "in": "path", "required": True, "schema": _TEXT} for name in re.findall(r"{(\w+)}", path)
            ],
            "responses": {
                "200": {"description": "OK", "content": {content_type: {"schema": reference}}},
                **errors,
            },
        }
        if route in _QUERIES:
            k = {"type": "integer", "minimum": 1, "maximum": max_k, "default": 5}
            operation["parameters"].append({"name": "k", "in": "query", "schema": k})
        if method == "POST":
            operation["requestBody"] = _photo_body(max_body_bytes)
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lookalike", "version": __version__, "summary": "Products that look alike"},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": _SCHEMAS},
    }


def _error_answers(problems: Iterable[_Problem]) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for problem in problems:
        by_status.setdefault(str(problem.status), []).append(f"{problem.slug}: {problem.title.lower()}")
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": "; ".join(told), "content": content} for status, told in by_status.items()}


def _photo_body(max_body_bytes: int) -> dict[str, Any]:
    form = _object(image={"type": "string", "contentMediaType": "image/*"})
    return {
        "required": True,
        "description": f"A photo of at most {max_body_bytes:,} bytes, raw or as a form. It is not stored.",
        "content": {"image/*": {"schema": {}}, "multipart/form-data": {"schema": form}},
    }


def as_html(document: Mapping[str, Any]) -> str:
    """The same for people: plain HTML that needs no script."""
    parts = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts.append(f"<h2><code>{method.upper()} {escape(path)}</code></h2>")
            parts.append(f"<p>{escape(operation['summary'])}</p>")
            if operation["parameters"] or "requestBody" in operation:
                parts.append("<dl>" + "".join(_described_inputs(operation)) + "</dl>")
    statuses = next(iter(document["paths"].values())).values()
    errors = next(iter(statuses))["responses"]
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer['description'])}</td></tr>"
        for status, answer in errors.items()
        if status != "200"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<title>Lookalike API</title><link rel="stylesheet" href="/base.css"></head><body><main>'
        f"<h1>Lookalike API {escape(document['info']['version'])}</h1>"
        '<p>Also as <a href="/api/openapi.json">OpenAPI</a>.</p>'
        f"{''.join(parts)}<h2>Errors</h2><p>Problem details (RFC 9457), <code>application/problem+json</code>; "
        f"<code>type</code> is stable: <code>urn:lookalike:problem:</code> and the word given here.</p>"
        f"<table><thead><tr><th>Status</th><th>Types</th></tr></thead><tbody>{rows}</tbody></table>"
        "</main></body></html>"
    )


def _described_inputs(operation: Mapping[str, Any]) -> Iterable[str]:
    for parameter in operation["parameters"]:
        limits = ", ".join(f"{name} {value}" for name, value in parameter["schema"].items() if name != "type")
        yield f"<dt><code>{escape(parameter['name'])}</code></dt>"
        yield f"<dd>{escape(parameter['in'])}, {escape(parameter['schema']['type'])}; {escape(limits)}</dd>"
    if "requestBody" in operation:
        yield f"<dt>body</dt><dd>{escape(operation['requestBody']['description'])}</dd>"
