import dataclasses
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import CorruptObject
from lookalike.hashes import text_hash
from lookalike.layout import Layout, Part
from lookalike.store import segment, tensors
from lookalike.store.records import Op, Row
from lookalike.store.segment import Segment
from tests.support.rows import DIMENSIONS, LAYOUT, delete, put, quick, reject, rows, texts, value, values

few_keys = st.sampled_from(["a", "b", "c", "ä", "images/1.jpg"])
many_rows = st.lists(rows(), max_size=8)
colliding_rows = st.lists(rows(few_keys), max_size=10)
SAMPLE = [
    put("images/1.jpg", 1, metadata={"name": "Turtle Check Shirt", "ключ": "значение"}),
    reject("images/2.jpg", 2, product="2"),
    delete("images/3.jpg", 3, product="3"),
    put("images/4/ä😀.jpg", 4, product="4"),
]


def newest(several: Sequence[Row]) -> list[Row]:
    """The oracle: a dict. Of rows with one order either may stay, so such rows are told apart by nothing."""
    by_key: dict[str, Row] = {}
    for row in several:
        if row.key not in by_key or by_key[row.key].order < row.order:
            by_key[row.key] = row
    return list(by_key.values())


def of_one_order_take_the_first(several: Sequence[Row]) -> list[Row]:
    return list({(row.key, row.order): row for row in reversed(several)}.values())[::-1]


@quick
@given(many_rows | colliding_rows)
def test_of_each_key_the_newest_row_comes_back_as_it_was(several: list[Row]) -> None:
    held = segment.decode(segment.encode(segment.from_rows(several, LAYOUT)))
    assert values(held) == values(newest(several))
    assert held.dimensions == DIMENSIONS


@quick
@given(many_rows)
def test_rows_ascend_by_the_hash_of_their_key(several: list[Row]) -> None:
    held = segment.from_rows(several, LAYOUT)
    hashes = [text_hash(held.name(row)[1]) for row in range(len(held))]
    assert hashes == sorted(hashes)
    assert held.key_hash.tobytes() == b"".join(hashes)


@pytest.mark.parametrize("several", [[], [SAMPLE[0]], [SAMPLE[1]], [SAMPLE[2]], SAMPLE[1:3], SAMPLE])
def test_a_segment_may_have_no_rows_or_no_puts(several: list[Row]) -> None:
    held = segment.decode(segment.encode(segment.from_rows(several, LAYOUT)))
    assert values(held) == values(several)
    assert held.embedding.shape == (sum(row.op is Op.PUT for row in several), DIMENSIONS)
    assert values(segment.merge([held, segment.from_rows([], LAYOUT)])) == values(several)
    assert len(held.take(np.empty(0, np.int64))) == 0


def test_embeddings_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match="4 dimensions in a store of 5"):
        segment.from_rows(SAMPLE, Layout.of_one_part(5))


@quick
@given(many_rows, st.data())
def test_taking_rows_takes_their_bytes_along(several: list[Row], data: st.DataObject) -> None:
    held = segment.from_rows(several, LAYOUT)
    chosen = sorted(data.draw(st.sets(st.integers(0, len(held) - 1)) if len(held) else st.just(set())))
    taken = segment.decode(segment.encode(held.take(np.array(chosen, np.int64))))
    assert [value(taken.row(row)) for row in range(len(taken))] == [value(held.row(row)) for row in chosen]


@quick
@given(st.lists(colliding_rows, min_size=1, max_size=4))
def test_a_merge_keeps_the_newest_row_of_each_key(batches: list[list[Row]]) -> None:
    every = of_one_order_take_the_first([row for batch in batches for row in batch])
    kept = {id(row) for row in every}
    parts = [segment.from_rows([row for row in batch if id(row) in kept], LAYOUT) for batch in batches]
    merged = segment.decode(segment.encode(segment.merge(parts)))
    assert values(merged) == values(newest(every))


@quick
@given(st.lists(colliding_rows, min_size=1, max_size=3))
def test_a_merge_has_one_row_a_key_even_of_one_order(batches: list[list[Row]]) -> None:
    merged = segment.merge([segment.from_rows(batch, LAYOUT) for batch in batches])
    keys = [merged.name(row)[1] for row in range(len(merged))]
    assert sorted(keys) == sorted({row.key for batch in batches for row in batch})


