"""What compaction writes is read back as it was, in the requests that were meant, or found to be damaged."""

import gc
import itertools
import json
import random
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from lookalike.codes.codes import Frame, encode
from lookalike.codes.parted import encode_parts
from lookalike.codes.rotation import Rotation, rotation_of
from lookalike.errors import CorruptObject, ObjectMissing
from lookalike.layout import Layout, Part
from lookalike.store import (
    code_columns,
    embedding_blocks,
    segment,
    segment_file,
    segment_reads,
    stored_embeddings,
    tensors,
)
from lookalike.store.manifest import SegmentRef
from lookalike.store.object_store import MemoryStore
from lookalike.store.ranges import ranges
from lookalike.store.records import Op, Row
from lookalike.store.segment import Segment
from lookalike.store.segment_file import FORMAT, TEXTS_AT_ONCE
from lookalike.store.stored_segment import StoredSegment
from lookalike.store.wrappers import CountingStore
from tests.support import spectra
from tests.support.rows import DIMENSIONS, LAYOUT, delete, put, quick, reject, rows, value, values
from tests.support.segments import NAME, ROTATION, encoded, of_vectors, opened, rotations_of, stored

SAMPLE = [
    put("images/1.jpg", 1, metadata={"name": "Turtle Check Shirt", "ключ": "значение"}),
    reject("images/2.jpg", 2, product="2"),
    delete("images/3.jpg", 3, product="3"),
    put("images/4/ä😀.jpg", 4, product="4"),
    put("images/5.jpg", 5, product="4"),
]
LENGTHS = ("head_error", "error", "rest", "tail")
TURNED = rotation_of(np.full(3, 0.25, np.float32), np.array([[1, 2, 2], [2, 1, -2]], np.float32) / np.float32(3))
MIRRORED = rotation_of(np.ones(1, np.float32), np.array([[-1]], np.float32))
FRAMES = Frame(TURNED, 0.5, 1), Frame(MIRRORED, 0.1, 1)
some_frames = st.sampled_from(
    [(), FRAMES, (Frame(TURNED, 0.01, 2), Frame(None, 0.1, 1)), (Frame(None, 0.1, 1), Frame(MIRRORED, 0.1, 1))]
)


def row_bytes(held: StoredSegment) -> int:
    return held.dimensions * 4


# --- what comes back --------------------------------------------------------------------------------------------------


@quick
@given(st.lists(rows(), max_size=10), some_frames)
def test_rows_come_back_as_they_were(several: list[Row], frames: Sequence[Frame]) -> None:
    held = segment.from_rows(several, LAYOUT)
    again = segment_file.decode(encoded(held, *frames).data)
    assert values(again) == values(held)
    np.testing.assert_array_equal(again.embedding, held.embedding, strict=True)
    assert again.dimensions == DIMENSIONS


@quick
@given(st.lists(rows(), max_size=10), some_frames, st.booleans())
def test_a_stored_segment_says_what_the_segment_in_memory_says(
    several: list[Row], frames: Sequence[Frame], whole: bool
) -> None:
    held = segment.from_rows(several, LAYOUT)
    file = encoded(held, *frames)
    found = opened(
        file.data if whole else file.data[: file.scan_bytes],
        stored(file.data),
        rotation=rotations_of(LAYOUT, frames) if frames else None,
    )
    for name in ("key_hash", "order", "product_hash", "op", "is_put"):
        np.testing.assert_array_equal(getattr(found, name), getattr(held, name), strict=True)
        assert not getattr(found, name).flags.writeable or name == "is_put"
    assert len(found) == len(held)
    assert found.dimensions == DIMENSIONS
    assert sorted(found.put_rows.tolist()) == held.put_rows.tolist()
    assert found.is_resident is whole or not file.data[file.scan_bytes :]
    for row in range(len(held)):
        assert found.name(row) == held.name(row)
        assert found.photo(row) == held.photo(row)
        assert value(found.row(row)) == value(held.row(row))


@pytest.mark.parametrize("several", [[], SAMPLE[:1], SAMPLE[1:3], SAMPLE])
def test_a_segment_may_have_no_rows_or_no_puts(several: list[Row]) -> None:
    file = encoded(segment.from_rows(several, LAYOUT))
    assert values(segment_file.decode(file.data)) == values(several)
    found = opened(file.data[: file.scan_bytes], stored(file.data))
    assert values(found.row(row) for row in range(len(found))) == values(several)
    found.make_resident()
    assert found.read(np.empty(0, np.int64)).shape == (0, DIMENSIONS)


