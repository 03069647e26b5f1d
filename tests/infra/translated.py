"""template.yaml as SAM translates it for CloudFormation, as tests ask for it."""

import copy
from collections.abc import Mapping
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from scripts.local.intrinsics import Names, Resolver


class Resources:
    """The translated resources. Intrinsic functions stay as they are: {"Ref": ...}, {"Fn::GetAtt": ...}."""

    def __init__(self, document: dict[str, Any], defaults: Mapping[str, str]) -> None:
        self.document = document
        self._defaults = defaults
        self._resources: dict[str, Any] = document["Resources"]

    def __getitem__(self, logical_id: str) -> dict[str, Any]:
        return self._resources[logical_id]["Properties"]

    def whole(self, logical_id: str) -> dict[str, Any]:
        """A resource with what stands beside its properties: DependsOn, DeletionPolicy."""
        return self._resources[logical_id]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by logical id."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self._resources.items()
            if resource["Type"] == kind
        }

    def resolved(self, value: Any, **parameters: str) -> Any:
        """A value with its intrinsic functions worked out; what ``parameters`` does not name has its default."""
        names = Names(self._resources, "lookalike", "http://127.0.0.1:9")
        return Resolver(names, {**self._defaults, **parameters}, self.document["Conditions"]).resolve(value)


def translated(written: Mapping[str, Any], *, uris: Mapping[str, str] | None = None) -> Resources:
    """The template as CloudFormation would have it. ``uris``: where the code of a resource was uploaded to."""
    document = copy.deepcopy(dict(written))
    for logical_id, resource in document["Resources"].items():
        # The translator takes code that was uploaded already.
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = (uris or {}).get(logical_id, "s3://bucket/code")
    values = {name: str(parameter["Default"]) for name, parameter in document["Parameters"].items()}
    # A session of its own, or the translator would look for the caller's region.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="eu-west-1"))
    return Resources(translator.translate(document, values), values)
