"""Ingest: photo events in, one appended log segment out.

The photo is read as it is now, not as it was when the event was sent. If it was replaced since, this event's row carries
the newer photo under the older order, and the replacement's own event, which must be on its way, puts the same photo on top.
If it is gone, that is what this event's row says: a tombstone under this event's order, which the event of a newer photo
beats. So events may be repeated, late or out of order, each may be handled any number of times, and a deletion whose own
event was never sent (S3 has lifecycle rules) is noticed when the photo is next asked for.

What is wrong with a photo for good becomes a reject row with its reason. What may pass (S3 did not answer) is a failure: the
event stays in the queue and comes back.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import batched
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lookalike.errors import ImageError, ObjectMissing, StoreUnavailable
from lookalike.photos.catalogue import Catalogue, Photo, PhotoEvent
from lookalike.store import append_log
from lookalike.store.object_store import ObjectStore
from lookalike.store.records import Op, Row, order_of, product_of


class Embeds(Protocol):
    """What ingest needs of an embedder."""

    @property
    def dimensions(self) -> int: ...

    def embed(self, images: Sequence[bytes]) -> list[npt.NDArray[np.float32] | ImageError]: ...


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of a batch. ``failed`` maps events that must come back to why; ``segment`` is None if nothing was written.

    ``reasons`` maps the keys of rejected photos to why.
    """

    embedded: int
    rejected: int
    deleted: int
    skipped: int
    failed: Mapping[PhotoEvent, str]
    segment: str | None
    reasons: Mapping[str, str] = field(default_factory=dict)


# Twice as many photos are in memory at most. Sixteen at once take the model as long for each, and 50 MB more.
_EMBED_TOGETHER = 8


def ingest(
    events: Iterable[PhotoEvent],
    *,
    catalogue: Catalogue,
    embedder: Embeds,
    store: ObjectStore,
    pool: ThreadPoolExecutor,
    prefix: str,
    max_bytes: int,
) -> Ingested:
    """Embed what was created, note what was deleted, and append it all as one segment.

    Raises StoreUnavailable where the segment could not be written: then every event must come back.
    """
    all_events = list(events)
    newest, skipped = _newest_of_each_key(all_events, prefix)
    created = [event for event in newest if not event.removed]
    rows = [_tombstone(event, prefix) for event in newest if event.removed]
    failed: dict[PhotoEvent, str] = {}

    def download(group: Iterable[PhotoEvent]) -> list[tuple[PhotoEvent, Future[Photo]]]:
        return [(event, pool.submit(catalogue.photo, event.key, max_bytes=max_bytes)) for event in group]

    # One group is on its way while another is embedded, and no more: a whole batch of large photos outgrows the memory.
    groups = batched(created, _EMBED_TOGETHER)
    coming = download(next(groups, ()))
    while coming:
        here, coming = coming, download(next(groups, ()))
        _embed_group(here, embedder, rows, failed, prefix)
        del here  # with its photos, before more are asked for
    failed = {event: failed[newer] for event in all_events if (newer := _same_key(event, failed))}
    name = append_log.append(store, rows, dimensions=embedder.dimensions) if rows else None
    count = [row.op for row in rows].count
    reasons = {row.key: row.detail["detail"] for row in rows if row.op is Op.REJECT}
    return Ingested(count(Op.PUT), count(Op.REJECT), count(Op.DELETE), skipped, failed, name, reasons)


def _newest_of_each_key(events: Sequence[PhotoEvent], prefix: str) -> tuple[list[PhotoEvent], int]:
    """Of the events of one key only the newest matters, as all of them would read the same photo."""
    newest: dict[str, PhotoEvent] = {}
    skipped = 0
    for event in events:
        if product_of(event.key, prefix) is None:
            skipped += 1  # a folder marker, or a key outside the prefix
            continue
        held = newest.get(event.key)
        if held is None or _age(held) < _age(event):
            newest[event.key] = event
    return list(newest.values()), skipped


def _same_key(event: PhotoEvent, failed: Mapping[PhotoEvent, str]) -> PhotoEvent | None:
    return next((other for other in failed if other.key == event.key), None)


def _embed_group(
    group: Iterable[tuple[PhotoEvent, Future[Photo]]],
    embedder: Embeds,
    rows: list[Row],
    failed: dict[PhotoEvent, str],
    prefix: str,
) -> None:
    """Add the rows of a group of created photos, and the events that must come back."""
    photos: list[tuple[PhotoEvent, Photo]] = []
    for event, download in group:
        try:
            photos.append((event, download.result()))
        except ObjectMissing:
            rows.append(_tombstone(event, prefix))
        except StoreUnavailable as error:
            failed[event] = str(error)
        except ImageError as error:
            rows.append(_reject(event, prefix, b"", error))
    embeddings = embedder.embed([photo.data for _, photo in photos])
    for (event, photo), embedding in zip(photos, embeddings, strict=True):
        content = json.dumps([photo.etag, dict(photo.metadata)], sort_keys=True).encode()
        if isinstance(embedding, ImageError):
            rows.append(_reject(event, prefix, content, embedding))
            continue
        order = _order(event, Op.PUT, content)
        rows.append(Row(event.key, _product(event, prefix), order, Op.PUT, embedding, photo.metadata))


def _tombstone(event: PhotoEvent, prefix: str) -> Row:
    return Row(event.key, _product(event, prefix), _order(event, Op.DELETE, b""), Op.DELETE)


def _reject(event: PhotoEvent, prefix: str, content: bytes, error: ImageError) -> Row:
    detail = {"code": error.reason, "detail": str(error)}
    return Row(event.key, _product(event, prefix), _order(event, Op.REJECT, content), Op.REJECT, detail=detail)


def _product(event: PhotoEvent, prefix: str) -> str:
    product_id = product_of(event.key, prefix)
    if product_id is None:
        raise ValueError(f"{event.key!r} names no photo")
    return product_id


def _order(event: PhotoEvent, op: Op, content: bytes) -> bytes:
    return order_of(sequencer=event.sequencer, time_ms=event.time_ms, op=op, content=content)


def _age(event: PhotoEvent) -> bytes:
    return _order(event, Op.DELETE if event.removed else Op.PUT, b"")
