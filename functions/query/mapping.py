"""The route that answers the map of the catalogue: a place for each product, made by compaction."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
from http_api import Answer, Request, sent_bytes
from lifecycle import Services
from problems import NoMap
from results import age_header

from lookalike import errors
from lookalike.photos.catalogue import IMAGES_PREFIX
from lookalike.store.map_file import CatalogueMap
from lookalike.store.snapshot import Snapshot

MAX_BYTES = 5_500_000
"""Of an answer as Lambda sends it: of a larger map the first products are sent, which are a random choice that stays."""


def get_map(request: Request, services: Services) -> Any:  # noqa: ARG001 - every handler takes both
    """A place in the plane for each product, such that products that look alike are near each other."""
    view = services.catalogue().view
    if not view.is_in_memory:
        raise NoMap(
            "There is no map of a catalogue that is searched with an index: not all of its photos are in memory."
        )
    snapshot = view.snapshot
    try:
        text = services.kept_map(snapshot, _text)
    except errors.ObjectMissing:  # a newer one took its place, and it was collected
        text = services.kept_map(services.newest().view.snapshot, _text)
    if text is None:
        raise NoMap("There is no map of the catalogue yet. Compaction makes one of 16 photos or more; try again later.")
    return Answer(text, age_header(services))


def _text(snapshot: Snapshot, drawn: CatalogueMap) -> str:
    """The answer's body, of the products whose photo is still the same."""
    live = np.flatnonzero(drawn.live(snapshot.shards))
    while True:
        text = _body(snapshot, drawn, live)
        size = sent_bytes(text)
        if size <= MAX_BYTES:
            return text
        live = live[: int(len(live) * 0.98 * MAX_BYTES / size)]


def _body(snapshot: Snapshot, drawn: CatalogueMap, shown: Any) -> str:
    made_ms = snapshot.manifest.map.made_ms if snapshot.manifest.map else 0
    made = datetime.fromtimestamp(made_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    rows = shown.tolist()
    value = {
        "snapshot": snapshot.version,
        "made": made,
        "total": snapshot.products,
        "products": len(rows),
        "ids": [drawn.product_ids[row] for row in rows],
        "images": [drawn.keys[row].removeprefix(IMAGES_PREFIX) for row in rows],
        "x": drawn.place[shown, 0].tolist(),
        "y": drawn.place[shown, 1].tolist(),
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
