"""Checks that a live store keeps the promises of the protocol. It only reads.

It reads every object whole, one at a time, and compares keys partition by partition (``store.partitions``). A lost, doubled or damaged
row is an error. Untidiness (an object that a crash left, a log segment that is folded and not yet collected) is counted, as collection
takes care of it. Searches of every segment of the manifest are compared with scikit-learn's, as compaction does before it publishes.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from lookalike.codes.rotation import Rotation
from lookalike.compaction.checks import Report, checked
from lookalike.compaction.cursor_fsck import check_cursor, read_cursors
from lookalike.compaction.gate import judge
from lookalike.errors import CorruptObject, NotExact
from lookalike.hashes import text_hash
from lookalike.layout import Layout
from lookalike.store import append_log, map_file, names, rotation_file, segment_file, segment_reads
from lookalike.store.manifest import PHOTO_STORE, Manifest, SegmentRef
from lookalike.store.newest import places_of
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.partitions import ROWS_AT_ONCE, KeyColumns, RowRange, no_rows, partitions_of
from lookalike.store.records import Op
from lookalike.store.rows import Hashes
from lookalike.store.segment import Segment
from lookalike.store.segment_file import Encoded
from lookalike.store.state import State

_Ops = npt.NDArray[np.uint8]


def check(store: ObjectStore, *, rows_at_once: int = ROWS_AT_ONCE) -> Report:
    """Check a store. Safe while writers and compaction run. ``rows_at_once``: whose keys are in memory. Raises StoreUnavailable."""
    return checked(store, PHOTO_STORE, partial(_check, store, rows_at_once))


def _check(store: ObjectStore, rows_at_once: int, state: State[Manifest]) -> Report:
    """Raises ObjectMissing where an object was collected before it could be read."""
    report = Report()
    newest = state.manifest
    manifests = report.read_manifests(store, PHOTO_STORE)
    rotations = {
        name: report.read(store, PHOTO_STORE, name, partial(rotation_file.read, store, name))
        for name in sorted(newest.rotations)
    }
    if newest.map:
        report.read(store, PHOTO_STORE, newest.map.name, partial(map_file.read, store, newest.map.name))
    layouts: list[Layout] = []

    def read(ref: SegmentRef | Entry) -> Segment | None:
        """A segment of the store, checked by itself."""
        if isinstance(ref, SegmentRef):
            rows = _read_referenced(store, ref, rotations, report)
        else:
            rows = report.read(store, PHOTO_STORE, ref.name, partial(append_log.read, store, ref.name))
        if rows is not None:
            layouts.append(rows.layout)
            report.errors += [f"{ref.name}: {problem}" for problem in _problems(rows)]
        return rows

    def read_folded(entry: SegmentRef | Entry) -> Segment | None:
        return report.read_unneeded(partial(append_log.read, store, entry.name))

    refs: list[SegmentRef | Entry] = [*newest.segments, *sorted(state.waiting, key=_name)]
    folded = sorted((entry for entry in state.log if entry.name in newest.folded), key=_name)
    partitions = partitions_of([*refs, *folded], rows_at_once)
    ops: dict[str, _Ops] = {}
    visible: Counter[int] = Counter()
    cursors = read_cursors(store, newest, report)
    with (
        KeyColumns(refs, _columns(refs, read, ops), partitions) as columns,
        KeyColumns(folded, _columns(folded, read_folded, ops), partitions) as passed,
    ):
        if any(len(ops[ref.name]) != ref.rows for ref in newest.segments):
            cursors = []  # without the rows that cannot be read, others seem to be the newest of their keys
        for number in range(partitions):
            ranges = columns.row_ranges(number)
            for cursor in cursors:
                check_cursor(cursor, ranges, report)
            for rows in ranges:
                shown = ops[rows.ref.name][rows.start : rows.end][rows.live]
                visible += Counter(shown.tolist())
            for rows in passed.row_ranges(number):
                _check_folded(store, rows, ops[rows.ref.name], columns.newest(number), report)
    if not all(layout.has_parts_of(layouts[0]) for layout in layouts):
        report.errors.append(f"segments of different parts share the store: {sorted(set(map(str, layouts)))}")
    _check_retired(store, manifests, newest, report)
    report.add_foreign(store)
    report.counts |= _counts(store, state)
    report.counts |= {
        "rows": sum(len(ops[ref.name]) for ref in refs),
        "photos": visible[Op.PUT],
        "rejects": visible[Op.REJECT],
        "tombstones": visible[Op.DELETE],
    }
    return report


def _name(ref: SegmentRef | Entry) -> str:
    return ref.name


def _columns(
    refs: Sequence[SegmentRef | Entry], read: Callable[[SegmentRef | Entry], Segment | None], ops: dict[str, _Ops]
) -> Iterator[tuple[Hashes, Hashes]]:
    """The key columns of segments, of which one is in memory at a time; none of one that cannot be read. ``ops`` gets the operations."""
    for ref in refs:
        rows = read(ref)
        ops[ref.name] = rows.op.astype(np.uint8) if rows else np.empty(0, np.uint8)
        # Copies: a column of a segment keeps the whole file.
        yield (rows.key_hash.copy(), rows.order.copy()) if rows else no_rows()


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


def _check_folded(
    store: ObjectStore, folded: RowRange, ops: _Ops, newest: tuple[Hashes, Hashes], report: Report
) -> None:
    """Each row of a folded segment must be in the store, or a newer row of its key, or it was a tombstone and is dropped.

    ``newest``: the keys of the partition, and their newest orders.
    """
    keys, orders = newest
    places = places_of(folded.key_hash, keys)
    is_lost = (places < 0) & (ops[folded.start : folded.end] != Op.DELETE)
    is_older = np.zeros(len(places), bool)
    is_older[places >= 0] = orders[places[places >= 0]] < folded.order[places >= 0]
    if not (is_lost | is_older).any():
        return
    rows = append_log.read(store, folded.ref.name)
    for row in np.flatnonzero(is_lost).tolist():
        report.errors.append(
            f"{folded.ref.name}: the row of {rows.name(folded.start + row)[1]!r} was folded and is gone"
        )
    for row in np.flatnonzero(is_older).tolist():
        key = rows.name(folded.start + row)[1]
        report.errors.append(f"{folded.ref.name}: an older row of {key!r} stands in its place")


def _counts(store: ObjectStore, state: State[Manifest]) -> dict[str, int]:
    """Of objects and bytes."""
    newest = state.manifest
    stored = {entry.name: entry.size for entry in store.list(names.SEGMENTS) if names.kind_of(entry.name)}
    referenced = newest.objects
    log_bytes = {entry.name: entry.size for entry in state.log}
    waiting = log_bytes.keys() - newest.folded.keys()
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
    }
