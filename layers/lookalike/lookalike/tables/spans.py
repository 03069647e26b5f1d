"""Spans of bytes, a million at a time: copied, compared, and given numbers by which equal ones are found.

NumPy handles the spans of one length together, as items of that many bytes. A span is given by the place of its first byte.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

_AT_ONCE_BYTES = 1 << 18
"""So many bytes are worked on together: they stay in a processor's cache."""
_FEW_RUNS = 32
"""Spans that lie one behind the other are copied together where there are so many in a run, on average."""


def copy(source: Bytes, starts: Places, lengths: Places, target: Bytes) -> None:
    """Copy spans, one behind the other, into ``target``, which has their size."""
    if not len(starts):
        return
    ends = starts + lengths
    to = np.cumsum(lengths) - lengths
    new_runs = np.append(0, np.flatnonzero(starts[1:] != ends[:-1]) + 1)
    if len(new_runs) * _FEW_RUNS <= len(starts):
        run_ends = np.append(new_runs[1:], len(starts)) - 1
        for first, end, at in zip(
            starts[new_runs].tolist(), ends[run_ends].tolist(), to[new_runs].tolist(), strict=True
        ):
            target[at : at + end - first] = source[first:end]
        return
    for length, group in _of_one_length(lengths):
        _items(target, length)[to[group]] = _items(source, length)[starts[group]]


def are_equal(data: Bytes, starts: Places, others: Places, lengths: Places) -> npt.NDArray[np.bool_]:
    """Whether each span from ``starts`` on has the bytes of that from ``others`` on, which is as long: bool (spans,)."""
    equal = np.ones(len(starts), bool)
    for length, group in _of_one_length(lengths):
        items = _items(data, length)
        same = _matrix(items[starts[group]], length) == _matrix(items[others[group]], length)
        equal[group] = same.all(axis=1)
    return equal


def fingerprints(data: Bytes, starts: Places, lengths: Places) -> npt.NDArray[np.uint64]:
    """A number for each span: equal ones have the same, and others most often another. uint64 (spans,)."""
    prints = np.zeros(len(starts), np.uint64)
    keys = _mixed(np.arange(2 * (int(lengths.max(initial=0)) // 8 + 2), dtype=np.uint64)).reshape(-1, 2)
    for length, group in _of_one_length(lengths):
        padded = np.zeros((len(group), -(-length // 8) * 8), np.uint8)
        padded[:, :length] = _matrix(_items(data, length)[starts[group]], length)
        words = padded.view(np.uint64)
        count = words.shape[1]
        words += keys[:count, 0]
        words ^= words >> np.uint64(32)
        words *= keys[:count, 1] | np.uint64(1)
        prints[group] = _mixed(words.sum(axis=1, dtype=np.uint64) + np.uint64(length))
    return prints


def _of_one_length(lengths: Places) -> Iterator[tuple[int, Places]]:
    """Groups of spans of one length above 0, each of a few bytes altogether: the length, and the numbers of the spans."""
    short = int(lengths.max(initial=0)) < 1 << 16
    order = np.argsort(
        lengths.astype(np.uint16) if short else lengths, kind="stable"
    )  # NumPy has a radix sort for 16 bits
    in_order = lengths[order]
    bounds = [*np.flatnonzero(np.diff(in_order, prepend=0)).tolist(), len(in_order)]
    for start, end in pairwise(bounds):
        length = int(in_order[start])
        step = max(1, _AT_ONCE_BYTES // length)
        for first in range(start, end, step):
            yield length, order[first : min(first + step, end)]


def _items(data: Bytes, length: int) -> npt.NDArray[np.void]:
    """All spans of a length, by the place of their first byte, without a copy: they lie over each other."""
    return np.ndarray((len(data) - length + 1,), f"V{length}", data, strides=(1,))


def _matrix(items: npt.NDArray[np.void], length: int) -> Bytes:
    return items.view(np.uint8).reshape(len(items), length)


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Numbers in which each bit depends on all bits of the given ones. Source: splitmix64, G. Steele, D. Lea, C. Flood, 2014."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))
