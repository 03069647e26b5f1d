"""Parameters of routes: their names, their limits, and how their texts are read.

Each kind of parameter is a function that makes a ``Parameter``; its schema says the same to programs as its parser does, and
its example is a text that the parser takes.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from lookalike.errors import LookalikeError
from lookalike.photos.regions import NUMBER, WHOLE, Region

# As JSON writes numbers, which may be distances of an answer.
_NUMBER = r"(?:[0-9]{1,310}(?:\.[0-9]{1,350})?|\.[0-9]{1,350})(?:[eE][+-]?[0-9]{1,3})?"
_FACTOR = r"[^:,]+:(?:[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})"


class BadParameter(LookalikeError):
    """A parameter is unknown or out of range, or the event's body is not encoded as the event says."""


@dataclass(frozen=True, slots=True)
class Parameter[Value]:
    """A parameter of a route. ``schema``: JSON Schema for the API's description; ``example``: a value, as its text.

    ``parse`` raises BadParameter. A parameter that ``repeats`` may be given several times: its value is a tuple, and ``parse``
    makes the part of one text.
    """

    name: str
    place: Literal["path", "query"]
    description: str
    schema: Mapping[str, Any]
    parse: Callable[[str], Value]
    default: Value
    example: str
    repeats: bool = False

    def value(self, texts: Sequence[str]) -> Any:
        """The value of these texts, the default where there are none. Raises BadParameter."""
        if not texts:
            return self.default
        if self.repeats:
            parts: Any = [self.parse(text) for text in texts]
            return tuple(part for some in parts for part in some)
        if len(texts) > 1:
            raise BadParameter(f"{self.name} is given {len(texts)} times. Give it once.")
        return self.parse(texts[0])


def integer(name: str, description: str, *, minimum: int, maximum: int, default: int, example: str) -> Parameter[int]:
    """A query parameter that is a whole number within limits."""

    def parse(value: str) -> int:
        # Python limits the digits of int().
        is_short = value.isascii() and value.isdigit() and len(value) <= len(str(maximum))
        if is_short and minimum <= int(value) <= maximum:
            return int(value)
        raise BadParameter(f"{name} must be a whole number, {minimum} to {maximum}.")

    schema = {"type": "integer", "minimum": minimum, "maximum": maximum, "default": default}
    return Parameter(name, "query", description, schema, parse, default, example)


def number(name: str, description: str, *, example: str) -> Parameter[float | None]:
    """A query parameter that is a number, 0 or more; None by default."""

    def parse(value: str) -> float:
        found = float(value) if re.fullmatch(_NUMBER, value) else math.inf
        if math.isinf(found):
            raise BadParameter(f"{name} must be a number, 0 or more, such as {example}.")
        return found

    return Parameter(name, "query", description, {"type": "number", "minimum": 0}, parse, None, example)


def text(name: str, description: str, place: Literal["path", "query"] = "query", *, example: str) -> Parameter[str]:
    """A parameter that is any text, empty by default."""
    return Parameter(name, place, description, {"type": "string"}, _whole, "", example)


def texts(name: str, description: str, *, example: str) -> Parameter[tuple[str, ...]]:
    """A query parameter that is any text, and that may be given several times; none by default."""
    schema = {"type": "array", "items": {"type": "string"}}
    return Parameter(name, "query", description, schema, lambda value: (_whole(value),), (), example, repeats=True)


def _whole(value: str) -> str:
    """JSON can carry half of a surrogate pair, which no id, key or value has."""
    return value.encode(errors="replace").decode()


def switch(name: str, description: str) -> Parameter[bool]:
    """A query parameter that is true or false, false by default."""

    def parse(value: str) -> bool:
        if value not in ("true", "false"):
            raise BadParameter(f"{name} must be true or false.")
        return value == "true"

    schema = {"type": "boolean", "default": False}
    return Parameter(name, "query", description, schema, parse, default=False, example="true")


def choice[Word: StrEnum](name: str, description: str, words: type[Word]) -> Parameter[Word | None]:
    """A query parameter that is one of a few words; None by default."""

    def parse(value: str) -> Word:
        try:
            return words(value)
        except ValueError as error:
            raise BadParameter(f"{name} must be one of {', '.join(words)}.") from error

    schema = {"type": "string", "enum": [*words]}
    return Parameter(name, "query", description, schema, parse, None, next(iter(words)))


def region(name: str, description: str, *, example: str) -> Parameter[Region]:
    """A query parameter that is a rectangle of the photo, such as ``0.25,0.1,0.5,0.8``; the whole by default."""

    def parse(value: str) -> Region:
        try:
            return Region.parse(value)
        except ValueError as error:
            raise BadParameter(f"{name} is not a part of the photo: {error}") from error

    schema = {"type": "string", "pattern": f"^{NUMBER}(?:,{NUMBER}){{3}}$"}
    return Parameter(name, "query", description, schema, parse, WHOLE, example)


def factors(name: str, description: str, *, example: str) -> Parameter[Mapping[str, float]]:
    """A query parameter that gives some names a factor each, such as ``colour:2,shape:0.5``; none by default."""

    def parse(value: str) -> Mapping[str, float]:
        if not re.fullmatch(f"{_FACTOR}(?:,{_FACTOR})*", value):
            raise BadParameter(f"{name} must be names with a factor each, such as {example}.")
        found: dict[str, float] = {}
        for piece in value.split(","):
            named, _, factor = piece.partition(":")
            if named in found:
                raise BadParameter(f"{name} gives {named[:50]!r} twice.")
            found[named] = float(factor)
        return found

    schema = {"type": "string", "pattern": f"^{_FACTOR}(?:,{_FACTOR})*$"}
    return Parameter(name, "query", description, schema, parse, {}, example)
