"""Data files of products, as rows of the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lookalike.feeds.reports import BadRow
from lookalike.store.records import ORDER_BYTES, Op, event_of
from lookalike.tables.table import Table


@dataclass(frozen=True, slots=True)
class FileState:
    """A data file without its products.

    ``order``: as of a photo's row (``records``); ``rows``: of the file, the bad ones included; ``bad``: the first of the rows that
    could not be used, and ``bad_total`` the number of all; ``detail``: remarks on the file, and ``{"code", "detail"}`` of one that cannot be used.
    """

    key: str
    order: bytes
    op: Op
    rows: int = 0
    bad: tuple[BadRow, ...] = ()
    bad_total: int = 0
    detail: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.order) != ORDER_BYTES:
            raise ValueError(f"an order has {ORDER_BYTES} bytes, not {len(self.order)}")

    @property
    def time_ms(self) -> int:
        """The time of the file's last event, in milliseconds since 1970."""
        return event_of(self.order).time_ms


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file at one moment. ``table``: its products; None where it was deleted or cannot be used. The rest: see ``FileState``."""

    key: str
    order: bytes
    op: Op
    table: Table | None = None
    rows: int = 0
    bad: tuple[BadRow, ...] = ()
    bad_total: int = 0
    detail: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.op is Op.PUT) != (self.table is not None):
            raise ValueError("a put needs a table, and only a put may have one")

    @property
    def state(self) -> FileState:
        """The file without its products. Raises ValueError where the order is none."""
        return FileState(self.key, self.order, self.op, self.rows, self.bad, self.bad_total, self.detail)
