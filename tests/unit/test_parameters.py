"""How the texts of parameters are read. ``test_query_function`` says which routes take which."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.search.products import Regions
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


CROP = parameters.region("crop", "a part of the photo", example="0,0,1,1")
REGIONS = parameters.choice("regions", "which regions", Regions)


@quick
@given(st.lists(st.decimals(0, 1, places=6), min_size=4, max_size=4))
def test_a_region_is_four_fractions_or_refused_by_name(numbers: list[Decimal]) -> None:
    text = ",".join(f"{number:f}" for number in numbers)
    x, y, width, height = map(float, numbers)
    assert re.search(CROP.schema["pattern"], text)
    if width and height and x + width <= 1 and y + height <= 1 and min(width, height) >= 1e-4:
        region = CROP.parse(text)
        assert (region.x, region.y) == (x, y)
        assert (region.width, region.height) == pytest.approx((width, height), abs=1e-9)
    elif x + width > 1.002 or y + height > 1.002:
        with pytest.raises(parameters.BadParameter, match=r"crop is not a part of the photo: [xy]"):
            CROP.parse(text)


@pytest.mark.parametrize("text", ["", "0,0,1", "a,b,c,d", "0,0,nan,1", "0;0;1;1", " 0,0,1,1", "0,0,0,1", "1,1,1,1"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(parameters.BadParameter, match="crop is not a part of the photo"):
        CROP.parse(text)


def test_a_choice_is_one_of_its_words() -> None:
    assert REGIONS.parse("auto") is Regions.AUTO
    assert REGIONS.default is None
    for text in ("", "AUTO", "auto ", "none"):
        with pytest.raises(parameters.BadParameter, match="regions must be one of auto, whole"):
            REGIONS.parse(text)
