"""The HTTP API described for people: one page, made from the OpenAPI document.

The page is whole without its style and its script, which the site has and API Gateway's own address has not: only the forms to try
a route need the script, and they are hidden without it. Nothing in it is inline, as the site's policy forbids that.
"""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_HEAD = (
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark"><title>Lookalike API</title>'
    '<link rel="icon" href="/favicon.svg" type="image/svg+xml">'
    '<link rel="stylesheet" href="/base.css"><link rel="stylesheet" href="/docs.css">'
    '<script type="module" src="/docs.js"></script>'
)
_MARK = (
    '<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">'
    '<rect class="brand-back" x="3" y="3" width="19" height="19" rx="6"/>'
    '<rect class="brand-front" x="11" y="11" width="17" height="17" rx="5"/></svg>'
)
_INTRODUCTION = (
    '<p class="lead">Search a catalogue of products by a photo, by one of its products, and by what is known of them.</p>'
    "<p>Answers are JSON in UTF-8. What is not known of a product is <code>null</code>. Answers are exact: the products are "
    "the nearest of all, not approximately the nearest.</p>"
    '<p>Errors are <a href="#problems">problem details</a> (RFC 9457), <code>application/problem+json</code>. Their '
    "<code>type</code> is stable: <code>urn:lookalike:problem:</code> and a word that is listed here. A problem that passes by "
    'itself has the header <code>Retry-After</code>. The gateway\'s own answers are <code>{"message": "..."}</code>.</p>'
    "<p>HEAD is answered like GET, without a body. Unknown parameters are refused rather than ignored. Another path is answered by "
    "not-found, another method by method-not-allowed with the header <code>Allow</code>.</p>"
)
Json = Mapping[str, Any]


