"""How the texts of parameters are read. ``test_query_function`` says which routes take which."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import functions
from tests.support.rows import quick

parameters = functions.load("query", "parameters")
WEIGHTS = parameters.factors("weights", "factors of parts", example="colour:2")
DISTINCT = parameters.switch("distinct", "whether alike products are one")
names = st.text(st.characters(exclude_characters=":,", exclude_categories=["Cs"]), min_size=1, max_size=8)
numbers = st.decimals(0, 9999, places=3)


@quick
@given(st.dictionaries(names, numbers, min_size=1, max_size=5))
def test_factors_are_names_with_a_number_each(wanted: dict[str, float]) -> None:
    text = ",".join(f"{name}:{number:f}" for name, number in wanted.items())
    assert WEIGHTS.parse(text) == {name: float(number) for name, number in wanted.items()}
    assert re.search(WEIGHTS.schema["pattern"], text)


@pytest.mark.parametrize(
    ("text", "value"), [("colour:2", 2), ("colour:0", 0), ("colour:.5", 0.5), ("colour:9999", 9999)]
)
def test_a_factor_is_a_plain_number(text: str, value: float) -> None:
    assert WEIGHTS.parse(text) == {"colour": value}


@pytest.mark.parametrize(
    "text",
    [
        *("", "2", "colour", "colour:", ":2", "colour:-1", "colour:1e3", "colour:nan", "colour:inf", "colour:1_0", "colour:0x1"),
        *("colour:2,", ",colour:2", "colour:2;shape:1", "colour:1.2.3", "colour:2 ", "colour:\u0662", "a:b:2", "colour:" + "9" * 99),
    ],
)  # fmt: skip
def test_what_is_no_factor_is_refused_and_does_not_fit_the_schema(text: str) -> None:
    with pytest.raises(parameters.BadParameter, match="colour:2"):
        WEIGHTS.parse(text)
    assert not re.search(WEIGHTS.schema["pattern"], text)


def test_a_name_has_one_factor() -> None:
    with pytest.raises(parameters.BadParameter, match="twice"):
        WEIGHTS.parse("colour:2,colour:2")


@quick
@given(st.text(st.sampled_from("colurshape:,.0123456789"), max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = WEIGHTS.parse(text)
    except parameters.BadParameter:
        return
    assert all(name and factor >= 0 for name, factor in found.items())


def test_a_switch_is_true_or_false() -> None:
    assert DISTINCT.parse("true") is True
    assert DISTINCT.parse("false") is False
    for text in ("", "1", "True", "yes", "null"):
        with pytest.raises(parameters.BadParameter, match="true or false"):
            DISTINCT.parse(text)
