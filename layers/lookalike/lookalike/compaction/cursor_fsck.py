"""Checks of the cursors of a store's indexes: what a cursor says of segments that still exist must be so."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from lookalike.compaction.checks import Report
from lookalike.errors import CorruptObject
from lookalike.store import index_cursor, names
from lookalike.store.index_cursor import Cursor
from lookalike.store.manifest import Manifest
from lookalike.store.object_store import ObjectStore
from lookalike.store.partitions import RowRange
from lookalike.store.shard import Mask


def read_cursors(store: ObjectStore, newest: Manifest, report: Report) -> list[Cursor]:
    """Read every cursor, and return the newest of each index whose masks fit the segments of the manifest."""
    listed = [entry.name for entry in store.list(names.INDEX) if names.kind_of(entry.name) is names.Kind.CURSOR]
    report.counts["cursors"] = len(listed)
    cursors: dict[str, Cursor] = {}
    for name in listed:  # the newest of an index first
        cursor = report.read_unneeded(partial(index_cursor.read, store, name))
        if cursor is not None:
            cursors.setdefault(cursor.index, cursor)
    fitting = []
    for cursor in cursors.values():
        problems = list(_misfits(cursor, newest))
        report.errors += problems
        if not problems:
            fitting.append(cursor)
    return fitting


def check_cursor(cursor: Cursor, ranges: Sequence[RowRange], report: Report) -> None:
    """Hold a cursor against all rows of a partition."""
    held = [(rows, _mask(cursor, rows)) for rows in ranges if rows.ref.name in cursor.segments]
    if not held:
        return
    keys = np.concatenate([rows.key_hash[live] for rows, live in held])
    if len(np.unique(keys)) < len(keys):
        report.errors.append(f"{cursor.name}: a key has two live rows")
    orders = np.concatenate([rows.order[live] for rows, live in held])
    kept = dict(zip(keys.tolist(), orders.tolist(), strict=True))
    for rows, live in held:
        for row in np.flatnonzero(rows.live & ~live).tolist():
            # Of a row that was delivered twice, either may count.
            if kept.get(rows.key_hash[row]) != rows.order[row]:
                report.errors.append(
                    f"{cursor.name}: row {rows.start + row} of {rows.ref.name} is the newest of its key, and the cursor has it as superseded"
                )


def _misfits(cursor: Cursor, newest: Manifest) -> Iterator[str]:
    if cursor.version > newest.version:
        yield f"{cursor.name}: it is of version {cursor.version}, and the newest manifest is of version {newest.version}"
    try:
        for ref in newest.segments:
            if ref.name in cursor.segments and len(cursor.segments[ref.name].live) != ref.rows:
                rows = len(cursor.segments[ref.name].live)
                yield f"{cursor.name}: it has a mask of {rows} rows for {ref.name}, which has {ref.rows}"
    except CorruptObject as error:
        yield f"{cursor.name}: {error}"


def _mask(cursor: Cursor, rows: RowRange) -> Mask:
    return cursor.segments[rows.ref.name].live[rows.start : rows.end]
