"""Pages of other origins at the local stack: API Gateway's and CloudFront's part in CORS, as the template configures it."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from scripts.local.calls import Result
from scripts.local.gateway import Gateway
from scripts.local.http_server import Request, Response
from scripts.local.intrinsics import UnsupportedTemplateError
from scripts.local.template import read_template
from tests.support.small_template import TEMPLATE, write_small_stack

ROOT = Path(__file__).resolve().parents[2]
ENDPOINT = "http://127.0.0.1:9"
SHOP = "https://shop.example"
OTHER = "https://other.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


class Function:
    """The query function: it gives ``result`` and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.result = Result({"statusCode": 200, "headers": {"content-type": "application/json"}, "body": "{}"})

    def invoke(self, event: Mapping[str, Any]) -> Result:
        self.calls += 1
        return self.result


class Bucket:
    """A bucket that has every photo."""

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        modified = datetime(2026, 1, 2, tzinfo=UTC)
        return {"Body": io.BytesIO(b"x"), "ContentType": "image/jpeg", "ETag": '"tag"', "LastModified": modified}


class Stack:
    """The template's distribution and API in front of a function and a bucket."""

    def __init__(self, origins: str, **parameters: str) -> None:
        parameters = {"AllowedOrigins": origins, **parameters}
        template = read_template(ROOT / "template.yaml", endpoint_url=ENDPOINT, parameters=parameters)
        self.function = Function()
        functions = dict.fromkeys(template.functions, self.function)
        folders = {template.outputs["SiteBucketName"]: ROOT / "static_site"}
        self.gateway = Gateway(template.distribution, template.routes, functions, Bucket(), folders, cors=template.cors)

    def ask(self, method: str, target: str, headers: Mapping[str, str], *, too_large: bool = False) -> Response:
        message = Message()
        for name, value in headers.items():
            message[name] = value
        answer = self.gateway.too_large if too_large else self.gateway
        return answer(Request(method, target, message, b""))


def cors_of(response: Response) -> dict[str, str]:
    """The CORS headers of an answer. A header sent twice would be read by no browser."""
    sent = [(name.lower(), value) for name, value in response.headers if name.lower().startswith("access-control-")]
    assert len(dict(sent)) == len(sent)
    return {name.removeprefix("access-control-"): value for name, value in sent}


READABLE = {"allow-origin": "*", "expose-headers": "lookalike-snapshot-age,retry-after"}


def test_a_preflight_request_is_answered_without_the_function() -> None:
    stack = Stack("*")
    answer = stack.ask("OPTIONS", "/api/search?k=5", {"Origin": SHOP} | ASKS)
    assert answer.status == 204
    assert cors_of(answer) == READABLE | {
        "allow-methods": "GET,HEAD,POST",
        "allow-headers": "authorization,content-type",
        "max-age": "86400",
    }
    assert stack.function.calls == 0


def test_a_preflight_request_passes_where_requests_need_the_distribution_s_secret() -> None:
    stack = Stack("*", OriginSecret="0" * 32)
    assert cors_of(stack.ask("OPTIONS", "/api/search", {"Origin": SHOP} | ASKS))["allow-origin"] == "*"


def test_answers_can_be_read_by_any_page() -> None:
    stack = Stack("*")
    assert cors_of(stack.ask("GET", "/api/health", {"Origin": SHOP})) == READABLE
    assert cors_of(stack.ask("GET", "/api/health", {"Origin": "null"})) == READABLE, "a sandboxed page, or a file"
    assert cors_of(stack.ask("GET", "/api/health", {})) == {}


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (Result({"statusCode": 503, "headers": {"retry-after": "5"}, "body": "{}"}), 503),
        (Result({"statusCode": 400, "headers": {}, "body": "{}"}), 400),
        (Result(error={"errorMessage": "it broke"}), 500),
    ],
)
def test_problems_can_be_read_as_well(result: Result, status: int) -> None:
    stack = Stack("*")
    stack.function.result = result
    answer = stack.ask("GET", "/api/health", {"Origin": SHOP})
    assert (answer.status, cors_of(answer)) == (status, READABLE)


def test_answers_that_no_function_gives_can_be_read_through_the_distribution() -> None:
    stack = Stack("*")
    too_large = stack.ask("POST", "/api/search", {"Origin": SHOP}, too_large=True)
    assert (too_large.status, cors_of(too_large)) == (413, READABLE)
    without_a_route = stack.ask("GET", "/api/", {"Origin": SHOP})
    assert (without_a_route.status, cors_of(without_a_route)) == (404, READABLE)
    assert stack.function.calls == 0


