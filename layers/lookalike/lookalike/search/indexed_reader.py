"""The reader for searches with an index: it loads the tail alone, and the cursor that says which rows of the body are live.

The cursor is read first, and the state of the store after it. So the manifest is never older than the cursor's. Memory, and the
time of a cold start, grow with the tail and not with the body.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from lookalike.index.port import CandidateIndex
from lookalike.layout import Layout
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.store import index_cursor
from lookalike.store.body import Body
from lookalike.store.body_segment import BodySegment
from lookalike.store.index_cursor import Cursor
from lookalike.store.manifest import PHOTO_STORE, Manifest, SegmentRef
from lookalike.store.object_store import ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.shard import Shard
from lookalike.store.snapshot import Snapshot
from lookalike.store.state import again_while_missing, read_consistently

_SEGMENTS_KEPT: Final = 64  # of about 1.5 MB each, where all of their blocks are in use


class IndexedReader(SnapshotReader):
    """Keeps an ``IndexedSnapshot`` fresh. ``index``: the body's candidates come from it; refreshing does not ask it."""

    def __init__(self, store: ObjectStore, *, index: CandidateIndex, layout: Layout, **options: Any) -> None:
        super().__init__(store, layout=layout, **options)
        self._index = index
        self._cursor = Cursor(index.name)
        self._loaded_cursor = self._cursor
        self._opened: OrderedDict[str, BodySegment] = OrderedDict()
        self._opening = threading.Lock()

    def _read(self, store: ObjectStore) -> Snapshot:
        known = self._seen.manifest if self._seen else None
        newest_cursor = partial(index_cursor.newest, store, self._index.name, self._cursor)
        self._cursor = again_while_missing(newest_cursor, "read its cursor")
        return read_consistently(store, PHOTO_STORE, partial(self._load, store), known=known)

    def _loads_as_before(self) -> bool:
        return self._cursor is self._loaded_cursor

    def _scanned(self, manifest: Manifest) -> Sequence[SegmentRef]:
        return [ref for ref in manifest.segments if ref.name not in self._cursor.body]

    def _made(self, snapshot: Snapshot) -> Snapshot:
        cursor = self._loaded_cursor = self._cursor
        body = Body(cursor, snapshot.manifest, self._open_body, self._pool)
        # The segments that are loaded come first, in their order, and then the log.
        names = [ref.name for ref in self._scanned(snapshot.manifest)]
        shards, covered = [], []
        for number, shard in enumerate(snapshot.shards):
            known = cursor.segments.get(names[number]) if number < len(names) else None
            covered.append(known is not None)
            shards.append(shard if known is None else Shard(shard.segment, shard.live & known.live))
        return IndexedSnapshot(
            snapshot.manifest, snapshot.log_names, tuple(shards), snapshot.layout, tuple(covered), body, self._index
        )

    def _open_body(self, ref: SegmentRef) -> BodySegment:
        """A segment of the body, with what was read of it lately."""
        with self._opening:
            segment = self._opened.get(ref.name) or BodySegment(self._store, ref, self._pool)
            self._opened[ref.name] = segment
            self._opened.move_to_end(ref.name)
            while len(self._opened) > _SEGMENTS_KEPT:
                self._opened.popitem(last=False)
            return segment
