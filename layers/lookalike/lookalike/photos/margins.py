"""Find a product that is small in a photo with a plain margin: a screenshot, a sheet of white, a picture with black bars.

A margin has no edges. The photo is looked at in about 128 x 128 cells, and a cell belongs to an edge where its two neighbours in
a row or in a column differ. Differences of neighbours see no slow gradient, and the mean colour of a cell little noise of a
camera or of JPEG.

    1. Bars are taken off: flat lines along a side of the photo, up to an edge as long as the side; and a frame around a lighter
       margin.
    2. The product is the smallest box around the edges that are left, apart from specks.
    3. Where its longer side has less than half of the photo's, so that it fills less than a quarter, its box is measured once more,
       in cells as fine as it needs.
    4. A box with a straight edge on each side is a picture of its own, and is taken as it is. Any other product gets the air
       around it that products have in catalogue photos.

Only Pillow is needed: a decoder's process starts without NumPy.
"""

from typing import Final

from PIL import Image, ImageChops, ImageFilter

from lookalike.photos.regions import Region

Box = tuple[float, float, float, float]
"""Left, upper, right and lower, in pixels."""

_CELLS: Final = 128  # of the longer side
_SAMPLES: Final = 4  # of a cell's side: a photo of any size is looked at in the same time
_EDGE: Final = 8  # of 255, in the channel that differs most; white cloth on white paper differs by 10
_EDGE_CELLS: Final = 4  # the thickness of an edge as it is seen, the blur of a resized photo included

_SMALL: Final = 0.5  # of the photo's side
_GAP_CELLS: Final = 3  # in one thing
_SPECK_CELLS: Final = 5
_SPECK_SHARE: Final = 0.1  # of all edges
_STRAIGHT: Final = 0.9  # of a side, for its edge to be that of a picture or a frame
_FULL: Final = 0.97  # of the photo's side, for an edge to be that of a bar

_BUSY: Final = 0.1  # of its cells have edges, in a picture; a wallet with a label has fewer

_FILL: Final = 0.88  # of the window, by the product's longer side
_SHAPE: Final = 3 / 4  # of the window, width by height, as most catalogue photos have

_Cells = tuple[int, int, int, int]


def product_region(image: Image.Image, whole: Box, *, is_turned: bool) -> Region | None:
    """The part of a box to look at in place of the whole box, in fractions of it, or None for the whole.

    ``is_turned``: the photo lies on its side. The photo is in a mode that Pillow converts to RGB, or in RGBA, which counts as it
    looks on white. Takes 1 to 3 ms, whatever the photo's size.
    """
    picture = _picture(image, whole)
    cells = _edges(picture)
    inner = _without_frame(picture, cells, _without_bars(cells))
    found = _content(cells, inner)
    if found is None or not _is_small(_tight(found, inner), cells.size):
        return None
    bounds = _in_pixels(inner, cells.size, whole)
    around = _in_pixels(_grown(found, inner, by=2), cells.size, whole)
    cells = _edges(_picture(image, around))
    every = (0, 0, *cells.size)
    found = _content(cells, every) or every
    if _is_picture(cells.crop(found)):
        left, upper, right, lower = _in_pixels(found, cells.size, around)
        inset = _EDGE_CELLS / 2 * max(around[2] - around[0], around[3] - around[1]) / _CELLS
        window = left + inset, upper + inset, right - inset, lower - inset
    else:
        window = _with_air(
            _in_pixels(_tight(found, every), cells.size, around), bounds, 1 / _SHAPE if is_turned else _SHAPE
        )
    return _in_fractions(window, whole)


def _picture(image: Image.Image, box: Box) -> Image.Image:
    """The mean colours of the cells of a box. Cells are about square."""
    sides = (box[2] - box[0], box[3] - box[1])
    scale = min(1.0, _CELLS / max(sides))
    size = (max(1, round(scale * sides[0])), max(1, round(scale * sides[1])))
    samples = (min(_SAMPLES * size[0], max(1, round(sides[0]))), min(_SAMPLES * size[1], max(1, round(sides[1]))))
    sampled = image.resize(samples, Image.Resampling.NEAREST, box)
    if sampled.mode == "RGBA":
        on_white = Image.new("RGB", samples, "white")
        on_white.paste(sampled, None, sampled)
        sampled = on_white
    return sampled.convert("RGB").resize(size, Image.Resampling.BOX)


