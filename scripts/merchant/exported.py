"""Photos as they are exported: some at a time, with their embeddings."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lookalike.layout import Layout
from lookalike.store.segment import Segment
from lookalike.tables.table import Table

_AT_ONCE: Final = 8192


@dataclass(frozen=True, slots=True)
class Photos:
    """Some photos. ``layout``: of ``embedding``, float32 (photos, dimensions); ``product_rows``: int32 (photos,), in the table of products."""

    layout: Layout
    product_ids: list[str]
    keys: list[str]
    embedding: npt.NDArray[np.float32]
    product_rows: npt.NDArray[np.int32]


def exported(
    segments: Iterable[tuple[Segment, npt.NDArray[np.int64]]], table: Table, on_done: Callable[[int], None]
) -> Iterator[Photos]:
    """The photos of these rows of segments. ``on_done`` receives the number of each lot once it was taken."""
    for segment, rows in segments:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            names = [segment.name(row) for row in some.tolist()]
            yield Photos(
                segment.layout,
                [product_id for product_id, _ in names],
                [key for _, key in names],
                segment.read(segment.put_index[some]),
                table.rows_of(segment.product_hash[some]),
            )
            on_done(len(some))
