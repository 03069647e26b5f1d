"""Live rows, a compaction and a backfill plan of a large store, in one partition and in many. Times are of the processor.

The store is in a folder, without embeddings and texts, which none of this reads: its segments have the columns that tell rows apart,
and are as full as compaction makes them. One row in twenty is superseded by a row in the next segment. The catalogue lists all keys, of
which one in a hundred is new and one in fifty has changed.
"""

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from lookalike.backfill import planned
from lookalike.codes.parted import encode_parts, plain_frames
from lookalike.compaction import cartography
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.hashes import HASH_BYTES, hashes_of
from lookalike.layout import Layout
from lookalike.photos.catalogue import ListedPhoto
from lookalike.store import append_log, manifest, names, segment_file
from lookalike.store.manifest import Manifest, SegmentRef
from lookalike.store.object_store import Entry, PutAnswer
from lookalike.store.partitions import live_masks, read_key_columns
from lookalike.store.records import ORDER_BYTES, Op
from lookalike.store.rows import Hashes
from lookalike.store.segment import Segment
from scripts.benchmarks.errors import BenchError
from scripts.benchmarks.stores import in_own_process, random_units, rows_of
from scripts.common.progress import Progress

_LAYOUT: Final = Layout.of_one_part(8)
_SEGMENT_KEYS: Final = 40_000
_ROW_BYTES: Final = 128 * 1024 * 1024 // _SEGMENT_KEYS
_SUPERSEDED: Final = 20  # one key in so many has a row in the next segment, too
_CHANGED: Final = 50
_NEW: Final = 100
_BEGAN_MS: Final = 1_700_000_000_000
_BATCH: Final = 16

_Numbers = npt.NDArray[np.int64]


class FolderStore:
    """An ObjectStore in a folder, for one writer."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def get_range(self, name: str, start: int, end: int) -> bytes:
        with (self._folder / name).open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    def put_if_absent(self, name: str, data: bytes) -> PutAnswer:
        path = self._folder / name
        if path.exists():
            return PutAnswer.EXISTS
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return PutAnswer.CREATED

    def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def list(self, prefix: str, *, limit: int | None = None) -> Iterator[Entry]:
        paths = sorted(path for path in self._folder.rglob("*") if path.is_file())
        found = [path for path in paths if path.relative_to(self._folder).as_posix().startswith(prefix)]
        for path in found[:limit]:
            stat = path.stat()
            yield Entry(path.relative_to(self._folder).as_posix(), stat.st_size, int(stat.st_mtime * 1000))

    def time_ms(self) -> int:
        return int(time.time() * 1000)


def run(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A line for each kind of work and number of partitions, each measured in a process of its own."""
    folder = Path(tempfile.mkdtemp(prefix="partitions-"))
    try:
        rows = in_own_process(_fill, folder, options.keys)
        for work in (_sorted, _live, _compacted, _planned):
            for partitions in (1,) if work is _sorted else options.partitions or (1, 16):
                figures = in_own_process(work, folder, options.keys, partitions)
                yield {"bench": "partitions", "keys": options.keys, "rows": rows, "partitions": partitions, **figures}
    finally:
        shutil.rmtree(folder)


def _fill(folder: Path, keys: int) -> int:
    """A store of so many keys: its number of rows."""
    store, refs = FolderStore(folder), []
    with Progress(keys, "generated", "keys") as progress:
        for start in range(0, keys, _SEGMENT_KEYS):
            numbers = np.arange(start, min(start + _SEGMENT_KEYS, keys))
            refs.append(_write(store, numbers, numbers[: len(numbers) if start else 0 : _SUPERSEDED] - _SEGMENT_KEYS))
            progress.step(len(numbers))
    manifest.commit(store, Manifest(version=1, segments=tuple(refs), created_ms=store.time_ms()))
    return sum(ref.rows for ref in refs)


