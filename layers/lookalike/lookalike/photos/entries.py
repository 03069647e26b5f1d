"""Read the entries of model.json one by one. An entry that is missing or impossible is a ``ModelError`` that names it."""

import re
from typing import Final

from lookalike.errors import ModelError

_KINDS: Final[dict[type, str]] = {
    str: "text",
    int: "whole number",
    bool: "true or false",
    dict: "JSON object",
    list: "list",
}


class Entries:
    """The entries of one JSON object. Reading one checks its type. ``prefix``: the path to the object, with a dot at its end."""

    def __init__(self, document: object, prefix: str = "") -> None:
        self.prefix = prefix
        if not isinstance(document, dict):
            raise ModelError(f"model.json: {prefix.rstrip('.') or 'the document'} must be a JSON object.")
        self._document = document

    def __contains__(self, key: str) -> bool:
        return key in self._document

    def error(self, key: str, rule: str) -> ModelError:
        """The error of the entry ``key``, which breaks ``rule``."""
        return ModelError(f"model.json: {self.prefix}{key} {rule}.")

    def below(self, key: str) -> "Entries":
        """The entries of the object at ``key``."""
        return Entries(self.take(key, dict), f"{self.prefix}{key}.")

    def optional(self, key: str) -> object:
        return self._document.get(key)

    def take[T](self, key: str, kind: type[T]) -> T:
        value = self._document.get(key)
        # Python counts JSON's true as an int.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"must be a {_KINDS[kind]}, not {value!r}")
        return value

    def text(self, key: str) -> str:
        value = self.take(key, str)
        if not value.strip():
            raise self.error(key, "must not be empty")
        return value

    def matching(self, key: str, pattern: str, rule: str) -> str:
        value = self.take(key, str)
        if not re.fullmatch(pattern, value):
            raise self.error(key, f"must be {rule}, not {value!r}")
        return value

    def positive(self, key: str) -> int:
        value = self.take(key, int)
        if not 1 <= value <= 65_536:
            raise self.error(key, f"must be from 1 to 65536, not {value}")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.take(key, str)
        if value not in choices:
            raise self.error(key, f"must be one of {', '.join(choices)}, not {value!r}")
        return value

    def number(self, key: str) -> float:
        value = self.optional(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(key, f"must be a number, not {value!r}")
        return float(value)

    def numbers(self, key: str, count: int) -> tuple[float, ...]:
        value = self.optional(key)
        if isinstance(value, list) and len(value) == count and all(type(item) in (int, float) for item in value):
            return tuple(map(float, value))
        raise self.error(key, f"must be {count} numbers, not {value!r}")
