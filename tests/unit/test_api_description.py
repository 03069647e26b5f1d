"""The description of the API is valid, complete, and says what the function does."""

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
        ("GET /api/products", set()),
        ("GET /api/facets", set()),
        ("GET /api/map", {"404"}),
        ("GET /api/rejected", set()),
        ("GET /api/queue", set()),
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

    VOID = frozenset({"meta", "link", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.text = ""
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        self.attributes += attrs
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


def test_the_page_tells_of_every_route_parameter_field_and_problem(api: Api) -> None:
    page = read(api.get("/api/docs").body)

    for route, description in api.app.ROUTES.items():
        assert route in page.text
        assert description.handler.__doc__.strip() in page.text
        for parameter in description.parameters:
            assert parameter.name in page.text
            assert parameter.description[1:] in page.text
            assert f"Example: {parameter.example}" in page.text
        for problem in description.problems:
            assert problem.slug in page.text
            assert problem.meaning in page.text
            assert problem.title in page.text
    assert all(problem.slug in page.text for problem in functions.load("query", "problems").PROBLEMS.values())
    for described in texts_of(api.document["components"]["schemas"], "description"):
        assert described[1:] in page.text, described
    assert "undefined" not in page.text


def test_every_field_of_an_answer_is_described(api: Api) -> None:
    def fields(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, inner in schema.get("properties", {}).items():
            yield f"{path}.{name}", inner
            yield from fields(inner, f"{path}.{name}")
        if items := schema.get("items"):
            for inner in items.get("oneOf", [items]):
                yield from fields(inner, f"{path}[]")

    found = [field for name, schema in api.document["components"]["schemas"].items() for field in fields(schema, name)]
    assert len(found) > 80
    assert [path for path, schema in found if len(schema.get("description", "").split()) < 2] == []


def texts_of(schema: Any, name: str) -> Iterator[str]:
    """Every text of this name in a schema, at any depth."""
    if isinstance(schema, dict):
        if isinstance(schema.get(name), str):
            yield schema[name]
        schema = list(schema.values())
    if isinstance(schema, list):
        for inner in schema:
            yield from texts_of(inner, name)


def test_every_route_has_a_sample_for_curl_and_for_a_page(api: Api) -> None:
    page = read(api.get("/api/docs").body)
    for route, operation in operations(api.document).items():
        curl, script = operation["x-codeSamples"]
        path = re.escape(route.partition(" ")[2]).replace(r"\{product_id\}", "[^/]+")
        for sample in (curl, script):
            assert re.search(f'https://shop.example{path}[?"]', sample["source"])
            assert sample["source"] in page.text
        assert curl["source"].startswith("curl ")
        assert "await fetch(" in script["source"]


def test_the_page_has_nothing_inline_and_is_whole_without_its_script(api: Api) -> None:
    html = api.get("/api/docs").body
    page = read(html)
    assert html.count("<script") == 1
    assert '<script type="module" src="/docs.js"></script>' in html
    assert "style" not in page.seen
    assert not {name for name, _ in page.attributes} & {"style", "onclick", "onsubmit"}
    addresses = [value for name, value in page.attributes if name in ("src", "href")]
    assert all(re.match("/|#", address) for address in addresses), "nothing from elsewhere"
    assert html.count('<form class="try" hidden') == html.count("<form")


def test_ids_on_the_page_are_unique_and_links_lead_to_them(api: Api) -> None:
    attributes = read(api.get("/api/docs").body).attributes
    ids = [value for name, value in attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert {value.removeprefix("#") for name, value in attributes if name == "href" and value.startswith("#")} <= set(
        ids
    )
    assert {value for name, value in attributes if name in ("for", "aria-labelledby")} <= set(ids)


def test_the_page_escapes_what_it_is_given(api: Api) -> None:
    evil = "</code><script>alert('1')</script>&amp;\""
    problem = {"status": evil, "title": evil}
    operation = {
        "operationId": evil,
        "summary": evil,
        "parameters": [{"name": evil, "in": evil, "description": evil, "schema": {"type": evil}, "example": evil}],
        "requestBody": {"description": evil, "content": {evil: {}}},
        "responses": {
            "200": {
                "content": {
                    evil: {"schema": {"properties": {evil: {"type": evil, "description": evil}}}, "example": evil}
                }
            },
            evil: {
                "description": evil,
                "content": {"application/problem+json": {"examples": {evil: {"value": problem}}}},
            },
        },
        "x-codeSamples": [{"label": evil, "source": evil}],
    }
    document = {"paths": {evil: {"get": operation}}, "info": {"version": evil}, "components": {"schemas": {}}}

    html = functions.load("query", "docs_page").as_html(document)

    assert html.count("<script") == 1
    assert read(html).text.count("<script>alert('1')</script>&amp;\"") >= 12
