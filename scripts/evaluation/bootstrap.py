"""Intervals of measures: how far they would vary with other queries of the same kind.

The percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): the measure is computed
again and again over as many queries, drawn from the queries with replacement; 95 % of those values lie in the interval.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

RESAMPLES: Final = 1000
_AT_ONCE: Final = 10_000_000  # numbers drawn at a time: 80 MB


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measure, its 95 % interval, and the number of queries that it comes from."""

    value: float
    low: float
    high: float
    queries: int


def mean(values: Values, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> Estimate | None:
    """The mean over queries; None without any. Values that are not a number are left out."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    batch = max(1, _AT_ONCE // len(values))
    means = [
        values[rng.integers(len(values), size=(min(batch, resamples - start), len(values)))].mean(axis=1)
        for start in range(0, resamples, batch)
    ]
    return _estimate(float(values.mean()), np.concatenate(means), len(values))


def area_under_roc(
    positives: Values, negatives: Values, rng: np.random.Generator, *, resamples: int = RESAMPLES
) -> Estimate:
    """The probability that a positive has the larger value than a negative, ties counted half. Both are resampled."""
    areas = [
        _area(
            positives[rng.integers(len(positives), size=len(positives))],
            negatives[rng.integers(len(negatives), size=len(negatives))],
        )
        for _ in range(resamples)
    ]
    return _estimate(_area(positives, negatives), np.array(areas), len(positives) + len(negatives))


def _area(positives: Values, negatives: Values) -> float:
    """The Mann-Whitney statistic, in a share of all pairs."""
    ascending = np.sort(negatives)
    below, upto = (np.searchsorted(ascending, positives, side) for side in ("left", "right"))
    return float((below + upto).mean() / 2 / len(negatives))


def _estimate(value: float, resampled: Values, queries: int) -> Estimate:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Estimate(value, float(low), float(high), queries)
