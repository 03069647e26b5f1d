#!/usr/bin/env python3
"""Fill a model's store from the catalogue, while the deployed stack goes on with its own: `make backfill MODEL=...`.

    python -m scripts.backfill --stack-name lookalike                   # the model in build/model, see `make model`
    python -m scripts.backfill --dry-run                                # of the stack in samconfig.toml: the number of photos to embed
    python -m scripts.backfill --catalogue-bucket A --store-bucket B    # without a stack

Photos are read from the catalogue bucket, embedded on this machine, and appended to the store of that model; then files of product
data that the product store lacks, which is one for all models. It may be stopped at any time and goes on when it is started
again; no photo is embedded twice. It may run beside ingest.
Credentials are those of the AWS command line. docs/deploy.md, "Another model", says when to run it.

Ends with 0 when all is done, 1 when another run is needed, 2 when it could not begin.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Any, Final

from lookalike.aws import S3Catalogue, S3Store, s3_client, store_prefixes
from lookalike.backfill import Plan, planned, planned_files, read_file_orders
from lookalike.data_ingest import DataIngest, IngestedFile
from lookalike.errors import LookalikeError, StoreUnavailable
from lookalike.ingest import Ingested, ingest
from lookalike.photos.catalogue import DATA_PREFIX, IMAGES_PREFIX, ObjectEvent
from lookalike.photos.embedder import Embedder
from lookalike.settings import MAX_DATA_BYTES, MAX_IMAGE_BYTES
from lookalike.store.products import PRODUCTS
from lookalike.store.records import Op
from scripts.common.arguments import above_zero, at_least_one, command_parser
from scripts.common.paths import MODEL
from scripts.common.progress import Progress
from scripts.deployment import deployed
from scripts.deployment.deployed import DeployError

_AT_ONCE: Final = 32  # downloads, and reads of the store
_SHOWN: Final = 10
_SAFE: Final = "The photos embedded so far are in the store. Run this again to go on."


@dataclass(slots=True)
class Done:
    """The results so far. ``rejected`` (photos) and ``failed`` map keys to reasons; ``files``: the data files."""

    embedded: int = 0
    deleted: int = 0
    files: list[IngestedFile] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, batch: Ingested) -> None:
        self.embedded += batch.embedded
        self.deleted += batch.deleted
        self.rejected |= batch.reasons
        self.failed |= {event.key: reason for event, reason in batch.failed.items()}


@dataclass(frozen=True, slots=True)
class Buckets:
    """The names of the two buckets that a backfill works on."""

    catalogue: str
    store: str


class Backfill:
    """One store, and the catalogue that it is filled from."""

    def __init__(self, client: Any, buckets: Buckets, embedder: Embedder, pool: ThreadPoolExecutor) -> None:
        self._buckets = buckets
        self._embedder = embedder
        self._pool = pool
        self._catalogue = S3Catalogue(client, buckets.catalogue)
        own = f"{embedder.fingerprint}/"
        self._store = S3Store(client, buckets.store, own)
        self.others = [prefix for prefix in store_prefixes(client, buckets.store) if prefix != own]
        self._products = S3Store(client, buckets.store, PRODUCTS)
        self._files = DataIngest(self._catalogue, self._products, MAX_DATA_BYTES)
        self._other_stores = [S3Store(client, buckets.store, prefix) for prefix in self.others]

    def planned(self) -> AbstractContextManager[Plan]:
        """The photos to embed and to delete. Raises StoreError."""
        listed = self._catalogue.photos(IMAGES_PREFIX)
        return planned(listed, self._store, self._other_stores, bucket=self._buckets.catalogue)

    def planned_files(self) -> AbstractContextManager[Plan]:
        """The data files to read and to delete. Raises StoreError."""
        known = read_file_orders(self._products)
        return planned_files(self._catalogue.photos(DATA_PREFIX), known, bucket=self._buckets.catalogue)

    def take_in(self, event: ObjectEvent, done: Done) -> None:
        """Append a data file to the product store."""
        try:
            done.files.append(self._files.take_in(event))
        except StoreUnavailable as error:
            done.failed[event.key] = str(error)

    def ingest(self, events: Iterable[ObjectEvent]) -> Ingested:
        """Append one log segment. Raises StoreUnavailable."""
        return ingest(
            events,
            catalogue=self._catalogue,
            embedder=self._embedder,
            store=self._store,
            pool=self._pool,
            max_bytes=MAX_IMAGE_BYTES,
        )


def in_batches(
    events: Iterable[ObjectEvent],
    ingest_batch: Callable[[Sequence[ObjectEvent]], Ingested],
    done: Done,
    *,
    size: int,
    rate: float | None = None,
    on_done: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ingest events ``size`` at a time, on average at most ``rate`` a second. ``done`` collects the result of each batch.

    Errors of ``ingest_batch`` are raised; the batches before it are safe.
    """
    started, settled = clock(), 0
    for group in batched(events, size):
        if rate is not None and settled:
            sleep(max(0.0, started + settled / rate - clock()))
        done.add(ingest_batch(group))
        settled += len(group)
        on_done(settled)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    done = Done()
    try:
        client, buckets = _place(options)
        embedder = Embedder(options.model, threads=options.threads)
        if embedder.spec.probe is not None:
            embedder.drift()  # it warns by itself: embeddings of this machine are compared with those of Lambda
        with ExitStack() as kept:
            pool = kept.enter_context(ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="backfill"))
            backfill = Backfill(client, buckets, embedder, pool)
            work, files = kept.enter_context(backfill.planned()), kept.enter_context(backfill.planned_files())
            print(_begun(embedder, buckets, work, files))
            if options.dry_run:
                return 0
            with Progress(len(work), "backfilled") as progress:
                in_batches(work, backfill.ingest, done, size=options.batch, rate=options.rate, on_done=progress.to)
            for event in files:
                backfill.take_in(event, done)
    except (LookalikeError, DeployError, *deployed.AWS_ERRORS) as error:
        reason = deployed.refusal(error)
        print(f"{reason}\n{_SAFE}" if done.embedded else reason, file=sys.stderr)
        return 1 if done.embedded else 2
    except KeyboardInterrupt:
        print(f"\nStopped. {_SAFE}", file=sys.stderr)
        return 1
    print(_ended(done))
    if done.failed:
        print(f"Objects that could not be read: {len(done.failed):,}. Run this again for them.", file=sys.stderr)
        return 1
    print(_next_steps(buckets, backfill.others, deployed.repeated(options)))
    return 0


