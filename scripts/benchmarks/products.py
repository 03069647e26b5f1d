"""Product data on the local stack: how soon a data file is in the store and in the answers, and the memory that it takes.

A feed as Google Merchant Center defines it, with as many products as asked for, is put into the catalogue bucket; then a file with
some changed prices. Each is timed from the beginning of the upload until the product store has it, and until a filter finds what it
says. The first products have photos, with random embeddings.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from lookalike.aws import S3Store
from lookalike.compaction.compact import compact
from lookalike.photos.model import ModelSpec
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.stores import fill
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
_PHOTOS: Final = 44_441  # at most
_PRICE: Final = 1  # the changed one, below all others
_TIMEOUT_S: Final = 900
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
    photos = min(products, _PHOTOS)
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalStack(launcher=from_sources(MODEL), log_dir=Path(folder), parameters=LOCAL_PARAMETERS) as stack,
    ):
        feed, prices = Path(folder, "1 feed.tsv"), Path(folder, "2 prices.csv")
        write_feed(feed, products)
        prices.write_text("id,price\n" + "".join(f"{number},{_PRICE}.00\n" for number in range(changed)), "utf-8")
        _fill(stack, photos)
        stack.wait_until_warm()
        stored_s, seen_s = _put(stack, feed, f"price:{_PRICE + 1}..", photos)
        memory = {
            f"{name}_peak_mib": max(map(_peak_mib, pids))
            for name, pids in stack.processes().items()
            if name in ("IngestFunction", "QueryFunction")
        }
        changed_stored_s, changed_seen_s = _put(stack, prices, f"price:{_PRICE}", min(changed, photos))
        return {
            "bench": "products",
            "products": products,
            "photos": photos,
            "file_bytes": feed.stat().st_size,
            "stored_s": round(stored_s, 1),
            "seen_s": round(seen_s, 1),
            "changed_prices": changed,
            "changed_stored_s": round(changed_stored_s, 1),
            "changed_seen_s": round(changed_seen_s, 1),
            **memory,
            "stored_bytes": sum(size for _, size in _log(stack)),
            "photos_embedded": int(_counted(stack.log_path("IngestFunction"), "PhotosEmbedded")),
        }


def _fill(stack: LocalStack, photos: int) -> None:
    """Random embeddings for the first products. A query makes the functions read them."""
    spec = ModelSpec.load(MODEL)
    store = S3Store(stack.s3, stack.template.outputs["StoreBucketName"], f"{spec.fingerprint}/")
    fill(store, photos, spec.layout.dimensions, layout=spec.layout)
    compact(store)


def _put(stack: LocalStack, path: Path, filter_: str, matching: int) -> tuple[float, float]:
    """Put a file: seconds until the product store has it, and until so many products match a filter."""
    objects = len(_log(stack)) + 1
    started = time.monotonic()
    with path.open("rb") as body:
        stack.s3.put_object(Bucket=stack.catalogue_bucket, Key=f"products/{path.name}", Body=body)

    def seconds_until(is_so: Callable[[], bool]) -> float:
        while not is_so():
            if time.monotonic() > started + _TIMEOUT_S:
                raise BenchError(f"{path.name} has no effect after {_TIMEOUT_S} s: {stack.problem()}")
            time.sleep(_POLL_S)
        return time.monotonic() - started

    return (
        seconds_until(lambda: len(_log(stack)) >= objects),
        seconds_until(lambda: _matching(stack, filter_) == matching),
    )


def _matching(stack: LocalStack, filter_: str) -> int:
    """How many products match a filter, those that are sold out included."""
    filters = urlencode([("filter", filter_), ("filter", "availability:in_stock,out_of_stock")])
    try:
        with urlopen(f"{stack.url}/api/facets?{filters}", timeout=60) as answer:  # noqa: S310 - loopback
            matching: int = json.load(answer)["products"]
            return matching
    except HTTPError as error:
        error.close()
        return 0  # the attributes are not known yet


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
