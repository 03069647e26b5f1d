"""Places in the plane for embeddings, such that photos that look alike are near each other.

t-SNE of some photos, the landmarks, takes seconds; of all photos of a large catalogue it would take an hour. Every photo is placed at
the weighted mean of the landmarks that it is nearest to. Distances are taken along the principal axes of the landmarks.
"""

import math

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from lookalike.store.map_file import SIDE, Places
from lookalike.store.rows import Embeddings

LANDMARKS = 2048
_PERPLEXITY = 30
_FEWEST = 3 * _PERPLEXITY + 1  # landmarks of t-SNE; fewer are shown along their two principal axes
_AXES = 50
_NEAREST = 5
_AT_ONCE = 2048
_TINY = 1e-12  # of squared distances, which are at most 4 here
_JITTER = 0.2  # of the distance from the nearest landmark to the next one
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_ROUNDS = 20
_SPIRAL = 16  # places from one photo to the next where many are alike

Points = npt.NDArray[np.float64]


class Landscape:
    """Landmarks with their points in the plane.

    ``landmarks``: float32 (landmarks, dimensions), at least one; ``scales``: of the columns, float32 (dimensions,). The same landmarks give
    the same points.
    """

    def __init__(self, landmarks: Embeddings, scales: npt.NDArray[np.float32]) -> None:
        self._scales = scales
        scaled = landmarks.astype(np.float64) * scales
        self._centre = scaled.mean(axis=0)
        scaled -= self._centre
        # float64: squares of any float32 are in its range.
        self._size = float(np.abs(scaled).max()) or 1.0
        scaled /= self._size
        _, axes = np.linalg.eigh(scaled.T @ scaled)
        axes = axes[:, ::-1][:, :_AXES]
        strongest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
        self._axes = axes * np.where(strongest < 0, -1, 1)
        self._landmarks = scaled @ self._axes
        self._points = _embedded(self._landmarks) if len(landmarks) >= _FEWEST else None
        self._spacing = 0.0 if self._points is None else _spacing(self._points)

    def points(self, embeddings: Embeddings, chance: Points) -> Points:
        """The points of photos: float64 (photos, 2).

        ``embeddings``: float32 (photos, dimensions). ``chance``: numbers from 0 to 1, (photos, 2), that move photos apart where they look
        like the same landmark.
        """
        some = range(0, len(embeddings), _AT_ONCE)
        found = [
            self._some_points(embeddings[start : start + _AT_ONCE], chance[start : start + _AT_ONCE]) for start in some
        ]
        return np.concatenate([np.empty((0, 2)), *found])

    def _some_points(self, embeddings: Embeddings, chance: Points) -> Points:
        along = ((embeddings.astype(np.float64) * self._scales - self._centre) / self._size) @ self._axes
        if self._points is None:
            return _two_axes(along)
        squared = np.square(along).sum(axis=1)[:, np.newaxis] - 2 * along @ self._landmarks.T
        squared += np.square(self._landmarks).sum(axis=1)
        nearest = np.argpartition(squared, _NEAREST, axis=1)[:, :_NEAREST]
        near = np.maximum(np.take_along_axis(squared, nearest, axis=1), 0)
        by_distance = np.argsort(near, axis=1, kind="stable")
        nearest, near = (np.take_along_axis(values, by_distance, axis=1) for values in (nearest, near))
        weights = 1 / np.square(np.maximum(near, _TINY))
        weights /= weights.sum(axis=1, keepdims=True)
        targets = self._points[nearest]
        beside = np.linalg.norm(targets[:, 1] - targets[:, 0], axis=1)
        reach = _JITTER * np.minimum(beside, 2 * self._spacing) * np.sqrt(chance[:, 1])
        turn = 2 * np.pi * chance[:, 0]
        aside = np.stack([np.cos(turn), np.sin(turn)], axis=1) * reach[:, np.newaxis]
        points: Points = (weights[:, :, np.newaxis] * targets).sum(axis=1) + aside
        return points


def places_of(points: Points) -> Places:
    """Points on the map's grid, in their proportions, each at a place of its own: uint32 (points, 2)."""
    if not len(points):
        return np.empty((0, 2), np.uint32)
    least, most = points.min(axis=0), points.max(axis=0)
    extent = float((most - least).max()) or 1.0
    exact = (points - (least + most) / 2) / extent * (SIDE - 1) + (SIDE - 1) / 2
    cells = np.clip(np.rint(exact), 0, SIDE - 1).astype(np.int64)
    for reach in range(1, _ROUNDS):
        # All but the first at a place move onto a spiral around it, farther out in each round.
        one = cells[:, 0] * SIDE + cells[:, 1]
        by_place = np.argsort(one, kind="stable")
        starts = np.flatnonzero(np.append(True, one[by_place][1:] != one[by_place][:-1]))
        number = np.arange(len(one)) - np.repeat(starts, np.diff(np.append(starts, len(one))))
        moved, number = by_place[number > 0], number[number > 0]
        if not len(moved):
            break
        turn, out = _GOLDEN_ANGLE * number, reach * _SPIRAL * np.sqrt(number)
        cells[moved] += np.rint(np.stack([np.cos(turn), np.sin(turn)], axis=1) * out[:, np.newaxis]).astype(np.int64)
        np.clip(cells, 0, SIDE - 1, out=cells)
    return cells.astype(np.uint32)


def _embedded(landmarks: Points) -> Points:
    """Points of landmarks by t-SNE, which begins with their two principal axes: float64 (landmarks, 2)."""
    begin = _two_axes(landmarks)
    begin = begin / (begin[:, 0].std() or 1.0) + np.random.default_rng(0).standard_normal(begin.shape) * 1e-3
    scaled = landmarks / (landmarks.std() or 1.0)
    tsne = TSNE(perplexity=_PERPLEXITY, init=(begin * 1e-4).astype(np.float32), random_state=0)
    with threadpool_limits(1):  # sums over threads come in an order of their own
        points: Points = tsne.fit_transform(scaled.astype(np.float32)).astype(np.float64)
    return points


def _spacing(points: Points) -> float:
    """The median distance from a point to the nearest other one."""
    distances, _ = NearestNeighbors(n_neighbors=2, algorithm="kd_tree").fit(points).kneighbors(points)
    return float(np.median(distances[:, 1]))


def _two_axes(along: Points) -> Points:
    """The first two of the axes, or one and zeros: float64 (photos, 2)."""
    return np.concatenate([along[:, :2], np.zeros((len(along), 2))], axis=1)[:, :2]
