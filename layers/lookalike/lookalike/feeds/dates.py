"""Dates as shops write them, as ms since 1970."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from lookalike.feeds.reports import BadValue

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_CHARS: Final = 60
_SECONDS: Final = re.compile(r"\d{9,10}")
_MILLISECONDS: Final = re.compile(r"\d{12,13}")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)")
_SLASHES: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(.*)")
_DAY: Final = timedelta(days=1)
_MS: Final = timedelta(milliseconds=1)


def time_of(text: str, *, ends: bool = False) -> float:
    """A time as ms since 1970, in UTC where the text has no zone. Raises BadValue.

    A date without a time is the day's begin, or with ``ends`` its last millisecond.
    """
    if len(text) > _MAX_CHARS:
        raise BadValue("bad-date", "is too long for a date")
    if _SECONDS.fullmatch(text):
        return float(text) * 1000
    if _MILLISECONDS.fullmatch(text):
        return float(text)
    iso = _iso(text)
    try:
        time = datetime.fromisoformat(iso)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        if ends and _DATE.fullmatch(iso):
            time += _DAY - _MS
        return float((time - _EPOCH) // _MS)
    except (ValueError, OverflowError):
        raise BadValue("bad-date", "is no date that is understood: write 2026-11-27T09:00+01:00") from None


def times_of(text: str) -> tuple[float | None, float | None]:
    """The two times of ``start/end``, None for one that is missing. Raises BadValue."""
    start, separator, end = text.partition("/")
    if not separator or "/" in end:
        raise BadValue("bad-date", "is not two dates with a slash between them")
    return (
        time_of(start.strip()) if start.strip() else None,
        time_of(end.strip(), ends=True) if end.strip() else None,
    )


def _iso(text: str) -> str:
    """The text in the order of ISO 8601. Raises BadValue where day and month cannot be told apart."""
    if match := _DAY_FIRST.fullmatch(text):
        day, month, year, rest = match.groups()
    elif match := _YEAR_FIRST.fullmatch(text):
        year, month, day, rest = match.groups()
    elif match := _SLASHES.fullmatch(text):
        first, second, year, rest = match.groups()
        if int(first) <= 12 and int(second) <= 12 and first != second:
            raise BadValue("bad-date", "could be a day of two months: write 2026-11-27")
        day, month = (first, second) if int(first) > 12 else (second, first)
    else:
        # ISO 8601 has no space: 2026-11-27 09:00:00 +0100
        return re.sub(r"\s+(?=[+-]\d)", "", re.sub(r"(?<=\d)\s+(?=\d)", "T", text))
    return f"{year}-{int(month):02}-{int(day):02}" + re.sub(r"^\s+", "T", rest)
