"""The catalogue as an npz file, written as the photos come."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from lookalike.layout import Layout
from lookalike.tables.table import Table
from scripts.merchant.exported import Photos


def write(path: Path, photos: Iterable[Photos], count: int, table: Table) -> None:
    """Write ``count`` photos, at least one. Raises OSError."""
    lots = iter(photos)
    first = next(lots)
    layout = first.layout
    product_ids, keys = [], []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open("embedding.npy", "w", force_zip64=True) as entry:
            header = {"descr": "<f4", "fortran_order": False, "shape": (count, layout.dimensions)}
            npy.write_array_header_1_0(entry, header)
            for some in _all(first, lots):
                entry.write(np.ascontiguousarray(some.embedding, "<f4").data)
                product_ids += some.product_ids
                keys += some.keys
        _put(archive, "product_id", np.array(product_ids))
        _put(archive, "key", np.array(keys))
        for name, values in _parts(layout).items():
            _put(archive, name, values)
        _put(archive, "products", _products(table))


def _all(first: Photos, rest: Iterator[Photos]) -> Iterator[Photos]:
    yield first
    yield from rest


def _parts(layout: Layout) -> dict[str, npt.NDArray[np.generic]]:
    return {
        "part_names": np.array(layout.names),
        "part_dimensions": np.array([part.dimensions for part in layout.parts]),
        "part_weights": layout.weights,
    }


def _products(table: Table) -> npt.NDArray[np.uint8]:
    """The table as JSON lines."""
    data = bytearray()
    for row, product_id in enumerate(table.ids):
        line = {"product_id": product_id} | {
            name: value for name, value in table.values(row).items() if name != "product_id"
        }
        data += json.dumps(line, ensure_ascii=False).encode() + b"\n"
    return np.frombuffer(bytes(data), np.uint8)


def _put(archive: zipfile.ZipFile, name: str, values: npt.NDArray[np.generic]) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
        npy.write_array(entry, values, allow_pickle=False)
