import random
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import CorruptObject
from lookalike.store import chunks
from tests.support.rows import quick


def as_chunk(data: bytes) -> chunks.Bytes:
    return np.frombuffer(data, np.uint8)


@quick
@given(st.lists(st.binary(max_size=300), max_size=6), st.booleans())
def test_chunks_come_back_as_they_were(parts: list[bytes], huffman_only: bool) -> None:
    joined, ends = chunks.join(chunks.deflate(part, huffman_only=huffman_only) for part in parts)
    assert joined.dtype == np.uint8
    assert ends.dtype == np.uint64
    assert [chunks.inflate(chunk) for chunk in chunks.split(joined, ends)] == parts


def test_an_array_is_deflated_as_its_bytes() -> None:
    codes = np.arange(-60, 60, dtype=np.int8).reshape(12, 10)
    assert chunks.inflate(as_chunk(chunks.deflate(codes, huffman_only=True)), 120) == codes.tobytes()


def test_chunks_are_raw_deflate() -> None:
    """So that any zlib reads them: no header, no checksum."""
    assert zlib.decompress(chunks.deflate(b"photo" * 50), -zlib.MAX_WBITS) == b"photo" * 50


def test_what_repeats_itself_gets_short_and_what_is_mostly_small_too() -> None:
    codes = (np.random.default_rng(0).standard_normal(4000) * 5).astype(np.int8)
    assert len(chunks.deflate(b"photo" * 1000)) < 100
    assert len(chunks.deflate(codes, huffman_only=True)) < 2800


@pytest.mark.parametrize("size", [1, 1000, 100_000])
@pytest.mark.parametrize("huffman_only", [False, True])
def test_a_chunk_of_more_than_it_may_hold_is_corrupt(size: int, huffman_only: bool) -> None:
    data = random.Random(0).randbytes(size) + b"a" * size
    deflated = as_chunk(chunks.deflate(data, huffman_only=huffman_only))
    assert chunks.inflate(deflated, len(data)) == data
    for fewer in {1, len(data) // 2, len(data) - 1}:
        with pytest.raises(CorruptObject, match="longer"):
            chunks.inflate(deflated, fewer)


def test_a_chunk_that_ends_early_is_corrupt() -> None:
    deflated = chunks.deflate(random.Random(1).randbytes(500))
    for length in range(len(deflated)):
        with pytest.raises(CorruptObject):
            chunks.inflate(as_chunk(deflated[:length]))


def test_damage_is_corrupt_or_changes_what_is_inflated() -> None:
    data = b"a striped shirt " * 20
    deflated = chunks.deflate(data)
    for place in range(len(deflated)):
        broken = bytearray(deflated)
        broken[place] ^= 0xFF
        try:
            chunks.inflate(as_chunk(bytes(broken)), len(data))
        except CorruptObject:
            continue


@pytest.mark.parametrize("ends", [[], [3], [5], [3, 2, 4], [2, 5], [2**63]])
def test_ends_that_do_not_share_out_the_bytes_are_corrupt(ends: list[int]) -> None:
    with pytest.raises(CorruptObject, match="do not cover"):
        chunks.split(as_chunk(b"abcd"), np.array(ends, np.uint64))


def test_no_chunks_share_out_nothing() -> None:
    joined, ends = chunks.join([])
    assert (len(joined), len(ends)) == (0, 0)
    assert chunks.split(joined, ends) == []
