"""The catalogue as a Parquet file, written as the photos come."""

from collections.abc import Iterable
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.tables.table import MISSING, ListColumn, NumberColumn, Table, TextColumn
from scripts.common.labels import InputError
from scripts.merchant.exported import Photos


def check_installed() -> None:
    """Raise InputError if pyarrow, which writes Parquet, is not installed."""
    if find_spec("pyarrow") is None:
        raise InputError(
            "Parquet needs pyarrow, which is not installed: .venv/bin/python -m pip install 'pyarrow>=26,<27'. A file .npz needs nothing."
        )


def write(path: Path, photos: Iterable[Photos], count: int, table: Table) -> None:  # noqa: ARG001 - as npz_file.write
    """Write photos, at least one. Raises OSError."""
    from pyarrow import parquet

    lots = iter(photos)
    first = _rows(next(lots), table)
    with parquet.ParquetWriter(path, first.schema) as writer:
        for rows in chain([first], (_rows(some, table) for some in lots)):
            writer.write_table(rows)


def _rows(photos: Photos, table: Table) -> Any:
    """Photos as a pyarrow.Table."""
    import pyarrow as pa

    columns: dict[str, Any] = {"product_id": pa.array(photos.product_ids), "key": pa.array(photos.keys)}
    for part, place in zip(photos.layout.parts, photos.layout.slices, strict=True):
        values = np.ascontiguousarray(photos.embedding[:, place]).reshape(-1)
        columns[part.name] = pa.FixedSizeListArray.from_arrays(pa.array(values), part.dimensions)
    attributes = {name: _attribute(column, photos.product_rows) for name, column in table.columns.items()}
    # An attribute may have the name of another column.
    columns |= {f"data_{name}" if name in columns else name: values for name, values in attributes.items()}
    return pa.table(columns)


def _attribute(column: NumberColumn | TextColumn | ListColumn, rows: npt.NDArray[np.int32]) -> Any:
    """The values of an attribute for these rows of products, null where there is none."""
    import pyarrow as pa

    kinds = {NumberColumn: pa.float64(), TextColumn: pa.string(), ListColumn: pa.list_(pa.string())}
    values = [None if row == MISSING else column.value(row) for row in rows.tolist()]
    return pa.array(values, kinds[type(column)])
