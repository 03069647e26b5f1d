"""The nearest products of many queries at once, by brute force.

Squared distances of each part come from products of matrices in float32, and add up under any weights, so that one pass serves
many weightings. The answers are those of the search but for rows whose squared distances differ by less than about 1e-6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from lookalike.layout import Layout, Weights
from scripts.common.progress import Progress
from scripts.evaluation.data import Numbers

Floats = npt.NDArray[np.float32]

_AT_ONCE: Final = 8_000_000  # distances of a part at a time: 32 MB


@dataclass(frozen=True, slots=True)
class Answers:
    """The nearest products of each query, nearest first: numbers and distances (queries, k).

    Where there are fewer than k products, the rest are -1 at an infinite distance.
    """

    products: Numbers
    distances: npt.NDArray[np.float64]

    @classmethod
    def none(cls, queries: int, k: int) -> Self:
        """No answers yet, to be filled in."""
        return cls(np.full((queries, k), -1, np.intp), np.full((queries, k), np.inf))


@dataclass(frozen=True, slots=True)
class Queries:
    """Query embeddings (rows, dimensions): ``query_of`` is the number of each row's query, ascending from 0; its nearest row counts.

    Rows that are infinite, of photos that were refused, are far from everything.
    ``excluded``: a product for each query that is no answer of it, or -1.
    """

    rows: Floats
    query_of: Numbers
    excluded: Numbers

    @classmethod
    def of_one_row(cls, rows: Floats, excluded: Numbers | None = None) -> Self:
        """Queries of one row each."""
        nothing = np.full(len(rows), -1, np.intp)
        return cls(rows, np.arange(len(rows)), nothing if excluded is None else excluded)


@dataclass(frozen=True, slots=True)
class Index:
    """A catalogue's embeddings, float32 (rows, dimensions), product by product: ``product_of`` ascends."""

    layout: Layout
    rows: Floats
    product_of: Numbers

    def nearest(
        self, queries: Queries, weightings: Mapping[str, Weights], *, k: int, progress: Progress | None = None
    ) -> dict[str, Answers]:
        """The k nearest products of each query under each weighting. ``progress`` counts queries."""
        starts = np.flatnonzero(np.diff(self.product_of, prepend=-1))
        numbers = self.product_of[starts]
        parts = [np.ascontiguousarray(self.rows[:, columns]) for columns in self.layout.slices]
        squares = [np.square(part, dtype=np.float64).sum(axis=1).astype(np.float32) for part in parts]
        found: dict[str, list[Answers]] = {name: [] for name in weightings}
        for some in _batches(queries.query_of, max(1, _AT_ONCE // len(self.rows))):
            refused = ~np.isfinite(queries.rows[some]).all(axis=1)
            rows = np.where(refused[:, np.newaxis], np.float32(0), queries.rows[some])
            first_query, last_query = queries.query_of[some][[0, -1]]
            firsts = np.flatnonzero(np.diff(queries.query_of[some], prepend=-1))
            excluded = queries.excluded[first_query : last_query + 1]
            by_part = [
                _squared_distances(np.ascontiguousarray(rows[:, columns]), part, square)
                for columns, part, square in zip(self.layout.slices, parts, squares, strict=True)
            ]
            for name, weights in weightings.items():
                total = _weighted(by_part, weights)
                total[refused] = np.inf
                if len(starts) < len(self.rows):
                    total = np.minimum.reduceat(total, starts, axis=1)
                if len(firsts) < len(rows):
                    total = np.minimum.reduceat(total, firsts, axis=0)
                has = np.flatnonzero(excluded >= 0)
                total[has, np.searchsorted(numbers, excluded[has])] = np.inf
                found[name].append(_smallest(total, numbers, k))
            if progress:
                progress.step(len(firsts))
        return {name: _joined(answers, k) for name, answers in found.items()}


def _batches(query_of: Numbers, most: int) -> Sequence[slice]:
    """Slices of rows, each with all rows of its queries, of at most ``most`` rows where queries are smaller."""
    ends = [*(np.flatnonzero(np.diff(query_of)) + 1).tolist(), len(query_of)] if len(query_of) else []
    batches: list[slice] = []
    start = previous = 0
    for end in ends:
        if end - start > most and previous > start:
            batches.append(slice(start, previous))
            start = previous
        previous = end
    if previous > start:
        batches.append(slice(start, previous))
    return batches


def _squared_distances(queries: Floats, part: Floats, squares: Floats) -> Floats:
    distances: Floats = queries @ part.T
    distances *= -2
    distances += squares
    distances += np.square(queries, dtype=np.float64).sum(axis=1, keepdims=True).astype(np.float32)
    return np.maximum(distances, 0, out=distances)


def _weighted(by_part: Sequence[Floats], weights: Weights) -> Floats:
    """Squared distances under some weights, from those of each part."""
    total = np.zeros_like(by_part[0])
    for weight, squared in zip(weights.tolist(), by_part, strict=True):
        if weight:
            total += squared if weight == 1 else np.float32(weight * weight) * squared
    return total


def _smallest(squared: Floats, numbers: Numbers, k: int) -> Answers:
    size = min(k, squared.shape[1])
    nearest = np.argpartition(squared, size - 1, axis=1)[:, :size]
    values = np.take_along_axis(squared, nearest, axis=1)
    order = np.lexsort((nearest, values), axis=1)
    nearest, values = np.take_along_axis(nearest, order, axis=1), np.take_along_axis(values, order, axis=1)
    answers = Answers.none(len(squared), k)
    answers.distances[:, :size] = np.sqrt(values)
    answers.products[:, :size] = np.where(np.isfinite(values), numbers[nearest], -1)
    return answers


def _joined(answers: Sequence[Answers], k: int) -> Answers:
    if not answers:
        return Answers.none(0, k)
    return Answers(
        np.concatenate([one.products for one in answers]), np.concatenate([one.distances for one in answers])
    )
