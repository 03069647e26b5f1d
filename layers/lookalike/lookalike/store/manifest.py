"""Manifests: the segments of the store at one version.

A manifest names the live segments, the log segments that are folded into them, and the retired segments. Log segments are
recorded as folded by name and not by a watermark, because the name of a slow writer's segment may sort anywhere.

Versions count up and names count down, so the first manifest of a listing is the newest, and mostly a LIST of one key finds
it. The first writer to create version n+1 has committed it; the others read it and start again.

A manifest is a JSON object. Its first field is the check of all bytes after that field (``damage``).
"""

import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lookalike.errors import CorruptObject
from lookalike.store import names, neighbours
from lookalike.store.creation import create
from lookalike.store.damage import check_of, undamaged
from lookalike.store.neighbours import NeighbourSample
from lookalike.store.object_store import Entry, ObjectStore

FORMAT = "lookalike-manifest/1"
_AFTER_CHECK = len('{"check":"01234567",')


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A live segment: its name, its numbers of rows and of puts, and its size.

    ``stored_bytes``: of the file; ``raw_bytes``: of the rows before anything is coded or deflated; ``scan_bytes``: the first
    bytes of the file, which a search scans; ``rotations``: the names of the codes' rotations;
    ``checks``: of the blocks of those first bytes (``segment_reads``).
    """

    name: str
    rows: int
    puts: int
    stored_bytes: int
    raw_bytes: int
    scan_bytes: int
    rotations: tuple[str, ...]
    checks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CodedPart:
    """How one part of the embeddings is coded. ``rotation``: empty where its own coordinates are coded."""

    rotation: str
    step: float
    head: int
    rest: float
    coordinates: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """How embeddings are coded, with the measurements on a sample of the store's rows that led to the choice.

    ``parts``: by their names; ``rows``: of the store at that time; ``rows_refined`` and ``rows_exact``: of the rows that a search
    of so many rows bounds a second time and computes exactly.
    """

    parts: Mapping[str, CodedPart]
    rows: int
    rows_refined: float
    rows_exact: float

    @property
    def rotations(self) -> Mapping[str, str]:
        """The names of the rotations of the parts that have one."""
        return {name: part.rotation for name, part in self.parts.items() if part.rotation}


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of the store. ``folded`` and ``retired`` map names to times (ms since 1970).

    ``neighbours``: None until compaction has measured a sample of the catalogue.
    """

    version: int = 0
    segments: tuple[SegmentRef, ...] = ()
    folded: Mapping[str, int] = field(default_factory=dict)
    retired: Mapping[str, int] = field(default_factory=dict)
    created_ms: int = 0
    calibration: Calibration | None = None
    neighbours: NeighbourSample | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def name(self) -> str:
        return names.manifest_name(self.version)

    @property
    def rotations(self) -> frozenset[str]:
        """The names of the rotations by which the segments are coded, or the next ones will be."""
        of_segments = {name for ref in self.segments for name in ref.rotations}
        return frozenset(of_segments.union(self.calibration.rotations.values() if self.calibration else ()))

    @property
    def objects(self) -> frozenset[str]:
        """The names of all objects of this version."""
        return self.rotations | {ref.name for ref in self.segments}


EMPTY = Manifest(id="")
"""Version 0: a store before its first compaction. It is never written."""


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    text = json.dumps(
        {
            "format": FORMAT,
            "version": manifest.version,
            "id": manifest.id,
            "created_ms": manifest.created_ms,
            "segments": [asdict(ref) for ref in manifest.segments],
            "calibration": asdict(manifest.calibration) if manifest.calibration else None,
            "neighbours": manifest.neighbours.as_json() if manifest.neighbours else None,
            "folded": dict(manifest.folded),
            "retired": dict(manifest.retired),
        },
        separators=(",", ":"),
    )
    return _checked(text.removeprefix("{").encode())


def _checked(fields: bytes) -> bytes:
    return f'{{"check":"{check_of(fields):08x}",'.encode() + fields


