"""No bound exceeds the distance it bounds, whatever the rows, the query and the frame; and bounds are worth having."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lookalike.codes import bounds
from lookalike.codes.codes import TOP_CODE, Codes, Frame, encode, encode_query, plain_frame, project_query
from lookalike.codes.rotation import Rotation, rotation_of
from tests.support import spectra
from tests.support.rows import quick
from tests.support.spectra import Vectors

FitRotation = Callable[[Vectors, int], Rotation]


def true_distances(vectors: Vectors, query: Vectors) -> npt.NDArray[np.float64]:
    """In extended precision, from the differences: a bound may come within 2^-20 of it."""
    difference = vectors.astype(np.longdouble) - query.astype(np.longdouble)
    return np.sqrt(np.square(difference).sum(axis=1)).astype(np.float64)


def assert_bounded(codes: Codes, vectors: Vectors, query: Vectors) -> None:
    """As a search decides it: no row whose distance is within a limit is ruled out by it."""
    coded = [encode_query(project_query(query, codes.frame.rotation), codes.frame, codes.reach)]
    limits = np.array(
        [bounds.squared_limit(distance, codes.frame.step) for distance in true_distances(vectors, query).tolist()]
    )
    for low in (next(bounds.scan(codes, coded, 0)), next(bounds.refine([(codes, np.arange(len(vectors)))], coded))):
        assert (low >= 0).all()
        assert (low <= limits).all(), f"{low[low > limits]} exceeds {limits[low > limits]}"


def frames(vectors: Vectors, rotation: Rotation | None, fineness: float = 1.0) -> Iterator[Frame]:
    """Frames of all widths of the head, with a step of so much of the one that clips no row."""
    if rotation is None:
        step, coordinates = plain_frame(vectors).step, vectors.shape[1]
    else:
        turned = (vectors.astype(np.float64) - rotation.mean) @ rotation.matrix.T.astype(np.float64)
        step, coordinates = float(np.abs(turned).max()) / TOP_CODE or 1.0, rotation.coordinates
    for head in sorted({1, coordinates // 3 or 1, coordinates}):
        yield Frame(rotation, step * fineness, head, step * (head % 40))


def queries(vectors: Vectors, make: Callable[[int, int, int], Vectors]) -> list[Vectors]:
    """Rows of their own, one between two, others of the kind, the origin, and some far out of the rows' range."""
    dimensions = vectors.shape[1]
    with np.errstate(over="ignore"):
        far = np.clip(vectors[1] * np.float32(1000), -3.4e38, 3.4e38).astype(np.float32)
    return [
        vectors[0],
        vectors[0] / 2 + vectors[1] / 2,
        *make(99, 2, dimensions),
        np.zeros(dimensions, np.float32),
        far,
        np.full(dimensions, 1e5, np.float32),
    ]


