"""Tables in the documents, between two marks; the text around them is left alone."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.projection import Projected, project
from scripts.benchmarks.results import Result, columns, groups, heading, notes, shown

_HEADINGS: Final = {
    "p50_ms": "median ms",
    "p99_ms": "p99 ms",
    "ratio_to_lookalike": "times ours",
    "ids_equal_sklearn": "as scikit-learn",
    "resident_bytes": "index",
    "process_bytes": "process",
    "bytes_read": "read",
    "requests": "GETs",
    "lists": "LISTs",
    "rows_refined": "rows bounded twice",
    "rows_exact": "rows computed",
    "import_ms": "import ms",
    "load_ms": "load ms",
    "embed_ms": "embed ms",
    "search_ms": "search ms",
}
_LEFT_OUT: Final = frozenset({"exact_tier", "load_bytes_read", "load_requests"})
_PROJECTED_ROWS: Final = (1_000_000, 10_000_000, 100_000_000)


def replace_part(text: str, name: str, body: str) -> str:
    """The document with the text between the marks of ``name`` replaced. Raises BenchError if there are no such marks."""
    begin, end = f"<!-- begin {name}: written by `make bench` -->", f"<!-- end {name} -->"
    pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end), re.DOTALL)
    replaced, count = pattern.subn(lambda _: begin + "\n" + body.strip("\n") + "\n" + end, text)
    if count != 1:
        raise BenchError(f"The document must have the lines {begin} and {end} once. Put them around the figures.")
    return replaced


def write_part(path: Path, name: str, body: str) -> None:
    """Replace a part of a file. Raises BenchError."""
    path.write_text(replace_part(path.read_text(encoding="utf-8"), name, body), encoding="utf-8")


def section(results: Sequence[Result], commands: Iterable[str]) -> str:
    """The commands and a table for each data set, in Markdown."""
    parts = ["\n".join(f"    {command}" for command in commands)]
    for lines in groups(results):
        parts += [f"**{_first_upper(heading(lines))}**", markdown_table(lines), *notes(lines)]
    parts.append(versions(results))
    return "\n\n".join(part for part in parts if part)


def markdown_table(lines: Sequence[Result]) -> str:
    """A row for each engine that gave figures."""
    names = [name for name in columns(lines) if name not in _LEFT_OUT]
    rows = [["engine" if name == "engine" else _HEADINGS.get(name, name.replace("_", " ")) for name in names]]
    rows.append(["---"] * len(names))
    rows += [[_cell(name, line) for name in names] for line in lines if not line.get("note")]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(name: str, line: Result) -> str:
    if name == "engine" and line.get("exact_tier") == "S3":
        return "lookalike, embeddings left in S3"
    return f"**{line[name]}**" if name == "engine" and line[name] == "lookalike" else shown(name, line.get(name))


def versions(results: Iterable[Result]) -> str:
    """The versions of all libraries that were measured."""
    known = {part for line in results for part in (line.get("version") or "").split(", ") if part}
    return f"Versions: {', '.join(sorted(known))}." if known else ""


def projection_table(results: Sequence[Result]) -> str:
    """The needs of larger catalogues, in Markdown; a sentence if too little was measured."""
    try:
        projected = [project(results, rows) for rows in _PROJECTED_ROWS]
    except ValueError as error:
        return f"No projection: {error}."
    names = {
        "scan tier": lambda it: _gb(it.scan_bytes),
        "embeddings, float32": lambda it: _gb(it.exact_bytes),
        "read until the first answer": lambda it: _gb(it.first_read_bytes),
        "one thread": lambda it: f"{it.one_thread_ms:,.0f} ms",
        "functions": lambda it: f"{it.functions}",
        "memory of each": lambda it: f"{it.memory_bytes / 1024**2:,.0f} MB",
        "an answer, photo to products": lambda it: f"{it.answer_ms:,.0f} ms",
        "a million answers": lambda it: f"{it.cost:,.2f} USD",
    }
    rows = [["", *(f"{it.rows:,} rows" for it in projected)], ["---"] * (len(projected) + 1)]
    rows += [[name, *(_told(tell, it) for it in projected)] for name, tell in names.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _told(tell: Any, projected: Projected) -> str:
    text: str = tell(projected)
    return text


def _gb(size: float) -> str:
    return f"{size / 1e9:,.2f} GB"


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
