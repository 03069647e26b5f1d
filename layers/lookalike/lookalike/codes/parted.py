"""The scan tier of embeddings made of parts: codes of each part, and lower bounds that add up under any weights.

A distance of embeddings adds up those of their parts (``layout``), so lower bounds add up as well:

    distance^2 = sum of w_p^2 |x_p - q_p|^2 >= sum of w_p^2 step_p^2 b_p

with b_p the squared lower bound of a part in units of its step, which ``codes`` proves. A part of weight 0 adds nothing, and
nothing of it is read.

The sum is a float32 in units of u^2, u the largest w_p step_p: b = sum of s_p b_p, with s_p = (w_p step_p / u)^2 (1 - d).

No sum leaves float32's range: each s_p is at most 1, and each b_p at most 2e36, as lengths are capped. No sum exceeds what it
stands for, because d outweighs all roundings: for P parts, s_p and its product are each rounded once, and the sum P - 1 times, by
2^-24 of themselves. Below float32's normal range, each product and each of the two squares in b_p may be raised by 2^-150. A sum
below that range counts as 0 (``squared_distances``), and 2^-150 is at most 2^-24 of any other sum. That makes less than
d = (4 P + 4) 2^-24. Where one part alone counts, its bound is the sum, as it is.

A scan packs the heads of all parts side by side. Where all w_p step_p are the same, as calibration makes them for the default
weights, one product gives the distance of the whole codes, and by the triangle inequality, all lengths in steps,

    distance >= u (|c_x - c_q| - h_x - h_q)

with u the smallest w_p step_p, and h the length of the vector of all parts' errors: h_p of a row, and h_p + 2 s of a query. Under other
weights each part's distance is computed alone, by a query that is 0 elsewhere.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt

from lookalike.codes import bounds
from lookalike.codes.codes import (
    CodedQuery,
    Codes,
    Frame,
    IntCodes,
    Lengths,
    ProjectedQuery,
    encode,
    encode_query,
    plain_frame,
    project_query,
)
from lookalike.codes.distance import Integers, PackedCodes, squared_lengths
from lookalike.layout import Layout, Weights

_ROUNDING = 2.0**-24
_EVEN = 2.0**-40
_LARGE_ERROR = 24.0  # in steps, of which rounding loses less than six in 400 coordinates
_SMALLEST_NORMAL = 2.0**-126  # of float32

Numbers = npt.NDArray[np.int64]
Distances = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PartedCodes:
    """The codes of some embeddings: ``parts``, one for each part of the layout and in its order, of the same rows."""

    layout: Layout
    parts: tuple[Codes, ...]

    def __len__(self) -> int:
        return len(self.parts[0])

    @property
    def nbytes(self) -> int:
        return sum(codes.column_bytes for codes in self.parts) + self.packed.nbytes

    @cached_property
    def packed(self) -> PackedCodes:
        """What a scan reads of every row, in its layout, made at its first use: the heads and rests of all parts side by side."""
        if len(self.parts) == 1:
            return self.parts[0].packed_head
        return PackedCodes([codes.scanned for codes in self.parts])

    @cached_property
    def squares(self) -> list[Integers]:
        """The squared lengths of the scanned codes of each part: made at their first use, as default weights need none."""
        return [squared_lengths(codes.scanned) for codes in self.parts]

    @cached_property
    def scan_error(self) -> Lengths:
        """The length of the vector of all parts' errors of a scan, in steps: float32 (rows,), rounded up."""
        squared = sum((np.square(codes.head_error, dtype=np.float64) for codes in self.parts), np.zeros(len(self)))
        error: Lengths = (np.sqrt(squared) * (1 + 4 * _ROUNDING)).astype(np.float32)
        return error

    def take(self, rows: Numbers) -> "PartedCodes":
        """The codes of these rows, in this order."""
        return replace(self, parts=tuple(codes.take(rows) for codes in self.parts))


def plain_frames(vectors: npt.NDArray[np.float32], layout: Layout) -> list[Frame]:
    """Frames without calibration, one for each part."""
    return [plain_frame(vectors[:, columns]) for columns in layout.slices]


def encode_parts(vectors: npt.NDArray[np.float32], layout: Layout, frames: Sequence[Frame]) -> PartedCodes:
    """Quantise embeddings, float32 (rows, dimensions), each part in its frame."""
    parts = (encode(vectors[:, columns], frame) for columns, frame in zip(layout.slices, frames, strict=True))
    return PartedCodes(layout, tuple(parts))