def _edges(picture: Image.Image) -> Image.Image:
    """255 for each cell of an edge, 0 for the others."""
    width, height = picture.size
    edges = Image.new("L", picture.size)
    for x, y in ((1, 0), (0, 1)):
        if width > 2 * x and height > 2 * y:
            before = picture.crop((0, 0, width - 2 * x, height - 2 * y))
            after = picture.crop((2 * x, 2 * y, width, height))
            red, green, blue = ImageChops.difference(before, after).split()
            largest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
            found = Image.new("L", picture.size)
            found.paste(largest.point([255 * (difference > _EDGE) for difference in range(256)]), (x, y))
            edges = ImageChops.lighter(edges, found)
    # Single cells are noise: an edge is two cells thick.
    return edges.filter(ImageFilter.MedianFilter(3)) if min(picture.size) > 2 else edges


def _without_bars(cells: Image.Image) -> _Cells:
    """The cells inside bars, of which there may be two around each other."""
    left, upper, right, lower = 0, 0, *cells.size
    for _ in range(2):
        part = cells.crop((left, upper, right, lower))
        rows, columns = _counts(part), _counts(part.transpose(Image.Transpose.TRANSPOSE))
        left, right = left + _bar(columns, part.height), right - _bar(columns[::-1], part.height)
        upper, lower = upper + _bar(rows, part.width), lower - _bar(rows[::-1], part.width)
        if left >= right or upper >= lower:
            return 0, 0, *cells.size
    return left, upper, right, lower


def _without_frame(picture: Image.Image, cells: Image.Image, within: _Cells) -> _Cells:
    """The cells inside a frame or border, around a plain margin that is lighter than it.

    A wallet has straight edges, too, and a plain margin around its label, and is mostly darker than the paper it lies on.
    """
    found = _content(cells, within)
    if found is None or not _has_straight_edges(cells.crop(found)):
        return within
    inside = left, upper, right, lower = _grown(found, found, by=-_EDGE_CELLS)
    if right - left < _EDGE_CELLS or lower - upper < _EDGE_CELLS:
        return within
    inner = cells.crop(inside)
    rows, columns = _counts(inner), _counts(inner.transpose(Image.Transpose.TRANSPOSE))
    is_plain = max(rows[0], rows[-1]) <= inner.width / 4 and max(columns[0], columns[-1]) <= inner.height / 4
    frame, margin = (found[0], found[1], found[2], found[1] + 1), (left, upper, right, upper + 1)
    return inside if is_plain and _lightness(picture, frame) < _lightness(picture, margin) else within


def _lightness(picture: Image.Image, cells: _Cells) -> int:
    """The mean lightness of some cells, 0 to 255."""
    mean = picture.crop(cells).convert("L").resize((1, 1), Image.Resampling.BOX)
    return mean.tobytes()[0]


def _bar(counts: list[int], length: int) -> int:
    """The lines of a bar, with its edge: lines without edges, then a straight one. 0 where there is none."""
    flat = next((place for place, count in enumerate(counts) if count), 0)
    edge = flat
    while edge < len(counts) and counts[edge] >= _FULL * length:
        edge += 1
    # More straight lines than an edge has are the texture of a photo that is all product.
    return edge if flat < edge <= flat + _EDGE_CELLS else 0


def _content(cells: Image.Image, within: _Cells) -> _Cells | None:
    """The box of all edges within a box, apart from specks; None where there is no edge."""
    left, upper, right, lower = within
    for _ in range(2):  # a speck beside the product is in a column of its own, and then in no row
        part = cells.crop((left, upper, right, lower))
        rows = _main_span(_counts(part))
        if rows is None:
            return None
        upper, lower = upper + rows[0], upper + rows[1]
        part = cells.crop((left, upper, right, lower)).transpose(Image.Transpose.TRANSPOSE)
        columns = _main_span(_counts(part))
        if columns is None:
            return None
        left, right = left + columns[0], left + columns[1]
    return left, upper, right, lower


