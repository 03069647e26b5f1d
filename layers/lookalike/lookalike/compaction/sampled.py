"""One part of sampled embeddings: the bounds that ways to code it would give, and the time that each way takes by itself."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.codes.codes import TOP_CODE, Frame
from lookalike.codes.distance import packed_bytes
from lookalike.compaction import costs
from lookalike.compaction.projections import Floats, projections
from lookalike.store import chunks

_HEADS = (31, 47, 79, 111, 159, 239, 319)  # with the rest, whole tiles of the scan
_COORDINATES = (64, 79, 96, 111, 128, 159, 192, 256, 384, 512)
_DEFLATED_ROWS = 512


@dataclass(frozen=True, slots=True)
class Way:
    """A way to code one part: the number of its projection, and how many coordinates have the head and the whole."""

    projection: int
    head: int
    coordinates: int


class SampledPart:
    """Rows of a part, float32 (rows, dimensions), whose squares float32 holds. ``queries``: the numbers of some of them.

    ``weight``: of the part in distances. Bounds are squared and weighted, float32 (queries, rows).
    """

    def __init__(self, sample: Floats, queries: npt.NDArray[np.int64], weight: float) -> None:
        self._projections = list(projections(sample))
        self._queries = queries
        self._weight = weight
        self.dimensions = sample.shape[1]
        self._squared: dict[tuple[int, int], Floats] = {}

    @cached_property
    def coarsest(self) -> float:
        """The step that clips nothing of a head, as a distance by the weight."""
        projection = self._projections[-1]
        return self._weight * float(np.abs(projection.head(min(_HEADS[1], self.dimensions))).max()) / TOP_CODE

    @cached_property
    def ways(self) -> list[Way]:
        """The ways to choose from."""
        several = []
        for number, projection in enumerate(self._projections):
            most = projection.coordinates.shape[1]
            heads = sorted({min(head, most) for head in _HEADS})
            # The embedding's own coordinates are all alike: truncating any costs as much as it saves.
            numbers = [most] if projection.components is None else sorted({min(size, most) for size in _COORDINATES})
            several += [Way(number, head, size) for size in numbers for head in heads if head <= size]
        return several

    def step(self, common: float) -> float:
        """The step of this part for a step in distances: the weight may be so small that nothing but signs is left."""
        largest = float(np.abs(self._projections[-1].coordinates).max()) or 1.0
        return min(common / self._weight, largest) if self._weight else largest / TOP_CODE

    def frame(self, way: Way, common: float) -> Frame:
        """The frame of this way."""
        projection = self._projections[way.projection]
        rest = float(np.median(projection.outside(way.head)))
        return Frame(projection.rotation(way.coordinates, way.head), self.step(common), way.head, rest)

    def scanned(self, number: int, head: int, common: float) -> Floats:
        """The bounds of a scan of such a head of a projection."""
        step = self.step(common)
        error = _lost(self._projections[number].head(head), step) + np.float32(
            step * step / 12
        )  # the second is of the rest
        return self._bounds(number, head, error, error[self._queries])

    def refined(self, number: int, coordinates: int, common: float) -> Floats:
        """The bounds from so many coordinates of a projection."""
        projection, step = self._projections[number], self.step(common)
        if projection.components is None:
            error = _lost(projection.coordinates, step)
        else:  # only heads clip
            error = np.full(len(projection.coordinates), coordinates * step * step / 12, np.float32)
        return self._bounds(number, coordinates, error, np.zeros(len(self._queries), np.float32))

    def time_s(self, way: Way, common: float, rows: int) -> float:
        """The time that the part takes for itself in a store of so many rows."""
        projection, step = self._projections[way.projection], self.step(common)
        rotated = 0 if projection.components is None else way.coordinates * self.dimensions
        whole = projection.coordinates[:_DEFLATED_ROWS, : way.coordinates]
        head = projection.head(way.head, _DEFLATED_ROWS)
        deflated = sum(
            len(chunks.deflate(_codes(some, step).astype(np.int8), huffman_only=True))
            for some in (head, whole[:, way.head :])
        )
        return costs.of_part(
            rows,
            packed_bytes=packed_bytes(way.head + 1),
            held_bytes=packed_bytes(way.head + 1) + way.coordinates,
            deflated_bytes=deflated / len(whole),
            rotated=rotated,
        )

    def _bounds(self, number: int, coordinates: int, error: Floats, error_of_query: Floats) -> Floats:
        """Bounds from the first coordinates and the lengths outside, for squared errors of rows and queries.

        Rounding moves two codes apart as often as together, and a bound concedes both errors.
        """
        projection = self._projections[number]
        outside = projection.outside(coordinates)
        squared = self._inside(number, coordinates) + np.square(outside - outside[self._queries, np.newaxis])
        low = np.sqrt(squared + error + error_of_query[:, np.newaxis])
        low -= np.sqrt(error) + np.sqrt(error_of_query)[:, np.newaxis]
        return np.square(np.maximum(low, 0, out=low), out=low) * np.float32(self._weight**2)

    def _inside(self, number: int, coordinates: int) -> Floats:
        """Squared distances in the first coordinates, float32 (queries, rows)."""
        key = number, coordinates
        if key not in self._squared:
            z = self._projections[number].coordinates[:, :coordinates]
            squares = np.einsum("ij,ij->i", z, z)
            inside = squares + squares[self._queries, np.newaxis] - 2 * (z[self._queries] @ z.T)
            self._squared[key] = np.maximum(inside, 0)
        return self._squared[key]


def _codes(z: Floats, step: float) -> Floats:
    return np.clip(np.rint(z / np.float32(step)), -TOP_CODE, TOP_CODE)


def _lost(z: Floats, step: float) -> Floats:
    """The squared error of each row, float32 (rows,)."""
    lost = z - _codes(z, step) * np.float32(step)
    squared: Floats = np.einsum("ij,ij->i", lost, lost)
    return squared
