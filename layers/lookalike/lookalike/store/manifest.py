"""Manifests: the segments of the store of photos at one version.

A manifest names the live segments, the log segments that are folded into them, and the retired segments (``versions``).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lookalike.store import names, neighbours, versions
from lookalike.store.neighbours import NeighbourSample
from lookalike.store.versions import StoreKind, Version, listed, natural, number, text

FORMAT = "lookalike-manifest/1"


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
class MapRef:
    """The map of the catalogue: its name, and when it was made.

    ``version`` and ``rows``: of the manifest then; ``made_ms``: in milliseconds since 1970.
    """

    name: str
    version: int
    rows: int
    made_ms: int


@dataclass(frozen=True, slots=True)
class Manifest(Version):
    """One version of the store.

    ``neighbours``: None until compaction has measured a sample of the catalogue; ``map``: None until it has drawn a map.
    """

    segments: tuple[SegmentRef, ...] = ()
    calibration: Calibration | None = None
    neighbours: NeighbourSample | None = None
    map: MapRef | None = None

    @property
    def rotations(self) -> frozenset[str]:
        """The names of the rotations by which the segments are coded, or the next ones will be."""
        of_segments = {name for ref in self.segments for name in ref.rotations}
        return frozenset(of_segments.union(self.calibration.rotations.values() if self.calibration else ()))

    @property
    def objects(self) -> frozenset[str]:
        """The names of all objects of this version."""
        maps = {self.map.name} if self.map else set()
        return self.rotations | {ref.name for ref in self.segments} | maps


EMPTY = Manifest(id="")
"""Version 0: a store before its first compaction. It is never written."""


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON."""
    return versions.encode(
        {
            "format": FORMAT,
            **versions.shared_fields(manifest),
            "segments": [asdict(ref) for ref in manifest.segments],
            "calibration": asdict(manifest.calibration) if manifest.calibration else None,
            "neighbours": manifest.neighbours.as_json() if manifest.neighbours else None,
            "map": asdict(manifest.map) if manifest.map else None,
            **versions.times(manifest),
        }
    )


def decode(data: bytes) -> Manifest:
    """The manifest in these bytes. Raises CorruptObject."""
    return versions.decode(data, FORMAT, _manifest)


PHOTO_STORE = StoreKind(EMPTY, encode, decode, names.SEGMENTS)
"""A store of photos: one for each model."""

read, newest, commit = PHOTO_STORE.read, PHOTO_STORE.newest, PHOTO_STORE.commit


def _manifest(fields: Mapping[str, Any]) -> Manifest:
    return Manifest(
        **versions.shared(fields),
        segments=tuple(map(_segment_ref, fields["segments"])),
        calibration=_calibration(fields["calibration"]),
        neighbours=None if fields["neighbours"] is None else neighbours.from_json(fields["neighbours"]),
        map=None if fields["map"] is None else _map_ref(fields["map"]),
    )


def _segment_ref(fields: Mapping[str, object]) -> SegmentRef:
    return SegmentRef(
        name=text(fields["name"]),
        rows=natural(fields["rows"]),
        puts=natural(fields["puts"]),
        stored_bytes=natural(fields["stored_bytes"]),
        raw_bytes=natural(fields["raw_bytes"]),
        scan_bytes=natural(fields["scan_bytes"]),
        rotations=tuple(map(text, listed(fields["rotations"]))),
        checks=tuple(map(natural, listed(fields["checks"]))),
    )


def _map_ref(fields: Mapping[str, object]) -> MapRef:
    return MapRef(
        name=text(fields["name"]),
        version=natural(fields["version"]),
        rows=natural(fields["rows"]),
        made_ms=natural(fields["made_ms"]),
    )


def _calibration(fields: Mapping[str, Any] | None) -> Calibration | None:
    if fields is None:
        return None
    return Calibration(
        parts={name: _coded_part(part) for name, part in fields["parts"].items()},
        rows=natural(fields["rows"]),
        rows_refined=number(fields["rows_refined"]),
        rows_exact=number(fields["rows_exact"]),
    )


def _coded_part(fields: Mapping[str, object]) -> CodedPart:
    return CodedPart(
        rotation=text(fields["rotation"]),
        step=number(fields["step"]),
        head=natural(fields["head"]),
        rest=number(fields["rest"]),
        coordinates=natural(fields["coordinates"]),
    )
