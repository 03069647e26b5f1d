"""Checks of the cursors of a store's indexes: what a cursor says of segments that still exist must be so."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from lookalike.compaction.checks import Report
from lookalike.store import index_cursor, names
from lookalike.store.index_cursor import Cursor
from lookalike.store.manifest import Manifest
from lookalike.store.object_store import ObjectStore
from lookalike.store.partitions import RowRange


def read_cursors(store: ObjectStore, newest: Manifest, report: Report) -> list[Cursor]:
    """The newest cursor of each index that fits the manifest. Every cursor is read."""
    listed = [entry.name for entry in store.list(names.INDEX) if names.kind_of(entry.name) is names.Kind.CURSOR]
    report.counts["cursors"] = len(listed)
    rows = {ref.name: ref.rows for ref in newest.segments}
    cursors: dict[str, Cursor] = {}
    for name in listed:  # the newest of an index first
        cursor = report.read_unneeded(partial(index_cursor.read, store, name))
        if cursor is None or cursor.index in cursors:
            continue
        cursors[cursor.index] = cursor
        wrong = [other.name for other in cursor.covered if rows.get(other.name, other.rows) != other.rows]
        if cursor.version > newest.version or wrong:
            report.errors.append(f"{name}: it does not fit the newest manifest, {newest.version}: {wrong}")
            del cursors[cursor.index]
    return list(cursors.values())


def cursor_problems(cursors: Sequence[Cursor], ranges: Sequence[RowRange]) -> Iterator[str]:
    """What cursors have wrong in one partition of the store's rows. Raises CorruptObject."""
    for cursor in cursors:
        live_keys = []
        for rows in ranges:
            covered = cursor.segments.get(rows.ref.name)
            if covered is None:
                continue
            live = covered.live[rows.start : rows.end]
            live_keys.append(rows.key_hash[live])
            for row in np.flatnonzero(rows.live & ~live).tolist():
                if not _is_elsewhere(rows, row, ranges):
                    yield (
                        f"{cursor.name}: row {rows.start + row} of {rows.ref.name} is the newest of its key, and the cursor has "
                        "it as superseded"
                    )
        if live_keys and len(np.unique(joined := np.concatenate(live_keys))) < len(joined):
            yield f"{cursor.name}: a key has two live rows"


def _is_elsewhere(rows: RowRange, row: int, ranges: Sequence[RowRange]) -> bool:
    """Whether another segment has the same row, which was delivered again."""
    return any(
        bool(np.any((other.key_hash == rows.key_hash[row]) & (other.order == rows.order[row])))
        for other in ranges
        if other is not rows
    )
