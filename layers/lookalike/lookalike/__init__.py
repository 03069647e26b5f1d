"""Lookalike: the domain package that the functions and the scripts share.

Imports point one way: use cases (``ingest``, ``search``, ``compaction``) -> ``snapshot``, ``segment``, ``knn``,
``embedder`` -> ``records``, ``object_store``, ``errors``.
"""

__version__ = "0.1.0"
