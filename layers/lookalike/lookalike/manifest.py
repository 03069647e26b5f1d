"""Manifests: which segments are the store, as of one version.

A manifest names the live segments, the log segments already folded into them, and the segments it took out of use. Log
segments are known as folded by name and not by a watermark, because a slow writer's segment may sort anywhere.

Versions count up and names count down, so that the first name of a listing is the newest manifest, and one LIST of one
key finds it. Whoever creates version n+1 first has committed it; the others read it and start again.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from lookalike.errors import CorruptObject
from lookalike.object_store import ObjectStore, create

FORMAT = "lookalike-manifest/1"
PREFIX = "manifests/"
_MAX_VERSION = 10**20 - 1


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A live segment: its name, how many rows and puts it holds, and its size in bytes."""

    name: str
    rows: int
    puts: int
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of the store. ``folded`` and ``retired`` map names to when that happened (ms since 1970)."""

    version: int = 0
    segments: tuple[SegmentRef, ...] = ()
    folded: Mapping[str, int] = field(default_factory=dict)
    retired: Mapping[str, int] = field(default_factory=dict)
    created_ms: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def name(self) -> str:
        return manifest_name(self.version)


EMPTY = Manifest(id="")
"""Version 0: what a store is before its first compaction. It is never written."""


def manifest_name(version: int) -> str:
    """The object name of a version: newer versions sort first."""
    return f"{PREFIX}{_MAX_VERSION - version:020}.json"


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    return json.dumps(
        {
            "format": FORMAT,
            "version": manifest.version,
            "id": manifest.id,
            "created_ms": manifest.created_ms,
            "segments": [
                {"name": ref.name, "rows": ref.rows, "puts": ref.puts, "size": ref.size} for ref in manifest.segments
            ],
            "folded": dict(manifest.folded),
            "retired": dict(manifest.retired),
        },
        separators=(",", ":"),
    ).encode()


def decode(data: bytes) -> Manifest:
    """The manifest in these bytes. Raises CorruptObject."""
    try:
        fields = json.loads(data)
        if fields["format"] != FORMAT:
            raise CorruptObject(f"not a {FORMAT} but {fields['format']}")
        return Manifest(
            version=_natural(fields["version"]),
            id=_text(fields["id"]),
            created_ms=_natural(fields["created_ms"]),
            segments=tuple(
                SegmentRef(_text(ref["name"]), _natural(ref["rows"]), _natural(ref["puts"]), _natural(ref["size"]))
                for ref in fields["segments"]
            ),
            folded={name: _natural(at_ms) for name, at_ms in fields["folded"].items()},
            retired={name: _natural(at_ms) for name, at_ms in fields["retired"].items()},
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptObject(f"the manifest is not valid: {error!r}") from error


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a natural number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def newest_name(store: ObjectStore) -> str | None:
    """The name of the newest manifest, or None before the first."""
    entry = next(iter(store.list(PREFIX, limit=1)), None)
    return entry.name if entry else None


def read(store: ObjectStore, name: str | None) -> Manifest:
    """The manifest of that name, EMPTY where there is no name. Raises StoreError, ObjectMissing if it was collected."""
    if name is None:
        return EMPTY
    manifest = decode(store.get(name))
    if manifest.name != name:
        raise CorruptObject(f"the manifest named {name} is of version {manifest.version}")
    return manifest


def newest(store: ObjectStore) -> Manifest:
    """The newest manifest, EMPTY before the first. Raises ObjectMissing if it was collected in between: read again."""
    return read(store, newest_name(store))


def commit(store: ObjectStore, manifest: Manifest) -> bool:
    """Publish a version; False if another writer published that version first."""
    return create(store, manifest.name, encode(manifest))
