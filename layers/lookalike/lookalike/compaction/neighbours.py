"""Measures how near the catalogue's photos lie to each other, for the words of a match (``search.match``).

The sampled photos are compared with all photos, segment by segment. Segments are read twice, to choose the sample and to find its
neighbours, one in memory at a time. Of a store larger than ``_READ_BYTES`` only some segments are read. A neighbour among fewer
photos is farther, so a large store's scale is a generous one and calls fewer matches weak.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lookalike.layout import Layout
from lookalike.search.match import FEWEST
from lookalike.store import segment_reads
from lookalike.store.manifest import Manifest, SegmentRef
from lookalike.store.neighbours import NeighbourSample, Sampler, sampled
from lookalike.store.object_store import ObjectStore
from lookalike.store.segment import Segment
from lookalike.store.shard import Mask

_PHOTOS = 512
_READ_BYTES = 512 * 1024 * 1024
_GROWTH = 1.5
_DAY_MS = 24 * 60 * 60 * 1000


def is_due(manifest: Manifest, now_ms: int) -> bool:
    """Whether the store has no sample yet, or has grown by half since, or has changed at all and a day has passed."""
    puts, old = sum(ref.puts for ref in manifest.segments), manifest.neighbours
    if puts < FEWEST:
        return False
    if old is None or puts >= _GROWTH * old.puts:
        return True
    return manifest.version > old.version and now_ms - old.measured_ms >= _DAY_MS


def of_new_rows(old: NeighbourSample | None, layout: Layout) -> NeighbourSample | None:
    """The sample to keep when rows are folded; where their layout has other weights it is due to be measured by those."""
    return old if old is None or old.layout == layout else replace(old, measured_ms=0)


def measure(store: ObjectStore, manifest: Manifest, live: Sequence[Mask]) -> tuple[NeighbourSample, int]:
    """A sample of the version that follows the manifest, and the bytes read. ``live``: of each segment's rows. Raises StoreError."""
    read_bytes = 0

    @lru_cache(1)  # a store of one segment is read once
    def read(ref: SegmentRef) -> Segment:
        nonlocal read_bytes
        read_bytes += ref.stored_bytes
        return segment_reads.read_segment(store, ref)

    chosen = some_segments(list(zip(manifest.segments, live, strict=True)))
    old = manifest.neighbours
    layout = old.layout if old and old.measured_ms else read(chosen[0][0]).layout
    keys, products, embeddings = [], [], []
    for ref, mask in chosen:
        rows, puts = read(ref), _live_puts(read(ref), mask)
        some = puts[sampled(rows.key_hash[puts], _PHOTOS)]
        keys.append(rows.key_hash[some])
        products.append(rows.product_hash[some])
        embeddings.append(rows.read(rows.put_index[some]))
    some = sampled(np.concatenate(keys), _PHOTOS)
    sampler = Sampler(layout, np.concatenate(embeddings)[some], np.concatenate(products)[some])
    for ref, mask in reversed(chosen):
        rows, puts = read(ref), _live_puts(read(ref), mask)
        sampler.add(rows.embedding[rows.put_index[puts]], rows.product_hash[puts])
    puts_of_all = sum(ref.puts for ref in manifest.segments)
    return sampler.sample(version=manifest.version + 1, puts=puts_of_all, measured_ms=store.time_ms()), read_bytes


def some_segments[Item](segments: Sequence[tuple[SegmentRef, Item]]) -> list[tuple[SegmentRef, Item]]:
    """The newest segment, and others at equal distances down to the oldest, of about ``_READ_BYTES`` together."""
    total = sum(ref.raw_bytes for ref, _ in segments)
    return list(segments)[:: -max(1, -(-total // _READ_BYTES))]


def _live_puts(rows: Segment, live: Mask) -> npt.NDArray[np.int64]:
    return np.flatnonzero(live & rows.is_put)
