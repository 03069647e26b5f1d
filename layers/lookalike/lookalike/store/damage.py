"""Damaged bytes: they are found by checks, read once more, and never used.

A check is the CRC-32 of some bytes. It differs wherever one bit differs, or any number of bits within 32 of each other, and
of other damage it misses one in four billion. Where the checks of an object are, its module says: a log segment and a rotation
have one in their names, a manifest in its first bytes, and a segment one for each block that a ranged read may begin or end at.
"""

import logging
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lookalike.errors import CorruptObject

_log = logging.getLogger(__name__)


class _Count:
    """A number that threads add to."""

    def __init__(self) -> None:
        self._count = 0
        self._lock = threading.Lock()

    def add(self) -> None:
        with self._lock:
            self._count += 1

    def take(self) -> int:
        """The number since the last call."""
        with self._lock:
            taken, self._count = self._count, 0
        return taken


DAMAGED_READS = _Count()
"""Reads of this process whose bytes were damaged: functions send the number as a metric."""


def check_of(data: bytes | memoryview) -> int:
    """The check of some bytes: 32 bits."""
    return zlib.crc32(data)


def checks_of(data: bytes | memoryview, block_bytes: int) -> tuple[int, ...]:
    """The check of each block of ``block_bytes``; the last block may be shorter."""
    whole = memoryview(data)
    return tuple(check_of(whole[start : start + block_bytes]) for start in range(0, len(whole), block_bytes))


def verify(data: bytes | memoryview, checks: Sequence[int], block_bytes: int) -> None:
    """Raise CorruptObject unless these are the checks of the data's blocks."""
    if checks_of(data, block_bytes) != tuple(checks):
        raise CorruptObject("the bytes are not those that were written")


@contextmanager
def naming(name: str) -> Iterator[None]:
    """A CorruptObject that is raised within names the object."""
    try:
        yield
    except CorruptObject as error:
        raise CorruptObject(f"{name}: {error}") from error


def undamaged[T](name: str, read: Callable[[], T]) -> T:
    """The result of ``read``; where it raises CorruptObject, that of a second call, as bytes may be damaged on their way.

    Raises CorruptObject that names the object, and what else ``read`` raises.
    """
    try:
        return read()
    except CorruptObject as error:
        DAMAGED_READS.add()
        _log.warning("%s was read damaged, and is read once more: %s", name, error)
    try:
        with naming(name):
            return read()
    except CorruptObject:
        DAMAGED_READS.add()
        raise
