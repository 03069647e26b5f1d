"""What `make build` left: every function fits, imports and works on its own layers and what Lambda's image has.

A built function runs here in a process that sees its folder, its layers and boto3, and nothing of the development
environment: what pruning took away by mistake is missed here first.
"""

import base64
import io
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.photos.embedder import Embedder
from scripts.common.template_yaml import yaml_parse
from scripts.local.execution_environment import ExecutionEnvironment
from scripts.local.isolated import INIT_LIMIT_S
from scripts.local.lambda_folders import link_runtime
from scripts.local.runner import FunctionRunner
from scripts.local.template import read_template
from scripts.packaging import package_sizes
from tests.support.functions import event
from tests.support.isolation import built_template_or_skip, isolation_or_skip
from tests.support.quiet import assert_keeps_to_itself

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".aws-sam" / "build"
PYTHON = ROOT / ".venv-sam" / "bin" / "python"
# -I: no PYTHON* variables and no working directory, -S: no site-packages, -B: the build stays as it is.
COMMAND = [PYTHON, "-I", "-S", "-B"]

FUNCTIONS = ["IngestFunction", "QueryFunction", "CompactFunction", "FollowFunction"]

PRELUDE = """
import base64, json, os, sys
sys.path[:0] = json.loads(os.environ["LAYERS"])
"""
IMPORT = PRELUDE + "import app; assert callable(app.handler)"
EMBED = (
    PRELUDE
    + """
from pathlib import Path
from lookalike.photos.embedder import Embedder
photos = [base64.b64decode(photo) for photo in json.loads(os.environ["PHOTOS"])]
embedder = Embedder(Path(os.environ["MODEL_DIR"]), threads=1)
print(json.dumps([embedding.tolist() for embedding in embedder.embed(photos)]))
"""
)
EMBED_THE_PROBE = (
    PRELUDE
    + """
from pathlib import Path
from lookalike.photos.embedder import Embedder
Embedder(Path(os.environ["MODEL_DIR"]), threads=1).probe()
"""
)
# Lambda has no semaphores.
ANALYSE = (
    PRELUDE
    + """
import _multiprocessing, errno, warnings
def refuse(*_, **__):
    raise OSError(errno.ENOSYS, "Function not implemented")
_multiprocessing.SemLock = refuse
warnings.simplefilter("error")
import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
rows = np.arange(60, dtype=np.float32).reshape(20, 3) ** 2
print(json.dumps(NearestNeighbors(n_neighbors=2, algorithm="brute").fit(rows).kneighbors(rows)[1].tolist()))
assert PCA(2).fit_transform(rows).shape == (20, 2)
assert TSNE(perplexity=2, init=rows[:, :2].copy(), random_state=0).fit_transform(rows).shape == (20, 2)
"""
)


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    resources: dict[str, Any] = yaml_parse(built_template_or_skip().read_text())["Resources"]
    return resources


