"""Children that do not outlive the supervisor, however it ends.

Each child holds the reading end of a pipe whose writing end only the supervisor has. Nothing is ever written: when the
supervisor ends, even by SIGKILL, the system closes its end, the read returns, and the child ends too.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Final, Never

from scripts.common.paths import ROOT

_GRACE_S: Final = 3


class Child:
    """A process started with ``command`` plus ``--lifeline FD``; ``passed`` file descriptors stay open in it."""

    def __init__(
        self, command: Sequence[str], *, log: IO[bytes], env: Mapping[str, str], passed: Sequence[int] = ()
    ) -> None:
        read_end, write_end = os.pipe()
        self._write_end: int | None = write_end
        try:
            self.process = subprocess.Popen(
                [*command, "--lifeline", str(read_end)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=ROOT,
                pass_fds=(read_end, *passed),
                # Ctrl-C in the terminal is the supervisor's to handle.
                start_new_session=True,
            )
        finally:
            os.close(read_end)

    @property
    def pid(self) -> int:
        return self.process.pid

    def kill(self) -> None:
        """End the process and whatever it has started, at once, and collect it."""
        # As long as it is not collected, its number is no other process's.
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """Let the process end, by force after a moment. May be called more than once."""
        if self._write_end is not None:
            os.close(self._write_end)
            self._write_end = None
        try:
            self.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def end_with_parent(lifeline: int) -> Never:
    """Wait until the supervisor is gone, and end this process."""
    while os.read(lifeline, 1):
        pass
    os._exit(0)


def python(module: str) -> list[str]:
    """The command that runs one of the local stack's modules with this Python."""
    return [sys.executable, "-m", module]
