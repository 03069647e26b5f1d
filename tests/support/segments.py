"""Segments as compaction writes them, made of rows and opened as a reader opens them."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from lookalike.codes.codes import Frame
from lookalike.codes.parted import encode_parts, plain_frames
from lookalike.codes.rotation import Rotation
from lookalike.errors import CorruptObject
from lookalike.layout import Layout
from lookalike.store import segment_file
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.records import Op, Row, order_of
from lookalike.store.segment import Segment, from_rows
from lookalike.store.segment_file import Encoded
from lookalike.store.stored_segment import StoredSegment

NAME = "segments/a"
ROTATION = "segments/r.rotation.safetensors"
"""The name of the rotation of the first part that has one; those of others begin with the part's name."""
POOL = ThreadPoolExecutor(2, thread_name_prefix="tests")


def of_vectors(
    vectors: np.ndarray,
    keys: Sequence[str] | None = None,
    products: Sequence[str] | None = None,
    layout: Layout | None = None,
) -> Segment:
    """A segment of puts whose keys are ``000000``, ``000001``, ... unless they are given, each its own product."""
    keys = keys or [f"{number:06}" for number in range(len(vectors))]
    order = order_of(sequencer=None, time_ms=1, op=Op.PUT)
    named = zip(keys, products or keys, vectors, strict=True)
    rows = [Row(key, product, order, Op.PUT, vector, {"key": key}) for key, product, vector in named]
    return from_rows(rows, layout or Layout.of_one_part(vectors.shape[1]))


def names_of(layout: Layout, frames: Sequence[Frame]) -> dict[str, str]:
    """The names of the rotations in the frames, by part."""
    turned = [part for part, frame in zip(layout.names, frames, strict=True) if frame.rotation]
    return {part: ROTATION if part == turned[0] else part + ROTATION for part in turned}


def rotations_of(layout: Layout, frames: Sequence[Frame]) -> dict[str, Rotation]:
    """The rotations in the frames, by name."""
    names = names_of(layout, frames)
    held = {part: frame.rotation for part, frame in zip(layout.names, frames, strict=True) if frame.rotation}
    return {names[part]: rotation for part, rotation in held.items()}


def encoded(rows: Segment, *frames: Frame, permutation: np.ndarray | None = None) -> Encoded:
    """The file of these rows, coded in a frame for each part; puts are shuffled unless a permutation is given."""
    coded = frames or plain_frames(rows.embedding, rows.layout)
    puts = len(rows.embedding)
    permutation = np.random.default_rng(puts).permutation(puts) if permutation is None else permutation
    codes = encode_parts(rows.embedding, rows.layout, coded).take(permutation)
    return segment_file.encode(rows, codes, permutation, names_of(rows.layout, coded))


def stored(data: bytes) -> MemoryStore:
    store = MemoryStore()
    store.put_if_absent(NAME, data)
    return store


def opened(
    scanned: bytes,
    store: ObjectStore | None = None,
    *,
    rotation: Rotation | Mapping[str, Rotation] | None = None,
    pool: Executor = POOL,
) -> StoredSegment:
    """What a reader makes of these first bytes of a file."""

    known = rotation if isinstance(rotation, Mapping) else {ROTATION: rotation} if rotation else {}

    def the_one(name: str) -> Rotation:
        if name not in known:
            raise CorruptObject(f"there is no rotation {name}")
        return known[name]

    return StoredSegment(store or stored(scanned), NAME, scanned, rotation=the_one, pool=pool)
