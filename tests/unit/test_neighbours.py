"""How near photos of a catalogue lie to each other, and the words that a match gets by it."""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.hashes import text_hash
from lookalike.layout import Layout, Part, Weights
from lookalike.search.match import FEWEST, Match, match_scale
from lookalike.store import neighbours
from lookalike.store.neighbours import NEAR_IDENTICAL, NeighbourSample, Sampler, sampled
from tests.support.rows import quick

NAMES = ("shape", "category", "colour")


@dataclass(frozen=True)
class Photos:
    """Photos of a made-up catalogue, some of them near-identical to others."""

    layout: Layout
    embeddings: np.ndarray
    products: np.ndarray

    def nearest(self, photo: int) -> float:
        """The distance of the nearest photo of another product that is not near-identical, one photo after the other."""
        distances = []
        for other, embedding in enumerate(self.embeddings.astype(np.float64)):
            parts = [float(np.linalg.norm((embedding - self.embeddings[photo])[part])) for part in self.layout.slices]
            is_identical = all(part <= NEAR_IDENTICAL for part in parts)
            if self.products[other] != self.products[photo] and not is_identical:
                distances.append(math.hypot(*np.multiply(self.layout.weights, parts)))
        return min(distances, default=math.inf)


@st.composite
def catalogues(draw: st.DrawFn) -> Photos:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = draw(st.lists(st.floats(0, 4), min_size=1, max_size=3).filter(any))
    layout = Layout(
        tuple(Part(name, int(rng.integers(1, 9)), weight) for name, weight in zip(NAMES, weights, strict=False))
    )
    count = draw(st.integers(1, 40))
    embeddings = rng.standard_normal((count, layout.dimensions))
    copied = rng.integers(0, count, count // 3)
    embeddings[: len(copied)] = embeddings[copied] + 0.02 * rng.standard_normal((len(copied), layout.dimensions))
    for part in layout.slices:
        embeddings[:, part] /= np.linalg.norm(embeddings[:, part], axis=1, keepdims=True)
    products = np.array([text_hash(str(number)) for number in rng.integers(0, draw(st.integers(1, 30)), count)], "S16")
    return Photos(layout, embeddings.astype(np.float32), products)


@quick
@given(catalogues(), st.integers(1, 40), st.integers(1, 50))
def test_neighbours_are_those_of_comparing_all_pairs(photos: Photos, at_once: int, queries: int) -> None:
    sampler = Sampler(photos.layout, photos.embeddings[:queries], photos.products[:queries])
    for start in range(0, len(photos.embeddings), at_once):
        sampler.add(photos.embeddings[start : start + at_once], photos.products[start : start + at_once])

    found = sampler.sample().distances(photos.layout.weights)

    expected = [photos.nearest(photo) for photo in range(min(queries, len(photos.embeddings)))]
    # Float32 chooses the nearest, and the distance is kept in four digits.
    np.testing.assert_allclose(found, [distance for distance in expected if distance < math.inf], rtol=2e-4, atol=2e-3)


@st.composite
def samples(draw: st.DrawFn) -> NeighbourSample:
    parts = draw(st.integers(1, 3))
    layout = Layout(tuple(Part(name, 4, draw(st.floats(0.01, 4))) for name in NAMES[:parts]))
    row = st.tuples(*[st.floats(0, 4)] * parts)
    return NeighbourSample(layout, 7, 90, 1_700_000_000_000, tuple(draw(st.lists(row, max_size=60))))


factors = st.lists(st.floats(0, 4), min_size=3, max_size=3)


@quick
@given(samples(), factors)
def test_a_match_is_judged_by_quantiles_of_the_weighted_distances(sample: NeighbourSample, given: list[float]) -> None:
    weights: Weights = sample.layout.weights * given[: len(sample.layout.parts)]

    scale = match_scale(sample, weights)

    distances = sorted(
        math.hypot(*(w * math.sqrt(d) for w, d in zip(weights, row, strict=True))) for row in sample.squared
    )
    assert (scale is None) == (len(distances) < FEWEST)
    if scale is not None:
        np.testing.assert_allclose([scale.strong, scale.fair], np.quantile(distances, [0.5, 0.99]), atol=1e-9)
        assert scale.is_rescaled == (weights.tolist() != sample.layout.weights.tolist())
        assert scale.match(scale.strong) is Match.STRONG
        assert scale.match(math.nextafter(scale.fair, math.inf)) is Match.WEAK
        assert scale.match(0.0) is Match.STRONG


def test_a_match_between_the_quantiles_is_fair() -> None:
    layout = Layout.of_one_part(4)
    scale = match_scale(
        NeighbourSample(layout, 1, 200, 0, tuple((number**2,) for number in range(200))), layout.weights
    )
    assert scale is not None
    words = [scale.match(distance) for distance in (0, 99, 100, 197, 198, 1e9)]
    assert words == ["strong", "strong", "fair", "fair", "weak", "weak"]


def test_without_a_sample_there_is_no_scale() -> None:
    assert match_scale(None, np.ones(1)) is None


@quick
@given(samples())
def test_a_sample_comes_back_as_it_was(sample: NeighbourSample) -> None:
    assert neighbours.from_json(json.loads(json.dumps(sample.as_json()))) == sample


@pytest.mark.parametrize(
    "changes",
    [
        {"layout": "shape"},
        {"layout": None},
        {"squared": [[1.0, 2.0]]},
        {"squared": [[1.0], []]},
        {"squared": [[-1.0]]},
        {"squared": [[float("nan")]]},
        {"squared": [["far"]]},
        {"squared": 7},
        {"version": -1},
        {"puts": 1.5},
        {"puts": None},
        {"measured_ms": "today"},
        {"measured_ms": True},
    ],
)
def test_what_is_no_sample_is_refused(changes: dict[str, Any]) -> None:
    good = NeighbourSample(Layout.of_one_part(4), 1, 20, 5, ((0.5,), (1.0,))).as_json()
    neighbours.from_json(good)
    with pytest.raises((ValueError, TypeError, LookupError)):
        neighbours.from_json(good | changes)


def test_the_sampled_photos_do_not_depend_on_their_places() -> None:
    keys = np.array([text_hash(str(number)) for number in range(5000)], "S16")
    shuffled = np.random.default_rng(1).permutation(keys)
    chosen = set(keys[sampled(keys, 512)].tolist())
    assert len(chosen) == 512
    assert set(shuffled[sampled(shuffled, 512)].tolist()) == chosen
    half = keys[:2500]  # as after deletions: those that are left stay in the sample
    assert chosen & set(half.tolist()) <= set(half[sampled(half, 512)].tolist())
    assert sampled(keys[:3], 512).tolist() == [0, 1, 2]
