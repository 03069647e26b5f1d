"""A record of the work that compaction did."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """What compaction did: steps of each kind, objects collected, bytes of segments read and written, rows folded.

    The rows folded times their size is what had to be written once; ``bytes_written`` above that is write amplification.
    """

    folded: int = 0
    merged: int = 0
    collected: int = 0
    lost_races: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    rows_folded: int = 0

    def as_dict(self) -> dict[str, int]:
        """The same as a mapping, for logs and answers."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __add__(self, other: "Work") -> "Work":
        return Work(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))
