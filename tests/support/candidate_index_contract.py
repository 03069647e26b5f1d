"""What every CandidateIndex promises. An adapter subclasses the suite and gives it a fresh index of six dimensions."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.index.port import CandidateIndex, Candidates, IndexRows
from lookalike.store.records import ORDER_BYTES

DIMENSIONS = 6
SEGMENT = "segments/0123456789abcdef.safetensors"


def key_of(number: int) -> bytes:
    return text_hash(f"key {number}")


def product_of(number: int) -> bytes:
    return text_hash(f"product {number}")


def rows_of(
    numbers: Sequence[int],
    *,
    order: int = 1,
    vectors: npt.ArrayLike | None = None,
    products: Sequence[int] | None = None,
    segment: str = SEGMENT,
    first_row: int = 0,
) -> IndexRows:
    """Rows of the keys with these numbers, each of a product of its own and with a vector of its own unless they are given."""
    if vectors is None:
        # By order as well: a replaced entry has other numbers than before.
        vectors = [np.random.default_rng([number, order]).standard_normal(DIMENSIONS) for number in numbers]
    return IndexRows(
        segment=segment,
        row=np.arange(first_row, first_row + len(numbers), dtype=np.int64),
        key_hash=np.array([key_of(number) for number in numbers], f"S{HASH_BYTES}"),
        order=np.full(len(numbers), order.to_bytes(ORDER_BYTES, "big"), f"S{ORDER_BYTES}"),
        product_hash=np.array(
            [product_of(number) for number in (numbers if products is None else products)], f"S{HASH_BYTES}"
        ),
        vectors=np.array(vectors, np.float32).reshape(len(numbers), -1 if numbers else DIMENSIONS),
    )


def keys_of(numbers: Sequence[int]) -> npt.NDArray[np.bytes_]:
    return np.array([key_of(number) for number in numbers], f"S{HASH_BYTES}")


Entry = tuple[bytes, bytes, bytes, str, int]
"""Key, order, product and place."""


def entry_of(rows: IndexRows, at: int) -> Entry:
    """The entry of a row."""
    key, order, product = (bytes(column[at]) for column in (rows.key_hash, rows.order, rows.product_hash))
    return key, order, product, rows.segment, int(rows.row[at])


def entries(candidates: Candidates) -> list[Entry]:
    """The entry of each candidate."""
    columns = (candidates.key_hash, candidates.order, candidates.product_hash, candidates.segments, candidates.row)
    return [
        (bytes(key), bytes(order), bytes(product), segment, int(row))
        for key, order, product, segment, row in zip(*columns, strict=True)
    ]


QUERY = np.linspace(-1, 1, DIMENSIONS).astype(np.float32)


def everything(index: CandidateIndex) -> list[Entry]:
    return sorted(entries(index.query(QUERY, index.most_candidates)))


class CandidateIndexContract:
    """Subclasses define the fixture ``index``, an empty CandidateIndex, and how to reach it from another process."""

    def reader_of(self, index: CandidateIndex) -> CandidateIndex:
        """The same index as another process sees it."""
        raise NotImplementedError

    def emptied(self, index: CandidateIndex) -> CandidateIndex:
        """An empty index, for one more example."""
        raise NotImplementedError

    def test_an_empty_index_has_no_candidates(self, index: CandidateIndex) -> None:
        index.delete(keys_of([1]))
        index.settle()
        assert index.is_empty()
        assert index.count() == 0
        assert everything(index) == []
        assert len(index.query(QUERY, 5, products=[product_of(1)])) == 0

    def test_candidates_come_nearest_first_with_their_places_and_distances(self, index: CandidateIndex) -> None:
        rows = rows_of(range(40), first_row=7)
        index.put(rows)

        found = index.query(QUERY, 10)

        distances = np.sqrt(np.square(rows.vectors.astype(np.float64) - QUERY).sum(axis=1))
        nearest = np.argsort(distances)[:10]
        assert entries(found) == [entry_of(rows, at) for at in nearest]
        assert found.distances == pytest.approx(distances[nearest], rel=1e-5)
        assert found.distances.dtype == np.float32
        assert not index.is_empty()
        assert index.count() == 40

    def test_a_greater_order_replaces_an_entry(self, index: CandidateIndex) -> None:
        index.put(rows_of(range(5), order=3))
        newer = rows_of([2], order=4, products=[77], segment="segments/other", first_row=123, vectors=[QUERY])
        index.put(newer)

        assert index.count() == 5
        assert entries(index.query(QUERY, 1)) == [entry_of(newer, 0)]
        assert len(index.query(QUERY, 5, products=[product_of(2)])) == 0

    def test_an_older_order_changes_nothing(self, index: CandidateIndex) -> None:
        index.put(rows_of(range(5), order=256))
        before = everything(index)
        index.put(rows_of(range(5), order=255, segment="segments/older"))
        assert everything(index) == before

    def test_a_row_that_moved_to_another_segment_is_found_there(self, index: CandidateIndex) -> None:
        index.put(rows_of(range(5)))
        moved = rows_of(range(5), segment="segments/merged", first_row=900)
        index.put(moved)
        assert everything(index) == sorted(entry_of(moved, at) for at in range(5))

    def test_one_put_keeps_some_entries_and_replaces_others(self, index: CandidateIndex) -> None:
        newer, mixed = rows_of([1, 3], order=9), rows_of([1, 2, 3, 4], order=5)
        index.put(rows_of([2, 4], order=2))
        index.put(newer)
        index.put(mixed)
        assert everything(index) == sorted(
            [entry_of(newer, 0), entry_of(mixed, 1), entry_of(newer, 1), entry_of(mixed, 3)]
        )

    def test_repeated_writes_are_harmless(self, index: CandidateIndex) -> None:
        first, second = rows_of(range(8), order=1), rows_of(range(4, 12), order=2)
        for _ in range(2):
            index.put(first)
            index.put(second)
            index.delete(keys_of([0, 11]))
            index.delete(keys_of([0, 11]))
        expected = [entry_of(first, at) for at in range(1, 4)] + [entry_of(second, at) for at in range(7)]
        assert everything(index) == sorted(expected)
        assert index.count() == 10

    def test_deleted_entries_are_gone_and_can_be_put_again(self, index: CandidateIndex) -> None:
        rows = rows_of(range(6))
        index.put(rows)
        index.delete(keys_of([0, 2, 4, 1000]))
        assert everything(index) == sorted(entry_of(rows, at) for at in (1, 3, 5))
        index.put(rows)
        assert index.count() == 6
        index.delete(rows.key_hash)
        assert index.is_empty()

    def test_nothing_to_write_is_no_error(self, index: CandidateIndex) -> None:
        index.put(rows_of([]))
        index.delete(keys_of([]))
        assert index.is_empty()

    def test_a_query_is_narrowed_to_products(self, index: CandidateIndex) -> None:
        rows = rows_of(range(60), products=[number // 3 for number in range(60)])
        index.put(rows)

        found = index.query(QUERY, 5, products=[product_of(4), product_of(19), product_of(1000)])

        wanted = [at for at in range(60) if at // 3 in (4, 19)]
        distances = np.linalg.norm(rows.vectors[wanted] - QUERY, axis=1)
        assert entries(found) == [entry_of(rows, wanted[at]) for at in np.argsort(distances)[:5]]
        assert len(index.query(QUERY, 5, products=[])) == 0
        assert len(index.query(QUERY, 5, products=[product_of(1000)])) == 0

    def test_a_query_may_name_as_many_products_as_the_index_says(self, index: CandidateIndex) -> None:
        index.put(rows_of(range(10)))
        named = [product_of(number) for number in range(5, 5 + index.most_products)]
        assert len(index.query(QUERY, 20, products=named)) == 5

    def test_hashes_may_end_in_zeros(self, index: CandidateIndex) -> None:
        zeros, ones = bytes(HASH_BYTES), b"\xff" * HASH_BYTES
        hashes = np.array([zeros, ones, ones[:-3] + bytes(3)], f"S{HASH_BYTES}")
        orders = np.array([bytes(ORDER_BYTES), b"\xff" * ORDER_BYTES, b"\x01" + bytes(31)], f"S{ORDER_BYTES}")
        index.put(IndexRows(SEGMENT, np.arange(3), hashes, orders, hashes, np.eye(3, DIMENSIONS, dtype=np.float32)))

        assert {entry[:2] for entry in everything(index)} == set(zip(hashes.tolist(), orders.tolist(), strict=True))
        # NumPy's elements come without the zeros at their end.
        for product in (zeros, bytes(hashes[2]), ones):
            assert len(index.query(QUERY, 5, products=[product])) == 1
        index.delete(hashes[[0, 2]])
        assert index.count() == 1

    @pytest.mark.parametrize("count", [0, -1])
    def test_a_count_below_one_has_no_candidates(self, index: CandidateIndex, count: int) -> None:
        index.put(rows_of(range(3)))
        assert len(index.query(QUERY, count)) == 0

    def test_a_count_above_the_entries_has_all_of_them(self, index: CandidateIndex) -> None:
        index.put(rows_of(range(3)))
        assert len(index.query(QUERY, index.most_candidates + 1)) == 3

    def test_batches_may_be_larger_than_a_call_of_the_service(self, index: CandidateIndex) -> None:
        rows = rows_of(range(1234))
        index.put(rows)
        assert index.count() == 1234
        found = index.query(QUERY, 1100)
        nearest = np.argsort(np.linalg.norm(rows.vectors - QUERY, axis=1))[:1100]
        assert {entry[0] for entry in entries(found)} == {bytes(rows.key_hash[at]) for at in nearest}
        index.delete(keys_of(range(1100)))
        assert everything(index) == sorted(entry_of(rows, at) for at in range(1100, 1234))

    def test_numbers_at_the_ends_of_float32(self, index: CandidateIndex) -> None:
        tiny = np.finfo(np.float32).smallest_subnormal
        vectors = np.zeros((6, DIMENSIONS), np.float32)
        vectors[1], vectors[2], vectors[3] = tiny, 1e18, -1e18
        vectors[4, 0], vectors[5] = -0.0, 0.1  # a tenth has no end in binary
        index.put(rows_of(range(6), vectors=vectors))
        for at in (2, 3, 5):
            found = index.query(vectors[at], 1)
            assert bytes(found.key_hash[0]) == key_of(at)
            assert found.distances[0] == pytest.approx(0, abs=1e-6)
        assert index.query(vectors[3], 6).distances[5] == pytest.approx(2e18 * DIMENSIONS**0.5, rel=1e-5)

    def test_vectors_of_other_dimensions_are_refused(self, index: CandidateIndex) -> None:
        with pytest.raises(ValueError, match="dimensions"):
            index.put(rows_of(range(3), vectors=np.zeros((3, DIMENSIONS + 1))))
        assert index.is_empty()

    def test_another_process_sees_what_was_written(self, index: CandidateIndex) -> None:
        reader = self.reader_of(index)
        assert reader.is_empty()
        assert everything(reader) == []
        rows = rows_of(range(4))
        index.put(rows)
        assert everything(reader) == sorted(entry_of(rows, at) for at in range(4))
        index.delete(keys_of([1]))
        assert reader.count() == 3

    def test_settling_changes_no_answer(self, index: CandidateIndex) -> None:
        for order in range(1, 4):
            index.put(rows_of(range(0, 30, order), order=order))
        index.delete(keys_of([5]))
        before, nearest = everything(index), entries(index.query(QUERY, 7))
        for _ in range(2):
            index.settle()
            assert everything(index) == before
            assert entries(index.query(QUERY, 7)) == nearest
        index.put(rows_of([50]))
        assert index.count() == 30

    # Each subclass runs the same examples, and each example has an index of its own.
    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        st.lists(
            st.one_of(
                st.tuples(
                    st.just("put"), st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True), st.integers(0, 3)
                ),
                st.tuples(st.just("delete"), st.lists(st.integers(0, 9), min_size=1, max_size=4), st.just(0)),
                st.tuples(st.just("settle"), st.just([]), st.just(0)),
            ),
            max_size=10,
        )
    )
    def test_any_history_ends_in_the_greatest_order_of_each_key(
        self, index: CandidateIndex, history: list[tuple[str, list[int], int]]
    ) -> None:
        index = self.emptied(index)
        expected: dict[int, tuple[int, Entry]] = {}
        for step, (call, numbers, order) in enumerate(history):
            match call:
                case "put":
                    rows = rows_of(numbers, order=order, segment=f"segments/{step}")
                    index.put(rows)
                    for at, number in enumerate(numbers):
                        if order >= expected.get(number, (0,))[0]:
                            expected[number] = (order, entry_of(rows, at))
                case "delete":
                    index.delete(keys_of(numbers))
                    for number in numbers:
                        expected.pop(number, None)
                case _:
                    index.settle()
        assert everything(index) == sorted(entry for _, entry in expected.values())
        assert index.count() == len(expected)
        assert index.is_empty() == (not expected)
