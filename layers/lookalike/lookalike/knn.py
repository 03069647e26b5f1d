"""Exact k-nearest products by Euclidean distance.

Distances of all rows are first computed as |x|^2 - 2 x.q + |q|^2 in float32, one matrix product. Rounding makes them wrong
by at most a known amount, so they only choose candidates; the candidates' distances are then computed in float64 from the
differences, and those decide. Ties go to the smaller image key.

The error bound. For float32 dot products of d terms, |fl(x.q) - x.q| <= g |x||q| with g = d u / (1 - d u) and u = 2^-24
(N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1), whatever the order of summation. Doubling
it covers the roundings of the two additions and of the norms.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.records import Row
from lookalike.snapshot import Part, Snapshot

_UNIT_ROUNDOFF = 2.0**-24


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

    ``query``: float32 (dimensions,). ``exclude``: product hashes that are not to be found.
    """
    parts = [part for part in snapshot.parts if len(part.live_puts)]
    bounds = [_bounds(part, query) for part in parts]
    if not parts:
        return Answer((), 0, 0)
    low = np.concatenate([pair[0] for pair in bounds])
    high = np.concatenate([pair[1] for pair in bounds])
    products = np.concatenate([part.segment.product_hash[part.live_puts] for part in parts])
    if exclude:
        excluded = np.isin(products, np.array(list(exclude), products.dtype))
        low[excluded] = high[excluded] = np.inf
    limit = _kth_product_bound(high, products, k)
    candidates = np.flatnonzero((low <= limit) & np.isfinite(high))
    found = _exact(parts, candidates, query)
    neighbours: dict[str, Neighbour] = {}
    for neighbour in sorted(found, key=lambda item: (item.distance, item.row.key)):
        neighbours.setdefault(neighbour.row.product_id, neighbour)
        if len(neighbours) == k:
            break
    return Answer(tuple(neighbours.values()), len(low), len(candidates))


def _bounds(part: Part, query: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Lower and upper bounds of the squared distance of every live put."""
    matrix = part.segment.embedding
    squares = np.einsum("ij,ij->i", matrix, matrix).astype(np.float64)
    query_square = float(np.dot(query, query))
    approximate = squares - 2.0 * (matrix @ query).astype(np.float64) + query_square
    share = len(query) * _UNIT_ROUNDOFF
    error = 2.0 * share / (1.0 - share) * (np.sqrt(squares) + np.sqrt(query_square)) ** 2
    chosen = part.segment.put_index[part.live_puts]
    return (approximate - error)[chosen], (approximate + error)[chosen]


def _kth_product_bound(high: npt.NDArray[np.float64], products: npt.NDArray[np.bytes_], k: int) -> float:
    """The smallest bound under which k different products surely lie; infinite where there are fewer."""
    wanted = min(2 * k, len(high))
    while True:
        nearest = np.argpartition(high, wanted - 1)[:wanted]
        nearest = nearest[np.argsort(high[nearest])]
        _, first_seen = np.unique(products[nearest], return_index=True)
        if len(first_seen) >= k:
            return float(high[nearest[np.sort(first_seen)[k - 1]]])
        if wanted == len(high):
            return float("inf")
        wanted = min(2 * wanted, len(high))


def _exact(parts: Sequence[Part], candidates: npt.NDArray[np.int64], query: npt.NDArray[np.float32]) -> list[Neighbour]:
    found = []
    start = 0
    for part in parts:
        end = start + len(part.live_puts)
        rows = part.live_puts[candidates[(candidates >= start) & (candidates < end)] - start]
        start = end
        vectors = part.segment.embedding[part.segment.put_index[rows]].astype(np.float64)
        distances = np.sqrt(np.square(vectors - query.astype(np.float64)).sum(axis=1))
        found += [
            Neighbour(part.segment.row(int(row)), float(distance))
            for row, distance in zip(rows, distances, strict=True)
        ]
    return found
