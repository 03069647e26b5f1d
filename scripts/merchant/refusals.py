"""Photos, data files and rows of data files that could not be used, with the reasons."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lookalike.store.object_store import ObjectStore
from lookalike.store.products.data_file import FileState
from lookalike.store.products.product_reader import ProductData
from lookalike.store.records import Op, event_of, padded_order
from lookalike.store.segment import Segment
from scripts.merchant.live_rows import read_live, whole_segments


@dataclass(frozen=True, slots=True)
class RejectedPhoto:
    """A photo that cannot be used. ``order``: of its row, 32 bytes."""

    key: str
    product_id: str
    code: str
    detail: str
    order: bytes

    @property
    def time_ms(self) -> int:
        """When its event was, in milliseconds since 1970."""
        return event_of(self.order).time_ms


def rejected_photos(store: ObjectStore | None, pool: Executor) -> list[RejectedPhoto]:
    """All of them, by key. ``store``: None where there is none yet. Raises StoreError."""

    def of(segments: Iterable[tuple[Segment, npt.NDArray[np.int64]]]) -> Iterator[RejectedPhoto]:
        for segment, rows in segments:
            for row in rows.tolist():
                product_id, key = segment.name(row)
                detail = segment.detail(row)
                order = padded_order(segment.order[row])
                yield RejectedPhoto(key, product_id, detail.get("code", ""), detail.get("detail", ""), order)

    if store is None:
        return []
    found = read_live(store, pool, lambda _, segments: list(of(whole_segments(store, segments, Op.REJECT))))
    return sorted(found, key=lambda photo: photo.key)


def rejected_files(data: ProductData) -> list[FileState]:
    """The data files that cannot be used as a whole."""
    return [file for file in data.files if file.op is Op.REJECT]
