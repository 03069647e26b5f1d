"""A parameter that is changed reaches the API: SAM publishes another version of the query function for it."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from scripts.common.template_yaml import yaml_parse
from scripts.deployment import parameters

ROOT = Path(__file__).resolve().parents[2]
SAM_PYTHON = ROOT / ".venv-sam" / "bin" / "python"
DECLARED: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())["Parameters"]
DEFAULTS = parameters.effective(DECLARED)
OTHERS = {
    "Number": lambda parameter: str(parameter["Default"] + 2),
    "String": lambda parameter: next(
        (value for value in parameter.get("AllowedValues", ()) if value != parameter["Default"]), "other"
    ),
}


def version(written: dict[str, Any], values: dict[str, str], *, marked: bool = True) -> str:
    """The logical id of the query function's version, with these values of the parameters."""
    document = copy.deepcopy(written)
    if marked:
        parameters.marked(document, values)
    for resource in document["Resources"].values():
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://bucket/code"
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-west-1"))
    resources = translator.translate(document, dict(values))["Resources"]
    (found,) = (name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version")
    return str(found)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_another_value_is_another_version(written: dict[str, Any], name: str) -> None:
    changed = DEFAULTS | {name: OTHERS[DECLARED[name]["Type"]](DECLARED[name])}
    assert changed != DEFAULTS
    assert version(written, changed) != version(written, DEFAULTS)


def test_the_same_values_are_the_same_version(written: dict[str, Any]) -> None:
    document = copy.deepcopy(written)
    parameters.marked(document, DEFAULTS | {"LogLevel": "DEBUG"})  # by a deployment before
    assert version(document, DEFAULTS) == version(written, DEFAULTS)


def test_sam_alone_does_not_look_at_values(written: dict[str, Any]) -> None:
    """Why the digest is there. Where this fails, SAM has learnt it, and the digest may go."""
    changed = DEFAULTS | {"LogLevel": "DEBUG", "SnapStart": "true", "MaxStalenessSeconds": "60"}
    assert version(written, changed, marked=False) == version(written, DEFAULTS, marked=False)


def test_the_digest_changes_the_function_and_not_only_its_name(written: dict[str, Any]) -> None:
    """Lambda publishes no version of a function whose configuration is what it was."""
    document = copy.deepcopy(written)
    parameters.marked(document, DEFAULTS)
    before, after = (item["Resources"]["QueryFunction"]["Properties"] for item in (written, document))
    assert {name for name in after if after[name] != before[name]} == {"Description"}
    assert len(after["Description"]) <= 256, "Lambda's limit"


def test_a_built_template_is_marked_in_place(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text((ROOT / "template.yaml").read_text())
    before = yaml_parse(template.read_text())
    parameters.mark(template, DEFAULTS)
    after = yaml_parse(template.read_text())
    assert after["Resources"]["QueryFunction"].pop("Properties") != before["Resources"]["QueryFunction"].pop(
        "Properties"
    )
    assert after == before


@pytest.mark.skipif(not SAM_PYTHON.exists(), reason="SAM CLI is not installed: run `make build`")
def test_sam_reads_the_values_as_they_are_written() -> None:
    values = DEFAULTS | {
        "CompactSchedule": "cron(0 4 * * ? *)",
        "JwtIssuer": 'https://issuer/?a=b&c="d"',
        "AlarmEmail": "",
    }
    code = (
        "import json, sys; from samcli.cli.types import CfnParameterOverridesType;"
        "print(json.dumps(CfnParameterOverridesType().convert(tuple(sys.argv[1:]), None, None)))"
    )
    command = [SAM_PYTHON, "-c", code, *parameters.for_sam(values)]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(read.stdout) == values
