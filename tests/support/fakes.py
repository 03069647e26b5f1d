"""Stand-ins that behave like what they stand for, in memory: a catalogue, an embedder, and a store that can be out of reach.

A fake photo is any bytes; ``photo`` makes some. Bytes that begin with ``text``, ``broken`` or ``huge`` are refused as a file
of words, a damaged photo and a decompression bomb would be.
"""

import hashlib
import io
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from lookalike.errors import (
    FeedError,
    ImageError,
    NotAnImage,
    ObjectMissing,
    StoreUnavailable,
    TooManyBytes,
    TooManyPixels,
    UndecodableImage,
)
from lookalike.feeds.reports import BadRow
from lookalike.layout import Layout
from lookalike.photos.catalogue import DataObject, Photo, product_of
from lookalike.photos.regions import Region
from lookalike.store import append_log, segment
from lookalike.store.manifest import EMPTY
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.products.data_file import DataFile
from lookalike.store.records import Op, Row, order_of
from lookalike.store.shard import Shard
from lookalike.store.snapshot import Snapshot
from lookalike.store.wrappers import WrapperStore
from lookalike.tables.builder import TableBuilder
from lookalike.tables.table import Value

DIMENSIONS = 8
LAYOUT = Layout.of_one_part(DIMENSIONS)
FINGERPRINT = "f" * 64

_REFUSED: dict[bytes, type[ImageError]] = {b"text": NotAnImage, b"broken": UndecodableImage, b"huge": TooManyPixels}


def photo(look: str, view: int = 0) -> bytes:
    """A photo's bytes. Views of one look are near each other, different looks are far apart."""
    return f"photo of {look}#{view}".encode()


def embedding_of(data: bytes) -> np.ndarray:
    """What FakeEmbedder makes of a photo: float32 (DIMENSIONS,), of unit length."""
    look, _, view = data.partition(b"#")
    vector = _noise(look) + 0.05 * _noise(data) * (view not in (b"", b"0"))
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _noise(seed: bytes) -> np.ndarray:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed).digest()[:8])).standard_normal(DIMENSIONS)


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s

    @property
    def now_ms(self) -> int:
        return int(self.now_s * 1000)


def region_name(region: Region) -> bytes:
    """A region as photos for ``FakeEmbedder`` name it."""
    return ",".join(f"{number:.3g}" for number in (region.x, region.y, region.width, region.height)).encode()


class FakeEmbedder:
    """Embeds bytes by their hash. ``batches`` lists how many photos each call brought."""

    fingerprint = FINGERPRINT
    layout = LAYOUT
    spec = SimpleNamespace(name="fake-model", fingerprint=FINGERPRINT, layout=LAYOUT, probe=b"recorded")

    def __init__(self) -> None:
        self.batches: list[int] = []

    def drift(self) -> float:
        return 0.25

    def embed(self, images: Sequence[bytes]) -> list[np.ndarray | ImageError]:
        self.batches.append(len(images))
        return [self._embed(data) for data in images]

    def embed_regions(self, photo: bytes, regions: Sequence[Region]) -> list[np.ndarray | ImageError]:
        """The whole photo as ``embed`` does; a region as another look, or as the one that the photo says it has there.

        A photo such as ``b"photo of a wall#0|0.5,0,0.5,1=photo of red#0"`` shows something else in a region.
        """
        self.batches.append(len(regions))
        whole, *shown = photo.split(b"|")
        looks = dict(look.split(b"=", 1) for look in shown)
        return [
            self._embed(
                whole if region.is_whole else looks.get(name := region_name(region), b"part " + name + b" of " + whole)
            )
            for region in regions
        ]

    def _embed(self, data: bytes) -> np.ndarray | ImageError:
        if not data:
            return NotAnImage("There is nothing in the file.")
        refused = next((kind for start, kind in _REFUSED.items() if data.startswith(start)), None)
        return embedding_of(data) if refused is None else refused("The photo cannot be used.")


