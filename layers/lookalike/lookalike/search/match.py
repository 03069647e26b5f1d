"""How good a match is: its distance judged by those between the catalogue's own photos (``store.neighbours``).

strong   at most the median: nearer than half of the catalogue's photos are to another product
fair     at most the 99th percentile
weak     beyond: hardly a photo of the catalogue is as far from every other product
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from lookalike.layout import Weights
from lookalike.store.neighbours import NeighbourSample

STRONG: Final = 0.5
FAIR: Final = 0.99
FEWEST: Final = 16
"""The fewest photos by which matches are judged."""


class Match(StrEnum):
    """How good a match is."""

    STRONG = "strong"
    FAIR = "fair"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class MatchScale:
    """The largest distance of a strong and of a fair match under some weights.

    ``is_rescaled``: whether other weights chose the neighbours of the sample, so that the scale is an estimate.
    """

    strong: float
    fair: float
    is_rescaled: bool

    def match(self, distance: float) -> Match:
        if distance <= self.strong:
            return Match.STRONG
        return Match.FAIR if distance <= self.fair else Match.WEAK

    def are_weak(self, distances: Iterable[float]) -> bool:
        """Whether all of these matches are weak: then nothing close was found."""
        return all(self.match(distance) is Match.WEAK for distance in distances)


def match_scale(sample: NeighbourSample | None, weights: Weights) -> MatchScale | None:
    """The scale of a catalogue under these weights; None where too few photos were sampled."""
    if sample is None or len(sample.squared) < FEWEST:
        return None
    strong, fair = np.quantile(sample.distances(weights), [STRONG, FAIR]).tolist()
    return MatchScale(strong, fair, is_rescaled=not np.array_equal(weights, sample.layout.weights))
