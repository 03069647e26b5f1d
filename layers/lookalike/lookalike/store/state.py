"""The state of a store: its log and its newest manifest, read in the one order in which no row can be missed.

The log is listed first, the newest manifest is read second. A log segment that was acknowledged before the listing is in
it, or compaction folded and collected the segment before. In the second case the manifest that folded it was committed
before the listing, so the manifest that is read second is that one or a newer one. This holds however long a process
pauses in between. The other way round, a log segment that is folded and collected between the two is in neither.

An object of the state may be collected before it is read. Then a newer manifest exists, and reading starts again.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from lookalike.errors import ObjectMissing, StoreUnavailable
from lookalike.store import append_log
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.versions import StoreKind, Version

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class State[M: Version]:
    """A store at one moment: the log segments that exist, and the newest manifest."""

    log: tuple[Entry, ...]
    manifest: M

    @property
    def waiting(self) -> list[Entry]:
        """The log segments that are not folded yet."""
        return [entry for entry in self.log if entry.name not in self.manifest.folded]


def look[M: Version](store: ObjectStore, kind: StoreKind[M], known: M | None = None) -> State[M]:
    """The store's state now. ``known``: a manifest that is not read again while it is the newest.

    Raises StoreError, ObjectMissing where the manifest was collected before it could be read.
    """
    log = tuple(append_log.entries(store))
    return State(log, kind.newest(store, known))


def read_consistently[M: Version, T](
    store: ObjectStore, kind: StoreKind[M], read: Callable[[State[M]], T], *, known: M | None = None
) -> T:
    """The result of ``read`` for the store's state; both are repeated where an object was collected in the meantime.

    ``read`` raises ObjectMissing for such an object. Raises StoreError; StoreUnavailable after ``ATTEMPTS`` attempts.
    """
    return again_while_missing(lambda: read(look(store, kind, known)), "read it")


def again_while_missing[T](do: Callable[[], T], doing: str) -> T:
    """The result of ``do``, which is repeated while it raises ObjectMissing: an object was collected before it was read.

    ``doing``: what is attempted, for the message. Raises what ``do`` does; StoreUnavailable after ``ATTEMPTS`` attempts.
    """
    missing: ObjectMissing | None = None
    for _ in range(ATTEMPTS):
        try:
            return do()
        except ObjectMissing as error:
            missing = error
    raise StoreUnavailable(f"the store changed under {ATTEMPTS} attempts to {doing}, try again: {missing}") from missing


def prove_log_existing(store: ObjectStore, names: Collection[str]) -> None:
    """Raise ObjectMissing unless these log segments, which an earlier refresh of a reader loaded, still exist.

    A manifest forgets a folded segment once it is gone. If that happened since the log was listed, the segment only
    seems unfolded, and its rows would go on top of a store that may have dropped the tombstones of their keys.
    """
    if names and not {entry.name for entry in append_log.entries(store)}.issuperset(names):
        raise ObjectMissing("a log segment was folded and collected since it was listed")
