"""The description of the API is valid, complete, and says what the function does."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support import functions
from tests.support.api import Api, query_function

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield query_function(monkeypatch)


def routes_of_the_template() -> set[str]:
    """``METHOD /path`` of every HTTP event of the query function."""

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's tags as what they are put on."""

    def plain(loader: Loader, _: str, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return loader.construct_scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node)
        assert isinstance(node, yaml.MappingNode)
        return loader.construct_mapping(node)

    Loader.add_multi_constructor("!", plain)
    template = yaml.load((functions.ROOT / "template.yaml").read_text("utf-8"), Loader)  # noqa: S506 - derived from SafeLoader
    events = template["Resources"]["QueryFunction"]["Properties"]["Events"].values()
    return {f"{item['Properties']['Method'].upper()} {item['Properties']['Path']}" for item in events}


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_openapi(api: Api) -> None:
    OpenAPIV31SpecValidator(api.document).validate()


def test_template_function_and_document_have_the_same_routes(api: Api) -> None:
    assert routes_of_the_template() == set(api.app.ROUTES) == set(operations(api.document))


def test_operations_are_told_apart(api: Api) -> None:
    names = [operation["operationId"] for operation in operations(api.document).values()]
    assert len(set(names)) == len(names)


def test_every_problem_is_described(api: Api) -> None:
    for route, operation in operations(api.document).items():
        for problem in api.app.PROBLEMS.values():
            assert problem.slug in operation["responses"][str(problem.status)]["description"], route


def test_limits_are_the_ones_that_are_held(api: Api) -> None:
    described = operations(api.document)
    for route in ("POST /api/search", "GET /api/products/{product_id}/similar"):
        (k,) = [item for item in described[route]["parameters"] if item["name"] == "k"]
        assert (k["in"], k["schema"]["minimum"], k["schema"]["maximum"], k["schema"]["default"]) == ("query", 1, 100, 5)
    body = described["POST /api/search"]["requestBody"]
    assert "4,194,304 bytes" in body["description"]
    assert set(body["content"]) == {"image/*", "multipart/form-data"}


def test_path_parameters_are_described(api: Api) -> None:
    for route, operation in operations(api.document).items():
        named = [item["name"] for item in operation["parameters"] if item["in"] == "path"]
        assert named == (["product_id"] if "{" in route else [])


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


def test_the_page_tells_of_every_route_and_problem(api: Api) -> None:
    page = read(api.get("/api/docs").body)

    for route, handler in api.app.ROUTES.items():
        assert route in page.text
        assert handler.__doc__.strip() in page.text
    for problem in api.app.PROBLEMS.values():
        assert problem.slug in page.text
    assert "script" not in page.seen


def test_the_page_escapes_what_it_is_given(api: Api) -> None:
    evil = "</code><script>alert('1')</script>&amp;\""
    document = json.loads(json.dumps(api.document).replace("2.0", evil.replace('"', '\\"')))
    operation = {
        "summary": evil,
        "parameters": [{"name": evil, "in": evil, "schema": {"type": evil, evil: evil}}],
        "requestBody": {"description": evil},
        "responses": {evil: {"description": evil}},
    }
    document["paths"] = {evil: {"get": operation}}
    document["info"]["version"] = evil

    page = read(api.app.api_description.as_html(document))

    assert "script" not in page.seen
    assert page.text.count("<script>alert('1')</script>&amp;\"") >= 8
