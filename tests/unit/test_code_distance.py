"""NumKong, with whatever instructions it finds, and NumPy give the same numbers: those of arithmetic without rounding."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numkong
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from lookalike.codes import distance
from lookalike.codes.codes import TOP_CODE
from lookalike.codes.distance import PackedCodes, products, squared_float_distances, squared_lengths
from tests.support import spectra
from tests.support.code_distances import answers, codes_and_query, numbers
from tests.support.rows import quick

ROOT = Path(__file__).parents[2]
CODES = st.integers(-TOP_CODE, TOP_CODE)


def squares_and_products(codes: npt.NDArray[np.int8], query: npt.NDArray[np.int8]) -> tuple[list[int], list[int]]:
    """|c - q|^2 and c . q of every code c, in 64 bits."""
    wide, other = codes.astype(np.int64), query.astype(np.int64)
    return np.square(wide - other).sum(axis=1).tolist(), (wide * other).sum(axis=1).tolist()


def squared_distances(packed: PackedCodes, query: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Of the first block from one query."""
    (squared,) = packed.squared_distances(0, query[np.newaxis])
    return squared


def assert_exact(codes: npt.NDArray[np.int8], query: npt.NDArray[np.int8]) -> None:
    squares, dots = squares_and_products(codes, query)
    lengths = squares_and_products(codes, np.zeros_like(query))[0]
    np.testing.assert_array_equal(squared_lengths(codes), np.array(lengths, np.int32), strict=True)
    packed = PackedCodes([codes])
    assert [row for rows in packed.blocks for row in range(rows.start, rows.stop)] == list(range(len(codes)))
    both = np.stack([query, -query])
    found = [list(packed.squared_distances(block, both)) for block in range(len(packed.blocks))]
    np.testing.assert_array_equal(
        np.concatenate([np.empty((2, 0), np.float32), *found], axis=1),
        np.array([squares, squares_and_products(codes, -query)[0]], np.float64).astype(np.float32),
        strict=True,
    )
    np.testing.assert_array_equal(
        products(codes, both), np.array([dots, [-dot for dot in dots]], np.int32).T, strict=True
    )


@pytest.fixture(params=["numkong", "numpy"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "numpy":
        monkeypatch.setattr(distance, "numkong", None)


@pytest.mark.parametrize("rows", [0, 1, 3, 130])
@pytest.mark.parametrize("coordinates", [0, 1, 2, 15, 16, 17, 31, 63, 64, 65, 127, 512, 513, 2048, 4096])
def test_distances_are_exact(rows: int, coordinates: int) -> None:
    assert_exact(*codes_and_query(rows, coordinates))


@pytest.mark.parametrize("code", [-TOP_CODE, TOP_CODE])
@pytest.mark.parametrize("coordinates", [1, 64, 4095, 4096])
def test_the_largest_codes_do_not_overflow(code: int, coordinates: int) -> None:
    """254^2 4096 is past 2^27, which no sum of 16 bits and no float32 holds in full."""
    codes = np.full((5, coordinates), code, np.int8)
    codes[1] = -code
    codes[2, 0] = 0
    assert_exact(codes, np.full(coordinates, -code, np.int8))


def test_more_rows_than_are_widened_or_packed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "_ROWS_AT_ONCE", 7)
    monkeypatch.setattr(distance, "_BLOCK_ROWS", 11)
    assert_exact(*codes_and_query(50, 33))


@quick
@given(
    codes=npst.arrays(np.int8, st.tuples(st.integers(0, 6), st.integers(1, 70)), elements=CODES),
    data=st.data(),
)
def test_both_libraries_agree_with_integers(codes: npt.NDArray[np.int8], data: st.DataObject) -> None:
    assert_exact(codes, data.draw(npst.arrays(np.int8, codes.shape[1], elements=CODES)))


@pytest.mark.parametrize("dimensions", [1, 7, 64, 513, 4096])
@pytest.mark.parametrize("make", spectra.EVERY.values(), ids=spectra.EVERY)
def test_distances_of_embeddings_are_off_by_no_more_than_a_search_reckons_with(make, dimensions: int) -> None:
    vectors = make(1, 40, dimensions)
    with np.errstate(over="ignore"):
        queries = np.stack([vectors[3], make(2, 1, dimensions)[0], -vectors[5], np.zeros(dimensions, np.float32)])
    for query, found in zip(queries, squared_float_distances(vectors, queries), strict=True):
        wide = vectors.astype(np.longdouble) - query.astype(np.longdouble)
        true = np.square(wide).sum(axis=1).astype(np.float64)
        assert found.dtype == np.float64
        finite = np.isfinite(found)
        assert (true[~finite] >= 2.0**127).all()
        lost = (dimensions + 4) * 2.0**-24 * true + dimensions * 2.0**-149
        assert (np.abs(found - true)[finite] <= lost[finite]).all()


def test_no_embeddings_have_no_distances() -> None:
    assert squared_float_distances(np.empty((0, 5), np.float32), np.zeros((3, 5), np.float32)).shape == (3, 0)


def test_heads_of_codes_are_packed_like_codes_of_their_own() -> None:
    """As a scan passes them: the first coordinates of codes and of a query."""
    codes, query = codes_and_query(60, 48)
    np.testing.assert_array_equal(
        squared_distances(PackedCodes([codes[:, :20]]), query[:20]),
        squared_distances(PackedCodes([codes[:, :7].copy(), codes[:, 7:20]]), query[:20].copy()),
        strict=True,
    )
    assert squared_distances(PackedCodes([codes]), query).tolist() == squares_and_products(codes, query)[0]


def test_parts_of_codes_have_distances_of_their_own() -> None:
    codes, query = codes_and_query(70, 48)
    parts = [codes[:, :20], codes[:, 20:45], codes[:, 45:]]
    squares = [squared_lengths(np.ascontiguousarray(part)) for part in parts]
    packed = PackedCodes(parts)
    assert squared_distances(packed, query).tolist() == squares_and_products(codes, query)[0]
    several = packed.squared_distances_of_parts(0, np.stack([query, -query]), squares)
    for of_query, found in zip((query, -query), several, strict=True):
        for part, start, squared in zip(parts, (0, 20, 45), found, strict=True):
            assert squared.tolist() == squares_and_products(part, of_query[start : start + part.shape[1]])[0]


def test_numkong_need_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numkong", None)
    spec = importlib.util.spec_from_file_location("without_numkong", str(distance.__file__))
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    codes, query = codes_and_query(9, 20)
    assert loaded.products(codes, query[np.newaxis])[:, 0].tolist() == squares_and_products(codes, query)[1]
    assert squared_distances(loaded.PackedCodes([codes]), query).tolist() == squares_and_products(codes, query)[0]


def test_answers_do_not_depend_on_the_instructions_nor_on_numkong() -> None:
    """A process of its own switches NumKong's sets of instructions off; this one has all of them, or NumPy alone."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.code_distances"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    expected = json.loads(json.dumps([numbers(), answers()]))
    results = json.loads(ran.stdout)
    assert {name for name, on in numkong.get_capabilities().items() if on} == {"serial", *results} - {"all"}
    for capability, result in results.items():
        assert result == expected, f"without {capability}"
