"""The layout of embeddings: parts, their places in a row, and the weights of a query."""

import math

import numpy as np
import pytest

from lookalike.layout import Layout, Part

LAYOUT = Layout((Part("shape", 4), Part("category", 3, 0.5), Part("colour", 2, 0.0)))


def test_parts_stand_side_by_side() -> None:
    row = np.arange(9)
    assert LAYOUT.dimensions == 9
    assert [row[columns].tolist() for columns in LAYOUT.slices] == [[0, 1, 2, 3], [4, 5, 6], [7, 8]]


def test_each_number_of_a_row_has_the_weight_of_its_part() -> None:
    assert LAYOUT.by_column(np.array([1.0, 2, 3])).tolist() == [1, 1, 1, 1, 2, 2, 2, 3, 3]


def test_a_layout_is_read_as_it_was_written() -> None:
    assert Layout.parse(str(LAYOUT)) == LAYOUT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[[]]",
        '[["shape"]]',
        '[["shape",4,-1]]',
        '[["shape",4,NaN]]',
        '[["shape",4,1e30]]',
        "[1]",
        "3",
        "[" * 100_000,
        '[["shape",1e999]]',
    ],
)
def test_what_is_no_layout_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the layout"):
        Layout.parse(text)


@pytest.mark.parametrize("parts", [(), (Part("shape", 1), Part("shape", 2)), (Part("shape", 1, 0.0),)])
def test_parts_have_names_of_their_own_and_a_weight(parts: tuple[Part, ...]) -> None:
    with pytest.raises(ValueError, match="an embedding has parts"):
        Layout(parts)


def test_factors_multiply_the_default_weights() -> None:
    assert LAYOUT.weights_by({}).tolist() == [1, 0.5, 0]
    assert LAYOUT.weights_by({"category": 3, "shape": 0}).tolist() == [0, 1.5, 0]


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"size": 1.0}, "The parts are shape, category, colour"),
        ({"shape": -1.0}, "from 0 to 4"),
        ({"shape": 4.5}, "from 0 to 4"),
        ({"shape": math.nan}, "from 0 to 4"),
        ({"shape": 0.0, "category": 0.0}, "above 0"),
    ],
)
def test_factors_that_cannot_be_used_are_named(factors: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LAYOUT.weights_by(factors)


def test_layouts_of_the_same_parts_are_compared_whatever_their_weights() -> None:
    assert LAYOUT.has_parts_of(Layout((Part("shape", 4, 2.0), Part("category", 3), Part("colour", 2))))
    assert not LAYOUT.has_parts_of(Layout.of_one_part(9))