def _write(store: FolderStore, numbers: _Numbers, again: _Numbers) -> SegmentRef:
    """A segment with rows of some keys, and newer rows of others."""
    both = np.concatenate([numbers, again])
    sequencers = np.concatenate([numbers, again + 2**40])
    hashes = _hashes(both)
    orders = np.zeros((len(both), ORDER_BYTES), np.uint8)
    for column, values in ((slice(0, 8), sequencers), (slice(16, 24), np.full(len(both), _BEGAN_MS))):
        orders[:, column] = values.astype(">u8").view(np.uint8).reshape(-1, 8)
    orders[:, 24] = Op.REJECT
    by_hash = np.argsort(hashes)
    no_text = np.zeros(len(both), np.uint64)
    rows = Segment(
        layout=_LAYOUT,
        key_hash=hashes[by_hash],
        order=orders[by_hash].view(f"S{ORDER_BYTES}").reshape(-1),
        product_hash=hashes[by_hash],
        key_end=no_text,
        detail_end=no_text,
        op=np.full(len(both), Op.REJECT, np.uint32),
        embedding=np.empty((0, _LAYOUT.dimensions), np.float32),
        keys=np.empty(0, np.uint8),
        details=np.empty(0, np.uint8),
    )
    codes = encode_parts(rows.embedding, _LAYOUT, plain_frames(rows.embedding, _LAYOUT))
    encoded = segment_file.encode(rows, codes, np.empty(0, np.int64), {})
    name = names.new_segment()
    store.put_if_absent(name, encoded.data)
    return SegmentRef(
        name=name,
        rows=len(rows),
        puts=0,
        stored_bytes=len(encoded.data),
        raw_bytes=len(rows) * _ROW_BYTES,
        scan_bytes=encoded.scan_bytes,
        rotations=(),
        checks=encoded.checks,
    )


def _hashes(numbers: _Numbers) -> Hashes:
    return np.frombuffer(hashes_of(_key(number).encode() for number in numbers.tolist()), f"S{HASH_BYTES}")


def _key(number: int) -> str:
    return f"images/{number:09}.jpg"


def _sorted(folder: Path, keys: int, _: int) -> dict[str, Any]:
    """The peer: NumPy sorts the columns by key and order, from which the newest rows could be told."""
    store = FolderStore(folder)
    columns = zip(*read_key_columns(store, manifest.newest(store).segments), strict=True)
    hashes, orders = (np.concatenate(column) for column in columns)
    with _Measured("numpy.lexsort") as measured:
        rows = np.lexsort((orders, hashes))
        found = int(np.count_nonzero(hashes[rows[1:]] != hashes[rows[:-1]])) + 1
    return measured.figures(found, keys)


def _live(folder: Path, keys: int, partitions: int) -> dict[str, Any]:
    store = FolderStore(folder)
    with _Measured("live rows") as measured:
        masks = live_masks(store, manifest.newest(store).segments, partitions=partitions)
    return measured.figures(sum(int(np.count_nonzero(mask)) for mask in masks), keys)


def _compacted(folder: Path, _: int, partitions: int) -> dict[str, Any]:
    """A batch is appended, folded, and weighed against the other segments."""
    store = FolderStore(folder)
    found = manifest.newest(store)
    append_log.append(store, list(rows_of(random_units(_BATCH, _LAYOUT.dimensions), 10**9)), layout=_LAYOUT)
    with _Measured("compaction") as measured:
        policy = Policy(rows_at_once=_rows_at_once(found, partitions), grace_s=10**6)
        work = compact(store, policy, time_left_s=lambda: cartography.RESERVE_S)  # no time for a map
    return measured.figures(work.folded, 1)


def _planned(folder: Path, keys: int, partitions: int) -> dict[str, Any]:
    store = FolderStore(folder)
    rows_at_once = _rows_at_once(manifest.newest(store), partitions)
    listed = (
        ListedPhoto(_key(number), _BEGAN_MS + 5000 * (number % _CHANGED == 0)) for number in range(keys + keys // _NEW)
    )
    with (
        _Measured("backfill plan") as measured,
        planned(listed, store, bucket="catalogue", is_gone=None, rows_at_once=rows_at_once) as plan,
    ):
        found = sum(1 for _ in plan)
    return measured.figures(found, keys // _NEW + -(-keys // _CHANGED))


def _rows_at_once(found: Manifest, partitions: int) -> int:
    return -(-sum(ref.rows for ref in found.segments) // partitions) + _BATCH * _ROW_BYTES


class _Measured:
    """The seconds of the processor that the block took, and the most memory that its process had until then."""

    def __init__(self, work: str) -> None:
        self._work = work
        self._seconds = 0.0

    def __enter__(self) -> Self:
        self._seconds = -time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self._seconds += time.process_time()

    def figures(self, found: int, expected: int) -> dict[str, Any]:
        """Raises BenchError where the work found something else than was generated."""
        if found != expected:
            raise BenchError(f"{self._work}: found {found:,} and not {expected:,}")
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"work": self._work, "seconds": round(self._seconds, 1), "peak_memory_bytes": peak_bytes}
