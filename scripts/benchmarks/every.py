"""All sections, each in a process of its own, and the documents that are written of them."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from scripts.benchmarks import plots, report
from scripts.benchmarks.command import SECTIONS
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.results import Result
from scripts.benchmarks.search import SCRATCH

_LARGE: Final = "44441x2048"
_SMALL: Final = "44441x512"  # in place of real embeddings
_INGESTED: Final = "1500"
_APPENDED: Final = "300000"  # a million take five minutes, and show the same


@dataclass(frozen=True, slots=True)
class Section:
    """A section's name and the arguments of each of its runs of `python -m scripts.bench`."""

    name: str
    runs: tuple[tuple[str, ...], ...]

    def commands(self) -> list[str]:
        """The runs as people type them, files by their names alone."""
        return [" ".join((".venv-bench/bin/python -m scripts.bench", *map(_short, run))) for run in self.runs]


def sections(options: argparse.Namespace) -> list[Section]:
    """The sections of the options, in order. Raises BenchError."""
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        raise BenchError(f"There is no section {', '.join(sorted(unknown))}. Name some of {' '.join(SECTIONS)}.")
    real: tuple[str, ...] = ("--generate", _SMALL)
    if options.photos:
        real = ("--photos", str(options.photos))
    elif options.embeddings:
        real = ("--embeddings", str(options.embeddings))
    by_photo = (("cold", *real, "--image"),) if options.photos else ()
    runs: dict[str, tuple[tuple[str, ...], ...]] = {
        "search": (("search", *real, "--generate", _LARGE),),
        "cold": (("cold", *real, "--generate", _LARGE), *by_photo),
        "growth": (("growth",),),
        "append": (("append", "--rows", _APPENDED),),
        "ingest": (("ingest", str(options.photos), "--first", _INGESTED),) if options.photos else (),
    }
    return [Section(name, runs[name]) for name in SECTIONS if name in (options.sections or SECTIONS)]


def run(options: argparse.Namespace) -> Iterator[Result]:
    """The lines of all sections, as they come; the documents are written after each. Raises BenchError."""
    for section in sections(options):
        if not section.runs:
            print(f"{section.name} is left out: it needs --photos", file=sys.stderr)
            continue
        results: list[Result] = []
        started = time.monotonic()
        for arguments in section.runs:
            for line in _lines(arguments):
                results.append(line)
                yield line
        _keep(section, results)
        _write(section, results, options.root)
        print(f"{section.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)


def _lines(arguments: tuple[str, ...]) -> Iterator[Result]:
    command = [sys.executable, "-m", "scripts.bench", *arguments, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout  # noqa: S101 - a pipe
        for line in child.stdout:
            result: Result = json.loads(line)
            yield result
    if child.returncode:
        raise BenchError(f"{' '.join(arguments)} ended with {child.returncode}; see above.")


def _keep(section: Section, results: list[Result]) -> None:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(line) + "\n" for line in results)
    (SCRATCH / f"{section.name}.jsonl").write_text(lines, encoding="utf-8")


def _write(section: Section, results: list[Result], root: Path) -> None:
    """Write the section's part of the documents. People write those of appends and ingest."""
    if section.name not in ("search", "cold", "growth"):
        return
    docs = root / "docs"
    body = report.section(results, section.commands())
    plot = {"search": plots.search, "growth": plots.growth}.get(section.name)
    if plot and find_spec("matplotlib"):
        plot(results, docs / "images" / f"bench-{section.name}.svg")
    elif plot:
        print(f"{section.name} is not plotted: matplotlib is not installed, `make bench` installs it", file=sys.stderr)
    report.write_part(docs / "benchmarks.md", section.name, body)
    if section.name == "growth":
        report.write_part(docs / "growth.md", "projection", report.projection_table(results))


def _short(argument: str) -> str:
    return Path(argument).name if "/" in argument else argument