def as_html(document: Json) -> str:
    """An OpenAPI document of ``api_description`` for people."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    links = "".join(
        f'<li><a href="#{escape(operation["operationId"])}">{_method(method)} {escape(path)}</a></li>'
        for method, path, operation in operations
    )
    schemas = document["components"]["schemas"]
    sections = "".join(_section(method, path, operation, schemas) for method, path, operation in operations)
    return (
        f'<!doctype html><html lang="en"><head>{_HEAD}</head><body>'
        '<a class="skip" href="#content">Skip to the description</a>'
        f'<header class="bar"><div class="wide bar-inside"><a class="brand" href="/">{_MARK}Lookalike</a>'
        '<a class="button quiet" href="/api/openapi.json">OpenAPI</a></div></header>'
        f'<div class="wide docs"><nav aria-label="Routes"><ul>{links}<li><a href="#problems">Problems</a></li></ul></nav>'
        f'<main id="content"><h1>Lookalike API <small>{escape(document["info"]["version"])}</small></h1>{_INTRODUCTION}'
        f"{sections}{_problems(document)}</main></div></body></html>"
    )


def _method(method: str) -> str:
    return f'<span class="method">{escape(method)}</span>'


def _section(method: str, path: str, operation: Json, schemas: Json) -> str:
    name = escape(operation["operationId"])
    parts = [
        f'<h2 id="{name}">{_method(method)} <code>{escape(path)}</code></h2><p>{escape(operation["summary"])}</p>',
        *(
            _code(sample["label"], sample["source"], f"{sample['label']} for {path}")
            for sample in operation["x-codeSamples"]
        ),
        _list("Parameters", map(_parameter, operation["parameters"])),
    ]
    if "requestBody" in operation:
        body = operation["requestBody"]
        parts.append(f"<h3>Body</h3><p>{escape(body['description'])} Types: {escape(', '.join(body['content']))}.</p>")
    refusals = "".join(_refusals(operation))
    parts += [
        _answer(operation["responses"]["200"], schemas),
        f"<details><summary>Problems</summary><dl>{refusals}</dl></details>",
    ]
    parts.append(_form(method, path, operation))
    return f'<section aria-labelledby="{name}">{"".join(parts)}</section>'


def _list(heading: str, items: Iterator[str]) -> str:
    """A heading and a list of terms; nothing where there are none."""
    listed = "".join(items)
    return f"<h3>{escape(heading)}</h3><dl>{listed}</dl>" if listed else ""


def _item(term: str, kind: str, text: str, example: str = "") -> str:
    shown = f" Example: <code>{escape(example)}</code>" if example else ""
    told = f'<span class="kind">{escape(kind)}</span>' if kind else ""
    return f"<div><dt><code>{escape(term)}</code> {told}</dt><dd>{escape(text)}{shown}</dd></div>"


def _parameter(parameter: Json) -> str:
    schema = parameter["schema"]
    limits = [f"{word} {json.dumps(schema[name])}" for name, word in _LIMITS.items() if name in schema]
    is_list = schema["type"] == "array"
    kind = ", ".join([parameter["in"], "text, may be repeated" if is_list else schema["type"], *limits])
    if "enum" in schema:
        kind += f": {' or '.join(schema['enum'])}"
    return _item(parameter["name"], kind, f"{_sentence(parameter['description'])}", _as_text(parameter["example"]))


_LIMITS = {"minimum": "at least", "maximum": "at most", "default": "default"}


def _as_text(example: Any) -> str:
    """An example as it stands in an address."""
    if isinstance(example, list):
        return "&".join(map(_as_text, example))
    return example if isinstance(example, str) else json.dumps(example)


def _sentence(text: str) -> str:
    """A description as a sentence. A name that it begins with stays as it is."""
    is_name = re.match(r"[\w-]*(_|:)", text)
    return f"{text[:1] if is_name else text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _answer(response: Json, schemas: Json) -> str:
    """The answer where all went well: an example, and every field of it."""
    ((media_type, content),) = response["content"].items()
    parts = [f"<h3>Answer</h3><p>200, <code>{escape(media_type)}</code></p>"]
    if "example" in content:
        shown = json.dumps(content["example"], ensure_ascii=False, indent=2)
        parts.append(f"<details><summary>Example</summary>{_code('JSON', shown, 'the example of an answer')}</details>")
    fields = "".join(_item(*field) for field in _fields(content["schema"], schemas))
    if fields:
        parts.append(f"<details><summary>Fields</summary><dl>{fields}</dl></details>")
    for name, header in response.get("headers", {}).items():
        parts.append(f"<p>Header <code>{escape(name)}</code>: {escape(header['description'])}.</p>")
    return "".join(parts)


def _fields(schema: Json, schemas: Json, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Every field of a schema: its path, its kind and its description."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if path:
        told = [_sentence(one["description"]) for one in (schema, schema.get("items", {})) if "description" in one]
        yield path, _kind(schema), " Each: ".join(told)
    for name, inner in schema.get("properties", {}).items():
        yield from _fields(inner, schemas, f"{path}.{name}" if path else name)
    items = schema.get("items", {})
    for inner in items.get("oneOf", [items]):
        for name, value in inner.get("properties", {}).items():
            yield from _fields(value, schemas, f"{path}[].{name}")


def _kind(schema: Json) -> str:
    if "enum" in schema:
        return " | ".join("null" if word is None else str(word) for word in schema["enum"])
    kinds = schema.get("type") or " | ".join(_kind(one) for one in schema.get("oneOf", ()))
    return kinds if isinstance(kinds, str) else " | ".join(kinds)


def _refusals(operation: Json) -> Iterator[str]:
    """The problems of a route, and what the gateway may answer in its place."""
    for status, response in operation["responses"].items():
        if status != "200":
            for line in response["description"].split("\n"):
                slug, _, text = line.partition(": ")
                yield _item(slug, status, _sentence(text))


def _problems(document: Json) -> str:
    """Every problem once, with an example."""
    found = {
        slug: example["value"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for slug, example in response["content"].get("application/problem+json", {}).get("examples", {}).items()
    }
    shown = "".join(
        f"<details><summary><code>{escape(slug)}</code> {escape(str(body['status']))} {escape(body['title'])}</summary>"
        f"{_code('JSON', json.dumps(body, ensure_ascii=False, indent=2), f'the problem {slug}')}</details>"
        for slug, body in sorted(found.items())
    )
    schemas = document["components"]["schemas"]
    problem, gateway = (
        "".join(_item(*field) for field in _fields(schemas.get(name, {}), schemas))
        for name in ("Problem", "GatewayMessage")
    )
    return (
        f'<section aria-labelledby="problems"><h2 id="problems">Problems</h2><dl>{problem}</dl>'
        f"<p>Answers of the gateway itself have one field:</p><dl>{gateway}</dl><h3>Examples</h3>{shown}</section>"
    )


def _code(label: str, source: str, name: str) -> str:
    return (
        f'<figure><figcaption>{escape(label)}</figcaption><pre tabindex="0" role="group" aria-label="{escape(name)}">'
        f"<code>{escape(source)}</code></pre></figure>"
    )


def _form(method: str, path: str, operation: Json) -> str:
    """The form that tries a route; ``docs.js`` shows it and sends it."""
    name = operation["operationId"]
    fields = [_field(name, parameter) for parameter in operation["parameters"]]
    if "requestBody" in operation:
        photo = f"{escape(name)}-photo"
        fields.insert(
            0,
            f'<p><label for="{photo}">Photo</label>'
            f'<input id="{photo}" name="photo" type="file" accept="image/*" required></p>',
        )
    return (
        f'<form class="try" hidden data-method="{escape(method)}" data-path="{escape(path)}" '
        f'aria-label="Try {escape(method)} {escape(path)}"><h3>Try it</h3><div class="fields">{"".join(fields)}</div>'
        '<button class="button second" type="submit">Send</button>'
        '<div class="outcome" role="status"></div></form>'
    )


def _field(operation: str, parameter: Json) -> str:
    name, schema, place = escape(parameter["name"]), parameter["schema"], escape(parameter["in"])
    field_id = f"{escape(operation)}-{name}"
    example = escape(_as_text(parameter["example"]))
    named = f'id="{field_id}" name="{name}" data-in="{place}"'
    words = ["true", "false"] if schema["type"] == "boolean" else schema.get("enum")
    if words:
        options = "".join(f"<option>{escape(word)}</option>" for word in ["", *words])
        field = f"<select {named}>{options}</select>"
    elif schema["type"] == "array":
        field = f'<textarea {named} rows="2" placeholder="{example}"></textarea>'
    elif place == "path":
        field = f'<input {named} value="{example}" required>'
    else:
        field = f'<input {named} placeholder="{example}">'
    hint = ", one a line" if schema["type"] == "array" else ""
    return f'<p><label for="{field_id}">{name}{hint}</label>{field}</p>'
