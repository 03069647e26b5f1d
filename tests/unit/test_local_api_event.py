"""HTTP requests as a function gets them from an HTTP API, payload format 2.0, and its answers as HTTP."""

import base64
import json
from email.message import Message

import pytest

from scripts.local.api_event import find_route, to_event, to_response
from scripts.local.http_api import Route
from scripts.local.http_server import Request

PRODUCT = Route("GET", "/api/products/{product_id}", "Query")
ROUTES = [
    PRODUCT,
    Route("GET", "/api/products/{product_id}/similar", "Query"),
    Route("GET", "/api/products/new", "New"),
    Route("POST", "/api/search", "Query"),
    Route("ANY", "/api/{proxy+}", "Query"),
]
SEARCH = ROUTES[3]


def request(method: str, target: str, body: bytes = b"", **headers: str) -> Request:
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return Request(method, target, message, body)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/products/1563", ("/api/products/{product_id}", {"product_id": "1563"})),
        ("GET", "/api/products/1563/similar", ("/api/products/{product_id}/similar", {"product_id": "1563"})),
        ("GET", "/api/products/a%2Fb%20c", ("/api/products/{product_id}", {"product_id": "a/b c"})),
        ("GET", "/api/products/new", ("/api/products/new", {})),
        ("POST", "/api/search", ("/api/search", {})),
        ("GET", "/api/search", ("/api/{proxy+}", {"proxy": "search"})),
        ("HEAD", "/api/products/1563", ("/api/{proxy+}", {"proxy": "products/1563"})),
        ("POST", "/api/search/", ("/api/{proxy+}", {"proxy": "search/"})),
        ("POST", "/api//search", ("/api/{proxy+}", {"proxy": "/search"})),
        ("GET", "/api/products/", ("/api/{proxy+}", {"proxy": "products/"})),
        ("GET", "/api/products//similar", ("/api/{proxy+}", {"proxy": "products//similar"})),
        ("GET", "/api/%C3%A9/b", ("/api/{proxy+}", {"proxy": "é/b"})),
        ("GET", "/api/", None),
        ("GET", "/api", None),
        ("GET", "//api/search", None),
        ("GET", "/", None),
        ("GET", "/elsewhere", None),
    ],
)
def test_the_most_specific_route_wins_and_slashes_count(method, path, expected):
    match = find_route(ROUTES, method, path)
    assert (match and (match[0].path, match[1])) == expected


def test_an_event_has_the_fields_of_payload_format_2():
    given = request("GET", "/api/products/a%20b?k=5&k=6&x=%C3%A9", Host="shop.example", X_One="1", User_Agent="test")
    event = to_event(given, PRODUCT, {"product_id": "a b"}, added={})
    context = event["requestContext"]
    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"] == "GET /api/products/{product_id}"
    assert event["rawPath"] == context["http"]["path"] == "/api/products/a b"
    assert event["rawQueryString"] == "k=5&k=6&x=%C3%A9"
    assert event["queryStringParameters"] == {"k": "5,6", "x": "é"}
    assert event["pathParameters"] == {"product_id": "a b"}
    assert event["headers"]["x-one"] == "1"
    assert context["http"]["method"] == "GET"
    assert context["http"]["userAgent"] == "test"
    assert context["domainName"] == "shop.example"
    assert "body" not in event
    assert event["isBase64Encoded"] is False
    json.dumps(event)


def test_a_photo_travels_in_base64():
    photo = bytes(range(256))
    event = to_event(request("POST", "/api/search", photo, Content_Type="image/jpeg"), SEARCH, {}, added={})
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == photo
    assert event["headers"]["content-length"] == "256"


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("text/plain", True),
        ("TEXT/CSV; charset=utf-8", True),
        ("application/json; charset=utf-8", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("application/problem+json", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("application/octet-stream", False),
        ("image/svg+xml", False),
        (None, False),
    ],
)
def test_only_the_types_that_api_gateway_calls_text_travel_as_text(content_type, is_text):
    headers = {} if content_type is None else {"Content_Type": content_type}
    event = to_event(request("POST", "/api/search", "é".encode(), **headers), SEARCH, {}, added={})
    assert (event["isBase64Encoded"], event["body"]) == ((False, "é") if is_text else (True, "w6k="))


def test_bytes_that_are_no_text_are_replaced_in_a_body_of_text():
    event = to_event(request("POST", "/api/search", b"a\xff", Content_Type="text/plain"), SEARCH, {}, added={})
    assert (event["isBase64Encoded"], event["body"]) == (False, "a\N{REPLACEMENT CHARACTER}")


def test_the_distributions_header_replaces_a_clients():
    given = request("GET", "/api/products/1", X_Lookalike_Distribution="forged")
    event = to_event(given, PRODUCT, {}, added={"x-lookalike-distribution": "1"})
    assert event["headers"]["x-lookalike-distribution"] == "1"


def test_cookies_are_apart_from_headers():
    event = to_event(request("GET", "/api/products/1", Cookie="a=1; b=2"), PRODUCT, {}, added={})
    assert event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in event["headers"]


def test_what_concerns_one_connection_only_is_not_passed_on():
    event = to_event(request("GET", "/api/products/1", Connection="keep-alive", TE="x"), PRODUCT, {}, added={})
    assert not event["headers"].keys() & {"connection", "te"}


def test_an_answer_is_turned_into_http():
    response = to_response(
        {"statusCode": 422, "headers": {"Content-Type": "application/problem+json"}, "cookies": ["a=1"], "body": "é"}
    )
    assert response.status == 422
    assert dict(response.headers) == {"Content-Type": "application/problem+json", "Set-Cookie": "a=1"}
    assert response.body == "é".encode()


def test_a_binary_answer_is_decoded():
    answer = {"statusCode": 200, "body": base64.b64encode(b"\0\xff").decode(), "isBase64Encoded": True}
    assert to_response(answer).body == b"\0\xff"


def test_an_answer_without_a_status_is_the_body():
    response = to_response({"message": "hello"})
    assert (response.status, json.loads(response.body)) == (200, {"message": "hello"})
    assert dict(response.headers)["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "no number"},
        {"statusCode": 99},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
    ],
)
def test_an_answer_that_is_none_is_an_error_of_ours(answer):
    response = to_response(answer)
    assert (response.status, json.loads(response.body)) == (500, {"message": "Internal Server Error"})
