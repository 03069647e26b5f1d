"""An engine in a process of its own: its memory and its number of threads are its own.

The processes take turns and wait in between: a disturbance of the machine disturbs them all alike. Each times itself, so
the way between processes is not counted.
"""

import multiprocessing
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

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
class Reply:
    """One answer: rows, nearest first, its time, and the engine's counts of the work."""

    ids: list[int]
    ms: float
    counts: dict[str, int]


@contextmanager
def variables(**values: str) -> Iterator[None]:
    """Environment variables of this context, and of the processes that are started in it."""
    before = dict(os.environ)
    os.environ |= values
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def threads_each(threads: int) -> AbstractContextManager[None]:
    """A context in which processes that are started have so many threads, whatever library computes."""
    return variables(**dict.fromkeys(_THREADS, str(threads)))


class Worker:
    """An engine that is loaded in a process of its own, and then answers."""

    def __init__(self, kind: str, source: Source, *, threads: int) -> None:
        """Start the process and wait until the engine is loaded. Raises BenchError."""
        self.kind = KINDS[kind]
        self._process = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        with threads_each(threads):
            self.resident_bytes: int | None = self._call(_load, kind, source, threads)

    def ask(self, query: Floats, k: int, *, by_processor: bool = False) -> Reply:
        """The k nearest rows of a query, float32 (dimensions,), timed by the clock or by the processor. Raises BenchError."""
        reply: Reply = self._call(_answer, query, k, by_processor)
        return reply

    def memory_bytes(self) -> int:
        """The resident memory of the process. Raises BenchError."""
        resident_bytes: int = self._call(_memory_bytes)
        return resident_bytes

    def close(self) -> None:
        self._process.shutdown()

    def _call(self, work: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return self._process.submit(work, *arguments).result()
        except BrokenProcessPool as error:
            raise BenchError(f"{self.kind.engine} ended without an answer, perhaps for lack of memory.") from error
        except Exception as error:
            raise BenchError(f"{self.kind.engine} failed:\n{''.join(traceback.format_exception(error))}") from error


_loaded: list[Engine] = []  # in the process of the engine


def _load(kind: str, source: Source, threads: int) -> int | None:
    engine = KINDS[kind].make(source, threads)
    _loaded.append(engine)
    return engine.resident_bytes


def _answer(query: Floats, k: int, by_processor: bool) -> Reply:
    (engine,) = _loaded
    clock = time.process_time if by_processor else time.perf_counter
    started = clock()
    answer = engine.search(query, k)
    ms = (clock() - started) * 1000
    return Reply(engine.ids(answer), ms, engine.counts(answer))


def processor_s(pid: int) -> float:
    """The processor time of a process so far, user and system; 0 if the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_bytes() -> int:
    try:
        text = Path("/proc/self/status").read_text(encoding="ascii")
        return int(text.partition("VmRSS:")[2].split()[0]) * 1024
    except FileNotFoundError:  # not Linux: the peak
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
