"""How photos are stored: a camera that was held upright may store them lying on their side, and says so in EXIF."""

from typing import Final, NamedTuple

from PIL import Image

from lookalike.photos.regions import Region


class Turn(NamedTuple):
    """How an upright photo is stored: with its axes exchanged, then mirrored. ``undo`` turns it upright."""

    undo: Image.Transpose | None = None
    is_turned: bool = False
    mirrors_x: bool = False
    mirrors_y: bool = False

    def stored(self, region: Region) -> Region:
        """A region of the upright photo as one of the stored photo."""
        x, y, width, height = region.x, region.y, region.width, region.height
        if self.is_turned:
            x, y, width, height = y, x, height, width
        if self.mirrors_x:
            x = max(0.0, 1 - x - width)
        if self.mirrors_y:
            y = max(0.0, 1 - y - height)
        return Region(x, y, width, height)


UPRIGHT: Final = Turn()

TURNS: Final = {
    2: Turn(Image.Transpose.FLIP_LEFT_RIGHT, mirrors_x=True),
    3: Turn(Image.Transpose.ROTATE_180, mirrors_x=True, mirrors_y=True),
    4: Turn(Image.Transpose.FLIP_TOP_BOTTOM, mirrors_y=True),
    5: Turn(Image.Transpose.TRANSPOSE, is_turned=True),
    6: Turn(Image.Transpose.ROTATE_270, is_turned=True, mirrors_y=True),
    7: Turn(Image.Transpose.TRANSVERSE, is_turned=True, mirrors_x=True, mirrors_y=True),
    8: Turn(Image.Transpose.ROTATE_90, is_turned=True, mirrors_x=True),
}
"""By EXIF orientation; 1 is upright."""
