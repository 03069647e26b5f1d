"""Texts: many texts in one piece of memory, as UTF-8 one after the other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt


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

    def take(self, places: npt.NDArray[np.integer]) -> "Texts":
        """The texts at these places, in this order."""
        whole = self.data.tobytes()
        starts, ends = self.starts[:-1][places], self.starts[1:][places]
        parts = [whole[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return Texts(np.frombuffer(b"".join(parts), np.uint8), np.concatenate([[0], np.cumsum(ends - starts)]))

    def firsts(self) -> npt.NDArray[np.int64]:
        """For each text the place of the first text that is equal to it: int64 (texts,)."""
        whole, places = self.data.tobytes(), dict[bytes, int]()
        return np.array(
            [
                places.setdefault(whole[start:end], place)
                for place, (start, end) in enumerate(pairwise(self.starts.tolist()))
            ],
            np.int64,
        )


def join(parts: Sequence[Texts]) -> Texts:
    """The texts of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    bases = np.cumsum([0, *(len(part.data) for part in parts)])
    starts = [part.starts[:-1] + base for part, base in zip(parts, bases[:-1], strict=True)]
    return Texts(np.concatenate([part.data for part in parts]), np.concatenate([*starts, bases[-1:]]))
