"""Indexes of candidates: the contract in memory and in LanceDB, and what is LanceDB's own."""

import uuid
from pathlib import Path

import numpy as np
import pytest

from lookalike.errors import IndexUnavailable
from lookalike.hashes import HASH_BYTES
from lookalike.index import lance_index
from lookalike.index.lance_index import LanceIndex
from lookalike.index.memory import MemoryIndex
from lookalike.index.port import CandidateIndex, IndexRows, hashes_from, name_of, texts_of
from lookalike.layout import Layout, Part
from lookalike.store.records import ORDER_BYTES
from scripts.benchmarks.data import Generator
from tests.support.candidate_index_contract import (
    DIMENSIONS,
    QUERY,
    SEGMENT,
    CandidateIndexContract,
    key_of,
    keys_of,
    rows_of,
)

LAYOUT = Layout((Part("shape", 512), Part("colour", 101, 0.6)))


class TestMemory(CandidateIndexContract):
    @pytest.fixture
    def index(self) -> MemoryIndex:
        return MemoryIndex(DIMENSIONS)

    def reader_of(self, index: CandidateIndex) -> CandidateIndex:
        return index

    def emptied(self, index: CandidateIndex) -> CandidateIndex:
        return MemoryIndex(DIMENSIONS)

    def test_a_query_has_at_most_as_many_candidates_as_the_index_says(self) -> None:
        index = MemoryIndex(DIMENSIONS, most_candidates=3)
        index.put(rows_of(range(5)))
        assert len(index.query(QUERY, 5)) == 3


def lance(folder: Path, dimensions: int = DIMENSIONS) -> LanceIndex:
    return LanceIndex(str(folder), "photos", dimensions, name="lance", threads=1)


class TestLance(CandidateIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> LanceIndex:
        self._folder = tmp_path
        return lance(tmp_path)

    def reader_of(self, index: CandidateIndex) -> CandidateIndex:
        return lance(self._folder)

    def emptied(self, index: CandidateIndex) -> CandidateIndex:
        self._folder /= uuid.uuid4().hex
        return lance(self._folder)

    def test_a_lost_table_is_seen_as_empty(self, index: LanceIndex) -> None:
        index.put(rows_of(range(3)))
        for part in sorted(self._folder.rglob("*"), reverse=True):
            part.rmdir() if part.is_dir() else part.unlink()
        assert lance(self._folder).is_empty()

    def test_a_damaged_table_is_an_outage(self, index: LanceIndex) -> None:
        index.put(rows_of(range(3)))
        for file in self._folder.rglob("*.lance"):
            if file.is_file():
                file.write_bytes(b"damaged")
        with pytest.raises(IndexUnavailable):
            lance(self._folder).query(QUERY, 3)


class TestLargeTable:
    """A table with an index over its vectors."""

    ROWS = 6000
    WIDTH = 20  # no multiple of 8

    @pytest.fixture(autouse=True)
    def index_small_tables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lance_index, "_ANN_FROM_ROWS", 1000)
        monkeypatch.setattr(lance_index, "_PARTITION_ROWS", 100)

    def put(self, index: LanceIndex, vectors: np.ndarray, start: int = 0) -> None:
        numbers = range(start, start + len(vectors))
        index.put(rows_of(numbers, vectors=vectors))

    def recall(self, index: LanceIndex, vectors: np.ndarray, queries: np.ndarray) -> float:
        """The share of the five nearest rows that are among 50 candidates."""
        found = 0
        for query in queries:
            nearest = np.argsort(np.linalg.norm(vectors - query, axis=1))[:5]
            found += len({key_of(int(at)) for at in nearest} & set(index.query(query, 50).key_hash.tolist()))
        return found / (5 * len(queries))

    def test_nearly_all_of_the_nearest_are_candidates_whatever_was_written_since(self, tmp_path: Path) -> None:
        drawn = np.concatenate(list(Generator(self.WIDTH).blocks(self.ROWS + 50)))
        vectors, queries = drawn[: self.ROWS], drawn[self.ROWS :]
        index = lance(tmp_path, self.WIDTH)
        self.put(index, vectors[:5000])
        index.settle()
        assert self.recall(index, vectors[:5000], queries) > 0.9
        assert len(set(index.query(queries[0], 5000).key_hash.tolist())) == 5000, "as many as are asked for are found"

        self.put(index, vectors[5000:], start=5000)
        assert self.recall(index, vectors, queries) > 0.9, "entries that the index does not cover yet are looked at"
        index.delete(keys_of(range(100)))
        index.settle()
        found = index.query(vectors[5], 50)
        assert len(found) == 50
        assert not {key_of(number) for number in range(100)} & set(found.key_hash.tolist())
        assert (np.diff(found.distances) >= 0).all()
        # NumPy's elements come without the zeros at their end.
        by_key = {key_of(number).rstrip(b"\0"): vector for number, vector in enumerate(vectors)}
        exact = [np.linalg.norm(by_key[key] - vectors[5]) for key in found.key_hash.tolist()]
        assert found.distances == pytest.approx(exact, abs=1e-3)

        narrowed = index.query(queries[0], 5, products=[bytes(row) for row in rows_of([200, 300]).product_hash])
        assert set(narrowed.key_hash.tolist()) == {key_of(200), key_of(300)}

    def test_a_table_that_has_grown_gets_a_finer_index(self, tmp_path: Path) -> None:
        vectors = np.concatenate(list(Generator(self.WIDTH).blocks(self.ROWS)))
        index = lance(tmp_path, self.WIDTH)
        partitions = []
        for start, end in ((0, 1000), (1000, 1900), (1900, 6000)):
            self.put(index, vectors[start:end], start=start)
            index.settle()
            names = [built.name for built in index._table().list_indices() if built.name.startswith("vector_")]
            partitions.append(names)
        assert partitions == [["vector_10"], ["vector_10"], ["vector_60"]]


