"""Memory, time and price of more rows than are measured.

A line is laid through the two largest catalogues that were measured. A search is assumed to divide its rows evenly among
the processors of a function, of which Lambda gives one for every 1,769 MB, and a catalogue that is too large for one function
to be divided among functions that each search a part, and one that calls them all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from lookalike import settings
from scripts.benchmarks.results import Result
from scripts.deployment.prices import LAMBDA_REQUESTS, LAMBDA_X86

MIB: Final = 1024 * 1024
PROCESSOR_BYTES: Final = 1769 * MIB  # of memory, for each processor that Lambda gives
LARGEST_BYTES: Final = 10_240 * MIB
PHOTO_PIXELS: Final = 25_000_000  # the most of a query, as template.yaml has it
BASELINE_BYTES: Final = settings.BASELINE_BYTES + settings.DECODING_BYTES_PER_PIXEL * PHOTO_PIXELS
EMBED_MS: Final = 60  # as scripts.costs assumes
CALL_MS: Final = 15  # from one function to others and back
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """A fixed part, and a part for each row."""

    fixed: float
    per_row: float

    def at(self, rows: float) -> float:
        """The value at a number of rows."""
        return self.fixed + self.per_row * rows


@dataclass(frozen=True, slots=True)
class Projected:
    """A catalogue of so many rows in so many functions, each of ``memory_bytes``. ``cost``: USD for a million queries."""

    rows: int
    scan_bytes: float
    exact_bytes: float
    first_read_bytes: float
    one_thread_ms: float
    functions: int
    memory_bytes: float
    answer_ms: float
    cost: float


def line_through(points: Sequence[tuple[int, float]]) -> Line:
    """The line through the two points with most rows, level if it would fall. Raises ValueError for fewer than two points."""
    if len(points) < 2:
        raise ValueError("at least two sizes must be measured")
    (fewer, low), (more, high) = sorted(points)[-2:]
    per_row = max(0.0, (high - low) / (more - fewer))  # more rows take no less: a fall is noise
    return Line(high - per_row * more, per_row)


def project(results: Sequence[Result], rows: int) -> Projected:
    """The needs of a catalogue of ``rows`` rows, by the results of ``bench growth``. Raises ValueError."""
    ours = [line for line in results if line["engine"] == "lookalike" and not line.get("note")]
    lean = [line for line in ours if line.get("exact_tier") == "S3"]
    full = [line for line in ours if line.get("exact_tier") == "memory"]
    scan = line_through([(line["rows"], line["resident_bytes"]) for line in lean])
    time = line_through([(line["rows"], line["p50_ms"]) for line in full])
    first = line_through([(line["rows"], line["load_bytes_read"] + line["bytes_read"]) for line in lean])
    functions = math.ceil(scan.at(rows) / (LARGEST_BYTES - BASELINE_BYTES))
    share = rows / functions
    memory = max(PROCESSOR_BYTES, scan.at(share) + BASELINE_BYTES)
    search_ms = time.at(share) / (memory / PROCESSOR_BYTES)
    if functions == 1:
        answer_ms = EMBED_MS + search_ms
        spent = answer_ms * memory
        calls = 1
    else:
        answer_ms = EMBED_MS + CALL_MS + search_ms
        spent = answer_ms * PROCESSOR_BYTES + functions * search_ms * memory
        calls = 1 + functions
    return Projected(
        rows=rows,
        scan_bytes=scan.at(rows),
        exact_bytes=4.0 * rows * ours[0]["dim"],
        first_read_bytes=first.at(rows),
        one_thread_ms=time.at(rows),
        functions=functions,
        memory_bytes=memory,
        answer_ms=answer_ms,
        cost=LAMBDA_X86.of(spent / 1000 / 1024**3 * _MILLION) + LAMBDA_REQUESTS.of(calls * _MILLION),
    )
