"""Checks of the cursors of a store's indexes: what a cursor says of segments that still exist must be so."""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from lookalike.compaction.checks import Report
from lookalike.errors import CorruptObject
from lookalike.store import index_cursor, names
from lookalike.store.index_cursor import Cursor
from lookalike.store.manifest import Manifest
from lookalike.store.object_store import ObjectStore
from lookalike.store.segment import Segment


def check_cursors(store: ObjectStore, newest: Manifest, base: Mapping[str, Segment], report: Report) -> None:
    """Read every cursor, and hold the newest of each index against the segments of the manifest.

    ``base``: those that could be read, by name.
    """
    listed = [entry.name for entry in store.list(names.INDEX) if names.kind_of(entry.name) is names.Kind.CURSOR]
    report.counts["cursors"] = len(listed)
    checked: set[str] = set()
    for name in listed:  # the newest of an index first
        cursor = report.read_unneeded(partial(index_cursor.read, store, name))
        if cursor is None or cursor.index in checked:
            continue
        checked.add(cursor.index)
        try:
            report.errors += [f"{name}: {problem}" for problem in _problems(cursor, newest, base)]
        except CorruptObject as error:
            report.errors.append(f"{name}: {error}")


def _problems(cursor: Cursor, newest: Manifest, base: Mapping[str, Segment]) -> Iterator[str]:
    if cursor.version > newest.version:
        yield f"it is of version {cursor.version}, and the newest manifest is of version {newest.version}"
    held = {name: rows for name, rows in base.items() if name in cursor.segments}
    live = {name: cursor.segments[name].live for name in held}
    for name, rows in held.items():
        if len(live[name]) != len(rows):
            yield f"it has a mask of {len(live[name])} rows for {name}, which has {len(rows)}"
            return
    greatest: dict[bytes, bytes] = {}
    of_live: dict[bytes, int] = {}
    for rows in base.values():
        for key, order in zip(rows.key_hash.tolist(), rows.order.tolist(), strict=True):
            greatest[key] = max(order, greatest.get(key, order))
    for name, rows in held.items():
        for row in np.flatnonzero(live[name]).tolist():
            key = bytes(rows.key_hash[row])
            of_live[key] = of_live.get(key, 0) + 1
        for row in np.flatnonzero(~live[name]).tolist():
            if greatest[bytes(rows.key_hash[row])] <= bytes(rows.order[row]) and not _is_twice(rows, row, base, name):
                yield f"row {row} of {name} is the newest of its key, and the cursor has it as superseded"
    if any(count > 1 for count in of_live.values()):
        yield "a key has two live rows"


def _is_twice(rows: Segment, row: int, base: Mapping[str, Segment], name: str) -> bool:
    """Whether another segment has the same row, which was delivered again."""
    key, order = rows.key_hash[row], rows.order[row]
    return any(
        bool(np.any((other.key_hash == key) & (other.order == order)))
        for other_name, other in base.items()
        if other_name != name
    )