def test_codes_come_back_as_they_were_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_columns, "CODED_AT_ONCE", 7)
    held = of_vectors(spectra.power_law(1, 40, 16))
    rotation = spectra.fitted(held.embedding, 10)
    for frame in (Frame(rotation, 2.0**-7, 4), Frame(rotation, 2.0**-7, 10), Frame(None, 0.1, 5)):
        order = np.random.default_rng(1).permutation(40)
        file = encoded(held, frame, permutation=order)
        codes = opened(file.data[: file.scan_bytes], rotation=frame.rotation).codes.parts[0]
        expected = encode(held.embedding, frame).take(order)
        for name in ("head", "body", *LENGTHS):
            np.testing.assert_array_equal(getattr(codes, name), getattr(expected, name), strict=True)
        assert (codes.frame, codes.reach) == (frame, expected.reach)


def test_two_files_of_the_same_rows_differ() -> None:
    held = segment.from_rows(SAMPLE, LAYOUT)
    assert encoded(held).data != encoded(held).data


def test_the_safetensors_library_opens_a_segment() -> None:
    held = segment.from_rows(SAMPLE, LAYOUT)
    columns = safetensors.numpy.load(encoded(held, permutation=np.array([2, 0, 1])).data)
    np.testing.assert_array_equal(columns["embedding"], held.embedding[[2, 0, 1]], strict=True)
    np.testing.assert_array_equal(columns["put_row"], held.put_rows[[2, 0, 1]].astype(np.uint32), strict=True)


def test_the_embeddings_are_behind_all_that_is_scanned() -> None:
    file = encoded(segment.from_rows(SAMPLE, LAYOUT))
    header = tensors.decode_header(file.data)
    assert header.tensors["embedding"].start == file.scan_bytes
    assert header.tensors["embedding"].end == len(file.data)
    assert header.tensors["order"].start == header.tensors["key_hash"].end, "read_keys takes both in one range"


def test_memory_is_counted() -> None:
    held = of_vectors(spectra.isotropic(2, 500, 64))
    file = encoded(held)
    found = opened(file.data[: file.scan_bytes], stored(file.data))
    assert found.embedding_bytes == 500 * 64 * 4
    columns, squares, packed = 64 + 16 + 32 + 16 + 4 + 8 + 16, 8, 128  # NumKong fills rows up
    assert 500 * (columns + squares) <= found.scan_bytes < 500 * (columns + squares + packed + 80)


def test_a_segment_nobody_holds_is_gone_at_once() -> None:
    """Not only when the garbage is collected: it may be hundreds of megabytes, and the next one comes."""
    file = encoded(of_vectors(spectra.isotropic(3, 50, 8)))
    found = opened(file.data[: file.scan_bytes], stored(file.data))
    found.make_resident()
    found.row(3)
    held = weakref.ref(found), weakref.ref(found.codes)
    gc.disable()
    try:
        del found
        assert [reference() for reference in held] == [None, None]
    finally:
        gc.enable()


# --- what is read, and when -------------------------------------------------------------------------------------------


def cold(rows: int = 1000, dimensions: int = 64) -> tuple[StoredSegment, CountingStore, Segment]:
    """A segment whose embeddings are in a store that counts, and the same in memory."""
    held = of_vectors(spectra.isotropic(3, rows, dimensions))
    file = encoded(held)
    counting = CountingStore(stored(file.data))
    return opened(file.data[: file.scan_bytes], counting), counting, held


def test_embeddings_are_read_in_the_order_asked_for() -> None:
    found, _, held = cold()
    puts = np.array([999, 0, 3, 3, 512, 4])
    expected = held.embedding[held.put_index[found.put_rows[puts]]]
    np.testing.assert_array_equal(found.read(puts), expected, strict=True)
    found.make_resident()
    np.testing.assert_array_equal(found.read(puts), expected, strict=True)


