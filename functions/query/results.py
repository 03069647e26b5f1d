"""The answer of a search: the products, how good they are, and how they were found."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from engine import how_sure
from facts import facts
from http_api import AGE_HEADER, Request
from lifecycle import Services

from lookalike.search.knn import Neighbour
from lookalike.search.match import MatchScale
from lookalike.search.products import Page, Results
from lookalike.search.timings import Timings
from lookalike.search.view import ProductView
from lookalike.store import append_log
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import CountingStore


class RequestTrace(Timings):
    """The course of one answer: how long its stages took, and what was read meanwhile, in the background too."""

    def __init__(self, stores: Sequence[CountingStore]) -> None:
        super().__init__()
        self._stores = stores
        self._before = self._reads()

    def summary(self) -> dict[str, Any]:
        """Requests to the store, bytes from it, and the stages' milliseconds."""
        (requests, bytes_read), before = self._reads(), self._before
        timings_ms = {name: round(ms, 3) for name, ms in self.ms.items()}
        return {"requests": requests - before[0], "bytes_read": bytes_read - before[1], "timings_ms": timings_ms}

    def _reads(self) -> tuple[int, int]:
        requests = sum(store.requests.total() for store in self._stores)
        return requests, sum(store.bytes_read for store in self._stores)


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The results of a search, and what was asked for. ``filters``: as they were given."""

    view: ProductView
    results: Results
    page: Page
    filters: Sequence[str]
    next_offset: int | None

    def as_json(self, request: Request, services: Services, trace: RequestTrace) -> dict[str, Any]:
        """The body of the answer."""
        results, view, scale = self.results, self.view, self.results.scale
        snapshot = view.snapshot
        same_as: Mapping[str, Sequence[str]] = results.same_as or {}
        return {
            "results": [
                {
                    "product_id": neighbour.product_id,
                    **facts(view.data(neighbour.product_id), results.metadata[neighbour.product_id]),
                    "distance": neighbour.distance,
                    "match": scale.match(neighbour.distance) if scale else None,
                    "region": self._region_of(neighbour),
                    "image_url": image_url(request, services, neighbour.key),
                    "image_key": neighbour.key,
                    "same_as": list(same_as.get(neighbour.product_id, ())),
                }
                for neighbour in results.neighbours
            ],
            "verdict": None if scale is None else "no_good_match" if results.is_weak else "match",
            "search": {
                "k": self.page.k,
                "offset": self.page.offset,
                "next_offset": self.next_offset,
                "filters": list(self.filters),
                "products_matching": results.products_matching,
                "weights": self._weights(),
                "match_scale": _scale(scale),
                "model": services.spec.fingerprint,
                "snapshot": snapshot.version,
                "snapshot_age_s": round(services.age_s, 3),
                "products": snapshot.products,
                "photos": snapshot.photos,
                "regions": [region.as_numbers() for region in results.regions],
                "query_photos": results.query_photos,
                "query_photos_skipped": results.query_photos_skipped,
                "rows_scanned": results.rows_scanned,
                "rows_refined": results.rows_refined,
                "rows_exact": results.rows_exact,
                **how_sure(results, self.page, snapshot, services.recall.newest()),
                **trace.summary(),
            },
        }

    def _weights(self) -> dict[str, float]:
        layout, weights = self.view.snapshot.layout, self.page.weights
        return dict(zip(layout.names, (layout.weights if weights is None else weights).tolist(), strict=True))

    def _region_of(self, neighbour: Neighbour) -> list[float] | None:
        """The region of the query photo in which a product was found; None where that is the whole photo."""
        regions = self.results.regions
        return None if not regions or regions[neighbour.query].is_whole else regions[neighbour.query].as_numbers()


def send_metrics(services: Services, snapshot: Snapshot, trace: RequestTrace) -> None:
    """Send what the alarms and the dashboard watch of a search."""
    metrics = services.metrics
    metrics.add_metric(name="SearchTime", unit=MetricUnit.Milliseconds, value=trace.ms["total"])
    metrics.add_metric(name="LogSegments", unit=MetricUnit.Count, value=len(snapshot.log_names))
    metrics.add_metric(name="LogAge", unit=MetricUnit.Seconds, value=_log_age_s(snapshot))
    metrics.add_metric(name="SnapshotAge", unit=MetricUnit.Seconds, value=services.age_s)


def age_header(services: Services) -> dict[str, str]:
    """Whole seconds since the catalogue that was answered from was the newest."""
    return {AGE_HEADER: str(int(services.age_s))}


def image_url(request: Request, services: Services, key: str) -> str:
    """Where a browser loads a photo."""
    return services.image_url(key, through_distribution=request.is_through_distribution)


def _scale(scale: MatchScale | None) -> dict[str, Any] | None:
    return {"strong": scale.strong, "fair": scale.fair, "rescaled": scale.is_rescaled} if scale else None


def _log_age_s(snapshot: Snapshot) -> float:
    """Seconds that the oldest log segment has waited for compaction; 0 without one."""
    appended = [time_ms for name in snapshot.log_names if (time_ms := append_log.appended_ms(name)) is not None]
    return max(0.0, time.time() - min(appended) / 1000) if appended else 0.0
