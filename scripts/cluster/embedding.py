"""Photos embedded by a pool of workers and appended to the log, many pieces a segment.

    events -> pieces -> workers: ingest, into memory -> log segments of a piece each -> appends: merged into one, into the store

A worker is a process with one embedder, its decoders and one client of S3. It ingests a piece as the function would, but into a store
in memory, and hands the log segment on. As many pieces as fill a log segment are merged and appended by one task.

A worker that ends is replaced, and its piece is done again: rows carry their own order, so it does no harm that some are written
twice. A piece that ended ``_ATTEMPTS`` workers is done by its photos, each a piece of its own. A photo that ends as many workers
alone is given up and named (``Outcome.ended``). Workers tell a ledger which piece they begin, so a piece that was lost on its way with
a machine of the cluster is no photo's fault.
"""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import ray
import ray.data
from ray.data import ActorPoolStrategy, TaskPoolStrategy
from ray.exceptions import RayError

from lookalike.aws import S3Catalogue
from lookalike.errors import LookalikeError, ModelError
from lookalike.ingest import ingest
from lookalike.photos.catalogue import ObjectEvent
from lookalike.photos.embedder import Embedder
from lookalike.settings import MAX_IMAGE_BYTES
from lookalike.store import append_log, segment
from lookalike.store.object_store import MemoryStore
from scripts.cluster.pieces import Outcome, events_of, items_of
from scripts.cluster.places import Places
from scripts.cluster.running import cluster_errors

_ATTEMPTS: Final = 3
_DOWNLOADS: Final = 16  # of a worker at once
_APPENDS: Final = 2  # at once
_COUNT_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Workers:
    """How many processes embed, with how many threads each; how many photos are a piece, and how many rows a log segment.

    ``model``: the folder of the model, on every machine.
    """

    model: Path
    count: int
    threads: int
    piece: int
    segment_rows: int


def embed(
    events: Sequence[ObjectEvent], places: Places, workers: Workers, on_done: Callable[[int], None] = lambda _: None
) -> Outcome:
    """Embed photos and append their rows. ``on_done`` gets the number of photos that are embedded, in another thread.

    Raises ClusterError where the workers cannot begin or the cluster is lost. What is appended by then is safe.
    """
    outcome = Outcome()
    run = partial(_embed_pieces, places=places, workers=workers, outcome=outcome)
    lost = run(events, workers.piece, on_done=on_done)
    for event, attempts in run([event for event, _ in lost], 1, on_done=lambda _: None) if lost else ():
        if attempts >= _ATTEMPTS:
            outcome.ended.append(event)
        else:
            outcome.failed[event.key] = "it was lost with a machine of the cluster"
    on_done(len(events))
    return outcome


def _embed_pieces(
    events: Sequence[ObjectEvent],
    size: int,
    *,
    places: Places,
    workers: Workers,
    on_done: Callable[[int], None],
    outcome: Outcome,
) -> list[tuple[ObjectEvent, int]]:
    """Embed photos, ``size`` a piece, and add how they ended. Returns those that were lost, and how many workers their piece ended."""
    items = items_of(events, size)
    done: set[int] = set()
    with _ledger(on_done) as ledger, cluster_errors("The workers could not go on"):
        for row in _dataset(items, size, places, workers, ledger).iter_rows():
            number = int(row["piece"])
            done.add(number)
            if row["unstored"]:
                outcome.add(Outcome.of_failure(events_of(items[number]["events"]), row["unstored"]))
            else:
                outcome.add(Outcome.from_json(row["outcome"]))
        attempts: dict[int, int] = ray.get(ledger.attempts.remote())
    lost = [item for item in items if item["piece"] not in done]
    return [(event, attempts.get(item["piece"], 0)) for item in lost for event in events_of(item["events"])]


