"""How fast a catalogue becomes searchable, against how fast the bare model could embed it on this machine.

The rate of the model alone (every core, photos decoded), the rate of the local stack (upload, events, queue, ingest, until
every photo is searchable), their ratio, and the processor time of each part.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lookalike.errors import ModelError
from lookalike.photos.embedder import Embedder
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.worker import processor_s
from scripts.common.catalogue import open_catalogue
from scripts.common.labels import InputError
from scripts.common.paths import MODEL
from scripts.common.progress import Progress
from scripts.local.seeding import seed
from scripts.local.sources import from_sources
from scripts.local.stack import LOCAL_PARAMETERS, LocalStack


def bare_rate(images: list[bytes], threads: int, model: Path = MODEL) -> tuple[float, float]:
    """Photos a second of the embedder alone, and its processor time a photo in ms."""
    embedder = Embedder(model, threads=threads)
    embedder.embed(images[:16])
    started, used = time.monotonic(), time.process_time()
    embedder.embed(images)
    elapsed = time.monotonic() - started
    return len(images) / elapsed, (time.process_time() - used) * 1000 / len(images)


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One line: rates in photos a second, processor times in milliseconds a photo. Raises BenchError."""
    cores = os.cpu_count() or 1
    try:
        with open_catalogue(options.photos, options.labels) as catalogue, tempfile.TemporaryDirectory() as logs:
            photos = catalogue.photos[: options.first]
            images = [photo.read() for photo in photos]
            # Before and after, since a machine's speed may change meanwhile.
            before, _ = bare_rate(images, cores)
            launcher = from_sources(MODEL)
            with LocalStack(launcher=launcher, log_dir=Path(logs), parameters=LOCAL_PARAMETERS) as stack:
                stack.wait_until_warm()
                processes = {"this process": [os.getpid()], **stack.processes()}
                used = {pid: processor_s(pid) for pids in processes.values() for pid in pids}
                with Progress(len(photos), "searchable") as progress:
                    seeded = seed(stack, photos, progress.to)
                spent = {name: sum(processor_s(pid) - used[pid] for pid in pids) for name, pids in processes.items()}
            after, model_ms = bare_rate(images, cores)
    except (InputError, ModelError) as error:
        raise BenchError(str(error)) from error
    bare, rate = 2 / (1 / before + 1 / after), len(photos) / seeded.seconds
    idle = cores * seeded.seconds - sum(spent.values())
    yield {
        "bench": "ingest",
        "photos": len(photos),
        "rejected": seeded.rejected,
        "cores": cores,
        "seconds": round(seeded.seconds, 1),
        "photos_per_s": round(rate, 1),
        "model_alone_per_s": round(bare, 1),
        "model_alone_before_after": [round(before, 1), round(after, 1)],
        "ratio": round(rate / bare, 3),
        "model_cpu_ms": round(model_ms, 2),
        "cpu_ms": {
            name: round(seconds * 1000 / len(photos), 2) for name, seconds in {**spent, "idle or others": idle}.items()
        },
    }
