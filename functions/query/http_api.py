"""HTTP in the query function: routes, requests as values, answers, and problem details (RFC 9457).

A ``Route`` is the one description of a route: ``answer`` parses requests by it, and ``api_description`` documents it.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from door import is_through_distribution
from elsewhere import MethodNotAllowed, route_of_head
from parameters import BadParameter, Parameter
from problems import PROBLEMS, BodyTooLarge, NotThroughDistribution, Problem, ProductPending

from lookalike import errors

MAX_BODY_BYTES = 4 * 1024 * 1024
MAX_ANSWER_BYTES = 6_000_000
"""Lambda sends a little more, and fails beyond that. Products may have many long texts."""
AGE_HEADER = "lookalike-snapshot-age"
_RETRY_AFTER_S = 5
_OUT_OF_REACH = f"The catalogue cannot be read just now. Try again in {_RETRY_AFTER_S} seconds."

Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, parsed by the table of routes.

    ``values``: the route's parameters by name, typed, defaults filled in. ``encoded_body``: see ``body``.
    ``is_through_distribution``: whether the request came through CloudFront, which serves the photos too.
    """

    route: str
    headers: Mapping[str, str]
    values: Mapping[str, Any]
    encoded_body: str
    is_base64: bool
    is_through_distribution: bool

    def value[Value](self, parameter: Parameter[Value]) -> Value:
        """The value of one of the route's parameters."""
        value: Value = self.values[parameter.name]
        return value

    def body(self) -> bytes:
        """The body's bytes. Raises BadParameter, BodyTooLarge."""
        if not self.is_base64:
            data = self.encoded_body.encode(errors="replace")  # JSON can carry half of a surrogate pair
        else:
            try:
                data = base64.b64decode(self.encoded_body, validate=True)
            except ValueError as error:
                raise BadParameter("The request's body is not valid base64.") from error
        if len(data) > MAX_BODY_BYTES:
            raise BodyTooLarge(
                f"The photo has {len(data):,} bytes; at most {MAX_BODY_BYTES:,} are accepted. Send a smaller version: "
                "640 pixels on the longer side are plenty."
            )
        return data


class Answer(NamedTuple):
    """A handler's value, with headers of its own. Names are in lower case."""

    value: Any
    headers: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Route[Services]:
    """A route: its handler, its parameters, its answer, and its problems.

    ``handler`` returns a JSON value, or text where ``media_type`` is another; with headers, an ``Answer``. Its docstring and
    name describe the route. ``answer``: the name of the answer's schema in ``api_description``, None for any. ``raises``: the
    errors of ``PROBLEMS`` that the handler raises; every route raises BadParameter and NotThroughDistribution.
    ``takes_photo``: whether the handler reads the body.
    """

    handler: Callable[[Request, Services], Any]
    answer: str | None = None
    media_type: str = "application/json"
    parameters: tuple[Parameter[Any], ...] = ()
    raises: tuple[type[errors.LookalikeError], ...] = ()
    takes_photo: bool = False

    @property
    def problems(self) -> list[Problem]:
        """Every problem that the route may answer."""
        return [PROBLEMS[BadParameter], PROBLEMS[NotThroughDistribution], *(PROBLEMS[kind] for kind in self.raises)]


def answer[Services](
    event: Mapping[str, Any],
    routes: Mapping[str, Route[Services]],
    services: Services,
    *,
    origin_secrets: Sequence[str],
) -> Response:
    """Answer an HTTP API event, payload format 2.0. Raises LookalikeError: see ``problem_of``.

    ``origin_secrets``: where there are any, the distribution sends one, and requests without it are refused.
    """
    headers = event.get("headers") or {}
    passed = is_through_distribution(headers, origin_secrets)
    if origin_secrets and not passed:
        raise NotThroughDistribution(
            "This API answers through its distribution only: call /api at the address of the page."
        )
    key: str = event["routeKey"]
    path_values: Mapping[str, str] = event.get("pathParameters") or {}
    if key not in routes:
        key, path_values = route_of_head(event, routes)
    route = routes[key]
    request = Request(
        key,
        headers,
        _values(route.parameters, path_values, _query_texts(event)),
        event.get("body") or "",
        bool(event.get("isBase64Encoded")),
        passed,
    )
    answered = route.handler(request, services)
    value, headers = answered if isinstance(answered, Answer) else Answer(answered)
    body = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(body) > MAX_ANSWER_BYTES / 8 and _sent_bytes(body) > MAX_ANSWER_BYTES:
        raise BadParameter(
            "The answer is too large to be sent, as the products have much text. Ask for fewer of them: k."
        )
    response = _response(200, route.media_type, body)
    response["headers"] |= headers
    return response


def _sent_bytes(body: str) -> int:
    """The size of a body as Lambda sends it, a text in JSON: with each quote escaped."""
    return len(json.dumps(body, ensure_ascii=False).encode())


def _query_texts(event: Mapping[str, Any]) -> dict[str, list[str]]:
    """The texts of each query parameter. The event's own mapping joins those of a repeated one by commas, which values may have."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(event.get("rawQueryString") or "", keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _values(
    parameters: tuple[Parameter[Any], ...], path_values: Mapping[str, str], query_texts: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The values of the parameters. Raises BadParameter, for query parameters that the route does not have as well."""
    known = [parameter.name for parameter in parameters if parameter.place == "query"]
    unknown = sorted(query_texts.keys() - set(known))
    if unknown:
        hint = f"Known: {', '.join(known)}." if known else "This route takes none."
        raise BadParameter(f"There is no parameter {unknown[0]!r} here. {hint}")
    texts = {"path": {name: [text] for name, text in path_values.items()}, "query": query_texts}
    return {parameter.name: parameter.value(texts[parameter.place].get(parameter.name, ())) for parameter in parameters}


def problem_response(problem: Problem, error: errors.LookalikeError) -> Response:
    """The problem details of an error."""
    # A store's own words name buckets and objects: they are for the log only.
    detail = _OUT_OF_REACH if isinstance(error, errors.StoreError) else str(error)
    body: dict[str, Any] = {
        "type": f"urn:lookalike:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
    }
    if isinstance(error, errors.UnknownAttribute):
        body["known"] = list(error.known)
    response = _response(problem.status, "application/problem+json", json.dumps(body))
    if problem.status == 503 or isinstance(error, ProductPending):
        response["headers"]["retry-after"] = str(_RETRY_AFTER_S)
    if isinstance(error, MethodNotAllowed):
        response["headers"]["allow"] = error.allowed
    return response


def without_body(response: Response) -> Response:
    """The same response as HEAD has it."""
    return {**response, "body": ""}


def _response(status: int, media_type: str, body: str) -> Response:
    headers = {"content-type": media_type, "cache-control": "no-store", "x-content-type-options": "nosniff"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
