"""The command line of the benchmarks."""

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from lookalike.layout import Layout, Part
from scripts.benchmarks.data import CLASSIFIER, Shape
from scripts.benchmarks.engines import KINDS
from scripts.common.arguments import above_zero, at_least_one, command_parser
from scripts.common.paths import MODEL

COLD_ENGINES: Final = ("lookalike-s3", "sklearn", "lancedb")
FUNCTIONS: Final = {"query": "QueryFunction", "ingest": "IngestFunction", "compact": "CompactFunction"}
"""The functions that `bench starts` measures. Compaction is last: its first start folds what the starts of ingest append."""
_STARTS: Final = """\
The built functions, as Lambda's runtime client starts them: a fresh process each time, with the function's layers and
within its limits. `bench cold` compares the library with its peers instead. Median, least and most of each function:

    import_ms   from the start of the process until it is ready, if it loads only its modules
    init_ms     until it is ready, with all that it loads on Lambda, which allows ten seconds for it
    answer_ms   its answer to the first event: a photo to search with, a photo to ingest, a turn of the schedule
    peak_mb     resident memory at the peak; memory_mb is the size that template.yaml gives the function

Code and model are in the page cache from the second start on. The processors are this machine's: on Lambda a function
has its share of them by its memory, and more during its initialisation.
"""
_STRESS: Final = """\
Writers are processes that append batches of puts, rejects and deletes of keys that all of them share. Two compactors fold,
merge and collect all the time, and a reader keeps refreshing. In the end the store must contain exactly the newest
acknowledged row of every key, and fsck must report no error.
"""


