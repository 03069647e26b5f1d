"""Snapshots: what the store holds at one moment, and the reader that keeps one fresh.

A snapshot is the newest manifest's segments plus the log segments not folded into them. The reader lists the log first and
the manifests second. In that order nothing acknowledged can be missed, however long it pauses in between: a log segment
that existed at the first listing is either in it, or was deleted before, and then the manifest that folded it is not newer
than the one found second. A segment that has vanished in the meantime means a newer manifest: the reader starts again.

Of all rows of a key the newest is live, wherever it is. A warm reader fetches only the objects it does not have. Where the
manifest is new, it lists the log once more if it holds segments that are still to be folded: one that is gone would be
taken for unfolded, as a manifest forgets the names of collected segments.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike import log, manifest, segment
from lookalike.errors import CorruptObject, NotFound, ObjectMissing, StoreUnavailable
from lookalike.manifest import Manifest
from lookalike.object_store import ObjectStore
from lookalike.records import HASH_BYTES, Op, Row, text_hash
from lookalike.segment import Hashes, Segment

Mask = npt.NDArray[np.bool_]

_REFRESH_ATTEMPTS = 5


@dataclass(frozen=True)
class Part:
    """A segment and which of its rows are live: bool (rows,)."""

    segment: Segment
    live: Mask

    def __post_init__(self) -> None:
        self.live.flags.writeable = False

    @cached_property
    def live_puts(self) -> npt.NDArray[np.int64]:
        """The rows that can be found by a search, ascending. int64."""
        return np.flatnonzero(self.live & self.segment.is_put)

    def rows_of(self, column: Hashes, value: bytes) -> npt.NDArray[np.int64]:
        """The live rows whose hash is ``value``."""
        return np.flatnonzero((column == np.bytes_(value)) & self.live)


@dataclass(frozen=True)
class Snapshot:
    """The rows of the store at one moment, each key's newest row live and only that."""

    manifest: Manifest
    log_names: frozenset[str]
    parts: tuple[Part, ...]

    @property
    def version(self) -> str:
        """What this snapshot is of: the manifest's version and the number of log segments on top of it."""
        return f"{self.manifest.version}+{len(self.log_names)}"

    @cached_property
    def photos(self) -> int:
        """How many photos are searchable."""
        return sum(len(part.live_puts) for part in self.parts)

    @cached_property
    def products(self) -> int:
        """How many products have at least one searchable photo."""
        hashes = [part.segment.product_hash[part.live_puts] for part in self.parts]
        return len(np.unique(np.concatenate(hashes))) if hashes else 0

    @cached_property
    def rejected(self) -> int:
        """How many photos were refused and not replaced or deleted since."""
        return sum(int(np.count_nonzero((part.segment.op == Op.REJECT) & part.live)) for part in self.parts)

    def product(self, product_id: str) -> list[Row]:
        """The searchable and the rejected photos of a product, by key. Raises NotFound where there is none."""
        wanted = text_hash(product_id)
        rows = [
            part.segment.row(int(row))
            for part in self.parts
            for row in part.rows_of(part.segment.product_hash, wanted)
            if part.segment.op[row] != Op.DELETE
        ]
        if not rows:
            raise NotFound(f"the catalogue has no product {product_id!r}")
        return sorted(rows, key=lambda row: row.key)

    def rows(self) -> Iterator[Row]:
        """Every searchable or rejected row, in no particular order."""
        for part in self.parts:
            for row in np.flatnonzero(part.live & (part.segment.op != Op.DELETE)):
                yield part.segment.row(int(row))


def newest_mask(key_hash: Hashes, order: Hashes) -> Mask:
    """Which rows are the newest of their key; of rows equal in key and order the last. bool (rows,).

    Nearly all keys of a large store have one row, so the first eight bytes of the hash are sorted as integers, and only
    rows that share them are compared in full.
    """
    newest = np.ones(len(key_hash), bool)
    heads = _heads(key_hash)
    by_head = np.argsort(heads, kind="stable")
    same_as_next = heads[by_head[1:]] == heads[by_head[:-1]]
    if not same_as_next.any():
        return newest
    shared = np.zeros(len(heads), bool)
    shared[by_head[1:][same_as_next]] = True
    shared[by_head[:-1][same_as_next]] = True
    contested = np.flatnonzero(shared)
    by_age = contested[np.lexsort((order[contested], key_hash[contested]))]
    superseded = key_hash[by_age[1:]] == key_hash[by_age[:-1]]
    newest[by_age[:-1][superseded]] = False
    return newest


def _heads(key_hash: Hashes) -> npt.NDArray[np.uint64]:
    columns = np.ascontiguousarray(key_hash).view(np.uint8).reshape(-1, HASH_BYTES)
    return np.ascontiguousarray(columns[:, :8]).view(">u8").reshape(-1).astype(np.uint64)


