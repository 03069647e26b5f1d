"""The vectors that benchmarks generate, and the rows they hold out."""

import numpy as np
import pytest

from lookalike.layout import Layout, Part
from scripts.benchmarks.data import BLOCK_ROWS, CLUSTERS, Generator, Shape, generated, held_out
from scripts.benchmarks.errors import BenchError


def vectors(rows: int, dimensions: int, seed: int = 0) -> np.ndarray:
    return np.concatenate(list(Generator(dimensions, seed=seed).blocks(rows)))


def test_vectors_have_unit_length_and_are_float32():
    made = vectors(1000, 64)
    assert made.shape == (1000, 64)
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-6)


def test_features_of_a_classifier_are_half_zeros_and_of_no_unit_length():
    made = np.concatenate(list(Generator(1280, is_classifier=True).blocks(600)))
    assert made.min() == 0
    assert made.max() <= 6
    assert 0.4 < (made == 0).mean() < 0.6
    lengths = np.linalg.norm(made, axis=1)
    assert 8 < lengths.min() < lengths.max() < 30


def test_the_same_seed_gives_the_same_vectors_and_another_gives_others():
    np.testing.assert_array_equal(vectors(500, 32), vectors(500, 32))
    assert not np.allclose(vectors(500, 32), vectors(500, 32, seed=1))


def test_a_smaller_catalogue_is_the_beginning_of_a_larger_one():
    large = vectors(BLOCK_ROWS + 300, 8)
    np.testing.assert_array_equal(large[:400], vectors(400, 8))
    assert not np.array_equal(large[:300], large[BLOCK_ROWS:])


def test_the_spectrum_falls_off_as_one_over_the_direction():
    made = vectors(20_000, 256).astype(np.float64)
    eigenvalues = np.sort(np.linalg.eigvalsh(made.T @ made / len(made)))[::-1]
    # Neither the first directions, where 150 centres say little, nor the last, which centres alone do not span.
    directions = np.arange(4, 100)
    slope = np.polyfit(np.log(directions), np.log(eigenvalues[directions - 1]), 1)[0]
    assert -1.35 < slope < -0.75


def test_no_coordinate_stands_for_a_direction():
    variances = vectors(5000, 64).var(axis=0)
    assert variances.max() < 5 * variances.min()


def test_clusters_have_unequal_sizes():
    shares = Generator(8)._shares
    assert len(shares) == CLUSTERS
    assert shares[0] / shares[99] == pytest.approx(100**0.7)


def test_queries_are_the_vectors_after_those_of_the_catalogue(tmp_path):
    data = generated(Shape(BLOCK_ROWS - 5, 8), tmp_path, queries=20)
    whole = vectors(BLOCK_ROWS + 15, 8)
    np.testing.assert_array_equal(data.vectors, whole[: BLOCK_ROWS - 5])
    np.testing.assert_array_equal(data.queries, whole[BLOCK_ROWS - 5 :])
    assert data.labels() == {"data": "generated", "rows": BLOCK_ROWS - 5, "dim": 8}


def test_rows_that_are_held_out_are_not_in_the_catalogue(tmp_path):
    matrix = vectors(100, 8)
    np.save(tmp_path / "real.npy", matrix)
    data = held_out(tmp_path / "real.npy", tmp_path, queries=10)
    assert (data.vectors.shape, data.queries.shape) == ((90, 8), (10, 8))
    both = np.concatenate([data.vectors, data.queries])
    np.testing.assert_array_equal(np.unique(both, axis=0), np.unique(matrix, axis=0))
    assert data.name == "real, 10 held out"


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.zeros((100, 8)), "float64"),
        (np.zeros(100, np.float32), "shape"),
        (np.zeros((15, 8), np.float32), "too few"),
    ],
)
def test_embeddings_of_another_kind_are_refused(tmp_path, matrix, said):
    np.save(tmp_path / "odd.npy", matrix)
    with pytest.raises(BenchError, match=said):
        held_out(tmp_path / "odd.npy", tmp_path, queries=10)


def test_a_file_that_is_no_matrix_is_refused(tmp_path):
    (tmp_path / "odd.npy").write_text("no")
    with pytest.raises(BenchError, match="npy"):
        held_out(tmp_path / "odd.npy", tmp_path, queries=10)


PARTS = Layout((Part("shape", 5, 1.0), Part("colour", 3, 0.5)))


def test_each_part_of_a_generated_row_has_unit_length(tmp_path):
    data = generated(Shape(50, 8), tmp_path, queries=10, layout=PARTS)
    for rows in (data.vectors, data.queries):
        for part in PARTS.slices:
            np.testing.assert_allclose(np.linalg.norm(rows[:, part], axis=1), 1, atol=1e-6)


def test_plain_distances_of_the_data_for_peers_are_those_of_the_weights(tmp_path):
    data = generated(Shape(50, 8), tmp_path, queries=10, layout=PARTS)
    weighted = data.weighted()
    shape, colour = (np.square(data.vectors[:, part] - data.queries[0, part]).sum(axis=1) for part in PARTS.slices)
    squared = np.square(weighted.vectors - weighted.queries[0]).sum(axis=1)
    np.testing.assert_allclose(squared, shape + 0.25 * colour, rtol=1e-5)


def test_parts_that_do_not_make_up_a_row_are_refused(tmp_path):
    with pytest.raises(BenchError, match="8 dimensions"):
        generated(Shape(50, 9), tmp_path, queries=10, layout=PARTS)
