"""A record of the work that compaction did."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """Steps of each kind, deleted objects, bytes of segments read and written, and rows folded.

    Each folded row has to be written once; ``bytes_written`` above the size of the folded rows is write amplification.
    """

    folded: int = 0
    merged: int = 0
    measured: int = 0
    drawn: int = 0
    collected: int = 0
    lost_races: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    rows_folded: int = 0

    def as_dict(self) -> dict[str, int]:
        """The work as a mapping, for logs and answers."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))
