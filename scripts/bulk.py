#!/usr/bin/env python3
"""Work on millions of photos at once, by Ray: on all processors of this machine, or of a cluster by its --address.

    python -m scripts.bulk embed                                        # the catalogue of the stack in samconfig.toml
    python -m scripts.bulk embed s3://CATALOGUE/images/2026 --store-bucket STORE
    python -m scripts.bulk embed --inventory s3://LISTS/CATALOGUE/all/2026-11-25T01-00Z/manifest.json
    python -m scripts.bulk embed --address HOST:6379 --workers 40 --threads 4
    python -m scripts.bulk judge                                        # the index of the stack
    python -m scripts.bulk judge --store-bucket STORE --index lancedb:s3://INDEX/lookalike

embed: photos that a model's store lacks are embedded and appended to it, as by `python -m scripts.backfill`, which is the command for
thousands. It may be stopped at any time and goes on when it is started again, and may run beside ingest. Files of product data are left
to backfill.

judge: some photos of the store are searched with, and the nearest products are found by computing every distance. The share of them that
the index's answers have is its recall. It is published in the store: answers say it, and the follow function sends it as the metric
IndexRecall, whose alarm rings below 0.9. Of a small store it is also printed whether the exact search gives the same answers.

Every machine of a cluster needs this project with its environment (`pip install 'lookalike[ray]'`) and the model's folder, both at the
same path, and credentials of its own for S3. docs/deploy.md, "Millions of photos at once", has the steps.

Ends with 0 when all is done, 1 when another run is needed, 2 when it could not begin.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import batched
from pathlib import Path
from typing import Any, Final

from lookalike.aws import S3Catalogue, S3Store, store_prefixes
from lookalike.backfill import Plan, planned
from lookalike.errors import EndedFunction, LookalikeError
from lookalike.index.opening import open_index
from lookalike.ingest import reject
from lookalike.photos.catalogue import IMAGES_PREFIX, ListedPhoto
from lookalike.photos.model import ModelSpec
from lookalike.search.indexed_reader import IndexedReader
from lookalike.store.reader import SnapshotReader
from lookalike.store.recall import Recall, publish
from scripts.cluster import running
from scripts.cluster.inventory import bucket_and_key, open_inventory, reader_of
from scripts.cluster.pieces import Outcome
from scripts.cluster.places import Places
from scripts.common.arguments import at_least_one, command_parser
from scripts.common.labels import InputError
from scripts.common.paths import MODEL
from scripts.common.progress import Progress
from scripts.deployment import deployed
from scripts.deployment.deployed import DeployError

_AT_ONCE: Final = 32  # reads of the store
_ROUND: Final = 2**18  # photos that are with the workers at a time
_SHOWN: Final = 10
_SMALL: Final = 1_000_000  # photos of a store that the exact search is cheap for
_SAFE: Final = "The photos appended so far are in the store. Run this again to go on."
_ENDED: Final = EndedFunction(
    "Reading this photo ended every process that tried: it takes too much memory, or it makes a library crash. "
    "Save it as a plain JPEG and upload it again."
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (LookalikeError, DeployError, InputError, *deployed.AWS_ERRORS) as error:
        print(deployed.refusal(error), file=sys.stderr)
        return 2


def embed(options: argparse.Namespace) -> int:
    from scripts.cluster.embedding import Workers
    from scripts.cluster.embedding import embed as embed_photos

    spec = ModelSpec.load(options.model)
    catalogue, prefix, store = _buckets(options)
    session = deployed.session(options)
    places = Places(catalogue, store, spec.fingerprint, session.region_name, options.profile, options.endpoint_url)
    client = places.client(_AT_ONCE)
    with _planned(client, places, prefix, options.inventory) as work:
        print(
            f"{spec.name}, store s3://{store}/{spec.fingerprint[:12]}…: {work.added:,} photos to embed, "
            f"{work.changed:,} changed, {work.gone:,} gone, {work.done:,} done already."
        )
        if options.dry_run or not len(work):
            return 0
        workers = Workers(
            options.model.resolve(), options.workers, options.threads, options.piece, options.segment_rows
        )
        begun, outcome = time.monotonic(), Outcome()
        try:
            with (
                running.running(options.address, cpus=workers.count * workers.threads),
                Progress(len(work), "embedded") as progress,
            ):
                for number, events in enumerate(batched(work, _ROUND)):
                    show = partial(_show, progress, number * _ROUND)
                    outcome.add(embed_photos(events, places, workers, show))
        except running.ClusterError as error:
            print(f"{error}\n{_SAFE}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"\nStopped. {_SAFE}", file=sys.stderr)
            return 1
    if outcome.ended:
        outcome.rejected |= reject(outcome.ended, _ENDED, store=places.open_store(client), layout=spec.layout).reasons
    print(_ended(outcome, time.monotonic() - begun))
    if outcome.failed:
        print(f"Photos that could not be read: {len(outcome.failed):,}. Run this again for them.", file=sys.stderr)
    return 1 if outcome.failed else 0


def _show(progress: Progress, before: int, done: int) -> None:
    progress.to(before + done)


def judge(options: argparse.Namespace) -> int:
    from scripts.cluster import judging, nearest

    spec = ModelSpec.load(options.model)
    session = deployed.session(options)
    outputs = {} if options.store_bucket else deployed.stack_outputs(deployed.target_of(options))
    bucket, place = (
        options.store_bucket or outputs["StoreBucketName"],
        options.index or outputs.get("IndexOfCandidates"),
    )
    places = Places("", bucket, spec.fingerprint, session.region_name, options.profile, options.endpoint_url)
    store = places.open_store(places.client(_AT_ONCE))
    index = open_index(place, spec.fingerprint, spec.layout) if place else None
    reader = (
        IndexedReader(store, index=index, layout=spec.layout) if index else SnapshotReader(store, layout=spec.layout)
    )
    snapshot, live = judging.one_moment(store, reader, places)
    begun = time.monotonic()
    with running.running(options.address, cpus=options.workers):
        queries = nearest.sample(live, options.queries, options.workers)
        truth = nearest.nearest(live, queries, spec.layout, options.at, options.workers)
    print(
        f"{len(queries):,} photos of {live.rows:,}, each compared with all in {time.monotonic() - begun:,.0f} s; "
        f"store s3://{bucket}/{spec.fingerprint[:12]}…, version {snapshot.manifest.version}."
    )
    if index is None or live.rows <= _SMALL:
        exact = snapshot if index is None else SnapshotReader(store, layout=spec.layout).refresh()
        count = _judged(queries, truth, judging.search_of(exact, options.at), "exact search")
        print(f"The exact search: {count.whole:,} of {count.queries:,} answers are the nearest {options.at} products.")
    if index is None:
        return 0
    count = _judged(queries, truth, judging.search_of(snapshot, options.at), "index")
    if not count.queries:
        print("There are too few products to judge the index by.", file=sys.stderr)
        return 1
    now_ms, version = int(time.time() * 1000), snapshot.manifest.version
    measured = Recall(index.name, options.at, count.queries, count.found, count.wanted, version, now_ms)
    print(
        f"The index {index.name}: recall@{options.at} {measured.value:.4f}, with 95 % confidence between {measured.low:.4f} and "
        f"{measured.high:.4f}."
    )
    publish(store, measured)
    return 0


def _judged(queries: Any, truth: Any, search: Any, label: str) -> Any:
    from scripts.cluster import judging

    with Progress(len(queries), label, "queries") as progress:
        return judging.judge(queries, truth, search, progress.to)


def _buckets(options: argparse.Namespace) -> tuple[str, str, str]:
    """The catalogue bucket, the prefix of the photos in it, and the store bucket. Raises DeployError and InputError."""
    bucket, prefix = bucket_and_key(options.source) if options.source else ("", "")
    if IMAGES_PREFIX.startswith(prefix):
        prefix = IMAGES_PREFIX
    if not prefix.startswith(IMAGES_PREFIX):
        raise InputError(f"{options.source} has no photos of the catalogue: those are below {IMAGES_PREFIX}.")
    store = options.store_bucket or ""
    if not (bucket and store):
        outputs = deployed.stack_outputs(deployed.target_of(options))
        bucket, store = bucket or outputs["CatalogueBucketName"], store or outputs["StoreBucketName"]
    return bucket, prefix, store


def _planned(client: Any, places: Places, prefix: str, inventory: str | None) -> AbstractContextManager[Plan]:
    """The photos to embed and to delete. Entering raises StoreError and InputError."""
    own = f"{places.fingerprint}/"
    others = [S3Store(client, places.store, other) for other in store_prefixes(client, places.store) if other != own]
    return planned(
        _listed(client, places.catalogue, prefix, inventory),
        places.open_store(client),
        others,
        bucket=places.catalogue,
        is_gone=None if inventory else lambda key: key.startswith(prefix),  # an inventory lacks what came since
    )


def _listed(client: Any, bucket: str, prefix: str, inventory: str | None) -> Iterator[ListedPhoto]:
    if not inventory:
        return S3Catalogue(client, bucket).photos(prefix)
    found = open_inventory(inventory, reader_of(client))
    if found.bucket != bucket:
        raise InputError(f"{inventory} lists the bucket {found.bucket}, and the catalogue is {bucket}.")
    print(f"The inventory is of {found.made:%Y-%m-%d %H:%M} UTC.")
    return found.photos(prefix)


def _ended(outcome: Outcome, seconds: float) -> str:
    photos = outcome.embedded + len(outcome.rejected)
    lines = [
        f"{outcome.embedded:,} photos embedded, {len(outcome.rejected):,} rejected, {outcome.deleted:,} gone, "
        f"in {seconds:,.0f} s: {photos / seconds:,.1f} images/s."
    ]
    for kind, problems in (("rejected", outcome.rejected), ("not read", outcome.failed)):
        lines += [f"  {kind}: {key}: {reason}" for key, reason in list(problems.items())[:_SHOWN]]
        if len(problems) > _SHOWN:
            lines.append(f"  and {len(problems) - _SHOWN:,} more {kind}")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("bulk", __doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    embedding = commands.add_parser("embed", help="embed the photos that a store lacks", allow_abbrev=False)
    embedding.set_defaults(run=embed)
    embedding.add_argument("source", nargs="?", metavar="s3://BUCKET/PREFIX", help="photos (the stack's catalogue)")
    deployed.add_target_options(embedding)
    embedding.add_argument("--store-bucket", help="in place of the stack's; with a source no stack is needed")
    embedding.add_argument("--endpoint-url", help="another S3 than Amazon's, such as the local stack's")
    embedding.add_argument(
        "--inventory", metavar="s3://.../manifest.json", help="list by S3 Inventory (CSV or Parquet)"
    )
    embedding.add_argument("--model", type=Path, default=MODEL, help="the model's folder (build/model)")
    _add_cluster_options(embedding)
    embedding.add_argument("--threads", type=at_least_one, default=1, help="threads of each process (1)")
    embedding.add_argument("--segment-rows", type=_segment_rows, default=8192, help="rows of a log segment (8192)")
    embedding.add_argument("--piece", type=at_least_one, default=64, help="photos that a process takes at once (64)")
    embedding.add_argument("--dry-run", action="store_true", help="print the number of photos to embed, and stop")
    judging = commands.add_parser("judge", help="measure the recall of an index", allow_abbrev=False)
    judging.set_defaults(run=judge)
    deployed.add_target_options(judging)
    judging.add_argument("--store-bucket", help="in place of the stack's")
    judging.add_argument("--endpoint-url", help="another S3 than Amazon's, such as the local stack's")
    judging.add_argument("--model", type=Path, default=MODEL, help="the model's folder (build/model)")
    judging.add_argument(
        "--index", help="lancedb:URI or s3vectors:BUCKET/INDEX (the stack's; without one the exact search is judged)"
    )
    judging.add_argument("--queries", type=at_least_one, default=1000, help="photos to search with (1000)")
    judging.add_argument("--at", type=at_least_one, default=5, help="nearest products of each (5)")
    _add_cluster_options(judging)
    return parser


def _add_cluster_options(parser: argparse.ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    parser.add_argument("--address", help="of a Ray cluster, such as HOST:6379 (this machine)")
    parser.add_argument("--workers", type=at_least_one, default=cores, help=f"processes ({cores})")


def _segment_rows(text: str) -> int:
    rows = at_least_one(text)
    if rows > 16384:
        raise argparse.ArgumentTypeError("a log segment has 16384 rows at most: readers load it as a whole")
    return rows


if __name__ == "__main__":
    sys.exit(main())
