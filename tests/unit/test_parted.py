"""Embeddings of parts: bounds that add up, and searches that are scikit-learn's under any weights."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lookalike.codes import codes as codes_module
from lookalike.codes.codes import Frame
from lookalike.codes.parted import PartedCodes, WeightedProjections, encode_parts, plain_frames
from lookalike.codes.rotation import rotation_of
from lookalike.compaction import calibration
from lookalike.hashes import text_hash
from lookalike.layout import Layout, Part, Weights
from lookalike.search.knn import nearest_products
from tests.support import spectra
from tests.support.catalogues import catalogue, keys_of
from tests.support.fakes import snapshot_of
from tests.support.spectra import Vectors

THREE = Layout((Part("shape", 24), Part("category", 12, 0.5), Part("colour", 3, 2.0)))
MAKERS: Sequence[Callable[[int, int, int], Vectors]] = list(spectra.EVERY.values())


def rows_of(layout: Layout, makers: Sequence[Callable[[int, int, int], Vectors]], seed: int, count: int) -> Vectors:
    """Rows whose parts are each of a kind of their own."""
    parts = zip(layout.parts, makers, strict=True)
    return np.concatenate([make(seed + at, count, part.dimensions) for at, (part, make) in enumerate(parts)], axis=1)


def some_queries(vectors: Vectors, others: Vectors) -> Vectors:
    """Rows, points near rows, and others."""
    near = vectors[1:9] * np.float32(0.7) + vectors[:8] * np.float32(0.3)
    return np.concatenate([vectors[:6], near, others])


def true_distances(vectors: Vectors, query: Vectors, layout: Layout, weights: Weights) -> np.ndarray:
    by_column = layout.by_column(weights).astype(np.longdouble)
    return np.sqrt(np.square((vectors.astype(np.longdouble) - query) * by_column).sum(axis=1)).astype(np.float64)


def assert_bounded(coded: PartedCodes, vectors: Vectors, queries: Vectors, weights: Weights) -> None:
    """As a search decides it: no row whose distance is within a limit is ruled out by it."""
    distances = np.min([true_distances(vectors, query, coded.layout, weights) for query in queries], axis=0)
    projected = WeightedProjections(queries, coded.layout, weights).coded([coded])
    limits = np.array([projected.squared_limit(distance) for distance in distances.tolist()])
    for low in (projected.scan(coded, 0), projected.refine([(coded, np.arange(len(vectors)))])):
        assert (low >= 0).all()
        assert (low <= limits).all(), f"{low[low > limits]} exceeds {limits[low > limits]}"
        assert np.isfinite(low).all()


weights_of_three = npst.arrays(
    np.float64, 3, elements=st.sampled_from([0.0, 1.0]) | st.floats(0, 4) | st.floats(0, 1e-20) | st.floats(0, 1e20)
).filter(lambda weights: weights.any())


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(MAKERS), min_size=3, max_size=3),
    weights_of_three,
    st.sampled_from([1.0, 0.2]),
    st.integers(1, 3),
)
def test_no_sum_of_bounds_exceeds_the_distance(
    makers: Sequence[Callable[[int, int, int], Vectors]], weights: Weights, fineness: float, count: int
) -> None:
    """Whatever the parts are, and however large or small next to each other; also of several queries the nearest."""
    vectors = rows_of(THREE, makers, 1, 60)
    frames = [
        Frame(frame.rotation, frame.step * fineness, max(1, frame.head // 2)) for frame in plain_frames(vectors, THREE)
    ]
    coded = encode_parts(vectors, THREE, frames)
    others = rows_of(THREE, makers, 9, 4)
    scaled = weights / weights.max()
    for start in range(0, 12, count):
        assert_bounded(coded, vectors, some_queries(vectors, others)[start : start + count], scaled)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=24), st.data())
def test_bounds_of_any_number_of_parts_add_up(dimensions: list[int], data: st.DataObject) -> None:
    layout = Layout(tuple(Part(f"part {at}", size) for at, size in enumerate(dimensions)))
    weights = np.array(data.draw(st.lists(st.floats(0, 1), min_size=len(dimensions), max_size=len(dimensions))))
    weights[data.draw(st.integers(0, len(weights) - 1))] = 1.0
    vectors = spectra.far_from_unit(1, 40, layout.dimensions)
    coded = encode_parts(vectors, layout, plain_frames(vectors, layout))
    assert_bounded(coded, vectors, some_queries(vectors, vectors[20:22] * np.float32(1.5))[:3], weights)


def test_bounds_of_parts_are_near_the_distance() -> None:
    """All parts tell: half of the rows are known to be at least nine tenths as far away as they are."""
    vectors = rows_of(THREE, [spectra.isotropic] * 3, 1, 600)
    coded = encode_parts(vectors, THREE, plain_frames(vectors, THREE))
    query = rows_of(THREE, [spectra.isotropic] * 3, 7, 1)
    for weights in (THREE.weights, np.array([1.0, 1, 0]), np.array([0.01, 1, 0.01])):
        projected = WeightedProjections(query, THREE, weights).coded([coded])
        true = true_distances(vectors, query[0], THREE, weights)
        for low in (projected.scan(coded, 0), projected.refine([(coded, np.arange(600))])):
            assert np.median(np.sqrt(projected.squared_distances(low)) / true) > 0.9


def test_an_inexact_rotation_is_reckoned_with_by_the_farthest_rows() -> None:
    """It makes rows seem farther than they are by a share of their own distance: codes that share frames share the slack."""
    rotations = [
        rotation_of(np.zeros(part.dimensions, np.float32), 1.03 * np.eye(part.dimensions, dtype=np.float32))
        for part in THREE.parts
    ]
    vectors = rows_of(THREE, [spectra.isotropic] * 3, 1, 60)
    frames = [Frame(rotation, 2.0**-6, rotation.coordinates) for rotation in rotations]
    near, far = (encode_parts(some, THREE, frames) for some in (vectors / np.float32(64), vectors))
    query = np.zeros((1, THREE.dimensions), np.float32)
    coded = WeightedProjections(query, THREE, THREE.weights).coded([near, far])
    distances = true_distances(vectors, query[0], THREE, THREE.weights)
    limits = np.array([coded.squared_limit(distance) for distance in distances.tolist()])
    assert (coded.scan(far, 0) <= limits).all()
    assert (coded.refine([(far, np.arange(60))]) <= limits).all()


def test_a_part_without_weight_does_not_count() -> None:
    vectors = rows_of(THREE, [spectra.isotropic] * 3, 1, 50)
    others = vectors.copy()
    others[:, THREE.slices[1]] = rows_of(THREE, [spectra.shifted] * 3, 2, 50)[:, THREE.slices[1]]
    frames = plain_frames(vectors, THREE)
    projections = WeightedProjections(vectors[:1], THREE, np.array([1.0, 0, 1]))
    coded, changed = (encode_parts(rows, THREE, frames) for rows in (vectors, others))
    whole = projections.coded([coded])
    assert projections.frames_of(changed) == projections.frames_of(coded)
    assert whole.scan(changed, 0).tolist() == whole.scan(coded, 0).tolist()
    some = np.arange(9)
    assert whole.refine([(changed, some)]).tolist() == whole.refine([(coded, some)]).tolist()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(MAKERS), min_size=3, max_size=3),
    st.sampled_from([1.0, 0.2, 0.01]),
    st.floats(0, 1e-12),
    st.integers(1, 3),
)
def test_no_bound_of_whole_codes_exceeds_the_distance(
    makers: Sequence[Callable[[int, int, int], Vectors]], fineness: float, apart: float, count: int
) -> None:
    """Where the steps of all parts are the same by the weights, up to roundings, a scan compares whole codes."""
    vectors = rows_of(THREE, makers, 3, 60)
    plain = plain_frames(vectors, THREE)
    step = max(frame.step * weight for frame, weight in zip(plain, THREE.weights.tolist(), strict=True)) * fineness
    frames = [
        Frame(None, step / weight * (1 + apart * at), max(1, frame.head // 2), step)
        for at, (frame, weight) in enumerate(zip(plain, THREE.weights.tolist(), strict=True))
    ]
    coded = encode_parts(vectors, THREE, frames)
    queries = some_queries(vectors, rows_of(THREE, makers, 5, 4))
    for start in range(0, 18, count):
        assert_bounded(coded, vectors, queries[start : start + count], THREE.weights / THREE.weights.max())


def test_a_scan_of_whole_codes_tells_what_one_part_after_the_other_does() -> None:
    vectors = rows_of(THREE, [spectra.isotropic] * 3, 4, 300)
    frames = [Frame(None, 2.0**-6 / part.weight, part.dimensions // 2, 0.7) for part in THREE.parts]
    coded = encode_parts(vectors, THREE, frames)
    even, uneven = (
        WeightedProjections(vectors[:1], THREE, THREE.weights * factors).coded([coded])
        for factors in (np.ones(3), np.array([1.0, 1, 1 - 1e-6]))
    )
    assert even.is_even
    assert not uneven.is_even
    found, other = (np.sqrt(queries.squared_distances(queries.scan(coded, 0))) for queries in (even, uneven))
    np.testing.assert_allclose(found, other, atol=0.1)


def test_queries_are_projected_once_for_all_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = rows_of(THREE, [spectra.power_law] * 3, 1, 60)
    rotations = [spectra.fitted(vectors[:, columns], 3) for columns in THREE.slices]
    coarse, fine = (
        encode_parts(vectors, THREE, [Frame(rotation, step, 2) for rotation in rotations]) for step in (0.1, 0.01)
    )
    projections = WeightedProjections(vectors[:2], THREE, THREE.weights)
    assert projections.frames_of(coarse) != projections.frames_of(fine)
    calls: list[object] = []
    project = codes_module.project_query
    monkeypatch.setattr("lookalike.codes.parted.project_query", lambda *args: (calls.append(args), project(*args))[1])
    for coded in (coarse, fine):
        assert (projections.coded([coded]).scan(coded, 0)[:2] == 0).all()
    assert len(calls) == 2 * 3


def test_taken_codes_are_those_of_the_rows_in_every_part() -> None:
    vectors = rows_of(THREE, [spectra.isotropic] * 3, 1, 30)
    frames = plain_frames(vectors, THREE)
    order = np.random.default_rng(0).permutation(30)
    taken = encode_parts(vectors, THREE, frames).take(order)
    fresh = encode_parts(vectors[order], THREE, frames)
    assert len(taken) == 30
    for one, other in zip(taken.parts, fresh.parts, strict=True):
        np.testing.assert_array_equal(one.matrix, other.matrix)
        np.testing.assert_array_equal(one.tail, other.tail)


# --- searches ---------------------------------------------------------------------------------------------------------


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    weights = draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 2.0]), min_size=len(sizes), max_size=len(sizes)))
    weights[draw(st.integers(0, len(sizes) - 1))] = 1.0
    return Layout(
        tuple(Part(f"part {at}", size, weight) for at, (size, weight) in enumerate(zip(sizes, weights, strict=True)))
    )


def ranked(
    vectors: Vectors, queries: Vectors, keys: Sequence[str], products: Sequence[str], by_column: Weights
) -> list:
    """Product, key and distance of each product's nearest row, by differences in float64."""
    differences = (vectors[np.newaxis].astype(np.float64) - queries[:, np.newaxis]) * by_column
    distances = np.sqrt(np.square(differences).sum(axis=2)).min(axis=0)
    nearest: dict[str, tuple[float, str]] = {}
    for distance, key, product in sorted(zip(distances.tolist(), keys, products, strict=True)):
        nearest.setdefault(product, (distance, key))
    return [(product, key, distance) for product, (distance, key) in nearest.items()]


