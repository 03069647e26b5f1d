"""Whether an engine's answer is scikit-learn's.

The k nearest rows by scikit-learn's NearestNeighbors, equal distances in the order of the keys, which is that of the row
numbers. Scikit-learn has no order for equal distances, so it returns more than k, and their distances are computed once
more, from the differences. Peers know no keys: of them only the distances in their order are compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scripts.benchmarks.data import Floats

_MORE = 32


@dataclass(frozen=True, slots=True)
class Expected:
    """The right answer to one query: rows and their distances."""

    ids: list[int]
    distances: list[float]


def expected(vectors: Floats, queries: Floats, k: int) -> list[Expected]:
    """The right answers to queries, float32 (queries, dimensions)."""
    from sklearn.neighbors import NearestNeighbors

    brute = NearestNeighbors(algorithm="brute").fit(vectors)
    k = min(k, len(vectors))
    answers: list[Expected] = []
    more = min(k + _MORE, len(vectors))
    for query, nearest in zip(queries, brute.kneighbors(queries, more, return_distance=False), strict=True):
        candidates, distances = nearest, _distances(vectors, nearest, query)
        while len(candidates) < len(vectors) and distances.max() <= np.partition(distances, k - 1)[k - 1]:
            # More rows are equally far than were returned.
            (candidates,) = brute.kneighbors(query[np.newaxis], min(4 * len(candidates), len(vectors)), False)
            distances = _distances(vectors, candidates, query)
        first = np.lexsort((candidates, distances))[:k]
        answers.append(Expected(candidates[first].tolist(), distances[first].tolist()))
    return answers


def agrees(ids: Sequence[int], right: Expected, vectors: Floats, query: Floats, *, has_keys: bool) -> bool:
    """Whether these rows, in this order, are the right answer."""
    if list(ids) == right.ids:
        return True
    if has_keys or len(ids) != len(right.ids) or len(set(ids)) != len(ids):
        return False
    return bool(_distances(vectors, np.array(ids), query).tolist() == right.distances)


def share_equal(
    answers: Sequence[Sequence[int]], right: Sequence[Expected], vectors: Floats, queries: Floats, *, has_keys: bool
) -> str | None:
    """The number of answers that are right, of all, such as "12/12"; None without expected answers."""
    equal = [
        agrees(ids, expected, vectors, query, has_keys=has_keys)
        for ids, expected, query in zip(answers, right, queries, strict=False)
    ]
    return f"{sum(equal)}/{len(equal)}" if equal else None


def _distances(vectors: Floats, rows: npt.NDArray[np.int64], query: Floats) -> npt.NDArray[np.float64]:
    distances: npt.NDArray[np.float64] = np.sqrt(np.square(vectors[rows].astype(np.float64) - query).sum(axis=1))
    return distances
