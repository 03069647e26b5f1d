"""Checks that a live store keeps the promises of the protocol. It only reads.

It reads every object whole. A lost, doubled or damaged row is an error. Untidiness (an object that a crash left, a log
segment that is folded and not yet collected) is counted, as collection takes care of it. Searches of every segment of the
manifest are compared with scikit-learn's, as compaction does before it publishes.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from lookalike.codes.rotation import Rotation
from lookalike.compaction.checks import Report, checked
from lookalike.compaction.cursor_fsck import check_cursors
from lookalike.compaction.gate import judge
from lookalike.errors import CorruptObject, NotExact
from lookalike.hashes import text_hash
from lookalike.store import append_log, map_file, names, rotation_file, segment_file, segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest, SegmentRef
from lookalike.store.newest import newest_mask
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op
from lookalike.store.segment import Segment
from lookalike.store.segment_file import Encoded
from lookalike.store.state import State


def check(store: ObjectStore) -> Report:
    """Check a store. Safe while writers and compaction run. Raises StoreUnavailable."""
    return checked(store, PHOTO_STORE, partial(_check, store))


def _check(store: ObjectStore, state: State[Manifest]) -> Report:
    """Raises ObjectMissing where an object was collected before it could be read."""
    report = Report()
    newest = state.manifest
    log_bytes = {entry.name: entry.size for entry in state.log}
    waiting = sorted(entry.name for entry in state.waiting)
    manifests = report.read_manifests(store, PHOTO_STORE)
    rotations = {
        name: report.read(store, PHOTO_STORE, name, partial(rotation_file.read, store, name))
        for name in sorted(newest.rotations)
    }
    if newest.map:
        report.read(store, PHOTO_STORE, newest.map.name, partial(map_file.read, store, newest.map.name))
    base = {ref.name: _read_referenced(store, ref, rotations, report) for ref in newest.segments}
    top = {name: report.read(store, PHOTO_STORE, name, partial(append_log.read, store, name)) for name in waiting}
    live = {name: rows for name, rows in (base | top).items() if rows is not None}
    layouts = [rows.layout for rows in live.values()]
    if not all(layout.has_parts_of(layouts[0]) for layout in layouts):
        report.errors.append(f"segments of different parts share the store: {sorted(set(map(str, layouts)))}")
    for name, rows in live.items():
        report.errors += [f"{name}: {problem}" for problem in _problems(rows)]
    newest_orders = _newest_orders(list(live.values()))
    for name in sorted(log_bytes.keys() & newest.folded.keys()):
        _check_folded(store, name, newest_orders, report)
    _check_retired(store, manifests, newest, report)
    check_cursors(store, newest, {name: rows for name, rows in base.items() if rows is not None}, report)
    report.add_foreign(store)
    report.counts |= _counts(store, newest, live, log_bytes)
    return report


def _check_retired(store: ObjectStore, manifests: Sequence[Manifest], newest: Manifest, report: Report) -> None:
    """Verify the objects that only older manifests name, as a reader may still need them."""
    retired = {ref.name: ref for old in manifests for ref in old.segments}
    rotations = {name for old in manifests for name in old.rotations}
    for name in sorted(retired.keys() - newest.objects):
        report.read_unneeded(partial(segment_reads.read_bytes, store, retired[name]))
    maps = {old.map.name for old in manifests if old.map}
    for read, unneeded in ((rotation_file.read, rotations), (map_file.read, maps)):
        for name in sorted(unneeded - newest.objects):
            report.read_unneeded(partial(read, store, name))


def _read_referenced(
    store: ObjectStore, ref: SegmentRef, rotations: Mapping[str, Rotation | None], report: Report
) -> Segment | None:
    data = report.read(store, PHOTO_STORE, ref.name, partial(segment_reads.read_bytes, store, ref))
    if data is None:
        return None
    rows = None
    try:
        rows = segment_file.decode(data)
        if (len(rows), len(rows.embedding)) != (ref.rows, ref.puts):
            report.errors.append(
                f"{ref.name}: holds {len(rows)} rows, {len(rows.embedding)} of them puts; the manifest says "
                f"{ref.rows} and {ref.puts}"
            )
        known = {name: rotation for name in ref.rotations if (rotation := rotations.get(name))}
        if len(known) == len(set(ref.rotations)):
            judge([Encoded(data, ref.scan_bytes)], rows, known)
    except (CorruptObject, NotExact) as error:
        report.errors.append(f"{ref.name}: {error}")
    return rows


def _problems(rows: Segment) -> Iterator[str]:
    """Errors within one segment."""
    if (rows.key_hash[1:] <= rows.key_hash[:-1]).any():
        yield "the rows do not ascend by key, or a key has two rows"
    if (rows.op > max(Op)).any():
        yield "a row has an operation that does not exist"
        return
    if np.count_nonzero(rows.op == Op.PUT) != len(rows.embedding):
        yield "the number of embeddings is not the number of puts"
    if not np.isfinite(rows.embedding).all():
        yield "an embedding is not finite"
    for index in range(len(rows)):
        product_id, key = rows.name(index)
        if text_hash(key).rstrip(b"\0") != rows.key_hash[index]:
            yield f"row {index}: the key {key!r} does not have the hash stored for it"
        if text_hash(product_id).rstrip(b"\0") != rows.product_hash[index]:
            yield f"row {index}: the product {product_id!r} does not have the hash stored for it"


def _newest_orders(segments: list[Segment]) -> dict[bytes, bytes]:
    if not segments:
        return {}
    keys = np.concatenate([rows.key_hash for rows in segments])
    orders = np.concatenate([rows.order for rows in segments])
    newest = newest_mask(keys, orders)
    return dict(zip(keys[newest].tolist(), orders[newest].tolist(), strict=True))


def _check_folded(store: ObjectStore, name: str, newest_orders: dict[bytes, bytes], report: Report) -> None:
    """Each row of a folded segment must be in the store, or a newer row of its key, or it was a tombstone and is dropped."""
    rows = report.read_unneeded(partial(append_log.read, store, name))
    if rows is None:
        return
    for index in range(len(rows)):
        newest = newest_orders.get(bytes(rows.key_hash[index]))
        if newest is None and rows.op[index] != Op.DELETE:
            report.errors.append(f"{name}: the row of {rows.name(index)[1]!r} was folded and is gone")
        elif newest is not None and newest < bytes(rows.order[index]):
            report.errors.append(f"{name}: an older row of {rows.name(index)[1]!r} stands in its place")


def _counts(
    store: ObjectStore, newest: Manifest, live: dict[str, Segment], log_bytes: dict[str, int]
) -> dict[str, int]:
    stored = {entry.name: entry.size for entry in store.list(names.SEGMENTS) if names.kind_of(entry.name)}
    referenced = newest.objects
    waiting = log_bytes.keys() - newest.folded.keys()
    visible = np.empty(0, np.uint32)
    if live:
        newest_rows = newest_mask(
            np.concatenate([rows.key_hash for rows in live.values()]),
            np.concatenate([rows.order for rows in live.values()]),
        )
        visible = np.concatenate([rows.op for rows in live.values()])[newest_rows]
    return {
        "version": newest.version,
        "segments": len(newest.segments),
        "log segments waiting": len(waiting),
        "log segments folded, not collected": len(log_bytes) - len(waiting),
        "attempts at single photos": sum(1 for _ in store.list(names.ATTEMPTS)),
        "segments without a manifest": len(stored.keys() - referenced),
        "bytes in use": sum(stored.get(name, 0) for name in referenced) + sum(log_bytes[name] for name in waiting),
        "bytes to collect": sum(size for name, size in stored.items() if name not in referenced)
        + sum(size for name, size in log_bytes.items() if name in newest.folded),
        "rows": sum(len(rows) for rows in live.values()),
        "photos": int(np.count_nonzero(visible == Op.PUT)),
        "rejects": int(np.count_nonzero(visible == Op.REJECT)),
        "tombstones": int(np.count_nonzero(visible == Op.DELETE)),
    }
