"""Searching against the number of rows, over generated vectors: a smaller catalogue is the beginning of a larger one."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.data import Shape, generated
from scripts.benchmarks.results import Result
from scripts.benchmarks.search import compare, scratch
from scripts.benchmarks.stores import bench_s3, build, in_own_process


def run(options: argparse.Namespace) -> Iterator[Result]:
    """Figures of each engine at each number of rows. Raises BenchError."""
    with scratch() as folder, bench_s3():
        for rows in options.rows:
            data = generated(Shape(rows, options.dimensions), Path(folder), queries=options.queries)
            in_own_process(build, data, f"{data.path.stem}/")
            yield from compare(data, options, bench="growth")
            data.path.unlink()
