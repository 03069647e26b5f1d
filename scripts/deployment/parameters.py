"""The parameters of a deployment, and how a change of them reaches the API.

The stack remembers its parameters; nothing else does. A deployment takes those of the stack, applies the changes, and
gives SAM the whole list (docs/decisions/0030-the-stack-remembers.md).

The API calls a published version of the query function. SAM publishes a new one if the function's text has changed, and
in that text a parameter is ``{"Ref": "LogLevel"}``, whatever its value. So a digest of the values is written into the
function's description: other values make another text, and another configuration, without which Lambda would not publish.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from scripts.common.template_yaml import yaml_parse
from scripts.deployment.deployed import DeployError

FUNCTION: Final = "QueryFunction"
BUILT: Final = {
    "Architecture": "the build: make deploy ARCHITECTURE=...",
    "ModelFingerprint": "the build: make deploy MODEL=...",
    "IndexName": "the build: make deploy MODEL=...",
    "IndexDimensions": "the build: make deploy MODEL=...",
}
"""Parameters that are set by the build, and the command that sets them."""

KEPT: Final = "****"
"""CloudFormation's answer in place of a secret (NoEcho). A deployment that does not change it leaves it to the stack."""


def given(words: Iterable[str], declared: Mapping[str, Any]) -> dict[str, str]:
    """Parameters as NAME=VALUE. Raises DeployError for a name that is not in ``declared``, the template's parameters."""
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise DeployError(f"{word!r} is not a parameter. Write NAME=VALUE; NAME= makes it empty.")
        if name in BUILT:
            raise DeployError(f"{name} is set by {BUILT[name]}")
        if name not in declared:
            known = ", ".join(sorted(declared.keys() - BUILT))
            raise DeployError(f"There is no parameter {name}. There are {known}.")
        values[name] = value
    return values


def effective(declared: Mapping[str, Any], *layers: Mapping[str, str]) -> dict[str, str]:
    """A value for every parameter of the template: that of the last of ``layers`` that has one, or the default."""
    values = {name: str(parameter["Default"]) for name, parameter in declared.items()}
    for layer in layers:
        values.update((name, value) for name, value in layer.items() if name in declared)
    return values


def unchanged_secrets(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """``KEPT`` for each secret that a deployment does not name: a later one reads no other value from the stack."""
    return {name: KEPT for name, parameter in declared.items() if parameter.get("NoEcho") and name not in given}


def set_by_user(declared: Mapping[str, Any], values: Mapping[str, str]) -> list[str]:
    """The parameters, as NAME=VALUE, that differ from the template's defaults and are not set by the build.

    Without secrets, whose values CloudFormation does not show.
    """
    ours = {name: value for name, value in values.items() if name in declared and name not in BUILT and value != KEPT}
    return [f"{name}={value}" for name, value in ours.items() if value != str(declared[name]["Default"])]


def for_sam(values: Mapping[str, str]) -> list[str]:
    """Words for `sam deploy --parameter-overrides`. In quotes, without which SAM drops an empty value.

    SAM has the stack keep what is not among them.
    """
    escaped = {name: value.replace('"', r"\"") for name, value in values.items() if value != KEPT}
    return [f'{name}="{value}"' for name, value in escaped.items()]


def mark(template: Path, values: Mapping[str, str]) -> None:
    """Write a digest of the values into the description of the query function of a built template."""
    document = yaml_parse(template.read_text(encoding="utf-8"))
    marked(document, values)
    # JSON is YAML, too.
    template.write_text(json.dumps(document, indent=1), encoding="utf-8")


def marked(document: Mapping[str, Any], values: Mapping[str, str]) -> None:
    """The same in a parsed template. An earlier digest is replaced."""
    digest = hashlib.sha256(json.dumps(sorted(values.items())).encode()).hexdigest()[:16]
    properties = document["Resources"][FUNCTION]["Properties"]
    described = re.sub(r" Settings [0-9a-f]{16}\.$", "", properties["Description"])
    properties["Description"] = f"{described} Settings {digest}."
