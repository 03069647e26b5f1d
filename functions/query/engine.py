"""The engine of the search: a scan of everything, or an index of candidates whose recall was measured."""

import time
from typing import Any

from aws_lambda_powertools import Logger

from lookalike import errors
from lookalike.index.port import CandidateIndex
from lookalike.search.indexed_snapshot import IndexedSnapshot
from lookalike.search.products import Page, Results
from lookalike.store import recall
from lookalike.store.object_store import ObjectStore
from lookalike.store.recall import Recall
from lookalike.store.snapshot import Snapshot

READ_AGAIN_S = 300.0
"""Seconds after which a newer measurement is looked for."""


class MeasuredRecall:
    """The last measured recall of an index, as far as the store says it."""

    def __init__(self, store: ObjectStore, index: CandidateIndex | None, logger: Logger) -> None:
        self._store, self._index, self._logger = store, index, logger
        self._known: Recall | None = None
        self._read_at_s: float | None = None

    def newest(self) -> Recall | None:
        """The measurement; the last one that was read where the store does not answer."""
        if self._index is None or (self._read_at_s is not None and time.time() < self._read_at_s + READ_AGAIN_S):
            return self._known
        self._read_at_s = time.time()
        try:
            self._known = recall.newest(self._store, self._index.name)
        except errors.StoreError as error:
            self._logger.warning("the recall of the index could not be read", detail=str(error))
        return self._known


def how_sure(results: Results, page: Page, snapshot: Snapshot, measured: Recall | None) -> dict[str, Any]:
    """Whether a product can be missing from an answer, why, and how often that was so when it was measured."""
    reasons = []
    if not results.is_exact:
        reasons.append("index-candidates")
        weights = snapshot.layout.weights
        if page.weights is not None and (page.weights != weights).any():
            reasons.append("default-weights")
    return {"exact": results.is_exact, "reasons": reasons, "recall": None if results.is_exact else _recall(measured)}


def index_of(snapshot: Snapshot) -> dict[str, Any] | None:
    """How far the index has followed the catalogue; None without one."""
    if not isinstance(snapshot, IndexedSnapshot):
        return None
    return {
        "name": snapshot.index.name,
        "photos": snapshot.body.photos,
        "segments": len(snapshot.body.refs),
        "snapshot": str(snapshot.body.cursor.version),
    }


def _recall(measured: Recall | None) -> dict[str, Any] | None:
    if measured is None:
        return None
    return {
        "at": measured.at,
        "value": measured.value,
        "low": measured.low,
        "high": measured.high,
        "queries": measured.queries,
        "measured": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(measured.measured_ms / 1000)),
    }
