"""A CandidateIndex in LanceDB: a table in a folder or in an S3 bucket.

Each put is a new version of the table: a failed one is not seen. Every query looks for the newest version, as a cursor in the
store may already count on entries that were written a moment ago. Entries that no index of LanceDB's covers yet are
looked at one by one, so that an entry can be found as soon as it is written, and a table of few entries is searched exactly.

In larger tables the nearest of a few partitions are found by codes of a bit a dimension. Their distances are estimates, so that more
of them than are asked for are looked at: by their vectors, which makes order and distances of candidates exact.
"""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from itertools import batched
from typing import Any, Final

import numpy as np

from lookalike.errors import IndexUnavailable
from lookalike.hashes import HASH_BYTES, padded
from lookalike.index.port import Candidates, IndexRows, check_dimensions, hashes_from, no_candidates, texts_of
from lookalike.store.records import ORDER_BYTES
from lookalike.store.rows import Embeddings, Hashes

_PUT_ROWS: Final = 10_000
_DELETED_AT_ONCE: Final = 1000
_ANN_FROM_ROWS: Final = 20_000
"""From here on an index over the vectors is worth building: a query that looks at every entry takes a tenth of a second."""

_PARTITION_ROWS: Final = 2048
_GROWN: Final = 2  # an index is built anew for a table so many times as large
_PROBES: Final = 24
_ALL_PROBES: Final = 0  # as many as it takes to find as many entries as are asked for
_REFINED: Final = 320  # entries at least whose vectors are read
_OLD_VERSIONS: Final = timedelta(minutes=15)  # how long a reader may need the files of a version
_CODED_TOGETHER: Final = 8  # LanceDB codes a multiple of so many dimensions
_STORAGE: Final = {"client_max_retries": "4", "client_retry_timeout": "20", "timeout": "20s"}
_COLUMNS: Final = ["key", "order", "product", "segment", "row", "_distance"]


