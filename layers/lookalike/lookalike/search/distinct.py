"""Distinct results: products whose photos are near-identical are one result, the nearest of them.

The ranking is walked from the nearest product on. A product whose photo is near-identical to that of a result is named under that
result; any other is a result. So the results are those that a walk over the whole ranking gives: the ranking is asked for twice as
many products until the walk ends, at ``MAX_RANKED`` at the latest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from lookalike.layout import Layout
from lookalike.search.knn import Answer, Neighbour
from lookalike.store.neighbours import are_near_identical
from lookalike.store.rows import Embeddings
from lookalike.store.snapshot import Snapshot

MAX_RANKED: Final = 500
"""Products that are looked at. Where all of them make fewer results than were asked for, the answer has fewer."""

Same = Mapping[str, tuple[str, ...]]
"""The products under each result, nearest first, by the result's product id."""


def distinct_products(
    snapshot: Snapshot, ranking: Callable[[int], Answer], k: int
) -> tuple[Answer, Same, Neighbour | None]:
    """The k nearest distinct products, the products under each, and the next distinct product, if one was found.

    ``ranking``: the nearest products, at most so many. Raises StoreError.
    """
    asked = 2 * k
    while True:
        asked = min(asked, MAX_RANKED)
        answer = ranking(asked)
        ranked = answer.neighbours
        embeddings = _embeddings(snapshot, answer)
        results, same, following = _walk(ranked, embeddings, snapshot.layout, k)
        if following or len(ranked) < asked or asked == MAX_RANKED:
            under = {name: tuple(ids) for name, ids in same.items()}
            return replace(answer, neighbours=tuple(results)), under, following
        asked *= 2


def _embeddings(snapshot: Snapshot, answer: Answer) -> Embeddings:
    """Of the neighbours' photos: float32 (neighbours, dimensions)."""
    keys = [neighbour.key for neighbour in answer.neighbours]
    known = [key in answer.found for key in keys]
    embeddings = np.empty((len(keys), snapshot.layout.dimensions), np.float32)
    embeddings[np.invert(known)] = snapshot.embeddings_of([key for key in keys if key not in answer.found])
    for number in np.flatnonzero(known).tolist():
        embeddings[number] = answer.found[keys[number]][1]
    return embeddings


def _walk(
    ranked: Sequence[Neighbour], embeddings: Embeddings, layout: Layout, k: int
) -> tuple[list[Neighbour], dict[str, list[str]], Neighbour | None]:
    """The results, the products under each, and the product that ended the walk, None where the ranking did."""
    results: list[Neighbour] = []
    same: dict[str, list[str]] = {}
    photos = np.empty((k, layout.dimensions), np.float32)
    for neighbour, embedding in zip(ranked, embeddings, strict=True):
        alike = np.flatnonzero(are_near_identical(layout, embedding, photos[: len(results)]))
        if len(alike):
            same[results[alike[0]].product_id].append(neighbour.product_id)
        elif len(results) == k:
            return results, same, neighbour
        else:
            photos[len(results)] = embedding
            results.append(neighbour)
            same[neighbour.product_id] = []
    return results, same, None
