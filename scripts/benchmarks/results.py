"""Lines of results, and the Markdown tables of engines side by side that docs/benchmarks.md shows."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

import numpy as np

Result = dict[str, Any]

_HEADINGS: Final = {
    "engine": "engine",
    "p50_ms": "median ms",
    "p99_ms": "p99 ms",
    "ratio_to_lookalike": "times ours",
    "recall": "recall",
    "ids_equal_sklearn": "as scikit-learn",
    "resident_bytes": "index",
    "process_bytes": "process",
    "bytes_read": "read",
    "requests": "requests",
    "index_bytes_read": "read by LanceDB",
    "index_reads": "its reads",
    "rows_refined": "rows bounded twice",
    "rows_exact": "rows computed",
}
"""The fields of a result that differ between engines, and the columns that show them."""

_OURS: Final = {"S3": "lookalike, embeddings left in S3", "index": "lookalike, candidates from LanceDB"}
"""Our engine by the place of its exact tier, where that is not the memory."""


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


def median_counts(counts: Sequence[dict[str, int]]) -> dict[str, int]:
    """The median of each count over the answers of an engine, as a whole number."""
    return {name: round(float(np.median([count[name] for count in counts]))) for name in counts[0]}


def print_tables(results: Iterable[Result]) -> None:
    """Print engines side by side as soon as a data set is done, and results without engines line by line."""
    for data, lines in groupby(results, lambda line: "engine" in line and _data(line)):
        if data:
            print(table(list(lines)), end="\n\n", flush=True)
            continue
        for line in lines:
            print("  ".join(f"{name} {value}" for name, value in line.items()), flush=True)


def _data(line: Result) -> tuple[Any, ...]:
    return tuple(map(line.get, ("bench", "data", "rows", "dim", "query")))


def table(lines: Sequence[Result]) -> str:
    """The results over one data set: a heading, a row for each engine, notes of those without figures, and versions."""
    measured = [line for line in lines if "note" not in line]
    parts = [f"**{_heading((measured or lines)[0])}**"]
    if measured:
        names = [name for name in _HEADINGS if any(line.get(name) is not None for line in measured)]
        rows = [[_HEADINGS[name] for name in names], ["---"] * len(names)]
        rows += [[_cell(name, line) for name in names] for line in measured]
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
        versions = {version for line in measured for version in line["version"].split(", ")}
        parts.append(f"Versions: {', '.join(sorted(versions))}.")
    return "\n\n".join([*parts, *(f"{line['engine']}: {line['note']}" for line in lines if "note" in line)])


def _heading(line: Result) -> str:
    words = [f"{line['data']}: {line['rows']:,} x {line['dim']:,}"]
    if "k" in line:
        words.append(f"k={line['k']}")
    if "threads" in line:
        words.append("one thread" if line["threads"] == 1 else f"{line['threads']} threads")
    if line.get("clock") == "processor":
        words.append("processor time")
    words += [
        f"{line[name]} {of}" for name, of in (("queries", "queries"), ("starts", "fresh processes")) if name in line
    ]
    return ", ".join([*words, f"query by {line['query']}"] if "query" in line else words)


def _cell(name: str, line: Result) -> str:
    value = line.get(name)
    if name == "engine" and value == "lookalike":
        return _OURS.get(str(line.get("exact_tier")), "**lookalike**")
    if value is None:
        return ""
    if "bytes" in name:
        return f"{value / 1e6:,.1f} MB"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
