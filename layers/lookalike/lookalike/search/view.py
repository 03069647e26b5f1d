"""Photos and data of the products, joined: which product of the table each photo of a snapshot shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from lookalike.hashes import HASH_BYTES, padded, text_hash
from lookalike.search.filters import Condition, Filters
from lookalike.search.indexed_snapshot import Allowed, IndexedSnapshot
from lookalike.search.ranked import Filter
from lookalike.store.rows import Rows
from lookalike.store.shard import Mask, Shard
from lookalike.store.snapshot import Snapshot
from lookalike.tables.names import spelling
from lookalike.tables.table import EMPTY, MISSING, Kind, Table, Value

AVAILABILITY: Final = "availability"
UNAVAILABLE: Final = ("out_of_stock", "discontinued", "unpublished")
"""The words of availability by which a product is hidden."""

TableRows = npt.NDArray[np.int32]
"""Rows of a table, MISSING for a product that it lacks."""


@dataclass(frozen=True, eq=False)
class ProductView:
    """A snapshot of photos, and a table of their products' data.

    Masks of products are bool (products + 1,): of the table's rows, and last of all products without data.
    """

    snapshot: Snapshot
    table: Table
    _joins: dict[int, tuple[Rows, TableRows]]

    @classmethod
    def of(cls, snapshot: Snapshot, table: Table = EMPTY, last: Self | None = None) -> Self:
        """The view of a snapshot. ``last``: an older view, of which joins are kept that are the same in both."""
        joins: dict[int, tuple[Rows, TableRows]] = {}
        if last is not None and _have_same_products(last.table, table):
            segments = {id(shard.segment) for shard in snapshot.shards}
            joins = {key: join for key, join in list(last._joins.items()) if key in segments}
        return cls(snapshot, table, joins)

    @property
    def is_in_memory(self) -> bool:
        """Whether the rows of all photos are: not with an index that follows some."""
        return not (isinstance(self.snapshot, IndexedSnapshot) and self.snapshot.body)

    def mask(self, filters: Filters, *, hide: bool = False) -> Mask | None:
        """The products that pass; None where all do. ``hide``: see ``hidden``. Raises UnknownAttribute, BadFilter."""
        passes = filters.mask(self.table) if filters else None
        hidden = self.hidden if hide and not filters.is_about(AVAILABILITY) else None
        if hidden is not None:
            passes = ~hidden if passes is None else passes & ~hidden
        return None if passes is None else np.append(passes, not filters)

    @cached_property
    def hidden(self) -> Mask | None:
        """The products of the table that are known to be unavailable: bool (products,), None where there are none."""
        name = spelling(self.table.columns, AVAILABILITY)
        column = self.table.columns[name] if name is not None else None
        if column is None or column.kind is Kind.NUMBER:
            return None
        hidden = Condition(AVAILABILITY, UNAVAILABLE).mask(column)
        return hidden if hidden.any() else None

    def allowed(self, mask: Mask) -> Filter:
        """The photos of these products, for ``nearest_products``."""
        return lambda shard: mask.take(self.rows_of(shard), mode="wrap")  # MISSING is the last

    def allowed_in_body(self, mask: Mask, most_products: int) -> Allowed:
        """As ``allowed``, of photos that are not in memory. ``most_products``: that are named by their hashes."""
        few = np.flatnonzero(mask[:-1]) if not mask[-1] and np.count_nonzero(mask) <= most_products else None
        named = None if few is None else [padded(hashed) for hashed in self.table.hashes[few].tolist()]
        return Allowed(named, lambda hashes: mask.take(self.table.rows_of(hashes), mode="wrap"))

    def count(self, mask: Mask | None) -> int | None:
        """How many of these products have a searchable photo; None where photos are not in memory. No mask: all of them."""
        if mask is None:
            return self.snapshot.products
        if not self.is_in_memory:
            return None
        without_data = self.snapshot.products - int(np.count_nonzero(self.photographed)) if mask[-1] else 0
        return int(np.count_nonzero(mask[:-1] & self.photographed)) + without_data

    @cached_property
    def photographed(self) -> Mask:
        """Which products of the table have a searchable photo: bool (products,). All, where photos are not in memory."""
        if not self.is_in_memory:
            return np.ones(len(self.table), bool)
        found = np.zeros(len(self.table) + 1, bool)
        for shard in self.snapshot.shards:
            rows = self.rows_of(shard)
            found[np.delete(rows, shard.dead_puts) if len(shard.dead_puts) else rows] = True
        return found[:-1]

    def row(self, product_id: str) -> int | None:
        """The row of a product in the table, None where it has no data."""
        row = int(self.table.rows_of(np.array([text_hash(product_id)], f"S{HASH_BYTES}"))[0])
        return None if row == MISSING else row

    def data(self, product_id: str) -> Mapping[str, Value]:
        """The data of a product by attribute, in the order of the table."""
        row = self.row(product_id)
        return {} if row is None else self.table.values(row)

    def rows_of(self, shard: Shard) -> TableRows:
        """The row of the table of each put of a shard: int32 (puts,)."""
        segment = shard.segment
        join = self._joins.get(id(segment))
        if join is None:
            # The segment stays with its join, so that its id stays its own.
            join = segment, self.table.rows_of(segment.product_hash[segment.put_rows])
            self._joins[id(segment)] = join
        return join[1]


def _have_same_products(one: Table, other: Table) -> bool:
    return one is other or np.array_equal(one.hashes.view(np.uint8), other.hashes.view(np.uint8))
