"""Values held against botocore's description of Amazon S3 Vectors, as the service holds requests against it."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator

MODEL = botocore.session.get_session().get_service_model("s3vectors")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, wanted: value == wanted,
    "$ne": lambda value, wanted: value != wanted,
    "$in": lambda value, wanted: value in wanted,
    "$nin": lambda value, wanted: value not in wanted,
}


class Refused(Exception):
    """An error of the service, by its name in the description."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def check(value: Any, shape: Shape) -> None:
    """Hold a value against its description. Raises Refused."""
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        raise Refused("ValidationException", report.generate_report())
    _check_bounds(value, shape)


def _check_bounds(value: Any, shape: Shape) -> None:
    """What botocore leaves to the service: upper bounds, patterns and enumerations."""
    bounds = shape.metadata
    size = value if shape.type_name in ("integer", "long") else len(value) if hasattr(value, "__len__") else None
    if size is not None and size > bounds.get("max", math.inf):
        raise Refused("ValidationException", f"{shape.name} has {size}, above {bounds['max']}")
    if "pattern" in bounds and not re.fullmatch(bounds["pattern"], value):
        raise Refused("ValidationException", f"{value} is no {shape.name}")
    if bounds.get("enum") and value not in bounds["enum"]:
        raise Refused("ValidationException", f"{value} is no {shape.name}")
    if isinstance(shape, StructureShape) and not shape.is_document_type:
        unknown = set(value) - set(shape.members)
        if unknown:
            raise Refused("ValidationException", f"{shape.name} has no {', '.join(sorted(unknown))}")
        for name, member in value.items():
            _check_bounds(member, shape.members[name])
    elif isinstance(shape, ListShape) and shape.member.type_name != "float":
        for member in value:
            _check_bounds(member, shape.member)
    elif isinstance(shape, MapShape):
        for member in value.values():
            _check_bounds(member, shape.value)


def passes(metadata: Mapping[str, Any], wanted: Mapping[str, Any], not_filtered: frozenset[str]) -> bool:
    """Whether metadata fulfil a filter. Raises Refused where it is none."""
    for name, condition in wanted.items():
        if name in not_filtered or name.startswith("$"):
            raise Refused("ValidationException", f"{name} cannot be filtered by")
        conditions = condition if isinstance(condition, dict) else {"$eq": condition}
        for operator, operand in conditions.items():
            if operator not in _OPERATORS or (
                operator in ("$in", "$nin") and not (isinstance(operand, list) and operand)
            ):
                raise Refused("ValidationException", f"{operator} {operand} is no condition")
            if name not in metadata or not _OPERATORS[operator](metadata[name], operand):
                return False
    return True
