"""Stores with a body and an index that follows them."""

from collections.abc import Sequence

from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.follow import follow
from lookalike.index.memory import MemoryIndex
from lookalike.layout import Layout
from lookalike.search.indexed_reader import IndexedReader
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.search.view import ProductView
from lookalike.store import append_log
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Row
from lookalike.tables.table import Table

EVERY_SEGMENT_FULL = Policy(segment_bytes=1)
"""By it each row is a segment of its own, and full."""


def add(store: ObjectStore, rows: Sequence[Row], layout: Layout, policy: Policy | None = None) -> None:
    """Append rows, and compact the store where a policy is given."""
    append_log.append(store, rows, layout=layout)
    if policy is not None:
        compact(store, policy)


def indexed(store: ObjectStore, index: MemoryIndex, layout: Layout) -> IndexedSnapshot:
    """What a new reader sees."""
    snapshot = IndexedReader(store, index=index, layout=layout, io_threads=2).refresh()
    assert isinstance(snapshot, IndexedSnapshot)
    return snapshot


def followed(store: ObjectStore, index: MemoryIndex, layout: Layout, policy: Policy) -> IndexedSnapshot:
    """The same, once the index has followed."""
    follow(store, index, layout, policy)
    return indexed(store, index, layout)


def indexed_view_of(store: ObjectStore, index: MemoryIndex, layout: Layout, table: Table) -> ProductView:
    """What a new reader sees, joined with product data."""
    return ProductView.of(indexed(store, index, layout), table)
