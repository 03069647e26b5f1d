"""Tables of product data against plain dicts: built, merged, stored, and damaged."""

import json
import random
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.errors import CorruptObject
from lookalike.hashes import text_hash
from lookalike.store import streams, table_file
from lookalike.store.damage import check_of
from lookalike.tables import spans
from lookalike.tables.merge import merge
from lookalike.tables.offers import with_offers
from lookalike.tables.table import Table
from lookalike.tables.texts import Texts
from tests.support.tables import Additions, additions, assert_sound, built, expected, ids, plain, texts

FEWER = settings(max_examples=settings().max_examples // 4)
"""Of what takes tens of milliseconds an example."""


@pytest.fixture(autouse=True)
def small_sizes() -> Iterator[None]:
    """Few texts known, few bytes at once and short chunks, so that small tables go all ways that large ones go."""
    with (
        patch("lookalike.tables.builder._KNOWN_TEXTS", 2),
        patch("lookalike.tables.spans._AT_ONCE_BYTES", 8),
        patch("lookalike.store.streams.CHUNK_BYTES", 16),
        patch("lookalike.store.table_file._DECODED_AT_ONCE_BYTES", 3),
    ):
        yield


@given(additions)
def test_a_table_holds_the_last_values_of_each_product(added: Additions) -> None:
    table = built(added)
    assert_sound(table)
    assert plain(table) == expected([added])


@given(st.lists(additions, max_size=4))
def test_merged_tables_hold_the_last_values_of_each_product(files: list[Additions]) -> None:
    table = merge([built(added) for added in files])
    assert_sound(table)
    assert plain(table) == expected(files)


@FEWER
@given(st.lists(additions, min_size=3, max_size=3))
def test_tables_may_be_merged_in_steps(files: list[Additions]) -> None:
    """As a reader does, which merges what waits in the log into a merged table."""
    first, second, third = (built(added) for added in files)
    at_once, in_steps = merge([first, second, third]), merge([merge([first, second]), third])
    assert table_file.encode(at_once, {}) == table_file.encode(in_steps, {})


def alike(text: str) -> bytes:
    """Hashes that begin alike, as those of two in 2**64 do, and of which many end with zeros."""
    return bytes(8) + text_hash(text)[:1] + bytes(6) + text_hash(text)[1:2]


@FEWER
@given(st.lists(additions, max_size=3), st.lists(ids))
def test_products_whose_hashes_begin_alike_are_told_apart(files: list[Additions], others: list[str]) -> None:
    every = {product_id for added in files for product_id, _ in added} | set(others)
    if len({alike(product_id) for product_id in every}) < len(every):
        return
    with patch("lookalike.tables.builder.text_hash", alike):
        table = merge([built(added) for added in files])
    assert plain(table) == expected(files)
    rows = table.rows_of(np.array([alike(product_id) for product_id in others], "S16"))
    known = list(table.ids)
    assert rows.tolist() == [known.index(one) if one in known else -1 for one in others]


@FEWER
@given(st.lists(additions, min_size=1, max_size=3), st.dictionaries(texts, texts, max_size=3))
def test_a_stored_table_is_read_as_it_was(files: list[Additions], metadata: dict[str, str]) -> None:
    table = merge([built(added) for added in files])
    data = table_file.encode(table, metadata)
    again, metadata_again = table_file.decode(data)
    assert_sound(again)
    assert plain(again) == plain(table)
    assert list(again.columns) == list(table.columns)
    assert {name: column.kind for name, column in again.columns.items()} == {
        name: column.kind for name, column in table.columns.items()
    }
    assert again.hashes.tolist() == table.hashes.tolist()
    assert metadata_again == metadata
    assert table_file.encode(again, metadata_again) == data


@FEWER
@given(additions, st.randoms(use_true_random=False))
def test_the_order_of_different_products_changes_no_byte(added: Additions, order: random.Random) -> None:
    once = list(dict(added).items())
    attributes = [("", {name: value for _, held in once for name, value in held.items()})]
    shuffled = order.sample(once, len(once))
    assert table_file.encode(built(attributes + once), {}) == table_file.encode(built(attributes + shuffled), {})


colliding = st.sampled_from([spans.fingerprints, lambda data, starts, lengths: (lengths % 2).astype(np.uint64)])


@given(st.lists(texts), colliding)
def test_the_first_of_equal_texts_is_found(listed: list[str], fingerprints: Callable[..., Any]) -> None:
    with patch("lookalike.tables.spans.fingerprints", fingerprints):
        firsts = Texts.of(listed).firsts()
    assert firsts.tolist() == [listed.index(text) for text in listed]


@given(st.lists(texts, min_size=1), st.data())
def test_texts_are_taken_in_any_order(listed: list[str], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(listed) - 1)))
    runs = data.draw(st.lists(st.tuples(st.integers(0, len(listed)), st.integers(0, len(listed)))))
    places += [place for start, end in runs for place in range(start, end)]
    with patch("lookalike.tables.spans._FEW_RUNS", data.draw(st.sampled_from([1, 32]))):
        taken = Texts.of(listed).take(np.array(places, np.int64))
    assert list(taken) == [listed[place] for place in places]


SAMPLE = [
    ("1", {"name": "Größe 42", "price": 19.99, "articleType": ("Shirts", "日本")}),
    ("2", {"name": "", "price": 5.0, "articleType": ("Shirts",)}),
    ("3", {"name": "Größe 42", "_": "once"}),
]


