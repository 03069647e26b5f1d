"""The log: segments that writers append, each a batch of rows, until compaction folds them.

An append is one conditional write of a name that no other writer uses. It reads nothing, takes no lock and touches no
manifest, so its cost does not depend on the size of the store, and any number of writers run at once. Appending the same rows
twice is harmless: the rows carry their own order.
"""

from collections.abc import Sequence

from lookalike.errors import StoreError
from lookalike.layout import Layout
from lookalike.store import names, segment
from lookalike.store.creation import create
from lookalike.store.damage import undamaged
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.records import Row
from lookalike.store.segment import Segment


def append(store: ObjectStore, rows: Sequence[Row], *, layout: Layout) -> str:
    """Write the rows as one new log segment and return its name. The rows are durable and visible when it returns.

    Raises StoreUnavailable where the outcome is unknown: append again.
    """
    return append_segment(store, segment.from_rows(rows, layout))


def append_segment(store: ObjectStore, rows: Segment) -> str:
    """As ``append``, of rows that are a segment already."""
    data = segment.encode(rows)
    name = names.new_log_segment(data)
    if not create(store, name, data):
        raise StoreError(f"another object is named {name}, which a random name should rule out")
    return name


def appended_ms(name: str) -> int | None:
    """The time of an append by the writer's clock, in milliseconds since 1970; None where the name has none."""
    time_ms = name.removeprefix(names.LOG).partition("-")[0]
    return int(time_ms) if time_ms.isascii() and time_ms.isdigit() else None


def entries(store: ObjectStore) -> list[Entry]:
    """The log segments that exist now."""
    return [entry for entry in store.list(names.LOG) if names.kind_of(entry.name) is names.Kind.LOG_SEGMENT]


def read(store: ObjectStore, name: str) -> Segment:
    """A log segment. Raises StoreError."""
    return undamaged(name, lambda: segment.decode(names.verified(name, store.get(name))))
