"""How near the photos of a catalogue lie to each other, which tells whether a distance is a near one.

Whether 0.9 is near depends on the model, on the weights and on the catalogue. So some of the catalogue's own photos are searched
with, and of each the distance of the nearest photo of another product is kept. It is kept part by part: then it is known under any
weights. Under the weights by which the nearest photo was chosen it is exact. Under others another photo may be nearer, and the
distance is an estimate from above.

Photos that are near-identical to the sampled one are passed over. They show the same thing under another id, and say nothing of how
near another product lies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES
from lookalike.layout import Layout, Weights
from lookalike.store.rows import Embeddings, Hashes

NEAR_IDENTICAL: Final = 0.35
"""The largest distance of each part of two photos that show the same thing. Parts are of unit length, so 2 is the farthest."""

_AT_ONCE = 4096  # photos that all sampled ones are compared with
_DIGITS = 4  # of a squared distance

Squares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NeighbourSample:
    """Distances of some photos of a catalogue from the nearest photo of another product.

    ``layout``: its weights chose the nearest; ``squared``: for each sampled photo the squared distance of each part, unweighted.
    When it was measured: ``version`` and ``puts`` of the manifest, and the time in milliseconds since 1970.
    """

    layout: Layout
    version: int
    puts: int
    measured_ms: int
    squared: tuple[tuple[float, ...], ...]

    def distances(self, weights: Weights) -> Squares:
        """The distances under these weights: float64 (sampled photos,)."""
        distances: Squares = np.sqrt(self._squares @ np.square(weights))
        return distances

    @cached_property
    def _squares(self) -> Squares:
        return np.array(self.squared, np.float64).reshape(-1, len(self.layout.parts))

    def as_json(self) -> dict[str, Any]:
        """The sample as JSON values."""
        return {
            "layout": str(self.layout),
            "version": self.version,
            "puts": self.puts,
            "measured_ms": self.measured_ms,
            "squared": self.squared,
        }


class Sampler:
    """Finds the nearest photo of another product for some photos of a catalogue, which comes block by block.

    ``queries``: float32 (sampled photos, dimensions); ``products``: their product hashes.
    """

    def __init__(self, layout: Layout, queries: Embeddings, products: Hashes) -> None:
        self._layout = layout
        self._queries = queries
        self._products = _first_half(products)
        self._scales = layout.by_column(layout.weights).astype(np.float32)
        self._scaled = queries * self._scales
        self._nearest: Squares = np.full(len(queries), np.inf)
        self._squared: Squares = np.zeros((len(queries), len(layout.parts)))

    def add(self, embeddings: Embeddings, products: Hashes) -> None:
        """Compare with further photos: float32 (photos, dimensions), and their product hashes."""
        for start in range(0, len(embeddings), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            self._add(embeddings[some], _first_half(products[some]))

    def _add(self, embeddings: Embeddings, products: npt.NDArray[np.uint64]) -> None:
        distances = _squared_distances(self._scaled, embeddings * self._scales)
        distances[self._products[:, np.newaxis] == products] = np.inf
        nearest = distances.argmin(axis=1)
        alike = np.flatnonzero(are_near_identical(self._layout, self._queries, embeddings[nearest]))
        if len(alike):
            distances[alike] = np.where(self._all_near_identical(alike, embeddings), np.inf, distances[alike])
            nearest[alike] = distances[alike].argmin(axis=1)
        found = distances[np.arange(len(distances)), nearest]
        for query in np.flatnonzero(found < self._nearest).tolist():
            difference = self._queries[query].astype(np.float64) - embeddings[nearest[query]]
            self._nearest[query] = found[query]
            self._squared[query] = [np.square(difference[part]).sum() for part in self._layout.slices]

    def _all_near_identical(self, queries: npt.NDArray[np.int64], embeddings: Embeddings) -> npt.NDArray[np.bool_]:
        """Whether each of these queries is near-identical to each photo: bool (queries, photos)."""
        alike = np.ones((len(queries), len(embeddings)), bool)
        for part in self._layout.slices:
            alike &= _squared_distances(self._queries[queries, part], embeddings[:, part]) <= NEAR_IDENTICAL**2
        return alike

    def sample(self, *, version: int = 0, puts: int = 0, measured_ms: int = 0) -> NeighbourSample:
        """The distances found. A photo that has no neighbour of another product is not among them."""
        found = self._squared[np.isfinite(self._nearest)].tolist()
        squared = tuple(tuple(float(f"{value:.{_DIGITS}g}") for value in parts) for parts in found)
        return NeighbourSample(self._layout, version, puts, measured_ms, squared)


def are_near_identical(layout: Layout, photo: Embeddings, others: Embeddings) -> npt.NDArray[np.bool_]:
    """Which photos, float32 (photos, dimensions), are near-identical to one, or to the one in their place: bool (photos,)."""
    squared = np.square(others.astype(np.float64) - photo)
    parts = [squared[:, part].sum(axis=1) <= NEAR_IDENTICAL**2 for part in layout.slices]
    alike: npt.NDArray[np.bool_] = np.logical_and.reduce(parts)
    return alike


def sampled(key_hash: Hashes, at_most: int) -> npt.NDArray[np.int64]:
    """Which photos are sampled: those with the smallest key hashes, a random choice that compaction keeps. int64, ascending."""
    if len(key_hash) <= at_most:
        return np.arange(len(key_hash))
    return np.sort(np.argpartition(_first_half(key_hash), at_most)[:at_most])


def from_json(fields: Mapping[str, Any]) -> NeighbourSample:
    """The sample in these JSON values. Raises ValueError, TypeError or LookupError where they are none."""
    layout = Layout.parse(fields["layout"])
    squared = tuple(tuple(map(float, parts)) for parts in fields["squared"])
    values = np.array(squared, np.float64).reshape(-1, len(layout.parts))
    if len(values) != len(squared) or not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError("the squared distances are not those of the layout's parts")
    version, puts, measured_ms = (fields[name] for name in ("version", "puts", "measured_ms"))
    if not all(type(number) is int and number >= 0 for number in (version, puts, measured_ms)):
        raise ValueError("the numbers of a sample are not natural numbers")
    return NeighbourSample(layout, version, puts, measured_ms, squared)


def _first_half(hashes: Hashes) -> npt.NDArray[np.uint64]:
    """The first eight bytes of hashes as numbers that have the same order: uint64 (hashes,)."""
    halves = np.ascontiguousarray(hashes).view(">u8").reshape(len(hashes), HASH_BYTES // 8)
    return halves[:, 0].astype(np.uint64)


def _squared_distances(queries: Embeddings, embeddings: Embeddings) -> npt.NDArray[np.float32]:
    """Squared distances of all pairs, by float32: (queries, embeddings). Infinite beyond float32's range."""
    with np.errstate(over="ignore", invalid="ignore"):
        squared: npt.NDArray[np.float32] = queries @ embeddings.T
        squared *= -2
        squared += np.square(queries).sum(axis=1)[:, np.newaxis]
        squared += np.square(embeddings).sum(axis=1)
    squared[np.isnan(squared)] = np.inf
    return np.maximum(squared, 0, out=squared)
