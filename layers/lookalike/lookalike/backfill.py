"""Backfill: the photos and data files that a store lacks, as events for ingest.

A store is filled from a listing of the catalogue while ingest writes to it, or to the store of another model. A listing has
no sequencers. So each event takes over the sequencer of the newest row of its key in any store of the bucket, with a later
time: a late duplicate of an old deletion does not override it, and the next event of the photo does.

The store itself tells how far a backfill came; no other record exists. A stopped backfill continues when it is started again,
and a backfill that starts after the new model went live finds the changes since then.

Ingest reads each photo when its turn comes. A listing that is minutes old by then does no harm: for a deleted photo ingest
writes a tombstone, for a replaced one the newer content, and the events of both are on their way.

Neither the listing nor the keys of a store have to fit into memory: both are compared partition by partition of the key hash
(``store.partitions``), and the listing and the events wait on this machine's disk.

Data files work the same way. Their store is one for all models, so a new model needs nothing of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final, Self

import numpy as np

from lookalike.hashes import HASH_BYTES, hashes_of, text_hash
from lookalike.lines import Lines
from lookalike.photos.catalogue import IMAGES_PREFIX, ListedPhoto, ObjectEvent, is_data, is_folder
from lookalike.store import segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest
from lookalike.store.newest import newest_rows, places_of
from lookalike.store.object_store import ObjectStore
from lookalike.store.partitions import ROWS_AT_ONCE, KeyColumns, partition_of, partitions_of, read_key_columns
from lookalike.store.products import product_log
from lookalike.store.products.live import Waiting, live_files
from lookalike.store.products.product_manifest import PRODUCT_STORE, ProductManifest
from lookalike.store.records import ORDER_BYTES, Op, event_of, event_ops, event_times_ms, padded_order, sequencers
from lookalike.store.rows import Hashes
from lookalike.store.state import State, read_consistently

_AT_ONCE: Final = 1024  # photos that are compared at once

Columns = tuple[Hashes, Hashes]
"""Keys, S16 (keys,), ascending, and the order of the newest row of each, S32 (keys,)."""


class Plan:
    """The differences between the catalogue and a store, as events to ingest. They are on the disk until it is closed.

    ``added``: how many photos the store never had; ``changed``: photos newer than the store's; ``gone``: photos that only the store
    has; ``done``: photos that the store has as they are.
    """

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._lines = Lines()
        self.added = self.changed = self.gone = self.done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def __len__(self) -> int:
        """The number of events."""
        return self.added + self.changed + self.gone

    def __iter__(self) -> Iterator[ObjectEvent]:
        """All events, in the same order each time: partition by partition, and last those of photos that are gone, by key."""
        for events in self._lines:
            for key, removed, sequencer, time_ms in events:
                yield ObjectEvent(self._bucket, key, removed, sequencer, time_ms)

    def append(self, events: Iterable[tuple[str, int, bytes | None]], *, removed: bool = False) -> None:
        """Add events: a key, the time of its object, and the order of its newest row.

        Each puts a photo as it is above the newest row of its key, and below the next event from S3.
        """
        added = []
        for key, time_ms, newest in events:
            last = event_of(newest) if newest is not None else None
            sequencer, later_ms = (last.sequencer, max(time_ms, last.time_ms + 1)) if last else (None, time_ms)
            added.append((key, removed, sequencer, later_ms))
        if added:
            self._lines.append(added)


def is_photo(key: str) -> bool:
    """Whether ingest takes events of this key for those of a photo."""
    return key.startswith(IMAGES_PREFIX) and "\0" not in key


@contextmanager
def planned(
    listed: Iterable[ListedPhoto],
    target: ObjectStore,
    others: Sequence[ObjectStore] = (),
    *,
    bucket: str,
    is_gone: Callable[[str], bool] | None = lambda _: True,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[Plan]:
    """Compare a listing of the catalogue with the store that is to be filled. Raises StoreError, and the errors of ``listed``.

    ``listed`` begins after the stores were read: it is not older than their rows. ``others``: the other stores of the bucket,
    whose rows record earlier events; ``is_gone``: whether a photo that the store has and the listing has not was deleted, by key, or
    None where the listing tells nothing of that; ``rows_at_once``: of the stores, in memory. So are 48 bytes for each photo
    that is not listed.
    """
    with Plan(bucket) as found:
        with ExitStack() as kept:
            of_stores = [kept.enter_context(columns) for columns in _read([target, *others], rows_at_once)]
            partitions = of_stores[0].partitions
            photos = (photo for photo in listed if is_photo(photo.key))
            listing = kept.enter_context(_Listing(photos, partitions))
            unlisted = []
            for number in range(partitions):
                own, *rest = [columns.newest(number) for columns in of_stores]
                known = _Known(own, rest)
                for some in listing.of(number):
                    known.compare(some, found)
                unlisted.append(known.unlisted())
        if is_gone:
            hashes, orders = (np.concatenate(columns) for columns in zip(*unlisted, strict=True))
            keys = list(filter(is_gone, read_keys(target, hashes)))
            places = places_of(np.array([text_hash(key) for key in keys], hashes.dtype), hashes)
            found.append(
                (key, 0, padded_order(order)) for key, order in zip(keys, orders[places].tolist(), strict=True)
            )
            found.gone = len(keys)
        yield found


def read_keys(store: ObjectStore, hashes: Hashes) -> list[str]:
    """The keys of a store with these hashes, which ascend, ascending. Reads whole the segments that contain them. Raises StoreError."""

    def read(state: State[Manifest]) -> list[str]:
        found: set[str] = set()
        refs = segment_reads.all_of(state)
        for ref, (of_segment, _) in zip(refs, read_key_columns(store, refs), strict=True):
            rows = np.flatnonzero(places_of(of_segment, hashes) >= 0).tolist()
            if rows:
                whole = segment_reads.read_segment(store, ref)
                found.update(whole.name(row)[1] for row in rows)
        return sorted(found)

    return read_consistently(store, PHOTO_STORE, read) if len(hashes) else []


@contextmanager
def planned_files(listed: Iterable[ListedPhoto], known: Mapping[str, bytes], *, bucket: str) -> Iterator[Plan]:
    """Compare the data files of the catalogue with those of the product store. ``known``: the orders of ``read_file_orders``."""
    files = [
        (file.key, file.modified_ms)
        for file in listed
        if is_data(file.key) and not is_folder(file.key) and "\0" not in file.key
    ]
    lost = sorted(known.keys() - dict(files).keys())
    lost = [key for key in lost if event_of(known[key]).op is not Op.DELETE]
    hashes = np.array([text_hash(key) for key in known], f"S{HASH_BYTES}")
    columns = newest_rows(hashes, np.array(list(known.values()), f"S{ORDER_BYTES}"))
    with Plan(bucket) as found:
        _Known(columns, []).compare(files, found)
        # Some files are refused by their name, without a look at whether they exist.
        found.append(((key, 0, known[key]) for key in lost), removed=True)
        found.gone = len(lost)
        yield found


def read_file_orders(store: ObjectStore) -> Mapping[str, bytes]:
    """The newest order of every data file of the product store, deleted ones included, by key. Raises StoreError."""

    def read(state: State[ProductManifest]) -> Mapping[str, bytes]:
        waiting = (Waiting(entry.name, entry.size, product_log.read(store, entry.name)[0]) for entry in state.waiting)
        return {file.key: file.order for file in live_files(state.manifest, waiting)}

    return read_consistently(store, PRODUCT_STORE, read)


class _Known:
    """The newest rows of some keys in the store that is to be filled, ``own``, and in all stores.

    Its own row of a listed photo is that of the photo as it is now where no store has another sequencer, and it is not older than
    the photo. S3 lists whole seconds, so a replacement may not show in the time; the sequencer in another store's row tells it. For
    equal sequencers the times of the rows say nothing, as each backfill adds to the last one's time. A tombstone that is not
    older than the photo is left to the photo's own event.
    """

    def __init__(self, own: Columns, others: Sequence[Columns]) -> None:
        self._keys, self._newest = newest_rows(*(np.concatenate(columns) for columns in zip(own, *others, strict=True)))
        places = places_of(own[0], self._keys)
        # One place more than there are keys, the last, is that of every unknown key.
        self._is_own, self._is_listed, self._is_put = np.zeros((3, len(self._keys) + 1), bool)
        self._current_ms = np.full(len(self._keys) + 1, -1)
        self._is_own[places] = True
        self._is_put[places] = event_ops(own[1]) != Op.DELETE
        is_newest = sequencers(own[1]) == sequencers(self._newest[places])
        self._current_ms[places] = np.where(is_newest, event_times_ms(own[1]), -1)

    def compare(self, photos: Sequence[tuple[str, int]], found: Plan) -> None:
        """Add to the plan what listed photos need. Each has a key, and a time in milliseconds since 1970."""
        hashes = np.frombuffer(hashes_of(key.encode() for key, _ in photos), f"S{HASH_BYTES}")
        places = places_of(hashes, self._keys)
        self._is_listed[places] = True
        is_done = self._current_ms[places] >= np.array([modified_ms for _, modified_ms in photos], np.int64)
        is_own = self._is_own[places]
        found.done += int(np.count_nonzero(is_done))
        found.added += int(np.count_nonzero(~is_done & ~is_own))
        found.changed += int(np.count_nonzero(~is_done & is_own))
        found.append(
            (*photos[index], padded_order(self._newest[place]) if (place := places[index]) >= 0 else None)
            for index in np.flatnonzero(~is_done).tolist()
        )

    def unlisted(self) -> Columns:
        """The photos of its own that no listed photo was compared with, and the newest order of each in any store."""
        rows = np.flatnonzero(self._is_put & ~self._is_listed)
        return self._keys[rows], self._newest[rows]


class _Listing:
    """A listing of the catalogue by partition, on the disk until it is closed."""

    def __init__(self, photos: Iterable[ListedPhoto], partitions: int) -> None:
        self._lines = Lines()
        self._places: list[list[int]] = [[] for _ in range(partitions)]
        waiting: list[list[tuple[str, int]]] = [[] for _ in range(partitions)]
        for photo in photos:
            partition = partition_of(text_hash(photo.key), partitions)
            waiting[partition].append((photo.key, photo.modified_ms))
            if len(waiting[partition]) == _AT_ONCE:
                self._places[partition].append(self._lines.append(waiting[partition]))
                waiting[partition] = []
        for places, rest in zip(self._places, waiting, strict=True):
            places.append(self._lines.append(rest))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()

    def of(self, partition: int) -> Iterator[list[tuple[str, int]]]:
        """The key and the time of each photo of a partition, in the order of the listing, ``_AT_ONCE`` at a time."""
        return map(self._lines.read, self._places[partition])


def _read(stores: Sequence[ObjectStore], rows_at_once: int) -> Iterator[KeyColumns]:
    """The key columns of each store, in partitions of as many rows of all stores."""
    of_all = [ref for store in stores for ref in read_consistently(store, PHOTO_STORE, segment_reads.all_of)]
    partitions = partitions_of(of_all, rows_at_once)

    def read(store: ObjectStore, state: State[Manifest]) -> KeyColumns:
        refs = segment_reads.all_of(state)
        return KeyColumns(refs, read_key_columns(store, refs), partitions)

    for store in stores:
        yield read_consistently(store, PHOTO_STORE, partial(read, store))
