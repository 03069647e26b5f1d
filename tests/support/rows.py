"""Rows for tests: made by hand, by hypothesis, and compared as values."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lookalike.layout import Layout, Part
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.records import ORDER_BYTES, Op, Row, order_of
from lookalike.store.segment import Segment

DIMENSIONS = 4
LAYOUT = Layout((Part("shape", 3), Part("colour", 1, 0.5)))

# Examples are the same in every run, and how long one takes says more of the machine than of the code.
quick = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)

Value = tuple[Any, ...]


def value(row: Row) -> Value:
    """A row as something that can be compared and sorted."""
    embedding = None if row.embedding is None else tuple(row.embedding.tolist())
    return (row.key, row.product_id, row.order, int(row.op), embedding, tuple(sorted(row.detail.items())))


def values(rows: Iterable[Row] | Segment) -> list[Value]:
    """Rows, or all rows of a segment, as sorted values."""
    if isinstance(rows, Segment):
        rows = [rows.row(index) for index in range(len(rows))]
    return sorted(map(value, rows), key=lambda item: (item[0], item[2]))


def order(number: int, op: Op = Op.PUT, *, time_ms: int | None = None) -> bytes:
    """The order of an event with a sequencer; greater numbers are newer, and happened that many milliseconds after 1970."""
    return order_of(sequencer=f"{number:08X}", time_ms=number if time_ms is None else time_ms, op=op)


def put(key: str, number: int, *, product: str = "1", metadata: dict[str, str] | None = None) -> Row:
    """A put whose embedding and metadata tell its number."""
    embedding = np.arange(number, number + DIMENSIONS, dtype=np.float32)
    return Row(key, product, order(number), Op.PUT, embedding, metadata or {"number": str(number)})


def delete(key: str, number: int, *, product: str = "1", time_ms: int | None = None) -> Row:
    return Row(key, product, order(number, Op.DELETE, time_ms=time_ms), Op.DELETE)


def reject(key: str, number: int, *, product: str = "1") -> Row:
    detail = {"code": "undecodable-image", "detail": f"number {number}"}
    return Row(key, product, order(number, Op.REJECT), Op.REJECT, detail=detail)


def copy_of(store: ObjectStore) -> MemoryStore:
    """The same objects in another store."""
    copy = MemoryStore()
    for entry in store.list(""):
        copy.put_if_absent(entry.name, store.get(entry.name))
    return copy


texts = st.text(
    st.characters(exclude_categories=["Cs"]), max_size=12
)  # no halves of surrogate pairs: they are no UTF-8
product_ids = texts.map(lambda text: text.replace("\0", ""))
orders = st.one_of(
    st.integers(0, 4).map(order),
    st.binary(min_size=ORDER_BYTES, max_size=ORDER_BYTES),
    st.sampled_from([b"\0" * ORDER_BYTES, b"\xff" * ORDER_BYTES, b"a" + b"\0" * 31, b"a" + b"\0" * 30 + b"b"]),
)


@st.composite
def rows(draw: st.DrawFn, keys: st.SearchStrategy[str] = texts) -> Row:
    """Any row that a store may hold."""
    op = draw(st.sampled_from(Op))
    embedding = None
    if op is Op.PUT:
        numbers = draw(
            st.lists(
                st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=DIMENSIONS, max_size=DIMENSIONS
            )
        )
        embedding = np.array(numbers, np.float32)
    detail = {} if op is Op.DELETE else draw(st.dictionaries(texts, texts, max_size=2))
    drawn = draw(orders)
    return Row(draw(keys), draw(product_ids), drawn[:24] + bytes([op]) + drawn[25:], op, embedding, detail)
