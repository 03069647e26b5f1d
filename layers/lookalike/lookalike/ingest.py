"""Ingest: photo events in, one appended log segment out.

The photo is read as it is now, not as it was when the event was sent. If it was replaced since, this event's row carries
the newer photo under the older order, and the replacement's own event, which must be on its way, puts the same photo on top.
If it is gone, this event's row says so: a tombstone under this event's order, which the event of a newer photo beats. So
events may be repeated, late or out of order, and each may be handled any number of times. A deletion that sends no event
(S3 has lifecycle rules) is noticed when an event of the photo is handled again.

A photo that can never be used becomes a reject row with its reason. An error that may pass (S3 did not answer) is a
failure: the event stays in the queue and comes back. So does an event that the time did not suffice for.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.errors import ImageError, ObjectMissing, StoreUnavailable
from lookalike.events import event_order, newest_of_each_key
from lookalike.layout import Layout
from lookalike.photos.catalogue import IMAGES_PREFIX, Catalogue, ObjectEvent, Photo, product_of
from lookalike.store import append_log
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op, Row


class Embedder(Protocol):
    """The part of an embedder that ingest uses."""

    @property
    def layout(self) -> Layout: ...

    def embed(self, images: Sequence[bytes]) -> list[npt.NDArray[np.float32] | ImageError]: ...


@dataclass(frozen=True, slots=True)
class Ingested:
    """Result of ingesting a batch.

    ``embedded``, ``rejected``, ``deleted``: number of keys; ``skipped``: number of events of keys outside the catalogue;
    ``failed``: reasons by event, for the events that must come back; ``segment``: name of the log segment, None if
    nothing was written; ``reasons``: reasons by key, for the rejected photos; ``unstarted``: events that must come back because
    the time did not suffice for their photos.
    """

    embedded: int
    rejected: int
    deleted: int
    skipped: int
    failed: Mapping[ObjectEvent, str]
    segment: str | None
    reasons: Mapping[str, str] = field(default_factory=dict)
    unstarted: frozenset[ObjectEvent] = frozenset()


@dataclass(frozen=True, slots=True)
class _Change:
    """A photo event and the product that its key belongs to."""

    event: ObjectEvent
    product_id: str

    def put(self, photo: Photo, content: bytes, embedding: npt.NDArray[np.float32]) -> Row:
        return Row(self.event.key, self.product_id, self._order(Op.PUT, content), Op.PUT, embedding, photo.metadata)

    def reject(self, content: bytes, error: ImageError) -> Row:
        return self._reject(self._order(Op.REJECT, content), error)

    def tombstone(self) -> Row:
        return Row(self.event.key, self.product_id, self._order(Op.DELETE, b""), Op.DELETE)

    def unread(self, error: ImageError) -> Row:
        """A reject of a photo that was not read; every row of the event whose photo was read is newer."""
        return self._reject(self._order(Op.PUT, None), error)

    def _reject(self, order: bytes, error: ImageError) -> Row:
        detail = {"code": error.reason, "detail": str(error)}
        return Row(self.event.key, self.product_id, order, Op.REJECT, detail=detail)

    def _order(self, op: Op, content: bytes | None) -> bytes:
        return event_order(self.event, op, content)


_log = logging.getLogger(__name__)

# At most twice as many photos are in memory. A group of sixteen takes the model as long per photo, and 50 MB more.
_GROUP_SIZE = 8


def ingest(
    events: Iterable[ObjectEvent],
    *,
    catalogue: Catalogue,
    embedder: Embedder,
    store: ObjectStore,
    pool: ThreadPoolExecutor,
    max_bytes: int,
    has_time: Callable[[], bool] = lambda: True,
) -> Ingested:
    """Embed created photos, write tombstones for deleted ones, and append all rows as one segment.

    ``max_bytes``: size of the largest file that is read; a larger one is rejected. ``pool`` downloads the photos. The first group
    of photos is always begun, a later one only if ``has_time`` says so.
    Raises StoreUnavailable where the segment could not be written: then every event must come back.
    """
    all_events = list(events)
    changes, skipped = _changes(all_events)
    rows = [change.tombstone() for change in changes if change.event.removed]
    failed: dict[str, str] = {}  # reasons by key

    def download(group: Iterable[_Change]) -> list[tuple[_Change, Future[Photo]]]:
        return [(change, pool.submit(catalogue.photo, change.event.key, max_bytes=max_bytes)) for change in group]

    # The next group is downloaded while one is embedded, and no more: a whole batch of large photos outgrows the memory.
    groups = batched((change for change in changes if not change.event.removed), _GROUP_SIZE)
    downloading = download(next(groups, ()))
    unstarted: set[str] = set()  # keys
    while downloading:
        downloaded, downloading = downloading, download(next(groups, ()))
        _embed_group(downloaded, embedder, rows, failed)
        del downloaded  # frees its photos before the next group is requested
        if downloading and not has_time():
            for _, photo in downloading:
                photo.cancel()
            unstarted.update(change.event.key for change, _ in downloading)
            unstarted.update(change.event.key for group in groups for change in group)
            break
    segment = append_log.append(store, rows, layout=embedder.layout) if rows else None
    reasons = {row.key: row.detail["detail"] for row in rows if row.op is Op.REJECT}
    for key, reason in reasons.items():
        _log.info("%s was rejected: %s", key, reason)
    count = [row.op for row in rows].count
    return Ingested(
        embedded=count(Op.PUT),
        rejected=count(Op.REJECT),
        deleted=count(Op.DELETE),
        skipped=skipped,
        failed={event: failed[event.key] for event in all_events if event.key in failed},
        segment=segment,
        reasons=reasons,
        unstarted=frozenset(event for event in all_events if event.key in unstarted),
    )


def reject(events: Iterable[ObjectEvent], error: ImageError, *, store: ObjectStore, layout: Layout) -> Ingested:
    """Record that photos cannot be used, for a reason that was found without reading them.

    A row that an earlier or later attempt at the same event made of the photo itself beats this one.
    Raises StoreUnavailable where the segment could not be written.
    """
    changes, skipped = _changes(list(events))
    rows = [change.unread(error) for change in changes]
    segment = append_log.append(store, rows, layout=layout) if rows else None
    reasons = dict.fromkeys((row.key for row in rows), str(error))
    return Ingested(0, len(rows), 0, skipped, {}, segment, reasons)


def _changes(events: Sequence[ObjectEvent]) -> tuple[list[_Change], int]:
    """The newest event of each photo; and how many events are of keys outside the catalogue."""
    outside = [event.key for event in events if product_of(event.key) is None]
    for key in outside:
        _log.warning("%s is not below %s: no photo of the catalogue", key, IMAGES_PREFIX)
    changes = [
        _Change(event, product_id)
        for event in newest_of_each_key(events)
        if (product_id := product_of(event.key)) is not None
    ]
    return changes, len(outside)


def _embed_group(
    group: Iterable[tuple[_Change, Future[Photo]]], embedder: Embedder, rows: list[Row], failed: dict[str, str]
) -> None:
    """Add the rows of a group of created photos to ``rows``, and the keys that could not be read to ``failed``."""
    photos: list[tuple[_Change, Photo]] = []
    for change, download in group:
        try:
            photos.append((change, download.result()))
        except ObjectMissing:
            rows.append(change.tombstone())
        except StoreUnavailable as error:
            failed[change.event.key] = str(error)
        except ImageError as error:
            rows.append(change.reject(b"", error))
    embeddings = _embed(embedder, [photo.data for _, photo in photos])
    for (change, photo), embedding in zip(photos, embeddings, strict=True):
        content = json.dumps([photo.etag, dict(photo.metadata)], sort_keys=True).encode()
        if isinstance(embedding, ImageError):
            rows.append(change.reject(content, embedding))
        elif isinstance(embedding, Exception):
            _log.warning("not embedded: %s", change.event.key, exc_info=embedding)
            failed[change.event.key] = f"{type(embedding).__name__}: {embedding}"
        else:
            rows.append(change.put(photo, content, embedding))


def _embed(embedder: Embedder, images: Sequence[bytes]) -> Sequence[npt.NDArray[np.float32] | Exception]:
    """Embed photos; for each its embedding or an error. An error that ``embed`` raises is one photo's: the others are tried alone."""
    try:
        return embedder.embed(images)
    except Exception as error:  # noqa: BLE001 - no error is lost: its photo fails with it
        if len(images) == 1:
            return [error]
        return [result for image in images for result in _embed(embedder, [image])]
