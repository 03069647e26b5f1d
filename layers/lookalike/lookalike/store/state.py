"""The state of a store: its log and its newest manifest, read in the one order in which no row can be missed.

The log is listed first, the newest manifest is read second. A log segment that was acknowledged before the listing is in
it, or compaction folded and collected the segment before. In the second case the manifest that folded it was committed
before the listing, so the manifest that is read second is that one or a newer one. This holds however long a process
pauses in between. The other way round, a log segment that is folded and collected between the two is in neither.

An object of the state may be collected before it is read. Then a newer manifest exists, and reading starts again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.store import append_log, manifest
from lookalike.store.manifest import EMPTY, Manifest, SegmentRef
from lookalike.store.object_store import Entry, ObjectStore

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class State:
    """A store at one moment: the log segments that exist, and the newest manifest."""

    log: tuple[Entry, ...]
    manifest: Manifest

    @property
    def waiting(self) -> list[Entry]:
        """The log segments that are not folded yet."""
        return [entry for entry in self.log if entry.name not in self.manifest.folded]

    @property
    def segments(self) -> list[SegmentRef | Entry]:
        """All segments that hold the store's rows: the manifest's, then the waiting log segments."""
        return [*self.manifest.segments, *self.waiting]


def look(store: ObjectStore, known: Manifest = EMPTY) -> State:
    """The store's state now. ``known``: a manifest that is not read again while it is the newest.

    Raises StoreError, ObjectMissing where the manifest was collected before it could be read.
    """
    log = tuple(append_log.entries(store))
    return State(log, manifest.newest(store, known))


def read_consistently[T](store: ObjectStore, read: Callable[[State], T], *, known: Manifest = EMPTY) -> T:
    """The result of ``read`` for the store's state; both are repeated where an object was collected in the meantime.

    ``read`` raises ObjectMissing for such an object. Raises StoreError; StoreUnavailable after ``ATTEMPTS`` attempts.
    """
    missing: ObjectMissing | None = None
    for _ in range(ATTEMPTS):
        try:
            return read(look(store, known))
        except ObjectMissing as error:
            missing = error
    raise StoreUnavailable(f"the store changed under {ATTEMPTS} attempts to read it, try again: {missing}") from missing
