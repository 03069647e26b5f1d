"""Stores of vectors that compaction wrote in several segments, each with a rotation of its own, and a log on top."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import NearestNeighbors

from lookalike.codes.codes import TOP_CODE, Frame
from lookalike.compaction import writer
from lookalike.compaction.calibration import Choice
from lookalike.compaction.compact import compact
from lookalike.compaction.policy import Policy
from lookalike.layout import Layout, Weights
from lookalike.store import append_log, reader
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.reader import SnapshotReader
from lookalike.store.records import Op, Row, order_of
from lookalike.store.snapshot import Snapshot
from tests.support import spectra
from tests.support.spectra import Vectors

Choose = Callable[[Vectors, int, Layout], Choice]
Found = list[tuple[str, str, float]]  # product, image key, distance


def keys_of(count: int) -> list[str]:
    """Keys whose order by text is neither that of the rows nor that of their hashes."""
    return [f"images/{(number * 7919) % 100_003:06}.jpg" for number in range(count)]


def fitted(vectors: Vectors, rows: int, layout: Layout) -> Choice:
    """Of each part a rotation without the last third of its coordinates, a step that clips, and half of the coordinates scanned."""
    return Choice(tuple(_fitted(vectors[:, columns]) for columns in layout.slices), rows, rows)


def _fitted(vectors: Vectors) -> Frame:
    coordinates = max(1, min(len(vectors), 2 * vectors.shape[1] // 3))
    with np.errstate(invalid="ignore", divide="ignore"):  # of variances of which none is left
        rotation = spectra.fitted(vectors, coordinates)
    turned = (vectors.astype(np.float64) - rotation.mean) @ rotation.matrix.T.astype(np.float64)
    step = float(np.abs(turned).max()) / TOP_CODE / 2 or 1.0
    return Frame(rotation, step, max(1, coordinates // 2))


@contextmanager
def calibrated_by(choose: Choose) -> Iterator[None]:
    """Compaction calibrates however few rows there are, by this."""
    with patch.object(writer, "MIN_ROWS", 1), patch.object(writer, "choose", choose):
        yield


@dataclass
class Catalogue:
    """What was put in, with what a store that holds it shows."""

    vectors: Vectors
    keys: Sequence[str]
    products: Sequence[str]
    store: ObjectStore
    snapshot: Snapshot

    def expected(
        self,
        queries: Vectors,
        wanted: Sequence[int],
        *,
        found: npt.NDArray[np.bool_],
        weights: Weights | None = None,
    ) -> list[Found]:
        """The nearest products by scikit-learn's brute force in float64: of query ``i`` the ``wanted[i]`` nearest.

        ``found``: bool (queries, rows), the rows that may be found. All is moved by the rows' median, which changes no
        distance, and keeps scikit-learn's digits where all rows are far from the origin.
        """
        layout = self.snapshot.layout
        by_column = layout.by_column(layout.weights if weights is None else weights)
        origin = np.median(self.vectors.astype(np.float64), axis=0)
        brute = NearestNeighbors(algorithm="brute").fit((self.vectors - origin) * by_column)
        distances, rows = brute.kneighbors((queries - origin) * by_column, n_neighbors=len(self.vectors))
        rank = np.argsort(np.argsort(self.keys))
        answers = []
        for k, distance, row, may_be in zip(wanted, distances, rows, found, strict=True):
            in_order = np.lexsort((rank[row], distance))
            kept = in_order[may_be[row[in_order]]]
            answers.append(self._nearest(k, row[kept], distance[kept]))
        return answers

    def expected_of_any(self, queries: Vectors, wanted: int, weights: Weights | None = None) -> Found:
        """The nearest products where the distance of a row is the smallest to any of the queries, by scikit-learn.

        From the differences: several rows may be queries too, and those are all at distance 0.
        """
        metric = DistanceMetric.get_metric("euclidean")
        layout = self.snapshot.layout
        by_column = layout.by_column(layout.weights if weights is None else weights)
        distance = metric.pairwise(queries * by_column, self.vectors * by_column).min(axis=0)
        rows = np.lexsort((self.keys, distance))
        return self._nearest(wanted, rows, distance[rows])

    def _nearest(self, k: int, rows: npt.NDArray[np.int64], distances: npt.NDArray[np.float64]) -> Found:
        """The first k products of rows in order."""
        nearest: dict[str, tuple[str, str, float]] = {}
        for row, distance in zip(rows, distances, strict=True):
            if len(nearest) == k:
                break
            product, key = self.products[row], self.keys[row]
            nearest.setdefault(product, (product, key, float(distance)))
        return list(nearest.values())


def catalogue(
    vectors: Vectors,
    *,
    layout: Layout | None = None,
    photos: int = 1,
    choose: Choose = fitted,
    read_at_once: int = 2**22,
) -> Catalogue:
    """A store of these vectors, ``photos`` of a product: a small segment, a large one of another rotation, and a log.

    Some photos were there before with another embedding, and some that are gone had one. ``read_at_once``: segments of more
    bytes are opened by ranged reads, and their embeddings stay in the store. ``layout``: one part by default.
    """
    layout, rows = layout or Layout.of_one_part(vectors.shape[1]), len(vectors)
    keys = keys_of(rows)
    products = [f"product {number // photos}" for number in range(rows)]

    def put(number: int, vector: Vectors, time_ms: int) -> Row:
        order = order_of(sequencer=None, time_ms=time_ms, op=Op.PUT)
        return Row(keys[number], products[number], order, Op.PUT, vector, {"key": keys[number]})

    def gone(number: int, op: Op) -> Row:
        order = order_of(sequencer=None, time_ms=1 + op, op=op)
        embedding = vectors[number] if op is Op.PUT else None
        return Row(f"gone {number}", products[number], order, op, embedding)

    store = MemoryStore()
    few, most = rows // 8, 7 * rows // 8
    older = [put(number, vectors[number - 1], 1) for number in range(0, rows, 11)]
    with calibrated_by(choose):
        append_log.append(store, [put(number, vectors[number], 2) for number in range(few)], layout=layout)
        compact(store, Policy(fanout=99))
        middle = [put(number, vectors[number], 2) for number in range(few, most)]
        dead = [gone(number, Op.PUT) for number in range(0, rows, 7)]
        append_log.append(
            store,
            [*(row for row in older if row.key not in {new.key for new in middle}), *middle, *dead],
            layout=layout,
        )
        compact(store, Policy(fanout=99, garbage_share=1.0))
    append_log.append(store, [put(number, vectors[number], 2) for number in range(most, rows)], layout=layout)
    append_log.append(store, [gone(number, Op.DELETE) for number in range(0, rows, 7)], layout=layout)
    with patch.object(reader, "_READ_AT_ONCE_BYTES", read_at_once):
        snapshot = SnapshotReader(store, layout=layout, io_threads=2).refresh()
    return Catalogue(vectors, keys, products, store, snapshot)
