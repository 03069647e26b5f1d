"""Encodes rows into segment files, clusters them and verifies them. Nothing of this is visible before the commit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import Frame
from lookalike.codes.parted import encode_parts, plain_frames
from lookalike.codes.rotation import Rotation
from lookalike.compaction.calibration import MIN_ROWS, choose, put_permutation
from lookalike.compaction.gate import judge
from lookalike.errors import CorruptObject, StoreError
from lookalike.store import names, rotation_file, segment, segment_file
from lookalike.store.creation import create
from lookalike.store.manifest import Calibration, CodedPart, Manifest, SegmentRef
from lookalike.store.object_store import ObjectStore
from lookalike.store.segment import Segment

_CALIBRATE_AT_GROWTH = 4  # times the rows the store had when it was calibrated last


@dataclass(frozen=True, slots=True)
class Written:
    """Segments that are stored and not yet published, their calibration, and the bytes of all objects written."""

    refs: tuple[SegmentRef, ...]
    calibration: Calibration | None
    stored_bytes: int


def write(store: ObjectStore, rows: Segment, old: Manifest, *, segment_bytes: int) -> Written:
    """Write the rows as segments of about ``segment_bytes`` at most. Raises NotExact; then the new objects are garbage."""
    calibration, rotations, rotation_bytes = _calibrated(store, rows, old)
    rotation_names = calibration.rotations if calibration else {}
    refs, written = [], []
    for piece in map(rows.take, _pieces(rows, segment_bytes)):
        frames = plain_frames(piece.embedding, piece.layout)
        if calibration:
            coded = (calibration.parts[name] for name in rows.layout.names)
            frames = [Frame(rotations.get(part.rotation), part.step, part.head, part.rest) for part in coded]
        codes = encode_parts(piece.embedding, piece.layout, frames)
        permutation = put_permutation(codes)
        encoded = segment_file.encode(piece, codes.take(permutation), permutation, rotation_names)
        name = names.new_segment()
        _create(store, name, encoded.data)
        refs.append(
            SegmentRef(
                name=name,
                rows=len(piece),
                puts=len(piece.embedding),
                stored_bytes=len(encoded.data),
                raw_bytes=int(segment.row_bytes(piece).sum()),
                scan_bytes=encoded.scan_bytes,
                rotations=tuple(rotation_names.values()),
                checks=encoded.checks,
            )
        )
        written.append(encoded)
    judge(written, rows, rotations)
    return Written(tuple(refs), calibration, rotation_bytes + sum(ref.stored_bytes for ref in refs))


def _calibrated(
    store: ObjectStore, rows: Segment, old: Manifest
) -> tuple[Calibration | None, Mapping[str, Rotation], int]:
    """The calibration for these rows, its rotations by name, and the bytes written for it.

    It is the manifest's, or a new one once the store has grown.
    """
    puts = max(sum(ref.puts for ref in old.segments), len(rows.embedding))
    known = old.calibration
    if known and known.parts.keys() != set(rows.layout.names):
        raise CorruptObject(f"{old.name} was calibrated for {', '.join(known.parts)}, not for {rows.layout}")
    if len(rows.embedding) < MIN_ROWS or (known and puts < _CALIBRATE_AT_GROWTH * known.rows):
        rotation_names = known.rotations.values() if known else ()
        return known, {name: rotation_file.read(store, name) for name in rotation_names}, 0
    choice = choose(rows.embedding, puts, rows.layout)
    parts, rotations, written_bytes = {}, {}, 0
    for part, frame in zip(rows.layout.parts, choice.frames, strict=True):
        name = ""
        if frame.rotation:
            data = rotation_file.encode(frame.rotation)
            name = names.new_rotation(data)
            _create(store, name, data)
            rotations[name] = frame.rotation
            written_bytes += len(data)
        parts[part.name] = CodedPart(name, frame.step, frame.head, frame.rest, frame.coordinates(part.dimensions))
    return Calibration(parts, puts, choice.rows_refined, choice.rows_exact), rotations, written_bytes


def _create(store: ObjectStore, name: str, data: bytes) -> None:
    if not create(store, name, data):
        raise StoreError(f"another object is named {name}, which a random name should rule out")


def _pieces(rows: Segment, at_most_bytes: int) -> Iterator[npt.NDArray[np.int64]]:
    """Consecutive rows of at most ``at_most_bytes`` together, or one larger row.

    Bytes are counted, not rows: compaction would merge and cut up for ever pieces that are smaller than a full segment.
    """
    ends = np.cumsum(segment.row_bytes(rows))
    start, done_bytes = 0, 0
    while start < len(rows):
        end = max(start + 1, int(np.searchsorted(ends, done_bytes + at_most_bytes, side="right")))
        yield np.arange(start, end)
        start, done_bytes = end, int(ends[end - 1])
