"""The HTTP API described for people: one page, made from the OpenAPI document.
"""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any


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
        kind = f"{parameter['in']}, {schema['type']}{limits}, such as {parameter['example']}"
        yield f"<dt><code>{escape(parameter['name'])}</code></dt><dd>{escape(parameter['description'])} ({escape(kind)})</dd>"
    if "requestBody" in operation:
        yield f"<dt>body</dt><dd>{escape(operation['requestBody']['description'])}</dd>"
    for status, response in operation["responses"].items():
        if status != "200":
            yield f"<dt>{escape(status)}</dt><dd>{escape(response['description'])}</dd>"
