"""Ingest of data files: an event of one file in, the file's table out, appended to the product store.

As with photos, the file is read as it is now, not as it was when the event was sent, and what is appended carries the event's
order. So events may be repeated, late or out of order. A file that is gone becomes a tombstone; a file that can never be used
becomes a reject with its reason, in place of the table that an earlier file of its key left; a bad row is left out and told, and
the others are taken in. An error that may pass (S3 did not answer) is raised, and the event comes back.

Each file is appended on its own, and its memory is free before the next one is read. Nothing is embedded.
"""

import json
import logging
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from typing import Final

from lookalike.errors import FeedError, ObjectMissing
from lookalike.events import event_order
from lookalike.feeds.feed import Feed, read_feed
from lookalike.photos.catalogue import DataCatalogue, DataObject, ObjectEvent
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import product_log
from lookalike.store.products.data_file import DataFile
from lookalike.store.records import Op

SUFFIXES: Final = (".csv", ".tsv", ".txt", ".jsonl")

_ID_COLUMN = "id-column"  # x-amz-meta-id-column names the column of product ids
_SHOWN_REASONS = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestedFile:
    """What an event made of a data file. ``rows``: of the file; ``bad_rows``: rows and values that were left out; ``reason``: of a
    reject.
    """

    key: str
    op: Op
    rows: int = 0
    bad_rows: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DataIngest:
    """Takes in data files. ``store``: the product store; ``max_bytes``: size of the largest file that is read."""

    catalogue: DataCatalogue
    store: ObjectStore
    max_bytes: int

    def take_in(self, event: ObjectEvent, noted: AbstractContextManager[None] | None = None) -> IngestedFile:
        """Read a data file and append its table, a reject or a tombstone. ``noted`` is entered while the file is worked on.

        Raises StoreUnavailable where the file could not be read or nothing was appended, and what entering ``noted`` raises.
        """
        if event.removed:
            return self._append(_tombstone(event))
        if not event.key.lower().endswith(SUFFIXES):
            return self._append(_reject(event, b"", _unknown_suffix(event.key)))
        with ExitStack() as stack:
            try:
                file = stack.enter_context(self.catalogue.data_file(event.key, max_bytes=self.max_bytes))
            except ObjectMissing:
                return self._append(_tombstone(event))
            except FeedError as error:
                return self._append(_reject(event, b"", error))
            stack.enter_context(noted or nullcontext())
            return self._append(_parsed(event, file))

    def reject(self, event: ObjectEvent, error: FeedError) -> IngestedFile:
        """Record that a file cannot be used, for a reason that was found without reading it.

        What an earlier or later attempt at the same event made of the file itself beats it. Raises StoreUnavailable.
        """
        return self._append(_rejected(event, event_order(event, Op.PUT, None), error))

    def _append(self, file: DataFile) -> IngestedFile:
        product_log.append(self.store, file)
        reason = file.detail.get("detail", "")
        if file.op is Op.REJECT:
            _log.info("%s was rejected: %s", file.key, reason)
        return IngestedFile(file.key, file.op, file.rows, file.bad_total, reason)


def _parsed(event: ObjectEvent, file: DataObject) -> DataFile:
    content = json.dumps([file.etag, dict(file.metadata)], sort_keys=True).encode()
    try:
        feed = read_feed(file.content, event.key, id_column=file.metadata.get(_ID_COLUMN))
    except FeedError as error:
        return _reject(event, content, error)
    _tell(event.key, feed)
    order = event_order(event, Op.PUT, content)
    detail = {"remarks": "; ".join(feed.remarks)} if feed.remarks else {}
    return DataFile(event.key, order, Op.PUT, feed.table, _rows(feed), feed.bad, feed.bad_total, detail)


def _rows(feed: Feed) -> int:
    """Of the file, the bad ones included."""
    return feed.rows + feed.bad_rows


def _tombstone(event: ObjectEvent) -> DataFile:
    return DataFile(event.key, event_order(event, Op.DELETE), Op.DELETE)


def _reject(event: ObjectEvent, content: bytes, error: FeedError) -> DataFile:
    return _rejected(event, event_order(event, Op.REJECT, content), error)


def _rejected(event: ObjectEvent, order: bytes, error: FeedError) -> DataFile:
    detail = {"code": error.reason, "detail": str(error)}
    return DataFile(event.key, order, Op.REJECT, detail=detail)


def _unknown_suffix(key: str) -> FeedError:
    name = key.rpartition("/")[2]
    suffixes = f"{', '.join(SUFFIXES[:-1])} and {SUFFIXES[-1]}"
    return FeedError("unknown-suffix", f"{name} has none of the suffixes that are read: {suffixes}.")


def _tell(key: str, feed: Feed) -> None:
    # Values of a file come as fields of a line of JSON, so that none of them can look like another line.
    bad = [f"line {row.line}: {row.detail}" for row in feed.bad[:_SHOWN_REASONS]]
    _log.info(
        "a data file was read",
        extra={
            "file": key,
            "rows": _rows(feed),
            "products": len(feed.table.ids),
            "bad_rows": feed.bad_total,
            "first_bad_rows": bad,
            "remarks": list(feed.remarks),
            "columns": dict(feed.fields),
        },
    )
