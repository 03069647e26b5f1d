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

from lookalike import errors

MAX_BODY_BYTES = 4 * 1024 * 1024
AGE_HEADER = "lookalike-snapshot-age"
_RETRY_AFTER_S = 5
_OUT_OF_REACH = f"The catalogue cannot be read just now. Try again in {_RETRY_AFTER_S} seconds."

Response = dict[str, Any]


class BadForm(errors.LookalikeError):
    """The body is a form from which no photo can be read."""


class NotThroughDistribution(errors.LookalikeError):
    """The stack has a secret that its distribution sends, and the request came without it."""


class BodyTooLarge(errors.LookalikeError):
    """The request's body is larger than a query photo may be."""


class ProductPending(errors.NotFound):
    """The photo of a product is in the catalogue, and not in the store yet."""


class CatalogueEmpty(errors.LookalikeError):
    """The catalogue has no searchable photo yet."""


class Problem(NamedTuple):
    """An error as HTTP carries it: ``slug`` is the stable end of the problem's type, ``meaning`` says when it comes."""

    status: int
    slug: str
    title: str
    meaning: str


PROBLEMS: Mapping[type[errors.LookalikeError], Problem] = {
    BadParameter: Problem(
        400,
        "bad-parameter",
        "A parameter is not valid",
        "A parameter is unknown, out of its range or given twice. The detail says which one, and what it may be.",
    ),
    BadForm: Problem(
        400,
        "bad-form",
        "The form cannot be read",
        "The body is multipart/form-data and has no file field image that can be read.",
    ),
    errors.BadFilter: Problem(
        400,
        "bad-filter",
        "A filter cannot be read",
        "A filter is not written as attribute:value, or is a range of an attribute that is no number.",
    ),
    errors.UnknownAttribute: Problem(
        400,
        "unknown-attribute",
        "No product has this attribute",
        "A filter names an attribute that the product data does not have. The member known lists those that it has.",
    ),
    errors.CropTooSmall: Problem(
        400, "crop-too-small", "The crop is too small", "The part of the photo that crop names has too few pixels."
    ),
    NotThroughDistribution: Problem(
        403,
        "not-through-distribution",
        "The request did not pass the distribution",
        "The stack has a secret, and the request came to API Gateway's own address. Call the address of the page.",
    ),
    ProductPending: Problem(
        404,
        "product-pending",
        "The product is not searchable yet",
        "The photo of the product is in the catalogue's bucket, and it is not embedded yet. That takes seconds; try again.",
    ),
    errors.NotFound: Problem(
        404, "not-found", "Not found", "The catalogue has no such product, or the API no such path."
    ),
    MethodNotAllowed: Problem(
        405, "method-not-allowed", "The path does not take this method", "The header Allow names those that it takes."
    ),
    BodyTooLarge: Problem(
        413,
        "body-too-large",
        "The photo is too large",
        "The photo has more bytes than are read. 640 pixels on the longer side are plenty.",
    ),
    errors.NotAnImage: Problem(
        415,
        "not-an-image",
        "Not an image we read",
        "The body is no photo in a format that is read. The detail says what was sent instead.",
    ),
    errors.UndecodableImage: Problem(
        422, "undecodable-image", "The image cannot be decoded", "The photo is damaged or cut off."
    ),
    errors.TooManyPixels: Problem(
        422, "too-many-pixels", "The image has too many pixels", "Send a smaller version of the photo."
    ),
    errors.TooMuchWork: Problem(
        422,
        "too-much-work",
        "The image takes too much work to decode",
        "The photo takes too long or too much memory to decode. Send it as a plain JPEG.",
    ),
    errors.DecoderUnavailable: Problem(
        503, "decoder-unavailable", "The image cannot be decoded now", "Try again after Retry-After seconds."
    ),
    CatalogueEmpty: Problem(
        503,
        "catalogue-empty",
        "The catalogue is empty",
        "No photo is searchable yet. Try again after Retry-After seconds.",
    ),
    errors.StoreError: Problem(
        503,
        "store-unavailable",
        "The catalogue cannot be reached",
        "The store does not answer, and there is no copy in memory that is new enough. Try again after Retry-After seconds.",
    ),
}


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
    response = _response(200, route.media_type, body)
    response["headers"] |= headers
    return response


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


def problem_of(error: errors.LookalikeError) -> Problem | None:
    """The problem that tells an error to the client; None for a fault of ours."""
    return next((problem for kind, problem in PROBLEMS.items() if isinstance(error, kind)), None)


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