def _resolve_base(segments: Sequence[Segment]) -> list[Mask]:
    if not segments:
        return []
    newest = newest_mask(
        np.concatenate([part.key_hash for part in segments]),
        np.concatenate([part.order for part in segments]),
    )
    return np.split(newest, np.cumsum([len(part) for part in segments])[:-1])


def _overlay(base: Sequence[Part], top: Segment) -> tuple[Part, ...]:
    """The base with the rows of ``top`` on it; a row that both hold stays where it is."""
    if not len(top):
        return tuple(base)
    top_live = np.ones(len(top), bool)
    parts = []
    for part in base:
        held = part.segment
        at = np.minimum(np.searchsorted(held.key_hash, top.key_hash), max(len(held) - 1, 0))
        both = np.flatnonzero(held.key_hash[at] == top.key_hash) if len(held) else np.empty(0, np.int64)
        both = both[part.live[at[both]]]
        newer = top.order[both] > held.order[at[both]]
        live = part.live
        if newer.any():
            live = live.copy()
            live[at[both[newer]]] = False
        top_live[both[~newer]] = False
        parts.append(Part(held, live))
    return (*parts, Part(top, top_live))


class SnapshotReader:
    """Keeps a snapshot of a store fresh. Safe for threads; one refresh runs at a time."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        dimensions: int,
        io_threads: int = 16,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._dimensions = dimensions
        self._clock = clock
        self._pool = ThreadPoolExecutor(io_threads, thread_name_prefix="snapshot")
        self._lock = threading.Lock()
        self._base: dict[str, Segment] = {}
        self._log: dict[str, Segment] = {}
        self._base_parts: tuple[Part, ...] = ()
        self._snapshot: Snapshot | None = None
        self._refreshed_at = 0.0

    @property
    def age_s(self) -> float:
        """Seconds since the store was last asked."""
        return self._clock() - self._refreshed_at

    def current(self, max_staleness_s: float) -> Snapshot:
        """A snapshot that was the newest at most ``max_staleness_s`` ago. Raises StoreError."""
        with self._lock:
            if self._snapshot is None or self.age_s > max_staleness_s:
                return self._refresh()
            return self._snapshot

    def refresh(self) -> Snapshot:
        """The newest snapshot. Raises StoreError."""
        with self._lock:
            return self._refresh()

    def _refresh(self) -> Snapshot:
        for _ in range(_REFRESH_ATTEMPTS):
            started = self._clock()
            try:
                self._snapshot = self._read()
            except ObjectMissing:
                continue  # collected since it was listed: there is a newer manifest
            self._refreshed_at = started
            return self._snapshot
        raise StoreUnavailable(f"the store changed under {_REFRESH_ATTEMPTS} attempts to read it: try again")

    def _read(self) -> Snapshot:
        held = self._snapshot
        log_names = {entry.name for entry in log.entries(self._store)}
        newest_name = manifest.newest_name(self._store)
        if held and newest_name == (held.manifest.name if held.manifest.version else None):
            newest = held.manifest
        else:
            newest = manifest.read(self._store, newest_name)
        unfolded = frozenset(log_names - newest.folded.keys())
        if held and newest is held.manifest and unfolded == held.log_names:
            return held
        if not held or newest is not held.manifest:
            self._prove_existing(unfolded & self._log.keys())
        base_names = [ref.name for ref in newest.segments]
        self._base = self._load(base_names, self._base)
        log_segments = self._load(sorted(unfolded), self._log)
        if not held or newest is not held.manifest:
            segments = [self._base[name] for name in base_names]
            masks = _resolve_base(segments)
            self._base_parts = tuple(Part(*pair) for pair in zip(segments, masks, strict=True))
        self._log = log_segments
        top = segment.merge(list(log_segments.values()) or [segment.from_rows([], self._dimensions)])
        return Snapshot(newest, unfolded, _overlay(self._base_parts, top))

    def _prove_existing(self, names: frozenset[str]) -> None:
        """Raises ObjectMissing unless these log segments, held from before, are still there.

        A manifest forgets a folded segment once it is gone. If that happened since the log was listed, the segment only
        seems unfolded, and what was held of it would go on top of a store that may have dropped its keys' tombstones.
        """
        if names and not names <= {entry.name for entry in log.entries(self._store)}:
            raise ObjectMissing("a log segment was folded and collected since it was listed")

    def _load(self, names: Iterable[str], held: dict[str, Segment]) -> dict[str, Segment]:
        """The named segments, fetched in parallel where they are not held yet; the others are let go."""
        names = list(names)
        missing = [name for name in names if name not in held]
        fetched = dict(zip(missing, self._pool.map(self._fetch, missing), strict=True))
        return {name: held[name] if name in held else fetched[name] for name in names}

    def _fetch(self, name: str) -> Segment:
        fetched = segment.decode(self._store.get(name))
        if fetched.dimensions != self._dimensions:
            raise CorruptObject(f"{name} has embeddings of {fetched.dimensions} dimensions, not {self._dimensions}")
        return fetched
