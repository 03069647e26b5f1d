"""The benchmarks of `python -m scripts.bench`."""
