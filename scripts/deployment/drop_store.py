"""Deletes a model's store: the command `scripts.store drop`.

Manifests are deleted first, the oldest before the newest, and then the other objects. So an interrupted drop leaves a whole
store, or one without a manifest: a smaller store of the remaining log, which readers, compaction and another drop can use.
In the other order the manifest would name deleted objects: a query function that still reads this store would answer 503,
and each run of compaction would fail.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

import numpy as np

from lookalike.aws import S3Store, store_prefixes
from lookalike.errors import LookalikeError, StoreError
from lookalike.store import names, segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest
from lookalike.store.object_store import Entry
from lookalike.store.partitions import live_rows
from lookalike.store.records import Op, event_ops
from lookalike.store.state import State, read_consistently
from scripts.common.progress import Progress
from scripts.deployment.deployed import Target, stack_outputs

_AT_ONCE: Final = 16
_TYPED: Final = 8


def served_by(target: Target, bucket: str) -> str:
    """The fingerprint of the model with which the stack of a store bucket answers.

    Raises LookalikeError if the stack does not say or the bucket is not its own, DeployError if there is no stack.
    """
    outputs = stack_outputs(target)
    if outputs["StoreBucketName"] != bucket:
        raise LookalikeError(
            f"{bucket} is not the store bucket of the stack {target.stack_name}. Name the stack that it belongs to with "
            "--stack-name, or say --force if none does."
        )
    if "ModelFingerprint" not in outputs:
        raise LookalikeError(
            f"The stack {target.stack_name} does not say which model it answers with. Run `make deploy` once, or compare "
            "with /api/health and say --force."
        )
    return outputs["ModelFingerprint"]


def prefix_of(prefixes: Sequence[str], bucket: str, fingerprint: str | None) -> str:
    """The one of a bucket's ``prefixes`` that begins with ``fingerprint``; without it, the only one. Raises LookalikeError."""
    matching = [prefix for prefix in prefixes if prefix.startswith(fingerprint or "") and fingerprint != ""]
    if len(matching) != 1:
        raise LookalikeError(f"Name one store of {bucket} with --store. Its stores: {_short(prefixes)}.")
    return matching[0]


def _short(prefixes: Iterable[str]) -> str:
    return ", ".join(prefix.rstrip("/")[:12] for prefix in prefixes) or "none"


def drop(
    client: Any,
    bucket: str,
    fingerprint: str,
    *,
    served: str | None,
    confirmed: bool,
    force: bool,
    ask: Callable[[str], str] = input,
) -> int:
    """Delete the store of a model: 0 when it is gone, 1 if the user declined.

    ``fingerprint``: all of it, or a beginning that no other store has. ``served``: the fingerprint of the model that answers
    shoppers, whose store is kept without ``force``. Raises LookalikeError.
    """
    prefixes = store_prefixes(client, bucket)
    prefix = prefix_of(prefixes, bucket, fingerprint)
    if len(prefixes) == 1 and not force:
        raise LookalikeError(
            f"{prefix} is the only store of {bucket}: searches would find nothing. Fill another with "
            "`make backfill` first, or say --force."
        )
    if prefix.rstrip("/") == served and not force:
        raise LookalikeError(
            f"{prefix} is the store that the stack answers from: every search would fail. Switch to another model first "
            '(docs/deploy.md, "Another model"), or say --force.'
        )
    store = S3Store(client, bucket, prefix)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="drop") as pool:
        entries = list(store.list(""))
        print(_described(store, prefix, entries))
        if not confirmed:
            others = _short(name for name in prefixes if name != prefix)
            print(f"Stores that stay: {others}. /api/health says which one answers.")
            if ask(f"Type {prefix[:_TYPED]} to delete it for good: ").strip() != prefix[:_TYPED]:
                print("Nothing was deleted.")
                return 1
        while entries:  # until a listing is empty: ingest or compaction may have been writing
            _delete(store, entries, pool)
            entries = list(store.list(""))
    print(f"The store {prefix.rstrip('/')} is gone.")
    return 0


def _described(store: S3Store, prefix: str, entries: list[Entry]) -> str:
    try:
        photos = f"{read_consistently(store, PHOTO_STORE, partial(_photos, store)):,}"
    except StoreError as error:
        photos = f"not known, as it is damaged ({error})"
    manifests = [entry.modified_ms for entry in entries if entry.name.startswith(names.MANIFESTS)]
    return "\n".join(
        (
            f"store              {prefix.rstrip('/')}",
            f"photos             {photos}",
            f"objects            {len(entries):,}",
            f"bytes              {sum(entry.size for entry in entries):,}",
            f"newest manifest    {_age(manifests)}",
            f"last written       {_age(entry.modified_ms for entry in entries)}",
        )
    )


def _photos(store: S3Store, state: State[Manifest]) -> int:
    """The photos of a store, by the newest row of each key."""
    live = (rows.order[rows.live] for ranges in live_rows(store, segment_reads.all_of(state)) for rows in ranges)
    return sum(int(np.count_nonzero(event_ops(orders) == Op.PUT)) for orders in live)


def _age(times_ms: Iterable[int]) -> str:
    newest = max(times_ms, default=None)
    if newest is None:
        return "none"
    hours = max(0.0, time.time() - newest / 1000) / 3600
    return f"{hours / 24:.1f} days ago" if hours >= 48 else f"{hours:.1f} hours ago"


def _delete(store: S3Store, entries: list[Entry], pool: ThreadPoolExecutor) -> None:
    # Names count down: the newest manifest is the first in a listing and is deleted last.
    manifests = [entry.name for entry in entries if entry.name.startswith(names.MANIFESTS)][::-1]
    others = [entry.name for entry in entries if not entry.name.startswith(names.MANIFESTS)]
    with Progress(len(entries), "deleted", "objects") as progress:
        for name in manifests:
            store.delete(name)
            progress.step()
        for _ in pool.map(store.delete, others):
            progress.step()