def decode(data: bytes) -> Manifest:
    """The manifest in these bytes. Raises CorruptObject."""
    if _checked(data[_AFTER_CHECK:]) != data:
        raise CorruptObject("the manifest's bytes are not those that were written")
    try:
        fields = json.loads(data)
        if fields["format"] != FORMAT:
            raise CorruptObject(f"not a {FORMAT} but {fields['format']}")
        return Manifest(
            version=_natural(fields["version"]),
            id=_text(fields["id"]),
            created_ms=_natural(fields["created_ms"]),
            segments=tuple(map(_segment_ref, fields["segments"])),
            calibration=_calibration(fields["calibration"]),
            neighbours=None if fields["neighbours"] is None else neighbours.from_json(fields["neighbours"]),
            folded={name: _natural(at_ms) for name, at_ms in fields["folded"].items()},
            retired={name: _natural(at_ms) for name, at_ms in fields["retired"].items()},
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptObject(f"the manifest is not valid: {error!r}") from error


def _segment_ref(fields: Mapping[str, object]) -> SegmentRef:
    return SegmentRef(
        name=_text(fields["name"]),
        rows=_natural(fields["rows"]),
        puts=_natural(fields["puts"]),
        stored_bytes=_natural(fields["stored_bytes"]),
        raw_bytes=_natural(fields["raw_bytes"]),
        scan_bytes=_natural(fields["scan_bytes"]),
        rotations=tuple(map(_text, _list(fields["rotations"]))),
        checks=tuple(map(_natural, _list(fields["checks"]))),
    )


def _calibration(fields: Mapping[str, Any] | None) -> Calibration | None:
    if fields is None:
        return None
    return Calibration(
        parts={name: _coded_part(part) for name, part in fields["parts"].items()},
        rows=_natural(fields["rows"]),
        rows_refined=_number(fields["rows_refined"]),
        rows_exact=_number(fields["rows_exact"]),
    )


def _coded_part(fields: Mapping[str, object]) -> CodedPart:
    return CodedPart(
        rotation=_text(fields["rotation"]),
        step=_number(fields["step"]),
        head=_natural(fields["head"]),
        rest=_number(fields["rest"]),
        coordinates=_natural(fields["coordinates"]),
    )


def _number(value: object) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{value!r} is not a number")
    return float(value)


def _natural(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a natural number")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def newest_name(store: ObjectStore) -> str | None:
    """The name of the newest manifest, or None before the first."""
    first = next(iter(store.list(names.MANIFESTS, limit=1)), None)
    if first is None:
        return None
    if _is_manifest(first):
        return first.name
    return next((entry.name for entry in entries(store)), None)  # somebody else's object sorts before all manifests


def entries(store: ObjectStore) -> list[Entry]:
    """The manifests that exist now, the newest first."""
    return list(filter(_is_manifest, store.list(names.MANIFESTS)))


def _is_manifest(entry: Entry) -> bool:
    return names.kind_of(entry.name) is names.Kind.MANIFEST


def read(store: ObjectStore, name: str | None) -> Manifest:
    """The manifest of that name, EMPTY for None. Raises StoreError, ObjectMissing if it was collected."""
    if name is None:
        return EMPTY

    def read_once() -> Manifest:
        manifest = decode(store.get(name))
        if manifest.name != name:
            raise CorruptObject(f"the manifest is of version {manifest.version}")
        return manifest

    return undamaged(name, read_once)


def newest(store: ObjectStore, known: Manifest = EMPTY) -> Manifest:
    """The newest manifest, EMPTY before the first. ``known`` is returned as it is, and not read, while it is the newest.

    Raises ObjectMissing where the manifest was collected between its listing and its reading.
    """
    name = newest_name(store)
    return known if name == known.name else read(store, name)


def commit(store: ObjectStore, manifest: Manifest) -> bool:
    """Publish a version; False if another writer published that version first."""
    return create(store, manifest.name, encode(manifest))
