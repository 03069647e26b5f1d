"""An engine in a process of its own: what it takes of memory is its own, and so is its number of threads.

Processes are asked one after the other, and wait in between: what disturbs the machine disturbs them all alike. Each times
itself, so that what goes to and fro between processes is not counted.
"""

import multiprocessing
import os
import resource
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from scripts.benchmarks.data import Floats
from scripts.benchmarks.engines import KINDS, Engine, Source
from scripts.benchmarks.errors import BenchError

_THREADS: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
    "LANCE_CPU_THREADS",
    "LANCE_IO_THREADS",
)


@dataclass(frozen=True, slots=True)
class Ready:
    """What an engine says of itself once it is loaded; what ours has read from its store for it."""

    resident_bytes: int | None
    bytes_read: int | None
    requests: int | None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: rows, nearest first, its time, and what ours says of how it came about."""

    ids: list[int]
    ms: float
    rows_refined: int | None = None
    rows_exact: int | None = None
    bytes_read: int | None = None
    requests: int | None = None


@contextmanager
def thread_limit(threads: int) -> Iterator[None]:
    """Processes that are started in here compute with so many threads."""
    before = dict(os.environ)
    os.environ |= dict.fromkeys(_THREADS, str(threads))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


class Worker:
    """An engine that is loading, and then answers."""

    def __init__(self, kind: str, source: Source, *, threads: int) -> None:
        """Start the process and wait until the engine is loaded. Raises BenchError."""
        self.kind = KINDS[kind]
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, kind, source, threads), daemon=True)
        with thread_limit(threads):
            self._process.start()
        theirs.close()
        self.ready: Ready = self._receive()

    def ask(self, query: Floats, k: int) -> Reply:
        """The k nearest rows of a query, float32 (dimensions,). Raises BenchError."""
        self._connection.send((query, k))
        reply: Reply = self._receive()
        return reply

    def memory_bytes(self) -> int:
        """The resident memory of the process. Raises BenchError."""
        self._connection.send(None)
        held: int = self._receive()
        return held

    def _receive(self) -> Any:
        try:
            answer = self._connection.recv()
        except EOFError as error:
            raise BenchError(f"{self.kind.engine} ended without an answer, perhaps for want of memory.") from error
        if isinstance(answer, str):
            raise BenchError(f"{self.kind.engine} failed:\n{answer}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()  # which ends the process
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(connection: Connection, kind: str, source: Source, threads: int) -> None:
    try:
        engine = KINDS[kind].make(source, threads)
        connection.send(Ready(engine.resident_bytes, *_reads(engine)))
        while True:
            asked = connection.recv()
            connection.send(_memory_bytes() if asked is None else _answer(engine, *asked))
    except EOFError:
        return  # nobody asks any more
    except Exception:  # noqa: BLE001 - told to whoever asks, in full
        connection.send(traceback.format_exc())


def _answer(engine: Engine, query: Floats, k: int) -> Reply:
    bytes_before, requests_before = _reads(engine)
    started = time.perf_counter()
    answer = engine.search(query, k)
    ms = (time.perf_counter() - started) * 1000
    bytes_read, requests = _reads(engine)
    if bytes_read is None or requests is None or bytes_before is None or requests_before is None:
        return Reply(engine.ids(answer), ms)
    return Reply(
        engine.ids(answer),
        ms,
        answer.rows_refined,
        answer.rows_exact,
        bytes_read - bytes_before,
        requests - requests_before,
    )


def _reads(engine: Engine) -> tuple[int | None, int | None]:
    store = getattr(engine, "store", None)
    return (store.bytes_read, sum(store.requests.values())) if store else (None, None)


def _memory_bytes() -> int:
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
        return int(text.partition("VmRSS:")[2].split()[0]) * 1024
    except FileNotFoundError:  # not Linux: the most that it ever was
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
