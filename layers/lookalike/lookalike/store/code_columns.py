"""The codes of one part of an embedding as columns of a segment's file: see ``segment_file``.

    <part>.rest                               I8 (puts,)
    <part>.head_error, .error, .tail          F32 (puts,): for these and the rest see ``codes``
    <part>.head_end, <part>.body_end          U64 (chunks,), the end of each chunk
    <part>.head, <part>.body                  U8 (bytes,), the codes, in chunks of ``CODED_AT_ONCE`` puts, deflated

The file's metadata has the step, the reach, the head, the middle of the rests, the coordinates and the rotation's name of each part.

Codes are deflated with Huffman coding alone: it is fast, and codes have no repetitions to find.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import Codes, Frame
from lookalike.codes.parted import PartedCodes
from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject
from lookalike.layout import Layout, Part
from lookalike.store import chunks, columns, tensors

CODED_AT_ONCE = 4096

_LENGTHS = ("head_error", "error", "tail")
_SMALL: columns.Columns = {
    "rest": (np.int8, 1),
    **dict.fromkeys(_LENGTHS, (np.float32, 1)),
    "head_end": (np.uint64, 1),
    "body_end": (np.uint64, 1),
}
_LARGE: columns.Columns = {"head": (np.uint8, 1), "body": (np.uint8, 1)}
_METADATA = ("step", "reach", "head", "middle", "coordinates", "rotation")


def of(layout: Layout) -> columns.Columns:
    """The columns of all parts."""
    return {f"{part}.{name}": kind for name, kind in (*_SMALL.items(), *_LARGE.items()) for part in layout.names}


def encode(codes: PartedCodes) -> dict[str, npt.NDArray[Any]]:
    """The columns of all parts, in the order of the file: the codes themselves last."""
    held: dict[str, npt.NDArray[Any]] = {}
    for part, coded in zip(codes.layout.names, codes.parts, strict=True):
        held |= {f"{part}.{name}": getattr(coded, name) for name in ("rest", *_LENGTHS)}
        for name, matrix in (("head", coded.head), ("body", coded.body)):
            deflated = (chunks.deflate(np.ascontiguousarray(piece), huffman_only=True) for piece in _pieces(matrix))
            held[f"{part}.{name}"], held[f"{part}.{name}_end"] = chunks.join(deflated)
    return {name: held[name] for name in of(codes.layout)}


def metadata(codes: PartedCodes, rotations: Mapping[str, str]) -> dict[str, str]:
    """How the parts were coded. ``rotations``: the names of the rotations in the codes' frames, by part."""
    fields: dict[str, str] = {}
    for part, coded in zip(codes.layout.names, codes.parts, strict=True):
        fields |= {
            f"{part}.step": coded.frame.step.hex(),
            f"{part}.reach": coded.reach.hex(),
            f"{part}.head": str(coded.frame.head),
            f"{part}.middle": coded.frame.rest.hex(),
            f"{part}.coordinates": str(coded.matrix.shape[1]),
            f"{part}.rotation": rotations.get(part, ""),
        }
    return fields


def read(
    header: tensors.Header, scanned: bytes, layout: Layout, *, rotation: Callable[[str], Rotation], pool: Executor
) -> PartedCodes:
    """The codes in the first bytes of a file. Raises CorruptObject, and the errors of ``rotation``."""
    return PartedCodes(layout, tuple(_read(header, scanned, part, rotation, pool) for part in layout.parts))


def _read(
    header: tensors.Header, scanned: bytes, part: Part, rotation: Callable[[str], Rotation], pool: Executor
) -> Codes:
    frame, reach, coordinates = _read_frame(header, part, rotation)
    lengths = {name: columns.read(header, f"{part.name}.{name}", scanned).copy() for name in ("rest", *_LENGTHS)}
    puts = header.tensors["embedding"].shape[0]
    if any(len(column) != puts for column in lengths.values()):
        raise CorruptObject("the segment does not have one code for each put")
    if not all(np.isfinite(column).all() for column in lengths.values()):
        raise CorruptObject("the segment has an error of a code that is not finite")
    matrix = np.empty((puts, coordinates), np.int8)
    deflated: list[chunks.Bytes] = []
    pieces: list[npt.NDArray[np.int8]] = []
    for name, target in (("head", matrix[:, : frame.head]), ("body", matrix[:, frame.head :])):
        data, end = (columns.read(header, f"{part.name}.{column}", scanned) for column in (name, f"{name}_end"))
        deflated += chunks.split(data, end)
        pieces += _pieces(target)
        if len(pieces) != len(deflated):
            raise CorruptObject(f"the segment has {len(deflated)} chunks of codes for {puts} puts")
    # zlib releases the interpreter lock, so this runs on all processors.
    list(pool.map(_inflate_into, deflated, pieces))
    return Codes(frame, matrix, **lengths, reach=reach)


def _read_frame(header: tensors.Header, part: Part, rotation: Callable[[str], Rotation]) -> tuple[Frame, float, int]:
    """The frame of a part, the reach, and the number of coordinates."""
    fields = {name: header.metadata.get(f"{part.name}.{name}", "") for name in _METADATA}
    try:
        step, middle, reach = (float.fromhex(fields[name]) for name in ("step", "middle", "reach"))
        head, coordinates = int(fields["head"]), int(fields["coordinates"])
    except (ValueError, OverflowError) as error:
        raise CorruptObject(f"the segment does not say how it was coded: {error!r}") from error
    if not (0 < step < math.inf and 0 <= middle < math.inf and 0 <= reach < math.inf):
        raise CorruptObject(
            f"the segment's step of {step}, its rest of {middle} or its reach of {reach} is out of range"
        )
    frame = Frame(rotation(fields["rotation"]) if fields["rotation"] else None, step, head, middle)
    if not 0 < head <= coordinates == frame.coordinates(part.dimensions) or (
        frame.rotation and frame.rotation.dimensions != part.dimensions
    ):
        raise CorruptObject("the segment's codes do not fit its rotation")
    return frame, reach, coordinates


def _pieces(codes: npt.NDArray[np.int8]) -> Iterator[npt.NDArray[np.int8]]:
    if codes.size:
        for start in range(0, len(codes), CODED_AT_ONCE):
            yield codes[start : start + CODED_AT_ONCE]


def _inflate_into(chunk: chunks.Bytes, target: npt.NDArray[np.int8]) -> None:
    inflated = chunks.inflate(chunk, target.nbytes)
    if len(inflated) != target.nbytes:
        raise CorruptObject("a chunk of codes is too short")
    target[:] = np.frombuffer(inflated, np.int8).reshape(target.shape)