@pytest.fixture(scope="module")
def image(built: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Lambda's image has beside the standard library."""
    (packages,) = (PYTHON.parent.parent / "lib").glob("python3.13/site-packages")
    return link_runtime(packages, tmp_path_factory.mktemp("image") / "runtime")


def layers_of(built: dict[str, Any], image: Path, function: str) -> str:
    """The folders that a function imports from, as PRELUDE reads them."""
    properties = built[function]["Properties"]
    layers = [BUILD / built[layer["Ref"]]["Properties"]["ContentUri"] for layer in properties["Layers"]]
    path = [BUILD / properties["CodeUri"], *(layer / "python" for layer in layers), image]
    return json.dumps([str(folder) for folder in path])


def run(code: str, built: dict[str, Any], image: Path, function: str, **environment: str) -> Any:
    """What ``code`` prints as JSON where a function would run."""
    environment |= {"LAYERS": layers_of(built, image, function), "POWERTOOLS_SERVICE_NAME": "test"}
    done = subprocess.run(
        [*COMMAND, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def assert_fits(build_dir: Path) -> None:
    template = yaml_parse((build_dir / "template.yaml").read_text("utf-8"))
    packages = {package.function: package for package in package_sizes.measure(template, build_dir)}
    assert set(packages) == set(FUNCTIONS)
    for package in packages.values():
        assert all(package.parts.values()), "nothing of it is empty"
        assert package.total_bytes <= 262_144_000 * 0.9, package


def machines(build_dir: Path) -> set[int]:
    """The processors that the shared libraries of a build are for: e_machine of their ELF headers."""
    found = set()
    for library in build_dir.rglob("*.so*"):
        header = library.read_bytes()[:20]
        if header.startswith(b"\x7fELF"):
            found.add(int.from_bytes(header[18:20], "little"))
    return found


def test_every_built_function_has_a_tenth_of_lambdas_limit_to_spare(built: dict[str, Any]) -> None:
    assert_fits(BUILD)
    assert len(machines(BUILD)) == 1


def test_so_has_one_that_is_built_for_the_other_processor(built: dict[str, Any], tmp_path: Path) -> None:
    """Its code cannot be run here. It can be told whether it is for that processor."""
    of = {"x86_64": 62, "arm64": 183}
    here = yaml_parse(built_template_or_skip().read_text("utf-8"))["Parameters"]["Architecture"]["Default"]
    (other,) = of.keys() - {here}
    command = [sys.executable, "-m", "scripts.build", "--architecture", other, "--build-dir", tmp_path / "build"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_fits(tmp_path / "build")
    assert machines(tmp_path / "build") == {of[other]}
    assert machines(BUILD) == {of[here]}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_imports(built: dict[str, Any], image: Path, function: str) -> None:
    run(IMPORT, built, image, function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_built_function_starts_within_lambdas_limits(built: dict[str, Any], tmp_path: Path, function: str) -> None:
    nowhere = "http://127.0.0.1:9"
    template = read_template(built_template_or_skip(), endpoint_url=nowhere, parameters={"Engine": "index"})
    with isolation_or_skip() as isolation:
        launch = isolation.launch(template.functions[function], nowhere, tmp_path / "log")
        environment = ExecutionEnvironment(launch)
        try:
            assert environment.api.wait_until_ready(INIT_LIMIT_S).error is None
            assert not environment.is_over_memory
        finally:
            environment.close()


def test_the_built_query_function_answers_lambdas_runtime_client(built: dict[str, Any], tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9"
    function = read_template(built_template_or_skip(), endpoint_url=nowhere).functions["QueryFunction"]
    request = event("http_health") | {"routeKey": "GET /api/openapi.json", "rawPath": "/api/openapi.json"}
    with isolation_or_skip() as isolation:
        launch = isolation.launch(function, nowhere, tmp_path / "log")
        with closing(FunctionRunner(function, launch)) as runner:
            result = runner.invoke(request)
    assert result.error is None
    assert result.value["statusCode"] == 200
    assert "/api/search" in json.loads(result.value["body"])["paths"]


def test_the_built_layers_embed_as_the_development_environment_does(built: dict[str, Any], image: Path) -> None:
    rows, columns = np.mgrid[0:120, 0:90]
    picture = Image.fromarray(np.dstack([rows * 2, columns * 2, rows + columns]).astype(np.uint8))
    photos = []
    for encoding in ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF"):
        stream = io.BytesIO()
        picture.save(stream, encoding)
        photos.append(stream.getvalue())
    model = BUILD / built["ModelLayer"]["Properties"]["ContentUri"] / "model"
    sent = json.dumps([base64.b64encode(photo).decode() for photo in photos])
    embedded = run(EMBED, built, image, "QueryFunction", PHOTOS=sent, MODEL_DIR=str(model))
    expected = Embedder(model, threads=1).embed(photos)
    np.testing.assert_allclose(np.array(embedded), np.array(expected), atol=1e-6)


@pytest.mark.parametrize("function", ["IngestFunction", "QueryFunction"])
def test_the_built_layers_keep_to_themselves(built: dict[str, Any], image: Path, tmp_path: Path, function: str) -> None:
    model = BUILD / built["ModelLayer"]["Properties"]["ContentUri"] / "model"
    layers = layers_of(built, image, function)
    assert_keeps_to_itself(COMMAND, EMBED_THE_PROBE, tmp_path, LAYERS=layers, MODEL_DIR=str(model))


def test_the_built_layers_analyse_without_a_warning(built: dict[str, Any], image: Path) -> None:
    template = read_template(built_template_or_skip(), endpoint_url="http://127.0.0.1:9")
    neighbours = run(ANALYSE, built, image, "CompactFunction", **template.functions["CompactFunction"].environment)
    assert [first for first, _ in neighbours] == list(range(20))


def test_every_module_of_the_layers_is_compiled(built: dict[str, Any]) -> None:
    for name, resource in built.items():
        if resource["Type"] != "AWS::Serverless::LayerVersion":
            continue
        for source in (BUILD / resource["Properties"]["ContentUri"]).rglob("*.py"):
            compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
            assert compiled.is_file(), f"{name}: {source}"


def test_functions_carry_their_own_code_only(built: dict[str, Any]) -> None:
    for function in FUNCTIONS:
        files = [path for path in (BUILD / built[function]["Properties"]["CodeUri"]).rglob("*") if path.is_file()]
        assert {path.suffix for path in files if path.name != "examples.json"} == {".py"}
