"""Checks that a live store of product data keeps the promises of the protocol. It only reads.

It reads every object whole. A lost or damaged file is an error, and so is a table that is not that of the files. Untidiness is counted, as
collection takes care of it.
"""

from collections.abc import Mapping
from functools import partial

from lookalike.compaction.checks import Report, checked
from lookalike.errors import CorruptObject
from lookalike.store import names, table_file
from lookalike.store.damage import check_of, naming, undamaged
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import product_file, product_log
from lookalike.store.products.data_file import FileState
from lookalike.store.products.live import Waiting, live_files, merged
from lookalike.store.products.product_manifest import PRODUCT_STORE, FileRef, ProductManifest
from lookalike.store.records import Op
from lookalike.store.state import State
from lookalike.tables.table import Table


def check_products(store: ObjectStore) -> Report:
    """Check a store of product data. Safe while writers and compaction run. Raises StoreUnavailable."""
    return checked(store, PRODUCT_STORE, partial(_check, store))


def _check(store: ObjectStore, state: State[ProductManifest]) -> Report:
    """Raises ObjectMissing where an object was collected before it could be read."""
    report = Report()
    newest = state.manifest
    manifests = report.read_manifests(store, PRODUCT_STORE)
    waiting = {entry.name: entry.size for entry in state.waiting}
    read = {
        name: report.read(store, PRODUCT_STORE, name, partial(_log_segment, store, name)) for name in sorted(waiting)
    }
    log = [Waiting(name, waiting[name], file) for name, file in read.items() if file is not None]
    if [ref.key for ref in newest.files] != sorted({ref.key for ref in newest.files}):
        report.errors.append(f"{newest.name}: the files do not ascend by key, or a key has two")
    tables = _check_packs(store, newest, report)
    products = _check_merged(store, newest, tables, report)
    orders = {file.key: file.order for file in live_files(newest, log)}
    folded = sorted(entry.name for entry in state.log if entry.name in newest.folded)
    for name in folded:
        _check_folded(store, name, orders, report)
    for name in sorted(frozenset[str]().union(*(old.objects for old in manifests)) - newest.objects):
        report.read_unneeded(partial(_object, store, name))
    report.add_foreign(store)
    stored = {entry.name: entry.size for entry in store.list(names.TABLES) if names.kind_of(entry.name)}
    log_bytes = {entry.name: entry.size for entry in state.log}
    report.counts |= {
        "version": newest.version,
        "log segments waiting": len(waiting),
        "log segments folded, not collected": len(folded),
        "packs": len(newest.packs),
        "objects without a manifest": len(stored.keys() - newest.objects),
        "bytes in use": sum(stored.get(name, 0) for name in newest.objects) + sum(waiting.values()),
        "bytes to collect": sum(size for name, size in stored.items() if name not in newest.objects)
        + sum(log_bytes[name] for name in folded),
        "files": sum(ref.op is Op.PUT for ref in newest.files),
        "rejects": sum(ref.op is Op.REJECT for ref in newest.files),
        "tombstones": sum(ref.op is Op.DELETE for ref in newest.files),
        "products": products,
    }
    return report


def _log_segment(store: ObjectStore, name: str) -> FileState:
    state, data = product_log.read(store, name)
    with naming(name):
        _table_in(data, state.op)
    return state


def _object(store: ObjectStore, name: str) -> bytes:
    return undamaged(name, lambda: names.verified(name, store.get(name)))


def _table_in(segment: bytes | memoryview, op: Op) -> Table:
    table = product_file.decode_table(segment)
    if op is not Op.PUT and len(table):
        raise CorruptObject("a file that is not used has products")
    return table


def _check_packs(store: ObjectStore, newest: ProductManifest, report: Report) -> dict[str, Table]:
    """The tables of the files of all packs that can be read, by key."""
    tables = {}
    for pack in newest.packs:
        data = report.read(store, PRODUCT_STORE, pack.name, partial(_object, store, pack.name))
        if data is None:
            continue
        for ref in newest.files:
            if ref.pack == pack.name:
                try:
                    tables[ref.key] = _file_in(memoryview(data), ref)
                except CorruptObject as error:
                    report.errors.append(f"{pack.name}: {ref.key}: {error}")
    return tables


def _file_in(pack: memoryview, ref: FileRef) -> Table:
    segment = pack[ref.start : ref.end]
    if check_of(segment) != ref.check:
        raise CorruptObject("the bytes are not those that the manifest means")
    state = product_log.state_in(segment)
    if (state.key, state.order, state.op) != (ref.key, ref.order, ref.op):
        raise CorruptObject("the segment is of another file or event than the manifest says")
    return _table_in(segment, ref.op)


def _check_merged(store: ObjectStore, newest: ProductManifest, tables: Mapping[str, Table], report: Report) -> int:
    """Hold the table of all files against those of the files, where all can be read. Returns its number of products."""
    shown = [ref for ref in newest.files if ref.op is not Op.DELETE]
    if newest.merged is None:
        if shown:
            report.errors.append(f"{newest.name}: there are files, and no table of them")
        return 0
    name = newest.merged.name
    data = report.read(store, PRODUCT_STORE, name, partial(_object, store, name))
    if data is None:
        return 0
    try:
        states, table = product_file.decode_states(data), product_file.decode_table(data)
    except CorruptObject as error:
        report.errors.append(f"{name}: {error}")
        return 0
    if [(state.key, state.order, state.op) for state in states] != [(ref.key, ref.order, ref.op) for ref in shown]:
        report.errors.append(f"{name}: has the states of other files than the manifest")
    if len(tables) == len(shown):
        true = merged([tables[ref.key] for ref in shown if ref.op is Op.PUT])
        if table_file.encode(true, {}) != table_file.encode(table, {}):
            report.errors.append(f"{name}: is not the table of the files")
    return len(table)


def _check_folded(store: ObjectStore, name: str, orders: Mapping[str, bytes], report: Report) -> None:
    """The file of a folded segment must be in the store, or a newer state of it, or it was a tombstone and is forgotten."""
    folded = report.read_unneeded(partial(product_log.read, store, name))
    if folded is None:
        return
    state, newest = folded[0], orders.get(folded[0].key)
    if newest is None and state.op is not Op.DELETE:
        report.errors.append(f"{name}: {state.key!r} was folded and is gone")
    elif newest is not None and newest < state.order:
        report.errors.append(f"{name}: an older state of {state.key!r} stands in its place")