@dataclass(frozen=True, slots=True)
class WeightedQueries:
    """Queries coded for embeddings in the same frames, under weights.

    unit: of bounds, as a distance. Of each part whose weight is above 0: its number in ``parts``, its s_p in ``shares``, and
    its queries in ``queries``.
    """

    unit: float
    parts: tuple[int, ...]
    shares: tuple[np.float32, ...]
    queries: tuple[Sequence[CodedQuery], ...]
    is_even: bool

    def scan(self, codes: PartedCodes, block: int) -> Lengths:
        """Squared lower bounds of the distances of a block of rows, from the heads: float32 (rows,), in units of ``unit``.

        The distance of a row is the smallest to any of the queries.
        """
        if len(codes.parts) == 1:
            return reduce(np.minimum, bounds.scan(codes.parts[0], self.queries[0], block))
        scanned = np.stack([self._scanned(codes, queries) for queries in zip(*self.queries, strict=True)])
        if self.is_even:
            error = codes.scan_error[codes.packed.blocks[block]]
            squared = codes.packed.squared_distances(block, scanned)
            errors = [
                math.hypot(*(query.scan_error for query in queries)) for queries in zip(*self.queries, strict=True)
            ]
            return reduce(
                np.minimum,
                (
                    bounds.less_errors(of_query, error, its_error)
                    for of_query, its_error in zip(squared, errors, strict=True)
                ),
            )
        return reduce(np.minimum, self._scan_by_part(codes, block, scanned))

    def _scan_by_part(self, codes: PartedCodes, block: int, scanned: IntCodes) -> Iterator[Lengths]:
        rows = codes.packed.blocks[block]
        of_parts = codes.packed.squared_distances_of_parts(block, scanned, codes.squares)
        for squared, queries in zip(of_parts, zip(*self.queries, strict=True), strict=True):
            yield self._sum(
                [
                    bounds.less_errors(squared[part], codes.parts[part].head_error[rows], query.scan_error)
                    for part, query in zip(self.parts, queries, strict=True)
                ]
            )

    def _scanned(self, codes: PartedCodes, queries: Sequence[CodedQuery]) -> IntCodes:
        """The code of a whole query: 0 in parts that do not count."""
        of_parts = dict(zip(self.parts, queries, strict=True))
        none = (np.zeros(part.frame.head + 1, np.int8) for part in codes.parts)
        return np.concatenate(
            [of_parts[part].scanned if part in of_parts else zeros for part, zeros in enumerate(none)]
        )

    def refine(self, pieces: Sequence[tuple[PartedCodes, Numbers]]) -> Lengths:
        """Tighter squared lower bounds, from all coordinates of all parts that count. ``pieces``: see ``bounds.refine``."""
        return self._nearest(
            bounds.refine([(codes.parts[part], rows) for codes, rows in pieces], queries)
            for part, queries in zip(self.parts, self.queries, strict=True)
        )

    def squared_limit(self, distance: float) -> np.float32:
        """The largest bound that a row within the distance can have."""
        return bounds.squared_limit(distance, self.unit)

    def squared_distances(self, low: Lengths) -> Distances:
        """Bounds as squared distances; 0 below float32's normal range, where they may have been rounded up."""
        return np.where(low < _SMALLEST_NORMAL, 0.0, low.astype(np.float64) * self.unit**2)

    def _nearest(self, parts: Iterable[Iterable[Lengths]]) -> Lengths:
        return reduce(np.minimum, map(self._sum, zip(*parts, strict=True)))

    def _sum(self, parts: Sequence[Lengths]) -> Lengths:
        """The sum of the parts' bounds, in the first array."""
        total = parts[0]
        if len(parts) > 1:
            total *= self.shares[0]
            for squared, share in zip(parts[1:], self.shares[1:], strict=True):
                total += np.multiply(squared, share, out=squared)
        return total


class WeightedProjections:
    """Queries, float32 (queries, dimensions), to be coded under weights for several sets of codes: each is projected once."""

    def __init__(self, queries: npt.NDArray[np.float32], layout: Layout, weights: Weights) -> None:
        self._queries = queries
        self._slices = layout.slices
        self._parts = tuple(np.flatnonzero(weights).tolist())
        self._weights: list[float] = weights[weights > 0].tolist()
        self._projected: dict[tuple[int, int], Sequence[ProjectedQuery]] = {}

    def frames_of(self, codes: PartedCodes) -> Hashable:
        """Equal for codes that ``coded`` takes together."""
        frames = [codes.parts[part].frame for part in self._parts]
        return tuple((id(frame.rotation), frame.step, frame.head, frame.rest) for frame in frames)

    def coded(self, alike: Sequence[PartedCodes]) -> WeightedQueries:
        """The queries coded for codes in the same frames."""
        frames = [alike[0].parts[part].frame for part in self._parts]
        steps = [weight * frame.step for weight, frame in zip(self._weights, frames, strict=True)]
        least, most = min(steps), max(steps)
        queries = []
        for part, frame in zip(self._parts, frames, strict=True):
            reach = max(codes.parts[part].reach for codes in alike)
            queries.append([encode_query(query, frame, reach) for query in self._project(part, frame)])
        # One part in which a query lies outside of the codes would spoil the whole code's distance.
        are_near = all(query.scan_error < _LARGE_ERROR for of_part in queries for query in of_part)
        is_even = len(frames) == len(alike[0].parts) and most <= least * (1 + _EVEN) and are_near
        unit = least if is_even else most
        deflated = 1 - (4 * len(steps) + 4) * _ROUNDING
        shares = tuple(np.float32((step / unit) ** 2 * deflated) for step in steps)
        return WeightedQueries(unit, self._parts, shares, tuple(queries), is_even)

    def _project(self, part: int, frame: Frame) -> Sequence[ProjectedQuery]:
        key = part, id(frame.rotation)
        if key not in self._projected:
            queries = self._queries[:, self._slices[part]]
            self._projected[key] = [project_query(query, frame.rotation) for query in queries]
        return self._projected[key]