def _dataset(items: list[dict[str, Any]], size: int, places: Places, workers: Workers, ledger: Any) -> Any:
    attempts = {"max_restarts": -1, "max_task_retries": _ATTEMPTS - 1}
    pool = min(workers.count, len(items))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray will lose these arguments: pyproject.toml says from which version on
        embedded = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            _Worker,
            fn_constructor_args=(places, workers.model, workers.threads, ledger),
            batch_size=1,
            compute=ActorPoolStrategy(size=pool),
            num_cpus=workers.threads,
            ray_remote_args_fn=lambda: attempts,
        )
    return embedded.map_batches(
        partial(_append, places=places),
        batch_size=max(1, workers.segment_rows // size),
        batch_format="pyarrow",
        compute=TaskPoolStrategy(size=_APPENDS),
        num_cpus=0,  # the workers have all processors, and an append is mostly waiting for S3
    )


class _Worker:
    """One process that embeds pieces."""

    def __init__(self, places: Places, model: Path, threads: int, ledger: Any) -> None:
        self._embedder = Embedder(model, threads=threads)
        if self._embedder.fingerprint != places.fingerprint:
            raise ModelError(f"{model} is another model on this machine: {self._embedder.fingerprint[:12]}…")
        self._catalogue = S3Catalogue(places.client(_DOWNLOADS), places.catalogue)
        self._pool = ThreadPoolExecutor(_DOWNLOADS, thread_name_prefix="download")
        self._ledger = ledger

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        (number,), (text,) = batch["piece"], batch["events"]
        events = events_of(text)
        rows = b""
        ray.get(self._ledger.begin.remote(int(number)))
        try:
            memory = MemoryStore()
            ingested = ingest(
                events,
                catalogue=self._catalogue,
                embedder=self._embedder,
                store=memory,
                pool=self._pool,
                max_bytes=MAX_IMAGE_BYTES,
            )
            outcome = Outcome.of(ingested)
            if ingested.segment:
                rows = memory.get(ingested.segment)
        except Exception as error:  # noqa: BLE001 - an error that does not end the worker is no death of it
            outcome = Outcome.of_failure(events, _words(error))
        ray.get(self._ledger.finish.remote(int(number), len(events)))
        return {"piece": [int(number)], "outcome": [outcome.as_json()], "rows": [rows]}


def _append(batch: pa.Table, *, places: Places) -> dict[str, list[Any]]:
    """Append the rows of some pieces as one log segment."""
    encoded = [rows.as_buffer() for rows in batch.column("rows") if len(rows.as_buffer())]
    unstored = ""
    try:
        if encoded:
            merged = segment.merge([segment.decode(memoryview(rows)) for rows in encoded])
            append_log.append_segment(places.open_store(places.client()), merged)
    except Exception as error:  # noqa: BLE001 - its pieces fail with it
        unstored = _words(error)
    pieces, outcomes = batch.column("piece").to_pylist(), batch.column("outcome").to_pylist()
    return {"piece": pieces, "outcome": outcomes, "unstored": [unstored] * len(pieces)}


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, LookalikeError) else f"{type(error).__name__}: {error}"


class _Ledger:
    """How many photos the workers have embedded, and how many workers began each piece that none has finished."""

    def __init__(self) -> None:
        self._embedded = 0
        self._begun: dict[int, int] = {}

    def begin(self, piece: int) -> None:
        self._begun[piece] = self._begun.get(piece, 0) + 1

    def finish(self, piece: int, photos: int) -> None:
        self._begun.pop(piece, None)
        self._embedded += photos

    def embedded(self) -> int:
        return self._embedded

    def attempts(self) -> dict[int, int]:
        return self._begun


@contextmanager
def _ledger(on_done: Callable[[int], None]) -> Iterator[Any]:
    """A ledger for the workers, whose count ``on_done`` gets while the block runs."""
    ledger: Any = ray.remote(num_cpus=0)(_Ledger).remote()
    stop = threading.Event()

    def tell() -> None:
        while not stop.wait(_COUNT_EVERY_S):
            try:
                on_done(ray.get(ledger.embedded.remote()))
            except RayError:  # the cluster is lost, which the block finds out
                return

    teller = threading.Thread(target=tell, name="progress")
    teller.start()
    try:
        yield ledger
    finally:
        stop.set()
        teller.join()
        ray.kill(ledger)
