#!/usr/bin/env python3
"""Benchmarks, each beside what it is compared to, in the same run on the same machine.

    scripts/bench.py search --embeddings real.npy --generate 44441x2048
    scripts/bench.py cold --photos photos.zip --image
    scripts/bench.py growth
    scripts/bench.py append --json
    scripts/bench.py ingest photos.zip
    scripts/bench.py all                        all of them; writes docs/benchmarks.md and docs/growth.md

Peers are used where they are installed; `make bench` has them all. S3 is the local one, in a process of its own.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that `scripts/bench.py` finds its neighbours however it is started

from scripts.benchmarks.command import parser  # noqa: E402
from scripts.benchmarks.errors import BenchError  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark that is named; 2 where it cannot be run."""
    options = parser(__doc__ or "", ROOT).parse_args(arguments)
    found: Iterator[dict[str, Any]] = import_module(f"scripts.benchmarks.{options.module}").run(options)
    try:
        if options.json:
            for line in found:
                print(json.dumps(line), flush=True)
        else:
            from scripts.benchmarks.results import print_tables

            print_tables(found)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
