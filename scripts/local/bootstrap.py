"""The start of an isolated function's process, as Lambda's own bootstrap makes it.

    python -I -S -B bootstrap.py HANDLER OPT RUNTIME --lifeline FD

OPT stands for /opt and RUNTIME for /var/runtime. The options keep this machine's packages and variables of Python out, so
that the import path is Lambda's: the function, the layers, the runtime, and the standard library. Nothing is imported
here that Lambda's bootstrap does not import either: what a function takes to start is measured through it.
"""

import os
import signal
import sys
import threading

_, _handler, _opt, _runtime, _, _lifeline = sys.argv


def _end_with_supervisor() -> None:
    """Wait until the supervisor is gone, and end this process with all that it has started."""
    while os.read(int(_lifeline), 1):
        pass
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=_end_with_supervisor, daemon=True).start()
os.chdir(os.environ["LAMBDA_TASK_ROOT"])
sys.path[:0] = [
    os.environ["LAMBDA_TASK_ROOT"],
    f"{_opt}/python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages",
    f"{_opt}/python",
    _runtime,
]
sys.argv = ["bootstrap", _handler]

from awslambdaric.__main__ import main  # noqa: E402 - found on the path above

main(sys.argv)