def test_the_function_has_no_say() -> None:
    stack = Stack(SHOP)
    loose = {"Access-Control-Allow-Origin": "*", "access-control-allow-credentials": "true"}
    stack.function.result = Result({"statusCode": 200, "headers": loose, "body": ""})
    assert cors_of(stack.ask("GET", "/api/health", {"Origin": OTHER})) == {}
    assert cors_of(stack.ask("GET", "/api/health", {"Origin": SHOP})) == READABLE | {"allow-origin": SHOP}


@pytest.mark.parametrize("target", ["/api/health", "/images/1.jpg"])
def test_named_origins_are_told_that_it_is_they(target: str) -> None:
    stack = Stack(f"{SHOP},http://localhost:3000")
    for origin in (SHOP, "http://localhost:3000"):
        assert cors_of(stack.ask("GET", target, {"Origin": origin}))["allow-origin"] == origin
    for origin in (OTHER, "http://shop.example", f"{SHOP}.other.example", f"{SHOP}:8443"):
        assert cors_of(stack.ask("GET", target, {"Origin": origin})) == {}
        assert cors_of(stack.ask("OPTIONS", "/api/search", {"Origin": origin} | ASKS)) == {}


def test_without_origins_other_pages_read_nothing() -> None:
    stack = Stack("")
    preflight = stack.ask("OPTIONS", "/api/search", {"Origin": SHOP} | ASKS)
    assert (preflight.status, cors_of(preflight)) == (404, {})
    for target in ("/api/health", "/images/1.jpg"):
        answer = stack.ask("GET", target, {"Origin": SHOP})
        assert (answer.status, cors_of(answer)) == (200, {})
        assert "Cross-Origin-Resource-Policy" not in dict(answer.headers)


def test_photos_may_be_shown_and_read_by_other_pages() -> None:
    answer = Stack("*").ask("GET", "/images/1.jpg", {"Origin": SHOP})
    assert cors_of(answer) == {"allow-origin": "*"}
    assert dict(answer.headers)["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_the_local_bucket_has_the_template_s_rules() -> None:
    read = read_template(ROOT / "template.yaml", endpoint_url=ENDPOINT, parameters={"AllowedOrigins": SHOP})
    (rules,) = (bucket.cors_rules for bucket in read.buckets if bucket.name == read.outputs["CatalogueBucketName"])
    assert rules == ({"AllowedOrigins": [SHOP], "AllowedMethods": ["GET", "HEAD"], "MaxAgeSeconds": 86400},)


def test_the_widget_s_module_may_be_loaded_by_other_pages() -> None:
    answer = Stack("*").ask("GET", "/lookalike.js", {"Origin": SHOP})
    assert (answer.status, cors_of(answer)) == (200, {"allow-origin": "*"})
    assert dict(answer.headers)["Content-Type"].startswith("text/javascript"), "browsers run no module of another type"
    assert cors_of(Stack("").ask("GET", "/lookalike.js", {"Origin": SHOP})) == {}


def test_the_page_itself_is_no_other_page_s_business() -> None:
    assert cors_of(Stack("*").ask("GET", "/", {"Origin": SHOP})) == {}


API = "  Api: {Type: AWS::Serverless::HttpApi}"
WITH_CORS = """  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      DefinitionBody:
        openapi: 3.0.1
        paths: {}
        x-amazon-apigateway-cors: {allowOrigins: ["*"]}
"""


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("Method: GET, Path: \"/api/{name}\"", "Method: ANY, Path: \"/api/{name}\"", "takes preflight requests"),
        ("Method: GET, Path: \"/api/{name}\"", "Method: OPTIONS, Path: \"/api/{name}\"", "takes preflight requests"),
        ('["*"]}', '["*"], allowCredentials: true}', "credentials"),
        ('["*"]}', '["https://*"]}', "pattern"),
    ],
)  # fmt: skip
def test_cors_that_cannot_run_here_is_refused(tmp_path: Path, old: str, new: str, named: str) -> None:
    template = TEMPLATE.replace(API, WITH_CORS)
    assert old in template
    path = write_small_stack(tmp_path, template=template.replace(old, new))
    with pytest.raises(UnsupportedTemplateError, match=named):
        read_template(path, endpoint_url=ENDPOINT)
