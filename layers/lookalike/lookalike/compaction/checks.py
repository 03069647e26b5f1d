"""The part that the checks of all stores share: the report, and reads of objects that may be damaged, lost or collected."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lookalike.errors import CorruptObject, ObjectMissing
from lookalike.store import names, versions
from lookalike.store.object_store import ObjectStore
from lookalike.store.state import State, look, read_consistently
from lookalike.store.versions import StoreKind, Version


@dataclass(slots=True)
class Report:
    """The result of a check.

    ``errors``: sentences that name the object; ``foreign``: the names of objects that are not the store's; ``counts``: of the
    store's objects and rows.
    """

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        return not self.errors

    def add_foreign(self, store: ObjectStore) -> None:
        """Name the objects that are not the store's."""
        self.foreign += [entry.name for entry in store.list("") if names.kind_of(entry.name) is None]

    def read_unneeded[Kind](self, read: Callable[[], Kind]) -> Kind | None:
        """What ``read`` returns; None where the object was collected since it was listed, or is damaged."""
        try:
            return read()
        except ObjectMissing:
            return None
        except CorruptObject as error:
            self.errors.append(str(error))
            return None

    def read[Kind](self, store: ObjectStore, kind: StoreKind[Any], name: str, read: Callable[[], Kind]) -> Kind | None:
        """What ``read`` returns; None, and an error in the report, where the object is damaged or lost.

        Raises ObjectMissing if it was collected.
        """
        try:
            return read()
        except CorruptObject as error:
            self.errors.append(str(error))
        except ObjectMissing:
            now = look(store, kind)
            if name not in now.manifest.objects | {entry.name for entry in now.waiting}:
                raise
            self.errors.append(f"{name}: is part of the store and missing")
        return None

    def read_manifests[M: Version](self, store: ObjectStore, kind: StoreKind[M]) -> list[M]:
        """All manifests that can be read, the newest first."""
        listed = [entry.name for entry in versions.entries(store)]
        self.counts["manifests"] = len(listed)
        read = (self.read_unneeded(partial(kind.read, store, name)) for name in listed)
        return [found for found in read if found is not None]


def checked[M: Version](store: ObjectStore, kind: StoreKind[M], check: Callable[[State[M]], Report]) -> Report:
    """The report of ``check`` on the store's state. Raises StoreUnavailable."""
    try:
        return read_consistently(store, kind, check)
    except CorruptObject as error:  # the newest manifest: without it nothing else can be judged
        return Report(errors=[str(error)])
