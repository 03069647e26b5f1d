"""Product data on the local stack: how soon a data file is in the store, and the memory that it takes.

A feed as Google Merchant Center defines it, with as many products as asked for, is put into the catalogue bucket; then a file with
some changed prices. Each is timed from the beginning of the upload until the product store has it.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scripts.benchmarks.errors import BenchError
from scripts.common.paths import MODEL
from scripts.local.sources import from_sources
from scripts.local.stack import LOCAL_PARAMETERS, LocalStack

_WORDS: Final = [
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
    "navy",
    "ivory",
    "olive",
    "coral",
    "slim",
    "wide",
]
_COLUMNS: Final = (
    "id,title,description,link,image_link,price,sale_price,availability,brand,product_type,color,gender,size,gtin"
)
_TIMEOUT_S: Final = 600
_POLL_S: Final = 0.05


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line for each number of products. Raises BenchError."""
    for products in options.products or [44_441]:
        yield _measure(products, options.changed)


def write_feed(path: Path, products: int) -> None:
    """Write a tab-separated feed of made-up products with the ids 0, 1 and so on."""
    random_ = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        file.write(_COLUMNS.replace(",", "\t") + "\n")
        for number in range(products):
            words = random_.choices(_WORDS, k=12)
            price = random_.randrange(500, 50_000) / 100
            row = (
                str(number),
                " ".join(words[:4]),
                f"{' '.join(words)} no. {number}.",
                f"https://shop.example/products/{number}-{words[0]}",
                f"https://shop.example/images/{number}.jpg",
                f"{price:.2f} EUR",
                f"{price * 0.8:.2f} EUR" if number % 5 == 0 else "",
                random_.choice(("in stock", "in stock", "in stock", "out of stock")),
                f"Brand {random_.randrange(400)}",
                f"Apparel > {words[4]} > {words[5]}",
                words[6],
                random_.choice(("female", "male", "unisex")),
                random_.choice(("XS", "S", "M", "L", "XL")),
                f"{4_000_000_000_000 + number}",
            )
            file.write("\t".join(row) + "\n")


def _measure(products: int, changed: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(launcher=from_sources(MODEL), log_dir=Path(folder), parameters=LOCAL_PARAMETERS) as stack,
    ):
        feed, prices = Path(folder, "feed.tsv"), Path(folder, "prices.csv")
        write_feed(feed, products)
        prices.write_text("id,price\n" + "".join(f"{number},1.00\n" for number in range(changed)), encoding="utf-8")
        stack.wait_until_warm()
        feed_s = _put(stack, "products/1 feed.tsv", feed, 1)
        peak_mib = max(map(_peak_mib, stack.processes()["IngestFunction"]))
        prices_s = _put(stack, "products/2 prices.csv", prices, 2)
        return {
            "bench": "products",
            "products": products,
            "file_bytes": feed.stat().st_size,
            "seconds": round(feed_s, 1),
            "changed_prices": changed,
            "changed_seconds": round(prices_s, 1),
            "ingest_peak_mib": peak_mib,
            "stored_bytes": sum(size for _, size in _log(stack)),
            "photos_embedded": int(_counted(stack.log_path("IngestFunction"), "PhotosEmbedded")),
        }


def _put(stack: LocalStack, key: str, path: Path, objects: int) -> float:
    """Put a file, and wait until the log of the product store has so many objects: seconds."""
    started = time.monotonic()
    with path.open("rb") as body:
        stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=key, Body=body)
    while len(_log(stack)) < objects:
        if time.monotonic() > started + _TIMEOUT_S:
            raise BenchError(f"{key} is not in the product store after {_TIMEOUT_S} s: {stack.problem()}")
        time.sleep(_POLL_S)
    return time.monotonic() - started


def _log(stack: LocalStack) -> list[tuple[str, int]]:
    """The objects in the log of the product store: names and bytes."""
    listed = stack.s3.list_objects_v2(Bucket=stack.template.outputs["StoreBucketName"], Prefix="products/log/")
    return [(item["Key"], item["Size"]) for item in listed.get("Contents", ())]


def _peak_mib(pid: int) -> int:
    """The most memory that a process has had, on Linux."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def _counted(log: Path, metric: str) -> float:
    """The sum of a metric over a function's log."""
    lines = (line for line in log.read_text(encoding="utf-8").splitlines() if '"_aws"' in line)
    return sum(sum(json.loads(line).get(metric, ())) for line in lines)
