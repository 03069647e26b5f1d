"""The examples of the API's description are what the handlers answer today. ``python tests/golden/examples.py`` makes them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from tests.golden import examples
from tests.support.api import Api, closed, query_function

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield query_function(monkeypatch)


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return dict(json.loads(examples.FILE.read_text("utf-8")))


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    return examples.examples()


def shape(value: Any) -> Any:
    """A value with its numbers left out: times, distances and sizes differ from run to run."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else value


def test_they_are_what_the_handlers_answer(stored: dict[str, Any], fresh: dict[str, Any]) -> None:
    assert stored["problems"] == fresh["problems"]
    for route, example in fresh["answers"].items():
        for answer in (example["answer"], stored["answers"][route]["answer"]):
            if "made" in answer:
                answer["made"] = "the moment"
            if "data" in answer:
                answer["data"]["version"] = "of the moment"
        assert shape(stored["answers"][route]) == shape(example), route
    assert stored["answers"].keys() == fresh["answers"].keys()


def test_every_route_of_json_and_every_problem_has_one(api: Api, stored: dict[str, Any]) -> None:
    answered = {name for name, route in api.app.ROUTES.items() if route.answer}
    assert stored["answers"].keys() == answered
    slugs = {problem.slug for route in api.app.ROUTES.values() for problem in route.problems}
    assert slugs <= stored["problems"].keys()


def test_they_fit_the_schemas(api: Api) -> None:
    tried = 0
    for methods in api.document["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                for content in response["content"].values():
                    schema = closed({**content["schema"], "components": api.document["components"]})
                    values = [item["value"] for item in content.get("examples", {}).values()]
                    for value in [*values, *([content["example"]] if "example" in content else [])]:
                        OAS31Validator(schema).validate(value)
                        tried += 1
    assert tried > 40


def test_an_example_of_a_parameter_is_one_that_it_takes(api: Api) -> None:
    for name, route in api.app.ROUTES.items():
        (operation,) = (
            methods[method.lower()]
            for path, methods in api.document["paths"].items()
            for method in (name.partition(" ")[0],)
            if f"{method} {path}" == name
        )
        for parameter, described in zip(route.parameters, operation["parameters"], strict=True):
            OAS31Validator(described["schema"]).validate(described["example"])
            assert parameter.value([parameter.example]) != parameter.default
