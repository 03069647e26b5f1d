"""List the photos, data files and rows of data files that could not be used, with the reasons.

    python -m scripts.catalogue rejected
    python -m scripts.catalogue rejected --csv > rejected.csv
    python -m scripts.catalogue retry --all                          after a limit was raised, or an outage

A row that is listed is left out, and the others of its file are used. Of each file the first 1,000 are kept. A corrected
photo or file that is uploaded again takes its place in the list away.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from scripts.common.labels import number
from scripts.merchant.refusals import rejected_files, rejected_photos
from scripts.merchant.shop import Shop

_COLUMNS: Final = ("kind", "key", "product_id", "line", "code", "reason")
_SHOWN: Final = 50


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--csv", action="store_true", help=f"all of them, as CSV: {', '.join(_COLUMNS)}")
    parser.add_argument("--all", action="store_true", help=f"all of them, not the first {_SHOWN}")


def run(options: argparse.Namespace, shop: Shop) -> int:
    found = list(_found(shop))
    if options.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        writer.writerows(found)
        return 0
    for kind, key, product_id, line, code, reason in found if options.all else found[:_SHOWN]:
        place = f"{key}, line {line}" if line else key
        product = f" (product {product_id})" if product_id and kind == "row" else ""
        print(f"{kind:5} {place}{product}: {reason} [{code}]")
    if len(found) > _SHOWN and not options.all:
        print(f"and {len(found) - _SHOWN:,} more: --all or --csv lists them.")
    counts = [number(sum(item[0] == kind for item in found), kind) for kind in ("photo", "file", "row")]
    print(f"Rejected: {', '.join(counts)}.")
    return 0


def _found(shop: Shop) -> Iterator[tuple[str, str, str, int | str, str, str]]:
    with ThreadPoolExecutor(shop.threads, thread_name_prefix="rejected") as pool:
        for photo in rejected_photos(shop.store, pool):
            yield "photo", photo.key, photo.product_id, "", photo.code, photo.detail
    data = shop.product_data()
    for file in rejected_files(data):
        yield "file", file.key, "", "", file.detail.get("code", ""), file.detail.get("detail", "")
    for file in data.files:
        for row in file.bad:
            yield "row", file.key, row.product_id, row.line, row.code, row.detail
