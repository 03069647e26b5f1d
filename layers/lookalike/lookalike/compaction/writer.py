"""Encodes rows into segment files, clusters them and verifies them. Nothing of this is visible before the commit."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import Frame, plain_frame
from lookalike.codes.codes import encode as encode_codes
from lookalike.codes.rotation import Rotation
from lookalike.compaction.calibration import MIN_ROWS, choose, put_permutation
from lookalike.compaction.gate import judge
from lookalike.errors import StoreError
from lookalike.layout import Layout
from lookalike.store import names, rotation_file, segment, segment_file
from lookalike.store.creation import create
from lookalike.store.manifest import Calibration, Manifest, SegmentRef
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
    calibration, rotation, rotation_bytes = _calibrated(store, rows, old)
    refs, written = [], []
    for piece in map(rows.take, _pieces(rows, segment_bytes)):
        frame = plain_frame(piece.embedding)
        if calibration:
            frame = Frame(rotation, calibration.step, calibration.head, calibration.rest)
        codes = encode_codes(piece.embedding, frame)
        permutation = put_permutation(codes)
        rotation_name = calibration.rotation if calibration else ""
        encoded = segment_file.encode(piece, codes.take(permutation), permutation, rotation_name)
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
                rotation=rotation_name,
                checks=encoded.checks,
            )
        )
        written.append(encoded)
    judge(written, rows, rotation)
    return Written(tuple(refs), calibration, rotation_bytes + sum(ref.stored_bytes for ref in refs))


def _calibrated(store: ObjectStore, rows: Segment, old: Manifest) -> tuple[Calibration | None, Rotation | None, int]:
    """The calibration for these rows and the bytes written for it: the manifest's, or a new one once the store has grown."""
    puts = max(sum(ref.puts for ref in old.segments), len(rows.embedding))
    known = old.calibration
    if len(rows.embedding) < MIN_ROWS or (known and puts < _CALIBRATE_AT_GROWTH * known.rows):
        rotation = rotation_file.read(store, known.rotation) if known and known.rotation else None
        return known, rotation, 0
    choice = choose(rows.embedding, puts, Layout.of_one_part(rows.dimensions))
    (frame,) = choice.frames
    name, written_bytes = "", 0
    if frame.rotation:
        data = rotation_file.encode(frame.rotation)
        name, written_bytes = names.new_rotation(data), len(data)
        _create(store, name, data)
    coordinates = frame.coordinates(rows.dimensions)
    calibration = Calibration(
        name, frame.step, frame.head, frame.rest, coordinates, puts, choice.rows_refined, choice.rows_exact
    )
    return calibration, frame.rotation, written_bytes


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
