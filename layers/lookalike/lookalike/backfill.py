"""Backfill: the photos and data files that a store lacks, as events for ingest.

A store is filled from a listing of the catalogue while ingest writes to it, or to the store of another model. A listing has
no sequencers. So each event takes over the sequencer of the newest row of its key in any store of the bucket, with a later
time: a late duplicate of an old deletion does not override it, and the next event of the photo does.

The store itself tells how far a backfill came; no other record exists. A stopped backfill continues when it is started again,
and a backfill that starts after the new model went live finds the changes since then.

Ingest reads each photo when its turn comes. A listing that is minutes old by then does no harm: for a deleted photo ingest
writes a tombstone, for a replaced one the newer content, and the events of both are on their way.

Data files work the same way. Their store is one for all models, so a new model needs nothing of it.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.photos.catalogue import ListedPhoto, ObjectEvent, is_data, is_folder, product_of
from lookalike.store import segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest, SegmentRef
from lookalike.store.newest import newest_mask
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.products import product_log
from lookalike.store.products.live import Waiting, live_files
from lookalike.store.products.product_manifest import PRODUCT_STORE, ProductManifest
from lookalike.store.records import ORDER_BYTES, Op, event_of
from lookalike.store.state import State, read_consistently

Orders = Mapping[bytes, bytes]
"""The order of each key's newest row, 32 bytes, by the hash of the key, 16 bytes."""


def is_photo(key: str) -> bool:
    """Whether ingest takes events of this key for those of a photo."""
    return product_of(key) is not None and "\0" not in key


@dataclass(frozen=True, slots=True)
class Plan:
    """The differences between the catalogue and a store.

    ``added``: photos that the store never had; ``changed``: photos newer than the store's; ``gone``: photos that only the store
    has; ``done``: the number of photos that the store has as they are.
    """

    added: tuple[ObjectEvent, ...]
    changed: tuple[ObjectEvent, ...]
    gone: tuple[ObjectEvent, ...]
    done: int

    @property
    def events(self) -> tuple[ObjectEvent, ...]:
        """All events to ingest."""
        return self.added + self.changed + self.gone


def plan(
    listed: Iterable[ListedPhoto],
    lost: Iterable[str],
    target: Orders,
    others: Iterable[Orders],
    *,
    bucket: str,
    is_taken: Callable[[str], bool] = is_photo,
) -> Plan:
    """Compare a listing of the catalogue with the store that is to be filled.

    ``lost``: the keys of ``unlisted``; ``others``: the other stores of the bucket, whose rows record earlier events;
    ``is_taken``: whether ingest takes events of a key.
    """
    known = _newest([target, *others])
    added: list[ObjectEvent] = []
    changed: list[ObjectEvent] = []
    done = 0
    for photo in listed:
        if not is_taken(photo.key):
            continue
        key_hash = text_hash(photo.key)
        own, newest = target.get(key_hash), known.get(key_hash)
        if own is not None and newest is not None and _is_current(own, newest, photo.modified_ms):
            done += 1
            continue
        (added if own is None else changed).append(_event(bucket, photo.key, newest, photo.modified_ms))
    gone = [_event(bucket, key, known.get(text_hash(key)), 0) for key in lost]
    return Plan(tuple(added), tuple(changed), tuple(gone), done)


def unlisted(listed: Iterable[ListedPhoto], target: Orders) -> frozenset[bytes]:
    """The hashes of the keys of photos that are in a store and not in the catalogue any more."""
    hashes = {text_hash(photo.key) for photo in listed}
    return frozenset(key_hash for key_hash, order in target.items() if event_of(order).op is not Op.DELETE) - hashes


