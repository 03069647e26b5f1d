"""How a reader comes from one state of the store to the next, with as few reads as there can be.

The table of all live files is made in one of three ways:

    grow     the table in memory, where the only difference is files that sort after all of its own; or no difference at all
    read     the table of the manifest, and the same on top of it
    merge    the tables of all live files, of which some may be in memory
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

from lookalike.errors import CorruptObject
from lookalike.store.damage import naming
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import product_file, product_log, table_reads
from lookalike.store.products.data_file import FileState
from lookalike.store.products.live import Files, Waiting, added_after, live_files, merged, with_tables
from lookalike.store.products.product_manifest import FileRef, ObjectRef, ProductManifest
from lookalike.store.records import Op
from lookalike.store.state import State
from lookalike.tables.table import EMPTY, Table


@dataclass(frozen=True, slots=True)
class Held:
    """A reader's memory. ``log``: the files of the waiting log segments, by the segments' names; ``files``: those that have
    a table; ``states``: of the files that are live or were refused; ``table``: of all files; ``tables``: of some of the files. By key,
    but for the log."""

    manifest: ProductManifest
    log: Mapping[str, FileState] = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    states: Mapping[str, FileState] = field(default_factory=dict)
    table: Table = EMPTY
    tables: Mapping[str, Table] = field(default_factory=dict)


Read = Mapping[str, tuple[FileState, bytes]]
"""Log segments by name: the state of the data file, and the bytes."""


def load(
    store: ObjectStore, state: State[ProductManifest], held: Held, pool: Executor, read: Read | None = None
) -> Held:
    """The memory of a reader after it has read this state; ``held``: before. Raises StoreError, ObjectMissing if an object was collected.

    ``read``: log segments that need not be read again.
    """
    unread = sorted({entry.name for entry in state.waiting} - held.log.keys() - (read or {}).keys())
    now_read = dict(zip(unread, pool.map(partial(product_log.read, store), unread), strict=True))
    return _Loading(store, state, held, pool, {**(read or {}), **now_read}).load()


class _Loading:
    """One load: the live files, and the segments and tables of them that are in memory so far."""

    def __init__(
        self, store: ObjectStore, state: State[ProductManifest], held: Held, pool: Executor, read: Read
    ) -> None:
        self._store = store
        self._pool = pool
        self._held = held
        self._manifest = state.manifest
        waiting = {entry.name: entry.size for entry in state.waiting}
        self._log = {name: read[name][0] if name in read else held.log[name] for name in waiting}
        self._live = live_files(
            state.manifest, [Waiting(name, waiting[name], file) for name, file in self._log.items()]
        )
        self._by_key = {file.key: file for file in self._live}
        self._files = with_tables(self._live)
        self._tables = {key: table for key, table in held.tables.items() if self._is_as_held(key)}
        self._states = self._known_states()
        # The segments that were read, by key.
        self._segments: dict[str, bytes | memoryview] = {
            file.key: read[file.name][1] for file in self._live if isinstance(file, Waiting) and file.name in read
        }

    def load(self) -> Held:
        table = self._table()
        missing = self._without_state()
        self._read(missing)
        return Held(self._manifest, self._log, self._files, dict(sorted(self._states.items())), table, self._tables)

    def _is_as_held(self, key: str) -> bool:
        return self._held.files.get(key) == self._files.get(key)

    def _known_states(self) -> dict[str, FileState]:
        states = {}
        for file in self._live:
            known = file.state if isinstance(file, Waiting) else self._held.states.get(file.key)
            if file.op is not Op.DELETE and known is not None and known.order == file.order:
                states[file.key] = known
        return states

    def _without_state(self) -> list[str]:
        return [file.key for file in self._live if file.op is not Op.DELETE and file.key not in self._states]

    def _table(self) -> Table:
        grown = added_after(self._held.files, self._files) if self._held.files else None
        manifest = self._manifest
        read = added_after(with_tables(manifest.files), self._files) if manifest.merged else None
        grown_bytes = None if grown is None else self._unread_bytes({*grown, *self._without_state()})
        if manifest.merged and read is not None:
            read_bytes = manifest.merged.stored_bytes + self._unread_bytes(read)
            if grown_bytes is None or read_bytes < grown_bytes:
                return self._grow(self._read_merged(manifest.merged), read)
        if grown is not None:
            return self._grow(self._held.table, grown)
        self._read(self._files)
        return merged([self._table_of(key) for key in sorted(self._files)])

    def _grow(self, table: Table, added: Iterable[str]) -> Table:
        keys = list(added)
        self._read(keys)
        return merged([table, *map(self._table_of, keys)]) if keys else table

    def _read_merged(self, ref: ObjectRef) -> Table:
        data = table_reads.read_object(self._store, ref, self._pool)
        with naming(ref.name):
            for state in product_file.decode_states(data):
                file = self._by_key.get(state.key)
                if file is not None and file.order == state.order:
                    self._states.setdefault(state.key, state)
            return product_file.decode_table(data)

    def _unread_bytes(self, keys: Iterable[str]) -> int:
        return sum(self._by_key[key].stored_bytes for key in self._unread(keys))

    def _unread(self, keys: Iterable[str]) -> list[str]:
        return [key for key in keys if key not in self._segments and key not in self._tables]

    def _read(self, keys: Iterable[str]) -> None:
        """Read the segments of these files that are neither read nor in memory as tables."""
        unread = [self._by_key[key] for key in self._unread(keys)]
        refs = [file for file in unread if isinstance(file, FileRef)]
        for ref, data in zip(
            refs, table_reads.read_files(self._store, refs, self._manifest.packs, self._pool), strict=True
        ):
            with naming(ref.pack):
                state = product_log.state_in(data)
                if (state.key, state.order, state.op) != (ref.key, ref.order, ref.op):
                    raise CorruptObject(f"the segment of {ref.key} is of another file or event")
            self._states[ref.key] = state
            self._segments[ref.key] = data
        # An earlier refresh read these, and did not keep their tables.
        waiting = [file for file in unread if isinstance(file, Waiting)]
        for file, (_, segment) in zip(waiting, self._pool.map(self._read_log, waiting), strict=True):
            self._segments[file.key] = segment

    def _read_log(self, file: Waiting) -> tuple[FileState, bytes]:
        return product_log.read(self._store, file.name)

    def _table_of(self, key: str) -> Table:
        if key not in self._tables:
            file = self._by_key[key]
            with naming(file.pack if isinstance(file, FileRef) else file.name):
                self._tables[key] = product_file.decode_table(self._segments.pop(key))
        return self._tables[key]
