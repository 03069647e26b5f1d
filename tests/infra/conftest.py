"""template.yaml as it is written, and as SAM translates it for CloudFormation."""

from pathlib import Path
from typing import Any

import pytest

from scripts.common.template_yaml import yaml_parse
from tests.infra.translated import Resources, translated

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def written() -> dict[str, Any]:
    return yaml_parse((ROOT / "template.yaml").read_text())


@pytest.fixture(scope="session")
def resources(written: dict[str, Any]) -> Resources:
    return translated(written)
