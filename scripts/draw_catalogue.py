#!/usr/bin/env python3
"""Draw the demo catalogue: pictures of clothes, trainers, bags and caps, and labels.csv.

    python -m scripts.draw_catalogue                       all products, into build/catalogue
    python -m scripts.draw_catalogue --count 40 --size 300

`make demo` calls this when it is given no photos of its own. The same arguments draw the same pictures. A folder that
holds the catalogue already is left alone; one that holds anything else is never touched.

    images/<product id>.jpg           a product with one photo
    images/<product id>/<view>.jpg    a product with several
    labels.csv                        id, name, price, currency, colour, type, pattern
"""

import os

# One thread a process for NumPy's matrix products, before NumPy is imported: they are small, and the processes
# keep the cores busy already.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import csv
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from scripts.common.arguments import at_least_one, command_parser
from scripts.common.paths import ROOT
from scripts.common.progress import Progress
from scripts.drawing.products import Product, catalogue, draw

OUTPUT: Final = ROOT / "build" / "catalogue"
STAMP: Final = "drawn.json"
COLUMNS: Final = ("id", "name", "price", "currency", "colour", "type", "pattern")
QUALITY: Final = 88


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    products = catalogue(options.count)
    try:
        drawn = draw_catalogue(options.out, products, width=options.size, jobs=options.jobs)
    except (OSError, NotOurs) as error:
        print(f"draw_catalogue: {error}", file=sys.stderr)
        return 1
    photos = sum(len(product.photos) for product in products)
    done = "drawn into" if drawn else "already in"
    print(f"{len(products)} products, {photos} pictures {done} {options.out}")
    return 0


class NotOurs(Exception):
    """The output folder holds something that this command did not draw."""


def draw_catalogue(out: Path, products: Sequence[Product], *, width: int, jobs: int = 1) -> bool:
    """Draw ``products`` into the folder ``out`` and return True, or False where exactly that is there already.

    The folder appears whole or not at all. Raises NotOurs where ``out`` is no catalogue drawn by this command.
    """
    stamp = _stamp(products, width)
    if _is_complete(out, products, stamp):
        return False
    if out.exists() and not (out.is_dir() and ((out / STAMP).is_file() or not any(out.iterdir()))):
        raise NotOurs(f"{out} holds something else; remove it or name another folder with --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as scratch:
        fresh = Path(scratch) / "fresh"
        _draw_all(fresh, products, width, jobs)
        write_labels(fresh / "labels.csv", products)
        (fresh / STAMP).write_text(json.dumps(stamp, indent=2) + "\n", "utf-8")
        if out.exists():
            out.rename(Path(scratch) / "old")
        fresh.rename(out)
    return True


def write_labels(path: Path, products: Sequence[Product]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for product in products:
            label = (product.id, product.name, product.price, "EUR", product.colour, product.kind.type, product.pattern)
            writer.writerow(label)


def generator_version() -> str:
    """A digest of everything that decides what the pictures look like, so that no change of it goes unnoticed."""
    digest = hashlib.sha256()
    for source in (Path(__file__), *sorted((ROOT / "scripts" / "drawing").glob("*.py"))):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _draw_all(folder: Path, products: Sequence[Product], width: int, jobs: int) -> None:
    photos = [(folder / name, product, view, width) for product in products for name, view in product.photos]
    for path in {path.parent for path, *_ in photos}:
        path.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(len(photos), "Drawing the demo catalogue"))
        done: Iterator[None]
        if jobs == 1:
            done = map(_draw_one, photos)
        else:
            # Fresh processes: a fork would copy whatever threads the progress bar has started.
            pool = stack.enter_context(ProcessPoolExecutor(jobs, mp_context=get_context("spawn")))
            done = pool.map(_draw_one, photos, chunksize=8)
        for number, _ in enumerate(done, start=1):
            progress.to(number)


def _draw_one(photo: tuple[Path, Product, str, int]) -> None:
    path, product, view, width = photo
    draw(product, view, width).save(path, "JPEG", quality=QUALITY)


def _stamp(products: Sequence[Product], width: int) -> dict[str, Any]:
    return {"generator": generator_version(), "products": len(products), "width": width, "quality": QUALITY}


def _is_complete(out: Path, products: Sequence[Product], stamp: dict[str, Any]) -> bool:
    try:
        if json.loads((out / STAMP).read_text("utf-8")) != stamp:
            return False
    except (OSError, ValueError):
        return False
    names = ["labels.csv", *(name for product in products for name, _ in product.photos)]
    return all((out / name).is_file() for name in names)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("draw_catalogue", __doc__)
    parser.add_argument("--out", type=Path, default=OUTPUT, help="where to draw it (default: build/catalogue)")
    parser.add_argument(
        "--count", type=at_least_one, help="only the first products; the kinds take turns (default: all)"
    )
    parser.add_argument(
        "--size", type=at_least_one, default=450, help="width in pixels, height is 4/3 of it (default: %(default)s)"
    )
    cores = min(os.cpu_count() or 1, 4)
    parser.add_argument("--jobs", type=at_least_one, default=cores, help="processes that draw (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
