"""The weights of a search, and distances under them: see ``layout``."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Final

import numpy as np

from lookalike.codes.parted import Distances
from lookalike.layout import Layout, Weights

_LARGEST_WEIGHT: Final = 2.0**500  # a distance under it is in float64's range


@dataclass(frozen=True, slots=True)
class Weighting:
    """The weights of a search over ``scale``, a power of two, so that the largest is from 0.5 to 1.

    Their squares are then in range, and distances over the same power have the same digits. ``parts``: of each part whose weight
    is above 0, the square of its weight and its columns.
    """

    weights: Weights
    scale: float
    parts: tuple[tuple[float, slice], ...]

    @classmethod
    def of(cls, layout: Layout, weights: Weights | None) -> "Weighting":
        """The weights, the layout's own for None. Raises ValueError where they are no weights of its parts."""
        return _default(layout) if weights is None else cls._of(layout, weights)

    @classmethod
    def _of(cls, layout: Layout, weights: Weights) -> "Weighting":
        largest = float(weights.max())
        if weights.shape != (len(layout.parts),) or not 0 <= weights.min() <= largest <= _LARGEST_WEIGHT or not largest:
            raise ValueError(f"{weights} are not weights of {layout}: each is at least 0, and one is more")
        scale = math.ldexp(1.0, math.frexp(largest)[1])
        scaled = weights / scale
        parts = zip(scaled.tolist(), layout.slices, strict=True)
        return cls(scaled, scale, tuple((weight * weight, columns) for weight, columns in parts if weight))

    @property
    def least_square(self) -> float:
        """The smallest square of a weight above 0."""
        return min(square for square, _ in self.parts)

    def distances(self, differences: Distances) -> Distances:
        """The weighted lengths of differences, float64 (rows, dimensions), which are squared in place."""
        squared = np.square(differences, out=differences)
        return np.sqrt(self.sum(lambda columns: squared[:, columns].sum(axis=1)))

    def sum(self, squared_of: Callable[[slice], Distances]) -> Distances:
        """The sum of squared distances of the parts that count, each by its columns."""
        return reduce(np.add, (square * squared_of(columns) for square, columns in self.parts))


@lru_cache(maxsize=16)
def _default(layout: Layout) -> Weighting:
    return Weighting._of(layout, layout.weights)
