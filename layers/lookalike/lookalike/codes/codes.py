"""The scan tier: embeddings quantised to int8, with the lengths that prove a lower bound of each distance.

Coordinates. A frame gives z = R (x - mean), with the rows of R orthonormal, or z = x. Let a = |x - mean|. The tail is what
R truncates, t = sqrt(a^2 - |z|^2); it is 0 where R is square or absent.

Codes. c = round(z / step), clipped to [-127, 127], one step for all coordinates, so that code distances are distances. The
error e = |z - step c| is the length that quantisation lost, clipping included. The first ``head`` coordinates are scanned for
every row. The body is the other coordinates. Body and tail together have the length r ("rest"), which a scan sees as one more
coordinate of the head, coded from the middle r0 of the rests: round((r - r0) / step). Head and rest have an error h of their own.

Lower bounds. By Pythagoras |x - q|^2 = |z_x - z_q|^2 + (what is outside R)^2, and by the triangle inequality

    |z_x - z_q| >= step |c_x - c_q| - e_x - e_q        |outside_x - outside_q| >= |t_x - t_q|

    head and rest, both coded: |x - q|   >= max(0, step |c_x - c_q| - h_x - h_q - 2 s)
    all, q coded finely:       |x - q|^2 >= max(0, step |c_x - f_q| - e_x - g_q - s)^2 + max(0, |t_x - t_q| - s)^2

with f_q = c_q + a second code 254 times finer, and g_q the error of f_q. The first holds as
|x - q|^2 >= |head_x - head_q|^2 + |r_x - r_q|^2, the squared distance of the heads with their rests beside them; head and rest are
each off by s at most, both together by less than 2 s.

This is the VA-file's idea (Weber, Schek and Blott, VLDB 1998) with errors measured for each row instead of taken from the
grid; the tail's term is Cauchy-Schwarz.

Slack. s covers every inexact step, s = kappa (A + a_q + r0) with A the largest a of the rows:
  - R is orthonormal up to its defect, |R R^T - I| <= delta. The nearest orthonormal matrix differs from R by at most
    delta, and its projector from R^T R by at most delta, so that z, t, e and r are each off by at most 2 delta a.
  - A row's z, e, t, r are computed in float64, off by less than 2^-30 a for up to 4096 dimensions, and stored in float32, off by
    2^-24 of themselves, and none exceeds a + r0 plus a code's length, which is at most 2 a + r0.
  - The bound is evaluated in float32: a handful of roundings of 2^-24 of terms that are at most 4 (A + a_q).
  - The query is projected, and projected back, in float32. By the bound for dot products of n terms, each coordinate is off by
    at most 2 n 2^-24 a_q (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1), and by n 2^-126
    where products are below float32's normal range. That adds
    (coordinates^1/2 dimensions + dimensions^1/2 coordinates) (2^-23 a_q + 2^-126) to s.
kappa = 2^-18 + 8 delta is more than the sum of the other terms. The squares and their sum are off by 2^-22 of themselves, so a limit
is inflated by 2^-20 of itself before bounds are compared with it (``bounds.inflated_square``).

All lengths are in units of the step, so that neither tiny nor huge embeddings leave float32's range. They are capped at
1e18. The cap moves lengths nearer to each other, and leaves errors and slacks above any distance between codes.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lookalike.codes.distance import PackedCodes
from lookalike.codes.rotation import Rotation

TOP_CODE = 127
FINE_SCALE = 2 * TOP_CODE  # an unclipped coordinate loses at most a half: scaled by this, the loss fills a code again
_KAPPA = 2.0**-18
_KAPPA_PER_DEFECT = 8.0
_MOST_LENGTH = 1e18  # its square is in float32's range, and it is above 254 sqrt(4096)
_ROWS_AT_ONCE = 512  # quantised together: their intermediate arrays stay in the processor's cache

_COLUMNS = ("matrix", "rest", "head_error", "error", "tail")

Lengths = npt.NDArray[np.float32]
IntCodes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Frame:
    """How embeddings become codes.

    rotation: None for the embedding's own coordinates; step: of the quantisation; head: how many coordinates a scan reads;
    rest: the middle of the lengths outside the head.
    """

    rotation: Rotation | None
    step: float
    head: int
    rest: float = 0.0

    @property
    def defect(self) -> float:
        return self.rotation.defect if self.rotation else 0.0

    def coordinates(self, dimensions: int) -> int:
        """The number of coordinates of an embedding in this frame."""
        return self.rotation.coordinates if self.rotation else dimensions


@dataclass(frozen=True)
class Codes:
    """The scan tier of some embeddings. Lengths are in units of the frame's step.

    matrix: int8 (rows, coordinates), the head first; rest: int8 (rows,), the codes of the rests; head_error, of head and rest,
    error, of the matrix, and tail: float32 (rows,); reach: the largest distance of a row from the frame's mean.
    """

    frame: Frame
    matrix: IntCodes
    rest: IntCodes
    head_error: Lengths
    error: Lengths
    tail: Lengths
    reach: float

    def __post_init__(self) -> None:
        for name in _COLUMNS:
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.error)

    @property
    def head(self) -> IntCodes:
        """The coordinates that a scan reads of every row, beside the rest: int8 (rows, head)."""
        return self.matrix[:, : self.frame.head]

    @property
    def body(self) -> IntCodes:
        """The other coordinates: int8 (rows, coordinates - head)."""
        return self.matrix[:, self.frame.head :]

    @cached_property
    def packed_head(self) -> PackedCodes:
        """Head and rest in the layout of a scan, made at its first use."""
        return PackedCodes([self.scanned])

    @property
    def scanned(self) -> IntCodes:
        """Head and rest: int8 (rows, head + 1)."""
        return np.concatenate([self.head, self.rest[:, np.newaxis]], axis=1)

    @property
    def column_bytes(self) -> int:
        """Memory of all but what a scan packs."""
        return sum(int(getattr(self, name).nbytes) for name in _COLUMNS)

    def take(self, rows: npt.NDArray[np.int64]) -> "Codes":
        """The codes of these rows, in this order."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})


