"""Single bits flipped in the objects of a store, and the answers of all that reads the store."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np

from lookalike.backfill import planned
from lookalike.compaction import fsck
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.compaction.products import compact_products
from lookalike.compaction.products_fsck import check_products
from lookalike.errors import StoreError
from lookalike.search.knn import nearest_products
from lookalike.store import append_log, tensors
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.reader import SnapshotReader
from lookalike.store.wrappers import WrapperStore
from tests.support.calibrations import turned
from tests.support.inline import InlineExecutor
from tests.support.product_data import append, delete_file, products_of, put_file, reject_file
from tests.support.rows import LAYOUT, copy_of, delete, put, reject, value

POLICY = Policy(segment_bytes=100_000, fanout=2)
QUERIES = np.array([[1, 2, 3, 4], [9, 8, 11, 10], [0.5, 0, 0, -3]], np.float32)


class DamagedStore(WrapperStore):
    """Another store with one bit flipped in one object, in every read of it."""

    def __init__(self, inner: ObjectStore, name: str = "", bit: int = 0) -> None:
        super().__init__(inner)
        self._name, self._byte, self._mask = name, bit // 8, 1 << bit % 8
        self._read: list[tuple[str, int, int]] = []

    def was_read(self, flip: "Flip") -> bool:
        """Whether the byte of a flip was read."""
        return any(name == flip.name and start <= flip.bit // 8 < end for name, start, end in self._read)

    def _damaged(self, name: str, data: bytes, start: int) -> bytes:
        self._read.append((name, start, start + len(data)))
        at = self._byte - start
        if name != self._name or not 0 <= at < len(data):
            return data
        return data[:at] + bytes([data[at] ^ self._mask]) + data[at + 1 :]

    def get(self, name: str) -> bytes:
        return self._damaged(name, super().get(name), 0)

    def get_range(self, name: str, start: int, end: int) -> bytes:
        return self._damaged(name, super().get_range(name, start, end), start)


def small_store() -> MemoryStore:
    """A store with objects of every kind: log segments folded and waiting, segments live and retired, a rotation, maps, manifests."""
    store = MemoryStore()
    with (
        patch("lookalike.compaction.writer.MIN_ROWS", 4),
        patch("lookalike.compaction.writer.choose", turned),
        patch("lookalike.compaction.cartography._FEWEST", 1),
    ):
        for first in (0, 6, 12):
            rows = [put(f"images/{number}.jpg", number, product=f"{number % 7}") for number in range(first, first + 6)]
            append_log.append(store, rows, layout=LAYOUT)
            compact(store, Policy(segment_bytes=100_000, fanout=2 if first == 6 else 4))
    append_log.append(store, [delete("images/1.jpg", 30), reject("images/x.jpg", 31)], layout=LAYOUT)
    append_log.append(store, [put("images/2.jpg", 32, product="2"), put("images/y.jpg", 33)], layout=LAYOUT)
    return store


def small_product_store() -> MemoryStore:
    """Product data with objects of every kind: files folded and waiting, packs and tables live and retired, manifests."""
    store = MemoryStore()
    for first in (0, 3, 6):
        for number in range(first, first + 3):
            said = {"shirt": {"name": f"file {number}", "price": 5.0 + number, "sizes": ("S", "M")}}
            append(store, put_file(f"products/{number}.csv", number, {**said, f"{number}": {"name": "Größe"}}))
        compact_products(store, Policy(segment_bytes=100_000, fanout=2 if first == 3 else 4))
    append(store, reject_file("products/8.csv", 30), put_file("products/9.csv", 31, {"hat": {"name": "the last"}}))
    return store


Fields = Mapping[str, tuple[int, int]]
"""The first bit of each field of an object, and the bit after its last."""


def fields(data: bytes) -> Fields:
    """Of a file: the length of the header, the header, and each tensor. Of a manifest: each key with its value. Of a pack: its
    first file."""
    if data.startswith(b"{"):
        starts = [(match.group(1).decode(), match.start()) for match in re.finditer(rb'"(\w+)":', data)]
        places = zip(starts, [start for _, start in starts[1:]] + [len(data)], strict=True)
        found = {"{": (0, 8 * starts[0][1])}
        return found | {f"{name} at {start}": (8 * start, 8 * end) for (name, start), end in places}
    header = tensors.decode_header(data)
    found = {"length": (0, 64), "header": (64, 8 * min(info.start for info in header.tensors.values()))}
    return found | {
        name: (8 * info.start, 8 * info.end) for name, info in header.tensors.items() if info.end > info.start
    }


def kind(name: str) -> str:
    if name.startswith("segments/"):
        return "rotation" if "rotation" in name else "map" if "map" in name else "segment"
    if name.startswith("tables/"):
        return "pack" if name.endswith(".pack") else "table"
    return "log segment" if name.startswith("log/") else "manifest"


@dataclass(frozen=True)
class Flip:
    name: str
    field: str
    bit: int


def flips(store: ObjectStore, each: int, seed: int = 0) -> Iterator[Flip]:
    """``each`` bits of every field of every object: its first and last byte's highest bits, and others at random."""
    rng = np.random.default_rng(seed)
    for entry in store.list(""):
        for field, (start, end) in fields(store.get(entry.name)).items():
            # The highest bit of a little-endian number's last byte is a sign, the ones below it an exponent.
            bits = [start + 7, end - 1, end - 2, *rng.integers(start, end, max(each - 3, 0)).tolist()]
            for bit in sorted(set(bits[:each])):
                yield Flip(entry.name, field.partition(" at ")[0], int(bit))


