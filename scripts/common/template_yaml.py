"""CloudFormation templates as YAML, read by libyaml: SAM's own reader takes ten times as long."""

from typing import Any

import yaml
from samtranslator.yaml_helper import intrinsics_multi_constructor


class _Loader(yaml.CSafeLoader):
    """Reads ``!Ref`` and its like as SAM does."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def yaml_parse(text: str) -> Any:
    """A template as plain dicts and lists, with intrinsic functions in their long form."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