def _place(options: argparse.Namespace) -> tuple[Any, Buckets]:
    """A client of S3, and the buckets: those given, or else the stack's. Raises DeployError."""
    buckets = Buckets(options.catalogue_bucket or "", options.store_bucket or "")
    if not (buckets.catalogue and buckets.store):
        outputs = deployed.stack_outputs(deployed.target_of(options))
        buckets = Buckets(
            buckets.catalogue or outputs["CatalogueBucketName"], buckets.store or outputs["StoreBucketName"]
        )
    client = s3_client(session=deployed.session(options), endpoint_url=options.endpoint_url, connections=2 * _AT_ONCE)
    return client, buckets


def _begun(embedder: Embedder, buckets: Buckets, work: Plan, files: Plan) -> str:
    return (
        f"{embedder.spec.name}, store s3://{buckets.store}/{embedder.fingerprint[:12]}…: "
        f"{work.added:,} photos to embed, {work.changed:,} changed, {work.gone:,} gone, "
        f"{work.done:,} done already.\n"
        f"Product data, store s3://{buckets.store}/{PRODUCTS}: {files.added:,} files to read, "
        f"{files.changed:,} changed, {files.gone:,} gone, {files.done:,} done already."
    )


def _ended(done: Done) -> str:
    lines = [f"{done.embedded:,} photos embedded, {len(done.rejected):,} rejected, {done.deleted:,} gone."]
    rejected = done.rejected | {file.key: file.reason for file in done.files if file.op is Op.REJECT}
    if done.files:
        lines.append(
            f"{len(done.files):,} data files with {sum(file.rows for file in done.files):,} rows, of which "
            f"{sum(file.bad_rows for file in done.files):,} are bad."
        )
    for kind, problems in (("rejected", rejected), ("not read", done.failed)):
        lines += [f"  {kind}: {key}: {reason}" for key, reason in list(problems.items())[:_SHOWN]]
        if len(problems) > _SHOWN:
            lines.append(f"  and {len(problems) - _SHOWN:,} more {kind}")
    return "\n".join(lines)


def _next_steps(buckets: Buckets, others: Sequence[str], options: str) -> str:
    lines = [
        "Next, if the stack serves another model: `make deploy MODEL=... SWITCH=model` with the model of this run, then",
        "this command once more for photos that changed meanwhile.",
    ]
    if others:
        lines.append("When the old model is not needed any more, drop its store:")
    lines += [
        f"    .venv/bin/python -m scripts.store drop --bucket {buckets.store} --store {prefix.rstrip('/')}{options}"
        for prefix in others
    ]
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("backfill", __doc__)
    deployed.add_target_options(parser)
    parser.add_argument("--catalogue-bucket", help="in place of the stack's; with --store-bucket no stack is needed")
    parser.add_argument("--store-bucket", help="in place of the stack's")
    parser.add_argument("--endpoint-url", help="another S3 than Amazon's, such as the local stack's")
    parser.add_argument("--model", type=Path, default=MODEL, help="the model's folder (build/model)")
    parser.add_argument("--rate", type=above_zero, help="photos a second at most, on average (as many as can be)")
    parser.add_argument("--batch", type=at_least_one, default=256, help="photos in one segment of the log (256)")
    threads = os.cpu_count() or 1
    parser.add_argument(
        "--threads", type=at_least_one, default=threads, help=f"threads that the model uses ({threads})"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the number of photos to embed and to delete, and stop"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
