"""Draw the map of the catalogue as compaction does, beside peers that read the same store.

Each work has a process of its own and one thread; its memory is that of the whole process. ``PCA`` is scikit-learn's, of all rows at once, onto two
axes. ``nearest_kept``: of some products, the share whose nearest one on the map is among the hundredth of the catalogue that looks most like it.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from lookalike.aws import S3Store, s3_client
from lookalike.compaction import cartography
from lookalike.store import manifest, map_file, segment_reads
from lookalike.store.partitions import live_masks
from lookalike.store.wrappers import CountingStore
from scripts.benchmarks.data import Data
from scripts.benchmarks.engines import BUCKET
from scripts.benchmarks.search import datasets, scratch
from scripts.benchmarks.stores import bench_s3, build, in_own_process
from scripts.benchmarks.worker import threads_each

_SAMPLE: Final = 500  # products
_NEAR: Final = 0.01  # of the catalogue

Points = npt.NDArray[np.float64]
Line = dict[str, Any]


def run(options: argparse.Namespace) -> Iterator[Line]:
    """A line for each work over each data set. Raises BenchError."""
    with scratch() as folder, bench_s3(), threads_each(1):
        for data in datasets(options, folder):
            prefix = f"{data.path.stem}/"
            build(data, prefix)
            for work in (_read, _pca, _draw):
                for turn in range(options.turns):
                    figures, points = in_own_process(work, data, prefix)
                    kept = {} if points is None or turn else {"nearest_kept": _nearest_kept(data, points)}
                    yield {"bench": "map", **data.labels(), **figures, **kept}


def _store(prefix: str) -> CountingStore:
    return CountingStore(S3Store(s3_client(), BUCKET, prefix))


def _figures(work: str, store: CountingStore, started: float, worked: float) -> Line:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "work": work,
        "seconds": round(time.monotonic() - started, 1),
        "processor_s": round(time.process_time() - worked, 1),
        "peak_mib": peak // (1024 if sys.platform == "linux" else 1024 * 1024),
        "bytes_read": store.bytes_read,
        "bytes_written": store.bytes_written,
    }


def _read(_: Data, prefix: str) -> tuple[Line, Points | None]:
    """Read the rows of all segments, one after the other."""
    store = _store(prefix)
    started, worked = time.monotonic(), time.process_time()
    for ref in manifest.newest(store).segments:
        segment_reads.read_segment(store, ref)
    return _figures("read the rows", store, started, worked), None


def _pca(data: Data, prefix: str) -> tuple[Line, Points | None]:
    """Read the rows, and project them on their two principal axes."""
    store = _store(prefix)
    started, worked = time.monotonic(), time.process_time()
    names: list[str] = []
    vectors = []
    for ref in manifest.newest(store).segments:
        rows = segment_reads.read_segment(store, ref)
        names += [rows.name(row)[0] for row in range(len(rows))]
        vectors.append(rows.embedding * data.layout.by_column(data.layout.weights).astype(np.float32))
    found = PCA(2).fit_transform(np.concatenate(vectors))
    figures = _figures("PCA", store, started, worked)
    points = np.empty((len(names), 2))
    points[[int(name) for name in names]] = found
    return figures, points


def _draw(_: Data, prefix: str) -> tuple[Line, Points | None]:
    """Draw the map, and store it."""
    store = _store(prefix)
    started, worked = time.monotonic(), time.process_time()
    newest = manifest.newest(store)
    ref, _read_bytes, _written_bytes = cartography.draw(store, newest, live_masks(store, newest.segments))
    figures = _figures("draw the map", store, started, worked)
    if ref is None:
        return figures, None
    drawn = map_file.read(store, ref.name)
    points = np.full((max(int(name) for name in drawn.product_ids) + 1, 2), np.nan)
    points[[int(name) for name in drawn.product_ids]] = drawn.place
    return figures, points


def _nearest_kept(data: Data, points: Points) -> float:
    """Of a sample of the products that have a point."""
    there = np.flatnonzero(~np.isnan(points[:, 0]))
    sample = np.random.default_rng(0).choice(there, min(_SAMPLE, len(there)), replace=False)
    _, nearest = NearestNeighbors(n_neighbors=2).fit(points[there]).kneighbors(points[sample])
    near = there[np.where(there[nearest[:, 0]] == sample, nearest[:, 1], nearest[:, 0])]
    weighted = data.weighted().vectors
    kept = 0
    for product, other in zip(sample.tolist(), near.tolist(), strict=True):
        distances = np.linalg.norm(weighted[there] - weighted[product], axis=1)
        closer = int(np.count_nonzero(distances < np.linalg.norm(weighted[other] - weighted[product]))) - 1
        kept += int(closer < _NEAR * len(there))
    return round(kept / len(sample), 3)