ROTATIONS: dict[str, FitRotation | None] = {
    "plain": None,
    "square": spectra.fitted,
    "truncated": lambda vectors, dimensions: spectra.fitted(vectors, dimensions // 4),
    "inexact": lambda vectors, dimensions: spectra.inexact(vectors, dimensions // 2),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning:sklearn")  # of no variance
@pytest.mark.parametrize("fineness", [1.0, 0.2])
@pytest.mark.parametrize("fit", ROTATIONS)
@pytest.mark.parametrize("make", spectra.EVERY.values(), ids=spectra.EVERY)
@pytest.mark.parametrize("dimensions", [8, 96])
def test_no_bound_exceeds_the_distance(dimensions: int, make, fit: str, fineness: float) -> None:
    vectors = make(1, 150, dimensions)
    rotate = ROTATIONS[fit]
    rotation = rotate(vectors, dimensions) if rotate else None
    for frame in frames(vectors, rotation, fineness):
        codes = encode(vectors, frame)
        for query in queries(vectors, make):
            assert_bounded(codes, vectors, query)


@pytest.mark.parametrize("make", [spectra.power_law, spectra.sparse, spectra.shifted])
@pytest.mark.parametrize(("dimensions", "coordinates"), [(2048, None), (2048, 64), (4096, None)])
def test_no_bound_exceeds_the_distance_of_wide_embeddings(make, dimensions: int, coordinates: int | None) -> None:
    vectors = make(2, 80, dimensions)
    rotation = spectra.fitted(vectors, coordinates) if coordinates else None
    for frame in frames(vectors, rotation, 0.5):
        codes = encode(vectors, frame)
        for query in queries(vectors, make):
            assert_bounded(codes, vectors, query)


def test_no_bound_exceeds_the_distance_of_rows_coded_by_a_frame_made_for_others() -> None:
    """A store is calibrated once; photos of another kind may come later."""
    rotation = spectra.fitted(spectra.power_law(3, 200, 48), 12)
    for later in spectra.EVERY.values():
        vectors = later(4, 60, 48)
        codes = encode(vectors, Frame(rotation, 2.0**-8, 6))
        for query in queries(vectors, spectra.power_law):
            assert_bounded(codes, vectors, query)


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("apart", [1e-7, 1e-6, 1e-5])
def test_no_bound_exceeds_a_distance_far_shorter_than_the_lengths_it_is_a_difference_of(
    apart: float, rotated: bool
) -> None:
    """Rows along a line outside of what is scanned, where the difference of lengths is the distance."""
    line = spectra.isotropic(17, 1, 24)[0]
    line[:8] = 0
    vectors = np.outer(1 + apart * np.random.default_rng(17).random(400), line).astype(np.float32)
    rotation = rotation_of(np.zeros(24, np.float32), np.eye(8, 24, dtype=np.float32)) if rotated else None
    codes = encode(vectors, Frame(rotation, 2.0**-9, 8))
    for query in vectors[:40]:
        assert_bounded(codes, vectors, query)


@pytest.mark.parametrize("stretched", [0.9, 0.99, 1.01, 1.1])
def test_no_bound_exceeds_the_distance_where_the_rotation_stretches(stretched: float) -> None:
    """Rows that codes lose nothing of, so that the defect is all there is to reckon with."""
    rotation = rotation_of(np.zeros(8, np.float32), np.eye(8, dtype=np.float32) * np.float32(stretched))
    grid = np.random.default_rng(18).integers(-TOP_CODE, TOP_CODE, (200, 8), endpoint=True)
    vectors = (grid * 2.0**-9 / float(np.float32(stretched))).astype(np.float32)
    codes = encode(vectors, Frame(rotation, 2.0**-9, 5))
    for query in vectors[:20]:
        assert_bounded(codes, vectors, query)


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=True)
ORDINARY = st.floats(-2, 2, width=32)


@quick
@given(
    vectors=npst.arrays(np.float32, st.tuples(st.integers(2, 8), st.just(8)), elements=FLOATS | ORDINARY),
    coordinates=st.sampled_from([None, 1, 5, 8]),
    head=st.integers(1, 8),
    fineness=st.sampled_from([1.0, 0.25, 1e-6, 40.0]),
    mean=st.sampled_from([0.0, 0.25, 1e30]),
)
def test_no_bound_exceeds_the_distance_for_any_floats(vectors, coordinates, head, fineness, mean) -> None:
    """The first row is the query, the others are the store, and the rotation was fitted to neither."""
    query, vectors = vectors[0], vectors[1:]
    rotation = None
    if coordinates:
        orthogonal = np.linalg.qr(np.random.default_rng(5).standard_normal((8, 8)))[0]
        rotation = rotation_of(np.full(8, mean, np.float32), np.ascontiguousarray(orthogonal[:coordinates], np.float32))
    frame = Frame(rotation, plain_frame(vectors).step * fineness, min(head, coordinates or 8))
    assert_bounded(encode(vectors, frame), vectors, query)


@pytest.mark.parametrize("make", spectra.WELL_BEHAVED.values(), ids=spectra.WELL_BEHAVED)
def test_bounds_are_near_the_distance(make) -> None:
    """Half of the rows are known to be at least nine tenths as far away as they are."""
    vectors = make(6, 600, 64)
    query = make(7, 1, 64)[0]
    true = true_distances(vectors, query)
    for rotation in (None, spectra.fitted(vectors, 64)):
        *_, frame = frames(vectors, rotation)
        codes = encode(vectors, frame)
        coded = [encode_query(project_query(query, rotation), codes.frame, codes.reach)]
        scanned = np.sqrt(next(bounds.scan(codes, coded, 0)).astype(np.float64)) * frame.step
        refined = np.sqrt(next(bounds.refine([(codes, np.arange(600))], coded)).astype(np.float64)) * frame.step
        if make is not spectra.shifted or rotation:  # one step for all is coarse where all rows are far from the origin
            assert np.median(refined / true) > 0.9
            assert np.median(scanned / true) > 0.8
        assert np.median(refined) >= np.median(scanned)


def test_a_short_head_and_what_is_outside_of_it_tell_much() -> None:
    vectors = spectra.power_law(8, 600, 64)
    rotation = spectra.fitted(vectors, 32)
    frame = next(frames(vectors, rotation))
    codes = encode(vectors, Frame(rotation, frame.step, 16))
    query = spectra.power_law(9, 1, 64)[0]
    coded = [encode_query(project_query(query, rotation), codes.frame, codes.reach)]
    scanned = np.sqrt(next(bounds.scan(codes, coded, 0)).astype(np.float64)) * frame.step
    assert np.median(scanned / true_distances(vectors, query)) > 0.6


def test_blocks_are_scanned_as_the_whole_and_rows_are_refined_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = spectra.isotropic(10, 300, 24)
    frame = Frame(spectra.fitted(vectors, 20), 2.0**-7, 7)
    codes = encode(vectors, frame)
    coded = [encode_query(project_query(vectors[5], codes.frame.rotation), codes.frame, codes.reach)]
    whole, refined = next(bounds.scan(codes, coded, 0)), next(bounds.refine([(codes, np.arange(300))], coded))
    monkeypatch.setattr("lookalike.codes.distance._BLOCK_ROWS", 70)
    again = encode(vectors, frame)
    assert len(again.packed_head.blocks) == 5
    in_blocks = [next(bounds.scan(again, coded, block)) for block in range(5)]
    np.testing.assert_array_equal(np.concatenate(in_blocks), whole)
    some = np.array([250, 3, 3, 77])
    np.testing.assert_array_equal(next(bounds.refine([(codes, some)], coded)), refined[some])
    assert len(next(bounds.refine([(codes, np.empty(0, np.int64))], coded))) == 0


def test_rows_of_several_codes_are_refined_together_as_each_alone() -> None:
    vectors = spectra.isotropic(11, 100, 16)
    codes = encode(vectors, plain_frame(vectors))
    pieces = [(codes.take(np.arange(60)), np.array([3, 59])), (codes.take(np.arange(60, 100)), np.array([0, 7, 39]))]
    coded = [encode_query(project_query(vectors[0], None), codes.frame, codes.reach)]
    alone = next(bounds.refine([(codes, np.array([3, 59, 60, 67, 99]))], coded))
    np.testing.assert_array_equal(next(bounds.refine(pieces, coded)), alone)


@pytest.mark.parametrize("make", [spectra.isotropic, spectra.far_from_unit])
def test_codes_lose_what_their_error_says(make) -> None:
    vectors = make(12, 200, 32)
    rotation = spectra.fitted(vectors, 20)
    *_, frame = frames(vectors, rotation, 0.3)
    z = (vectors.astype(np.float64) - rotation.mean) @ rotation.matrix.T.astype(np.float64) / frame.step
    centred = np.linalg.norm((vectors.astype(np.float64) - rotation.mean) / frame.step, axis=1)
    rest = np.sqrt(centred**2 - (z[:, :8] ** 2).sum(axis=1))
    codes = encode(vectors, Frame(rotation, frame.step, 8, float(np.median(rest)) * frame.step))
    lost, lost_of_rest = z - codes.matrix, rest - np.median(rest) - codes.rest
    np.testing.assert_allclose(codes.error, np.linalg.norm(lost, axis=1), rtol=1e-6)
    np.testing.assert_allclose(codes.tail, np.sqrt(centred**2 - (z**2).sum(axis=1)), rtol=1e-4)
    np.testing.assert_allclose(codes.head_error, np.hypot(np.linalg.norm(lost[:, :8], axis=1), lost_of_rest), rtol=1e-4)
    assert np.median(np.abs(lost_of_rest)) < 0.5
    assert codes.reach == pytest.approx(centred.max())
    assert np.abs(codes.matrix).max() == TOP_CODE, "the step clips"


def test_a_query_that_float32_cannot_turn_rules_nothing_out() -> None:
    """Nothing is known then, rather than nonsense: all bounds are zero."""
    rotation = spectra.fitted(spectra.isotropic(13, 100, 16), 8)
    vectors = np.concatenate([spectra.isotropic(14, 20, 16), spectra.huge(14, 20, 16)])
    for step in (1e-3, 1e36):
        codes = encode(vectors, Frame(rotation, step, 4))
        query = np.full(16, 3.4e38, np.float32) * np.sign(rotation.matrix[0])
        coded = [encode_query(project_query(query, rotation), codes.frame, codes.reach)]
        assert not next(bounds.scan(codes, coded, 0)).any()
        assert not next(bounds.refine([(codes, np.arange(40))], coded)).any()


def test_codes_are_made_the_same_whatever_is_coded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = spectra.far_from_unit(15, 50, 12)
    frame = Frame(None, 0.5, 5)
    whole = encode(vectors, frame)
    monkeypatch.setattr("lookalike.codes.codes._ROWS_AT_ONCE", 7)
    parts = encode(vectors, frame)
    for name in ("head", "body", "rest", "head_error", "error", "tail"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    assert parts.reach == whole.reach


def test_taken_codes_are_those_of_the_rows() -> None:
    vectors = spectra.isotropic(16, 50, 12)
    frame = Frame(spectra.fitted(vectors, 10), 2.0**-6, 4)
    rows = np.random.default_rng(0).permutation(50)[:20]
    taken, fresh = encode(vectors, frame).take(rows), encode(vectors[rows], frame)
    np.testing.assert_array_equal(taken.matrix, fresh.matrix)
    np.testing.assert_array_equal(taken.error, fresh.error)
    assert len(taken) == 20
    assert taken.reach >= fresh.reach


def test_no_rows_have_codes_too() -> None:
    codes = encode(np.empty((0, 8), np.float32), plain_frame(np.empty((0, 8), np.float32)))
    assert (len(codes), codes.column_bytes, codes.reach) == (0, 0, 0.0)
    coded = [encode_query(project_query(np.ones(8, np.float32), None), codes.frame, codes.reach)]
    assert codes.packed_head.blocks == []
    assert len(next(bounds.refine([(codes, np.empty(0, np.int64))], coded))) == 0


def test_codes_are_read_only() -> None:
    codes = encode(np.ones((2, 8), np.float32), Frame(None, 1.0, 4))
    for column in (codes.matrix, codes.head, codes.body, codes.head_error, codes.error, codes.rest, codes.tail):
        assert not column.flags.writeable