def searched(reader: SnapshotReader) -> Any:
    """All that a reader shows: rows, neighbours with their distances, and metadata."""
    snapshot = reader.refresh()
    reader.finish_loading(10)
    neighbours = [nearest_products(snapshot, query, k=5).neighbours for query in QUERIES]
    metadata = snapshot.metadata(sorted({one.product_id for answer in neighbours for one in answer}))
    counts = (snapshot.photos, snapshot.products, snapshot.rejected)
    return neighbours, metadata, counts, sorted(value(row) for row in snapshot.rows())


def resident(store: ObjectStore) -> Any:
    return searched(SnapshotReader(store, layout=LAYOUT, memory_bytes=2**30))


def cold(store: ObjectStore) -> Any:
    with patch("lookalike.store.reader._READ_AT_ONCE_BYTES", 900):
        return searched(SnapshotReader(store, layout=LAYOUT))


def backfilled(store: ObjectStore) -> Any:
    with planned([], store, bucket="catalogue") as work:
        return list(work)


def compacted(store: DamagedStore) -> Any:
    """The rows after a compaction that read damaged bytes; the objects it left alone are read sound."""
    with (
        patch("lookalike.compaction.writer.MIN_ROWS", 4),
        patch("lookalike.compaction.writer.choose", turned),
        patch("lookalike.compaction.cartography._FEWEST", 1),
    ):
        compact(store, POLICY)
    return searched(SnapshotReader(store.inner, layout=LAYOUT))[3]


def checked(store: ObjectStore) -> Any:
    report = fsck.check(store)
    if report.errors:
        raise StoreError("; ".join(report.errors))
    return None


def data_at_start(store: ObjectStore) -> Any:
    """All that a reader of product data shows that has just started."""
    data = ProductReader(store, time_of_day=lambda: 1.0).refresh()
    return sorted(products_of(data.table).items()), data.files


def data_of_each_file(store: ObjectStore) -> Any:
    """The same after a file in the middle was deleted: then the files are read and not the table of all."""
    append(store, delete_file("products/4.csv", 40))
    return data_at_start(store)


def data_compacted(store: DamagedStore) -> Any:
    """The data after a compaction that read damaged bytes; the objects it left alone are read sound."""
    compact_products(store, POLICY)
    return data_at_start(store.inner)


def data_checked(store: ObjectStore) -> Any:
    report = check_products(store)
    if report.errors:
        raise StoreError("; ".join(report.errors))
    return None


Uses = Mapping[str, Callable[[Any], Any]]
USES: Uses = {
    "resident": resident, "cold": cold, "backfill": backfilled, "compaction": compacted, "fsck": checked
}  # fmt: skip
PRODUCT_USES: Uses = {
    "start": data_at_start, "each file": data_of_each_file, "compaction": data_compacted, "fsck": data_checked
}  # fmt: skip


@dataclass(frozen=True)
class Sound:
    """A use of the sound store: its answer, and the bytes that it read."""

    answer: str
    store: DamagedStore


def sound_uses(store: MemoryStore, uses: Uses) -> dict[str, Sound]:
    sound = {}
    for use, act in uses.items():
        watched = DamagedStore(copy_of(store))
        sound[use] = Sound(repr(act(watched)), watched)
    return sound


def outcome(store: MemoryStore, flip: Flip, act: Callable[[Any], Any], sound: Sound) -> str:
    """``unread``, ``right``, ``refused`` (an error that names the object), ``unnamed`` (another StoreError), ``crashed`` or ``wrong``."""
    if not sound.store.was_read(flip):
        return "unread"
    try:
        answer = act(DamagedStore(copy_of(store), flip.name, flip.bit))
    except StoreError as error:
        return "refused" if flip.name in str(error) else "unnamed"
    except Exception:  # noqa: BLE001 - counted as what it is
        return "crashed"
    return "right" if repr(answer) == sound.answer else "wrong"


Table = dict[tuple[str, str, str], Counter[str]]


def outcomes(store: MemoryStore, uses: Uses, each: int, seed: int = 0) -> Table:
    """The number of outcomes of each kind, by kind of object, field and use."""
    with (
        patch("lookalike.store.reader.ThreadPoolExecutor", InlineExecutor),
        patch("lookalike.store.partitions.ThreadPoolExecutor", InlineExecutor),
        patch("lookalike.compaction.gate.ThreadPoolExecutor", InlineExecutor),
        patch("lookalike.store.products.product_reader.ThreadPoolExecutor", InlineExecutor),
        patch("lookalike.compaction.products.ThreadPoolExecutor", InlineExecutor),
        patch("lookalike.compaction.fsck.judge"),  # checks find what it finds, and it takes most of the time
    ):
        sound = sound_uses(store, uses)
        table: Table = defaultdict(Counter)
        for flip in flips(store, each, seed):
            for use, act in uses.items():
                table[kind(flip.name), flip.field, use][outcome(store, flip, act, sound[use])] += 1
    return table