def _main_span(counts: list[int]) -> tuple[int, int] | None:
    """The lines from the first thing to the last that is no speck."""
    spans: list[tuple[int, int]] = []
    for place, count in enumerate(counts):
        if count and spans and place - spans[-1][1] <= _GAP_CELLS:
            spans[-1] = spans[-1][0], place + 1
        elif count:
            spans.append((place, place + 1))
    most = min(_SPECK_CELLS**2, _SPECK_SHARE * sum(counts))
    kept = [(start, end) for start, end in spans if end - start > _SPECK_CELLS or sum(counts[start:end]) > most]
    return (kept[0][0], kept[-1][1]) if kept else None


def _counts(cells: Image.Image) -> list[int]:
    """The cells with an edge in each row."""
    data, width = cells.tobytes(), cells.width
    return [data.count(b"\xff", start, start + width) for start in range(0, len(data), width)]


def _is_small(found: _Cells, size: tuple[int, int]) -> bool:
    left, upper, right, lower = found
    return right - left < _SMALL * size[0] and lower - upper < _SMALL * size[1]


def _is_picture(cells: Image.Image) -> bool:
    """Whether a box has a straight edge on each side, and enough inside."""
    left, upper, right, lower = _grown((0, 0, *cells.size), (0, 0, *cells.size), by=-_EDGE_CELLS)
    if right <= left or lower <= upper or not _has_straight_edges(cells):
        return False
    inner = cells.crop((left, upper, right, lower))
    return sum(_counts(inner)) > _BUSY * inner.width * inner.height


def _has_straight_edges(cells: Image.Image) -> bool:
    for lines in (_counts(cells), _counts(cells.transpose(Image.Transpose.TRANSPOSE))):
        length = cells.width * cells.height / len(lines)
        if max(lines[:_EDGE_CELLS]) < _STRAIGHT * length or max(lines[-_EDGE_CELLS:]) < _STRAIGHT * length:
            return False
    return True


def _tight(found: _Cells, within: _Cells) -> _Cells:
    """A box of edges without their outer halves: an edge is seen in a cell on each side of it."""
    left, upper, right, lower = found
    if left > within[0]:
        left = min(left + 1, right - 1)
    if upper > within[1]:
        upper = min(upper + 1, lower - 1)
    if right < within[2]:
        right = max(right - 1, left + 1)
    if lower < within[3]:
        lower = max(lower - 1, upper + 1)
    return left, upper, right, lower


def _grown(found: _Cells, within: _Cells, *, by: int) -> _Cells:
    left, upper, right, lower = found
    return max(within[0], left - by), max(within[1], upper - by), min(within[2], right + by), min(within[3], lower + by)


def _in_pixels(found: _Cells, size: tuple[int, int], box: Box) -> Box:
    across, down = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    return (
        box[0] + across * found[0],
        box[1] + down * found[1],
        box[0] + across * found[2],
        box[1] + down * found[3],
    )


def _in_fractions(window: Box, whole: Box) -> Region:
    width, height = whole[2] - whole[0], whole[3] - whole[1]
    return Region(
        (window[0] - whole[0]) / width,
        (window[1] - whole[1]) / height,
        (window[2] - window[0]) / width,
        (window[3] - window[1]) / height,
    )


def _with_air(found: Box, bounds: Box, shape: float) -> Box:
    """A window of the shape of a catalogue photo around a product, as far as the bounds allow."""
    width, height = (found[2] - found[0]) / _FILL, (found[3] - found[1]) / _FILL
    width, height = max(width, height * shape), max(height, width / shape)
    left, right = _placed((found[0] + found[2]) / 2, width, bounds[0], bounds[2])
    upper, lower = _placed((found[1] + found[3]) / 2, height, bounds[1], bounds[3])
    return left, upper, right, lower


def _placed(middle: float, length: float, least: float, most: float) -> tuple[float, float]:
    """A span around a middle, moved and if need be shortened so that it lies between two limits."""
    start = min(max(least, middle - length / 2), max(least, most - length))
    return start, min(start + length, most)
