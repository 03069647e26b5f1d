"""The HTTP API described for programs: OpenAPI 3.1, made from the table of routes.

Summaries are the handlers' docstrings, parameters and problems those that the function parses and answers. Examples are answers
of the handlers: ``examples.json``.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from http_api import AGE_HEADER, MAX_BODY_BYTES, Route
from parameters import Parameter
from problems import Problem
from schemas import SCHEMAS

from lookalike import __version__, errors

SERVER = "https://shop.example"
"""The address in samples, for that of the stack."""

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


def openapi(routes: Mapping[str, Route[Any]]) -> dict[str, Any]:
    """The OpenAPI document of the routes, which are named ``METHOD /path``."""
    examples = json.loads((Path(__file__).parent / "examples.json").read_text("utf-8"))
    paths: dict[str, Any] = {}
    for name, route in routes.items():
        method, path = name.split(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(name, route, examples)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lookalike", "version": __version__, "summary": "Products that look alike"},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def _operation(name: str, route: Route[Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{route.answer}"} if route.answer else {}
    content: dict[str, Any] = {"schema": schema}
    example = examples["answers"].get(name)
    if example:
        content["example"] = example["answer"]
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": (route.handler.__doc__ or "").strip().splitlines()[0],
        "parameters": [_parameter(parameter) for parameter in route.parameters],
        "responses": {
            "200": {"description": "OK", "content": {route.media_type.partition(";")[0]: content}} | _headers(route),
            **_error_responses(route, examples["problems"]),
        },
        "x-codeSamples": list(_samples(route, example["request"] if example else name.partition(" ")[2])),
    }
    if route.takes_photo:
        form = {"type": "object", "properties": {"image": _BYTES}, "required": ["image"]}
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
        "example": _example(parameter),
    }


def _example(parameter: Parameter[Any]) -> Any:
    """The value of a parameter's example, as JSON has it."""
    kind = parameter.schema["type"]
    if kind == "array":
        return [parameter.example]
    return parameter.example if kind == "string" else json.loads(parameter.example)


def _error_responses(route: Route[Any], examples: Mapping[str, Any]) -> dict[str, Any]:
    """The responses by status: the route's problems, and the messages of the gateway."""
    responses: dict[str, Any] = {}

    def add(status: str, line: str, media_type: str, schema: str) -> dict[str, Any]:
        response = responses.setdefault(status, {"description": "", "content": {}})
        response["description"] += f"\n{line}" if response["description"] else line
        content: dict[str, Any] = response["content"].setdefault(
            media_type, {"schema": {"$ref": f"#/components/schemas/{schema}"}}
        )
        return content

    for problem in route.problems:
        content = add(str(problem.status), _line(problem), "application/problem+json", "Problem")
        content.setdefault("examples", {})[problem.slug] = {
            "summary": problem.title,
            "value": examples.get(problem.slug),
        }
    for status, when in _GATEWAY.items():
        if status != "413" or route.takes_photo:
            add(status, f"from the gateway: {when}", "application/json", "GatewayMessage")
    return dict(sorted(responses.items()))


def _line(problem: Problem) -> str:
    return f"{problem.slug}: {problem.meaning}"


def _samples(route: Route[Any], target: str) -> Iterator[dict[str, str]]:
    """The same request by curl and by a page's script. ``target``: its path and query."""
    url = f"{SERVER}{target}"
    if route.takes_photo:
        yield {"lang": "Shell", "label": "curl", "source": f'curl --data-binary @photo.jpg \\\n  "{url}"'}
        yield {
            "lang": "JavaScript",
            "label": "JavaScript",
            "source": (
                'const photo = document.querySelector("input[type=file]").files[0];\n'
                f'const answer = await fetch("{url}", {{\n  method: "POST",\n  body: photo,\n}});\n{_READ}'
            ),
        }
        return
    yield {"lang": "Shell", "label": "curl", "source": f'curl "{url}"'}
    read = _READ if route.media_type == "application/json" else "console.log(await answer.text());"
    yield {"lang": "JavaScript", "label": "JavaScript", "source": f'const answer = await fetch("{url}");\n{read}'}


_READ = """const body = await answer.json();
if (!answer.ok) throw new Error(body.detail ?? body.message);
console.log(body);"""
