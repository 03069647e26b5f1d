"""Only what is searched as scikit-learn searches it is published."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lookalike.codes.codes import Codes, Frame
from lookalike.codes.parted import PartedCodes, encode_parts, plain_frames
from lookalike.compaction import gate, writer
from lookalike.compaction.compact import compact
from lookalike.compaction.gate import judge
from lookalike.errors import CorruptObject, NotExact, StoreError
from lookalike.layout import Layout, Part
from lookalike.store import segment_file, versions
from lookalike.store.object_store import MemoryStore, ObjectStore
from lookalike.store.products import PRODUCTS
from lookalike.store.reader import SnapshotReader
from lookalike.store.segment import Segment, from_rows
from lookalike.store.segment_file import Encoded
from tests.support import fakes, functions, spectra
from tests.support.fakes import LAYOUT, fill, photo, put_row
from tests.support.rows import delete, quick, reject
from tests.support.segments import ROTATION, encoded, names_of, of_vectors, rotations_of


def shuffled(column: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).permutation(column)


def written(rows: Segment, change: Callable[[Codes], dict[str, Any]], *frames: Frame) -> Encoded:
    """The file of these rows, with the codes of their last part tampered with."""
    coded = frames or plain_frames(rows.embedding, rows.layout)
    order = np.arange(len(rows.embedding))
    right = encode_parts(rows.embedding, rows.layout, coded)
    *others, last = right.parts
    tampered = replace(right, parts=(*others, replace(last, **change(last))))
    return segment_file.encode(rows, tampered, order, names_of(rows.layout, coded))


# --- what it passes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", spectra.EVERY.values(), ids=spectra.EVERY)
def test_what_is_right_passes(make) -> None:
    rows = of_vectors(make(1, 300, 24), products=[str(number // 3) for number in range(300)])
    judge([encoded(rows)], rows, {})
    rotation = spectra.fitted(spectra.power_law(2, 100, 24), 10)
    judge([encoded(rows, Frame(rotation, 2.0**-7, 4))], rows, {ROTATION: rotation})


def test_what_is_right_passes_in_several_segments() -> None:
    rows = of_vectors(spectra.clustered(3, 300, 24))
    pieces = [rows.take(np.arange(start, start + 100)) for start in (0, 100, 200)]
    judge([encoded(piece) for piece in pieces], rows, {})
    with pytest.raises(NotExact):
        judge([encoded(piece) for piece in pieces[:2]], rows, {})


PARTS = Layout((Part("shape", 16), Part("category", 8, 0.5), Part("colour", 4, 0.0)))


@pytest.mark.parametrize("make", spectra.EVERY.values(), ids=spectra.EVERY)
def test_embeddings_of_parts_that_are_right_pass(make) -> None:
    vectors = make(1, 200, PARTS.dimensions)
    vectors[:, PARTS.slices[1]] = spectra.isotropic(2, 200, 8)
    rows = of_vectors(vectors, layout=PARTS)
    judge([encoded(rows)], rows, {})
    rotations = [
        spectra.fitted(spectra.power_law(3, 100, part.dimensions), part.dimensions // 2) for part in PARTS.parts
    ]
    frames = [Frame(rotation, 2.0**-7, 2) for rotation in rotations]
    judge([encoded(rows, *frames)], rows, rotations_of(PARTS, frames))


@pytest.mark.parametrize("count", [0, 1, 2, 11])
def test_few_rows_and_none_pass(count: int) -> None:
    rows = of_vectors(spectra.isotropic(4, count, 8))
    judge([encoded(rows)], rows, {})


def test_rows_without_an_embedding_pass() -> None:
    rows = from_rows([reject("a", 1), delete("b", 2)], Layout.of_one_part(8))
    judge([encoded(rows)], rows, {})


def test_a_product_with_more_photos_than_the_judge_looks_at_first_passes() -> None:
    near = spectra.isotropic(5, 1, 8) + np.float32(1e-3) * spectra.isotropic(6, 300, 8)
    vectors = np.concatenate([near, spectra.isotropic(7, 20, 8)])
    rows = of_vectors(vectors, products=["many"] * 300 + [str(number) for number in range(20)])
    judge([encoded(rows)], rows, {})


@quick
@given(
    npst.arrays(
        np.float32,
        st.tuples(st.integers(1, 14), st.integers(1, 4)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(-1, 1, width=32),
    ),
    st.integers(1, 3),
)
def test_any_floats_that_are_right_pass(vectors: np.ndarray, photos: int) -> None:
    rows = of_vectors(vectors, products=[str(number // photos) for number in range(len(vectors))])
    judge([encoded(rows)], rows, {})


# --- what it refuses --------------------------------------------------------------------------------------------------

TAMPERED = {
    "codes of other rows that are said to lose nothing": lambda right: {
        "matrix": shuffled(right.matrix),
        "head_error": np.zeros_like(right.error),
        "error": np.zeros_like(right.error),
    },
    "tails too long": lambda right: {"tail": np.where(np.arange(len(right)) % 2, right.tail, np.float32(1e9))},
}


@pytest.mark.parametrize("rotated", [False, True])
@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_codes_that_hide_rows_are_refused(change: Callable[[Codes], dict[str, Any]], rotated: bool) -> None:
    rows = of_vectors(spectra.clustered(8, 300, 24))
    rotation = spectra.fitted(rows.embedding, 12) if rotated else None
    frame = Frame(rotation, 2.0**-7, 6)
    judge([written(rows, lambda right: {}, frame)], rows, rotations_of(rows.layout, [frame]))
    with pytest.raises(NotExact, match="not published"):
        judge([written(rows, change, frame)], rows, rotations_of(rows.layout, [frame]))


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_codes_that_hide_rows_under_other_weights_than_the_defaults_are_refused(
    change: Callable[[Codes], dict[str, Any]],
) -> None:
    """The tampered part has no weight by default, and a query may give it one."""
    rows = of_vectors(spectra.clustered(8, 300, PARTS.dimensions), layout=PARTS)
    judge([written(rows, lambda right: {})], rows, {})
    with pytest.raises(NotExact, match="not published"):
        judge([written(rows, change)], rows, {})


def test_heads_that_hide_rows_are_refused() -> None:
    """Of a store so large that not every row is bounded a second time."""
    rows = of_vectors(spectra.isotropic(15, 3000, 8))
    far = np.where(np.arange(3000) % 2, np.int8(0), np.int8(127))
    judge([written(rows, lambda right: {})], rows, {})
    with pytest.raises(NotExact):
        judge([written(rows, lambda right: {"rest": far})], rows, {})


def test_a_few_tiny_rows_among_others_pass() -> None:
    rows = of_vectors(np.concatenate([spectra.isotropic(16, 15, 8), spectra.tiny(17, 15, 8)]))
    judge([encoded(rows)], rows, {})


def test_embeddings_kept_for_other_rows_are_refused() -> None:
    rows = of_vectors(spectra.isotropic(9, 100, 8))
    other = replace(rows, embedding=rows.embedding[::-1].copy())
    with pytest.raises(NotExact, match="scikit-learn"):
        judge([encoded(other)], rows, {})


def test_embeddings_kept_in_another_order_than_their_codes_are_refused() -> None:
    rows = of_vectors(spectra.isotropic(10, 100, 8))
    right = encode_parts(rows.embedding, rows.layout, plain_frames(rows.embedding, rows.layout))
    file = segment_file.encode(rows, right, np.arange(100)[::-1].copy(), {})
    with pytest.raises(NotExact):
        judge([file], rows, {})


def test_a_missing_row_is_refused() -> None:
    rows = of_vectors(spectra.isotropic(11, 12, 8))
    with pytest.raises(NotExact):
        judge([encoded(rows.take(np.arange(11)))], rows, {})


def test_a_product_too_few_is_refused() -> None:
    rows = of_vectors(spectra.isotropic(12, 5, 8))
    with pytest.raises(NotExact, match="gives 4 products and scikit-learn 5"):
        judge([encoded(rows.take(np.arange(4)))], rows, {})


def test_an_embedding_that_was_changed_is_refused() -> None:
    rows = of_vectors(spectra.isotropic(13, 12, 8))
    other = rows.embedding.copy()
    other[3] *= np.float32(1.001)
    with pytest.raises(NotExact):
        judge([encoded(replace(rows, embedding=other))], rows, {})


def test_a_file_that_cannot_be_opened_is_refused() -> None:
    rows = of_vectors(spectra.isotropic(14, 12, 8))
    file = encoded(rows, Frame(spectra.fitted(rows.embedding, 4), 0.1, 2))
    with pytest.raises(CorruptObject, match="rotation"):
        judge([file], rows, {})
    with pytest.raises(CorruptObject):
        judge([replace(file, data=file.data[:-100])], rows, {ROTATION: spectra.fitted(rows.embedding, 4)})


# --- what comes of it -------------------------------------------------------------------------------------------------


def wrong_codes(vectors: np.ndarray, layout: Layout, frames: Sequence[Frame]) -> PartedCodes:
    """Codes of which half the rows seem to be far away."""
    right = encode_parts(vectors, layout, frames)
    tail = right.parts[0].tail.copy()
    tail[::2] = 1e9
    return replace(right, parts=(replace(right.parts[0], tail=tail), *right.parts[1:]))


def photos(store: ObjectStore) -> tuple[str, int]:
    snapshot = SnapshotReader(store, layout=LAYOUT).refresh()
    return snapshot.version, snapshot.photos


def test_what_is_refused_is_not_published_and_the_store_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    fill(store, [put_row(f"images/{number}.jpg", photo(str(number))) for number in range(40)])
    compact(store)
    fill(store, [put_row(f"images/{number}.jpg", photo(str(number))) for number in range(40, 120)])
    before = versions.newest_name(store), photos(store)
    with monkeypatch.context() as patched:
        patched.setattr(writer, "encode_parts", wrong_codes)
        with pytest.raises(NotExact):
            compact(store)
    assert (versions.newest_name(store), photos(store)) == before
    compact(store)
    version, searchable = photos(store)
    assert version.endswith("+0"), "no log segment waits"
    assert searchable == 120


def test_the_compact_function_reports_it_and_looks_after_the_other_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in functions.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    app = functions.load("compact")
    stores = {"aa/": fakes.OutageStore(), "bb/": fakes.OutageStore()}
    for count, store in zip((40, 1), stores.values(), strict=True):
        fill(store, [put_row(f"images/{number}.jpg", photo(str(number))) for number in range(count)])
    every = {**stores, PRODUCTS: fakes.OutageStore()}
    monkeypatch.setattr(app, "S3Store", lambda client, name, prefix: every[prefix])
    monkeypatch.setattr(app, "store_prefixes", lambda client, name: list(stores))
    judged = gate.judge

    def judge_harshly(files: Any, rows: Segment, rotations: Any) -> None:
        judged(files, rows, rotations)
        if len(rows) == 40:
            raise NotExact("what was written is not exact: not published")

    monkeypatch.setattr(writer, "judge", judge_harshly)
    with pytest.raises(StoreError, match="aa/"):
        app.handler({}, functions.Context())
    assert [photos(store) for store in stores.values()] == [("0+1", 40), ("1+0", 1)]
