#!/usr/bin/env python3
"""The bill of a month, from list prices.

    python -m scripts.costs --products 44000 --queries 1e6
    python -m scripts.costs --products 44000 --queries 1e6 --max-staleness-s 60 --tracing off --free-tier
    python -m scripts.costs --products 44000 --queries 0 --json
    python -m scripts.costs --products 1000000 --queries 0 --ingest-concurrency 50    # how long the first load takes
    python -m scripts.costs --products 1e8 --queries 1e6 --engine index    # candidates from Amazon S3 Vectors
    python -m scripts.costs --products 44000 --flood 50 --query-kb 4096 --query-ms 3000     # a day of abuse

Prices are in scripts/deployment/prices.py, with their sources. Nothing is looked up. Times are those of the functions on
one of Lambda's processors; measure yours and give them with the options. USD, without tax.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, NamedTuple

from scripts.common.arguments import command_parser, not_negative
from scripts.deployment import prices
from scripts.deployment.prices import Price
from scripts.deployment.workload import MONTH_S, TooLargeError, Workload

GB: Final = 1024**3
# Of template.yaml; tests hold them equal.
INGEST_GB: Final = 1769 / 1024
COMPACT_GB: Final = 3008 / 1024
ALARMS: Final = 14
INDEX_ALARMS: Final = 3  # with the parameter Engine
COMPACTIONS: Final = MONTH_S / (15 * 60)
INGEST_BATCH: Final = 100
# Lambda keeps five connections to a queue open, each asking again every twenty seconds.
IDLE_POLLS: Final = 5 * MONTH_S / 20
# An embedding of 869 float32, its codes, names, order and metadata of one photo; a third more until merges have caught up.
ROW_BYTES: Final = 4800 * 4 / 3
# A row of product data in the files that tell of it and in the table that they are folded into.
DATA_ROW_BYTES: Final = 2 * 50
# The API's access log, Lambda's own lines and the metrics of one request.
LOG_BYTES_PER_QUERY: Final = 1000
ANSWER_BYTES: Final = 3000
# A larger request is as many requests, to the HTTP API's price.
HTTP_API_KB: Final = 512
# A metric is paid for in the hours in which it is sent. Those of ingest and of compaction count as sent in all of them.
METRICS: Final = 9
QUERY_METRICS: Final = 4
PROBLEM_METRICS: Final = 18  # one for each kind of problem that a query is answered with
DATA_METRICS: Final = 4
INDEX_METRICS: Final = 5
HOURS: Final = MONTH_S / 3600
# An entry of the index: 869 float32 and its key; the product, which can be filtered by; order, segment and row, which cannot.
FILTERABLE_BYTES: Final = 869 * 4 + 32 + 40
ENTRY_BYTES: Final = FILTERABLE_BYTES + 120


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill."""

    group: str
    item: str
    quantity: float
    price: Price
    usd: float


class Total(NamedTuple):
    """A sum of the bill in USD, or hours, with its name in JSON and in the table."""

    key: str
    label: str
    value: float


def bill(work: Workload, *, free_tier: bool = False) -> list[Line]:
    """The lines of a month's bill. A free quantity is free once, however many lines use it."""
    free_left: dict[Price, float] = {}
    lines = []
    for group, item, quantity, price in _quantities(work):
        left = free_left.setdefault(price, price.free if free_tier else 0)
        charged = max(quantity - left, 0)
        free_left[price] = left - (quantity - charged)
        lines.append(Line(group, item, quantity, price, price.of(charged)))
    return lines


