"""The distribution on this machine: the page, the photos and the API at one address."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from scripts.local.calls import MAX_PAYLOAD_BYTES, Result
from scripts.local.distribution import Behaviour, Distribution
from scripts.local.gateway import Gateway
from scripts.local.http_api import Route
from scripts.local.http_server import Request, Response

POLICY = {"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff"}
READ = frozenset({"GET", "HEAD"})
DISTRIBUTION = Distribution(
    (
        Behaviour("/images/*", "photos", READ, {}, POLICY, 60),
        Behaviour("/api/*", None, READ | {"POST"}, {"x-lookalike-distribution": "1"}, POLICY, 0),
        Behaviour("*", "site", READ, {}, POLICY, 60),
    ),
    "index.html",
)


class Function:
    """A runner that gives ``result`` and remembers its events."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.result = Result({"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"})

    def invoke(self, event: Mapping[str, Any]) -> Result:
        self.events.append(event)
        return self.result


class Bucket:
    """The two photos of a bucket; ``broken`` makes it unreachable."""

    photos: Mapping[str, tuple[bytes, str]] = {
        "images/a b.jpg": (b"jpeg", "image/jpeg"),
        "images/c.webp": (b"webp", "binary/octet-stream"),
    }
    broken = False

    def get_object(self, *, Bucket: str, Key: str, IfNoneMatch: str | None = None) -> dict[str, Any]:
        assert Bucket == "photos"
        if self.broken:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
        if Key not in self.photos:
            raise ClientError(
                {"Error": {"Code": "NoSuchKey"}, "ResponseMetadata": {"HTTPStatusCode": 404}}, "GetObject"
            )
        if IfNoneMatch == '"tag"':
            raise ClientError({"Error": {"Code": "304"}, "ResponseMetadata": {"HTTPStatusCode": 304}}, "GetObject")
        body, kind = self.photos[Key]
        modified = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        return {"Body": io.BytesIO(body), "ContentType": kind, "ETag": '"tag"', "LastModified": modified}


class Site:
    """A gateway in front of a folder, a bucket and a function."""

    def __init__(self, folder) -> None:
        self.function, self.bucket = Function(), Bucket()
        routes = [Route("GET", "/api/health", "Query"), Route("POST", "/api/search", "Query")]
        self._gateway = Gateway(DISTRIBUTION, routes, {"Query": self.function}, self.bucket, {"site": folder})

    def __call__(self, method: str, target: str, body: bytes = b"", **headers: str) -> Response:
        message = Message()
        for name, value in headers.items():
            message[name.replace("_", "-")] = value
        return self._gateway(Request(method, target, message, body))


@pytest.fixture
def site(tmp_path) -> Site:
    folder = tmp_path / "site"
    (folder / "deeper").mkdir(parents=True)
    (folder / "index.html").write_text("<title>Page</title>", encoding="utf-8")
    (folder / "app.js").write_text("export {};", encoding="utf-8")
    (folder / "deeper" / "style.css").write_text("body {}", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return Site(folder)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.js?v=1", "text/javascript; charset=utf-8"),
        ("/deeper/style.css", "text/css; charset=utf-8"),
    ],
)
def test_the_page_is_served_with_its_types(site, target, kind):
    response = site("GET", target)
    assert response.status == 200
    assert dict(response.headers)["Content-Type"] == kind
    assert response.body


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/deeper/../../secret.txt",
        "//../secret.txt",
        "/..%5csecret.txt",
        "/link.txt",
        "/%00",
        "/deeper",
        "/missing.html",
    ],
)
def test_nothing_outside_the_folder_is_served(site, target):
    response = site("GET", target)
    assert response.status == 404
    assert b"secret" not in response.body


def test_every_answer_carries_the_policys_headers(site):
    for response in (
        site("GET", "/"),
        site("GET", "/missing"),
        site("GET", "/images/c.webp"),
        site("GET", "/api/health"),
    ):
        assert POLICY.items() <= dict(response.headers).items()


