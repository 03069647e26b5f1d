"""From a SAM template to plain CloudFormation, by SAM's own translator; needs no network, credentials or packaging."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from scripts.common.template_yaml import yaml_parse
from scripts.local.aws_session import isolated_session
from scripts.local.intrinsics import UnsupportedTemplateError


def translate(path: Path, overrides: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Any], dict[str, str]]:
    """The folders of functions and layers, the plain CloudFormation template, and the values of its parameters.

    The template names a folder by its key among the folders: the logical id that the function or layer has in ``path``.
    ``overrides`` replace the defaults of parameters. Raises UnsupportedTemplateError.
    """
    document = yaml_parse(path.read_text(encoding="utf-8"))
    values = _parameters(document.get("Parameters", {}), overrides)
    sources: dict[str, str] = {}
    for logical_id, resource in document["Resources"].items():
        properties = resource.get("Properties", {})
        # The translator takes packaged code only: it gets the address of a package, and the caller the folder.
        for name in ("CodeUri", "ContentUri"):
            if isinstance(properties.get(name), str):
                sources[logical_id] = properties[name]
                properties[name] = f"s3://local/{logical_id}"
    # A session of its own, or the translator would ask the caller's AWS configuration for a region.
    translator = Translator({}, Parser(), boto_session=isolated_session())
    try:
        return sources, translator.translate(document, values), values
    except InvalidDocumentException as error:
        raise UnsupportedTemplateError(f"{path.name}: {error.message}") from error


def _parameters(declared: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(overrides.keys() - declared.keys())
    if unknown:
        known = ", ".join(sorted(declared))
        raise UnsupportedTemplateError(f"the template has no parameter {unknown[0]}; it has {known}")
    values = {}
    for name, parameter in declared.items():
        value = overrides.get(name, parameter.get("Default"))
        if value is None:
            raise UnsupportedTemplateError(f"the parameter {name} has no default: give it a value")
        allowed = [str(item) for item in parameter.get("AllowedValues", ())]
        if allowed and str(value) not in allowed:
            raise UnsupportedTemplateError(f"the parameter {name} is one of {', '.join(allowed)}, not {value}")
        values[name] = str(value)
    return values
