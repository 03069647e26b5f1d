"""What was found in a file besides its values: bad rows and bad values, and remarks about the whole."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

MAX_KEPT: Final = 1000
"""So many bad rows are kept; all are counted."""
_SHOWN_CHARS: Final = 80


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row, or one value of it, that was left out.

    ``line``: where the row begins, from 1. ``product_id``: "" where it is not known. ``code``: a stable identifier.
    ``detail``: a sentence for people.
    """

    line: int
    product_id: str
    code: str
    detail: str


class BadValue(ValueError):
    """A value that cannot be used. ``code``: a stable identifier; the message says why, without the value."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class Report:
    """Collects bad rows and bad values, and counts rows that deserve a remark."""

    def __init__(self) -> None:
        self.kept: list[BadRow] = []
        self.total = 0
        self.rows_left_out = 0
        self.counts: Counter[str] = Counter()
        self.remarks: list[str] = []

    def row(self, line: int, code: str, detail: str, product_id: str = "") -> None:
        """A row is left out."""
        self.rows_left_out += 1
        self._keep(line, product_id, code, detail)

    def value(self, line: int, product_id: str, column: str, text: str, bad: BadValue) -> None:
        """A value is left out, and the other values of its row are used."""
        self._keep(line, product_id, bad.code, f"{column}: {shown(text)} {bad}")

    def _keep(self, line: int, product_id: str, code: str, detail: str) -> None:
        self.total += 1
        if len(self.kept) < MAX_KEPT:
            self.kept.append(BadRow(line, product_id, code, detail))


def shown(text: str) -> str:
    """A text in a message: in quotes, and cut where it is long."""
    cut = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
    return f"'{cut}'" if cut.isprintable() else repr(cut)


def counted(count: int, noun: str) -> str:
    """A number of things: ``1 row``, ``2,000 rows``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
