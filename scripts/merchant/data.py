"""Check files of product data, and put them into the catalogue: names, prices, links and attributes of products.

    python -m scripts.catalogue data feed.csv                     check it, then send it as products/feed.csv
    python -m scripts.catalogue data export.csv --as 10-base.csv  under another name
    python -m scripts.catalogue data feed.csv --dry-run           only check it
    python -m scripts.catalogue data --list
    python -m scripts.catalogue data --delete 20-sale.csv

CSV, TSV and JSON lines are read, and the columns of Google Merchant, Shopify and WooCommerce exports are understood. Where
several files speak of a product, the file whose name sorts last counts, value by value. A file that is sent again under its name
replaces all that it said; a file that is deleted takes it back. A row that cannot be used is named, and the others are used.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO, Final, cast

from lookalike.errors import FeedError
from lookalike.feeds.feed import Feed, read_feed
from lookalike.photos.catalogue import DATA_PREFIX
from lookalike.settings import MAX_DATA_BYTES
from lookalike.store.records import Op
from lookalike.tables.table import Kind
from scripts.common.data_files import SUFFIXES, DataToSend
from scripts.common.labels import InputError, number, some
from scripts.common.progress import Progress
from scripts.common.uploads import Step
from scripts.merchant.shop import Shop

_BAD_SHOWN: Final = 20
_LARGE_BYTES: Final = 10_000_000
_WORDS: Final = {
    (Step.NEW, False): "sent",
    (Step.CHANGED, False): "replaced",
    (Step.SAME, False): "there already",
    (Step.NEW, True): "would be sent",
    (Step.CHANGED, True): "would be replaced",
    (Step.SAME, True): "there already",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="CSV, TSV or JSON lines")
    parser.add_argument("--as", dest="name", metavar="NAME", help="the name below products/ (default: the file's)")
    parser.add_argument("--id-column", metavar="NAME", help="the column that names the product (id, sku, handle, ...)")
    parser.add_argument("--list", action="store_true", help="list the data files of the catalogue")
    parser.add_argument("--delete", action="append", default=[], metavar="NAME", help="delete a data file")
    parser.add_argument("--dry-run", action="store_true", help="only check, and say what would be done")


def run(options: argparse.Namespace, shop: Shop) -> int:
    wanted = [bool(options.files), options.list, bool(options.delete)]
    if sum(wanted) != 1:
        raise InputError("Name files to send, or say --list or --delete NAME.")
    if options.list:
        return _list(shop)
    if options.delete:
        return _delete(shop, [name.removeprefix(DATA_PREFIX) for name in options.delete], dry_run=options.dry_run)
    if options.name and len(options.files) > 1:
        raise InputError("--as names one file.")
    to_send = [_checked(path, options.name or path.name, options.id_column) for path in options.files]
    for file in to_send:
        print(send(shop, file, dry_run=options.dry_run), flush=True)
    return 0


def send(shop: Shop, file: DataToSend, *, dry_run: bool) -> str:
    """Send a data file unless it is there already. A sentence about it."""
    there = next((item for item in shop.bucket.objects(file.key) if item.key == file.key), None)
    step = file.send(shop.bucket, there, dry_run=dry_run)
    return f"Product data s3://{shop.bucket.name}/{file.key}: {_WORDS[step, dry_run]}."


def check(file: DataToSend) -> Feed:
    """What a data file says, by the code that will take it in. Prints a report of it. Raises InputError if it cannot be used."""
    with file.open() as opened:
        size = opened.seek(0, 2)
        opened.seek(0)
        if size > MAX_DATA_BYTES:
            raise InputError(
                f"{file.name} has {size:,} bytes, and at most {MAX_DATA_BYTES:,} are read. Divide it among several files."
            )
        is_large = size > _LARGE_BYTES
        with Progress(size, file.name, "B") if is_large else nullcontext() as progress:
            read = cast(BinaryIO, _Counted(opened, progress)) if progress else opened
            try:
                feed = read_feed(read, file.name, id_column=file.id_column)
            except FeedError as error:
                option = " --id-column names it." if error.reason == "no-id-column" and not file.id_column else ""
                raise InputError(f"{error}{option}") from error
    print("\n".join(_report(file.name, feed)), flush=True)
    return feed


def _checked(path: Path, name: str, id_column: str | None) -> DataToSend:
    if not path.is_file():
        raise InputError(f"{path} does not exist. Name a file: CSV, TSV or JSON lines.")
    if Path(name).suffix.lower() not in SUFFIXES:
        raise InputError(f"{name} needs one of these suffixes: {', '.join(SUFFIXES)}. --as gives it another name.")
    file = DataToSend.of_path(path, name.removeprefix(DATA_PREFIX), id_column)
    check(file)
    return file


class _Counted:
    """A file that shows how much of it was read."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file = file
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._progress.step(len(data))
        return data


def _report(name: str, feed: Feed) -> Iterator[str]:
    """Lines about a file: how many rows, the kinds of its columns, and rows and values that were left out."""
    told = [*feed.remarks, number(len(feed.table), "product"), f"{feed.bad_total:,} bad rows and values"]
    yield f"{name}: {'; '.join(told)}."
    for kind in Kind:
        of_kind = [_told(attribute, feed) for attribute, its in feed.kinds.items() if its is kind]
        if of_kind:
            yield f"  {kind}: {', '.join(of_kind)}"
    for bad in feed.bad[:_BAD_SHOWN]:
        product = f" (product {bad.product_id})" if bad.product_id else ""
        yield f"  line {bad.line}{product}: {bad.detail} [{bad.code}]"
    if feed.bad_total > _BAD_SHOWN:
        yield f"  and {feed.bad_total - _BAD_SHOWN:,} more; `rejected --csv` lists the first 1,000 once the file is taken in."


def _told(attribute: str, feed: Feed) -> str:
    """An attribute, with the columns that it comes from where they have other names."""
    columns = [column for column, its in feed.fields.items() if its == attribute and column != attribute]
    return f"{attribute} ({', '.join(columns)})" if columns else attribute


def _list(shop: Shop) -> int:
    known = {file.key: file for file in shop.product_data().files}
    count = 0
    for item in shop.bucket.objects(DATA_PREFIX):
        if item.key.endswith("/"):
            continue
        count += 1
        file = known.get(item.key)
        if file is None:
            said = "not taken in yet"
        elif file.op is Op.REJECT:
            said = f"rejected: {file.detail.get('detail', '')}"
        else:
            said = f"{number(file.rows, 'row')}, {file.bad_total:,} bad"
        print(f"{item.key.removeprefix(DATA_PREFIX)}  {item.size:,} bytes  {said}")
    print(f"{number(count, 'data file')} in s3://{shop.bucket.name}/{DATA_PREFIX}.")
    return 0


def _delete(shop: Shop, names: list[str], *, dry_run: bool) -> int:
    there = {item.key for item in shop.bucket.objects(DATA_PREFIX)}
    keys = [f"{DATA_PREFIX}{name}" for name in names]
    unknown = [key for key in keys if key not in there]
    if unknown:
        raise InputError(
            f"There is no {some(unknown)} in s3://{shop.bucket.name}/. `data --list` lists the data files."
        )
    if not dry_run:
        for _ in shop.bucket.delete(keys):
            pass
    print(f"{number(len(keys), 'data file')} {'would be ' if dry_run else ''}deleted.", file=sys.stdout)
    return 0
