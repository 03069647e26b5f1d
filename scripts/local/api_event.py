"""API Gateway's HTTP API: requests as events of a function (payload format 2.0), and its answers as responses."""

import base64
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from scripts.local.http_api import Route
from scripts.local.http_server import Request, Response
from scripts.local.intrinsics import ACCOUNT

# What API Gateway passes on as text, by trials of others on AWS; everything else, and a body without a type, as base64.
_TEXT_TYPES: Final = frozenset({"application/json", "application/javascript", "application/xml"})
# They concern one connection only, and are not passed on.
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"})


def find_route(routes: Iterable[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request and its path parameters, decoded; None where there is none.

    As in API Gateway the most specific route wins: a name before a ``{parameter}``, that before a ``{rest+}`` of the path, and
    a method before ANY. Every slash counts, and no parameter is empty.
    """
    best: tuple[tuple[list[int], bool], Route, dict[str, str]] | None = None
    for route in routes:
        parameters = _parameters(route.path, path) if route.method in (method, "ANY") else None
        if parameters is not None:
            rank = [part.count("{") + part.count("+}") for part in route.path.split("/")], route.method == "ANY"
            if best is None or rank < best[0]:
                best = (rank, route, parameters)
    return None if best is None else best[1:]


def _parameters(pattern: str, path: str) -> dict[str, str] | None:
    """The parameters of a path that has a route's pattern, decoded; None for another path."""
    names, texts = pattern.split("/"), path.split("/")
    if names[-1].endswith("+}"):
        texts[len(names) - 1 :] = ["/".join(texts[len(names) - 1 :])]
    pairs = list(zip(names, texts, strict=False))
    if len(names) != len(texts) or not all(text if name.startswith("{") else name == text for name, text in pairs):
        return None
    return {name.strip("{+}"): unquote(text) for name, text in pairs if name.startswith("{")}


def to_event(
    request: Request, route: Route, path_parameters: Mapping[str, str], *, added: Mapping[str, str]
) -> dict[str, Any]:
    """The event of a request. ``added``: headers that the distribution sets; the client cannot override them."""
    headers, cookies = _headers(request, added)
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    is_text = content_type.startswith("text/") or content_type in _TEXT_TYPES
    now = time.time()
    route_key = f"{route.method} {route.path}"
    host = headers.get("host", "127.0.0.1")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": unquote(request.path),
                "protocol": "HTTP/1.1",
                "sourceIp": request.client,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": bool(request.body) and not is_text,
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _joined(parse_qsl(request.query, keep_blank_values=True))
    if path_parameters:
        event["pathParameters"] = dict(path_parameters)
    if request.body:
        event["body"] = request.body.decode("utf-8", "replace") if is_text else base64.b64encode(request.body).decode()
    return event


def _headers(request: Request, added: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    passed_on = [
        (name.lower(), value)
        for name, value in request.headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() not in added
    ]
    cookies = [part.strip() for name, value in passed_on if name == "cookie" for part in value.split(";")]
    headers = _joined([item for item in passed_on if item[0] != "cookie"])
    return headers | {"content-length": str(len(request.body))} | dict(added), cookies


def _joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Pairs as a mapping; commas join the values of a repeated name."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def message(status: int, text: str) -> Response:
    """API Gateway's own answers: ``{"message": "Not Found"}``."""
    return Response(status, (("Content-Type", "application/json"),), json.dumps({"message": text}).encode())


def to_response(value: Any) -> Response:
    """The value that a function returned as an HTTP response; 500 where it is none."""
    if not isinstance(value, dict) or "statusCode" not in value:
        return Response(200, (("Content-Type", "application/json"),), json.dumps(value).encode())
    try:
        status = int(value["statusCode"])
        headers = [(str(name), str(item)) for name, item in (value.get("headers") or {}).items()]
        headers += [("Set-Cookie", str(item)) for item in value.get("cookies") or ()]
        body = value.get("body") or ""
        data = base64.b64decode(body, validate=True) if value.get("isBase64Encoded") else str(body).encode()
    except (ValueError, TypeError, AttributeError):
        return message(500, "Internal Server Error")
    if not 200 <= status <= 599 or any("\n" in item or "\r" in item for pair in headers for item in pair):
        return message(500, "Internal Server Error")
    if "content-type" not in {name.lower() for name, _ in headers}:
        headers.append(("Content-Type", "text/plain;charset=UTF-8"))
    return Response(status, headers, data)
