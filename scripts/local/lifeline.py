"""Children that end when the supervisor ends, however it ends, and that tell it at once when they end themselves.

A socket pair connects each child with the supervisor. Nothing is ever sent over it: when one side ends, even by SIGKILL, the
system closes that side, and the other side reads the end of the stream.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Final

from scripts.common.paths import ROOT

_GRACE_S: Final = 3


class Child:
    """A process started with ``command`` plus ``--lifeline FD``; ``passed`` file descriptors stay open in it."""

    def __init__(
        self, command: Sequence[str], *, log: IO[bytes], env: Mapping[str, str], passed: Sequence[int] = ()
    ) -> None:
        self._lifeline, theirs = socket.socketpair()
        with theirs:
            try:
                self.process = subprocess.Popen(
                    [*command, "--lifeline", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(env),
                    cwd=ROOT,
                    pass_fds=(theirs.fileno(), *passed),
                    # The supervisor alone handles Ctrl-C in the terminal.
                    start_new_session=True,
                )
            except OSError:
                self._lifeline.close()
                raise

    @property
    def pid(self) -> int:
        return self.process.pid

    def has_ended(self, wait_s: float = 0) -> bool:
        """Whether the process has ended, after waiting at most ``wait_s``; true even before its status is collected."""
        try:
            return bool(select.select([self._lifeline], [], [], wait_s)[0])
        except (OSError, ValueError):  # another thread has closed the line, after the process had ended
            return True

    def kill(self) -> int:
        """End the process and everything that it has started, at once; its exit status, negative for a signal."""
        # No other process gets its number before its status is collected.
        if self.process.returncode is None:
            # macOS answers EPERM where the whole group has ended.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._hang_up()
        return self.process.wait()

    def close(self) -> None:
        """Let the process end, by force after a moment. May be called more than once."""
        self._hang_up()
        try:
            self.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._lifeline.close()

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):  # the child may have ended
            self._lifeline.shutdown(socket.SHUT_RDWR)


def end_with_parent(lifeline: int) -> None:
    """Wait until the supervisor has ended; then end this process and everything that it has started."""
    # Processes that this one starts must not hold the line: the supervisor would not notice the end of this one.
    os.set_inheritable(lifeline, False)
    os.register_at_fork(after_in_child=lambda: os.close(lifeline))
    while os.read(lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)


def python(module: str) -> list[str]:
    """The command that runs one of the local stack's modules with this Python."""
    return [sys.executable, "-m", module]
