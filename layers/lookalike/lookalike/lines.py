"""Lists that wait on the disk of this machine, one a line of JSON, in a file without a name that goes with the process."""

import json
import tempfile
from collections.abc import Iterator
from typing import Any, Self


class Lines:
    """Lists in the order in which they were added, until this is closed."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as this object
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def append(self, values: list[Any]) -> int:
        """Add a list, and return its place."""
        place = self._end
        self._file.seek(place)
        self._end += self._file.write(json.dumps(values, separators=(",", ":")).encode() + b"\n")
        return place

    def read(self, place: int) -> list[Any]:
        """The list at a place. Tuples have become lists."""
        self._file.seek(place)
        values: list[Any] = json.loads(self._file.readline())
        return values

    def __iter__(self) -> Iterator[list[Any]]:
        """All lists, in order. Several may be iterated at once."""
        place = 0
        while place < self._end:
            self._file.seek(place)
            line = self._file.readline()
            place += len(line)
            yield json.loads(line)
