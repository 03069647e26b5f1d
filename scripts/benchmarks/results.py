"""Lines of results, and the tables of engines side by side."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from scripts.common.tables import aligned

Result = dict[str, Any]

_NOT_IN_TABLES: Final = frozenset(
    {"bench", "data", "rows", "dim", "k", "threads", "queries", "starts", "query", "version", "note"}
)


def percentile(values: Sequence[float], share: int) -> float:
    """A percentile of times, in ms to three places."""
    return round(float(np.percentile(values, share)), 3)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most of times in ms."""
    return {"median": percentile(values, 50), "min": round(min(values), 3), "max": round(max(values), 3)}


def against_ours(times_ms: Sequence[float], our_ms: float | None) -> Result:
    """Median and 99th percentile of an engine's times, and the median in that of ours."""
    p50_ms = percentile(times_ms, 50)
    ratio = round(p50_ms / our_ms, 3) if our_ms else None
    return {"p50_ms": p50_ms, "p99_ms": percentile(times_ms, 99), "ratio_to_lookalike": ratio}


def median(values: Iterable[int | None]) -> int | None:
    """The median of the values that are known, as a whole number."""
    known = [value for value in values if value is not None]
    return round(float(np.median(known))) if known else None


def groups(results: Iterable[Result]) -> list[list[Result]]:
    """Results of the same benchmark over the same data, together and in their order."""
    by_data: dict[tuple[Any, ...], list[Result]] = {}
    for line in results:
        by_data.setdefault(tuple(map(line.get, ("bench", "data", "rows", "dim", "query"))), []).append(line)
    return list(by_data.values())


def columns(lines: Sequence[Result]) -> list[str]:
    """The fields that differ between engines and have a value in at least one of these lines."""
    names = dict.fromkeys(name for line in lines for name in line)
    return [name for name in names if name not in _NOT_IN_TABLES and any(line.get(name) is not None for line in lines)]


def heading(lines: Sequence[Result]) -> str:
    """The common properties of the lines of one group, in words."""
    line = next((line for line in lines if line.get("k")), lines[0])
    words = [f"{line['data']}: {line['rows']:,} x {line['dim']:,}"]
    if line.get("k"):
        words.append(f"k={line['k']}")
    if line.get("threads"):
        words.append("one thread" if line["threads"] == 1 else f"{line['threads']} threads")
    if line.get("queries"):
        words.append(f"{line['queries']} queries")
    if line.get("starts"):
        words.append(f"{line['starts']} fresh processes")
    if line.get("query"):
        words.append(f"query by {line['query']}")
    return ", ".join(words)


def text_table(lines: Sequence[Result]) -> str:
    """Aligned columns under the common properties of the lines, and notes below."""
    names = columns(lines)
    rows = [names, *([shown(name, line.get(name)) for name in names] for line in lines if not line.get("note"))]
    return "\n".join([heading(lines), aligned(rows), *notes(lines)])


def notes(lines: Iterable[Result]) -> list[str]:
    """The notes of engines without figures."""
    return [f"{line['engine']}: {line['note']}" for line in lines if line.get("note")]


def shown(name: str, value: Any) -> str:
    """A value for people: bytes in MB, thousands apart."""
    if value is None:
        return ""
    if "bytes" in name:
        return f"{value / 1e6:,.1f} MB"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def print_tables(results: Iterable[Result]) -> None:
    """Print engines side by side as soon as a data set is done, and results without engines line by line."""
    waiting: list[Result] = []

    def flush() -> None:
        if waiting:
            print(text_table(waiting), end="\n\n", flush=True)
            waiting.clear()

    for line in results:
        if "engine" not in line:
            flush()
            print("  ".join(f"{name} {value}" for name, value in line.items()), flush=True)
            continue
        if waiting and len(groups([waiting[0], line])) > 1:
            flush()
        waiting.append(line)
    flush()