def parser(description: str | None) -> argparse.ArgumentParser:
    """The parser; ``module`` of its options is the module of this package that runs them."""
    top = command_parser("bench", description)
    commands = top.add_subparsers(dest="module", required=True, metavar="command")

    def command(name: str, summary: str, *, details: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=details or summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        added.add_argument("--json", action="store_true", help="print JSON lines")
        return added

    search = command("search", "search a loaded catalogue, all engines in turn")
    _add_data(search)
    _number(search, "-k", 5, "products in an answer")
    _number(search, "--threads", 1, "threads of every engine")
    _number(search, "--turn", 20, "queries that an engine answers before the next engine's turn")
    processor_time = "time the processor, not the clock: for a machine that others use, and engines in memory"
    search.add_argument("--processor-time", action="store_true", help=processor_time)
    search.add_argument("--limit-s", type=above_zero, default=60, help="seconds after which no query is sent (60)")
    _add_engines(search, tuple(name for name in KINDS if name != "lookalike-index"))

    filters = command("filters", "search among the products that filters allow, and count facets")
    _add_data(filters)
    _number(filters, "-k", 5, "products in an answer")
    filters.add_argument("--processor-time", action="store_true", help=processor_time)

    cold = command("cold", "from a fresh process to its first answer over S3, beside peers")
    _add_data(cold)
    _number(cold, "-k", 5, "products in an answer")
    _number(cold, "--starts", 10, "fresh processes of each engine, in turn")
    _add_engines(cold, COLD_ENGINES)

    _add_map(command)
    _add_index(command("index", "search with candidates of an index in LanceDB, beside the exact search"))

    _add_starts(command("starts", "cold starts of the built functions", details=_STARTS))

    append = command("append", "appends, refreshes and compaction against the size of the store")
    _number(append, "--small", 1_000, "rows of the small store")
    _number(append, "--rows", 1_000_000, "rows of the large store")
    _number(append, "--dimensions", 512, "of an embedding")
    _number(append, "--appends", 200, "appends to each store, in turn")
    _number(append, "--trickle", 2_000, "appends with compactions in between")
    _number(append, "--batch", 16, "rows of an append")

    _add_partitions(command("partitions", "live rows, a compaction and a backfill plan of many keys, and their memory"))

    ingest = command("ingest", "how fast a catalogue becomes searchable, beside the bare model")
    _add_photos(ingest)
    ingest.add_argument("--labels", type=Path, help="a CSV with an id column")
    _add_bulk(command("bulk", "a catalogue embedded by Ray's workers, one of which is killed half-way"))

    _add_page(command)
    _add_product_data(command)
    _add_limits(command("photos", "time and memory of the worst photos that are accepted"))

    _add_stress(
        command("stress", "many writers, compactors and a reader on one store: is any row lost?", details=_STRESS)
    )
    return top


def _add_stress(command: argparse.ArgumentParser) -> None:
    _number(command, "--writers", 64, "writer processes at once")
    _number(command, "--batches", 200, "batches that each of them appends")
    _number(command, "--rows", 4, "rows in a batch")
    _number(command, "--keys", 5000, "image keys that all of them share")


def _add_map(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    drawing = command("map", "draw the map of the catalogue, beside scikit-learn's PCA")
    _add_data(drawing)
    _number(drawing, "--turns", 1, "times that each work is done")
    page = command("map-page", "the map in a browser: the first picture, and frames while it is zoomed")
    page.add_argument("photos", type=Path, help="a folder or zip of photos")
    page.add_argument("--map", type=Path, metavar="FILE", help="the answer of GET /api/map (places at random)")
    page.add_argument(
        "--viewport", type=int, nargs=2, default=(1280, 900), metavar=("WIDTH", "HEIGHT"), help="(1280 900)"
    )
    _number(page, "--turns", 5, "times that the page is opened")


def _add_partitions(command: argparse.ArgumentParser) -> None:
    _number(command, "--keys", 20_000_000, "keys to generate")
    told = "partitions of the key hash, a power of two; may be repeated (1 and 16)"
    command.add_argument("--partitions", type=at_least_one, action="append", metavar="N", help=told)


def _add_starts(command: argparse.ArgumentParser) -> None:
    _number(command, "--starts", 10, "starts of each function")
    command.add_argument("--function", choices=FUNCTIONS, action="append", help="only this one; may be repeated")
    store = command.add_mutually_exclusive_group()
    store.add_argument("--rows", type=at_least_one, default=1000, help="random rows in the store (1000)")
    store.add_argument("--embeddings", type=Path, metavar="FILE", help="a .npy file of embeddings for the store")


def _add_index(command: argparse.ArgumentParser) -> None:
    _add_data(command)
    _number(command, "-k", 5, "products in an answer")
    _number(command, "--threads", 1, "threads of both searches")
    _number(command, "--turn", 20, "queries that a search answers before the other one's turn")
    _number(command, "--starts", 5, "fresh processes of each search, in turn")
    command.set_defaults(processor_time=False, limit_s=math.inf)


def _add_product_data(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    products = command("products", "how soon a file of product data is in the store, and the memory it takes")
    products.add_argument("--products", type=at_least_one, action="append", help="of the file; may be repeated (44441)")
    _number(products, "--changed", 1_000, "changed prices in a second file")

    tables = command("tables", "tables of product data in one process: seconds of the processor, bytes and memory")
    tables.add_argument("--products", type=at_least_one, action="append", help="may be repeated (44441 and 1000000)")
    _number(tables, "--changed", 1_000, "products of the smaller tables")
    reads = command("product-reads", "requests, bytes and memory of compaction and readers of product data")
    reads.add_argument("--products", type=at_least_one, action="append", help="of the feed; may be repeated (44441)")
    _number(reads, "--changed", 1_000, "changed prices in a second file")


def _add_page(command: Callable[[str, str], argparse.ArgumentParser]) -> None:
    page = command("page", "from choosing a photo to five pictures, in Chromium, also behind a slow connection")
    page.add_argument("photos", type=Path, help="a folder or zip of photos")
    page.add_argument("--labels", type=Path, help="a CSV with an id column")
    _number(page, "--visits", 30, "photos to search with behind each connection")
    _number(page, "--latency-ms", 800, "of each request behind the slow connection")
    _number(page, "--rate-kb", 30, "thousand bytes a second of the slow connection")


def _add_limits(command: argparse.ArgumentParser) -> None:
    command.add_argument("--limits", nargs="+", default=["query", "ingest"], choices=("query", "ingest"), help="(both)")


def _number(command: argparse.ArgumentParser, name: str, default: int, told: str) -> None:
    command.add_argument(name, type=at_least_one, default=default, metavar="N", help=f"{told} ({default})")


def _add_photos(command: argparse.ArgumentParser) -> None:
    command.add_argument("photos", type=Path, help="a folder or zip of photos")
    command.add_argument("--first", type=at_least_one, help="only so many photos")


def _add_bulk(bulk: argparse.ArgumentParser) -> None:
    _add_photos(bulk)
    bulk.add_argument("--model", type=Path, default=MODEL, help="the model's folder (build/model)")
    _number(bulk, "--bare", 256, "photos for the rate of the bare model")
    _number(bulk, "--workers", 2, "processes")


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument("--embeddings", type=Path, metavar="FILE", help="a .npy file, float32 (rows, dimensions)")
    command.add_argument("--photos", type=Path, help="a folder or zip of photos, embedded once with the model")
    command.add_argument(
        "--generate",
        type=shape,
        action="append",
        metavar="ROWSxDIM",
        help="generate such vectors, as ROWSxDIM-classifier like a classifier's features; may be repeated (44441x2048 if no data is named)",
    )
    command.add_argument(
        "--parts",
        type=parts,
        metavar="NAME:DIMENSIONS:WEIGHT,...",
        help="the parts of a row, such as shape:512:1,colour:101:0.6 (one part of weight 1)",
    )
    _number(command, "--queries", 200, "held-out rows to search with")


def _add_engines(command: argparse.ArgumentParser, names: Sequence[str]) -> None:
    told = f"some of {' '.join(names)} (all)"
    command.add_argument("--engines", nargs="+", choices=names, default=names, metavar="ENGINE", help=told)


def shape(text: str) -> Shape:
    """Rows and dimensions, such as 44441x2048 or 10000x1280-classifier."""
    match = re.fullmatch(rf"([1-9]\d*)x([1-9]\d*)({CLASSIFIER})?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text} is not rows and dimensions, such as 44441x2048")
    return Shape(int(match[1]), int(match[2]), is_classifier=bool(match[3]))


def parts(text: str) -> Layout:
    """The parts of a row, such as shape:512:1,colour:101:0.6."""
    try:
        fields = [part.split(":") for part in text.split(",")]
        return Layout(tuple(Part(name, int(dimensions), float(weight)) for name, dimensions, weight in fields))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not parts, such as shape:512:1,colour:101:0.6") from error
