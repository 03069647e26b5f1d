"""Versions of a store: the part that the manifests of every kind of store share, and how they are listed, read and published.

Versions count up and names count down, so the first manifest of a listing is the newest, and mostly a LIST of one key finds
it. The first writer to create version n+1 has committed it; the others read it and start again.

A manifest is a JSON object. Its first field is the check of all bytes after that field (``damage``).
"""

import json
import math
import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lookalike.errors import CorruptObject
from lookalike.store import names
from lookalike.store.creation import create
from lookalike.store.damage import check_of, undamaged
from lookalike.store.object_store import Entry, ObjectStore

_AFTER_CHECK = len('{"check":"01234567",')


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a store. ``folded``: log segments, ``retired``: other objects that are out of use; both map names to
    times (ms since 1970).

    Log segments are recorded as folded by name and not by a watermark, because the name of a slow writer's segment may sort
    anywhere.
    """

    version: int = 0
    folded: Mapping[str, int] = field(default_factory=dict)
    retired: Mapping[str, int] = field(default_factory=dict)
    created_ms: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def name(self) -> str:
        return names.manifest_name(self.version)

    @property
    @abstractmethod
    def objects(self) -> frozenset[str]:
        """The names of all objects of this version."""


@dataclass(frozen=True, slots=True)
class StoreKind[M: Version]:
    """A kind of store. ``empty``: its version 0, before the first compaction, which is never written; ``encode`` and ``decode``:
    a manifest's bytes; ``prefix``: of the objects that manifests name."""

    empty: M
    encode: Callable[[M], bytes]
    decode: Callable[[bytes], M]
    prefix: str

    def read(self, store: ObjectStore, name: str | None) -> M:
        """The manifest of that name, ``empty`` for None. Raises StoreError, ObjectMissing if it was collected."""
        if name is None:
            return self.empty

        def read_once() -> M:
            manifest = self.decode(store.get(name))
            if manifest.name != name:
                raise CorruptObject(f"the manifest is of version {manifest.version}")
            return manifest

        return undamaged(name, read_once)

    def newest(self, store: ObjectStore, known: M | None = None) -> M:
        """The newest manifest, ``empty`` before the first. ``known`` is returned as it is, and not read, while it is the newest.

        Raises ObjectMissing where the manifest was collected between its listing and its reading.
        """
        name = newest_name(store)
        return known if known is not None and name == known.name else self.read(store, name)

    def commit(self, store: ObjectStore, manifest: M) -> bool:
        """Publish a version; False if another writer published that version first."""
        return create(store, manifest.name, self.encode(manifest))


def newest_name(
    store: ObjectStore, prefix: str = names.MANIFESTS, kind: names.Kind = names.Kind.MANIFEST
) -> str | None:
    """The name of the newest manifest, or of the newest numbered object of another kind; None before the first."""
    first = next(iter(store.list(prefix, limit=1)), None)
    if first is None:
        return None
    if names.kind_of(first.name) is kind:
        return first.name
    return next((entry.name for entry in entries(store, prefix, kind)), None)  # somebody else's object sorts before all


def entries(store: ObjectStore, prefix: str = names.MANIFESTS, kind: names.Kind = names.Kind.MANIFEST) -> list[Entry]:
    """The manifests that exist now, or the numbered objects of another kind, the newest first."""
    return [entry for entry in store.list(prefix) if names.kind_of(entry.name) is kind]


def encode(fields: Mapping[str, Any]) -> bytes:
    """The fields as JSON, behind the check of their bytes."""
    return _checked(json.dumps(fields, separators=(",", ":")).removeprefix("{").encode())


def _checked(fields: bytes) -> bytes:
    return f'{{"check":"{check_of(fields):08x}",'.encode() + fields


def decode[M](data: bytes, wanted: str, manifest: Callable[[Mapping[str, Any]], M]) -> M:
    """The manifest in these bytes. ``wanted``: its format; ``manifest``: makes it of its fields. Raises CorruptObject."""
    if _checked(data[_AFTER_CHECK:]) != data:
        raise CorruptObject("the manifest's bytes are not those that were written")
    try:
        fields = json.loads(data)
        if fields["format"] != wanted:
            raise CorruptObject(f"not a {wanted} but {fields['format']}")
        return manifest(fields)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptObject(f"the manifest is not valid: {error!r}") from error


def shared_fields(version: Version) -> dict[str, Any]:
    """The fields of every manifest that come first."""
    return {"version": version.version, "id": version.id, "created_ms": version.created_ms}


def times(version: Version) -> dict[str, Any]:
    """The fields of every manifest that come last."""
    return {"folded": dict(version.folded), "retired": dict(version.retired)}


def shared(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a Version in a manifest's fields. Raises ValueError, KeyError and TypeError."""
    return {
        "version": natural(fields["version"]),
        "id": text(fields["id"]),
        "created_ms": natural(fields["created_ms"]),
        "folded": {name: natural(at_ms) for name, at_ms in fields["folded"].items()},
        "retired": {name: natural(at_ms) for name, at_ms in fields["retired"].items()},
    }


def number(value: object) -> float:
    """A number of at least 0. Raises ValueError."""
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def natural(value: object) -> int:
    """A natural number. Raises ValueError."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a natural number")
    return value


def listed(value: object) -> list[Any]:
    """A list. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def text(value: object) -> str:
    """A text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
