"""Calibration: choose rotation, coordinates, step and head by measuring on a sample.

Principal component analysis rotates embeddings so that few coordinates tell most of them apart. Whether that pays, how many
coordinates to keep, how fine a step and how long a head depend on the model and on the catalogue. So a sample is coded in
several ways, sampled photos are searched with the bounds of each, and the cost of each is counted.

    cold   the bytes of a first search: the deflated codes, and ranges of exact rows. A request counts as the bytes that arrive
           in its time.
    warm   the bytes that every search touches: the heads of all rows, and all coordinates of the rows left.

The way with the least cold cost is chosen, and its head with the least warm cost. The measurement only chooses: the bounds
hold in any case.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import PCA

from lookalike.codes.codes import TOP_CODE, Frame
from lookalike.codes.parted import PartedCodes
from lookalike.codes.rotation import Rotation, rotation_of
from lookalike.layout import Layout
from lookalike.store import chunks
from lookalike.store.ranges import NEAR_BYTES, ranges

MIN_ROWS = 4096  # fewer are scanned quickly in any frame
_SAMPLE_ROWS = 8192
_QUERIES = 24
_K = 5
_COORDINATES = (128, 256, 512)
_HEADS = (64, 128, 192, 256, 320, 448)
_STEPS = (1.0, 0.5, 0.25)  # as a fraction of the step that clips nothing
_REQUEST_BYTES = 150_000  # 27 ms a request, 85 MB/s a connection, 16 at once
_REFINED_BYTES = 5  # touched per coordinate of a refined row
_CLUSTER_ROWS = 256
_CLUSTERED_COORDINATES = 64

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Choice:
    """A frame for each part, and the rows that a search of the store refines and computes exactly."""

    frames: tuple[Frame, ...]
    rows_refined: float
    rows_exact: float


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows in the coordinates of a rotation, or in their own.

    coordinates: float32 (rows, coordinates); squares: float64 (rows,), the squared length of a whole row; permutation: int64
    (rows,), an order in which similar rows are neighbours.
    """

    rotation: Rotation | None
    coordinates: Floats
    squares: npt.NDArray[np.float64]
    permutation: npt.NDArray[np.int64]

    def outside(self, coordinates: int) -> npt.NDArray[np.float64]:
        """The length outside the first coordinates, float64 (rows,)."""
        inside = np.square(self.coordinates[:, :coordinates].astype(np.float64)).sum(axis=1)
        outside: npt.NDArray[np.float64] = np.sqrt(np.maximum(self.squares - inside, 0.0))
        return outside


def choose(vectors: Floats, rows: int, layout: Layout) -> Choice:
    """Choose the frames of a store of ``rows`` rows by a part of them, ``vectors``: float32 (``MIN_ROWS`` or more, dimensions)."""
    parts = [_choose(vectors[:, columns], rows) for columns in layout.slices]
    frames = tuple(frame for choice in parts for frame in choice.frames)
    # A row that one part rules out is ruled out.
    return Choice(frames, min(choice.rows_refined for choice in parts), min(choice.rows_exact for choice in parts))


def _choose(vectors: Floats, rows: int) -> Choice:
    """Choose the frame of a store of ``rows`` rows by a part of them, ``vectors``: float32 (``MIN_ROWS`` or more, dimensions)."""
    rng = np.random.default_rng(0)
    sample = vectors[np.sort(rng.choice(len(vectors), min(len(vectors), _SAMPLE_ROWS), replace=False))]
    exponent = int(np.frexp(np.abs(sample).max())[1])
    sample = np.ldexp(sample, -exponent)  # float32 then holds all squares; a power of two scales exactly
    limits = _limits(sample, rng.choice(len(sample), _QUERIES, replace=False))
    scale = rows / len(sample)
    best: tuple[float, Choice] | None = None
    for projected in _samples(sample, vectors.shape[1]):
        for coordinates in sorted({min(number, projected.coordinates.shape[1]) for number in (*_COORDINATES, 2**30)}):
            if projected.rotation is None and coordinates < vectors.shape[1]:
                continue  # the embedding's own coordinates are all alike: truncating any costs as much as it saves
            for step_factor in _STEPS:
                cold, choice = _try(projected, _Kind(coordinates, step_factor), limits, scale, vectors.shape[1])
                if best is None or cold < best[0]:
                    best = cold, choice
    assert best  # noqa: S101 - at least one way is tried
    return replace(best[1], frames=(_scaled(best[1].frames[0], exponent),))


def _scaled(frame: Frame, exponent: int) -> Frame:
    """The same frame for embeddings 2^exponent times as long."""
    rotation = frame.rotation and replace(frame.rotation, mean=np.ldexp(frame.rotation.mean, exponent))
    return replace(frame, rotation=rotation, step=math.ldexp(frame.step, exponent))


