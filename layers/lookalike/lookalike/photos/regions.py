"""Regions of a photo: the whole, the crop that a shopper draws, and windows that are searched without being asked for."""

import re
from dataclasses import dataclass
from typing import Final, Self

NUMBER: Final = r"[0-9]{0,20}\.?[0-9]{1,20}(?:[eE]-?[0-9]{1,3})?"
"""A number of a region as text. JavaScript writes small ones with an exponent."""
MIN_CROP_SIDE: Final = 16
"""The least side of a crop, in the photo's pixels."""

_ROUNDING: Final = 0.001 + 1e-9  # over the edge of the photo: pages round their numbers
_LEAST: Final = 0.0001  # of a side: a few pixels of the largest photo


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in fractions of a photo as it stands upright: its upper left corner, its width and its height.

    Raises ValueError, with words for people, where it is none or is not inside the photo. Where it reaches over the photo's edge
    by rounding only, it ends there.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        across, down = ("x", "w", self.x, self.width), ("y", "h", self.y, self.height)
        for corner_name, side_name, corner, side in (across, down):
            if not 0 <= corner < 1:
                raise ValueError(f"{corner_name} must be at least 0 and below 1, not {corner:g}.")
            if not 0 < side <= 1:
                raise ValueError(f"{side_name} must be above 0 and at most 1, not {side:g}.")
            if corner + side > 1 + _ROUNDING:
                raise ValueError(f"{corner_name} + {side_name} must be at most 1, not {corner + side:g}.")
        object.__setattr__(self, "width", min(self.width, 1 - self.x))
        object.__setattr__(self, "height", min(self.height, 1 - self.y))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The region that four numbers x,y,w,h describe. Raises ValueError, with words for people."""
        numbers = text.split(",", 4)
        if len(numbers) != 4 or not all(re.fullmatch(NUMBER, number) for number in numbers):
            raise ValueError("it takes four numbers with commas between them, x,y,w,h, such as 0.25,0.1,0.5,0.8.")
        x, y, width, height = map(float, numbers)
        region = cls(x, y, width, height)
        if min(region.width, region.height) < _LEAST:
            raise ValueError(f"w and h must be at least {_LEAST}, inside the photo.")
        return region

    @property
    def is_whole(self) -> bool:
        return (self.x, self.y, self.width, self.height) == (0, 0, 1, 1)

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def lower(self) -> float:
        return self.y + self.height

    def as_numbers(self) -> list[float]:
        """x, y, w and h, rounded to a millionth."""
        return [round(number, 6) for number in (self.x, self.y, self.width, self.height)]

    def part(self, inner: "Region") -> "Region":
        """A part of this region, which ``inner`` describes in fractions of this region, in fractions of the photo."""
        return Region(
            self.x + inner.x * self.width,
            self.y + inner.y * self.height,
            inner.width * self.width,
            inner.height * self.height,
        )


WHOLE: Final = Region(0.0, 0.0, 1.0, 1.0)

# Upright as most catalogue photos are: the corners of the photo, and its middle, where most products are.
_WINDOWS: Final = tuple(
    Region(x, y, 1 / 2, 2 / 3) for x, y in ((0.0, 0.0), (1 / 2, 0.0), (0.0, 1 / 3), (1 / 2, 1 / 3), (1 / 4, 1 / 6))
)


def with_windows(region: Region) -> tuple[Region, ...]:
    """A region and the windows in it that are searched where the product may be anywhere."""
    return region, *(region.part(window) for window in _WINDOWS)