def test_rows_near_each_other_are_one_request_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_blocks, "_BLOCK_BYTES", 1)  # each row is a block
    found, counting, _ = cold()
    monkeypatch.setattr(stored_embeddings, "NEAR_BYTES", 10 * row_bytes(found))
    found.read(np.array([100, 103, 113, 500, 511, 999]))
    assert counting.requests == {"get_range": 4}
    assert counting.bytes_read == (14 + 1 + 1 + 1) * row_bytes(found)


def test_whole_blocks_are_read_and_those_that_are_needed_are_verified() -> None:
    held = of_vectors(spectra.isotropic(5, 200, 64))  # a block has 32 rows
    file = encoded(held)
    damaged = bytearray(file.data)
    damaged[file.scan_bytes + 70 * 256] ^= 1
    counting = CountingStore(stored(bytes(damaged)))
    found = opened(file.data[: file.scan_bytes], counting)
    read = found.read(np.array([3, 190, 199]))
    np.testing.assert_array_equal(read, held.embedding[held.put_index[found.put_rows]][[3, 190, 199]])
    assert counting.requests == {"get_range": 1}
    assert counting.bytes_read == 200 * row_bytes(found)
    with pytest.raises(CorruptObject, match=f"{NAME}: block 2 of the embeddings"):
        found.read(np.array([3, 64]))
    with pytest.raises(CorruptObject, match=f"{NAME}: block 2 of the embeddings"):
        found.make_resident()


def test_an_embedding_that_is_not_finite_is_refused() -> None:
    held = of_vectors(spectra.isotropic(5, 3, 8))
    vectors = held.embedding.copy()
    vectors[1, 2] = np.nan
    codes = encode_parts(held.embedding, held.layout, [Frame(None, 0.5, 8)])
    rows = replace(held, embedding=vectors)
    file = segment_file.encode(rows, codes, np.arange(3), {})
    with pytest.raises(CorruptObject, match="not finite"):
        segment_file.decode(file.data)
    found = opened(file.data[: file.scan_bytes], stored(file.data))
    with pytest.raises(CorruptObject, match="not finite"):
        found.read(np.array([0]))
    wrong = replace(codes, parts=(replace(codes.parts[0], tail=np.full(3, np.nan, np.float32)),))
    file = segment_file.encode(held, wrong, np.arange(3), {})
    with pytest.raises(CorruptObject, match="not finite"):
        opened(file.data[: file.scan_bytes], stored(file.data))
    with pytest.raises(CorruptObject, match="not finite"):
        segment.decode(segment.encode(rows))


def test_a_long_range_is_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    found, counting, held = cold()
    monkeypatch.setattr(stored_embeddings, "_READ_AT_ONCE_BYTES", 300 * row_bytes(found))
    everything = np.arange(1000)
    np.testing.assert_array_equal(found.read(everything), held.embedding[held.put_index[found.put_rows]])
    assert counting.requests == {"get_range": 4}
    assert counting.bytes_read == 1000 * row_bytes(found)


def test_nothing_is_asked_for_where_no_row_is() -> None:
    found, counting, _ = cold()
    assert found.read(np.empty(0, np.int64)).shape == (0, 64)
    assert counting.requests == {}


def test_all_ranges_are_asked_for_before_any_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found, counting, _ = cold()
    monkeypatch.setattr(stored_embeddings, "NEAR_BYTES", 1)
    wait = found.start_reading(np.array([1, 500, 900]))
    other = found.start_reading(np.array([2, 700]))
    targets = np.empty((3, 64), np.float32), np.empty((2, 64), np.float32)
    wait(targets[0])
    other(targets[1])
    assert counting.requests == {"get_range": 5}
    np.testing.assert_array_equal(np.concatenate(targets), found.read(np.array([1, 500, 900, 2, 700])))


def test_resident_embeddings_are_read_once_and_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    found, counting, held = cold()
    monkeypatch.setattr(stored_embeddings, "_READ_AT_ONCE_BYTES", 100_000)
    assert not found.is_resident
    found.make_resident()
    assert found.is_resident
    assert counting.requests == {"get_range": 3}
    assert counting.bytes_read == found.embedding_bytes == 256_000
    counting.reset()
    np.testing.assert_array_equal(found.row(5).embedding, held.row(5).embedding)
    assert counting.requests == {}


