"""Products by the hashes of their ids: in the order of a table's rows, each once."""

import numpy as np
import numpy.typing as npt

from lookalike.tables.table import heads


def grouped(hashes: npt.NDArray[np.bytes_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The place of the first hash of each product, ascending by hash, and for each hash the row of its product.

    hashes: S16 (hashes,). Returns int64 (products,) and int64 (hashes,).
    """
    halves = heads(hashes), heads(hashes, 8)
    order = np.lexsort((halves[1], halves[0]))
    is_first = np.ones(len(order), bool)
    is_first[1:] = np.logical_or.reduce([half[order[1:]] != half[order[:-1]] for half in halves])
    rows = np.empty(len(order), np.int64)
    rows[order] = np.cumsum(is_first) - 1
    return order[is_first], rows