class TestPort:
    def test_hashes_survive_as_text(self) -> None:
        hashes = np.array([b"\x00" * 16, b"ab" + bytes(14), b"\xff" * 16], f"S{HASH_BYTES}")
        texts = texts_of(hashes)
        assert texts[1] == "6162" + "00" * 14
        assert (hashes_from(texts, HASH_BYTES) == hashes).all()
        assert texts_of(hashes[[2, 0]]) == [texts[2], texts[0]]

    @pytest.mark.parametrize("texts", [["00" * 15, "00" * 17], ["zz" * 16], ["0" * 31]])
    def test_other_texts_are_no_hashes(self, texts: list[str]) -> None:
        with pytest.raises(ValueError, match="hexadecimal"):
            hashes_from(texts, HASH_BYTES)

    def test_model_place_and_weights_make_another_name(self) -> None:
        heavier = Layout((Part("shape", 512), Part("colour", 101, 0.7)))
        names = {
            name_of("lancedb", "/a", "0" * 64, LAYOUT),
            name_of("lancedb", "/b", "0" * 64, LAYOUT),
            name_of("lancedb", "/a", "1" * 64, LAYOUT),
            name_of("lancedb", "/a", "0" * 64, heavier),
            name_of("s3vectors", "/a", "0" * 64, LAYOUT),
        }
        assert len(names) == 5
        assert name_of("lancedb", "/a", "0" * 64, LAYOUT).startswith("lancedb-000000000000-613-")

    def test_rows_that_make_no_entries_are_refused(self) -> None:
        rows = rows_of(range(3))
        columns = {name: getattr(rows, name) for name in ("row", "key_hash", "order", "product_hash", "vectors")}
        bad = {
            "row": rows.row.astype(np.int32),
            "key_hash": rows.key_hash[[0, 1, 1]],
            "order": rows.order.astype("S16"),
            "product_hash": rows.product_hash[:2],
            "vectors": np.where(np.eye(3, DIMENSIONS) > 0, np.nan, 0).astype(np.float32),
        }
        for name, column in bad.items():
            with pytest.raises(ValueError, match=f"{name}|key|finite"):
                IndexRows(SEGMENT, **columns | {name: column})
        with pytest.raises(ValueError, match="float32"):
            IndexRows(SEGMENT, **columns | {"vectors": rows.vectors.astype(np.float64)})
        assert IndexRows(SEGMENT, **columns).order.dtype == f"S{ORDER_BYTES}"
