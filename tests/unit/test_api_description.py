"""The description of the API is valid, complete, and says what the function does."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from PIL import Image

from lookalike.photos import images
from tests.support import functions
from tests.support.api import Api, query_function

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield query_function(monkeypatch)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_openapi(api: Api) -> None:
    OpenAPIV31SpecValidator(api.document).validate()


def test_the_document_has_the_routes_of_the_function(api: Api) -> None:
    assert set(operations(api.document)) == set(api.app.ROUTES)


def test_operations_are_told_apart(api: Api) -> None:
    names = [operation["operationId"] for operation in operations(api.document).values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("route", "statuses"),
    [
        ("POST /api/search", {"413", "415", "422"}),
        ("GET /api/products/{product_id}/similar", {"404"}),
        ("GET /api/products/{product_id}", {"404"}),
        ("GET /api/health", set()),
        ("GET /api/openapi.json", set()),
        ("GET /api/docs", set()),
    ],
)
def test_an_operation_describes_the_problems_that_it_may_answer_and_no_other(
    api: Api, route: str, statuses: set[str]
) -> None:
    # Every route refuses parameters that it does not have, and callers who go around the distribution where it has a secret;
    # the others are the gateway's.
    assert (
        set(operations(api.document)[route]["responses"])
        == {"200", "400", "401", "403", "429", "500", "503"} | statuses
    )


def test_the_answers_of_the_gateway_are_told_from_those_of_the_function(api: Api) -> None:
    described = operations(api.document)
    too_large = described["POST /api/search"]["responses"]["413"]["content"]
    assert set(too_large) == {"application/problem+json", "application/json"}
    for operation in described.values():
        assert set(operation["responses"]["401"]["content"]) == {"application/json"}
    health, docs = described["GET /api/health"]["responses"]["503"], described["GET /api/docs"]["responses"]["503"]
    assert set(health["content"]) == {"application/problem+json", "application/json"}
    assert set(docs["content"]) == {"application/json"}


def test_limits_are_the_ones_that_are_held(api: Api) -> None:
    described = operations(api.document)
    for route in ("POST /api/search", "GET /api/products/{product_id}/similar"):
        (k,) = [item for item in described[route]["parameters"] if item["name"] == "k"]
        assert (k["in"], k["schema"]["minimum"], k["schema"]["maximum"], k["schema"]["default"]) == ("query", 1, 100, 5)
    body = described["POST /api/search"]["requestBody"]
    assert "4,194,304 bytes" in body["description"]


def test_a_photo_is_bytes_of_every_type_that_is_read(api: Api) -> None:
    content = operations(api.document)["POST /api/search"]["requestBody"]["content"]
    form = content.pop("multipart/form-data")["schema"]
    types = {Image.MIME[name] for name in images._PLUGINS} | {"application/octet-stream"}
    assert set(content) == types
    assert [item["schema"] for item in content.values()] == [{"type": "string", "format": "binary"}] * len(types)
    assert form["properties"] == {"image": {"type": "string", "format": "binary"}}
    assert form["required"] == ["image"]


def test_path_parameters_are_described(api: Api) -> None:
    for route, operation in operations(api.document).items():
        named = [item["name"] for item in operation["parameters"] if item["in"] == "path"]
        assert named == re.findall(r"{(\w+)}", route)


class Page(HTMLParser):
    """The text of a page and its elements; raises where an element is closed that is not open."""

    VOID = frozenset({"meta", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def test_the_page_tells_of_every_route_parameter_and_problem(api: Api) -> None:
    html = api.get("/api/docs").body
    page = read(html)

    for route, description in api.app.ROUTES.items():
        assert route in page.text
        assert description.handler.__doc__.strip() in page.text
        for parameter in description.parameters:
            assert f"{parameter.name}{parameter.description}" in page.text
        for problem in description.problems:
            assert problem.slug in page.text
    assert not re.search(r"\W\s*</dd>", html.replace(".</dd>", "</dd>").replace(")</dd>", "</dd>")), "a loose end"
    assert "script" not in page.seen


def test_the_page_escapes_what_it_is_given(api: Api) -> None:
    evil = "</code><script>alert('1')</script>&amp;\""
    document = json.loads(json.dumps(api.document).replace("2.0", evil.replace('"', '\\"')))
    operation = {
        "summary": evil,
        "parameters": [{"name": evil, "in": evil, "description": evil, "schema": {"type": evil}, "example": evil}],
        "requestBody": {"description": evil},
        "responses": {evil: {"description": evil}},
    }
    document["paths"] = {evil: {"get": operation}}
    document["info"]["version"] = evil

    page = read(functions.load("query", "api_description").as_html(document))

    assert "script" not in page.seen
    assert page.text.count("<script>alert('1')</script>&amp;\"") >= 8