@dataclass(frozen=True, slots=True)
class CodedQuery:
    """A query in a frame. Lengths in units of the step.

    scanned: int8 (head + 1,), head and rest, up to ``head_error``; coarse, fine: int8 (coordinates,); coarse +
    fine / ``FINE_SCALE`` is the query up to ``error``; slack: s of the bounds.
    """

    scanned: IntCodes
    coarse: IntCodes
    fine: IntCodes
    head_error: float
    error: float
    tail: float
    slack: float

    @property
    def scan_error(self) -> float:
        """The error of a scan's bounds that comes of the query."""
        return self.head_error + 2 * self.slack


def plain_frame(vectors: npt.NDArray[np.float32]) -> Frame:
    """A frame without calibration: the rows' own coordinates, all of them in the head, a step that clips none."""
    largest = float(np.abs(vectors).max(initial=0.0))
    return Frame(None, largest / TOP_CODE or 1.0, vectors.shape[1])


def encode(vectors: npt.NDArray[np.float32], frame: Frame) -> Codes:
    """Quantise embeddings, float32 (rows, dimensions)."""
    rows, dimensions = vectors.shape
    matrix = np.empty((rows, frame.coordinates(dimensions)), np.int8)
    rests = np.empty(rows, np.int8)
    lengths = np.empty((3, rows), np.float32)
    reach = 0.0
    for start in range(0, rows, _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        z, tail_squared, norm_squared = _coordinates(vectors[part], frame)
        codes = _quantise(z)
        matrix[part] = codes
        lost = np.square(z - codes)
        head_lost = lost[:, : frame.head].sum(axis=1)
        rest = _length(np.square(z[:, frame.head :]).sum(axis=1) + tail_squared) - frame.rest / frame.step
        rests[part] = _quantise(rest)
        lengths[0, part] = _length(head_lost + np.square(rest - rests[part]))
        lengths[1, part] = _length(head_lost + lost[:, frame.head :].sum(axis=1))
        lengths[2, part] = _length(tail_squared)
        reach = max(reach, float(norm_squared.max()) ** 0.5)
    head_error, error, tail = lengths
    return Codes(frame, matrix, rests, head_error, error, tail, reach)


@dataclass(frozen=True, slots=True)
class ProjectedQuery:
    """A query in the coordinates of a rotation.

    coordinates: float64 (coordinates,); tail: the truncated length; reach: the distance from the mean; lost: the error that
    float32 may have added.
    """

    coordinates: npt.NDArray[np.float64]
    tail: float
    reach: float
    lost: float


def project_query(query: npt.NDArray[np.float32], rotation: Rotation | None) -> ProjectedQuery:
    """Project a query, float32 (dimensions,), onto the rotation's coordinates."""
    if rotation is None:
        wide = query.astype(np.float64)
        return ProjectedQuery(wide, 0.0, _norm(wide), 0.0)
    coordinates, dimensions = rotation.matrix.shape
    with np.errstate(over="ignore", invalid="ignore"):
        centred = query - rotation.mean
        projected = rotation.matrix @ centred
        outside = centred - projected @ rotation.matrix if coordinates < dimensions else np.zeros(1, np.float32)
    if not np.isfinite(projected).all() or not np.isfinite(outside).all():
        # Beyond float32's range there is no bound: every distance is computed.
        return ProjectedQuery(np.zeros(coordinates), 0.0, 0.0, math.inf)
    reach = _norm(centred.astype(np.float64))
    lost = (coordinates**0.5 * dimensions + dimensions**0.5 * coordinates) * (2.0**-23 * reach + 2.0**-126)
    return ProjectedQuery(projected.astype(np.float64), _norm(outside.astype(np.float64)), reach, lost)


def encode_query(query: ProjectedQuery, frame: Frame, reach: float) -> CodedQuery:
    """Quantise a query that the frame's rotation projected. ``reach``: the largest of the codes that it is compared with."""
    z = query.coordinates / frame.step
    tail = query.tail / frame.step
    rest = _cut(math.hypot(_norm(z[frame.head :]), tail)) - frame.rest / frame.step
    coarse = _quantise(z)
    missed = z - coarse
    scanned = np.append(coarse[: frame.head], np.int8(max(-TOP_CODE, min(TOP_CODE, round(rest)))))
    fine = _quantise(missed * FINE_SCALE)
    kappa = _KAPPA + _KAPPA_PER_DEFECT * frame.defect
    return CodedQuery(
        scanned=scanned,
        coarse=coarse,
        fine=fine,
        head_error=_cut(math.hypot(_norm(missed[: frame.head]), rest - float(scanned[-1]))),
        error=_cut(_norm(missed - fine / FINE_SCALE)),
        tail=_cut(tail),
        slack=_cut(kappa * (reach + (query.reach + frame.rest) / frame.step) + query.lost / frame.step),
    )


def _cut(length: float) -> float:
    return min(length, _MOST_LENGTH)


def _norm(vector: npt.NDArray[np.float64]) -> float:
    return math.sqrt(np.dot(vector, vector))


def _coordinates(
    vectors: npt.NDArray[np.float32], frame: Frame
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """In units of the step, float64: coordinates (rows, coordinates), squared tails (rows,), squared distances from the mean."""
    if frame.rotation is None:
        z = vectors.astype(np.float64) / frame.step
        return z, np.zeros(len(z)), np.square(z).sum(axis=1)
    matrix = frame.rotation.matrix.astype(np.float64)  # rounding a row's products to float32 would loosen every bound
    centred = (vectors.astype(np.float64) - frame.rotation.mean) / frame.step
    z = centred @ matrix.T
    norm_squared = np.square(centred).sum(axis=1)
    if z.shape == centred.shape:
        return z, np.zeros(len(z)), norm_squared
    # Not as a difference of squares, which would lose half of the digits of a short tail.
    tail_squared = np.square(centred - z @ matrix).sum(axis=1)
    return z, tail_squared, norm_squared


def _quantise(z: npt.NDArray[np.float64]) -> IntCodes:
    codes = np.rint(z)
    np.minimum(codes, TOP_CODE, out=codes)
    np.maximum(codes, -TOP_CODE, out=codes)
    return codes.astype(np.int8)


def _length(squared: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.minimum(np.sqrt(squared), _MOST_LENGTH)