def test_merging_in_any_order_gives_the_same_rows() -> None:
    parts = [
        segment.from_rows(batch, LAYOUT)
        for batch in ([put("a", 1), put("b", 5)], [delete("a", 2), put("c", 1)], [put("a", 3), delete("b", 4)])
    ]
    merged = [values(segment.merge(some)) for some in itertools.permutations(parts)]
    assert all(some == merged[0] for some in merged)


def test_concatenation_keeps_every_row() -> None:
    parts = [segment.from_rows(batch, LAYOUT) for batch in (SAMPLE[:2], [], SAMPLE[2:], [put("images/1.jpg", 9)])]
    joined = segment.concatenate(parts)
    assert values(joined) == values([*SAMPLE, put("images/1.jpg", 9)])


def test_merged_segments_have_the_default_weights_of_the_last() -> None:
    other = Layout((Part("shape", 3, 2.0), Part("colour", 1, 3.0)))
    merged = segment.merge([segment.from_rows(SAMPLE, LAYOUT), segment.from_rows(SAMPLE[:1], other)])
    assert merged.layout == other
    assert segment.decode(segment.encode(merged)).layout == other


def test_segments_of_two_models_do_not_mix() -> None:
    with pytest.raises(CorruptObject, match=r'"colour",1,0.5.*"shape",5'):
        segment.merge([segment.from_rows(SAMPLE, LAYOUT), segment.from_rows([], Layout.of_one_part(5))])


def test_inputs_are_left_alone() -> None:
    held = segment.from_rows(SAMPLE, LAYOUT)
    before = segment.encode(held)[-500:]
    segment.merge([held, segment.from_rows([put("images/1.jpg", 9)], LAYOUT)])
    held.take(np.array([1, 2]))
    assert segment.encode(held)[-500:] == before


@quick
@given(many_rows)
def test_rows_weigh_what_they_add_to_the_file(several: list[Row]) -> None:
    held = segment.from_rows(several, LAYOUT)
    data = segment.encode(held)
    assert len(segment.row_bytes(held)) == len(held)
    assert segment.row_bytes(held).sum() == len(data) - tensors.header_size(data)


def test_two_files_of_the_same_rows_differ() -> None:
    held = segment.from_rows(SAMPLE, LAYOUT)
    assert segment.encode(held) != segment.encode(held)


def test_the_safetensors_library_opens_a_segment() -> None:
    held = segment.from_rows(SAMPLE, LAYOUT)
    columns = safetensors.numpy.load(segment.encode(held))
    np.testing.assert_array_equal(columns["embedding"], held.embedding, strict=True)
    np.testing.assert_array_equal(columns["op"], held.op, strict=True)
    np.testing.assert_array_equal(columns["key_end"], held.key_end, strict=True)
    keys = sorted(SAMPLE, key=lambda row: text_hash(row.key))
    assert [bytes(row) for row in columns["key_hash"]] == [text_hash(row.key) for row in keys]
    assert [bytes(row) for row in columns["order"]] == [row.order for row in keys]
    assert bytes(columns["keys"]) == b"".join(f"{row.product_id}\0{row.key}".encode() for row in keys)


def test_columns_for_scanning_come_before_bulky_ones() -> None:
    data = segment.encode(segment.from_rows(SAMPLE, LAYOUT))
    places = tensors.decode_header(data).tensors
    scanned = ("key_hash", "order", "product_hash", "key_end", "detail_end", "op")
    assert max(places[name].end for name in scanned) <= min(
        places[name].start for name in ("embedding", "keys", "details")
    )
    assert places["order"].start == places["key_hash"].end, "read_keys takes both in one range"


def read_everything(data: bytes) -> None:
    held = segment.decode(data)
    read = [value(held.row(row)) for row in range(len(held))]
    assert len(read) == len(held)
    held.take(held.put_rows)
    segment.merge([held, held])


def test_a_segment_cut_or_lengthened_anywhere_is_corrupt() -> None:
    data = segment.encode(segment.from_rows(SAMPLE, LAYOUT))
    for length in range(len(data)):
        with pytest.raises(CorruptObject):
            segment.decode(data[:length])
    with pytest.raises(CorruptObject):
        segment.decode(data + b"\0")