def test_a_whole_file_needs_no_request() -> None:
    held = of_vectors(spectra.isotropic(4, 50, 8))
    counting = CountingStore(MemoryStore())
    found = opened(encoded(held).data, counting)
    assert found.is_resident
    assert values(found.row(row) for row in range(50)) == values(held)
    assert counting.requests == {}


@quick
@given(st.sets(st.integers(0, 300)), st.integers(1, 40), st.integers(0, 40))
def test_ranges_hold_every_row_and_are_as_few_as_may_be(chosen: set[int], near: int, more: int) -> None:
    at_once = near + more
    wanted = np.array(sorted(chosen), np.int64)
    found = list(ranges(wanted, near, at_once))
    assert all(end - start <= at_once for start, end in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))
    assert {row for start, end in found for row in range(start, end)} >= chosen
    runs = 1 + sum(int(gap) > near for gap in np.diff(wanted)) if chosen else 0
    covered = sum(end - start for start, end in found)
    assert runs <= len(found) <= runs + covered // at_once
    assert covered <= sum(min(int(gap), near) for gap in np.diff(wanted)) + runs + len(wanted)


def test_a_segment_that_vanished_is_missing() -> None:
    found, counting, _ = cold()
    counting.delete(NAME)
    wait = found.start_reading(np.array([1, 900]))
    with pytest.raises(ObjectMissing):
        wait(np.empty((2, 64), np.float32))
    with pytest.raises(ObjectMissing):
        found.make_resident()
    assert not found.is_resident
    with pytest.raises(ObjectMissing):
        found.row(0)
    assert found.photo(0).op is Op.PUT


def test_a_segment_that_ends_inside_its_embeddings_is_corrupt() -> None:
    file = encoded(of_vectors(spectra.isotropic(5, 100, 8)))
    found = opened(file.data[: file.scan_bytes], stored(file.data[:-1]))
    with pytest.raises(CorruptObject, match="ends inside its embeddings"):
        found.read(np.array([99]))
    with pytest.raises(CorruptObject, match="ends inside its embeddings"):
        found.make_resident()


# --- keys alone -------------------------------------------------------------------------------------------------------


def written(rows: Segment) -> tuple[MemoryStore, SegmentRef]:
    """A store with the segment of these rows."""
    file = encoded(rows)
    ref = SegmentRef(NAME, len(rows), len(rows.embedding), len(file.data), 0, file.scan_bytes, (), file.checks)
    return stored(file.data), ref


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (250, 1), (1000, 2)])
def test_keys_alone_are_read_in_one_or_two_requests(count: int, requests: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_file, "SCAN_BLOCK_BYTES", 16 * 1024)
    held = segment.from_rows([put(f"images/{number}.jpg", number) for number in range(count)], LAYOUT)
    store, ref = written(held)
    counting = CountingStore(store)
    keys, orders = segment_reads.read_keys(counting, ref)
    assert keys.tobytes() == held.key_hash.tobytes()
    assert orders.tobytes() == held.order.tobytes()
    assert counting.requests == {"get_range": requests}
    assert counting.bytes_read <= 2 * 16 * 1024 + 48 * count


def test_keys_of_a_missing_or_broken_segment_are_an_error() -> None:
    store, ref = written(segment.from_rows([put(f"{number}", number) for number in range(500)], LAYOUT))
    with pytest.raises(ObjectMissing):
        segment_reads.read_keys(MemoryStore(), ref)
    for length in (0, 5, 100, 3_000, 20_000):
        with pytest.raises(CorruptObject, match=NAME):
            segment_reads.read_keys(stored(store.get(NAME)[:length]), ref)
    with pytest.raises(CorruptObject, match="not 499 of each"):
        segment_reads.read_keys(store, replace(ref, rows=499))


# --- damage -----------------------------------------------------------------------------------------------------------

SAMPLE_FILE = encoded(segment.from_rows(SAMPLE, LAYOUT), *FRAMES)
ROTATIONS = rotations_of(LAYOUT, FRAMES)


def changed(change: dict[str, Any], metadata: dict[str, str | None] | None = None) -> bytes:
    """The sample's file with other columns and metadata; None takes away."""
    header = tensors.decode_header(SAMPLE_FILE.data)
    columns = {name: tensors.view(info, SAMPLE_FILE.data) for name, info in header.tensors.items()}
    for name, new in change.items():
        columns[name] = new(columns[name]) if callable(new) else new
    said = {**header.metadata, **(metadata or {})}
    return tensors.encode(
        {name: column for name, column in columns.items() if column is not None},
        {name: text for name, text in said.items() if text is not None},
    )


