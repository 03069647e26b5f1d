"""Over ten thousand queries of stores as compaction writes them, answers are scikit-learn's: products, photos and order."""

import numpy as np
import numpy.typing as npt
import pytest

from lookalike.codes import distance
from lookalike.codes.codes import Frame
from lookalike.codes.rotation import rotation_of
from lookalike.compaction import calibration
from lookalike.compaction.calibration import Choice
from lookalike.hashes import text_hash
from lookalike.layout import Layout, Part, Weights
from lookalike.search import knn
from lookalike.search.knn import Answer, nearest_products
from lookalike.store.manifest import EMPTY
from lookalike.store.shard import Shard
from lookalike.store.snapshot import Snapshot
from lookalike.store.stored_segment import StoredSegment
from tests.support import spectra
from tests.support.catalogues import Catalogue, Found, catalogue
from tests.support.segments import encoded, of_vectors, opened
from tests.support.spectra import Vectors

K = (1, 5, 2, 10, 37, 100)
NARROW = [(make, dimensions, 144) for make in spectra.EVERY.values() for dimensions in (8, 48, 256)]
WIDE = [(make, dimensions, 60) for make in spectra.WELL_BEHAVED.values() for dimensions in (512, 2048)]
PARTS = [
    (make, layout, 144)
    for make in spectra.EVERY.values()
    for layout in (
        Layout((Part("shape", 5), Part("category", 2, 0.5), Part("colour", 1, 2.0))),
        Layout((Part("shape", 32), Part("colour", 16, 0.375))),
    )
]
GRIDS = [(dimensions, scale) for dimensions in (8, 32) for scale in (0, -4, 20, -76, -140)]
GRID_QUERIES = 200


