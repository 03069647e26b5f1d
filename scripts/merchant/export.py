"""Write all searchable photos with their embeddings, products and product data to a file.

    python -m scripts.catalogue export catalogue.npz
    python -m scripts.catalogue export catalogue.parquet         needs pyarrow: .venv/bin/python -m pip install 'pyarrow>=26,<27'

Parquet: a row for each photo, with ``product_id``, ``key``, a column of float32 for each part of its embedding (``shape``,
``category``, ``colour``), and a column for each attribute of its product.

npz, as numpy.load reads it: of each photo ``product_id``, ``key`` and ``embedding``, float32 (photos, dimensions), in which the parts
stand side by side as ``part_names`` and ``part_dimensions`` say; and ``products``, the product data as JSON lines, a product each:

    lines = numpy.load("catalogue.npz")["products"].tobytes().decode().splitlines()

The segments of the store are read one after the other: memory holds one of them, and the product data.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lookalike.store.manifest import Manifest
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op
from lookalike.store.state import State
from lookalike.tables.table import Table
from scripts.common.labels import InputError, number
from scripts.common.progress import Progress
from scripts.merchant import npz_file, parquet_file
from scripts.merchant.exported import exported
from scripts.merchant.live_rows import LiveRows, read_live, whole_segments
from scripts.merchant.shop import Shop


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write: .npz or .parquet")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(options: argparse.Namespace, shop: Shop) -> int:
    path: Path = options.file
    if path.suffix.lower() not in (".npz", ".parquet"):
        raise InputError(f"{path.name} needs the suffix .npz or .parquet, which says what is written.")
    if path.exists() and not options.force:
        raise InputError(f"{path} exists. Name another file, or say --force.")
    if path.suffix.lower() == ".parquet":
        parquet_file.check_installed()
    if shop.store is None:
        raise InputError("There is nothing to export: no photo was taken in yet.")
    table = shop.product_data().table
    # Beside the file until it is whole.
    partial = path.with_name(f"{path.name}.part")
    try:
        with ThreadPoolExecutor(shop.threads, thread_name_prefix="export") as pool:
            count = _export(shop.store, pool, table, partial, is_parquet=path.suffix.lower() == ".parquet")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    print(
        f"{number(count, 'photo')} in {path} ({path.stat().st_size:,} bytes), {number(len(table.columns), 'attribute')} each."
    )
    return 0


def _export(store: ObjectStore, pool: ThreadPoolExecutor, table: Table, path: Path, *, is_parquet: bool) -> int:
    write = parquet_file.write if is_parquet else npz_file.write

    def of(_: State[Manifest], segments: list[LiveRows]) -> int:
        count = sum(len(held.rows_of(Op.PUT)) for held in segments)
        if not count:
            raise InputError("There is nothing to export: no photo is searchable.")
        with Progress(count, "exported") as progress:
            photos = exported(whole_segments(store, segments, Op.PUT), table, progress.step)
            write(path, photos, count, table)
        return count

    return read_live(store, pool, of)