def read_everything(data: bytes, rotations: Mapping[str, Rotation] = ROTATIONS) -> None:
    found = opened(data, rotation=rotations)
    for row in range(len(found)):
        found.row(row)
        found.photo(row)
    found.read(np.arange(len(found.codes)))


def test_a_file_cut_anywhere_is_corrupt() -> None:
    for length in range(len(SAMPLE_FILE.data)):
        cut = SAMPLE_FILE.data[:length]
        with pytest.raises(CorruptObject):
            segment_file.decode(cut)
        with pytest.raises(CorruptObject):
            read_everything(cut)


def test_a_file_with_more_behind_its_embeddings_is_corrupt() -> None:
    with pytest.raises(CorruptObject, match="longer"):
        segment_file.decode(SAMPLE_FILE.data + b"\0")


SCANNED_AND_DECODED = {
    "an operation there is not": {"op": lambda op: op + np.uint32(8)},
    "a put kept twice": {"put_row": lambda kept: kept[[0, 1, 1]]},
    "a put that is none": {"put_row": lambda kept: np.arange(3, dtype=np.uint32)},
    "a put past the rows": {"put_row": lambda kept: kept + np.uint32(100)},
    "a put too few": {"put_row": lambda kept: kept[:2]},
    "an embedding too few": {"embedding": lambda vectors: vectors[:2]},
    "a hash too few": {"product_hash": lambda hashes: hashes[:4]},
    "hashes of another width": {"key_hash": lambda hashes: np.zeros((5, 15), np.uint8)},
    "no column of orders": {"order": None},
    "a column of another type": {"op": lambda op: op.astype(np.uint64)},
    "a text chunk that ends past the text": {"text_end": lambda ends: ends + np.uint64(1)},
    "a text chunk too many": {"text_end": lambda ends: np.concatenate([ends, ends])},
    "no text": {"text_end": lambda ends: ends[:0], "text": lambda text: text[:0]},
    "text that is not deflated": {"text": lambda text: np.full_like(text, 0xFF)},
    "text of no rows": {"text": lambda text: np.array([3, 0], np.uint8), "text_end": np.array([2], np.uint64)},
}
SCANNED = {
    "an error too few": {"colour.error": lambda lengths: lengths[:2]},
    "a tail too many": {"shape.tail": lambda lengths: np.append(lengths, lengths)},
    "a chunk of codes too many": {"shape.head_end": lambda ends: np.concatenate([ends, ends])},
    "a chunk of codes too few": {"shape.body_end": lambda ends: ends[:0], "shape.body": lambda codes: codes[:0]},
    "codes that end past the codes": {"shape.head_end": lambda ends: ends + np.uint64(1)},
    "codes that are not deflated": {"colour.head": lambda codes: np.full_like(codes, 0xFF)},
    "no codes of a part": {"colour.head": None},
    "codes that end early": {
        "colour.head": lambda codes: codes[:-1],
        "colour.head_end": lambda ends: ends - np.uint64(1),
    },
}
SAID = {
    "no step": {"shape.step": None},
    "a step of nothing": {"shape.step": "0x0p+0"},
    "a step that is not finite": {"shape.step": "inf"},
    "a step that is no number": {"shape.step": "nan"},
    "a step past all floats": {"shape.step": "0x1p9999"},
    "a negative step": {"shape.step": "-0x1p-3"},
    "a reach that is not finite": {"colour.reach": "inf"},
    "a reach that is no number": {"colour.reach": "nan"},
    "a negative reach": {"colour.reach": "-0x1p-3"},
    "a head of no coordinates": {"shape.head": "0"},
    "a head of more coordinates than there are": {"shape.head": "4"},
    "a head that is no number": {"shape.head": "two"},
    "coordinates the rotation does not have": {"shape.coordinates": "3"},
    "a rotation nobody knows": {"shape.rotation": "segments/other"},
    "no rotation": {"shape.rotation": ""},
    "no layout": {"layout": None},
    "a layout that is none": {"layout": "[]"},
    "a layout of more numbers than there are": {"layout": str(Layout((Part("shape", 3), Part("colour", 2))))},
    "a layout of other parts": {"layout": str(Layout((Part("shape", 2), Part("colour", 2))))},
    "a layout of other names": {"layout": str(Layout((Part("colour", 3), Part("shape", 1))))},
    "another format": {"format": "lookalike-segment/9"},
}


