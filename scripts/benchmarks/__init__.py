"""Benchmarks beside peers: what `python -m scripts.bench` runs."""