class LanceIndex:
    """``uri``: a folder, or s3://bucket/prefix; S3's region and credentials come from the environment, as AWS defines it.

    ``table``: the table's name, which must not be used for vectors of another model or with other weights. ``threads``: of
    LanceDB in this process, which heeds the first that it is told.
    """

    most_candidates = 10_000
    most_products = 1000

    def __init__(self, uri: str, table: str, dimensions: int, *, name: str, threads: int = 2) -> None:
        os.environ.setdefault("LANCE_CPU_THREADS", str(threads))
        self.name = name
        self.dimensions = dimensions
        self._uri = uri
        self._table_name = table
        self._known: Any = None

    @cached_property
    def _database(self) -> Any:
        import lancedb  # noqa: PLC0415 - an extra, and a slow one

        return lancedb.connect(self._uri, read_consistency_interval=timedelta(0), storage_options=_STORAGE)

    def put(self, rows: IndexRows) -> None:
        check_dimensions(rows, self.dimensions)
        with _outages():
            table = self._table() or self._new_table()
            # Of equal orders the newer entry counts: compaction moves rows to other segments.
            merge = table.merge_insert("key").when_matched_update_all(where="target.order <= source.order")
            merge = merge.when_not_matched_insert_all()
            for start in range(0, len(rows), _PUT_ROWS):
                merge.execute(self._entries(rows, slice(start, start + _PUT_ROWS)))

    def delete(self, keys: Hashes) -> None:
        with _outages():
            table = self._table()
            if table is not None:
                for some in batched(texts_of(keys), _DELETED_AT_ONCE):
                    table.delete(_among("key", some))

    def query(self, vector: Embeddings, count: int, *, products: Sequence[bytes] | None = None) -> Candidates:
        count = min(count, self.most_candidates)
        with _outages():
            table = self._table() if count > 0 and (products is None or products) else None
            if table is None:
                return no_candidates()
            search = table.search(self._padded(vector[np.newaxis])[0]).distance_type("l2").limit(count)
            if products is None:
                search = search.minimum_nprobes(_PROBES).maximum_nprobes(_ALL_PROBES)
                search = search.refine_factor(math.ceil(_REFINED / count))
            else:  # their photos are few, and found by the index over products
                named = [padded(product).hex() for product in products]
                search = search.where(_among("product", named), prefilter=True).bypass_vector_index()
            found = search.select(_COLUMNS).to_arrow()
            return Candidates(
                segments=tuple(found["segment"].to_pylist()),
                row=found["row"].to_numpy(),
                key_hash=hashes_from(found["key"].to_pylist(), HASH_BYTES),
                order=hashes_from(found["order"].to_pylist(), ORDER_BYTES),
                product_hash=hashes_from(found["product"].to_pylist(), HASH_BYTES),
                distances=np.sqrt(found["_distance"].to_numpy()),
            )

    def settle(self) -> None:
        from lancedb.index import BTree, IvfRq  # noqa: PLC0415

        with _outages():
            table = self._table()
            if table is None:
                return
            table.optimize(cleanup_older_than=_OLD_VERSIONS)
            names = {index.name for index in table.list_indices()}
            for column in ("key", "product"):
                if f"{column}_idx" not in names:
                    table.create_index(column, config=BTree())
            rows = table.count_rows()
            partitions = rows // _PARTITION_ROWS
            built = {name: int(name.rpartition("_")[2]) for name in names if name.startswith("vector_")}
            if rows >= _ANN_FROM_ROWS and partitions >= _GROWN * max(built.values(), default=1):
                config = IvfRq(num_partitions=partitions, sample_rate=64, max_iterations=10)
                table.create_index("vector", config=config, name=f"vector_{partitions}")
                for name in built:
                    table.drop_index(name)

    def is_empty(self) -> bool:
        return self.count() == 0

    def count(self) -> int:
        with _outages():
            table = self._table()
            return 0 if table is None else int(table.count_rows())

    def _table(self) -> Any:
        """The table, or None before the first put."""
        if self._known is None:
            try:
                self._known = self._database.open_table(self._table_name)
            except ValueError as error:  # LanceDB has it for everything
                if "was not found" not in str(error):
                    raise
        return self._known

    def _new_table(self) -> Any:
        self._known = self._database.create_table(self._table_name, schema=self._schema(), exist_ok=True)
        return self._known

    def _schema(self) -> Any:
        import pyarrow as pa  # noqa: PLC0415

        texts = [(name, pa.string()) for name in ("key", "order", "product", "segment")]
        width = self._padded(np.empty((1, self.dimensions), np.float32)).shape[1]
        return pa.schema([*texts, ("row", pa.int64()), ("vector", pa.list_(pa.float32(), width))])

    def _entries(self, rows: IndexRows, some: slice) -> Any:
        import pyarrow as pa  # noqa: PLC0415

        vectors = self._padded(rows.vectors[some])
        columns = {
            "key": texts_of(rows.key_hash[some]),
            "order": texts_of(rows.order[some]),
            "product": texts_of(rows.product_hash[some]),
            "segment": [rows.segment] * len(vectors),
            "row": rows.row[some],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1]),
        }
        return pa.table(columns, schema=self._schema())

    def _padded(self, vectors: Embeddings) -> Embeddings:
        """The vectors with zeros behind them, which no distance changes by."""
        padded: Embeddings = np.pad(vectors, ((0, 0), (0, -self.dimensions % _CODED_TOGETHER)))
        return padded


def _among(column: str, texts: Sequence[str]) -> str:
    """A condition in SQL. The texts are hexadecimal digits."""
    return f"{column} IN ({','.join(f"'{text}'" for text in texts)})"


@contextmanager
def _outages() -> Iterator[None]:
    """What LanceDB raises, as IndexUnavailable."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        raise IndexUnavailable(f"LanceDB did not do its work: {error}") from error
