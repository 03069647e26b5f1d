"""Names of attributes: which of them are one attribute.

Files spell an attribute in many ways: ``articleType``, ``Article Type``, ``article_type``. Names are compared without case, and
without white space, underscores and hyphens.
"""

import re
import unicodedata
from collections.abc import Iterable

_LEFT_OUT = re.compile(r"[\s_-]+")


def comparable(name: str) -> str:
    """A form of the name that is equal for all spellings of an attribute."""
    caseless = unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())
    return _LEFT_OUT.sub("", caseless) or caseless


def spelling(names: Iterable[str], name: str) -> str | None:
    """The first of ``names`` that is the attribute ``name``, or None."""
    sought = comparable(name)
    return next((known for known in names if comparable(known) == sought), None)
