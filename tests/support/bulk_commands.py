"""`scripts.bulk` in a process of its own, which starts Ray once for many commands.

    python -m tests.support.bulk_commands

Each line of the input is the arguments of a command as JSON; the answer is a line: how it ended, its output and its errors.
"""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from scripts import bulk
from scripts.cluster.running import running


def main() -> None:
    answers = sys.stdout
    with running(None, cpus=2, object_bytes=80 * 2**20):
        for line in sys.stdin:
            with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as errors:
                code = bulk.main(json.loads(line))
            print(json.dumps([code, out.getvalue(), errors.getvalue()]), file=answers, flush=True)


if __name__ == "__main__":
    main()
