"""The error of the benchmarks."""


class BenchError(Exception):
    """The benchmark cannot be run. The message says what to do."""
