"""What calibration chooses is worth its name; that it is searched exactly is for other tests."""

import numpy as np
import pytest

from lookalike.codes import bounds
from lookalike.codes.codes import Codes, encode, encode_query, plain_frame, project_query
from lookalike.codes.parted import PartedCodes
from lookalike.compaction.calibration import MIN_ROWS, Choice, choose, put_permutation
from lookalike.layout import Layout
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


def refined_and_left(choice: Choice, vectors: Vectors, *, k: int = 5) -> tuple[float, float]:
    """Medians of the rows that the scan leaves within the k-th distance, and that are left after refining."""
    codes = encode(vectors, choice.frames[0])
    refined, left = [], []
    for row in range(0, len(vectors), len(vectors) // 15):
        coded = [encode_query(project_query(vectors[row], choice.frames[0].rotation), codes.frame, codes.reach)]
        distance = float(np.partition(np.linalg.norm(vectors - vectors[row], axis=1), k)[k])
        limit = bounds.squared_limit(distance, codes.frame.step)
        within = np.flatnonzero(next(bounds.scan(codes, coded, 0)) <= limit)
        refined.append(len(within))
        left.append(int(np.count_nonzero(next(bounds.refine([(codes, within)], coded)) <= limit)))
    return float(np.median(refined)), float(np.median(left))


@pytest.fixture(scope="module")
def chosen() -> tuple[Vectors, Choice]:
    vectors = turned_clusters(1, MIN_ROWS, 128)
    return vectors, choose(vectors, MIN_ROWS, Layout.of_one_part(vectors.shape[1]))


def test_embeddings_along_few_directions_get_a_rotation_that_leaves_few_rows(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    frame = choice.frames[0]
    assert frame.rotation is not None
    assert frame.rotation.defect < 1e-4
    refined, left = refined_and_left(choice, vectors)
    assert refined < MIN_ROWS / 20
    assert left < 30


def test_what_is_measured_is_what_searches_do(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    refined, left = refined_and_left(choice, vectors)
    assert refined / 3 <= choice.rows_refined <= refined * 3
    assert left / 3 <= choice.rows_exact <= left * 3


def test_what_is_measured_of_a_part_is_told_for_the_whole(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    whole = choose(vectors, 10 * MIN_ROWS, Layout.of_one_part(128))
    assert whole.rows_exact == pytest.approx(10 * choice.rows_exact, rel=1)


def test_calibration_comes_out_the_same_each_time(chosen: tuple[Vectors, Choice]) -> None:
    vectors, choice = chosen
    again = choose(vectors, MIN_ROWS, Layout.of_one_part(vectors.shape[1]))
    assert (again.frames[0].step, again.frames[0].head) == (choice.frames[0].step, choice.frames[0].head)
    assert again.frames[0].rotation is not None
    assert choice.frames[0].rotation is not None
    np.testing.assert_array_equal(again.frames[0].rotation.matrix, choice.frames[0].rotation.matrix)


def test_embeddings_alike_in_all_directions_keep_all_coordinates() -> None:
    """Nothing may be left out where all coordinates tell the same."""
    vectors = spectra.isotropic(2, MIN_ROWS, 64)
    choice = choose(vectors, MIN_ROWS, Layout.of_one_part(vectors.shape[1]))
    assert choice.frames[0].coordinates(64) == 64
    _, left = refined_and_left(choice, vectors)
    assert left < 30


@pytest.mark.parametrize("dimensions", [8, 100])
@pytest.mark.parametrize("make", spectra.EVERY.values(), ids=spectra.EVERY)
def test_whatever_the_embeddings_are_they_can_be_coded(make, dimensions: int) -> None:
    vectors = make(3, MIN_ROWS, dimensions)
    choice = choose(vectors, MIN_ROWS, Layout.of_one_part(vectors.shape[1]))
    frame = choice.frames[0]
    assert 0 < frame.step < np.inf
    assert 0 < frame.head <= frame.coordinates(dimensions) <= dimensions
    codes = encode(vectors, frame)
    assert np.isfinite(codes.error).all()
    assert sorted(put_permutation(alone(codes)).tolist()) == list(range(MIN_ROWS))


def test_fewer_distinct_rows_than_clusters_can_be_coded() -> None:
    vectors = np.repeat(spectra.isotropic(4, 8, 16), MIN_ROWS // 8, axis=0)
    codes = encode(vectors, choose(vectors, MIN_ROWS, Layout.of_one_part(16)).frames[0])
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
