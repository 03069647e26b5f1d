"""Proof that a process that embeds photos keeps to itself: it writes no file and starts no thread behind Python's back."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REPORT = """
import json, os, threading, time
deadline = time.monotonic() + 10
# A thread of Python's own leaves the list of the system a moment after Python's.
while (native := len(os.listdir("/proc/self/task")) - threading.active_count()) and time.monotonic() < deadline:
    time.sleep(0.01)
opened = [os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")
          if os.path.lexists(f"/proc/self/fd/{number}")]
print(json.dumps({"native_threads": native, "sockets": [name for name in opened if name.startswith("socket:")]}))
"""


def assert_keeps_to_itself(command: Sequence[str | Path], code: str, home: Path, **environment: str) -> None:
    """Run ``command -c code`` as on a machine that is none of CI's: onnxruntime sends nothing from those by itself.

    Only a thread of its own could send anything, and what it sends waits in a file below HOME.
    """
    variables = {"HOME": str(home), "PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1", **environment}
    report = _run([*command, "-c", code + REPORT], variables)
    assert report == {"native_threads": 0, "sockets": []}
    assert list(home.rglob("*")) == []


def _run(command: Sequence[str | Path], variables: Mapping[str, str]) -> Any:
    done = subprocess.run(command, env=dict(variables), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
