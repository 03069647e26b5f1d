"""The measurement of cold starts, on what is built."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.isolation import built_template_or_skip

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "scripts.bench", "starts", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)


@pytest.fixture(autouse=True)
def built() -> None:
    built_template_or_skip()


def test_every_function_is_started_and_answers():
    done = run("--starts", "1", "--rows", "50", "--json")
    assert done.returncode == 0, done.stderr
    found = {line["function"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert list(found) == ["query", "ingest", "compact"]
    for line in found.values():
        assert line["starts"] == 1
        assert line["answer_ms"]["min"] > 0
        assert 0 < line["peak_mb"] < line["memory_mb"]
    # Loading the model takes longer than the modules alone.
    assert found["query"]["init_ms"]["median"] > found["query"]["import_ms"]["median"] > 0
