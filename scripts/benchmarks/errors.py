"""What can go wrong in a benchmark."""


class BenchError(Exception):
    """There is nothing to measure, or it does not work. The message says what to do."""
