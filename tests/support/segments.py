"""Segments as compaction writes them, made of rows and opened as a reader opens them."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np

from lookalike.codes.codes import Frame, encode, plain_frame
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
POOL = ThreadPoolExecutor(2, thread_name_prefix="tests")


def of_vectors(
    vectors: np.ndarray, keys: Sequence[str] | None = None, products: Sequence[str] | None = None
) -> Segment:
    """A segment of puts whose keys are ``000000``, ``000001``, ... unless they are given, each its own product."""
    keys = keys or [f"{number:06}" for number in range(len(vectors))]
    order = order_of(sequencer=None, time_ms=1, op=Op.PUT)
    named = zip(keys, products or keys, vectors, strict=True)
    rows = [Row(key, product, order, Op.PUT, vector, {"key": key}) for key, product, vector in named]
    return from_rows(rows, Layout.of_one_part(vectors.shape[1]))


def encoded(rows: Segment, frame: Frame | None = None, *, permutation: np.ndarray | None = None) -> Encoded:
    """The file of these rows; puts are shuffled unless a permutation is given."""
    frame = frame or plain_frame(rows.embedding)
    puts = len(rows.embedding)
    permutation = np.random.default_rng(puts).permutation(puts) if permutation is None else permutation
    codes = encode(rows.embedding, frame).take(permutation)
    return segment_file.encode(rows, codes, permutation, ROTATION if frame.rotation else "")


def stored(data: bytes) -> MemoryStore:
    store = MemoryStore()
    store.put_if_absent(NAME, data)
    return store


def opened(
    scanned: bytes, store: ObjectStore | None = None, *, rotation: Rotation | None = None, pool: Executor = POOL
) -> StoredSegment:
    """What a reader makes of these first bytes of a file."""

    def the_one(name: str) -> Rotation:
        if rotation is None or name != ROTATION:
            raise CorruptObject(f"there is no rotation {name}")
        return rotation

    return StoredSegment(store or stored(scanned), NAME, scanned, rotation=the_one, pool=pool)
