"""The reader that keeps product data fresh. ``state`` says why it misses no acknowledged file.

A refresh that finds nothing new is one LIST of the log and one of the manifests. Where a file was added that sorts after all others, the
table in memory and that file give the new one. A fold changes no table, so it is read by readers only that have just started or
missed an event. Where a file in the middle was replaced or deleted, the tables of the others are read.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from lookalike.store.object_store import ObjectStore
from lookalike.store.products.data_file import FileState
from lookalike.store.products.loading import Held, load
from lookalike.store.products.product_manifest import PRODUCT_STORE, ProductManifest
from lookalike.store.refreshing import Reader
from lookalike.store.state import State, prove_log_existing, read_consistently
from lookalike.tables.offers import with_offers
from lookalike.tables.table import EMPTY, ListColumn, NumberColumn, Table


@dataclass(frozen=True, slots=True)
class ProductData:
    """The product data at one moment.

    ``version``: differs where anything differs; ``table``: of all live files, with the prices of now; ``files``: those that are live
    or were refused, ascending by key; ``until_ms``: when the next price changes, None where none does; ``listed``: the table as
    the files say it.
    """

    version: str
    table: Table
    files: tuple[FileState, ...]
    until_ms: int | None = None
    listed: Table = field(default=EMPTY, repr=False)


class ProductReader(Reader[ProductData]):
    """Keeps product data fresh. ``store``: below the prefix ``PRODUCTS`` of the store bucket.

    ``memory_bytes``: memory for the tables of single files, which make a replaced file cheap; the table of all is in memory anyway.
    ``clocks``: see ``Reader``; ``time_of_day``: seconds since 1970, by which offers begin and end.
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        memory_bytes: int = 0,
        io_threads: int = 16,
        clocks: Sequence[Callable[[], float]] = (),
        time_of_day: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(store, clocks)
        self._memory_bytes = memory_bytes
        self._time_of_day = time_of_day
        self._pool = ThreadPoolExecutor(io_threads, thread_name_prefix="products")
        self._held: Held | None = None
        self._of_now: tuple[ProductData, ProductData] | None = None

    def last(self, max_age_s: float) -> ProductData | None:
        seen = super().last(max_age_s)
        return seen and self._with_prices(seen)

    def _refresh(self, store: ObjectStore) -> ProductData:
        return self._with_prices(super()._refresh(store))

    def _with_prices(self, seen: ProductData) -> ProductData:
        """The data that the reader saw, with the prices of now. Reads nothing."""
        now_ms = int(self._time_of_day() * 1000)
        known = self._of_now
        shown = known[1] if known and known[0] is seen else None
        if shown is None or (shown.until_ms is not None and shown.until_ms <= now_ms):
            table, until_ms = with_offers(seen.listed, now_ms)
            version = seen.version if until_ms is None else f"{seen.version}@{until_ms}"
            shown = replace(seen, version=version, table=table, until_ms=until_ms)
            self._of_now = seen, shown
        return shown

    def _read(self, store: ObjectStore) -> ProductData:
        if self._seen and self._is_without_files and not any(store.list("", limit=1)):
            return self._seen
        known = self._held.manifest if self._held else None
        return read_consistently(store, PRODUCT_STORE, partial(self._load, store), known=known)

    @property
    def _is_without_files(self) -> bool:
        """Whether the store had no object. A shop without product data then pays one request for a refresh in place of two."""
        return self._held is not None and not self._held.log and self._held.manifest.version == 0

    def _load(self, store: ObjectStore, state: State[ProductManifest]) -> ProductData:
        held, newest = self._held, state.manifest
        waiting = {entry.name for entry in state.waiting}
        is_new = held is None or newest is not held.manifest
        if self._seen and held and not is_new and waiting == held.log.keys():
            return self._seen
        if held and is_new:
            prove_log_existing(store, waiting & held.log.keys())
        loaded = load(store, state, held or Held(newest), self._pool)
        self._held = replace(loaded, tables=_kept(loaded.tables, self._memory_bytes))
        version = f"{newest.version}+{len(waiting)}"
        return ProductData(version, loaded.table, tuple(loaded.states.values()), listed=loaded.table)


def _kept(tables: Mapping[str, Table], memory_bytes: int) -> dict[str, Table]:
    """As many of the tables as the memory takes."""
    kept = {}
    for key, table in sorted(tables.items()):
        size = table_bytes(table)
        if size <= memory_bytes:
            memory_bytes -= size
            kept[key] = table
    return kept


def table_bytes(table: Table) -> int:
    """The memory that a table takes, in bytes."""
    arrays = [table.hashes, table.ids.data, table.ids.starts]
    for column in table.columns.values():
        if isinstance(column, NumberColumn):
            arrays.append(column.numbers)
        else:
            arrays += [column.codes, column.texts.data, column.texts.starts]
        if isinstance(column, ListColumn):
            arrays.append(column.starts)
    return sum(array.nbytes for array in arrays)
