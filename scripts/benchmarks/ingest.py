#!/usr/bin/env python3
"""How fast a catalogue becomes searchable, against how fast the bare model could embed it on this machine.

    scripts/bench_ingest.py photos.zip [--labels products.csv]

Prints the rate of the model alone (every core, photos decoded), the rate of the local stack (upload, events, queue,
ingest, until every photo is searchable), their ratio, and where the processors' time went.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `scripts/bench_ingest.py` finds its neighbours however it is started

from lookalike.embedder import Embedder  # noqa: E402
from scripts.local.progress import Progress  # noqa: E402
from scripts.local.runner import from_sources  # noqa: E402
from scripts.local.seeding import seed  # noqa: E402
from scripts.local.stack import LocalStack  # noqa: E402
from scripts.local_stack import LOCAL_PARAMETERS  # noqa: E402
from scripts.upload import UploadError, open_photos, read_labels  # noqa: E402


def cpu_s(pid: int) -> float:
    """The processor time of a process so far, user and system; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bare_rate(model_dir: Path, images: list[bytes], threads: int) -> tuple[float, float]:
    """Photos a second of the embedder alone, and its processor time a photo in ms."""
    embedder = Embedder(model_dir, threads=threads)
    embedder.embed(images[:16])
    started, used = time.monotonic(), time.process_time()
    embedder.embed(images)
    elapsed = time.monotonic() - started
    return len(images) / elapsed, (time.process_time() - used) * 1000 / len(images)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--first", type=int, help="only so many photos")
    parser.add_argument("--model-dir", type=Path, default=ROOT / "build" / "model")
    arguments = parser.parse_args()
    cores = os.cpu_count() or 1
    try:
        labels = read_labels(arguments.labels) if arguments.labels else {}
        with open_photos(arguments.photos, labels) as found, tempfile.TemporaryDirectory() as logs:
            photos = found[: arguments.first]
            images = [photo.read() for photo in photos]
            # Before and after, since a machine's speed may change meanwhile.
            before, _ = bare_rate(arguments.model_dir, images, cores)
            make_runner = from_sources(arguments.model_dir)
            with LocalStack(make_runner=make_runner, log_dir=Path(logs), parameters=LOCAL_PARAMETERS) as stack:
                stack.wait_until_warm()
                processes = {"this process": [os.getpid()], **stack.processes()}
                used = {pid: cpu_s(pid) for pids in processes.values() for pid in pids}
                with Progress(len(photos), "searchable") as progress:
                    seeded = seed(stack, photos, labels, progress.to)
                spent = {name: sum(cpu_s(pid) - used[pid] for pid in pids) for name, pids in processes.items()}
            after, model_ms = bare_rate(arguments.model_dir, images, cores)
    except UploadError as error:
        print(error, file=sys.stderr)
        return 2
    bare, rate = 2 / (1 / before + 1 / after), len(photos) / seeded.seconds
    print(f"photos          {len(photos):8,}, {seeded.rejected} rejected, {cores} cores")
    print(
        f"model alone     {bare:8.1f} photos/s ({before:.1f} before, {after:.1f} after), {model_ms:.1f} CPU-ms a photo"
    )
    print(f"local stack     {rate:8.1f} photos/s, {seeded.seconds:.1f} s")
    print(f"ratio           {rate / bare:8.2f}")
    for name, seconds in spent.items():
        print(f"{name:15} {seconds * 1000 / len(photos):8.2f} CPU-ms a photo")
    idle = cores * seeded.seconds - sum(spent.values())
    print(f"idle or others  {idle * 1000 / len(photos):8.2f} CPU-ms a photo")
    return 0


if __name__ == "__main__":
    sys.exit(main())
