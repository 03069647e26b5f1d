"""Exact k-nearest products by Euclidean distance.

Distances of all rows are first computed as |x|^2 - 2 x.q + |q|^2 in float32, one matrix product. Rounding makes them wrong
by at most a known amount, so they only choose candidates; the candidates' distances are then computed in float64 from the
differences, and those decide. Ties go to the smaller image key.

The error bound. For float32 dot products of d terms, |fl(x.q) - x.q| <= g |x||q| with g = d u / (1 - d u) and u = 2^-24
(N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1), whatever the order of summation. Doubling
it covers the roundings of the two additions and of the norms. Products too small for float32 lose at most the smallest
float32 each, which is added.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from lookalike.records import Row
from lookalike.segment import Segment
from lookalike.snapshot import Part, Snapshot

_UNIT_ROUNDOFF = 2.0**-24
_SMALLEST = 2.0**-149
_EXACT_AT_ONCE = 1024  # rows; as float64 they take twice the memory they are stored in


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A photo and its Euclidean distance from the query."""

    row: Row
    distance: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Neighbours, nearest first, with how many rows were scanned and how many were computed exactly."""

    neighbours: tuple[Neighbour, ...]
    rows_scanned: int
    rows_exact: int


def nearest_products(
    snapshot: Snapshot,
    query: npt.NDArray[np.float32],
    *,
    k: int,
    exclude: Collection[bytes] = (),
) -> Answer:
    """The k nearest products, each with its nearest photo: fewer where the catalogue has fewer.

    ``query``: float32 (dimensions,). ``exclude``: product hashes that are not to be found. Raises ValueError where k < 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}; at least one product must be asked for")
    parts = [part for part in snapshot.parts if len(part.live_puts)]
    if not parts:
        return Answer((), 0, 0)
    bounds = [_bounds(part, query) for part in parts]
    low = np.concatenate([pair[0] for pair in bounds])
    high = np.concatenate([pair[1] for pair in bounds])
    products = np.concatenate([part.segment.product_hash[part.live_puts] for part in parts])
    if exclude:
        excluded = np.isin(products, np.array(list(exclude), products.dtype))
        low[excluded] = high[excluded] = np.inf
    candidates = np.flatnonzero((low <= _kth_product_bound(high, products, k)) & np.isfinite(high))
    places, distances = _exact(parts, candidates, query)
    limit = _kth_product_bound(distances, products[candidates], k)
    # Only these are read in full or in part: a placeholder photo may stand for thousands of products.
    named = []
    for at in np.flatnonzero(distances <= limit):
        segment, row = places[at]
        product_id, key = segment.name(row)
        named.append((float(distances[at]), key, product_id, segment, row))
    neighbours: dict[str, Neighbour] = {}
    for distance, _, product_id, segment, row in sorted(named, key=itemgetter(0, 1)):
        if len(neighbours) < k and product_id not in neighbours:
            neighbours[product_id] = Neighbour(segment.row(row), distance)
    return Answer(tuple(neighbours.values()), len(low), len(candidates))


def _bounds(part: Part, query: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper bounds of the squared distance of every live put."""
    matrix = part.segment.embedding
    squares = part.segment.squares
    query_square = float(np.dot(query, query))
    approximate = squares - 2.0 * (matrix @ query).astype(np.float64) + query_square
    share = len(query) * _UNIT_ROUNDOFF
    error = 2.0 * share / (1.0 - share) * (np.sqrt(squares) + np.sqrt(query_square)) ** 2
    error += 4.0 * len(query) * _SMALLEST
    chosen = part.segment.put_index[part.live_puts]
    return (approximate - error)[chosen], (approximate + error)[chosen]


def _kth_product_bound(high: npt.NDArray[np.float64], products: npt.NDArray[np.bytes_], k: int) -> float:
    """The smallest bound under which k different products surely lie; infinite where there are fewer."""
    wanted = min(2 * k, len(high))
    while wanted:
        nearest = np.argpartition(high, wanted - 1)[:wanted]
        nearest = nearest[np.argsort(high[nearest])]
        _, first_seen = np.unique(products[nearest], return_index=True)
        if len(first_seen) >= k:
            return float(high[nearest[np.sort(first_seen)[k - 1]]])
        if wanted == len(high):
            break
        wanted = min(2 * wanted, len(high))
    return float("inf")


def _exact(
    parts: Sequence[Part], candidates: npt.NDArray[np.int64], query: npt.NDArray[np.float32]
) -> tuple[list[tuple[Segment, int]], npt.NDArray[np.float64]]:
    """Where each candidate is stored, and its distance, float64 (candidates,)."""
    places: list[tuple[Segment, int]] = []
    distances = [np.empty(0)]
    start = 0
    for part in parts:
        end = start + len(part.live_puts)
        rows = part.live_puts[candidates[(candidates >= start) & (candidates < end)] - start]
        start = end
        places += [(part.segment, int(row)) for row in rows]
        for at in range(0, len(rows), _EXACT_AT_ONCE):
            vectors = part.segment.embedding[part.segment.put_index[rows[at : at + _EXACT_AT_ONCE]]]
            distances.append(np.sqrt(np.square(vectors.astype(np.float64) - query.astype(np.float64)).sum(axis=1)))
    return places, np.concatenate(distances)