def queries_like(make, vectors: Vectors, count: int) -> Vectors:
    """Rows of the store, points near one, others of their kind, the origin, and points far out."""
    dimensions = vectors.shape[1]
    own = vectors[np.random.default_rng(5).choice(len(vectors), count // 3, replace=False)]
    near = own * np.float32(0.7) + own[::-1] * np.float32(0.3)
    far = [np.clip(own[0].astype(np.float64) * 1000, -3.4e38, 3.4e38), np.full(dimensions, 1e5), np.zeros(dimensions)]
    others = make(77, count - 2 * len(own) - len(far), dimensions)
    return np.concatenate([own, near, others, np.array(far, np.float32)])


def assert_exact(
    shop: Catalogue,
    queries: Vectors,
    *,
    found: npt.NDArray[np.bool_] | None = None,
    weights: Weights | None = None,
    **options: object,
) -> None:
    """Each query with a ``k`` of its own; rows that are not ``found`` are what the options leave out."""
    layout = shop.snapshot.layout
    by_column = layout.by_column(layout.weights if weights is None else weights)
    wanted = [K[number % len(K)] for number in range(len(queries))]
    everything = np.ones((len(queries), len(shop.vectors)), bool)
    expected = shop.expected(queries, wanted, found=everything if found is None else found, weights=weights)
    for query, k, theirs in zip(queries, wanted, expected, strict=True):
        answer = nearest_products(shop.snapshot, query, k=k, weights=weights, **options)  # type: ignore[arg-type]
        assert_same(answer, theirs, norm=float(np.linalg.norm(query * by_column)))


def assert_same(answer: Answer, expected: Found, *, norm: float) -> None:
    assert [(near.product_id, near.key) for near in answer.neighbours] == [item[:2] for item in expected]
    np.testing.assert_allclose(
        [near.distance for near in answer.neighbours], [item[2] for item in expected], rtol=1e-5, atol=1e-7 * norm
    )


def test_there_are_ten_thousand_queries() -> None:
    assert sum(count for *_, count in (*NARROW, *WIDE, *PARTS)) + len(GRIDS) * GRID_QUERIES >= 10_000


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning:sklearn")  # of no variance
@pytest.mark.parametrize(("make", "dimensions", "count"), NARROW + WIDE)
def test_answers_are_those_of_scikit_learn(make, dimensions: int, count: int) -> None:
    """Every other store is read as from S3, the others are in memory."""
    vectors = make(1, 420, dimensions)
    cold = dimensions in (48, 512)
    shop = catalogue(vectors, photos=2 if cold else 1, read_at_once=10_000 if cold else 2**22)
    assert len(shop.snapshot.shards) == 3
    rotations = {id(shard.segment.codes.parts[0].frame.rotation) for shard in shop.snapshot.shards}
    assert len(rotations) == 3, "two rotations and, in the log, none"
    assert shop.snapshot.photos == 420
    assert_exact(shop, queries_like(make, vectors, count))


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning:sklearn")
@pytest.mark.parametrize(("make", "layout", "count"), PARTS)
def test_answers_are_those_of_scikit_learn_on_weighted_parts(make, layout: Layout, count: int) -> None:
    """By the default weights, by any, and without each of the parts; one part has other magnitudes than the others."""
    vectors = make(1, 420, layout.dimensions)
    last = layout.slices[-1]
    vectors[:, last] = np.ldexp(vectors[:, last], -3)
    shop = catalogue(vectors, layout=layout, photos=2, read_at_once=10_000 if layout.dimensions > 8 else 2**22)
    queries = queries_like(make, vectors, count)
    rng = np.random.default_rng(layout.dimensions)
    # Of a few bits: scikit-learn's products of subnormal numbers are then exact, and ties stay ties.
    chosen: list[Weights | None] = [None, *(rng.integers(1, 64, (3, len(layout.parts))) / 16)]
    for left_out in range(len(layout.parts)):
        weights = rng.integers(1, 64, len(layout.parts)) / 16
        weights[left_out] = 0
        chosen.append(weights)
    for number, weights in enumerate(chosen):
        assert_exact(shop, queries[number :: len(chosen)], weights=weights)
    for weights in chosen[1:]:
        some = queries[:7]
        norm = float(np.linalg.norm(some * layout.by_column(weights), axis=1).max())
        answer = nearest_products(shop.snapshot, some, k=9, weights=weights)
        assert_same(answer, shop.expected_of_any(some, 9, weights), norm=norm)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning:sklearn")
@pytest.mark.parametrize("dimensions", [8, 48])
@pytest.mark.parametrize("make", spectra.EVERY.values(), ids=spectra.EVERY)
def test_of_several_queries_the_nearest_counts(make, dimensions: int) -> None:
    """Near each other, far apart, and some of no use at all; from memory and from S3."""
    vectors = make(1, 420, dimensions)
    shop = catalogue(vectors, photos=2, read_at_once=10_000 if dimensions == 48 else 2**22)
    queries = queries_like(make, vectors, 96)
    for number, count in enumerate([2, 3, 32, 7, 32, 20]):
        some = np.random.default_rng(number).permutation(queries)[:count]
        k = K[number]
        lengths = np.linalg.norm(some.astype(np.float64), axis=1)
        assert_same(nearest_products(shop.snapshot, some, k=k), shop.expected_of_any(some, k), norm=lengths.max())


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning:sklearn")
@pytest.mark.parametrize(("dimensions", "scale"), GRIDS)
def test_ties_and_duplicates_are_ordered_by_key(dimensions: int, scale: int) -> None:
    """Integers times a power of two, whose distances are computed without rounding, by scikit-learn too."""
    grid = np.random.default_rng(dimensions).integers(-1, 1, (300 + GRID_QUERIES, dimensions), endpoint=True)
    grid[:300:5] = grid[0]
    vectors = np.ldexp(grid.astype(np.float32), scale)
    assert_exact(catalogue(vectors[:300], photos=1 + dimensions // 16), vectors[300:])


def test_a_store_that_was_calibrated_is_searched_exactly_with_few_rows_computed() -> None:
    vectors = spectra.power_law(3, 6000, 64)
    shop = catalogue(vectors, choose=calibration.choose, read_at_once=100_000)
    assert any(shard.segment.codes.parts[0].frame.rotation for shard in shop.snapshot.shards)
    queries = queries_like(spectra.power_law, vectors, 90)
    assert_exact(shop, queries)
    exact = [nearest_products(shop.snapshot, query, k=5).rows_exact for query in queries]
    assert np.median(exact) < 200


def test_rows_that_may_not_be_found_are_passed_over() -> None:
    """Before anything is ranked: k products are found however many are left out."""
    shop = catalogue(spectra.clustered(4, 400, 32), photos=3, read_at_once=10_000)
    queries = queries_like(spectra.clustered, shop.vectors, 120)
    some = np.random.default_rng(6).random(400) < 0.3
    allowed = np.array([text_hash(key) for key, may_be in zip(shop.keys, some, strict=True) if may_be])

    def allow(shard: Shard) -> npt.NDArray[np.bool_]:
        return np.isin(shard.segment.key_hash[shard.segment.put_rows], allowed)

    assert_exact(shop, queries, found=np.tile(some, (len(queries), 1)), allowed=allow)
    excluded = {f"product {number}" for number in range(0, 134, 4)}
    kept = np.array([product not in excluded for product in shop.products])
    hashes = [text_hash(product) for product in excluded]
    assert_exact(shop, queries, found=np.tile(kept, (len(queries), 1)), exclude=hashes)
    assert_exact(shop, queries, found=np.tile(kept & some, (len(queries), 1)), exclude=hashes, allowed=allow)


@pytest.mark.parametrize("library", ["numkong", "numpy"])
def test_a_store_too_large_for_one_scan_is_searched_exactly(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose rows are computed, bounded and refined a few at a time, with NumKong and without."""
    if library == "numpy":
        monkeypatch.setattr(distance, "numkong", None)
    monkeypatch.setattr(distance, "_BLOCK_ROWS", 100)
    monkeypatch.setattr("lookalike.search.scan._GROUP", 4)
    monkeypatch.setattr(knn, "_FIRST_EXACT", 2)
    monkeypatch.setattr(knn, "_THEN_TIMES", 2)
    monkeypatch.setattr(knn, "_EXACT_AT_ONCE", 3)
    monkeypatch.setattr("lookalike.search.scan._REFINED_AT_ONCE", 9)
    for make in spectra.EVERY.values():
        shop = catalogue(make(7, 420, 24))
        assert_exact(shop, queries_like(make, shop.vectors, 60))


@pytest.mark.parametrize("scale", range(-84, -60, 3))
def test_embeddings_far_shorter_than_those_the_store_was_calibrated_for(scale: int) -> None:
    """Their lengths' squares, in units of the step, are below float32's range."""
    vectors = np.ldexp(spectra.sparse(9, 420, 24), scale)
    matrix = np.eye(24, dtype=np.float32)[np.random.default_rng(9).permutation(24)[:8]]
    frame = Frame(rotation_of(np.zeros(24, np.float32), matrix), 1.0, 4)
    shop = catalogue(vectors, choose=lambda some, rows, layout: Choice((frame,), rows, rows))
    assert_exact(shop, np.ldexp(spectra.sparse(10, 90, 24), scale))


def test_bounds_whose_squares_float32_rounds_up_rule_nothing_out() -> None:
    """Left out by the rotation, each row is as far as its tail, whose square is rounded to the smallest of floats."""
    lengths = np.sqrt(np.linspace(0.9, 0.6, 60)) * 2.0**-74.5
    vectors = np.stack([np.zeros(60), lengths], axis=1).astype(np.float32)
    frame = Frame(rotation_of(np.zeros(2, np.float32), np.array([[1, 0]], np.float32)), 1.0, 1)
    rows = of_vectors(vectors)
    for order in (np.argsort(rows.embedding[:, 1]), np.argsort(-rows.embedding[:, 1])):
        held = opened(encoded(rows, frame, permutation=order).data, rotation=frame.rotation)
        snapshot = Snapshot(EMPTY, frozenset(), (Shard(held, np.ones(60, bool)),), held.layout)
        answer = nearest_products(snapshot, np.zeros(2, np.float32), k=1)
        assert [near.key for near in answer.neighbours] == ["000059"]


def test_embeddings_that_came_into_memory_meanwhile_answer_the_same() -> None:
    shop = catalogue(spectra.power_law(8, 400, 48), read_at_once=10_000)
    queries = queries_like(spectra.power_law, shop.vectors, 60)
    before = [nearest_products(shop.snapshot, query, k=10).neighbours for query in queries]
    for shard in shop.snapshot.shards:
        if isinstance(shard.segment, StoredSegment):
            shard.segment.make_resident()
    assert [nearest_products(shop.snapshot, query, k=10).neighbours for query in queries] == before
