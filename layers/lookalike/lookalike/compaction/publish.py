"""The publication of a store's next version, the same for every kind of store."""

from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Any

from lookalike.errors import ObjectMissing
from lookalike.store import names
from lookalike.store.object_store import ObjectStore
from lookalike.store.versions import StoreKind, Version


def publish[M: Version](
    store: ObjectStore, kind: StoreKind[M], old: M, new: M, *, newly_folded: Iterable[str] = ()
) -> bool:
    """Publish ``new`` as the version after ``old``; False if another compaction published that version first.

    ``new``: without its number and times. Names of deleted objects are forgotten. Raises ObjectMissing where an object of the new
    version was deleted: the version would be the last that could be read.
    """
    present = {entry.name for prefix in (names.LOG, kind.prefix) for entry in store.list(prefix)}
    prove_existing(new, present)
    now_ms = store.time_ms()  # as late as possible: grace starts here, and until now readers needed the old objects
    changes: dict[str, Any] = {
        "version": old.version + 1,
        "folded": {name: at for name, at in old.folded.items() if name in present}
        | dict.fromkeys(newly_folded, now_ms),
        "retired": {name: at for name, at in old.retired.items() if name in present}
        | dict.fromkeys(sorted(old.objects - new.objects), now_ms),
        "created_ms": now_ms,
    }
    return kind.commit(store, replace(new, **changes))


def prove_existing(new: Version, present: Set[str]) -> None:
    """Raise ObjectMissing unless all objects of a version are among those present."""
    for lost in sorted(new.objects - present):
        raise ObjectMissing(f"{lost} was deleted before a manifest with its name was published")
