"""What outlives an invocation, and what Lambda has a process do beside answering: start, be frozen, wake up as a copy."""

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from urllib.parse import quote

import numpy as np
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from engine import MeasuredRecall
from queues import Queues

from lookalike import errors, settings
from lookalike.aws import S3Catalogue, S3Store, SqsQueue, s3_client
from lookalike.index.opening import open_index
from lookalike.index.port import CandidateIndex
from lookalike.photos.catalogue import photo_key_of
from lookalike.photos.embedder import Embedder
from lookalike.photos.model import ModelSpec
from lookalike.search.indexed_reader import IndexedReader
from lookalike.search.view import ProductView
from lookalike.store import map_file
from lookalike.store.freshness import FreshSnapshots
from lookalike.store.map_file import CatalogueMap
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import PRODUCTS
from lookalike.store.products.product_reader import ProductData, ProductReader, table_bytes
from lookalike.store.reader import SnapshotReader
from lookalike.store.refreshing import Reader
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import CountingStore, DeadlineStore

# Budget for reading ahead: Lambda stops an initialisation after ten seconds and repeats it in the first request's time.
# Python and the model take two, and a call that begins at the end of these four may take three.
_AHEAD_S = 4
# Budget for embeddings before SnapStart's snapshot, of the 130 seconds that SnapStart gives.
_FINISH_LOADING_S = 60


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What answers come from. ``view``: photos and product data, joined; ``data``: the product data with the state of its files."""

    view: ProductView
    data: ProductData


class Services:
    """What handlers work with, made once from the environment."""

    def __init__(self, logger: Logger, metrics: Metrics) -> None:
        self.metrics = metrics
        self._logger = logger
        self._settings = settings.query(os.environ)
        self.origin_secrets = self._settings.origin_secrets
        self.hides_out_of_stock = self._settings.hide_out_of_stock
        # Where S3 is silent, the last attempt must end before the API gives up after 30 seconds, a start of _AHEAD_S
        # included: the answer is ours to give.
        self.client = s3_client(read_timeout_s=3, attempts=3)
        # Where another answer than S3's will do, two seconds of silence are enough.
        self._quick_client = s3_client(connect_timeout_s=1, read_timeout_s=2, attempts=1)
        self._restored = False
        self.spec = ModelSpec.load(self._settings.model_dir)
        self._catalogue, self._quick_catalogue = (
            S3Catalogue(client, self._settings.catalogue_bucket) for client in (self.client, self._quick_client)
        )
        queue, dead = (
            SqsQueue(url, read_timeout_s=1, attempts=1)
            for url in (self._settings.queue_url, self._settings.dead_letter_queue_url)
        )
        self.queues = Queues(queue, dead, logger)
        photos, self._quick_photos = self._stores(f"{self.spec.fingerprint}/")
        data, self._quick_data = self._stores(PRODUCTS)
        self.stores = (photos, self._quick_photos, data, self._quick_data)
        self._index: CandidateIndex | None = None
        self.reader = self._reader(photos)
        self.data_reader = ProductReader(data)
        fresh: Any = partial(
            FreshSnapshots,
            max_staleness_s=self._settings.max_staleness_s,
            stale_if_error_s=self._settings.stale_if_error_s,
            failed=self._refresh_failed,
        )
        self._photos: FreshSnapshots[Snapshot] = fresh(self.reader, self._quick_photos)
        self._data: FreshSnapshots[ProductData] = fresh(self.data_reader, self._quick_data)
        self._last: Catalogue | None = None
        self._map: tuple[str, CatalogueMap] | None = None
        self._map_text: tuple[Snapshot, str] | None = None
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="data")
        self.scanners = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="scan")

    def _reader(self, photos: ObjectStore) -> SnapshotReader:
        """The reader of photos for the engine: all codes in memory, or those of the newest photos and an index of the others."""
        layout, memory_bytes = self.spec.layout, self._settings.snapshot_bytes
        if self._settings.engine is settings.Engine.EXACT:
            self.recall = MeasuredRecall(photos, None, self._logger)
            return SnapshotReader(photos, layout=layout, memory_bytes=memory_bytes)
        # The answer must come before the API gives up, as with S3.
        index = open_index(self._settings.index, self.spec.fingerprint, layout, deadline_s=10)
        self.recall = MeasuredRecall(photos, index, self._logger)
        self._index = index
        return IndexedReader(photos, index=index, layout=layout, memory_bytes=memory_bytes)

    def ask_index_ahead(self) -> None:
        """Ask the index before the first request: its library, and a connection to it, take seconds that a request may not have."""
        if self._index is not None:
            with suppress(errors.StoreError):  # the first request says why
                self._index.query(np.zeros(self.spec.layout.dimensions, np.float32), 1)

    @cached_property
    def embedder(self) -> Embedder:
        """The model, loaded at its first use."""
        embedder = Embedder(
            self._settings.model_dir, threads=self._settings.threads, max_pixels=self._settings.max_image_pixels
        )
        # Here, once for each execution environment: the next one may run on another kind of processor.
        if self.spec.probe is not None:
            with single_metric(
                name="ModelDrift",
                unit=MetricUnit.NoUnit,
                value=embedder.drift(),
                default_dimensions={"service": "embedder"},
            ):
                pass
        return embedder

    @property
    def age_s(self) -> float:
        """Seconds since photos and product data were both the newest."""
        return max(self.reader.age_s, self.data_reader.age_s)

    @property
    def is_stale(self) -> bool:
        """Whether the last refresh of photos or product data failed."""
        return self._photos.is_stale or self._data.is_stale

    def catalogue(self) -> Catalogue:
        """The catalogue, fresh enough for an answer, or the last one while S3 is out of reach. Raises StoreError."""
        if self._restored:
            return self.newest()
        max_age_s = self._settings.max_staleness_s
        snapshot, data = self.reader.last(max_age_s), self.data_reader.last(max_age_s)
        if snapshot and data:  # most requests; a thread takes longer to ask
            return self._joined(snapshot, data)
        return self._both(FreshSnapshots.current)

    def newest(self) -> Catalogue:
        """The catalogue as it is now. Raises StoreError."""
        catalogue = self._both(FreshSnapshots.refresh)
        self._restored = False
        return catalogue

    def _both(self, read: Callable[[FreshSnapshots[Any]], Any]) -> Catalogue:
        """Photos and product data, read side by side: two stores, one wait."""
        reading = self._beside.submit(read, self._data)
        snapshot = read(self._photos)
        return self._joined(snapshot, reading.result())

    def _joined(self, snapshot: Snapshot, data: ProductData) -> Catalogue:
        last = self._last
        if last is None or last.view.snapshot is not snapshot or last.data is not data:
            view = ProductView.of(snapshot, data.table, last.view if last else None)
            last = self._last = Catalogue(view, data)
            # The table has its room first: embeddings can be read where they are needed.
            self.reader.limit(self._settings.snapshot_bytes - table_bytes(data.table))
        return last

    def kept_map(self, snapshot: Snapshot, made_of: Callable[[Snapshot, CatalogueMap], str]) -> str | None:
        """What ``made_of`` makes of a snapshot and its map, once for each snapshot; None without a map. Raises StoreError."""
        ref = snapshot.manifest.map
        if ref is None:
            return None
        if self._map is None or self._map[0] != ref.name:
            self._map, self._map_text = (ref.name, map_file.read(self.stores[0], ref.name)), None
        if self._map_text is None or self._map_text[0] is not snapshot:
            self._map_text = snapshot, made_of(snapshot, self._map[1])
        return self._map_text[1]

    def _refresh_failed(self, error: errors.StoreError) -> None:
        self._logger.error("answers come from an old snapshot", kind=type(error).__name__, detail=str(error))

    def image_url(self, key: str, *, through_distribution: bool) -> str:
        """Where a browser loads a photo: from the distribution, or else from the bucket by a signed URL."""
        return "/" + quote(key) if through_distribution else self._catalogue.presigned_url(key)

    def is_photographed(self, product_id: str) -> bool:
        """Whether the bucket has a photo of the product, by one HEAD at most; False where S3 does not say so at once."""
        key = photo_key_of(product_id)
        try:
            return key is not None and self._quick_catalogue.has(key)
        except errors.StoreError as error:
            self._logger.warning("S3 did not say whether there is a photo", detail=str(error))
            return False

    def _stores(self, prefix: str) -> Sequence[CountingStore]:
        """The store below a prefix, by the patient client and by the quick one."""
        bucket = self._settings.store_bucket
        return [CountingStore(S3Store(client, bucket, prefix)) for client in (self.client, self._quick_client)]

    def read_ahead(self, within_s: float | None = None) -> None:
        """Read the catalogue before the first request, within a time or not at all. Then the first request reads it, or says why not."""

        def read(reader: Reader[Any], quick: ObjectStore) -> Any:
            try:
                return reader.refresh(None if within_s is None else DeadlineStore(quick, within_s))
            except errors.StoreError:
                self._logger.warning("the catalogue could not be read ahead of the first request", exc_info=True)

        reading = self._beside.submit(read, self.data_reader, self._quick_data)
        snapshot = read(self.reader, self._quick_photos)
        data = reading.result()
        if snapshot and data:
            # Which photos show which products of the table: half a second for a million of each.
            self._joined(snapshot, data).view.photographed  # noqa: B018

    def before_snapshot(self) -> None:
        """SnapStart is about to freeze this process: finish what runs, and close connections, which the other end forgets."""
        self.reader.finish_loading(_FINISH_LOADING_S)
        for client in (self.client, self._quick_client):
            client.close()  # it opens new connections at its next call

    def after_restore(self) -> None:
        """SnapStart woke up a copy of this process, perhaps days later: renew what was true of one process.

        The first request refreshes the catalogue, as a slow S3 would fail the restore. Credentials carry their expiry,
        and botocore renews them by it.
        """
        # No clock of a frozen process tells how old its snapshot is.
        self._restored = True
        # The delays of retries come from here, and every copy would draw the same ones. Ids and names are no concern:
        # they come from os.urandom, which differs in every copy.
        random.seed()


def start(services: Services, initialization: str) -> None:
    """Load model and catalogue where Lambda gives a full processor, and where SnapStart takes its snapshot."""
    is_frozen = initialization == "snap-start"  # then there is time, and every copy has what is read here
    with ThreadPoolExecutor(2, thread_name_prefix="ahead") as pool:
        # The model loads while S3 answers.
        reading = pool.submit(services.read_ahead, None if is_frozen else _AHEAD_S)
        asking = pool.submit(services.ask_index_ahead)
        services.embedder  # noqa: B018
        reading.result()
        asking.result()
    if is_frozen:
        from snapshot_restore_py import register_after_restore, register_before_snapshot  # of Lambda's runtime

        register_before_snapshot(services.before_snapshot)
        register_after_restore(services.after_restore)
