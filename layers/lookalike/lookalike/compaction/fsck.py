"""Checks that a live store keeps the promises of the protocol. It only reads.

It reads every object whole. A lost, doubled or damaged row is an error. Untidiness (an object that a crash left, a log
segment that is folded and not yet collected) is counted, as collection takes care of it. Searches of every segment of the
manifest are compared with scikit-learn's, as compaction does before it publishes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from lookalike.codes.rotation import Rotation
from lookalike.compaction.gate import judge
from lookalike.compaction.writer import PREFIX as SEGMENTS
from lookalike.errors import CorruptObject, NotExact, ObjectMissing
from lookalike.store import attempts, manifest, rotation_file, segment_file
from lookalike.store.manifest import Manifest, SegmentRef
from lookalike.store.newest import newest_mask
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op, text_hash
from lookalike.store.segment import Segment
from lookalike.store.segment_file import Encoded
from lookalike.store.state import State, look, read_consistently


@dataclass(slots=True)
class Report:
    """The result of a check: ``errors``, sentences that name the object, and counts of the store's objects and rows."""

    errors: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not self.errors


def check(store: ObjectStore) -> Report:
    """Check a store. Safe while writers and compaction run. Raises StoreUnavailable."""
    return read_consistently(store, lambda state: _check(store, state))


def _check(store: ObjectStore, state: State) -> Report:
    """Raises ObjectMissing where an object was collected before it could be read."""
    report = Report()
    newest = state.manifest
    log_bytes = {entry.name: entry.size for entry in state.log}
    waiting = sorted(entry.name for entry in state.waiting)
    _check_manifests(store, report)
    rotations = {name: _read_rotation(store, name, report) for name in sorted(newest.rotations)}
    base = {ref.name: _read_referenced(store, ref, rotations, report) for ref in newest.segments}
    top = {name: _read(store, name, report) for name in waiting}
    live = {name: rows for name, rows in (base | top).items() if rows is not None}
    dimensions = {rows.dimensions for rows in live.values()}
    if len(dimensions) > 1:
        report.errors.append(f"segments of different dimensions share the store: {sorted(dimensions)}")
    for name, rows in live.items():
        report.errors += [f"{name}: {problem}" for problem in _problems(rows)]
    newest_orders = _newest_orders(list(live.values()))
    for name in sorted(log_bytes.keys() & newest.folded.keys()):
        _check_folded(store, name, newest_orders, report)
    report.counts |= _counts(store, newest, live, log_bytes)
    return report


def _check_manifests(store: ObjectStore, report: Report) -> None:
    names = [entry.name for entry in store.list(manifest.PREFIX)]
    report.counts["manifests"] = len(names)
    for name in names:
        try:
            manifest.read(store, name)
        except ObjectMissing:
            continue  # collected since it was listed
        except CorruptObject as error:
            report.errors.append(f"{name}: {error}")


def _read_object(store: ObjectStore, name: str, report: Report) -> bytes | None:
    """An object of the store; None, and an error in the report, where it is lost. Raises ObjectMissing if it was collected."""
    try:
        return store.get(name)
    except ObjectMissing:
        now = look(store)
        if name not in now.manifest.objects | set(now.segments):
            raise
        report.errors.append(f"{name}: is part of the store and missing")
    return None


def _read_rotation(store: ObjectStore, name: str, report: Report) -> Rotation | None:
    data = _read_object(store, name, report)
    try:
        return rotation_file.decode(data) if data is not None else None
    except CorruptObject as error:
        report.errors.append(f"{name}: {error}")
    return None


def _read(store: ObjectStore, name: str, report: Report) -> Segment | None:
    data = _read_object(store, name, report)
    try:
        return segment_file.decode(data) if data is not None else None
    except CorruptObject as error:
        report.errors.append(f"{name}: {error}")
    return None


def _read_referenced(
    store: ObjectStore, ref: SegmentRef, rotations: Mapping[str, Rotation | None], report: Report
) -> Segment | None:
    data = _read_object(store, ref.name, report)
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
        if not ref.rotation or rotations.get(ref.rotation):
            judge([Encoded(data, ref.scan_bytes)], rows, rotations.get(ref.rotation))
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
    try:
        rows = segment_file.decode(store.get(name))
    except ObjectMissing:
        return  # collected since it was listed
    except CorruptObject as error:
        report.errors.append(f"{name}: {error}")
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
    stored = {entry.name: entry.size for entry in store.list(SEGMENTS)}
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
        "attempts at single photos": sum(1 for _ in store.list(attempts.PREFIX)),
        "segments without a manifest": len(stored.keys() - referenced),
        "bytes in use": sum(stored.get(name, 0) for name in referenced) + sum(log_bytes[name] for name in waiting),
        "bytes to collect": sum(size for name, size in stored.items() if name not in referenced)
        + sum(size for name, size in log_bytes.items() if name in newest.folded),
        "rows": sum(len(rows) for rows in live.values()),
        "photos": int(np.count_nonzero(visible == Op.PUT)),
        "rejects": int(np.count_nonzero(visible == Op.REJECT)),
        "tombstones": int(np.count_nonzero(visible == Op.DELETE)),
    }
