"""What a product store holds, read from its log alone: an oracle that knows neither manifests nor the reader."""

from lookalike.store.object_store import ObjectStore
from lookalike.store.products import product_file, product_log
from lookalike.store.products.data_file import FileState
from lookalike.tables.table import Value


def states(store: ObjectStore) -> dict[str, FileState]:
    """The newest state of each data file that the log has; of deleted files, too."""
    return {key: state for key, (state, _) in _newest(store).items()}


def products(store: ObjectStore, key: str) -> dict[str, dict[str, Value]]:
    """The products of a data file, by id, with all their values."""
    table = product_file.decode_table(_newest(store)[key][1])
    return {table.ids[row]: dict(table.values(row)) for row in range(len(table.ids))}


def _newest(store: ObjectStore) -> dict[str, tuple[FileState, bytes]]:
    newest: dict[str, tuple[FileState, bytes]] = {}
    for entry in store.list("log/"):
        state, data = product_log.read(store, entry.name)
        known = newest.get(state.key)
        if known is None or known[0].order < state.order:
            newest[state.key] = state, data
    return newest