@given(st.data())
def test_damaged_bytes_are_refused(data: st.DataObject) -> None:
    sound = table_file.encode(built(SAMPLE), {"key": "products/feed.csv"})
    place = data.draw(st.integers(0, len(sound) - 1))
    damaged = data.draw(
        st.one_of(
            st.integers(1, 255).map(lambda bits: sound[:place] + bytes([sound[place] ^ bits]) + sound[place + 1 :]),
            st.just(sound[:place]),
            st.binary(min_size=1, max_size=9).map(lambda more: sound[:place] + more + sound[place:]),
        )
    )
    if damaged != sound:
        with pytest.raises(CorruptObject):
            table_file.decode(damaged)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_table_are_refused(data: bytes) -> None:
    with pytest.raises(CorruptObject):
        table_file.decode(data + check_of(data).to_bytes(4, "little"))


def decoded_or_refused(data: bytes) -> Table | None:
    try:
        table, _ = table_file.decode(data)
    except CorruptObject:
        return None
    return table


@given(st.data())
def test_streams_made_to_mislead_give_a_sound_table_or_are_refused(data: st.DataObject) -> None:
    """The check is right, and one stream has other items than its column needs."""
    table, added = built(SAMPLE), 0
    changed = data.draw(st.integers(0, 13))
    plain_add = streams.StreamWriter.add

    def add(writer: streams.StreamWriter, stream: streams.Stream) -> None:
        nonlocal added
        if added == changed:
            items = stream.tolist()
            at = data.draw(st.integers(0, len(items)))
            large = 255 if stream.dtype == np.uint8 else 2**63
            new = st.floats() if stream.dtype == np.float64 else st.one_of(st.integers(0, 5), st.integers(0, large))
            items[at : at + data.draw(st.integers(0, 2))] = data.draw(st.lists(new, max_size=2))
            stream = np.array(items, stream.dtype if stream.dtype != np.uint32 else np.uint64)
            if stream.dtype != np.uint8 and data.draw(st.booleans()):
                other = np.uint64 if stream.dtype == np.float64 else np.float64
                stream = np.nan_to_num(stream, posinf=1, neginf=1).clip(0, 2**53).astype(other)
        added += 1
        plain_add(writer, stream)

    with patch("lookalike.store.streams.StreamWriter.add", add):
        encoded = table_file.encode(table, {})
    if (decoded := decoded_or_refused(encoded)) is not None:
        assert_sound(decoded)
        merge([decoded, table])
        assert decoded_or_refused(table_file.encode(decoded, {})) is not None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["text", "name", "2"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["rows", "a"]), inner, max_size=2),
    max_leaves=6,
)


@given(st.data())
def test_descriptions_made_to_mislead_give_a_sound_table_or_are_refused(data: st.DataObject) -> None:
    """The check is right, and one value of the description is another one."""

    def dumps(about: dict[str, Any]) -> str:
        field = data.draw(st.sampled_from(list(about)))
        value = about[field]
        if isinstance(value, list) and data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(value) - 1))
            inner = data.draw(st.one_of(st.none(), st.integers(0, 1)))
            changed = data.draw(anything | st.sampled_from(value))
            value = [list(one) for one in value]
            if inner is None:
                value[at] = changed
            else:
                value[at][inner] = changed
        else:
            value = data.draw(anything)
        return json.dumps(about | {field: value})

    with patch("lookalike.store.table_file.json", SimpleNamespace(dumps=dumps, loads=json.loads)):
        encoded = table_file.encode(built(SAMPLE), {})
    if (decoded := decoded_or_refused(encoded)) is not None:
        assert_sound(decoded)


times = st.one_of(st.integers(90, 110).map(float), st.floats(90, 110))
offers = st.fixed_dictionaries(
    {}, optional={"price": st.integers(1, 4), "sale_price": st.integers(1, 4), "sale_starts": times, "sale_ends": times}
)


def to_pay(values: dict[str, float], now_ms: int) -> float | None:
    price, sale_price = values.get("price"), values.get("sale_price")
    is_now = values.get("sale_starts", now_ms) <= now_ms <= values.get("sale_ends", now_ms)
    is_sold = sale_price is not None and (price is None or sale_price < price)
    return sale_price if is_sold and is_now else price


@given(st.lists(offers, max_size=4))
def test_prices_are_those_of_every_moment(products: list[dict[str, float]]) -> None:
    """Asked only when the former answer says so, the prices are always those of a look at every millisecond."""
    table = built([(str(number), values) for number, values in enumerate(products)])
    offered, until_ms = with_offers(table, 85)
    for now_ms in range(85, 115):
        if until_ms is not None and now_ms >= until_ms:
            offered, until_ms = with_offers(table, now_ms)
        prices = {offered.ids[row]: offered.values(row).get("price") for row in range(len(offered))}
        assert prices == {str(number): to_pay(values, now_ms) for number, values in enumerate(products)}


def test_no_change_is_said_to_come_that_does_not() -> None:
    table = built([("1", {"price": 2.0, "sale_price": 1.0, "sale_starts": 95.5, "sale_ends": 99.5})])
    assert [with_offers(table, now_ms)[1] for now_ms in (90, 95, 96, 99, 100)] == [96, 96, 100, 100, None]
