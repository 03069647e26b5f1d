"""The lines of a text file, whatever wrote it: UTF-8, UTF-16 or Windows-1252, ended by LF, CR LF or CR."""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

from lookalike.errors import FeedError

MAX_LINE_CHARS: Final = 1 << 20
"""A longer line is given in part, and ``Line.too_long`` says so."""
_HEAD_BYTES: Final = 1 << 16
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What files begin with that people take for tables.
_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"\x1f\x8b", "compressed by gzip"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a photo"),
    (b"\xff\xd8\xff", "a photo"),
    (b"PAR1", "a Parquet file"),
    (b"{\\rtf", "a text of a word processor"),
)
_MARKUPS: Final = ((b"<?xml", "XML"), (b"<rss", "XML"), (b"<!doctype html", "a web page"), (b"<html", "a web page"))
# A text has fewer of these, and fewer than one in so many characters.
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f\x0b\x1a\x1b"))
_MAX_CONTROLS: Final = 8
_CONTROLS_IN: Final = 20


class Lines:
    """Lines one after the other, each with ``\\n`` at its end but perhaps the last one.

    ``number``: of the line that was given last, from 1. ``foreign``: how many lines were not UTF-8, and were read as
    Windows-1252. Raises FeedError where the file is no text.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        head = _head(file)
        encoding = _encoding(head, name)
        self.encoding: Final = encoding.removesuffix("-sig").upper()
        self.number = 0
        self.foreign = 0
        self.too_long = False
        is_utf_8 = encoding.startswith("utf-8")
        self._text = io.TextIOWrapper(
            io.BufferedReader(_Replayed(head, file), _HEAD_BYTES),
            encoding=encoding,
            errors="surrogateescape" if is_utf_8 else "replace",
            newline=None,
        )

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE_CHARS)
        if not line:
            raise StopIteration
        self.number += 1
        self.too_long = len(line) == MAX_LINE_CHARS and not line.endswith("\n")
        if self.too_long:
            while (rest := self._text.readline(MAX_LINE_CHARS)) and not rest.endswith("\n"):
                pass
        if line.isascii():
            return line
        try:
            line.encode()
        except UnicodeEncodeError:
            # UTF-8 that was cut, or one file made of two: each line is read by itself.
            self.foreign += 1
            return line.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
        return line


class _Replayed(io.RawIOBase):
    """A file whose first bytes were read already. Closing it leaves the file open."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head = head
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self._head[: len(buffer)] or self._file.read(len(buffer))
        self._head = self._head[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def _head(file: BinaryIO) -> bytes:
    head = b""
    while len(head) < _HEAD_BYTES and (more := file.read(_HEAD_BYTES - len(head))):
        head += more
    return head


def _encoding(head: bytes, name: str) -> str:
    """The encoding by the first bytes. Raises FeedError where they are of no text."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    for signature, format_ in _OTHER_FORMATS:
        if head.startswith(signature):
            raise _not_a_table(name, format_)
    start = head.lstrip()[:20].lower()
    for signature, format_ in _MARKUPS:
        if start.startswith(signature):
            raise _not_a_table(name, format_)
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > max(len(head) // 6, 2):  # a third of the characters or more are of UTF-16's first 256
        if min(even, odd) <= len(head) // 100:
            return "utf-16-le" if odd > even else "utf-16-be"
        raise _not_a_table(name, "no text")
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _MAX_CONTROLS and controls * _CONTROLS_IN > len(head):
        raise _not_a_table(name, "no text")
    return "utf-8"


def _not_a_table(name: str, format_: str) -> FeedError:
    return FeedError(
        "not-a-table",
        f"{name} is {format_}. Product data are CSV, TSV or JSON lines in UTF-8; a spreadsheet saves one as 'CSV UTF-8'.",
    )
