"""The log of product data: one segment for each event of a data file (``append_log`` says how segments are listed)."""

from lookalike.errors import CorruptObject, StoreError
from lookalike.store import names
from lookalike.store.creation import create
from lookalike.store.damage import undamaged
from lookalike.store.object_store import ObjectStore
from lookalike.store.products import product_file
from lookalike.store.products.data_file import DataFile, FileState
from lookalike.tables.table import EMPTY


def append(store: ObjectStore, file: DataFile) -> str:
    """Write a data file as one new log segment and return its name. It is durable and visible when it returns.

    ``store``: below the prefix ``PRODUCTS`` of the store bucket. Raises StoreUnavailable where the outcome is unknown: append again.
    """
    data = product_file.encode([file.state], file.table or EMPTY)
    name = names.new_log_segment(data)
    if not create(store, name, data):
        raise StoreError(f"another object is named {name}, which a random name should rule out")
    return name


def read(store: ObjectStore, name: str) -> tuple[FileState, bytes]:
    """The state of the data file in a log segment, and the segment's bytes. Raises StoreError."""

    def read_once() -> tuple[FileState, bytes]:
        data = names.verified(name, store.get(name))
        return state_in(data), data

    return undamaged(name, read_once)


def state_in(data: bytes | memoryview) -> FileState:
    """The state of the data file in the bytes of a log segment. Raises CorruptObject."""
    states = product_file.decode_states(data)
    if len(states) != 1:
        raise CorruptObject(f"the log segment has {len(states)} data files instead of one")
    return states[0]
