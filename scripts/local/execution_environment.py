"""One execution environment of Lambda: a function's process, the Runtime API that it asks, and a watch over both.

The memory limit is held against the process's peak resident set, which the kernel keeps (VmHWM): read a few times a second
so that a process that runs away is ended, and after each call, so that no peak between two looks goes unnoticed. A limit
of address space (RLIMIT_AS) would not do: ONNX Runtime and NumPy reserve several times what they use.

Unlike Lambda's, an environment here is not frozen between calls, has the machine's processors whatever its memory is, and
shares /tmp and the network with everything else.
"""

import contextlib
import os
import re
import select
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.local.http_server import HttpServer, listen
from scripts.local.lifeline import Child
from scripts.local.runtime_api import RuntimeApi

_LOOK_EVERY_MS: Final = 100
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class ExecutionEnvironment:
    """Starts ``command`` with the address of a Runtime API of its own; ends it where it takes more than ``memory_mb``.

    ``api`` is the way to call it. What it prints goes to ``log_path``.
    """

    def __init__(self, command: Sequence[str], variables: Mapping[str, str], *, memory_mb: int, log_path: Path) -> None:
        self.api = RuntimeApi()
        self._memory_mb = memory_mb
        self._peak_mb = 0.0
        # While an event is being worked on there is no request, for as long as fifteen minutes.
        self._server = HttpServer(listen(0), self.api, idle_s=None)
        self._server.start()
        variables = {**variables, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.port}"}
        self._started_at = time.perf_counter()
        try:
            with log_path.open("ab") as log:
                self._child = Child(command, log=log, env=variables)
        except OSError:
            self._server.close()
            raise
        self._pid_fd = os.pidfd_open(self._child.pid)
        self._watch = threading.Thread(target=self._watch_over, name=f"watch-{self._child.pid}", daemon=True)
        self._watch.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def init_ms(self) -> float:
        """How long the process took from its start until it asked for its first event; 0 before it has."""
        ready_at = self.api.ready_at
        return 0.0 if ready_at is None else (ready_at - self._started_at) * 1000

    @property
    def restore_ms(self) -> float | None:
        """How long a copy of the frozen process took until it asked for its first event; None where none was to be made."""
        ready_at, restored_at = self.api.ready_at, self.api.restored_at
        return None if ready_at is None or restored_at is None else (ready_at - restored_at) * 1000

    @property
    def peak_mb(self) -> float:
        """The most memory that was ever resident, in MiB."""
        if not self.has_ended:  # later on the number may be another process's
            with contextlib.suppress(OSError):
                found = _PEAK.search(Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8"))
                if found:  # a process that has just ended has a status, and no memory
                    self._peak_mb = int(found[1]) / 1024
        return self._peak_mb

    @property
    def is_over_memory(self) -> bool:
        """Whether more memory was taken than the function has."""
        return self.peak_mb > self._memory_mb

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone; true from that moment on, even before whoever waits for it has been told."""
        if not self._watch.is_alive():
            return True
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        except ChildProcessError:
            return True  # it has been collected

    def _watch_over(self) -> None:
        end = select.poll()
        end.register(self._pid_fd, select.POLLIN)
        while not end.poll(_LOOK_EVERY_MS):
            if self.is_over_memory:
                os.kill(self.pid, signal.SIGKILL)
        os.close(self._pid_fd)
        self.api.end()

    def close(self) -> int:
        """End the process and everything that it has started; its exit status, negative for a signal."""
        self._child.kill()
        self._watch.join()
        self._server.close()
        return self._child.process.returncode


def exit_reason(status: int) -> str:
    """An exit status in Lambda's words."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    return f"Runtime exited with error: exit status {status}"
