"""The engines, ours and its peers: each finds the k nearest rows of one query, exactly.

An engine is made of a ``Source`` and is ready then. ``search`` is timed, and returns the engine's own answer; ``ids`` turns
that into row numbers. Peers are imported in their own classes: none of them needs to be installed.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from lookalike.layout import Layout
from scripts.benchmarks.data import Floats

BUCKET: Final = "bench"  # of the local S3
FINGERPRINT: Final = "0" * 64  # of the model that indexes are named after
NOT_INSTALLED: Final = "not installed: `make bench` installs it"
_PCA_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Source:
    """The embeddings: a .npy file for peers, weights applied, and a store below ``prefix`` of the local S3 for ours.

    ``endpoint_url``: that of the local S3 where peers have the embeddings there, too.
    """

    vectors: Path
    prefix: str
    layout: Layout
    endpoint_url: str | None = None

    def load(self) -> Floats:
        """The embeddings in memory. boto3 reads those in S3 by parts in ten threads."""
        file: Path | BytesIO = self.vectors
        if self.endpoint_url is not None:
            import boto3

            file = BytesIO()
            boto3.client("s3").download_fileobj(BUCKET, self.vectors.name, file)
            file.seek(0)
        vectors: Floats = np.load(file)
        return vectors


class Engine(ABC):
    """An index of all rows. ``resident_bytes``: the size of the index in memory, if it is known."""

    resident_bytes: int | None = None

    @abstractmethod
    def search(self, query: Floats, k: int) -> Any:
        """The engine's own answer to a query, float32 (dimensions,)."""

    @abstractmethod
    def ids(self, answer: Any) -> list[int]:
        """The rows of an answer, nearest first."""

    def counts(self, answer: Any) -> dict[str, int]:  # noqa: ARG002 - peers do not count
        """The work since the answer before, in rows, bytes and requests; for the first answer with that of loading."""
        return {}


class Numpy(Engine):
    """Squared distances by one matrix-vector product, and a partial sort."""

    def __init__(self, source: Source) -> None:
        self._vectors = source.load()
        self._squares = np.einsum("ij,ij->i", self._vectors, self._vectors)
        self.resident_bytes = self._vectors.nbytes + self._squares.nbytes

    def search(self, query: Floats, k: int) -> Any:
        distances = self._squares - 2 * (self._vectors @ query)
        k = min(k, len(distances))
        nearest = np.argpartition(distances, k - 1)[:k]
        return nearest[np.argsort(distances[nearest], kind="stable")]

    def ids(self, answer: Any) -> list[int]:
        return list(map(int, answer))


class Sklearn(Engine):
    """Scikit-learn's brute-force NearestNeighbors, which the original recommender used."""

    def __init__(self, source: Source) -> None:
        from sklearn.neighbors import NearestNeighbors

        vectors = source.load()
        self._index = NearestNeighbors(algorithm="brute").fit(vectors)
        self.resident_bytes = vectors.nbytes

    def search(self, query: Floats, k: int) -> Any:
        return self._index.kneighbors(query[np.newaxis], n_neighbors=k, return_distance=True)

    def ids(self, answer: Any) -> list[int]:
        return list(map(int, answer[1][0]))


