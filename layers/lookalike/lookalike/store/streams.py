"""Streams: arrays of one axis, packed into deflated chunks one behind the other.

An array is of unsigned integers or of float64. Its items take as few bytes as the largest integer needs. All first bytes come
first, then all second ones, and so on: bytes of one significance are alike, so they deflate better.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject
from lookalike.store import chunks

CHUNK_BYTES = 1 << 20
_FAST = 1
"""The level of deflate. Higher ones take several times as long for a few bytes less."""
_FLOAT = 0
"""The width of float64 in a description: no integer has it."""

Stream = npt.NDArray[Any]


class StreamWriter:
    """Collects the chunks of streams, and what a reader has to know of each stream: its items, and their bytes."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.sizes: list[tuple[int, int]] = []

    def add(self, stream: Stream) -> None:
        """Add an array of unsigned integers, or of float64."""
        if stream.dtype == np.float64:
            width, used = _FLOAT, 8
        else:
            width = used = max(1, (int(stream.max(initial=0)).bit_length() + 7) // 8)
        little = np.ascontiguousarray(stream, stream.dtype.newbyteorder("<"))
        planes = little.view(np.uint8).reshape(len(stream), stream.itemsize)[:, :used]
        self.chunks += [
            chunks.deflate(piece, level=_FAST) for piece in _pieces(np.ascontiguousarray(planes.T).reshape(-1))
        ]
        self.sizes.append((len(stream), width))


class StreamReader:
    """Gives the streams again, in the order in which they were added."""

    def __init__(self, sizes: Any, deflated: Sequence[chunks.Bytes]) -> None:
        """``sizes``: as the writer has them, from JSON; they may be anything. Raises CorruptObject where they do not fit."""
        if not isinstance(sizes, list) or not all(_is_size(size) for size in sizes):
            raise CorruptObject("streams have no sizes")
        if sum(-(-items * (width or 8) // CHUNK_BYTES) for items, width in sizes) != len(deflated):
            raise CorruptObject(f"there are {len(deflated)} chunks for other streams")
        self._sizes = iter(sizes)
        self._deflated = iter(deflated)

    def integers(self) -> Stream:
        """The next stream, of uint8 or uint64. Raises CorruptObject."""
        items, width = self._next()
        if width == _FLOAT:
            raise CorruptObject("a stream has numbers instead of integers")
        planes = self._inflated(items * width)
        if width == 1:
            return planes
        whole = np.zeros((items, 8), np.uint8)
        whole[:, :width] = planes.reshape(width, items).T
        return whole.reshape(-1).view("<u8").astype(np.uint64, copy=False)

    def numbers(self) -> npt.NDArray[np.float64]:
        """The next stream, of float64. Raises CorruptObject."""
        items, width = self._next()
        if width != _FLOAT:
            raise CorruptObject("a stream has integers instead of numbers")
        whole = np.ascontiguousarray(self._inflated(items * 8).reshape(8, items).T)
        return whole.reshape(-1).view("<f8").astype(np.float64, copy=False)

    def end(self) -> None:
        """Raise CorruptObject if there is another stream."""
        if next(self._sizes, None):
            raise CorruptObject("there are more streams than columns")

    def _next(self) -> tuple[int, int]:
        size = next(self._sizes, None)
        if size is None:
            raise CorruptObject("there are fewer streams than columns")
        items, width = size
        return items, width

    def _inflated(self, size: int) -> chunks.Bytes:
        whole = np.empty(size, np.uint8)
        for piece in _pieces(whole):
            inflated = chunks.inflate(next(self._deflated), len(piece))
            if len(inflated) != len(piece):
                raise CorruptObject("a chunk is too short")
            piece[:] = np.frombuffer(inflated, np.uint8)
        return whole


def _is_size(size: Any) -> bool:
    return (
        isinstance(size, list)
        and len(size) == 2
        and all(type(number) is int for number in size)
        and size[0] >= 0
        and 0 <= size[1] <= 8
    )


def _pieces(data: Stream) -> Iterator[Stream]:
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]
