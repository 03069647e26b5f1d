"""Regions of photos: what is one, and what is said of a text that is none."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookalike.photos.regions import WHOLE, Region, with_windows

corners = st.floats(0, 0.999)


@st.composite
def regions(draw: st.DrawFn) -> Region:
    x, y = draw(corners), draw(corners)
    width, height = (draw(st.floats(1e-4, 1 - corner)) for corner in (x, y))
    return Region(x, y, width, height)


def text_of(region: Region) -> str:
    return ",".join(f"{number:.9f}" for number in (region.x, region.y, region.width, region.height))


@given(st.integers(0, 900), st.integers(0, 900), st.integers(1, 1000), st.integers(1, 1000))
def test_a_region_is_read_as_it_was_written(x: int, y: int, width: int, height: int) -> None:
    text = f"{x / 1000},{y / 1000},{width / 1000},{height / 1000}"
    if x + width <= 1000 and y + height <= 1000:
        read = Region.parse(text)
        assert (read.x, read.y) == (x / 1000, y / 1000)
        assert (read.width, read.height) == pytest.approx((width / 1000, height / 1000), abs=1e-12)
    elif x + width > 1001 or y + height > 1001:
        with pytest.raises(ValueError, match=r"[xy] \+ [wh] must be at most 1"):
            Region.parse(text)


@given(st.text(st.sampled_from("0123456789.,-+eE naif٥_"), max_size=40) | st.text(max_size=40))
def test_any_text_is_a_region_inside_the_photo_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        region = Region.parse(text)
        assert 0 <= region.x < region.right <= 1
        assert 0 <= region.y < region.lower <= 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "four numbers"),
        ("0,0,1", "four numbers"),
        ("0,0,1,1,1", "four numbers"),
        ("0,0,nan,1", "four numbers"),
        ("0,0,inf,1", "four numbers"),
        ("-0.1,0,1,1", "four numbers"),
        ("0,0,1_0,1", "four numbers"),
        ("1,0,1,1", "x must be"),
        ("0,1.5,1,1", "y must be"),
        ("0,0,0,1", "w must be"),
        ("0,0,1,0", "h must be"),
        ("0,0,2,1", "w must be"),
        ("0.5,0,0.6,1", r"x \+ w must be at most 1, not 1\.1"),
        ("0,0.5,1,0.502", r"y \+ h must be at most 1"),
        ("0,0,1e-300,1", "at least 0.0001"),
    ],
)
def test_what_is_wrong_is_named(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Region.parse(text)


def test_a_region_that_reaches_over_the_edge_by_rounding_ends_there() -> None:
    assert Region.parse("0.334,0,0.667,1").right == 1
    assert Region.parse("0,0,1.0,1e0").is_whole


@given(regions(), regions())
def test_a_part_of_a_region_lies_in_it(outer: Region, inner: Region) -> None:
    part = outer.part(inner)
    assert outer.x <= part.x <= part.right <= outer.right + 1e-12
    assert outer.y <= part.y <= part.lower <= outer.lower + 1e-12
    assert math.isclose(part.width * part.height, outer.width * outer.height * inner.width * inner.height, abs_tol=1e-9)


@given(regions())
def test_windows_lie_in_their_region_and_cover_it(region: Region) -> None:
    first, *windows = with_windows(region)
    assert first == region
    assert min(window.x for window in windows) == region.x
    assert max(window.lower for window in windows) == pytest.approx(region.lower, abs=1e-9)
    assert all(outer == WHOLE.part(outer) for outer in windows)