@pytest.mark.parametrize("change", SCANNED_AND_DECODED.values(), ids=SCANNED_AND_DECODED)
def test_columns_that_do_not_fit_together_are_corrupt(change: dict[str, Any]) -> None:
    broken = changed(change)
    with pytest.raises(CorruptObject):
        segment_file.decode(broken)
    with pytest.raises(CorruptObject):
        read_everything(broken)


@pytest.mark.parametrize("change", SCANNED.values(), ids=SCANNED)
def test_codes_that_do_not_fit_together_are_corrupt(change: dict[str, Any]) -> None:
    with pytest.raises(CorruptObject):
        read_everything(changed(change))


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_codes_that_are_said_to_be_otherwise_are_corrupt(said: dict[str, str | None]) -> None:
    with pytest.raises(CorruptObject):
        read_everything(changed({}, said))


def test_a_rotation_of_other_dimensions_is_corrupt() -> None:
    other = rotation_of(np.zeros(6, np.float32), np.eye(3, 6, dtype=np.float32))
    with pytest.raises(CorruptObject):
        read_everything(SAMPLE_FILE.data, {**ROTATIONS, ROTATION: other})


def test_the_sample_itself_is_sound() -> None:
    read_everything(changed({}))
    assert values(segment_file.decode(changed({}))) == values(SAMPLE)
    assert tensors.decode_header(SAMPLE_FILE.data).metadata["format"] == FORMAT


def test_damage_anywhere_is_corrupt_or_harmless_but_nothing_else() -> None:
    """That bytes are those that were written is for checksums; whatever they are, columns must fit together."""
    data = SAMPLE_FILE.data
    corrupt = 0
    for place in range(tensors.decode_header(data).tensors["embedding"].start):
        for damage in (data[place] ^ 1, 0xFF, ord("9")):
            broken = data[:place] + bytes([damage]) + data[place + 1 :]
            for read in (read_everything, segment_file.decode):
                try:
                    read(broken)
                except CorruptObject:
                    corrupt += 1
    assert corrupt > len(data)


def test_random_damage_is_corrupt_or_harmless_but_nothing_else() -> None:
    chance = random.Random(20)
    for _ in range(700):
        broken = bytearray(SAMPLE_FILE.data)
        for _ in range(chance.randint(1, 6)):
            start = chance.randrange(len(broken) + 1)
            broken[start : start + chance.randint(0, 8)] = chance.randbytes(chance.randint(0, 8))
        for read in (read_everything, segment_file.decode):
            try:
                read(bytes(broken))
            except CorruptObject:
                continue


@pytest.mark.parametrize(
    "header", [{"shape": [3, 0], "data_offsets": [0, 0]}, {"shape": [0, 2**62], "data_offsets": [0, 0]}]
)
def test_embeddings_of_no_believable_shape_are_corrupt(header: dict[str, Any]) -> None:
    size = tensors.header_size(SAMPLE_FILE.data)
    fields = json.loads(SAMPLE_FILE.data[8:size])
    fields["embedding"] = {"dtype": "F32", **header}
    text = json.dumps(fields).encode()
    with pytest.raises(CorruptObject):
        read_everything(len(text).to_bytes(8, "little") + text + SAMPLE_FILE.data[size:])


def test_names_are_inflated_chunk_by_chunk_and_damage_is_found_where_it_is() -> None:
    held = of_vectors(spectra.isotropic(6, 3 * TEXTS_AT_ONCE, 8))
    file = encoded(held)
    header = tensors.decode_header(file.data)
    _, second, _ = tensors.view(header.tensors["text_end"], file.data).tolist()
    last = header.tensors["text"].start + second
    broken = bytearray(file.data)
    broken[last : last + 8] = b"\xff" * 8
    found = opened(bytes(broken))
    assert [found.name(row) for row in range(2 * TEXTS_AT_ONCE)] == [held.name(row) for row in range(2 * TEXTS_AT_ONCE)]
    with pytest.raises(CorruptObject):
        found.name(2 * TEXTS_AT_ONCE)
