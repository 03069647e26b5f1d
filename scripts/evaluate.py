#!/usr/bin/env python3
"""Search a running Lookalike with other photos of its products, and count how often the product comes first.

    python -m scripts.evaluate --photos other-photos.zip --queries 200
    python -m scripts.evaluate --photos other-photos.zip --api https://d111111abcdef8.cloudfront.net

Photos are named as in the catalogue: PRODUCT.jpg or PRODUCT/VIEW.jpg. Photos of products that are not in the catalogue
are left out.
"""

import json
import random
import statistics
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from scripts.common.arguments import at_least_one, command_parser
from scripts.common.catalogue import open_catalogue
from scripts.common.labels import InputError
from scripts.common.progress import Progress


def main(arguments: list[str] | None = None) -> int:
    """Run the command: 0 if all photos were answered, 2 otherwise."""
    parser = command_parser("evaluate", __doc__)
    parser.add_argument("--photos", type=Path, required=True, help="a folder or zip of query photos")
    parser.add_argument("--api", default="http://127.0.0.1:8000", help="address of Lookalike (%(default)s)")
    parser.add_argument("--queries", type=at_least_one, default=200, help="number of queries (200)")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the choice of photos: the same seed, the same photos (0)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON line")
    options = parser.parse_args(arguments)
    try:
        figures = evaluate(options.api.rstrip("/"), options.photos, options.queries, options.seed)
    except (InputError, urllib.error.URLError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:12} {value}")
    return 0


def evaluate(api: str, photos: Path, queries: int, seed: int) -> dict[str, Any]:
    """Ask with up to ``queries`` photos: the share whose product came first, and among the first five, and times."""
    ranks: list[int | None] = []
    times_ms: list[float] = []
    with open_catalogue(photos) as catalogue, Progress(queries, "answered", "queries") as progress:
        candidates = list(catalogue.photos)
        random.Random(seed).shuffle(candidates)
        for photo in candidates:
            if len(ranks) == queries:
                break
            product_id = photo.product_id
            if not _has(api, product_id):
                continue
            started = time.perf_counter()
            answer = _search(api, photo.read())
            times_ms.append((time.perf_counter() - started) * 1000)
            products = [result["product_id"] for result in answer["results"]]
            ranks.append(products.index(product_id) if product_id in products else None)
            progress.step()
    if not ranks:
        raise InputError("None of these photos is of a product in the catalogue.")
    return {
        "queries": len(ranks),
        "first": sum(rank == 0 for rank in ranks) / len(ranks),
        "first_five": sum(rank is not None for rank in ranks) / len(ranks),
        "p50_ms": round(statistics.median(times_ms), 1),
        "max_ms": round(max(times_ms), 1),
    }


def _has(api: str, product_id: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/api/products/{quote(product_id, safe='')}") as answer:  # noqa: S310
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        raise


def _search(api: str, photo: bytes) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - the user names the address
        f"{api}/api/search?k=5", data=photo, headers={"Content-Type": "application/octet-stream"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        result: dict[str, Any] = json.load(answer)
        return result


if __name__ == "__main__":
    sys.exit(main())
