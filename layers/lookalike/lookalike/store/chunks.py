"""Chunks: data deflated piece by piece, so that pieces can be inflated in parallel, or a few of them alone."""

import zlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from lookalike.errors import CorruptObject

Bytes = npt.NDArray[np.uint8]


def deflate(data: npt.NDArray[Any] | bytes, *, huffman_only: bool = False, level: int = 6) -> bytes:
    """The data deflated, without a header. ``huffman_only``: faster, and as small for data without repetitions.

    ``level``: 1 is fast, 9 gives the fewest bytes.
    """
    strategy = zlib.Z_HUFFMAN_ONLY if huffman_only else zlib.Z_DEFAULT_STRATEGY
    deflater = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
    return deflater.compress(data) + deflater.flush()


def inflate(chunk: Bytes, at_most_bytes: int = 0) -> bytes:
    """The chunk's bytes; any number of them where ``at_most_bytes`` is 0. Raises CorruptObject."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(chunk, at_most_bytes and at_most_bytes + 1)
    except zlib.error as error:
        raise CorruptObject(f"a deflated chunk is damaged: {error}") from error
    if 0 < at_most_bytes < len(data):
        raise CorruptObject("a deflated chunk is longer than it may be")
    if not inflater.eof:
        raise CorruptObject("a deflated chunk ends early")
    return data


def join(parts: Iterable[bytes]) -> tuple[Bytes, npt.NDArray[np.uint64]]:
    """All chunks as one, and the end of each."""
    joined = list(parts)
    ends = np.cumsum([len(part) for part in joined], dtype=np.uint64)
    return np.frombuffer(b"".join(joined), np.uint8), ends


def split(data: Bytes, ends: npt.NDArray[np.uint64]) -> list[Bytes]:
    """The chunks again. Raises CorruptObject."""
    bounds = [0, *map(int, ends)]
    if bounds != sorted(bounds) or bounds[-1] != len(data):
        raise CorruptObject("chunk offsets do not cover the data")
    return [data[start:end] for start, end in pairwise(bounds)]