def _quantities(work: Workload) -> Iterator[tuple[str, str, float, Price]]:
    starts = work.queries * work.cold_share
    query_gb = work.memory_mb / 1024
    # Starting from a snapshot is not running: Lambda asks for the restore instead.
    starting_ms = 0 if work.snapstart else starts * work.cold_start_ms
    yield "answers", "Lambda, time", (work.queries * work.search_ms + starting_ms) / 1000 * query_gb, work.compute
    yield "answers", "Lambda, requests", work.queries, prices.LAMBDA_REQUESTS
    yield "answers", "HTTP API", work.queries * max(math.ceil(work.query_kb / HTTP_API_KB), 1), prices.HTTP_API
    yield "answers", "S3, looking for what is new", work.listings, prices.S3_WRITE
    yield "answers", "CloudFront, requests", work.queries, prices.CLOUDFRONT_REQUESTS
    yield "answers", "CloudFront, bytes", work.queries * ANSWER_BYTES / GB, prices.CLOUDFRONT_OUT
    yield (
        "answers",
        "CloudFront, photos to the API",
        work.queries * work.query_kb * 1024 / GB,
        prices.CLOUDFRONT_TO_ORIGIN,
    )
    yield "answers", "logs", work.queries * LOG_BYTES_PER_QUERY / GB, prices.LOGS
    yield "answers", "X-Ray", work.traced, prices.TRACES
    if work.snapstart:
        yield "answers", "SnapStart, restores", starts * query_gb, prices.SNAPSTART_RESTORE
        yield "standing", "SnapStart, the snapshot", MONTH_S * query_gb, prices.SNAPSTART_CACHE
    if work.engine == "index":
        yield from _index(work)
    shown = work.queries * work.photos_shown
    yield "photos shown", "CloudFront, requests", shown, prices.CLOUDFRONT_REQUESTS
    yield "photos shown", "CloudFront, bytes", shown * work.photo_kb * 1024 / GB, prices.CLOUDFRONT_OUT
    yield "photos shown", "S3", shown, prices.S3_READ
    yield from _taking_in("new photos", work, work.photos * work.changed)
    yield from _taking_in_data("product data", work, work.data_files)
    compactions_s = COMPACTIONS * work.compact_ms / 1000
    yield "standing", "photos and embeddings", _stored_gb(work), prices.S3_STORAGE
    yield "standing", "compaction, time", compactions_s * COMPACT_GB, work.compute
    yield "standing", "compaction, requests", COMPACTIONS, prices.LAMBDA_REQUESTS
    yield "standing", "compaction, S3", COMPACTIONS * 5, prices.S3_WRITE
    yield "standing", "SQS, waiting for photos", IDLE_POLLS, prices.SQS
    yield "standing", "metrics", METRICS, prices.METRICS
    yield "standing", "metrics, of queries", QUERY_METRICS * min(work.queries / HOURS, 1), prices.METRICS
    problems = work.queries * work.problem_share / PROBLEM_METRICS
    yield "standing", "metrics, of problems", PROBLEM_METRICS * min(problems / HOURS, 1), prices.METRICS
    yield "standing", "metrics, of product data", DATA_METRICS * min(work.data_files / HOURS, 1), prices.METRICS
    # ModelDrift.
    ingest_starts = work.photos * work.changed / INGEST_BATCH
    yield "standing", "metrics, of starts", min((starts + ingest_starts) / HOURS, 1), prices.METRICS
    yield "standing", "alarms", ALARMS, prices.ALARMS
    yield "standing", "dashboard", 1, prices.DASHBOARDS


def _index(work: Workload) -> Iterator[tuple[str, str, float, Price]]:
    yield "index", "S3 Vectors, storage", work.photos * ENTRY_BYTES / GB, prices.VECTORS_STORAGE
    yield "index", "S3 Vectors, new photos", work.photos * work.changed * ENTRY_BYTES / GB, prices.VECTORS_PUT
    yield "index", "S3 Vectors, queries", work.queries, prices.VECTORS_QUERIES
    # A turn of the follower, without the photos that it puts, takes as long as one of compaction.
    yield "index", "follower, time", COMPACTIONS * work.compact_ms / 1000 * COMPACT_GB, work.compute
    yield "index", "metrics", INDEX_METRICS, prices.METRICS
    yield "index", "alarms", INDEX_ALARMS, prices.ALARMS
    below = 0.0
    for most, price in prices.VECTORS_PROCESSED:
        vectors = min(work.photos, most) - below
        if vectors > 0:
            below = most
            item = f"S3 Vectors, up to {most:,.0f}" if math.isfinite(most) else "S3 Vectors, the others"
            yield "index", item, work.queries * vectors * FILTERABLE_BYTES / 1e12, price


def _taking_in(group: str, work: Workload, photos: float) -> Iterator[tuple[str, str, float, Price]]:
    batches = photos / INGEST_BATCH
    yield group, "Lambda, time", photos * work.ingest_ms / 1000 * INGEST_GB, work.compute
    yield group, "Lambda, requests", batches, prices.LAMBDA_REQUESTS
    yield group, "SQS", photos * 1.2, prices.SQS  # one in; taken and deleted by tens
    yield group, "S3, writing photos and segments", photos + batches, prices.S3_WRITE
    yield group, "S3, reading photos", photos, prices.S3_READ


def _taking_in_data(group: str, work: Workload, files: float) -> Iterator[tuple[str, str, float, Price]]:
    files = files if work.products else 0
    yield group, "Lambda, time", files * work.data_file_s * INGEST_GB, work.compute
    yield group, "Lambda, requests", files, prices.LAMBDA_REQUESTS
    # The file itself, its segment of the log, the folded table and its manifest.
    yield group, "S3, writing files and tables", files * 4, prices.S3_WRITE


