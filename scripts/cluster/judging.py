"""How many of the nearest products answers have: of the index, and of the certified search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lookalike.hashes import text_hash
from lookalike.search.knn import Neighbour
from scripts.cluster.nearest import Nearest, Photos

_TIES: Final = 1e-6  # of a distance: two ways to add up the same numbers differ by less

Search = Callable[[Photos, int], Sequence[Neighbour]]
"""The nearest products of a photo but its own, nearest first: of some photos, by its place among them."""


@dataclass(frozen=True, slots=True)
class Count:
    """``found`` of ``wanted`` nearest products, of ``queries`` that have any; ``whole``: queries of which all were found."""

    queries: int
    found: int
    wanted: int
    whole: int


def judge(queries: Photos, truth: Nearest, search: Search, on_done: Callable[[int], None] = lambda _: None) -> Count:
    """Search with each photo and count the answered products that are among its nearest.

    A product that is as near as the farthest of these counts: of several, each is right. ``on_done`` gets the number of queries.
    """
    asked = found = wanted = whole = 0
    for query in range(len(queries)):
        distances = truth.distance[query]
        nearest = np.isfinite(distances)
        count = int(np.count_nonzero(nearest))
        if count:
            products = set(truth.product_hash[query, nearest].tolist())
            limit = float(distances[count - 1]) * (1 + _TIES) + _TIES
            answered = {
                text_hash(item.product_id).rstrip(b"\0")
                for item in search(queries, query)
                if item.distance <= limit or text_hash(item.product_id).rstrip(b"\0") in products
            }
            asked += 1
            wanted += count
            found += min(len(answered), count)
            whole += len(answered) >= count
        on_done(query + 1)
    return Count(asked, found, wanted, whole)