def test_the_policys_header_replaces_the_functions(site):
    site.function.result = Result({"statusCode": 200, "headers": {"content-security-policy": "loose"}, "body": ""})
    headers = [value for name, value in site("GET", "/api/health").headers if name.lower() == "content-security-policy"]
    assert headers == ["default-src 'self'"]


def test_a_page_that_has_not_changed_is_not_sent_again(site):
    etag = dict(site("GET", "/app.js").headers)["ETag"]
    response = site("GET", "/app.js", If_None_Match=f'"other", W/{etag}')
    assert (response.status, response.body) == (304, b"")
    assert dict(site("GET", "/app.js", If_None_Match='"other"').headers)["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("target", ["/", "/images/c.webp"])
def test_head_tells_the_length_and_sends_nothing(site, target):
    got, head = site("GET", target), site("HEAD", target)
    assert (head.status, head.body) == (200, b"")
    assert dict(head.headers)["Content-Length"] == str(len(got.body))


@pytest.mark.parametrize(("method", "target"), [("POST", "/"), ("DELETE", "/images/c.webp"), ("PUT", "/api/search")])
def test_a_method_that_the_distribution_does_not_take_is_refused_as_cloudfront_does(site, method, target):
    assert site(method, target).status == 403
    assert not site.function.events


def test_photos_come_from_the_bucket(site):
    response = site("GET", "/images/a%20b.jpg")
    assert (response.status, response.body) == (200, b"jpeg")
    headers = dict(response.headers)
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Cache-Control"] == "max-age=60"
    assert headers["Last-Modified"] == "Fri, 02 Jan 2026 03:04:05 GMT"


def test_a_photo_without_a_type_gets_that_of_its_name(site):
    assert dict(site("GET", "/images/c.webp").headers)["Content-Type"] == "image/webp"


def test_a_photo_that_has_not_changed_is_not_sent_again(site):
    assert site("GET", "/images/c.webp", If_None_Match='"tag"').status == 304


def test_a_photo_that_is_gone_is_not_found(site):
    assert site("GET", "/images/gone.jpg").status == 404


def test_a_bucket_that_cannot_be_reached_is_a_bad_gateway(site):
    site.bucket.broken = True
    assert site("GET", "/images/c.webp").status == 502


def test_the_api_is_told_that_a_request_came_through_the_distribution(site):
    site("GET", "/api/health", X_Lookalike_Distribution="forged")
    assert site.function.events[0]["headers"]["x-lookalike-distribution"] == "1"


def test_the_api_gets_no_cookies_where_the_distribution_keeps_them(site):
    site("GET", "/api/health", Cookie="session=1")
    assert "cookies" not in site.function.events[0]
    assert "cookie" not in site.function.events[0]["headers"]


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/api/search"), ("GET", "/api/nothing"), ("HEAD", "/api/health")]
)
def test_a_route_that_is_not_there_costs_no_call(site, method, target):
    response = site(method, target)
    assert (response.status, json.loads(response.body)) == (404, {"message": "Not Found"})
    assert not site.function.events


def test_a_function_that_fails_is_an_error_without_details(site):
    site.function.result = Result(error={"errorType": "KeyError", "errorMessage": "secret", "stackTrace": ["secret"]})
    response = site("GET", "/api/health")
    assert (response.status, json.loads(response.body)) == (500, {"message": "Internal Server Error"})


def test_an_event_larger_than_a_function_takes_is_refused(site):
    photo = bytes(MAX_PAYLOAD_BYTES * 3 // 4 + 1)
    response = site("POST", "/api/search", photo, Content_Type="image/jpeg")
    assert (response.status, json.loads(response.body)) == (413, {"message": "Request Entity Too Large"})
    assert not site.function.events


def test_the_largest_event_that_fits_is_passed_on(site):
    photo = bytes((MAX_PAYLOAD_BYTES - 4096) * 3 // 4)
    assert site("POST", "/api/search", photo, Content_Type="image/jpeg").status == 200
