"""The state machine for stores of product data."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from lookalike.compaction.products import compact_products
from lookalike.compaction.products_fsck import check_products
from lookalike.feeds.reports import BadRow
from lookalike.store import names
from lookalike.store.products import product_file, product_log
from lookalike.store.products.data_file import DataFile, FileState
from lookalike.store.products.product_manifest import PRODUCT_STORE, ProductManifest
from lookalike.store.products.product_reader import ProductReader
from lookalike.store.records import Op
from lookalike.store.refreshing import Reader
from tests.property.store_machine import Event, StoreMachine
from tests.support.inline import InlineExecutor
from tests.support.product_data import Products, merged, products_of, table_of
from tests.support.rows import Value


def products(number: int) -> Products:
    """The products of a file of that number: each attribute is a number, a text or a list, by the file."""
    values: list[Any] = [float(number), f"text {number}", (f"item {number}", "item")]
    return {
        f"product {number % 3}": {"name": f"file {number}", "size": values[number % 3]},
        "every file's": {"name": f"file {number}", f"attribute {number % 4}": values[number // 2 % 3]},
    }


class ProductMachine(StoreMachine):
    """Rows are data files; the number of one says its products."""

    kind = PRODUCT_STORE

    def own_patches(self) -> list[Any]:
        return [
            patch("lookalike.store.products.product_reader.ThreadPoolExecutor", InlineExecutor),
            patch("lookalike.compaction.products.ThreadPoolExecutor", InlineExecutor),
            patch("lookalike.store.products.table_reads.READ_AT_ONCE_BYTES", 900),
        ]

    def decode(self, kind: names.Kind | None, data: bytes) -> object:
        return None if kind is names.Kind.PACK else (product_file.decode_states(data), product_file.decode_table(data))

    def value(self, row: Any) -> Value:
        return (row.key, row.order, int(row.op), row.rows, row.bad, row.bad_total, tuple(row.detail.items()))

    def row(self, event: Event, found: Event) -> FileState:
        if found.content is None:
            return FileState(event.key, event.order(found), found.op)
        bad = (BadRow(found.content, "product", "code", f"number {found.content}"),) * (found.content % 3)
        detail = {"content": str(found.content)}
        return FileState(event.key, event.order(found), found.op, 2, bad, 3 * len(bad), detail)

    def append_rows(self, store: Any, rows: list[FileState]) -> None:
        for row in rows:
            product_log.append(store, self.file(row))

    def file(self, row: FileState) -> DataFile:
        table = table_of(products(int(row.detail["content"]))) if row.op is Op.PUT else None
        return DataFile(row.key, row.order, row.op, table, row.rows, row.bad, row.bad_total, row.detail)

    def compact_store(self, store: Any, time_left_s: Callable[[], float]) -> None:
        compact_products(store, self.policy, time_left_s=time_left_s)

    def reader(self, store: Any) -> ProductReader:
        memory_bytes = self.chance.choice([0, 600, 1_000_000])
        return ProductReader(
            store, memory_bytes=memory_bytes, io_threads=1, clocks=[lambda: self.now_s], time_of_day=lambda: self.now_s
        )

    def seen(self, reader: Reader[Any], durable: dict[str, bytes]) -> list[FileState]:
        data = reader.refresh()
        self.oracle.check(data.files, durable)
        live = [products(int(file.detail["content"])) for file in data.files if file.op is Op.PUT]
        assert [file.key for file in data.files] == sorted(file.key for file in data.files)
        assert products_of(data.table) == merged(live), "the table is not that of the files"
        return list(data.files)

    def expect_at_rest(self, newest: ProductManifest) -> None:
        assert Op.DELETE not in {ref.op for ref in newest.files}, "a tombstone is never forgotten"
        assert (newest.merged is None) == (not newest.files)
        assert check_products(self.store).errors == []
