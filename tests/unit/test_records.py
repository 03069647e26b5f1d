import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.hashes import HASH_BYTES, text_hash
from lookalike.store.records import ORDER_BYTES, Op, Row, event_of, event_times_ms, order_of
from tests.support.rows import orders, quick, texts

sequencers = st.none() | st.text("0123456789abcdefABCDEF", max_size=36)
events = st.builds(
    order_of,
    sequencer=sequencers,
    time_ms=st.integers(0, 3) | st.integers(0, 2**62),
    op=st.sampled_from(Op),
    content=st.binary(max_size=2),
)


def put(sequencer: str | None, time_ms: int, content: bytes = b"") -> bytes:
    return order_of(sequencer=sequencer, time_ms=time_ms, op=Op.PUT, content=content)


def test_sequencers_decide_whatever_the_clocks_say() -> None:
    assert put("0062E99A88DC407460", 9_000) < put("0062E99A88DC407461", 1_000)


def test_shorter_sequencers_are_padded_on_the_right() -> None:
    assert put("0A", 0) == put("0A00", 0)
    assert put("0A", 9) < put("0A01", 0)
    assert put("0B", 0) > put("0AFFFF", 9)


@given(content=st.binary(max_size=2), sequencer=sequencers, op=st.sampled_from(Op))
def test_a_row_of_a_photo_that_was_not_read_is_older_than_any_other_of_its_event(
    content: bytes, sequencer: str | None, op: Op
) -> None:
    unread = order_of(sequencer=sequencer, time_ms=5, op=Op.PUT, content=None)
    assert unread < order_of(sequencer=sequencer, time_ms=5, op=op, content=content)
    assert unread > order_of(sequencer=sequencer, time_ms=4, op=op, content=content)


def test_sequencers_compare_as_numbers_in_either_case() -> None:
    assert put("0a", 0) == put("0A", 0)
    assert put("0A", 0) > put("09", 0)


def test_without_sequencers_time_decides() -> None:
    assert put(None, 1_000) < put(None, 1_001)
    assert put(None, 255) < put(None, 256)  # big-endian


def test_a_row_without_a_sequencer_is_older_than_any_with_one() -> None:
    assert put(None, 9_000) < put("01", 1_000)


def test_of_two_events_in_one_millisecond_the_delete_wins() -> None:
    ascending = [order_of(sequencer=None, time_ms=5, op=op, content=b"x") for op in (Op.PUT, Op.REJECT, Op.DELETE)]
    assert ascending == sorted(ascending)
    assert len(set(ascending)) == 3


def test_two_contents_of_one_event_are_told_apart_and_one_content_is_not() -> None:
    assert put("01", 5, b"first") != put("01", 5, b"second")
    assert put("01", 5, b"first") == put("01", 5, b"first")


@quick
@given(sequencers, st.integers(0, 2**62), st.sampled_from(Op))
def test_an_order_tells_its_event(sequencer: str | None, time_ms: int, op: Op) -> None:
    told = event_of(order_of(sequencer=sequencer, time_ms=time_ms, op=op, content=b"photo"))
    digits = (sequencer or "").lower()[:32].ljust(32, "0")
    assert told == (digits if int(digits, 16) else None, time_ms, op)


def test_times_before_1970_count_as_1970() -> None:
    assert put(None, -5) == put(None, 0)


@pytest.mark.parametrize("sequencer", ["0x12", "12 34", " 12", "1_2", "é", "٣", "-1", "12\n"])
def test_a_sequencer_that_is_not_hexadecimal_is_refused(sequencer: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        put(sequencer, 0)


@quick
@given(st.lists(events | orders, min_size=3, max_size=3))
def test_orders_are_total_and_transitive(three: list[bytes]) -> None:
    assert all(len(order) == ORDER_BYTES for order in three)
    for first, second, third in itertools.permutations(three):
        assert (first < second) + (first == second) + (second < first) == 1
        if first < second < third:
            assert first < third


@quick
@given(st.lists(events | orders, min_size=1, max_size=6))
def test_numpy_orders_them_as_bytes_do(some: list[bytes]) -> None:
    column = np.array(some, f"S{ORDER_BYTES}")
    by_numpy = [some[index] for index in np.lexsort((column,))]
    assert by_numpy == sorted(some)
    for index, order in enumerate(some):
        assert [bool(found) for found in column > column[index]] == [other > order for other in some]


@quick
@given(st.lists(st.tuples(sequencers, st.integers(0, 2**62), st.sampled_from(Op)), max_size=5))
def test_event_times_are_read_back_from_orders(some: list[tuple[str | None, int, Op]]) -> None:
    column = np.array([order_of(sequencer=s, time_ms=t, op=op) for s, t, op in some], f"S{ORDER_BYTES}")
    assert event_times_ms(column).tolist() == [time_ms for _, time_ms, _ in some]


def test_event_times_are_read_from_every_other_row_of_a_column() -> None:
    column = np.array([put(None, time_ms) for time_ms in range(6)], f"S{ORDER_BYTES}")
    assert event_times_ms(column[::2]).tolist() == [0, 2, 4]


def test_an_order_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Row("key", "1", b"short", Op.DELETE)


def test_a_put_has_an_embedding_and_nothing_else_has() -> None:
    with pytest.raises(ValueError, match="embedding"):
        Row("key", "1", put(None, 0), Op.PUT)
    with pytest.raises(ValueError, match="embedding"):
        Row("key", "1", put(None, 0), Op.DELETE, np.zeros(4, np.float32))


def test_a_product_id_has_no_nul() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Row("images/a\0b.jpg", "a\0b", put(None, 0), Op.DELETE)


@quick
@given(texts, texts)
def test_texts_are_told_apart_by_16_bytes(one: str, other: str) -> None:
    assert len(text_hash(one)) == HASH_BYTES
    assert (text_hash(one) == text_hash(other)) == (one == other)


def test_a_time_beyond_all_reason_is_late_and_not_ancient() -> None:
    absurd = b"\0" * 16 + b"\xff" * 8 + b"\0" * 8

    assert event_times_ms(np.array([absurd], "S32")).tolist() == [2**63 - 1]
