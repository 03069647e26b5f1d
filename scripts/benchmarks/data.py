"""The embeddings of the benchmarks: real ones, or generated vectors that are like them.

Generated vectors have a spectrum that falls off as a power law, and clusters of very unequal sizes, as the embeddings of a
catalogue do: the variance along direction i is proportional to 1/i; 150 cluster centres are drawn with that spectrum, and
the rows of a cluster around its centre with half of it; cluster r has a share proportional to r^-0.7; all is turned by a
random rotation, so that no coordinate stands for a direction, and brought to unit length. Features of a classifier are made of
the same vectors before that: scaled by a gain for each coordinate, and cut off below 0 and above 6, as EfficientNet-Lite's are. Half of
them are 0, and their norms are 11 to 24. Both come in blocks with random numbers of their own, so that a smaller set is the
beginning of a larger one.

Of an embedding of several parts, each part of a generated row is brought to unit length.

Queries are rows that are held out: drawn as the others are, and not in the catalogue.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import batched
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from lookalike.layout import Layout
from scripts.benchmarks.errors import BenchError
from scripts.common.paths import MODEL

CLUSTERS: Final = 150
SPECTRUM: Final = -1.0  # the exponent of the variances
CLUSTER_SIZES: Final = -0.7  # the exponent of the shares
WITHIN: Final = 0.5  # the spread of the rows of a cluster, in that of the centres
BLOCK_ROWS: Final = 10_000

CLASSIFIER: Final = "-classifier"
GAIN: Final = 0.45  # of a coordinate, in its standard deviation
GAINS: Final = 0.5  # the spread of the gains' logarithms
HIGHEST: Final = 6.0

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Data:
    """A catalogue's embeddings in a file, float32 (rows, dimensions), and held-out queries, float32 (queries, dimensions)."""

    name: str
    path: Path
    queries: Floats
    layout: Layout

    @property
    def vectors(self) -> Floats:
        """The embeddings, read from the file as they are looked at."""
        vectors: Floats = np.load(self.path, mmap_mode="r")
        return vectors

    def labels(self) -> dict[str, Any]:
        """The fields of every result that name its data."""
        rows, dimensions = self.vectors.shape
        return {"data": self.name, "rows": rows, "dim": dimensions}

    def weighted(self) -> "Data":
        """The data for peers, which know no weights: rows and queries times the weights, in a file beside this one's."""
        if (self.layout.weights == 1).all():
            return self
        scale = self.layout.by_column(self.layout.weights).astype(np.float32)
        path = self.path.with_name(f"weighted-{self.path.name}")
        vectors = self.vectors
        weighted = open_memmap(path, "w+", np.float32, vectors.shape)
        for start in range(0, len(vectors), BLOCK_ROWS):
            weighted[start : start + BLOCK_ROWS] = vectors[start : start + BLOCK_ROWS] * scale
        weighted.flush()
        return replace(self, path=path, queries=self.queries * scale)


@dataclass(frozen=True, slots=True)
class Shape:
    """How many vectors of how many dimensions are to be generated, and whether they are like a classifier's features."""

    rows: int
    dimensions: int
    is_classifier: bool = False

    def __str__(self) -> str:
        return f"{self.rows}x{self.dimensions}{CLASSIFIER if self.is_classifier else ''}"


class Generator:
    """Clustered vectors with a power-law spectrum, the same for the same seed: of unit length, or as features of a classifier."""

    def __init__(self, dimensions: int, *, seed: int = 0, is_classifier: bool = False) -> None:
        rng = np.random.default_rng([seed, dimensions])
        self._seed = seed
        self._spread = (np.arange(1, dimensions + 1) ** (SPECTRUM / 2)).astype(np.float32)
        self._centres = rng.standard_normal((CLUSTERS, dimensions), np.float32) * self._spread
        shares = np.arange(1, CLUSTERS + 1) ** CLUSTER_SIZES
        self._shares = shares / shares.sum()
        self._turn = np.linalg.qr(rng.standard_normal((dimensions, dimensions), np.float32))[0].T
        self._gains: Floats | None = None
        if is_classifier:
            variance = np.square(self._spread).mean() * (1 + WITHIN**2)
            self._gains = (GAIN / variance**0.5 * np.exp(GAINS * rng.standard_normal(dimensions))).astype(np.float32)

    def blocks(self, rows: int) -> Iterator[Floats]:
        """The first ``rows`` vectors, float32 (at most ``BLOCK_ROWS``, dimensions) at a time."""
        for number, start in enumerate(range(0, rows, BLOCK_ROWS)):
            rng = np.random.default_rng([self._seed, len(self._spread), number])
            cluster = rng.choice(CLUSTERS, BLOCK_ROWS, p=self._shares)
            block = rng.standard_normal((BLOCK_ROWS, len(self._spread)), np.float32)
            block *= WITHIN * self._spread
            block += self._centres[cluster]
            block = block @ self._turn
            if self._gains is None:
                block /= np.linalg.norm(block, axis=1, keepdims=True)
            else:
                block = np.clip(block * self._gains, 0, HIGHEST)
            yield block[: rows - start]


