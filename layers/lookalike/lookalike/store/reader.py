"""The reader that keeps a snapshot fresh. ``state`` says why it misses no acknowledged row.

A warm reader fetches only new objects. Where the manifest is new and the reader has waiting log segments in memory, it lists
the log once more: a manifest forgets the names of collected segments, so a segment that is gone would be taken for unfolded.

A cold reader loads the scan tier in parallel ranged reads. The embeddings follow in the background where memory allows;
until then a search reads the few rows that it needs. Embeddings make room for new segments: a merge replaces segments by one
as large, and for a moment both are in memory.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject, StoreError
from lookalike.layout import Layout
from lookalike.store import append_log, rotation_file, segment, segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest, SegmentRef
from lookalike.store.newest import overlay, resolve_base
from lookalike.store.object_store import ObjectStore
from lookalike.store.refreshing import Reader
from lookalike.store.rows import Rows
from lookalike.store.segment import Segment
from lookalike.store.shard import Shard
from lookalike.store.snapshot import Snapshot
from lookalike.store.state import State, prove_log_existing, read_consistently
from lookalike.store.stored_segment import StoredSegment

_log = logging.getLogger(__name__)

_READ_AT_ONCE_BYTES = 4 * 1024 * 1024  # S3 gives 85-90 MB/s to one connection, and more to several


class SnapshotReader(Reader[Snapshot]):
    """Keeps a snapshot of a store of photos fresh.

    ``layout``: of the embeddings; a segment of other parts is a CorruptObject. ``memory_bytes``: memory that the snapshot may
    take; embeddings fill the part that the scan tier leaves. ``clocks``: see ``Reader``.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        layout: Layout,
        memory_bytes: int = 0,
        io_threads: int = 16,
        clocks: Sequence[Callable[[], float]] = (),
    ) -> None:
        super().__init__(store, clocks)
        self._layout = layout
        self._memory_bytes = memory_bytes
        self._pool = ThreadPoolExecutor(io_threads, thread_name_prefix="snapshot")
        self._base: dict[str, StoredSegment] = {}
        self._rotations: dict[str, Rotation] = {}
        self._log: dict[str, Segment] = {}
        self._base_shards: tuple[Shard, ...] = ()
        self._residency: threading.Thread | None = None
        self._stop = threading.Event()  # ends the thread

    def limit(self, memory_bytes: int) -> None:
        """Change the memory that the snapshot may take: embeddings leave it or come into it in the background."""
        with self._lock:
            if memory_bytes != self._memory_bytes:
                self._memory_bytes = memory_bytes
                self._stop.set()
                self._start_residency()

    def finish_loading(self, timeout_s: float) -> None:
        """Wait up to ``timeout_s`` for the background load, then stop it; the next refresh loads the rest.

        For a process that is about to be frozen: afterwards nothing reads from the store before the next call.
        """
        with self._lock:
            if self._residency is not None:
                self._residency.join(timeout_s)
            # A read still under way may wake up to a connection that is gone: then its thread ends, and no caller waits for it.
            self._stop.set()

    def _refresh(self, store: ObjectStore) -> Snapshot:
        snapshot = super()._refresh(store)
        self._start_residency()
        return snapshot

    def _read(self, store: ObjectStore) -> Snapshot:
        known = self._seen.manifest if self._seen else None
        return read_consistently(store, PHOTO_STORE, partial(self._load, store), known=known)

    def _load(self, store: ObjectStore, state: State[Manifest]) -> Snapshot:
        old, newest = self._seen, state.manifest
        waiting = frozenset(entry.name for entry in state.waiting)
        is_new = old is None or newest is not old.manifest or not self._loads_as_before()
        if old and not is_new and waiting == old.log_names:
            return old
        if is_new:
            prove_log_existing(store, waiting & self._log.keys())
        self._base = self._load_base(store, self._scanned(newest))
        log_segments = self._load_log(store, sorted(waiting))
        if is_new:
            segments = list(self._base.values())
            self._base_shards = tuple(Shard(*pair) for pair in zip(segments, resolve_base(segments), strict=True))
        self._log = log_segments
        top = segment.merge(list(log_segments.values()) or [segment.from_rows([], self._layout)])
        return self._made(Snapshot(newest, waiting, overlay(self._base_shards, top), self._layout))

    def _loads_as_before(self) -> bool:
        """Whether the same state is loaded in the same way as last time."""
        return True

    def _scanned(self, manifest: Manifest) -> Sequence[SegmentRef]:
        """The segments that are loaded."""
        return manifest.segments

    def _made(self, snapshot: Snapshot) -> Snapshot:
        """What readers get of the snapshot of the loaded segments."""
        return snapshot

    def _load_log(self, store: ObjectStore, names: Sequence[str]) -> dict[str, Segment]:
        """The named log segments; those not in memory are fetched in parallel."""
        missing = [name for name in names if name not in self._log]
        fetched = dict(zip(missing, self._pool.map(partial(append_log.read, store), missing), strict=True))
        return {name: self._log[name] if name in self._log else self._checked(name, fetched[name]) for name in names}

    def _load_base(self, store: ObjectStore, refs: Iterable[SegmentRef]) -> dict[str, StoredSegment]:
        """The segments and their rotations; those not in memory are fetched in parallel, all parts at once."""
        missing = [ref for ref in refs if ref.name not in self._base]
        self._make_room({ref.name for ref in refs})
        needed = {name for ref in refs for name in ref.rotations}
        rotations = {
            name: self._pool.submit(rotation_file.read, store, name) for name in sorted(needed - self._rotations.keys())
        }
        reads = {ref.name: self._start_reading(store, ref) for ref in missing}
        self._rotations = {name: rotation for name, rotation in self._rotations.items() if name in needed} | {
            name: read.result() for name, read in rotations.items()
        }
        opened = {ref.name: self._open(ref, reads.pop(ref.name)) for ref in missing}
        return {ref.name: self._base[ref.name] if ref.name in self._base else opened[ref.name] for ref in refs}

    def _make_room(self, needed: set[str]) -> None:
        """Drop the embeddings of segments not needed any more; the current snapshot reads the few rows it needs."""
        replaced = [stored for name, stored in self._base.items() if name not in needed]
        if replaced:
            self._stop.set()
        for stored in replaced:
            stored.release()

    def _start_reading(self, store: ObjectStore, ref: SegmentRef) -> list[Future[bytes]]:
        if ref.stored_bytes <= _READ_AT_ONCE_BYTES:
            return [self._pool.submit(segment_reads.read_bytes, store, ref)]
        spans = segment_reads.scan_spans(ref, _READ_AT_ONCE_BYTES)
        return [self._pool.submit(segment_reads.read_scan, store, ref, *span) for span in spans]

    def _open(self, ref: SegmentRef, reads: list[Future[bytes]]) -> StoredSegment:
        data = b"".join(read.result() for read in reads)
        try:
            opened = StoredSegment(self._store, ref.name, data, rotation=self._rotation, pool=self._pool)
        except CorruptObject as error:
            raise CorruptObject(f"{ref.name}: {error}") from error
        return self._checked(ref.name, opened)

    def _rotation(self, name: str) -> Rotation:
        if name not in self._rotations:
            raise CorruptObject(f"a segment was coded by {name}, which its manifest does not name")
        return self._rotations[name]

    def _checked[Kind: Rows](self, name: str, fetched: Kind) -> Kind:
        if not fetched.layout.has_parts_of(self._layout):
            raise CorruptObject(f"{name} has embeddings of the parts {fetched.layout}, not {self._layout}")
        return fetched

    def _start_residency(self) -> None:
        """Load the embeddings of as many segments as memory allows in the background; drop those of the others."""
        # The log is in memory whole, and once more as the one segment on top.
        log_bytes = 2 * sum(appended.embedding.nbytes for appended in self._log.values())
        room = self._memory_bytes - log_bytes - sum(stored.scan_bytes for stored in self._base.values())
        lacking = []
        for stored in self._base.values():
            if stored.embedding_bytes <= room:
                room -= stored.embedding_bytes
                if not stored.is_resident:
                    lacking.append(stored)
            elif stored.embedding_bytes > _READ_AT_ONCE_BYTES:
                stored.release()
        if lacking and not self._is_loading():
            self._stop = threading.Event()
            self._residency = threading.Thread(
                target=_make_resident, args=(lacking, self._stop), name="residency", daemon=True
            )
            self._residency.start()

    def _is_loading(self) -> bool:
        return self._residency is not None and self._residency.is_alive() and not self._stop.is_set()


def _make_resident(segments: Iterable[StoredSegment], stop: threading.Event) -> None:
    for stored in segments:
        try:
            stored.make_resident(stop)
        except StoreError as error:
            # Searches go on reading what they need, and the next refresh tries again.
            _log.warning("embeddings were not made resident: %s", error)
            return