def _stored_gb(work: Workload) -> float:
    data_bytes = work.products * (work.data_row_bytes + DATA_ROW_BYTES) if work.data_files else 0
    return (work.photos * (work.photo_kb * 1024 + ROW_BYTES) + data_bytes) / GB


def first_load(work: Workload) -> float:
    """USD for taking in the whole catalogue once, with a file of product data."""
    indexed = work.photos * ENTRY_BYTES / GB if work.engine == "index" else 0
    lines = (
        *_taking_in("", work, work.photos),
        *_taking_in_data("", work, min(work.data_files, 1)),
        ("", "S3 Vectors", indexed, prices.VECTORS_PUT),
    )
    return sum(price.of(amount) for _, _, amount, price in lines)


def flood(work: Workload) -> list[Line]:
    """The lines of an average day's bill that the queries alone make, without anything free."""
    days = MONTH_S / 86400
    answers = [line for line in bill(work) if line.group == "answers"]
    return [replace(line, quantity=line.quantity / days, usd=line.usd / days) for line in answers]


def main(arguments: list[str] | None = None) -> int:
    """Print the bill: 2 if there is none."""
    options = vars(_parser().parse_args(arguments))
    free_tier, as_json, rate = options.pop("free_tier"), options.pop("json"), options.pop("flood")
    if rate is not None:
        options["queries"] = rate * MONTH_S
    work = Workload(**(options | {"tracing": options["tracing"] == "on"}))
    try:
        lines = bill(work, free_tier=free_tier) if rate is None else flood(work)
    except TooLargeError as error:
        print(error, file=sys.stderr)
        return 2
    totals = _month(lines, work) if rate is None else _day(lines)
    print(_as_json(lines, totals) if as_json else _as_table(lines, totals))
    return 0


def _month(lines: list[Line], work: Workload) -> list[Total]:
    return [
        Total("month_usd", "a month, USD", sum(line.usd for line in lines)),
        Total("first_load_usd", "once, to take the catalogue in, USD", first_load(work)),
        Total("upload_h", "hours that your line sends it", work.upload_s / 3600),
        Total("ingest_h", "hours that the functions take for it, at the same time", work.ingest_s / 3600),
    ]


def _day(lines: list[Line]) -> list[Total]:
    direct = sum(line.usd for line in lines if not line.item.startswith("CloudFront"))
    return [
        Total("day_usd", "a day, through the distribution, USD", sum(line.usd for line in lines)),
        Total("day_direct_usd", "a day, to the API's own address", direct),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("costs", __doc__)
    parser.add_argument("--products", type=not_negative, required=True, help="products in the catalogue")
    load = parser.add_mutually_exclusive_group(required=True)
    load.add_argument("--queries", type=not_negative, help="searches a month; 1e6 is a million")
    load.add_argument(
        "--flood",
        type=not_negative,
        metavar="RATE",
        help="the cost of a day of this many searches a second, around the clock, such as the parameter ThrottleRate",
    )
    for item in fields(Workload):
        if "meaning" in item.metadata:
            option, told = f"--{item.name.replace('_', '-')}", f"{item.metadata['meaning']} ({item.default})"
            parser.add_argument(option, type=not_negative, default=item.default, help=told)
    processors = ("x86_64", "arm64")
    parser.add_argument("--architecture", choices=processors, default=processors[0], help="of the functions (x86_64)")
    parser.add_argument("--engine", choices=("exact", "index"), default="exact", help="the parameter Engine (exact)")
    parser.add_argument("--snapstart", action="store_true", help="with the parameter SnapStart")
    parser.add_argument("--tracing", choices=("on", "off"), default="on", help="the parameter Tracing (on)")
    parser.add_argument(
        "--free-tier", action="store_true", help="without the quantities that are free in every account for good"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _as_json(lines: list[Line], totals: list[Total]) -> str:
    document: dict[str, Any] = {total.key: total.value for total in totals} | {
        "lines": [asdict(line) for line in lines]
    }
    return json.dumps(document, indent=2)


def _as_table(lines: list[Line], totals: list[Total]) -> str:
    rows = []
    for group in dict.fromkeys(line.group for line in lines):
        of_group = [line for line in lines if line.group == group]
        rows.append(f"{group:58} {sum(line.usd for line in of_group):>10.2f}")
        for line in of_group:
            quantity = f"{line.quantity:,.0f}" if line.quantity >= 100 else f"{line.quantity:.3g}"
            rows.append(f"  {line.item:32} {quantity + ' ' + line.price.unit:>23} {line.usd:>10.2f}")
    rows += [f"{total.label:58} {total.value:>10.2f}" for total in totals]
    return "\n".join(rows)


if __name__ == "__main__":
    raise SystemExit(main())
