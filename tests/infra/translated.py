"""The resources of template.yaml, as tests ask for them."""

from typing import Any


class Resources:
    """The translated resources. Intrinsic functions stay as they are: {"Ref": ...}, {"Fn::GetAtt": ...}."""

    def __init__(self, resources: dict[str, Any]) -> None:
        self._resources = resources

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
