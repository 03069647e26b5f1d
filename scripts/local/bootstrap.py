"""The start of an isolated function's process, as Lambda's own bootstrap makes it.

    python -I -S -B bootstrap.py HANDLER OPT RUNTIME --lifeline FD

OPT stands for /opt and RUNTIME for /var/runtime. The options keep the packages and Python variables of this machine out, so
that the import path is Lambda's: the function, the layers, the runtime, and the standard library. This file imports
only modules that Lambda's bootstrap imports too: the time that a function takes to start includes them.
"""

import os
import signal
import sys
import threading

_, _handler, _opt, _runtime, _, _line = sys.argv
_lifeline = int(_line)


def _end_with_supervisor() -> None:
    """Wait until the supervisor has ended; then end this process and everything that it has started."""
    while os.read(_lifeline, 1):
        pass
    os.killpg(0, signal.SIGKILL)


# Processes that the function starts must not hold the line: the supervisor would not notice the end of this one.
os.set_inheritable(_lifeline, False)
os.register_at_fork(after_in_child=lambda: os.close(_lifeline))
threading.Thread(target=_end_with_supervisor, daemon=True).start()
os.chdir(os.environ["LAMBDA_TASK_ROOT"])
sys.path[:0] = [
    os.environ["LAMBDA_TASK_ROOT"],
    f"{_opt}/python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages",
    f"{_opt}/python",
    _runtime,
]
sys.argv = ["bootstrap", _handler]

from awslambdaric.__main__ import main  # noqa: E402 - it is on the path above

main(sys.argv)
