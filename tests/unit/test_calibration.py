"""What calibration chooses is worth its name; that it is searched exactly is for other tests."""

import numpy as np
import pytest

from lookalike.codes import bounds
from lookalike.codes.codes import Codes, encode, encode_query, plain_frame, project_query
from lookalike.codes.parted import PartedCodes
from lookalike.compaction.calibration import MIN_ROWS, Choice, choose, put_permutation
from lookalike.layout import Layout, Part
from tests.support import spectra
from tests.support.spectra import Vectors


def turned_clusters(seed: int, rows: int, dimensions: int) -> Vectors:
    """As trained embeddings are: many loose clusters, and variances that fall along directions not the coordinates'."""
    centres = spectra.power_law(seed, 60, dimensions).astype(np.float64)
    of = np.random.default_rng(seed).integers(60, size=rows)
    return spectra.unit(centres[of] + 0.6 * spectra.power_law(seed + 1, rows, dimensions))


def alone(codes: Codes) -> PartedCodes:
    """Codes of embeddings of one part."""
    return PartedCodes(Layout.of_one_part(8), (codes,))


def choose_for_one_part(vectors: Vectors, rows: int) -> Choice:
    return choose(vectors, rows, Layout.of_one_part(vectors.shape[1]))


def refined_and_left(
    choice: Choice, vectors: Vectors, layout: Layout | None = None, *, k: int = 5
) -> tuple[float, float]:
    """Means of the rows that the scan leaves within the k-th distance, and that are left after refining."""
    layout = layout or Layout.of_one_part(vectors.shape[1])
    weights = np.repeat(layout.weights, [part.dimensions for part in layout.parts])
    parts = [vectors[:, columns] for columns in layout.slices]
    codes = [encode(part, frame) for part, frame in zip(parts, choice.frames, strict=True)]
    every = np.arange(len(vectors))
    refined, left = [], []
    for row in range(0, len(vectors), len(vectors) // 15):
        distance = float(np.partition(np.linalg.norm((vectors - vectors[row]) * weights, axis=1), k)[k])
        scanned, finely = np.zeros(len(vectors)), np.zeros(len(vectors))
        for part, coded, weight in zip(parts, codes, layout.weights, strict=True):
            query = [encode_query(project_query(part[row], coded.frame.rotation), coded.frame, coded.reach)]
            unit = (weight * coded.frame.step) ** 2
            scanned += unit * next(bounds.scan(coded, query, 0))
            finely += unit * next(bounds.refine([(coded, every)], query))
        within = scanned <= distance**2
        refined.append(np.count_nonzero(within))
        left.append(np.count_nonzero(within & (finely <= distance**2)))
    return float(np.mean(refined)), float(np.mean(left))


@pytest.fixture(scope="module")
def chosen() -> tuple[Vectors, Choice]:
    vectors = turned_clusters(1, MIN_ROWS, 128)
    return vectors, choose_for_one_part(vectors, MIN_ROWS)


def test_embeddings_along_few_directions_get_a_rotation_that_leaves_few_rows(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    (frame,) = choice.frames
    assert frame.rotation is not None
    assert frame.rotation.defect < 1e-4
    refined, left = refined_and_left(choice, vectors)
    assert refined < MIN_ROWS / 20
    assert left < MIN_ROWS / 60


def test_features_of_a_classifier_get_a_rotation() -> None:
    """Not of unit length, none negative, and half of them 0."""
    features = np.maximum(turned_clusters(7, MIN_ROWS, 160) * 40, 0)
    choice = choose_for_one_part(features, MIN_ROWS)
    assert choice.frames[0].rotation is not None
    refined, _ = refined_and_left(choice, features)
    assert refined < MIN_ROWS / 20


def test_what_is_measured_is_what_searches_do(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    refined, left = refined_and_left(choice, vectors)
    assert refined / 3 <= choice.rows_refined <= refined * 3
    assert left / 3 <= choice.rows_exact <= left * 3


def test_what_is_measured_of_a_part_of_the_rows_is_told_for_the_whole(chosen: tuple[Vectors, Choice]) -> None:
    vectors, _ = chosen
    layout = Layout.of_one_part(128)
    whole, some = choose(vectors, 10**6, layout), choose(vectors[: len(vectors) // 2], 10**6, layout)
    assert whole.rows_refined == pytest.approx(some.rows_refined, rel=1)


def test_calibration_comes_out_the_same_each_time(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    (frame,), (again,) = choice.frames, choose_for_one_part(vectors, MIN_ROWS).frames
    assert (again.step, again.head, again.rest) == (frame.step, frame.head, frame.rest)
    assert again.rotation is not None
    assert frame.rotation is not None
    np.testing.assert_array_equal(again.rotation.matrix, frame.rotation.matrix)


def test_embeddings_alike_in_all_directions_keep_all_coordinates() -> None:
    """Nothing may be left out where all coordinates tell the same."""
    vectors = spectra.isotropic(2, MIN_ROWS, 64)
    choice = choose_for_one_part(vectors, MIN_ROWS)
    assert choice.frames[0].coordinates(64) == 64
    _, left = refined_and_left(choice, vectors)
    assert left < 60


def test_what_one_part_rules_out_another_need_not() -> None:
    """The parts are chosen together: beside one that tells rows apart, another of little weight is scanned in short."""
    strong, weak = turned_clusters(8, MIN_ROWS, 96), turned_clusters(9, MIN_ROWS, 96)
    vectors = np.concatenate([strong, weak], axis=1)
    layout = Layout((Part("strong", 96), Part("weak", 96, 0.05)))
    choice = choose(vectors, MIN_ROWS, layout)
    assert choice.frames[0].head >= choice.frames[1].head
    assert choice.frames[0].step == pytest.approx(0.05 * choice.frames[1].step)
    refined, left = refined_and_left(choice, vectors, layout)
    assert refined / 3 <= choice.rows_refined <= refined * 3
    assert left <= refined < MIN_ROWS / 10


@pytest.mark.parametrize("weights", [(1.0, 0.0), (1e-3, 1e3)])
def test_parts_of_any_weights_and_lengths_can_be_coded(weights: tuple[float, float]) -> None:
    vectors = np.concatenate(
        [spectra.isotropic(5, MIN_ROWS, 12) * np.float32(1e-20), spectra.shifted(6, MIN_ROWS, 20)], 1
    )
    layout = Layout((Part("tiny", 12, weights[0]), Part("shifted", 20, weights[1])))
    choice = choose(vectors, MIN_ROWS, layout)
    for frame, columns in zip(choice.frames, layout.slices, strict=True):
        codes = encode(vectors[:, columns], frame)
        assert 0 < frame.step < np.inf
        assert np.isfinite(codes.error).all()


@pytest.mark.parametrize("dimensions", [8, 100])
@pytest.mark.parametrize("make", spectra.EVERY.values(), ids=spectra.EVERY)
def test_whatever_the_embeddings_are_they_can_be_coded(make, dimensions: int) -> None:
    vectors = make(3, MIN_ROWS, dimensions)
    (frame,) = choose_for_one_part(vectors, MIN_ROWS).frames
    assert 0 < frame.step < np.inf
    assert 0 < frame.head <= frame.coordinates(dimensions) <= dimensions
    codes = encode(vectors, frame)
    assert np.isfinite(codes.error).all()
    assert sorted(put_permutation(alone(codes)).tolist()) == list(range(MIN_ROWS))


def test_fewer_distinct_rows_than_clusters_can_be_coded() -> None:
    vectors = np.repeat(spectra.isotropic(4, 8, 16), MIN_ROWS // 8, axis=0)
    codes = encode(vectors, choose_for_one_part(vectors, MIN_ROWS).frames[0])
    assert sorted(put_permutation(alone(codes)).tolist()) == list(range(MIN_ROWS))


def test_the_order_puts_similar_rows_together(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    order = put_permutation(alone(encode(vectors, choice.frames[0])))
    assert sorted(order.tolist()) == list(range(MIN_ROWS))

    def spread(some: Vectors) -> float:
        return float(np.median(np.linalg.norm(some[1:] - some[:-1], axis=1)))

    assert spread(vectors[order]) < 0.85 * spread(vectors)


def test_few_rows_stay_in_their_order() -> None:
    vectors = spectra.isotropic(5, MIN_ROWS - 1, 8)
    np.testing.assert_array_equal(
        put_permutation(alone(encode(vectors, plain_frame(vectors)))), np.arange(MIN_ROWS - 1)
    )
