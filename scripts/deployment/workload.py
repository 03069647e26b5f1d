"""The work of a shop in a month, as the calculator of costs assumes it."""

import math
from dataclasses import dataclass, field
from typing import Any, Final

from scripts.deployment import prices
from scripts.deployment.prices import Price

MONTH_S: Final = 365 * 24 * 3600 / 12
# A function of the exact search: its memory apart from the scan tier, and of that what a photo takes (docs/benchmarks.md, Growth).
_MEMORY_MB: Final = (1769, 10_240)
_BESIDE_SCAN_MB: Final = 735
_SCAN_BYTES: Final = 426
_SCAN_NS: Final = 21.4  # of one processor, for a photo
_SMALL: Final = 44_000  # photos, of which the time of a warm query is
_PROCESSOR_MB: Final = 1769
# Reading a data file, appending its table, and folding it, beside the time of its rows: a few requests and a part of a second.
_DATA_FILE_MS: Final = 500


def _assumed(default: float, meaning: str) -> Any:
    """A number of a workload that is an option of the command."""
    return field(default=default, metadata={"meaning": meaning})


class TooLargeError(Exception):
    """The catalogue is too large for its engine; the message names the other one."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The work of a shop in a month. Times are of one invocation, or of one photo of a batch."""

    products: float
    queries: float
    photos_per_product: float = _assumed(1, "photos of a product")
    changed: float = _assumed(0.1, "share of the photos that is new or replaced in a month")
    data_files: float = _assumed(60, "files of product data in a month, each with all products")
    photo_kb: float = _assumed(60, "size of a catalogue photo")
    photos_shown: float = _assumed(10, "photos that the page loads for an answer; 0 for an API alone")
    query_ms: float = _assumed(60, "time of a warm query")
    ingest_ms: float = _assumed(60, "time to ingest one photo")
    compact_ms: float = _assumed(3000, "time of a compaction, its start included")
    query_kb: float = _assumed(60, "size of a query photo; 0 for an API that is called directly")
    problem_share: float = _assumed(0.01, "share of the queries that is answered with a problem")
    cold_share: float = _assumed(0.01, "share of the queries that start a function")
    cold_start_ms: float = _assumed(2000, "time of such a start")
    max_staleness_s: float = _assumed(5, "the parameter MaxStalenessSeconds")
    architecture: str = "x86_64"
    data_row_us: float = _assumed(45, "microseconds to take in one row of product data")
    data_row_bytes: float = _assumed(270, "bytes of a row in a file of product data")
    ingest_concurrency: float = _assumed(5, "the parameter IngestConcurrency")
    upload_mbit: float = _assumed(50, "megabits a second that your line sends")
    index_ms: float = _assumed(150, "time that the index takes for a query, with --engine index")
    engine: str = "exact"
    snapstart: bool = False
    tracing: bool = True

    @property
    def photos(self) -> float:
        return self.products * self.photos_per_product

    @property
    def data_file_s(self) -> float:
        """Seconds of a function for a file of product data with all products."""
        return (_DATA_FILE_MS + self.products * self.data_row_us / 1000) / 1000

    @property
    def upload_s(self) -> float:
        """Seconds that the line is busy with all photos and one file of product data."""
        return (self.photos * self.photo_kb * 1024 + self.products * self.data_row_bytes) * 8 / (self.upload_mbit * 1e6)

    @property
    def ingest_s(self) -> float:
        """Seconds that the functions take for the whole catalogue, as many at once as may be."""
        return (self.photos * self.ingest_ms / 1000 + self.data_file_s) / self.ingest_concurrency

    @property
    def memory_mb(self) -> float:
        """Of a query function: the exact search holds the scan tier. Raises TooLargeError."""
        if self.engine == "index":
            return _MEMORY_MB[0]
        needed_mb = _BESIDE_SCAN_MB + self.photos * _SCAN_BYTES / 1e6
        if needed_mb > _MEMORY_MB[1]:
            most = int((_MEMORY_MB[1] - _BESIDE_SCAN_MB) * 1e6 / _SCAN_BYTES)
            raise TooLargeError(f"One function searches at most {most:,} photos exactly. Beyond that: --engine index")
        return max(needed_mb, _MEMORY_MB[0])

    @property
    def search_ms(self) -> float:
        """Time of a warm query of a catalogue of this size."""
        if self.engine == "index":
            return self.query_ms + self.index_ms
        return self.query_ms + max(self.photos - _SMALL, 0) * _SCAN_NS / 1e6 / (self.memory_mb / _PROCESSOR_MB)

    @property
    def rate(self) -> float:
        """Queries a second, spread evenly."""
        return self.queries / MONTH_S

    @property
    def refreshes(self) -> float:
        """How often a query finds the snapshot too old: between two refreshes lie the staleness and one pause."""
        warm = max(math.ceil(self.rate * self.search_ms / 1000), 1)
        return self.queries / (1 + self.rate / warm * self.max_staleness_s)

    @property
    def listings(self) -> float:
        """Of log and manifests, of photos and of product data; where there are no data, one says so."""
        return (4 if self.data_files else 3) * self.refreshes

    @property
    def traced(self) -> float:
        """Lambda traces one request a second, and one in twenty beyond."""
        return MONTH_S * (min(self.rate, 1) + 0.05 * max(self.rate - 1, 0)) if self.tracing else 0

    @property
    def compute(self) -> Price:
        return prices.LAMBDA_ARM if self.architecture == "arm64" else prices.LAMBDA_X86
