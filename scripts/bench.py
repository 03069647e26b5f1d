#!/usr/bin/env python3
"""Benchmarks, beside peers in the same run on the same machine.

    python -m scripts.bench search --embeddings real.npy --generate 44441x2048
    python -m scripts.bench search --generate 10000x512 --generate 100000x512
    python -m scripts.bench filters --generate 44441x512
    python -m scripts.bench cold --photos photos.zip
    python -m scripts.bench index --generate 1000000x512
    python -m scripts.bench starts --rows 44441 --function query
    python -m scripts.bench append --json
    python -m scripts.bench partitions --keys 20000000
    python -m scripts.bench ingest photos.zip
    python -m scripts.bench bulk photos.zip
    python -m scripts.bench products --products 44441 --products 1000000
    python -m scripts.bench tables
    python -m scripts.bench product-reads --products 1000000
    python -m scripts.bench page photos.zip
    python -m scripts.bench map --embeddings real.npy --generate 200000x512
    python -m scripts.bench map-page photos.zip --map map.json
    python -m scripts.bench photos
    python -m scripts.bench stress --writers 64

`make bench` installs the peers, without which an engine is left out. It runs all that docs/benchmarks.md compares with them.
S3 is the local one, in a process of its own.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from scripts.benchmarks.command import parser
from scripts.benchmarks.errors import BenchError


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark that is named: 2 if it cannot be run or fails."""
    options = parser(__doc__).parse_args(arguments)
    lines: Iterator[dict[str, Any]] = import_module(f"scripts.benchmarks.{options.module.replace('-', '_')}").run(
        options
    )
    try:
        if options.json:
            for line in lines:
                print(json.dumps(line), flush=True)
        else:
            from scripts.benchmarks.results import print_tables

            print_tables(lines)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