def put_permutation(codes: PartedCodes) -> npt.NDArray[np.int64]:
    """A permutation of coded rows that makes rows neighbours that are similar by the default weights: int64 (rows,)."""
    if len(codes) < MIN_ROWS:
        return np.arange(len(codes))
    scales = codes.layout.weights * [part.frame.step for part in codes.parts]
    scales /= scales.max()
    heads = [part.head[:, :_CLUSTERED_COORDINATES] for part, scale in zip(codes.parts, scales, strict=True) if scale]
    coordinates = np.concatenate(
        [head * np.float32(scale) for head, scale in zip(heads, scales[scales > 0], strict=True)], 1
    )
    if coordinates.shape[1] > _CLUSTERED_COORDINATES:
        most_varied = np.argsort(-coordinates.var(axis=0), kind="stable")[:_CLUSTERED_COORDINATES]
        coordinates = coordinates[:, np.sort(most_varied)]
    return _similar_permutation(coordinates)


def _similar_permutation(coordinates: Floats) -> npt.NDArray[np.int64]:
    clusters = MiniBatchKMeans(
        max(1, len(coordinates) // _CLUSTER_ROWS), batch_size=4096, n_init=1, max_iter=20, random_state=0
    ).fit(coordinates)
    from_centre = np.linalg.norm(coordinates - clusters.cluster_centers_[clusters.labels_], axis=1)
    permutation: npt.NDArray[np.int64] = np.lexsort((from_centre, clusters.labels_))
    return permutation


def _samples(sample: Floats, dimensions: int) -> Iterator[_Sample]:
    own = np.square(sample.astype(np.float64)).sum(axis=1)
    yield _Sample(None, sample, own, _similar_permutation(sample[:, :_CLUSTERED_COORDINATES]))
    if (sample == sample[0]).all():
        return  # equal rows have no principal components
    fitted = PCA(n_components=min(dimensions, max(_COORDINATES)), svd_solver="covariance_eigh").fit(sample)
    mean = fitted.mean_.astype(np.float32)
    matrix = np.ascontiguousarray(fitted.components_, np.float32)
    centred = sample - mean
    projected = centred @ matrix.T
    squares = np.square(centred.astype(np.float64)).sum(axis=1)
    yield _Sample(
        rotation_of(mean, matrix), projected, squares, _similar_permutation(projected[:, :_CLUSTERED_COORDINATES])
    )


def _limits(sample: Floats, queries: npt.NDArray[np.int64]) -> dict[int, float]:
    """The squared distance of the k-th neighbour of each query, itself left out."""
    return {int(row): float(np.partition(np.square(sample - sample[row]).sum(axis=1), _K)[_K]) for row in queries}


@dataclass(frozen=True, slots=True)
class _Kind:
    """A way to code: the number of coordinates, and the step as a fraction of the step that clips nothing."""

    coordinates: int
    step_factor: float


def _try(
    sample: _Sample, kind: _Kind, limits: Mapping[int, float], scale: float, dimensions: int
) -> tuple[float, Choice]:
    """The cold cost of this way to code, and the frame with the head of the least warm cost."""
    coordinates = kind.coordinates
    z = sample.coordinates[:, :coordinates]
    step = float(np.abs(z).max()) / TOP_CODE * kind.step_factor or 1.0
    codes = np.clip(np.rint(z / step), -TOP_CODE, TOP_CODE).astype(np.float32)
    lost = np.square(z / step - codes)
    error = np.sqrt(lost.sum(axis=1)) * step
    tail = sample.outside(coordinates)
    heads = sorted({min(head, coordinates) for head in _HEADS})
    head_errors = {head: np.sqrt(lost[:, :head].sum(axis=1)) * step for head in heads}
    rests = {head: sample.outside(head) for head in heads}
    refined: dict[int, list[int]] = {head: [] for head in heads}
    exact, read_bytes = [], []
    place = np.argsort(sample.permutation)
    near = max(1, int(NEAR_BYTES / (4 * dimensions) / scale))
    for row, limit in limits.items():
        for head in heads:
            inside = step * np.sqrt(np.square(codes[:, :head] - codes[row, :head]).sum(axis=1))
            inside = np.maximum(inside - head_errors[head] - head_errors[head][row], 0.0)
            low = np.square(inside) + np.square(rests[head] - rests[head][row])
            refined[head].append(int(np.count_nonzero(low <= limit)))
        inside = np.maximum(np.sqrt(np.square(step * codes - z[row]).sum(axis=1)) - error, 0.0)
        left = np.flatnonzero(np.square(inside) + np.square(tail - tail[row]) <= limit)
        exact.append(len(left))
        spans = [end - start for start, end in ranges(np.sort(place[left]), near, len(codes))]
        read_bytes.append(len(spans) * _REQUEST_BYTES + sum(spans) * scale * 4 * dimensions)
    deflated = sum(len(chunks.deflate(part, huffman_only=True)) for part in np.array_split(codes.astype(np.int8), 4))
    cold = deflated * scale + float(np.mean(read_bytes))
    if sample.rotation is not None:
        cold += 4 * coordinates * dimensions
    warm = {head: len(codes) * head + float(np.mean(refined[head])) * coordinates * _REFINED_BYTES for head in heads}
    head = min(heads, key=lambda head: warm[head])
    rotation = None
    if sample.rotation is not None:
        rotation = rotation_of(sample.rotation.mean, sample.rotation.matrix[:coordinates].copy())
    choice = Choice(
        (Frame(rotation, step, head),), float(np.median(refined[head])) * scale, float(np.median(exact)) * scale
    )
    return cold, choice
