"""Compaction of product data: folds data files out of the log into packs, and writes the table that all files make together.

    fold     log segments -> one pack, byte for byte, and a new table. The table grows out of the last one where only files were added
             that sort after all others; or else it is merged from the tables of all files.
    merge    size-tiered, as with photos: ``fanout`` packs of similar size become one, and a pack of which ``garbage_share`` is replaced
             or deleted is rewritten.
    forget   drops tombstones that are older than ``tombstone_s``, while no log segment waits (``compact``).
    collect  as with photos.

Each step ends with one manifest, as with photos; the same crashes and races are as harmless.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import accumulate

from lookalike.compaction.policy import Policy, Size, choose
from lookalike.compaction.publish import publish
from lookalike.compaction.steps import RESERVE_S, steps
from lookalike.compaction.work import Work
from lookalike.errors import StoreError
from lookalike.store import names
from lookalike.store.creation import create
from lookalike.store.damage import check_of
from lookalike.store.object_store import Entry, ObjectStore
from lookalike.store.products import product_file, product_log, table_reads
from lookalike.store.products.data_file import FileState
from lookalike.store.products.live import Waiting, live_files
from lookalike.store.products.loading import Held, load
from lookalike.store.products.product_manifest import PRODUCT_STORE, FileRef, ObjectRef, ProductManifest
from lookalike.store.records import Op, event_of
from lookalike.store.state import State
from lookalike.store.wrappers import CountingStore

_READ_AT_ONCE = 16
_BAD_ROWS = 10_000
"""Bad rows that the table of all files keeps, shared among the files that have any. All are counted."""


def compact_products(
    store: ObjectStore,
    policy: Policy | None = None,
    *,
    time_left_s: Callable[[], float] = lambda: float("inf"),
    reserve_s: float = RESERVE_S,
) -> Work:
    """Fold, merge and forget until nothing is left to do or at most ``reserve_s`` of time are left, then collect.

    ``store``: below the prefix ``PRODUCTS``. Raises StoreError; all that was committed before stays.
    """
    return sum(product_steps(store, policy or Policy(), time_left_s=time_left_s, reserve_s=reserve_s), Work())


def product_steps(
    store: ObjectStore, policy: Policy, *, time_left_s: Callable[[], float], reserve_s: float = RESERVE_S
) -> Iterator[Work]:
    """The steps of compacting a store of product data."""

    def step(state: State[ProductManifest]) -> Work | None:
        counting = CountingStore(store)
        with ThreadPoolExecutor(_READ_AT_ONCE, thread_name_prefix="fold") as pool:
            work = (
                _fold(counting, state, policy, pool)
                if state.waiting
                else _merge(counting, state.manifest, policy, pool) or _forget(counting, state.manifest, policy)
            )
        return work and replace(work, bytes_read=counting.bytes_read, bytes_written=counting.bytes_written)

    return steps(store, PRODUCT_STORE, step, policy, time_left_s=time_left_s, reserve_s=reserve_s)


def _fold(store: ObjectStore, state: State[ProductManifest], policy: Policy, pool: Executor) -> Work:
    old = state.manifest
    batch = _batch(state.waiting, policy.segment_bytes)
    sizes = {entry.name: entry.size for entry in batch}
    read = dict(zip(sizes, pool.map(partial(product_log.read, store), sizes), strict=True))
    live = live_files(old, [Waiting(name, sizes[name], file) for name, (file, _) in read.items()])
    new = [file for file in live if isinstance(file, Waiting)]
    refs, pack = _write_pack(store, ((file.state, read[file.name][1]) for file in new))
    files = tuple(refs[file.key] if isinstance(file, Waiting) else file for file in live)
    merged = old.merged
    if _shown(files) != _shown(old.files):
        held = load(store, State(tuple(batch), old), Held(old), pool, read)
        merged = _write_merged(store, held) if held.states else None
    version = _version(files, (*old.packs, *pack), merged)
    committed = publish(store, PRODUCT_STORE, old, version, newly_folded=sizes)
    rows = sum(file.state.rows for file in new)
    return Work(folded=1, rows_folded=rows) if committed else Work(lost_races=1)


def _batch(waiting: Sequence[Entry], most_bytes: int) -> list[Entry]:
    """The first log segments, of so many bytes together, at least one."""
    ends = accumulate(entry.size for entry in waiting)
    return [
        entry for number, (entry, end) in enumerate(zip(waiting, ends, strict=True)) if not number or end <= most_bytes
    ]


def _merge(store: ObjectStore, old: ProductManifest, policy: Policy, pool: Executor) -> Work | None:
    live_bytes = Counter[str]()
    for ref in old.files:
        live_bytes[ref.pack] += ref.stored_bytes
    sizes = [Size(pack.stored_bytes, pack.stored_bytes) for pack in old.packs]
    chosen = {old.packs[index].name for index in choose(sizes, [live_bytes[pack.name] for pack in old.packs], policy)}
    if not chosen:
        return None
    moved = [ref for ref in old.files if ref.pack in chosen]
    segments = table_reads.read_files(store, moved, old.packs, pool)
    refs, pack = _write_pack(store, zip(moved, segments, strict=True))
    files = tuple(refs.get(ref.key, ref) for ref in old.files)
    new = _version(files, (*old.packs, *pack), old.merged)
    committed = publish(store, PRODUCT_STORE, old, new)
    return Work(merged=int(committed), lost_races=int(not committed))


def _forget(store: ObjectStore, old: ProductManifest, policy: Policy) -> Work | None:
    tombstones = [ref for ref in old.files if ref.op is Op.DELETE]
    if not tombstones:
        return None
    before_ms = store.time_ms() - int(policy.tombstone_s * 1000)
    forgotten = {ref.key for ref in tombstones if event_of(ref.order).time_ms < before_ms}
    if not forgotten:
        return None
    new = _version(tuple(ref for ref in old.files if ref.key not in forgotten), old.packs, old.merged)
    committed = publish(store, PRODUCT_STORE, old, new)
    return Work(merged=int(committed), lost_races=int(not committed))


def _write_pack(
    store: ObjectStore, segments: Iterable[tuple[FileState | FileRef, bytes | memoryview]]
) -> tuple[dict[str, FileRef], tuple[ObjectRef, ...]]:
    """Write the segments of files as one pack. Returns where each file is, by key, and the pack; none for tombstones alone."""
    tombstones, placed = {}, []
    for file, segment in segments:
        if file.op is Op.DELETE:
            tombstones[file.key] = FileRef(file.key, file.order, file.op)
        else:
            placed.append((file, segment))
    if not placed:
        return tombstones, ()
    data = b"".join(segment for _, segment in placed)
    name = names.new_pack(data)
    ends = accumulate(len(segment) for _, segment in placed)
    refs = {
        file.key: FileRef(file.key, file.order, file.op, name, end - len(segment), end, check_of(segment))
        for (file, segment), end in zip(placed, ends, strict=True)
    }
    _create(store, name, data)
    return tombstones | refs, (ObjectRef(name, len(data)),)


def _write_merged(store: ObjectStore, held: Held) -> ObjectRef:
    each = max(_BAD_ROWS // max(sum(1 for state in held.states.values() if state.bad), 1), 1)
    data = product_file.encode([replace(state, bad=state.bad[:each]) for state in held.states.values()], held.table)
    name = names.new_table(data)
    _create(store, name, data)
    return ObjectRef(name, len(data))


def _create(store: ObjectStore, name: str, data: bytes) -> None:
    if not create(store, name, data):
        raise StoreError(f"another object is named {name}, which a random name should rule out")


def _version(files: tuple[FileRef, ...], packs: Iterable[ObjectRef], merged: ObjectRef | None) -> ProductManifest:
    """A version with these files, and with the packs that they need of these."""
    needed = {ref.pack for ref in files}
    return ProductManifest(files=files, packs=tuple(pack for pack in packs if pack.name in needed), merged=merged)


def _shown(files: Iterable[FileRef]) -> list[tuple[str, bytes]]:
    """The keys and orders of the files that readers show: all but tombstones."""
    return [(ref.key, ref.order) for ref in files if ref.op is not Op.DELETE]
