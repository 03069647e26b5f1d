"""Photos that are to leave the bucket, and the question whether they may."""

import sys
from collections.abc import Sequence
from typing import Final

from scripts.common.bucket import Bucket
from scripts.common.labels import InputError, number, some
from scripts.common.progress import Progress

ASKED_ABOVE_SHARE: Final = 0.1
"""Of the photos in the bucket: what the source lacks beyond that is more often a wrong source than a cleared shelf."""


def confirm(question: str, *, confirmed: bool) -> None:
    """Ask on the terminal. Raises InputError where the answer is no, or nobody is there who could be asked."""
    if confirmed:
        return
    if not sys.stdin.isatty():
        raise InputError(f"{question} Say so with --yes.")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise InputError("Nothing was changed.")


def confirm_missing(missing: Sequence[str], there: int, *, confirmed: bool) -> None:
    """Ask about photos that the source lacks, if they are many. ``there``: the photos in the bucket. Raises InputError."""
    if len(missing) > ASKED_ABOVE_SHARE * there:
        share = f"{len(missing):,} of the {number(there, 'photo')} in the bucket"
        confirm(f"The source lacks {share}, such as {some(missing)}. Delete them?", confirmed=confirmed)


def remove(bucket: Bucket, keys: Sequence[str]) -> None:
    """Delete photos. Raises botocore's errors."""
    with Progress(len(keys), "deleted") as progress:
        for gone in bucket.delete(keys):
            progress.step(gone)
