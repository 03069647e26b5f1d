"""Upload product photos, with the labels that a CSV has about the products.

    python -m scripts.catalogue upload photos/                                 a folder, with the CSV that lies in it
    python -m scripts.catalogue upload photos.zip --labels products.csv        a zip, and a CSV beside it
    python -m scripts.catalogue upload feed.csv                                the pictures that a shop's export links to
    python -m scripts.catalogue upload s3://my-bucket/photos/                  photos of another bucket, copied within S3
    python -m scripts.catalogue upload photos/ --delete-missing --dry-run      what would be sent, changed and deleted

A file ``1563.jpg`` is the photo of product 1563 and becomes ``images/1563.jpg``; ``1563/back.jpg`` is another photo of
it and becomes ``images/1563/back.jpg``. The labels decide which part of a path names the product: if 1563 is an id of theirs,
``Shirts/1563.jpg`` and ``1563_2.jpg`` are photos of 1563, too. The command says what it takes, what it leaves out and why.

The CSV becomes ``products/NAME.csv`` of the bucket, with the ids that the photos have: names, prices and attributes by which
shoppers see and filter. Sent again with other values it changes them, and no photo is embedded again.

A photo that is in the bucket with the same bytes is not sent again. So a run that was stopped is begun again with the same
command, and a catalogue that changed is sent again as a whole.

Ends with 0 when all is done, 1 where AWS refused, 2 where the input, or a part of it, cannot be used, 130 after Ctrl-C.
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.common.arguments import add_label_options, at_least_one
from scripts.common.bucket import Bucket
from scripts.common.catalogue import open_catalogue
from scripts.common.data_files import SUFFIXES, DataToSend
from scripts.common.labels import InputError, number
from scripts.common.progress import Progress
from scripts.common.uploads import Sendable, Sent, Step, send
from scripts.merchant import data as data_command
from scripts.merchant import removals
from scripts.merchant.addresses import Picture, lines_of, linked
from scripts.merchant.downloads import Downloader
from scripts.merchant.shop import Shop
from scripts.merchant.sources import S3Folder, open_bucket

_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class _Source:
    """Photos to send, and the file of product data that goes along. ``bad``: what cannot be used of it, as (place, reason)."""

    photos: Sequence[Sendable]
    data: DataToSend | None
    bad: Sequence[tuple[str, str]] = ()


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="folder, zip or photo; CSV with addresses of pictures; s3://bucket/prefix")
    add_label_options(parser)
    parser.add_argument("--no-data", action="store_true", help="send the photos alone, and no product data")
    parser.add_argument(
        "--delete-missing",
        action="store_true",
        help="delete the photos of the bucket that the source lacks, after all others are sent",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before many photos are deleted")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    web = parser.add_argument_group("pictures on the web")
    web.add_argument(
        "--per-host", type=at_least_one, default=4, help="pictures that are loaded from one host at once (4)"
    )
    web.add_argument(
        "--private-addresses",
        action="store_true",
        help="load from this machine and private networks, too: the CSV decides which",
    )
    parser.add_argument("--failures", type=Path, metavar="FILE", help="write what failed to this CSV file")


def run(options: argparse.Namespace, shop: Shop) -> int:
    with _opened(options, shop) as source:
        data = None if options.no_data else source.data
        bucket = shop.bucket
        there = {item.key: item for item in bucket.objects()}
        missing = sorted(there.keys() - {photo.key for photo in source.photos}) if options.delete_missing else []
        if missing and not options.dry_run:
            removals.confirm_missing(missing, len(there), confirmed=options.yes)
        if data:
            print(data_command.send(shop, data, dry_run=options.dry_run), flush=True)
        sent = Sent()
        try:
            with Progress(len(source.photos), "compared" if options.dry_run else "uploaded") as progress:
                send(
                    bucket,
                    source.photos,
                    there,
                    threads=shop.threads,
                    sent=sent,
                    dry_run=options.dry_run,
                    on_done=progress.to,
                )
        except BaseException:
            print(
                f"Stopped at {sent.settled:,} of {number(len(source.photos), 'photo')}. The same command again sends the others.",
                file=sys.stderr,
            )
            raise
        failed = [*source.bad, *_with_lines(sent.failed, options)]
        if missing and not failed and not options.dry_run:
            removals.remove(bucket, missing)
    print(_summary(bucket, sent, missing, dry_run=options.dry_run, kept=bool(failed)))
    return _tell_failures(failed, options.failures)


@contextmanager
def _opened(options: argparse.Namespace, shop: Shop) -> Iterator[_Source]:
    """What is to be sent, with a report of it on the terminal. Raises InputError and botocore's errors."""
    folder, path = S3Folder.parse(options.source), Path(options.source)
    if folder is None and path.suffix.lower() in SUFFIXES and path.is_file():
        if options.labels:
            raise InputError("A CSV with addresses of pictures is its own --labels: leave the option out.")
        with closing(Downloader(per_host=options.per_host, allow_private=options.private_addresses)) as web:
            data = DataToSend.of_path(path, path.name, options.id_column)
            found = linked(data_command.check(data), path, web)
            print(found.report, flush=True)
            yield _Source(found.pictures, data, found.bad)
            return
    if folder:
        opening = open_bucket(shop.s3, folder, shop.bucket.name, options.labels, options.id_column)
    else:
        opening = open_catalogue(path, options.labels, options.id_column)
    with opening as catalogue:
        print(catalogue.report, flush=True)
        if catalogue.data and not options.no_data:
            data_command.check(catalogue.data)
        yield _Source(catalogue.photos, catalogue.data)


def _with_lines(failed: Sequence[tuple[Sendable, str]], options: argparse.Namespace) -> list[tuple[str, str]]:
    """(place, reason) of what could not be had; the place of a picture on the web is a line of the file that names it."""
    pictures = [photo for photo, _ in failed if isinstance(photo, Picture)]
    path = Path(options.source)
    lines = lines_of(path, options.id_column, pictures) if pictures else {}
    return [
        (f"{path.name}, line {lines[photo.url]}: {photo.url}" if isinstance(photo, Picture) else photo.origin, reason)
        for photo, reason in failed
    ]


def _summary(bucket: Bucket, sent: Sent, missing: Sequence[str], *, dry_run: bool, kept: bool) -> str:
    would = "would be " if dry_run else ""
    new, changed, same = (sent.steps[step] for step in Step)
    lines = [
        f"s3://{bucket.name}/: {number(new, 'new photo')} {would}sent, {changed:,} {would}replaced, {same:,} skipped "
        "because the bucket has the same bytes."
    ]
    if missing and kept:
        lines.append(f"Photos that the source lacks: {len(missing):,}, kept because something failed.")
    elif missing:
        lines.append(f"Photos that the source lacks: {len(missing):,}, {would or 'were '}deleted.")
    return "\n".join(lines)


def _tell_failures(failed: Sequence[tuple[str, str]], path: Path | None) -> int:
    """Say what could not be had, and write it to a file. The exit code."""
    if path:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("place", "reason"), *failed])
    for place, reason in failed[:_SHOWN]:
        print(f"{place}: {reason}", file=sys.stderr)
    if len(failed) > _SHOWN and not path:
        print(f"and {len(failed) - _SHOWN:,} more failed; --failures FILE lists them all.", file=sys.stderr)
    return 2 if failed else 0
