"""The layout of an embedding: named parts side by side in one row, each seen with a weight.

One network does not see everything. A part is a vector of its own with a name that says what it sees (``shape``, ``category``,
``colour``), and the distance of two embeddings adds the parts up:

    distance(x, q)^2 = sum over parts p of (w_p |x_p - q_p|)^2

The parts and their dimensions belong to a model and never change in its store. Default weights may change, and a query may
have its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final, Self

import numpy as np
import numpy.typing as npt

MAX_FACTOR: Final = 4.0
"""The largest factor on a default weight that a query may give."""

MAX_WEIGHT: Final = 1000.0
"""The largest default weight of a part: far above any that makes sense, and squares of weighted lengths stay in float32."""

Weights = npt.NDArray[np.float64]
"""The weight of each part in a distance: (parts,), none negative."""


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of an embedding. ``weight``: in distances, where a query gives no other."""

    name: str
    dimensions: int
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.name or self.dimensions < 1 or not 0 <= self.weight <= MAX_WEIGHT:
            raise ValueError(f"{self} is not a part of an embedding")


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of an embedding, in the order in which they stand in a row. Raises ValueError where they make no embedding."""

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not self.parts or len(set(self.names)) < len(self.parts) or not any(part.weight for part in self.parts):
            raise ValueError("an embedding has parts of different names, and a weight above 0")

    @classmethod
    def of_one_part(cls, dimensions: int, name: str = "shape") -> Self:
        """The layout of a model that is one network: one part of weight 1."""
        return cls((Part(name, dimensions),))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The layout that ``str`` wrote. Raises ValueError."""
        try:
            fields = json.loads(text)
            return cls(tuple(Part(str(name), int(dimensions), float(weight)) for name, dimensions, weight in fields))
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"{text!r} is not the layout of an embedding") from error

    def __str__(self) -> str:
        return json.dumps([[part.name, part.dimensions, part.weight] for part in self.parts], separators=(",", ":"))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @property
    def dimensions(self) -> int:
        """Of a whole row."""
        return sum(part.dimensions for part in self.parts)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The columns of each part."""
        ends = accumulate((part.dimensions for part in self.parts), initial=0)
        return tuple(slice(start, end) for start, end in pairwise(ends))

    @property
    def weights(self) -> Weights:
        """The default weights."""
        return np.array([part.weight for part in self.parts])

    def by_column(self, weights: Weights) -> Weights:
        """The weight of each number of a row: (dimensions,). Rows times it are as far apart as the layout says."""
        return np.repeat(weights, [part.dimensions for part in self.parts])

    def has_parts_of(self, other: "Layout") -> bool:
        """Whether rows of both layouts can be compared: the same parts, whatever their weights."""
        return [(part.name, part.dimensions) for part in self.parts] == [
            (part.name, part.dimensions) for part in other.parts
        ]

    def weights_by(self, factors: Mapping[str, float]) -> Weights:
        """The default weights times the factors of some parts; other parts keep theirs.

        Raises ValueError, with words for people, for a part that does not exist, a factor outside 0 to ``MAX_FACTOR``, and
        where no weight above 0 is left.
        """
        for name, factor in factors.items():
            if name not in self.names:
                raise ValueError(f"There is no part {name!r}. The parts are {', '.join(self.names)}.")
            if not 0 <= factor <= MAX_FACTOR:
                raise ValueError(f"The factor of {name} must be a number from 0 to {MAX_FACTOR:g}.")
        weights = self.weights * [factors.get(name, 1.0) for name in self.names]
        if not weights.any():
            raise ValueError("At least one part needs a weight above 0.")
        return weights
