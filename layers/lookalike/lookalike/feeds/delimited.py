"""Rows of CSV and TSV: separators, quoted texts of several lines, and quotes that nobody closed."""

import csv
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from lookalike.feeds.lines import MAX_LINE_CHARS, Lines
from lookalike.feeds.reports import Report, shown

SEPARATORS: Final = ",;\t|"
_MAX_RECORD_LINES: Final = 2000
# Reading on behind quotes that nobody closed stops after so much, about a second's work: a file of such lines would be read again
# and again. A line costs as much as so many characters.
_MAX_CHARS_AGAIN: Final = 1 << 26
_LINE_CHARS: Final = 256


class Rows:
    """The rows of a file, with the line that each begins on; rows without a value are counted in ``blank``.

    A quote that is not closed as CSV has it makes its line a bad row, and reading goes on at the next line.
    ``first``: the number of the first line. ``columns``: how many values a row has, and ``id_place``: where its id stands; set them when the header is known.
    """

    def __init__(self, lines: Iterator[str], source: Lines, separator: str, report: Report, *, first: int) -> None:
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARS))  # of the whole process
        self._lines = _Buffered(lines, source, first - 1)
        self._separator = separator
        self._report = report
        self._chars_again = 0
        self.blank = 0
        self.columns: int | None = None
        self.id_place = 0

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        lines = self._lines
        reader = csv.reader(lines, delimiter=self._separator)
        while True:
            lines.taken.clear()
            first = lines.number + 1
            try:
                row = next(reader, None)
            except (csv.Error, _TooLong):
                row = []
                is_whole = False
            else:
                is_whole = len(lines.taken) <= 1 or self._is_row(row)
            if row is None:
                return
            if lines.too_long or (not is_whole and len(lines.taken) == 1):
                self._report.row(first, "too-long", "the line is too long to read")
            elif not is_whole:
                self._bad_quote(first)
                reader = csv.reader(lines, delimiter=self._separator)
            elif any(row) and not "".join(row).isspace():
                yield first, row
            elif lines.taken and not lines.at_end:
                self.blank += 1

    def _is_row(self, row: Sequence[str] | None) -> bool:
        """Whether several lines are one row: its quotes are closed as they should be, and it is no pile of rows."""
        try:
            rows = list(csv.reader(self._lines.taken, delimiter=self._separator, strict=True))
        except csv.Error:
            return False
        if len(rows) != 1 or row is None:
            return False
        if self.columns is None or len(row) < 2:
            return True
        return len(row) <= self.columns and not self._is_pile(row)

    def _is_pile(self, row: Sequence[str]) -> bool:
        """Whether each line but the first would be a row of its own, with an id like this one's."""
        if self.id_place >= len(row):
            return False
        shape = _shape(row[self.id_place])
        for line in self._lines.taken[1:]:
            cells = next(csv.reader([line], delimiter=self._separator), [])
            if len(cells) != self.columns or _shape(cells[self.id_place]) != shape:
                return False
        return True

    def _bad_quote(self, first: int) -> None:
        lines = self._lines
        cells = next(csv.reader(lines.taken[:1], delimiter=self._separator), [])
        product_id = cells[self.id_place].strip() if self.columns is not None and self.id_place < len(cells) - 1 else ""
        text = cells[-1].strip() if cells else ""
        self._report.row(
            first,
            "unclosed-quote",
            f"a quote opens before {shown(text)} and is not closed as it should be: close it; a quote inside a quoted text is "
            "written twice",
            product_id,
        )
        self._chars_again += sum(len(line) + _LINE_CHARS for line in lines.taken)
        lines.give_back(1)
        if self._chars_again > _MAX_CHARS_AGAIN:
            lines.max_lines = 1


class _TooLong(Exception):
    """A row goes on for too many lines."""


class _Buffered:
    """Lines that can be given back. ``number``: of the line taken last; ``taken``: the lines since it was cleared."""

    def __init__(self, lines: Iterator[str], source: Lines, number: int) -> None:
        self._lines = lines
        self._source = source
        self._waiting: deque[tuple[str, bool]] = deque()
        self.taken: list[str] = []
        self._chars = 0
        self.number = number
        self.max_lines = _MAX_RECORD_LINES
        self.too_long = False
        self.at_end = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        taken = self.taken
        if taken and (len(taken) > self.max_lines or self._chars > MAX_LINE_CHARS):
            raise _TooLong
        if self._waiting:
            line, self.too_long = self._waiting.popleft()
        elif self.at_end:
            raise StopIteration
        else:
            try:
                line = next(self._lines)
                self.too_long = self._source.too_long
            except StopIteration:
                # A quote that is open at the end takes one more line, and shows by it.
                self.at_end = True
                line = ""
        self.number += 1
        self._chars = self._chars + len(line) if taken else len(line)
        taken.append(line)
        return line

    def give_back(self, kept: int) -> None:
        """Give back the lines that were taken, but the first ones."""
        back = self.taken[kept:]
        if self.at_end and back and back[-1] == "":
            back.pop()
            self.at_end = False
            self.number -= 1
        self._waiting.extendleft((line, False) for line in reversed(back))
        self.number -= len(back)


def _shape(text: str) -> str:
    """The text with letters and digits each as one sign."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text.strip()))
