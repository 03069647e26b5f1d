import json
import math
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from lookalike.errors import CorruptObject
from lookalike.store import tensors
from tests.support.rows import quick

TENSORS: dict[str, Any] = {
    "codes": np.arange(-6, 6, dtype=np.int8).reshape(3, 4),
    "bytes": np.arange(5, dtype=np.uint8),
    "ends": np.array([2**40, 7], np.uint64),
    "op": np.array([3], np.uint32),
    "embedding": np.array([[1.5, -0.0], [np.inf, 1e-40]], np.float32),
    "step": np.array(0.1, np.float64),
    "nothing": np.empty((0, 512), np.float32),
}


def file(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def read_all(data: bytes) -> dict[str, Any]:
    return {name: tensors.view(info, data) for name, info in tensors.decode_header(data).tensors.items()}


def test_tensors_come_back_as_they_were() -> None:
    data = tensors.encode(TENSORS, {"format": "test/1", "naïve": "日本"})
    assert tensors.decode_header(data).metadata == {"format": "test/1", "naïve": "日本"}
    read = read_all(data)
    assert list(read) == list(TENSORS)
    for name, tensor in TENSORS.items():
        assert read[name].dtype == tensor.dtype
        assert read[name].shape == tensor.shape
        assert read[name].tobytes() == tensor.tobytes()


def test_the_safetensors_library_reads_our_files() -> None:
    data = tensors.encode(TENSORS, {"format": "test/1"})
    read = safetensors.numpy.load(data)
    assert read.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(read[name], tensor, strict=True)


def test_we_read_the_safetensors_library_s_files() -> None:
    data = safetensors.numpy.save(TENSORS, {"format": "test/1"})
    assert tensors.decode_header(data).metadata == {"format": "test/1"}
    for name, tensor in read_all(data).items():
        np.testing.assert_array_equal(tensor, TENSORS[name], strict=True)


def test_tensors_lie_in_the_order_given_and_start_aligned() -> None:
    data = tensors.encode(TENSORS, {})
    places = list(tensors.decode_header(data).tensors.values())
    assert places[0].start == tensors.header_size(data)
    assert places[0].start % 8 == 0
    assert [place.start for place in places[1:]] == [place.end for place in places[:-1]]
    assert places[-1].end == len(data)


def test_a_tensor_is_read_from_a_part_of_the_file() -> None:
    data = tensors.encode(TENSORS, {})
    info = tensors.decode_header(data[: tensors.header_size(data)]).tensors["embedding"]
    part = tensors.view(info, data[info.start - 3 : info.end], data_start=info.start - 3)
    assert part.tobytes() == TENSORS["embedding"].tobytes()
    for cut in (data[info.start : info.end - 1], b""):
        with pytest.raises(CorruptObject, match="ends inside"):
            tensors.view(info, cut, data_start=info.start)
    with pytest.raises(CorruptObject, match="ends inside"):
        tensors.view(info, data, data_start=info.start + 1)


def test_views_are_read_only() -> None:
    for tensor in read_all(tensors.encode(TENSORS, {})).values():
        assert not tensor.flags.writeable


def test_strided_tensors_are_written_as_they_look() -> None:
    tensor = np.arange(24, dtype=np.uint8).reshape(4, 6)[::2, ::-1]
    np.testing.assert_array_equal(read_all(tensors.encode({"a": tensor}, {}))["a"], tensor)


@pytest.mark.parametrize("dtype", ["int16", ">u8", "S16", "bool", "float16", "object"])
def test_other_dtypes_are_refused_and_not_written_as_something_else(dtype: str) -> None:
    with pytest.raises(KeyError):
        tensors.encode({"a": np.zeros(2, dtype)}, {})


def test_a_file_may_hold_no_tensors() -> None:
    assert read_all(tensors.encode({}, {})) == {}


def info(**changes: Any) -> dict[str, Any]:
    return {"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]} | changes}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1234567",
        b"\xff" * 16,  # a header of 16 exabytes
        (tensors.MAX_HEADER_BYTES + 1).to_bytes(8, "little") + b" " * 100,
        file(b""),
        file(b"{"),
        file(b"\xff\xfe{}"),
        file(b"[" * 100_000),  # deeper than the parser goes
        file([]),
        file("text"),
        file(7),
        file(None),
        file({"__metadata__": 7}),
        file({"__metadata__": ["format"]}),
        file({"__metadata__": {"format": 7}}),
        file({"a": None}),
        file({"a": []}),
        file({"a": {}}),
        file(info(dtype="U9"), b"1234"),
        file(info(dtype=["U8"]), b"1234"),
        file(info(shape=4), b"1234"),
        file(info(shape=[5]), b"1234"),
        file(info(shape=[-4]), b"1234"),
        file(info(shape=[-2, -2]), b"1234"),
        file(info(shape=[2.0, 2]), b"1234"),
        file(info(shape=[True, 4]), b"1234"),
        file(info(shape=["4"]), b"1234"),
        file(info(shape=[2**62, 4], data_offsets=[0, 0])),  # 2**64 is 0 in 64 bits
        file(info(shape=[10**400]), b"1234"),
        file(info(shape=[0, 2**63, 2**63], data_offsets=[0, 0])),
        file(info(shape=[0] * 200, data_offsets=[0, 0])),
        file(info(data_offsets=[]), b"1234"),
        file(info(data_offsets=[0]), b"1234"),
        file(info(data_offsets=[0, 4, 8]), b"1234"),
        file(info(data_offsets=[-4, 0]), b"1234"),
        file(info(data_offsets=[4, 0]), b"1234"),
        file(info(data_offsets=["0", "4"]), b"1234"),
        file(info(data_offsets=None), b"1234"),
        file(info(), b"123"),
        file(info(data_offsets=[10**30, 10**30 + 4]), b"1234"),
    ],
)
def test_what_is_no_tensor_file_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptObject):
        read_all(data)


def test_a_file_cut_anywhere_is_corrupt() -> None:
    data = tensors.encode({"a": np.arange(4, dtype=np.uint8), "b": np.ones(3, np.float32)}, {"format": "test/1"})
    for length in range(len(data)):
        with pytest.raises(CorruptObject):
            read_all(data[:length])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.integers() | st.floats() | st.sampled_from(["U8", "F32", ""]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)
headers = st.dictionaries(
    st.sampled_from(["__metadata__", "a", "b"]),
    json_values | st.fixed_dictionaries({"dtype": json_values, "shape": json_values, "data_offsets": json_values}),
)


@quick
@given(headers, st.binary(max_size=8))
def test_any_header_is_either_read_or_corrupt(header: dict[str, Any], body: bytes) -> None:
    try:
        read = read_all(file(header, body))
    except CorruptObject:
        return
    for tensor in read.values():
        assert math.prod(tensor.shape) * tensor.itemsize == tensor.nbytes <= len(body)
