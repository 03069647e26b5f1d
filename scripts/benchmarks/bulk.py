"""A catalogue embedded by Ray's workers, one of which is killed half-way, against the usual way and the bare model.

Both ways fill a store of their own from the same bucket, and the stores must hold the same: keys, orders and embeddings.
"""

import argparse
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from pathlib import Path
from typing import Any, Final

from lookalike.aws import S3Catalogue, S3Store
from lookalike.backfill import planned
from lookalike.errors import LookalikeError
from lookalike.ingest import ingest
from lookalike.layout import Layout
from lookalike.photos.catalogue import IMAGES_PREFIX, ObjectEvent
from lookalike.photos.embedder import Embedder
from lookalike.photos.model import ModelSpec
from lookalike.settings import MAX_IMAGE_BYTES
from lookalike.store.object_store import ObjectStore
from lookalike.store.reader import SnapshotReader
from scripts.benchmarks.engines import BUCKET
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.ingest import bare_rate
from scripts.benchmarks.stores import bench_s3
from scripts.cluster.places import Places
from scripts.cluster.running import running
from scripts.common.catalogue import open_catalogue
from scripts.common.labels import InputError
from scripts.common.progress import Progress

_USUAL: Final = 256  # photos of a log segment, as backfill has them


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One line: rates in photos a second, and whether the stores hold the same. Raises BenchError."""
    try:
        with open_catalogue(options.photos, None) as catalogue, bench_s3() as url:
            photos = catalogue.photos[: options.first]
            images = [photo.read() for photo in photos[: options.bare]]
            before, _ = bare_rate(images, os.cpu_count() or 1, options.model)
            embedder = Embedder(options.model, threads=os.cpu_count() or 1)
            places = Places(BUCKET, BUCKET, embedder.fingerprint, region="us-east-1", endpoint_url=url)
            client = places.client()
            for photo in photos:
                client.put_object(Bucket=BUCKET, Key=photo.key, Body=photo.read())
            usual = S3Store(client, BUCKET, "usual/")
            source = S3Catalogue(client, BUCKET)
            with planned(source.photos(IMAGES_PREFIX), usual, bucket=BUCKET) as plan:
                events = list(plan)
            usual_s = _usual(events, source, embedder, usual)
            del embedder
            bulk_s, killed = _bulk(events, places, options)
            after, _ = bare_rate(images, os.cpu_count() or 1, options.model)
            layout = ModelSpec.load(options.model).layout
            ours, theirs = _rows(places.open_store(client), layout), _rows(usual, layout)
    except (InputError, LookalikeError) as error:
        raise BenchError(str(error)) from error
    bare = 2 / (1 / before + 1 / after)
    yield {
        "bench": "bulk",
        "photos": len(photos),
        "workers": options.workers,
        "killed_after": killed,
        "same": ours == theirs,
        "rows": len(ours),
        "bulk_s": round(bulk_s, 1),
        "bulk_per_s": round(len(photos) / bulk_s, 1),
        "usual_per_s": round(len(photos) / usual_s, 1),
        "model_alone_per_s": round(bare, 1),
        "model_alone_before_after": [round(before, 1), round(after, 1)],
        "ratio": round(len(photos) / bulk_s / bare, 3),
    }


def _usual(events: list[ObjectEvent], source: S3Catalogue, embedder: Embedder, store: ObjectStore) -> float:
    """Seconds of the way of ``scripts.backfill``."""
    begun = time.monotonic()
    with ThreadPoolExecutor(32) as pool, Progress(len(events), "usual") as progress:
        for some in batched(events, _USUAL):
            ingest(some, catalogue=source, embedder=embedder, store=store, pool=pool, max_bytes=MAX_IMAGE_BYTES)
            progress.step(len(some))
    return time.monotonic() - begun


def _bulk(events: list[ObjectEvent], places: Places, options: argparse.Namespace) -> tuple[float, int]:
    """Seconds of the workers, their start left out, and after how many photos one of them was killed."""
    from scripts.cluster.embedding import Workers, embed

    workers = Workers(options.model.resolve(), options.workers, 1, 64, 8192)
    killed: list[int] = []
    with running(None, cpus=options.workers), Progress(len(events), "bulk") as progress:

        def on_done(done: int) -> None:
            progress.to(done)
            if done >= len(events) // 2 and not killed:
                os.kill(next(number for number in _descendants(os.getpid()) if _is_worker(number)), signal.SIGKILL)
                killed.append(done)

        begun = time.monotonic()
        outcome = embed(events, places, workers, on_done)
        elapsed_s = time.monotonic() - begun
    if outcome.failed or outcome.ended or not killed:
        raise BenchError(f"{len(outcome.failed)} photos failed, {len(outcome.ended)} ended workers; killed: {killed}")
    return elapsed_s, killed[0]


def _descendants(parent: int) -> Iterator[int]:
    for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
        for number in map(int, tasks.read_text().split()):
            yield number
            yield from _descendants(number)


def _is_worker(number: int) -> bool:
    return "MapWorker" in Path(f"/proc/{number}/cmdline").read_text()


def _rows(store: ObjectStore, layout: Layout) -> dict[str, tuple[bytes, bytes]]:
    """The order and the embedding of each photo, by key."""
    snapshot = SnapshotReader(store, layout=layout).refresh()
    return {
        row.key: (row.order, row.embedding.tobytes() if row.embedding is not None else b"") for row in snapshot.rows()
    }
