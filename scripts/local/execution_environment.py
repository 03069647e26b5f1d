"""One execution environment of Lambda: a function's process, the Runtime API that it calls, and a watch over both.

The memory limit applies to the peak resident set of the process, which the Linux kernel keeps (VmHWM): read a few times a
second so that a process that runs away is ended, and after each call, so that no peak between two looks is missed. A limit
of address space (RLIMIT_AS) would not do: ONNX Runtime and NumPy reserve several times the memory that they use.

Unlike Lambda's, an environment here is not frozen between calls, has all processors whatever its memory is, and shares /tmp
and the network with everything else.
"""

import contextlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.local.http_server import HttpServer, listen
from scripts.local.lifeline import Child
from scripts.local.runtime_api import RuntimeApi
from scripts.local.template import Function

_LOOK_EVERY_S: Final = 0.1
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Launch:
    """How a function's process is started.

    Its output goes to ``log_path``. ``init_limits_s``: how long each attempt to initialise may take. ``memory_mb``: where it is
    ended, on Linux only; None is no limit.
    """

    command: Sequence[str]
    variables: Mapping[str, str]
    log_path: Path
    init_limits_s: tuple[float, ...]
    memory_mb: int | None = None


Launcher = Callable[[Function, str, Path], Launch]
"""How to start a function, from the endpoint of the local S3 and SQS and the path of its log."""


class ExecutionEnvironment:
    """Starts a process with a Runtime API of its own, ``api``; ends it where it takes more memory than it may."""

    def __init__(self, launch: Launch) -> None:
        self.api = RuntimeApi()
        self._memory_mb = launch.memory_mb
        self._peak_mb = 0.0
        # The process makes no request while it works on an event, for as long as fifteen minutes.
        self._server = HttpServer(listen(0), self.api, idle_s=None)
        self._server.start()
        variables = {**launch.variables, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.port}"}
        self._started_at = time.perf_counter()
        try:
            with launch.log_path.open("ab") as log:
                self._child = Child(launch.command, log=log, env=variables)
        except OSError:
            self._server.close()
            raise
        self._watch = threading.Thread(target=self._watch_over, name=f"watch-{self.pid}", daemon=True)
        self._watch.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, even if its status is not collected yet."""
        return self._child.has_ended()

    @property
    def init_ms(self) -> float:
        """Milliseconds from the start of the process until it asked for its first event; 0 before that."""
        ready_at = self.api.ready_at
        return 0.0 if ready_at is None else (ready_at - self._started_at) * 1000

    @property
    def restore_ms(self) -> float | None:
        """Milliseconds until a copy of the frozen process asked for its first event; None without SnapStart."""
        ready_at, restored_at = self.api.ready_at, self.api.restored_at
        return None if ready_at is None or restored_at is None else (ready_at - restored_at) * 1000

    @property
    def peak_mb(self) -> float | None:
        """The most memory that was ever resident, in MiB; None where there is no limit to compare it with."""
        if self._memory_mb is None:
            return None
        if not self.has_ended:  # later on another process may have its number
            self._peak_mb = max(self._peak_mb, sum(_peaks_mb(self.pid)))
        return self._peak_mb

    @property
    def is_over_memory(self) -> bool:
        return self._memory_mb is not None and (self.peak_mb or 0) > self._memory_mb

    def _watch_over(self) -> None:
        while not self._child.has_ended(_LOOK_EVERY_S):
            if self.is_over_memory:
                os.kill(self.pid, signal.SIGKILL)
        self.api.end()

    def close(self) -> int:
        """End the process and everything that it has started; its exit status, negative for a signal."""
        status = self._child.kill()
        self._watch.join()
        self._child.close()
        self._server.close()
        return status


def _peaks_mb(pid: int) -> Iterator[float]:
    """The peak of a process and of each of its children, as photos are decoded in one."""
    with contextlib.suppress(OSError):
        folder = Path(f"/proc/{pid}")
        children = [
            child for task in folder.glob("task/*/children") for child in task.read_text(encoding="utf-8").split()
        ]
        match = _PEAK.search((folder / "status").read_text(encoding="utf-8"))
        if match:  # a process that has just ended has a status, and no memory
            yield int(match[1]) / 1024
        for child in children:
            yield from _peaks_mb(int(child))


def exit_reason(status: int) -> str:
    """An exit status in Lambda's words."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    return f"Runtime exited with error: exit status {status}"
