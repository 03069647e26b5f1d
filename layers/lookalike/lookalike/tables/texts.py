"""Texts: many texts in one piece of memory, as UTF-8 one after the other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lookalike.tables import spans


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """``data``: uint8 (bytes,), the texts as UTF-8; ``starts``: int64 (texts + 1,), where each begins and the last one ends."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Texts":
        """These texts, in this order. Raises UnicodeEncodeError where one has half of a surrogate pair."""
        encoded = [text.encode() for text in texts]
        starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), np.uint8), starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, place: int) -> str:
        if not 0 <= place < len(self):
            raise IndexError(f"text {place} of {len(self)}")
        return self.data[self.starts[place] : self.starts[place + 1]].tobytes().decode()

    def __iter__(self) -> Iterator[str]:
        whole = self.data.tobytes()
        ends = self.starts.tolist()
        for start, end in pairwise(ends):
            yield whole[start:end].decode()

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """The bytes of each text: int64 (texts,)."""
        return self.starts[1:] - self.starts[:-1]

    def take(self, places: npt.NDArray[np.integer]) -> "Texts":
        """The texts at these places, in this order."""
        lengths = self.lengths[places]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        data = np.empty(starts[-1], np.uint8)
        spans.copy(self.data, self.starts[:-1][places], lengths, data)
        return Texts(data, starts)

    def firsts(self) -> npt.NDArray[np.int64]:
        """For each text the place of the first text that is equal to it: int64 (texts,)."""
        lengths = self.lengths
        _, first, number = np.unique(
            spans.fingerprints(self.data, self.starts[:-1], lengths), return_index=True, return_inverse=True
        )
        firsts: npt.NDArray[np.int64] = first[number]
        later = np.flatnonzero(firsts != np.arange(len(self)))
        same = lengths[later] == lengths[firsts[later]]
        pairs = later[same]
        same[same] = spans.are_equal(self.data, self.starts[pairs], self.starts[firsts[pairs]], lengths[pairs])
        if not same.all():
            # Other texts of one fingerprint: these alone are told apart one by one.
            doubtful = np.flatnonzero(np.isin(number, number[later[~same]])).tolist()
            known: dict[str, int] = {}
            firsts[doubtful] = [known.setdefault(self[place], place) for place in doubtful]
        return firsts


def join(parts: Sequence[Texts]) -> Texts:
    """The texts of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    bases = np.cumsum([0, *(len(part.data) for part in parts)])
    starts = [part.starts[:-1] + base for part, base in zip(parts, bases[:-1], strict=True)]
    return Texts(np.concatenate([part.data for part in parts]), np.concatenate([*starts, bases[-1:]]))
