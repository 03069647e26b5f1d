"""Tables of product data in one process: built, stored, read, and merged with smaller ones. Times are of the processor."""

import argparse
import multiprocessing
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import batched
from typing import Any, Final

from lookalike.store import table_file
from lookalike.tables.builder import TableBuilder
from lookalike.tables.merge import merge
from lookalike.tables.offers import with_offers
from lookalike.tables.table import Table, Value
from scripts.benchmarks.errors import BenchError

_WORDS: Final = (
    "linen",
    "cotton",
    "wool",
    "silk",
    "shirt",
    "dress",
    "coat",
    "scarf",
    "boot",
    "sandal",
    "watch",
    "belt",
)
_COLOURS: Final = ("navy", "ivory", "olive", "coral")
_NOW_MS: Final = 1_767_268_800_000  # 2026-01-01 12:00 UTC
_AT_ONCE: Final = 1000


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line for each number of products, each measured in a process of its own. Raises BenchError."""
    for products in options.products or [44_441, 1_000_000]:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            try:
                yield process.submit(measure, products, options.changed).result()
            except BrokenProcessPool as error:
                raise BenchError(
                    f"{products:,} products: ended without an answer, perhaps for lack of memory"
                ) from error


def measure(products: int, changed: int) -> dict[str, Any]:
    """Build a table of so many made-up products, store it, read it, and merge so many changes into it."""
    builder, add_s = TableBuilder(), 0.0
    for batch in batched(made_up(products), _AT_ONCE):
        started = time.process_time()
        for product_id, values in batch:
            builder.add(product_id, values)
        add_s += time.process_time() - started
    table, build_s = _timed(builder.build)
    data, encode_s = _timed(partial(table_file.encode, table, {}))
    build_peak_mib = _peak_mib()
    (again, _), decode_s = _timed(partial(table_file.decode, data))
    del table
    prices = _table(range(changed), lambda _: {"price": 1.0})
    names = _table(range(changed), lambda number: {"name": f"Changed {number}"})
    new = _table(range(products, products + changed), lambda number: {"name": f"New {number}", "price": 1.0})
    return {
        "bench": "tables",
        "products": products,
        "columns": len(again.columns),
        "stored_bytes": len(data),
        "add_s": round(add_s, 2),
        "build_s": round(build_s, 2),
        "encode_s": round(encode_s, 2),
        "build_peak_mib": build_peak_mib,
        "decode_s": round(decode_s, 2),
        "changed": changed,
        "merge_prices_s": round(_timed(partial(merge, [again, prices]))[1], 3),
        "merge_names_s": round(_timed(partial(merge, [again, names]))[1], 3),
        "merge_new_s": round(_timed(partial(merge, [again, new]))[1], 3),
        "offers_s": round(_timed(partial(with_offers, again, _NOW_MS))[1], 3),
        "peak_mib": _peak_mib(),
    }


def made_up(products: int) -> Iterator[tuple[str, dict[str, Value]]]:
    """Products with 15 attributes: five texts that no other has, prices, a list, and what many share."""
    random_ = random.Random(1)
    for number in range(products):
        words = random_.choices(_WORDS, k=22)
        price = random_.randrange(500, 50_000) / 100
        values: dict[str, Value] = {
            "name": f"{' '.join(words[:4])} {number % 997}".title(),
            "price": price,
            "currency": "EUR",
            "link": f"https://shop.example/products/{'-'.join(words[:4])}-{number}",
            "brand": f"Brand {random_.randrange(900)}",
            "availability": "out_of_stock" if number % 9 == 0 else "in_stock",
            "product_type": f"Apparel > {words[4]} > {words[5]}",
            "colour": random_.choice(_COLOURS),
            "season": random_.choice(("spring", "summer", "autumn", "winter")),
            "year": float(2016 + number % 10),
            "tags": (words[7], words[8]),
            "gtin": f"{4_000_000_000_000 + number * 37}",
            "description": f"{' '.join(words)} no. {number}.",
            "image_link": f"https://shop.example/images/{number}.jpg",
        }
        if number % 5 == 0:
            values["sale_price"] = round(price * 0.8, 2)
        yield str(number), values


def _table(numbers: range, values: Callable[[int], dict[str, Value]]) -> Table:
    builder = TableBuilder()
    for number in numbers:
        builder.add(str(number), values(number))
    return builder.build()


def _timed[T](work: Callable[[], T]) -> tuple[T, float]:
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def _peak_mib() -> int:
    """The most memory that this process has had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit >> 20
