"""Delete the photos of products; shoppers do not find them any more.

    python -m scripts.catalogue delete 1563 1564
    python -m scripts.catalogue delete --all --dry-run

Data files are left as they are: `data --delete NAME` takes one away, and a file that is sent again without a product forgets it.
"""

import argparse
import re
from collections.abc import Iterable, Iterator

import numpy as np

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.photos.catalogue import IMAGES_PREFIX, product_id_of, product_of
from lookalike.tables.table import MISSING
from scripts.common.labels import InputError, number, some
from scripts.merchant import removals
from scripts.merchant.shop import Shop

_ASKED_ONE_BY_ONE = 50  # products; for more, one listing of all photos is less work


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("products", nargs="*", metavar="PRODUCT", help="ids of products")
    parser.add_argument("--all", action="store_true", help="the photos of all products")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and delete nothing")


def run(options: argparse.Namespace, shop: Shop) -> int:
    if options.all == bool(options.products):
        raise InputError("Name the products whose photos are to be deleted, or say --all.")
    wanted = {product_id_of(product) for product in options.products}
    found = {item.key: product_of(item.key) for prefix in _prefixes(wanted) for item in shop.bucket.objects(prefix)}
    keys = sorted(key for key, product in found.items() if options.all or product in wanted)
    products = {str(found[key]) for key in keys}
    without = sorted(wanted - products)
    if without:
        print(f"Products without a photo: {len(without):,}, such as {some(without)}.")
    counts = f"{number(len(keys), 'photo')} of {number(len(products), 'product')}"
    if options.dry_run:
        print(f"{counts} would be deleted from s3://{shop.bucket.name}/.")
    elif keys:
        removals.confirm(f"Delete {counts} from s3://{shop.bucket.name}/, such as {some(keys)}?", confirmed=options.yes)
        removals.remove(shop.bucket, keys)
        print(f"{counts} deleted from s3://{shop.bucket.name}/.")
    _tell_of_data(shop, products | wanted)
    return 2 if wanted and not keys else 0


def _prefixes(wanted: Iterable[str]) -> Iterator[str]:
    """Prefixes below which all photos of some products are; of all photos where none is named or many are."""
    products = list(wanted)
    if not 0 < len(products) <= _ASKED_ONE_BY_ONE:
        yield IMAGES_PREFIX
        return
    yield f"{IMAGES_PREFIX}/"  # empty folders and dots in a key name no product
    yield f"{IMAGES_PREFIX}."
    for product in products:
        # Only letters of ASCII have the same bytes in every form of Unicode; the last may carry an accent that follows it.
        plain = re.match(r"[\x21-\x7e]*", product)
        yield f"{IMAGES_PREFIX}{plain[0] if plain else ''}"


def _tell_of_data(shop: Shop, products: Iterable[str]) -> None:
    """Say how many of the products data files still speak of."""
    try:
        data = shop.product_data()
    except InputError:
        return  # the store is not named
    hashes = np.array([text_hash(product) for product in products], f"S{HASH_BYTES}")
    known = int(np.count_nonzero(data.table.rows_of(hashes) != MISSING))
    if known:
        files = some(file.key for file in data.files)
        print(f"Data files still speak of {number(known, 'product')}: {files}. `data --delete NAME` takes a file away.")
