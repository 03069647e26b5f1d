"""Calibration: choose rotation, coordinates, step and head of each part by measuring on a sample.

Principal component analysis rotates embeddings so that few coordinates tell most of them apart. How many coordinates to keep, how
fine a step and how long a head depend on the model and on the catalogue, and on the other parts: a row that one part rules out costs
the others nothing. So sampled rows are bounded as searches would bound them, in many ways, and ``costs`` tells the time of each: of
the bytes of a cold start, and of the searches that follow it.

The way of the least time is chosen, for one part after the other until none changes. All parts have the same step in distances by
the default weights, as errors of all parts count alike. The measurement only chooses: the bounds hold in any case.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np
import numpy.typing as npt
from sklearn.cluster import MiniBatchKMeans

from lookalike.codes.codes import Frame
from lookalike.codes.parted import PartedCodes
from lookalike.compaction import costs
from lookalike.compaction.projections import Floats
from lookalike.compaction.sampled import SampledPart, Way
from lookalike.layout import Layout, Weights

MIN_ROWS = 4096  # fewer are scanned quickly in any frame
_SAMPLE_ROWS = 8192
_NEARBY_ROWS = 32_768  # among which the neighbours of a query are found
_QUERIES = 24
_K = 5
_STEPS = (1.0, 0.7, 0.5, 0.35, 0.25)  # as a fraction of the step that clips nothing
_ROUNDS = 3
_CLUSTER_ROWS = 256
_CLUSTERED_COORDINATES = 64


@dataclass(frozen=True, slots=True)
class Choice:
    """A frame for each part, and the means of the rows that a search of the store refines and computes exactly."""

    frames: tuple[Frame, ...]
    rows_refined: float
    rows_exact: float


def choose(vectors: Floats, rows: int, layout: Layout) -> Choice:
    """Choose the frames of a store of ``rows`` rows by some of them, ``vectors``: float32 (``MIN_ROWS`` or more, dimensions)."""
    rng = np.random.default_rng(0)
    places = np.sort(rng.choice(len(vectors), min(len(vectors), _SAMPLE_ROWS), replace=False))
    queries = rng.choice(len(places), _QUERIES, replace=False)
    exponents = [int(np.frexp(np.abs(vectors[:, columns]).max())[1]) for columns in layout.slices]
    # In these units float32 holds all squares, and a power of two scales exactly.
    weights = np.ldexp(layout.weights, np.subtract(exponents, max(exponents)))

    def normalised(some: npt.NDArray[np.int64]) -> list[Floats]:
        """Some rows, the parts one by one."""
        return [np.ldexp(vectors[some, of], -exponent) for of, exponent in zip(layout.slices, exponents, strict=True)]

    nearby = np.sort(rng.choice(len(vectors), min(len(vectors), _NEARBY_ROWS), replace=False))
    limits = _limits(_weighted(normalised(nearby), weights), _weighted(normalised(places[queries]), weights))
    parts = [
        SampledPart(sample, queries, float(weight)) for sample, weight in zip(normalised(places), weights, strict=True)
    ]
    coarsest = max(part.coarsest for part in parts) or 1.0
    best = min((_best(parts, limits, coarsest * step, rows) for step in _STEPS), key=lambda tried: tried.time_s)
    frames = (
        _scaled(part.frame(way, best.step), exponent)
        for part, way, exponent in zip(parts, best.ways, exponents, strict=True)
    )
    return Choice(tuple(frames), best.rows_refined, best.rows_exact)


def _scaled(frame: Frame, exponent: int) -> Frame:
    """The same frame for embeddings 2^exponent times as long."""
    rotation = frame.rotation and replace(frame.rotation, mean=np.ldexp(frame.rotation.mean, exponent))
    step, rest = math.ldexp(frame.step, exponent), math.ldexp(frame.rest, exponent)
    return Frame(rotation, step, frame.head, rest)


def _weighted(parts: Sequence[Floats], weights: Weights) -> Floats:
    return np.concatenate([part * np.float32(weight) for part, weight in zip(parts, weights, strict=True)], axis=1)


def _limits(nearby: Floats, queries: Floats) -> Floats:
    """The squared distance of the k-th neighbour of each query, itself left out: float32 (queries, 1)."""
    mean = nearby.mean(axis=0)  # far from the origin, differences of products have no digits
    nearby, queries = nearby - mean, queries - mean
    squared = np.einsum("ij,ij->i", nearby, nearby) - 2 * (queries @ nearby.T)
    squared += np.einsum("ij,ij->i", queries, queries)[:, np.newaxis]
    limits: Floats = np.maximum(np.partition(squared, _K, axis=1)[:, _K : _K + 1], 0)
    return limits


@dataclass(frozen=True, slots=True)
class _Tried:
    """Ways to code the parts with one step in distances, their time, and the rows that they leave."""

    time_s: float
    step: float
    ways: tuple[Way, ...]
    rows_refined: float = 0.0
    rows_exact: float = 0.0


def _best(parts: Sequence[SampledPart], limits: Floats, step: float, rows: int) -> _Tried:
    """The ways of the least time with this step: one part is changed at a time."""
    scanned = [cache(partial(part.scanned, common=step)) for part in parts]
    refined = [cache(partial(part.refined, common=step)) for part in parts]
    times_s = [{way: part.time_s(way, step, rows) for way in part.ways} for part in parts]

    def left(bounds: Iterable[Floats]) -> float:
        """The rows of the store within the limit, for a query on average."""
        return float((sum(bounds, np.float32(0)) <= limits).mean()) * rows

    def changed(ways: tuple[Way, ...], number: int) -> Iterator[_Tried]:
        """The ways with each other way of one part."""
        others = [(place, way) for place, way in enumerate(ways) if place != number]
        of_scan = [scanned[place](way.projection, way.head) for place, way in others]
        of_refining = [refined[place](way.projection, way.coordinates) for place, way in others]
        rows_refined = cache(lambda projection, head: left([*of_scan, scanned[number](projection, head)]))
        rows_exact = cache(lambda projection, size: left([*of_refining, refined[number](projection, size)]))
        for way in parts[number].ways:
            several = (*ways[:number], way, *ways[number + 1 :])
            to_refine, exact = rows_refined(way.projection, way.head), rows_exact(way.projection, way.coordinates)
            of_rows_s = costs.of_rows_left(
                to_refine,
                min(exact, to_refine),
                parts=len(parts),
                coordinates=sum(one.coordinates for one in several),
                dimensions=sum(part.dimensions for part in parts),
            )
            time_s = of_rows_s + sum(times[one] for times, one in zip(times_s, several, strict=True))
            yield _Tried(time_s, step, several, to_refine, min(exact, to_refine))

    tried = _Tried(math.inf, step, tuple(part.ways[-1] for part in parts))
    for _ in range(_ROUNDS):
        before = tried.ways
        for number in range(len(parts)):
            tried = min(changed(tried.ways, number), key=lambda one: one.time_s)
        if tried.ways == before:
            break
    return tried


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