class Faiss(Engine):
    """IndexFlatL2, or IndexFlatL2Panorama over the embeddings as they are or after a rotation (PCA).

    The rotation brings the largest variances to the front, from which Panorama profits.
    """

    def __init__(self, source: Source, threads: int, *, panorama: bool = False, pca: bool = False) -> None:
        import faiss

        faiss.omp_set_num_threads(threads)
        vectors = np.load(source.vectors, mmap_mode="r")
        dimensions = source.layout.dimensions
        self._index = faiss.IndexFlatL2(dimensions)
        if panorama:
            self._index = faiss.IndexFlatL2Panorama(dimensions, max(8, dimensions // 64))
        if pca:
            self._index = faiss.IndexPreTransform(faiss.PCAMatrix(dimensions, dimensions), self._index)
            sample = np.random.default_rng(0).choice(len(vectors), min(len(vectors), _PCA_ROWS), replace=False)
            self._index.train(np.array(vectors[np.sort(sample)]))
        for start in range(0, len(vectors), 100_000):
            self._index.add(np.array(vectors[start : start + 100_000]))

    def search(self, query: Floats, k: int) -> Any:
        return self._index.search(query[np.newaxis], k)

    def ids(self, answer: Any) -> list[int]:
        return list(map(int, answer[1][0]))


class LanceDb(Engine):
    """A LanceDB table on the local disk or in S3, without an index. It reads its files for every query."""

    def __init__(self, source: Source) -> None:
        import lancedb

        if source.endpoint_url is not None:
            self._table = lance_in_s3(source).open_table("vectors")
            return
        self._folder = TemporaryDirectory(dir=source.vectors.parent)
        self._table = lance_table(lancedb.connect(self._folder.name), np.load(source.vectors, mmap_mode="r"))

    def search(self, query: Floats, k: int) -> Any:
        return self._table.search(query).distance_type("l2").limit(k).select(["id", "_distance"]).to_arrow()

    def ids(self, answer: Any) -> list[int]:
        return list(map(int, answer["id"].to_pylist()))


def lance_in_s3(source: Source) -> Any:
    """The LanceDB database of these embeddings in the local S3."""
    import lancedb

    options = {
        "aws_endpoint": source.endpoint_url,
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "aws_region": os.environ["AWS_DEFAULT_REGION"],
        "allow_http": "true",
    }
    return lancedb.connect(f"s3://{BUCKET}/lance-{source.vectors.stem}", storage_options=options)


def lance_table(database: Any, vectors: Floats, at_once: int = 20_000) -> Any:
    """A table ``vectors`` of ids and vectors, in a LanceDB database."""
    import pyarrow as pa

    kind = pa.list_(pa.float32(), vectors.shape[1])
    schema = pa.schema([("id", pa.int64()), ("vector", kind)])

    def batches() -> Iterator[Any]:
        for start in range(0, len(vectors), at_once):
            part = np.array(vectors[start : start + at_once])
            numbers = pa.array(np.arange(start, start + len(part)))
            column = pa.FixedSizeListArray.from_arrays(pa.array(part.reshape(-1)), vectors.shape[1])
            yield pa.RecordBatch.from_arrays([numbers, column], schema=schema)

    return database.create_table("vectors", pa.RecordBatchReader.from_batches(schema, batches()))


class Lookalike(Engine):
    """Ours: a snapshot of a store. The exact tier is in memory, or a query reads its rows from S3."""

    def __init__(self, source: Source, threads: int, *, resident: bool) -> None:
        from lookalike.aws import S3Store, s3_client
        from lookalike.store.reader import SnapshotReader
        from lookalike.store.stored_segment import StoredSegment
        from lookalike.store.wrappers import CountingStore

        self._store = CountingStore(S3Store(s3_client(), BUCKET, source.prefix))
        self._reader = SnapshotReader(self._store, layout=source.layout)
        self._snapshot = self._reader.refresh()
        self._executor = ThreadPoolExecutor(threads) if threads > 1 else None
        self.resident_bytes = 0
        for shard in self._snapshot.shards:
            if isinstance(shard.segment, StoredSegment):
                if resident:
                    shard.segment.make_resident()
                exact_bytes = shard.segment.embedding_bytes if shard.segment.is_resident else 0
                self.resident_bytes += shard.segment.scan_bytes + exact_bytes

    def search(self, query: Floats, k: int) -> Any:
        from lookalike.search.knn import nearest_products

        return nearest_products(self._snapshot, query, k=k, executor=self._executor)

    def ids(self, answer: Any) -> list[int]:
        return [int(neighbour.product_id) for neighbour in answer.neighbours]

    def counts(self, answer: Any) -> dict[str, int]:
        counts = {
            "bytes_read": self._store.bytes_read,
            "requests": sum(self._store.requests.values()),
            "rows_refined": answer.rows_refined,
            "rows_exact": answer.rows_exact,
        }
        self._store.reset()
        return counts


class Indexed(Lookalike):
    """Ours with candidates from LanceDB. The index is in a folder beside the vectors, and has followed the store."""

    def __init__(self, source: Source, threads: int) -> None:
        import lancedb  # noqa: F401 - before what it reads is counted

        from lookalike.aws import S3Store, s3_client
        from lookalike.index.opening import open_index
        from lookalike.search.indexed_reader import IndexedReader
        from lookalike.store.wrappers import CountingStore

        self._files = _file_reads()
        self._store = CountingStore(S3Store(s3_client(), BUCKET, source.prefix))
        index = open_index(lance_place(source), FINGERPRINT, source.layout, threads=threads)
        self._snapshot: Any = IndexedReader(self._store, index=index, layout=source.layout).refresh()
        self._executor = None
        self.resident_bytes = None

    def search(self, query: Floats, k: int) -> Any:
        from lookalike.search.indexed import nearest_products

        return nearest_products(self._snapshot, query, k=k)

    def counts(self, answer: Any) -> dict[str, int]:
        before, self._files = self._files, _file_reads()
        file_bytes, reads = (now - then for now, then in zip(self._files, before, strict=True))
        return {**super().counts(answer), "index_bytes_read": file_bytes, "index_reads": reads}


def lance_place(source: Source) -> str:
    """The setting of the index of a source."""
    return f"lancedb:{source.vectors.with_suffix('.lancedb')}"


def _file_reads() -> tuple[int, int]:
    """Bytes that this process has read from files so far, and calls for them; zeros where the system does not tell."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0, 0
    counts = {name: int(value) for name, _, value in (line.partition(": ") for line in lines)}
    return counts["rchar"], counts["syscr"]


@dataclass(frozen=True, slots=True)
class Kind:
    """An engine: its name in results, its distributions, its constructor, and the place of our exact tier."""

    engine: str
    distributions: tuple[str, ...]
    make: Callable[[Source, int], Engine]
    exact_tier: str | None = None

    def versions(self) -> str | None:
        """The version of each library, or None if one is not installed."""
        try:
            return ", ".join(f"{name} {version(name)}" for name in self.distributions)
        except PackageNotFoundError:
            return None


_OURS: Final = ("lookalike", "numpy", "numkong")
# Ours first: the times of the others are told in ours.
KINDS: Final = {
    "lookalike": Kind("lookalike", _OURS, lambda source, n: Lookalike(source, n, resident=True), "memory"),
    "lookalike-s3": Kind("lookalike", _OURS, lambda source, n: Lookalike(source, n, resident=False), "S3"),
    "lookalike-index": Kind("lookalike", (*_OURS, "lancedb"), Indexed, "index"),
    "sklearn": Kind("sklearn", ("scikit-learn", "numpy"), lambda source, _: Sklearn(source)),
    "numpy": Kind("numpy", ("numpy",), lambda source, _: Numpy(source)),
    "faiss_flat": Kind("faiss_flat", ("faiss-cpu",), Faiss),
    "faiss_panorama": Kind("faiss_panorama", ("faiss-cpu",), partial(Faiss, panorama=True)),
    "faiss_panorama_pca": Kind("faiss_panorama_pca", ("faiss-cpu",), partial(Faiss, panorama=True, pca=True)),
    "lancedb": Kind("lancedb", ("lancedb", "pyarrow"), lambda source, _: LanceDb(source)),
}