class FakeCatalogue:
    """The merchant's bucket; ``photos`` has its data files, too. Keys in ``out_of_reach`` fail as if S3 did not answer. Safe for threads."""

    def __init__(self) -> None:
        self.photos: dict[str, Photo] = {}
        self.out_of_reach: set[str] = set()
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes, **metadata: str) -> None:
        self.photos[key] = Photo(data, metadata, f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"')

    def remove(self, key: str) -> None:
        del self.photos[key]

    def photo(self, key: str, *, max_bytes: int) -> Photo:
        with self._lock:
            self.asked.append(key)
        if key in self.out_of_reach:
            raise StoreUnavailable(f"S3 answered SlowDown to GET {key}")
        if key not in self.photos:
            raise ObjectMissing(f"there is no object named {key}")
        if len(self.photos[key].data) > max_bytes:
            raise TooManyBytes("The file has too many bytes.")
        return self.photos[key]

    @contextmanager
    def data_file(self, key: str, *, max_bytes: int) -> Iterator[DataObject]:
        try:
            file = self.photo(key, max_bytes=max_bytes)
        except TooManyBytes as error:
            raise FeedError(error.reason, str(error)) from error
        with io.BytesIO(file.data) as content:
            yield DataObject(content, file.metadata, file.etag)

    def presigned_url(self, key: str) -> str:
        return f"https://catalogue.example/{key}?signed"


class OutageStore(WrapperStore):
    """Another store, out of reach while ``down`` holds the name of the call: get, put, delete or list."""

    def __init__(self, inner: ObjectStore | None = None) -> None:
        super().__init__(inner or MemoryStore())
        self.down: set[str] = set()

    def begin(self, call: str, name: str) -> None:
        if call.removesuffix("_range") in self.down:
            raise StoreUnavailable(f"S3 did not answer {call} {name}: no connection to secret-bucket.example")


def put_row(key: str, data: bytes, *, time_ms: int = 1, **metadata: str) -> Row:
    """The row that ingest writes for a photo."""
    order = order_of(sequencer=None, time_ms=time_ms, op=Op.PUT, content=data)
    return Row(key, str(product_of(key)), order, Op.PUT, embedding_of(data), metadata)


def reject_row(key: str, code: str = "undecodable-image", *, time_ms: int = 1) -> Row:
    """The row that ingest writes for a photo it refuses."""
    order = order_of(sequencer=None, time_ms=time_ms, op=Op.REJECT)
    detail = {"code": code, "detail": "The photo cannot be used."}
    return Row(key, str(product_of(key)), order, Op.REJECT, detail=detail)


def data_file(
    key: str,
    products: Mapping[str, Mapping[str, Value]],
    *,
    bad: Sequence[BadRow] = (),
    bad_total: int | None = None,
    time_ms: int = 1,
) -> DataFile:
    """What ingest writes for a data file of these products."""
    builder = TableBuilder()
    for product_id, values in products.items():
        builder.add(product_id, values)
    total = len(bad) if bad_total is None else bad_total
    order = order_of(sequencer=None, time_ms=time_ms, op=Op.PUT, content=repr(products).encode())
    return DataFile(key, order, Op.PUT, builder.build(), len(products) + total, tuple(bad), total)


def refused_file(key: str, code: str = "no-header", *, time_ms: int = 1) -> DataFile:
    """What ingest writes for a data file that it cannot use."""
    order = order_of(sequencer=None, time_ms=time_ms, op=Op.REJECT)
    return DataFile(key, order, Op.REJECT, detail={"code": code, "detail": "The file cannot be used."})


def deleted_file(key: str, *, time_ms: int) -> DataFile:
    """What ingest writes for a data file that was deleted."""
    return DataFile(key, order_of(sequencer=None, time_ms=time_ms, op=Op.DELETE), Op.DELETE)


def fill(store: ObjectStore, rows: Iterable[Row], *, layout: Layout = LAYOUT) -> str:
    """Append rows to a store."""
    return append_log.append(store, list(rows), layout=layout)


def snapshot_of(
    vectors: np.ndarray,
    keys: Sequence[str],
    products: Sequence[str],
    *,
    shards: int = 1,
    superseded: int = 0,
    layout: Layout | None = None,
    times_ms: Sequence[int] | None = None,
) -> Snapshot:
    """A snapshot of rows dealt out to several shards.

        ``vectors``: float32 (rows, dimensions), by default of one part. The last ``superseded`` rows are in their shards and not
    live.
    """
    orders = [order_of(sequencer=None, time_ms=time_ms, op=Op.PUT) for time_ms in times_ms or [1] * len(keys)]
    rows = [
        Row(key, product, order, Op.PUT, vector, {"key": key})
        for key, product, order, vector in zip(keys, products, orders, vectors, strict=True)
    ]
    dead = set(keys[len(keys) - superseded :])
    made = []
    layout = layout or Layout.of_one_part(vectors.shape[1])
    for number in range(shards):
        held = segment.from_rows(rows[number::shards], layout)
        live = np.array([held.name(row)[1] not in dead for row in range(len(held))], bool)
        made.append(Shard(held, live))
    return Snapshot(EMPTY, frozenset(), tuple(made), layout)