@settings(max_examples=200, deadline=None)
@given(st.data(), layouts(), st.sampled_from([1.0, 2.0**-4, 2.0**20, 2.0**-76]), st.integers(1, 3), st.integers(1, 9))
def test_ties_are_ordered_by_key_under_any_weights(
    data: st.DataObject, layout: Layout, scale: float, count: int, k: int
) -> None:
    """Small integers, and weights that are powers of two: distances are computed without rounding, so that ties are ties."""
    shape = st.tuples(st.integers(count + 1, 25), st.just(layout.dimensions))
    grid = data.draw(npst.arrays(np.int8, shape, elements=st.integers(-3, 3))).astype(np.float32) * np.float32(scale)
    queries, vectors = grid[:count], grid[count:]
    factors = {name: data.draw(st.sampled_from([0.0, 0.5, 1.0, 4.0])) for name in layout.names[1:]}
    weights = data.draw(st.none() | st.just(layout.weights * [1.0, *factors.values()]).filter(lambda w: w.any()))
    keys, products = keys_of(len(vectors)), [str(at // 2) for at in range(len(vectors))]
    snapshot = snapshot_of(vectors, keys, products, shards=2, layout=layout)

    found = nearest_products(snapshot, queries, k=k, weights=weights, exclude=[text_hash("1")]).neighbours

    expected = ranked(
        vectors, queries, keys, products, layout.by_column(layout.weights if weights is None else weights)
    )
    assert [(near.product_id, near.key, near.distance) for near in found] == [
        item for item in expected if item[0] != "1"
    ][:k]


@settings(max_examples=200, deadline=None)
@given(
    npst.arrays(
        np.float32,
        st.tuples(st.integers(2, 14), st.just(39)),
        elements=st.floats(-(2.0**40), 2.0**40, width=32, allow_subnormal=True) | st.floats(-1, 1, width=32),
    ),
    weights_of_three,
    st.integers(1, 6),
)
def test_no_nearer_product_is_missed_under_any_weights(rows: Vectors, weights: Weights, k: int) -> None:
    queries, vectors = rows[:1], rows[1:]
    keys = keys_of(len(vectors))
    expected = ranked(vectors, queries, keys, keys, THREE.by_column(weights))

    found = nearest_products(
        snapshot_of(vectors, keys, keys, layout=THREE), queries[0], k=k, weights=weights
    ).neighbours

    exact = {key: distance for _, key, distance in expected}
    assert len(found) == min(k, len(vectors))
    assert [near.distance for near in found] == pytest.approx([exact[near.key] for near in found], rel=1e-12)
    assert [near.distance for near in found] == pytest.approx([item[2] for item in expected[:k]], rel=1e-12)


@pytest.mark.parametrize(
    "weights", [[0.0, 0, 0], [1, 1], [1, 1, 1, 1], [1, -1, 1], [np.nan, 1, 1], [np.inf, 1, 1], [1e300, 0, 0]]
)
def test_what_are_no_weights_is_an_error(weights: list[float]) -> None:
    vectors = rows_of(THREE, [spectra.isotropic] * 3, 1, 9)
    with pytest.raises(ValueError, match="weights"):
        nearest_products(
            snapshot_of(vectors, keys_of(9), keys_of(9), layout=THREE), vectors[0], k=1, weights=np.array(weights)
        )


@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_weights_of_any_size_scale_the_distances_alone(scale: float) -> None:
    vectors = rows_of(THREE, [spectra.isotropic] * 3, 1, 90)
    snapshot = snapshot_of(vectors, keys_of(90), keys_of(90), layout=THREE)
    plain = nearest_products(snapshot, vectors[0], k=9).neighbours
    scaled = nearest_products(snapshot, vectors[0], k=9, weights=THREE.weights * scale).neighbours
    assert [near.key for near in scaled] == [near.key for near in plain]
    assert [near.distance for near in scaled] == pytest.approx([near.distance * scale for near in plain], rel=1e-12)


def test_a_store_of_calibrated_parts_is_searched_exactly_with_few_rows_computed() -> None:
    makers = [spectra.power_law] * 3
    layout = Layout((Part("shape", 64), Part("category", 32, 0.7), Part("colour", 8, 0.4)))
    vectors = rows_of(layout, makers, 3, 6000)
    shop = catalogue(vectors, layout=layout, choose=calibration.choose, read_at_once=100_000)
    queries = rows_of(layout, makers, 33, 40)
    everything = np.ones((len(queries), len(vectors)), bool)
    for weights in (None, np.array([1.0, 0, 0]), np.array([0.3, 2, 1])):
        answers = [nearest_products(shop.snapshot, query, k=5, weights=weights) for query in queries]
        expected = shop.expected(queries, [5] * len(queries), found=everything, weights=weights)
        for answer, theirs in zip(answers, expected, strict=True):
            assert [(near.product_id, near.key) for near in answer.neighbours] == [item[:2] for item in theirs]
        assert np.median([answer.rows_exact for answer in answers]) < 300
