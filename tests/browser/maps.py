"""Maps of made-up catalogues, as the API answers them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

GROUPS = 5


def catalogue_map(ids: Sequence[str], *, seed: int = 0, total: int | None = None) -> dict[str, Any]:
    """A map of these products: groups that stand apart, each product at a place of its own."""
    chance = random.Random(seed)
    middles = [(chance.randrange(9_000, 56_000), chance.randrange(9_000, 56_000)) for _ in range(GROUPS)]
    places = [
        [min(65_535, max(0, round(chance.gauss(middle, 3_000)))) for middle in middles[number % GROUPS]]
        for number in range(len(ids))
    ]
    return at(dict(zip(ids, places, strict=True)), total=total)


def at(places: dict[str, Any], *, total: int | None = None) -> dict[str, Any]:
    """A map of products at these places."""
    return {
        "snapshot": "12+3",
        "made": "2026-01-05T09:00:00Z",
        "total": total or len(places),
        "products": len(places),
        "ids": list(places),
        "images": [f"{product_id}.jpg" for product_id in places],
        "x": [x for x, _ in places.values()],
        "y": [y for _, y in places.values()],
    }
