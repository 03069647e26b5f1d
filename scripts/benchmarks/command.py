"""The command line of the benchmarks."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from scripts.benchmarks.data import Shape
from scripts.benchmarks.engines import KINDS

SECTIONS: Final = ("search", "cold", "growth", "append", "ingest")
# Each has all embeddings in memory: a million take 2 GB an engine.
GROWTH_ENGINES: Final = tuple(name for name in KINDS if name not in ("numpy", "usearch"))
COLD_ENGINES: Final = ("lookalike", "sklearn", "lancedb")


def parser(description: str, root: Path) -> argparse.ArgumentParser:
    """The parser; ``module`` of its options is the module of this package that runs them."""
    top = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="module", required=True, metavar="command")

    def command(name: str, told: str, module: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=told, description=told)
        added.add_argument("--json", action="store_true", help="print JSON lines")
        added.set_defaults(module=module or name)
        return added

    search = command("search", "search a loaded catalogue, all engines in turn")
    _add_data(search, root, queries=200)
    _add_race(search, list(KINDS), limit_s=60)

    cold = command("cold", "from a fresh process to its first answer, over S3")
    _add_data(cold, root, queries=200)
    cold.add_argument("-k", type=count, default=5, help="products asked for (5)")
    cold.add_argument("--starts", type=count, default=10, help="fresh processes of each engine, in turn (10)")
    cold.add_argument(
        "--image",
        nargs="?",
        const=True,
        type=Path,
        metavar="FILE",
        help="ask with a photo, the model included: with this one, or with a held-out one of --photos",
    )
    _add_engines(cold, COLD_ENGINES, choices=COLD_ENGINES)

    growth = command("growth", "time, rows looked at, bytes and memory against the number of rows")
    growth.add_argument(
        "--rows", type=count, nargs="+", default=[10_000, 100_000, 1_000_000], help="(10000 100000 1000000)"
    )
    growth.add_argument("--dimensions", type=count, default=512)
    growth.add_argument("--queries", type=count, default=100, help="held-out rows to ask with (100)")
    _add_race(growth, GROWTH_ENGINES, limit_s=60)

    append = command("append", "appends, refreshes and compaction against the size of the store")
    append.add_argument("--small", type=count, default=1_000, help="rows of the store compared with (1000)")
    append.add_argument("--rows", type=count, default=1_000_000, help="rows of the large store (1000000)")
    append.add_argument("--dimensions", type=count, default=512)
    append.add_argument("--appends", type=count, default=200, help="appends to each store, in turn (200)")
    append.add_argument("--trickle", type=count, default=2000, help="appends with compactions in between (2000)")
    append.add_argument("--batch", type=count, default=16, help="rows of an append (16)")

    ingest = command("ingest", "how fast a catalogue becomes searchable, beside the bare model")
    ingest.add_argument("photos", type=Path, help="a folder or zip of photos")
    ingest.add_argument("--labels", type=Path, help="a CSV with an id column")
    ingest.add_argument("--first", type=count, help="only so many photos")
    ingest.add_argument("--model-dir", type=Path, default=root / "build" / "model")

    every = command("all", "run all sections, or those that are named, and write the documents", "every")
    every.add_argument("sections", nargs="*", metavar="section", help=" ".join(SECTIONS))
    every.add_argument("--photos", type=Path, help="a folder or zip of photos, to measure with real embeddings as well")
    every.add_argument("--embeddings", type=Path, help="a .npy file of them")
    every.add_argument("--root", type=Path, default=root, help="below which docs/ is written")
    return top


def _add_data(command: argparse.ArgumentParser, root: Path, *, queries: int) -> None:
    command.add_argument("--embeddings", type=Path, metavar="FILE", help="a .npy file, float32 (rows, dimensions)")
    command.add_argument("--photos", type=Path, help="a folder or zip of photos, embedded once with the model")
    command.add_argument("--model-dir", type=Path, default=root / "build" / "model")
    command.add_argument(
        "--generate",
        type=shape,
        action="append",
        metavar="ROWSxDIM",
        help="generate such vectors; may be repeated (44441x2048 where no data is named)",
    )
    command.add_argument("--queries", type=count, default=queries, help=f"rows held out to ask with ({queries})")


def _add_race(command: argparse.ArgumentParser, engines: Sequence[str], *, limit_s: float) -> None:
    command.add_argument("-k", type=count, default=5, help="products asked for (5)")
    command.add_argument("--threads", type=count, default=1, help="of every engine (1)")
    command.add_argument(
        "--turn", type=count, default=20, help="queries an engine answers before it is the next one's turn (20)"
    )
    command.add_argument(
        "--limit-s", type=float, default=limit_s, help=f"ask no further queries after so many seconds ({limit_s:g})"
    )
    _add_engines(command, engines)


def _add_engines(
    command: argparse.ArgumentParser, names: Sequence[str], *, choices: Sequence[str] = tuple(KINDS)
) -> None:
    told = f"some of {' '.join(choices)} ({' '.join(names) if list(names) != list(choices) else 'all'})"
    command.add_argument("--engines", nargs="+", choices=choices, default=list(names), metavar="ENGINE", help=told)


def count(text: str) -> int:
    """A number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 on")
    return int(text)


def shape(text: str) -> Shape:
    """Rows and dimensions, such as 44441x2048."""
    try:
        return Shape.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
