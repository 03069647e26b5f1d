"""template.yaml as it is written, and as SAM translates it for CloudFormation."""

import copy
from pathlib import Path
from typing import Any

import boto3
import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tests.infra.translated import Resources

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def written() -> dict[str, Any]:
    return yaml_parse((ROOT / "template.yaml").read_text())


@pytest.fixture(scope="session")
def resources(written: dict[str, Any]) -> Resources:
    document = copy.deepcopy(written)
    for resource in document["Resources"].values():
        # The translator takes code that was uploaded already.
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/code"
    values = {name: str(parameter["Default"]) for name, parameter in document["Parameters"].items()}
    # A session of its own, or the translator would look for the caller's region.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-west-1"))
    return Resources(translator.translate(document, values)["Resources"])
