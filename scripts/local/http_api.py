"""The HTTP API of the template: its routes, and the pages of other origins that it answers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from scripts.local.cors import Cors, of_gateway
from scripts.local.intrinsics import UnsupportedTemplateError

_INVOCATION: Final = re.compile(r".*/functions/(?P<arn>.+)/invocations")


@dataclass(frozen=True, slots=True)
class Route:
    """An HTTP API route: ``POST /api/search``, or ``ANY /api/{path+}``."""

    method: str
    path: str
    function_id: str


def read_routes(properties: dict[str, Any], functions: Mapping[str, str]) -> Iterator[Route]:
    """The routes of an API, given its properties and the functions by their ARNs. Raises UnsupportedTemplateError."""
    has_cors = read_cors(properties) is not None
    for path, methods in properties["Body"]["paths"].items():
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            target = _INVOCATION.fullmatch(integration.get("uri", ""))
            if integration["type"] != "aws_proxy" or target is None or target["arn"] not in functions:
                raise UnsupportedTemplateError(f"{method} {path} does not lead to a function of this template")
            if integration.get("payloadFormatVersion") != "2.0":
                raise UnsupportedTemplateError(f"{method} {path} does not use payload format 2.0")
            if "security" in operation:
                raise UnsupportedTemplateError(f"{method} {path} has an authorizer, which is not run here")
            if path == "$default":
                raise UnsupportedTemplateError(f"{method} {path} takes every path, which is not run here")
            name = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
            if has_cors and name in ("ANY", "OPTIONS"):
                # Its authorizer and its function would get the preflight requests, which know of no token.
                raise UnsupportedTemplateError(f"{name} {path} takes preflight requests, which is not run here")
            yield Route(name, path, functions[target["arn"]])


def read_cors(properties: Mapping[str, Any]) -> Cors | None:
    """Who may call an API from another origin, given its properties; None for nobody. Raises UnsupportedTemplateError."""
    if "CorsConfiguration" in properties:
        raise UnsupportedTemplateError("the HTTP API has a CorsConfiguration beside its Body, which is not run here")
    config = properties["Body"].get("x-amazon-apigateway-cors")
    return of_gateway(config) if config else None