def read_orders(store: ObjectStore, pool: Executor) -> Orders:
    """The newest order of every key of a store. Reads no embeddings. Raises StoreError."""

    def read(state: State[Manifest]) -> Orders:
        columns = list(pool.map(partial(segment_reads.read_keys, store), segment_reads.all_of(state)))
        if not columns:
            return {}
        keys, orders = (np.concatenate(parts) for parts in zip(*columns, strict=True))
        newest = newest_mask(keys, orders)
        # NumPy takes zeros at the end for padding and drops them.
        padded = ((key.ljust(HASH_BYTES, b"\0"), order.ljust(ORDER_BYTES, b"\0")) for key, order in zip(
            keys[newest].tolist(), orders[newest].tolist(), strict=True
        ))  # fmt: skip
        return dict(padded)

    return read_consistently(store, PHOTO_STORE, read)


def read_keys(store: ObjectStore, hashes: Set[bytes], pool: Executor) -> list[str]:
    """The keys of a store with these hashes, ascending. Reads whole the segments that contain them. Raises StoreError."""

    def of_segment(ref: SegmentRef | Entry) -> set[str]:
        key_hashes, _ = segment_reads.read_keys(store, ref)
        rows = np.flatnonzero(np.isin(key_hashes, np.array(sorted(hashes), f"S{HASH_BYTES}")))
        if not len(rows):
            return set()
        whole = segment_reads.read_segment(store, ref)
        return {whole.name(int(row))[1] for row in rows}

    def read(state: State[Manifest]) -> list[str]:
        return sorted(set[str]().union(*pool.map(of_segment, segment_reads.all_of(state))))

    return read_consistently(store, PHOTO_STORE, read) if hashes else []


def plan_files(listed: Iterable[ListedPhoto], known: Mapping[str, bytes], *, bucket: str) -> Plan:
    """Compare the data files of the catalogue with those of the product store. ``known``: the orders of ``read_file_orders``."""
    files = [file for file in listed if is_data(file.key) and not is_folder(file.key)]
    keys = {file.key for file in files}
    lost = sorted(key for key, order in known.items() if key not in keys and event_of(order).op is not Op.DELETE)
    orders = {text_hash(key): order for key, order in known.items()}
    found = plan(files, lost, orders, (), bucket=bucket, is_taken=lambda key: "\0" not in key)
    # Some files are refused by their name, without a look at whether they exist.
    return replace(found, gone=tuple(replace(event, removed=True) for event in found.gone))


def read_file_orders(store: ObjectStore) -> Mapping[str, bytes]:
    """The newest order of every data file of the product store, deleted ones included, by key. Raises StoreError."""

    def read(state: State[ProductManifest]) -> Mapping[str, bytes]:
        waiting = (Waiting(entry.name, entry.size, product_log.read(store, entry.name)[0]) for entry in state.waiting)
        return {file.key: file.order for file in live_files(state.manifest, waiting)}

    return read_consistently(store, PRODUCT_STORE, read)


def _newest(stores: Iterable[Orders]) -> Orders:
    newest: dict[bytes, bytes] = {}
    for orders in stores:
        for key_hash, order in orders.items():
            if newest.get(key_hash, b"") < order:
                newest[key_hash] = order
    return newest


def _is_current(own: bytes, newest: bytes, modified_ms: int) -> bool:
    """Whether the store's own row of a listed photo is that of the photo as it is now.

    S3 lists whole seconds, so a replacement may not show in the time; the sequencer in another store's row tells it. For
    equal sequencers the times of the rows say nothing, as each backfill adds to the last one's time. A tombstone that is not
    older than the photo is left to the photo's own event.
    """
    event = event_of(own)
    return event.sequencer == event_of(newest).sequencer and event.time_ms >= modified_ms


def _event(bucket: str, key: str, newest: bytes | None, modified_ms: int) -> ObjectEvent:
    """The event that puts a photo as it is above the newest row of its key, and below the next event from S3."""
    if newest is None:
        return ObjectEvent(bucket, key, False, None, modified_ms)
    last = event_of(newest)
    return ObjectEvent(bucket, key, False, last.sequencer, max(modified_ms, last.time_ms + 1))
