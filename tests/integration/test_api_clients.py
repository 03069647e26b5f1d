"""Clients search with a photo: those that generators make of the API's description, and those that people type.

The TypeScript client needs node and npm, whose packages it installs by the lock file beside it.
"""

import contextlib
import http.client
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from scripts.local.stack import LocalStack
from tests.support.local_api import COLOURS, local_api, photo

TYPESCRIPT = Path(__file__).parent / "typescript"
RED = photo(COLOURS["red"])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with local_api(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def description(stack: LocalStack, tmp_path: Path) -> Path:
    """The API's description, as a file."""
    path = tmp_path / "openapi.json"
    with urllib.request.urlopen(f"{stack.url}/api/openapi.json", timeout=30) as answer:
        path.write_bytes(answer.read())
    return path


def run(folder: Path, *command: str | Path) -> str:
    """What a command prints. It finds the programs of this environment first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_client_by_openapi_python_client(
    stack: LocalStack, description: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "generated_lookalike_client"
    options = ["--path", description, "--meta", "none", "--output-path", tmp_path / name]
    run(tmp_path, "openapi-python-client", "generate", *options)
    monkeypatch.syspath_prepend(tmp_path)
    post_search, get_product, models, types = (
        importlib.import_module(f"{name}.{module}")
        for module in ("api.default.post_search", "api.default.get_product", "models", "types")
    )

    with importlib.import_module(name).Client(base_url=stack.url) as client:
        photo_file = types.File(payload=io.BytesIO(RED))
        raw = post_search.sync(client=client, body=photo_file, k=2, weights="shape:2", distinct=True)
        form = models.PostSearchFilesBody(image=types.File(payload=io.BytesIO(RED), file_name="red.png"))
        filters = ["colour:Red,Green", "price:..25"]
        as_form = post_search.sync(client=client, body=form, k=2, filter_=filters)
        product = get_product.sync("red", client=client)
        refused = post_search.sync_detailed(client=client, body=types.File(payload=io.BytesIO(b"Hello")))

    for results, found in ((raw, ["red", "green"]), (as_form, ["red"])):
        assert isinstance(results, models.Results)
        assert [result.product_id for result in results.results] == found
        first = results.results[0]
        assert (first.name, first.price, first.brand) == ("Red Shirt", 19.9, "Acme")
        assert first.attributes.additional_properties["tags"] == ["linen", "new"]
        assert results.results[0].match is None, "three photos are too few to judge by"
        assert results.verdict is None
    assert as_form.search.filters == filters
    assert raw.search.weights.additional_properties == {"shape": 2.0}
    assert [item.image_key for item in product.photos] == ["images/red.png"]
    assert (refused.status_code, refused.parsed.type_) == (415, "urn:lookalike:problem:not-an-image")


def test_a_client_by_openapi_typescript(stack: LocalStack, description: Path, tmp_path: Path) -> None:
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not found: the TypeScript client needs node 20.19 or newer, with npm")
    project = shutil.copytree(TYPESCRIPT, tmp_path / "project")
    (tmp_path / "red.png").write_bytes(RED)

    run(project, "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
    run(project, "node_modules/.bin/openapi-ts", "--input", description, "--output", "client")
    run(project, "node_modules/.bin/tsc", "--project", ".")
    said = json.loads(run(project, "node", "built/search.js", stack.url, tmp_path / "red.png"))

    assert said["products"][0] == "red"
    assert len(said["products"]) == 2
    assert said["keys"] == ["images/red.png"]
    status, detail = said["refused"]
    assert status == 415
    assert "The body is text" in detail


def send(
    stack: LocalStack, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Mapping[str, str], Any]:
    """The status, the headers and the body of an answer; the body is parsed where it is JSON."""
    address = urlsplit(stack.url)
    with contextlib.closing(http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        said = answer.read()
        is_json = answer.headers.get_content_subtype().endswith("json") and said
        return answer.status, answer.headers, json.loads(said) if is_json else said


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content_Type": "application/x-www-form-urlencoded"},  # of curl --data-binary
        {"Content_Type": "application/octet-stream"},
        {"Content_Type": "image/jpeg"},  # of a PNG
    ],
)
def test_a_photo_arrives_whole_whatever_its_content_type(stack: LocalStack, headers: dict[str, str]) -> None:
    status, _, body = send(stack, "POST", "/api/search", RED, **headers)
    assert (status, body["results"][0]["product_id"]) == (200, "red")


def test_a_photo_that_is_sent_as_text_is_refused_with_the_cause(stack: LocalStack) -> None:
    status, _, body = send(stack, "POST", "/api/search", RED, Content_Type="text/plain")
    assert status == 415
    assert "text/plain" in body["detail"]


def test_other_methods_and_paths_are_answered_by_the_function(stack: LocalStack) -> None:
    status, headers, body = send(stack, "HEAD", "/api/health")
    assert (status, headers["Content-Type"], body) == (200, "application/json", b"")
    status, headers, body = send(stack, "GET", "/api/search")
    assert (status, headers["Allow"], body["type"]) == (405, "POST", "urn:lookalike:problem:method-not-allowed")
    status, _, body = send(stack, "POST", "/api/search/", RED)
    assert status == 404
    assert "POST /api/search" in body["detail"]


@pytest.mark.parametrize("path", ["/api", "//api/search", "/nothing"])
def test_other_paths_never_reach_the_function(stack: LocalStack, path: str) -> None:
    status, _, body = send(stack, "GET", path)
    assert (status, body) == (404, b"Not Found")


def test_the_gateway_refuses_what_no_function_takes(stack: LocalStack) -> None:
    for size in (5 * 1024 * 1024, 11 * 1024 * 1024):
        with contextlib.suppress(ConnectionError):  # it does not read a body that is too large for it
            status, _, body = send(stack, "POST", "/api/search", bytes(size), Content_Type="image/jpeg")
            assert (status, body) == (413, {"message": "Request Entity Too Large"})


def test_a_photo_that_was_just_put_is_pending_until_it_is_searchable(stack: LocalStack) -> None:
    assert send(stack, "GET", "/api/products/new")[2]["type"].endswith(":not-found")
    stack.s3.put_object(Bucket=stack.catalogue_bucket, Key="images/new.jpg", Body=photo((99, 99, 20)))
    statuses = []
    until = time.monotonic() + 60
    while not statuses or statuses[-1] != 200:
        assert time.monotonic() < until
        status, headers, body = send(stack, "GET", "/api/products/new")
        statuses.append(status)
        if status != 200:
            assert (status, body["type"]) == (404, "urn:lookalike:problem:product-pending")
            assert int(headers["Retry-After"]) > 0
        time.sleep(0.1)
    assert len(statuses) > 1, "it was searchable at once"
