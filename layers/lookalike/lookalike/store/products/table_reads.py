"""Reads of packs and of the table of all files, in parallel ranges where they are large; their bytes are verified.

Every function raises StoreError, and CorruptObject that names the object where it is damaged a second time (``damage``).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from functools import partial

from lookalike.errors import CorruptObject
from lookalike.store import names
from lookalike.store.damage import check_of, undamaged
from lookalike.store.object_store import ObjectStore
from lookalike.store.products.product_manifest import FileRef, ObjectRef

READ_AT_ONCE_BYTES = 8 * 1024 * 1024  # S3 gives 85-90 MB/s to one connection, and more to several


def read_object(store: ObjectStore, ref: ObjectRef, pool: Executor) -> bytes:
    """A whole object, whose name has its check."""
    return undamaged(ref.name, lambda: names.verified(ref.name, _read(store, ref.name, 0, ref.stored_bytes, pool)))


def read_files(
    store: ObjectStore, refs: Sequence[FileRef], packs: Iterable[ObjectRef], pool: Executor
) -> list[memoryview]:
    """The segments of files. A pack of which most is needed is read whole, of another only the files."""
    sizes = {pack.name: pack.stored_bytes for pack in packs}
    needed: dict[str, list[FileRef]] = defaultdict(list)
    for ref in refs:
        needed[ref.pack].append(ref)
    found: dict[FileRef, memoryview] = {}
    for name, files in sorted(needed.items()):
        if 2 * sum(ref.stored_bytes for ref in files) >= sizes[name]:
            found |= undamaged(name, partial(_whole, store, sizes[name], files, pool))
        else:
            found |= _each(store, files, pool)
    return [found[ref] for ref in refs]


def _whole(store: ObjectStore, size: int, files: Sequence[FileRef], pool: Executor) -> dict[FileRef, memoryview]:
    pack = memoryview(_read(store, files[0].pack, 0, size, pool))
    return {ref: _verified(ref, pack[ref.start : ref.end]) for ref in files}


def _each(store: ObjectStore, files: Sequence[FileRef], pool: Executor) -> dict[FileRef, memoryview]:
    def read(ref: FileRef, pool: Executor | None = None) -> memoryview:
        return undamaged(ref.pack, lambda: _verified(ref, memoryview(_read(store, ref.pack, ref.start, ref.end, pool))))

    small = [ref for ref in files if ref.stored_bytes <= READ_AT_ONCE_BYTES]
    found = dict(zip(small, pool.map(read, small), strict=True))
    # From this thread: a read that waits for others in the pool must not take their place there.
    return found | {ref: read(ref, pool) for ref in files if ref not in found}


def _verified(ref: FileRef, data: memoryview) -> memoryview:
    if len(data) != ref.stored_bytes or check_of(data) != ref.check:
        raise CorruptObject(f"the bytes of {ref.key} are not those that were written")
    return data


def _read(store: ObjectStore, name: str, start: int, end: int, pool: Executor | None) -> bytes:
    spans = [(at, min(at + READ_AT_ONCE_BYTES, end)) for at in range(start, end, READ_AT_ONCE_BYTES)]
    if len(spans) < 2 or pool is None:
        return b"".join(store.get_range(name, *span) for span in spans)
    return b"".join(pool.map(lambda span: store.get_range(name, *span), spans))