def generated(shape: Shape, folder: Path, *, queries: int, layout: Layout | None = None) -> Data:
    """Generated vectors in a file of ``folder``; the last of those that are drawn are the queries. Raises BenchError."""
    layout = _layout_of(shape.dimensions, layout)
    path = folder / f"generated-{shape}.npy"
    vectors = open_memmap(path, "w+", np.float32, (shape.rows, shape.dimensions))
    queries_by_block = []
    start = 0
    for block in Generator(shape.dimensions, is_classifier=shape.is_classifier).blocks(shape.rows + queries):
        if len(layout.parts) > 1:
            for part in layout.slices:
                block[:, part] /= np.linalg.norm(block[:, part], axis=1, keepdims=True)
        kept = block[: max(0, shape.rows - start)]
        vectors[start : start + len(kept)] = kept
        queries_by_block.append(block[len(kept) :].copy())  # a view would keep the block
        start += len(block)
    vectors.flush()
    name = "generated features of a classifier" if shape.is_classifier else "generated"
    return Data(name, path, np.concatenate(queries_by_block), layout)


def _layout_of(dimensions: int, layout: Layout | None) -> Layout:
    if layout and layout.dimensions != dimensions:
        raise BenchError(f"The parts have {layout.dimensions} dimensions, and a row has {dimensions}.")
    return layout or Layout.of_one_part(dimensions)


def load_embeddings(embeddings: Path) -> Floats:
    """The embeddings of a .npy file, float32 (rows, dimensions), read as they are looked at. Raises BenchError."""
    try:
        matrix: Floats = np.load(embeddings, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise BenchError(
            f"{embeddings} cannot be read ({error}). Name a .npy file of float32 (rows, dimensions)."
        ) from error
    if matrix.ndim != 2 or matrix.dtype != np.float32:
        raise BenchError(
            f"{embeddings} holds {matrix.dtype} of shape {matrix.shape}; float32 (rows, dimensions) is needed."
        )
    return matrix


def held_out(embeddings: Path, folder: Path, *, queries: int, layout: Layout | None = None) -> Data:
    """The embeddings of a .npy file without random rows, which are the queries.

    Raises BenchError if the file is of another kind, has too few rows, or has not the parts of the layout.
    """
    matrix = load_embeddings(embeddings)
    layout = _layout_of(matrix.shape[1], layout)
    if len(matrix) < 2 * queries:
        raise BenchError(
            f"{embeddings} has {len(matrix)} rows, too few to hold out {queries}. Hold out fewer with --queries."
        )
    rows = np.random.default_rng(0).choice(len(matrix), queries, replace=False)
    path = folder / f"held-out-{embeddings.name}"
    np.save(path, matrix[np.setdiff1d(np.arange(len(matrix)), rows)])
    return Data(f"{embeddings.stem}, {queries} held out", path, np.array(matrix[rows]), layout)


def embeddings_of(photos: Path, cache: Path) -> Path:
    """The file with the embeddings of photos through our own model, computed once and kept in ``cache``. Raises BenchError."""
    from lookalike.errors import ImageError, ModelError
    from lookalike.photos.embedder import Embedder
    from scripts.common.catalogue import open_catalogue
    from scripts.common.labels import InputError
    from scripts.common.progress import Progress

    try:
        embedder = Embedder(MODEL, threads=2)
    except ModelError as error:
        raise BenchError(f"{error} `make model` makes one.") from error
    path = cache / f"{embedder.fingerprint}-{photos.stem}.npy"
    if path.exists():
        return path
    vectors: list[Floats] = []
    try:
        with (
            open_catalogue(photos) as catalogue,
            Progress(len(catalogue.photos), f"embedding {photos.name}") as progress,
        ):
            for batch in batched(catalogue.photos, 16):
                answers = embedder.embed([photo.read() for photo in batch])
                vectors += [answer for answer in answers if not isinstance(answer, ImageError)]
                progress.step(len(batch))
    except InputError as error:
        raise BenchError(str(error)) from error
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, np.stack(vectors))
    return path