def test_damage_anywhere_is_corrupt_or_harmless_but_nothing_else() -> None:
    """That bytes are those that were written is for checksums; whatever they are, columns must fit together."""
    data = segment.encode(segment.from_rows(SAMPLE, LAYOUT))
    corrupt = 0
    for place in range(len(data)):
        for damage in (data[place] ^ 1, data[place] ^ 0x80, 0, 0xFF, ord("9"), ord("-")):
            broken = data[:place] + bytes([damage]) + data[place + 1 :]
            try:
                read_everything(broken)
            except CorruptObject:
                corrupt += 1
    assert corrupt > len(data)


def test_random_damage_is_corrupt_or_harmless_but_nothing_else() -> None:
    chance = random.Random(20)
    data = segment.encode(segment.from_rows(SAMPLE, LAYOUT))
    for _ in range(1500):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            start = chance.randrange(len(broken) + 1)
            broken[start : start + chance.randint(0, 8)] = chance.randbytes(chance.randint(0, 8))
        try:
            read_everything(bytes(broken))
        except CorruptObject:
            continue


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda held: {"key_end": held.key_end[[1, 0, 2, 3]]}, id="an end before its start"),
        pytest.param(lambda held: {"detail_end": held.detail_end - np.uint64(1)}, id="bytes that belong to no row"),
        pytest.param(lambda held: {"key_end": held.key_end + np.uint64(1)}, id="an end past the bytes"),
        pytest.param(lambda held: {"op": held.op + np.uint32(2)}, id="an unknown operation"),
        pytest.param(lambda held: {"op": np.full_like(held.op, Op.DELETE)}, id="an embedding too many"),
        pytest.param(lambda held: {"embedding": held.embedding[:1]}, id="an embedding too few"),
        pytest.param(lambda held: {"detail_end": held.detail_end[:-1]}, id="a row too few"),
        pytest.param(lambda held: {"key_hash": held.key_hash[::-1]}, id="rows out of order"),
        pytest.param(lambda held: {"key_hash": held.key_hash[[0, 0, 1, 2]]}, id="two rows of a key"),
        pytest.param(lambda held: {"op": held.op.astype(np.uint64)}, id="a column of another type"),
        pytest.param(lambda held: {"keys": held.keys.reshape(-1, 1)}, id="a matrix for a column"),
    ],
)
def test_columns_that_do_not_fit_together_are_corrupt(change: Callable[[Segment], dict[str, Any]]) -> None:
    held = segment.from_rows(SAMPLE, LAYOUT)
    assert len(segment.decode(segment.encode(held))) == len(SAMPLE)
    broken = dataclasses.replace(held, **change(held))
    with pytest.raises(CorruptObject):
        segment.decode(segment.encode(broken))


def test_a_file_of_another_format_is_corrupt_and_says_what_it_is() -> None:
    columns = {"a": np.zeros(1, np.uint8)}
    with pytest.raises(CorruptObject, match="lookalike-segment/9"):
        segment.decode(tensors.encode(columns, {"format": "lookalike-segment/9"}))
    with pytest.raises(CorruptObject, match="without a format"):
        segment.decode(tensors.encode(columns, {}))
    with pytest.raises(CorruptObject, match="no column key_hash"):
        segment.decode(tensors.encode(columns, {"format": segment.FORMAT}))


@quick
@given(texts, texts)
def test_details_hold_any_text(name: str, text: str) -> None:
    held = segment.from_rows([put("a", 1, metadata={name: text})], LAYOUT)
    assert segment.decode(segment.encode(held)).detail(0) == {name: text}


def test_keys_may_hold_nul_though_product_ids_may_not() -> None:
    held = segment.from_rows([put("images/a\0b.jpg", 1)], LAYOUT)
    assert held.name(0) == ("1", "images/a\0b.jpg")


def test_hashes_that_end_in_zero_bytes_stay_themselves() -> None:
    """NumPy drops trailing zero bytes when it hands out a value of an S column."""
    row = Row("a", "1", b"\x01" + b"\0" * 31, Op.DELETE)
    held = segment.decode(segment.encode(segment.from_rows([row], LAYOUT)))
    assert held.row(0).order == row.order
