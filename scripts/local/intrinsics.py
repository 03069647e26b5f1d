"""CloudFormation's intrinsic functions, with the names that resources have on this machine.

An unknown function, attribute or name raises ``UnsupportedTemplateError``: a value that is quietly wrong would make the
local stack differ from the deployed one.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"


class UnsupportedTemplateError(Exception):
    """The local stack cannot run something in the template. The message names it."""


class Names:
    """The values of Ref and GetAtt for a template's ``resources``. ``endpoint_url`` is that of the local SQS."""

    def __init__(self, resources: Mapping[str, Any], stack_name: str, endpoint_url: str) -> None:
        self._resources = resources
        self.stack_name = stack_name
        self._endpoint_url = endpoint_url

    def physical(self, logical_id: str) -> str:
        """The name that CloudFormation would make up from those of the stack and the resource."""
        return f"{self.stack_name}-{logical_id}".lower()

    def ref(self, logical_id: str) -> str:
        name = self.physical(logical_id)
        if self._kind(logical_id) == "AWS::SQS::Queue":
            return f"{self._endpoint_url}/{ACCOUNT}/{name}"
        if self._kind(logical_id) == "AWS::Lambda::Alias":
            properties = self._resources[logical_id]["Properties"]
            return f"{self.attribute(properties['FunctionName']['Ref'], 'Arn')}:{properties['Name']}"
        return name

    def attribute(self, logical_id: str, attribute: str) -> str:
        kind, name = self._kind(logical_id), self.physical(logical_id)
        known = _ATTRIBUTES.get((kind, attribute))
        if known is None:
            raise UnsupportedTemplateError(f"{attribute} of {logical_id} ({kind}) is not known to the local stack")
        return known.format(name=name, account=ACCOUNT, region=REGION, url=self._endpoint_url)

    def _kind(self, logical_id: str) -> str:
        if logical_id not in self._resources:
            raise UnsupportedTemplateError(f"the template refers to {logical_id}, which it does not define")
        return str(self._resources[logical_id]["Type"])


_ATTRIBUTES: Final = {
    ("AWS::S3::Bucket", "Arn"): "arn:aws:s3:::{name}",
    ("AWS::S3::Bucket", "RegionalDomainName"): "{name}.s3.{region}.amazonaws.com",
    ("AWS::S3Vectors::VectorBucket", "VectorBucketArn"): "arn:aws:s3vectors:{region}:{account}:bucket/{name}",
    ("AWS::S3Vectors::Index", "IndexArn"): "arn:aws:s3vectors:{region}:{account}:bucket/bucket/index/{name}",
    ("AWS::SQS::Queue", "Arn"): "arn:aws:sqs:{region}:{account}:{name}",
    ("AWS::SQS::Queue", "QueueName"): "{name}",
    ("AWS::Lambda::Function", "Arn"): "arn:aws:lambda:{region}:{account}:function:{name}",
    ("AWS::IAM::Role", "Arn"): "arn:aws:iam::{account}:role/{name}",
    ("AWS::Logs::LogGroup", "Arn"): "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    ("AWS::CloudFront::OriginAccessControl", "Id"): "{name}",
    ("AWS::CloudFront::Distribution", "Id"): "{name}",
    ("AWS::CloudFront::Distribution", "DomainName"): "{name}.cloudfront.net",
}

_NO_VALUE: Final = object()
_PLACEHOLDER: Final = re.compile(r"\$\{(!?)([^}]*)\}")


class Resolver:
    """Replaces intrinsic functions by values. ``parameters`` are the final values, as text."""

    def __init__(
        self, names: Names, parameters: Mapping[str, str], conditions: Mapping[str, Any] | None = None
    ) -> None:
        self._names = names
        self._parameters = parameters
        self._conditions = conditions or {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: self.resolve(pair[0]) == self.resolve(pair[1]),
            "Fn::Not": lambda one: not self.resolve(one[0]),
            "Fn::And": lambda all_of: all(self.resolve(item) for item in all_of),
            "Fn::Or": lambda any_of: any(self.resolve(item) for item in any_of),
            "Fn::Join": lambda parts: parts[0].join(self.resolve(parts[1])),
            "Fn::Select": lambda parts: self.resolve(parts[1])[int(self.resolve(parts[0]))],
            "Fn::Split": lambda parts: self.resolve(parts[1]).split(parts[0]),
        }

    def resolve(self, value: Any) -> Any:
        """The value with every intrinsic function in it replaced, without the entries that are AWS::NoValue."""
        if isinstance(value, list):
            return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name in self._functions:
                return self._functions[name](argument)
            if name.startswith("Fn::"):
                raise UnsupportedTemplateError(f"the template uses {name}, which the local stack does not know")
        resolved = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self._names.stack_name,
            "AWS::NoValue": _NO_VALUE,
        }
        if name in pseudo:
            return pseudo[name]
        return self._parameters[name] if name in self._parameters else self._names.ref(name)

    def _get_att(self, argument: str | list[str]) -> str:
        logical_id, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        return self._names.attribute(logical_id, attribute)

    def _sub(self, argument: str | list[Any]) -> str:
        text, local = (argument, {}) if isinstance(argument, str) else argument

        def value(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            if name in local:
                return str(self.resolve(local[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(value, text)

    def _if(self, argument: list[Any]) -> Any:
        name, then, otherwise = argument
        return self.resolve(then if self._condition(name) else otherwise)

    def _condition(self, name: str) -> bool:
        if name not in self._conditions:
            raise UnsupportedTemplateError(f"the template uses the condition {name}, which it does not define")
        return bool(self.resolve(self._conditions[name]))
