"""Decode the bytes of a photo into the square of RGB pixels that a model takes.

Merchants and shoppers send everything: a phone's rotated 12-megapixel JPEG, a PNG with transparency, a CMYK scan, a 16-bit
greyscale, a text file named ``.jpg``, a decompression bomb. ``decode`` returns pixels or raises an ``ImageError``, whatever the
bytes are. Its two other errors are no fault of the photo: a ``MemoryError``, after which a retry may succeed, and a bug here.

A plain margin around a small product is cut off (docs/decisions/0049). Then a photo that is not square is trimmed to 3:2 if it is
longer, and stretched to the square (docs/decisions/0003). Embeddings of two recipes are not comparable: whoever changes the
pixels that ``decode`` returns for some bytes must rename ``model_parts.RECIPE``.
"""

import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from math import ceil, floor
from typing import Final, NamedTuple

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from lookalike.errors import CropTooSmall, TooManyPixels, UndecodableImage
from lookalike.photos.colours import profile_of, to_srgb
from lookalike.photos.headers.header import DAMAGED, MAX_PIXELS, Header, damaged
from lookalike.photos.headers.photo import read_header
from lookalike.photos.margins import Box, product_region
from lookalike.photos.regions import MIN_CROP_SIDE, WHOLE, Region
from lookalike.photos.turns import TURNS, UPRIGHT, Turn

# The import of a plugin registers its format. Pillow looks for no other plugins if all of these are registered.
_PLUGINS: Final = {
    "JPEG": JpegImagePlugin,
    "PNG": PngImagePlugin,
    "WEBP": WebPImagePlugin,
    "AVIF": AvifImagePlugin,
    "GIF": GifImagePlugin,
    "BMP": BmpImagePlugin,
    "TIFF": TiffImagePlugin,
}

# A BMP of 32 bits may have an alpha channel, or zeros in its place.
BmpImagePlugin.USE_RAW_ALPHA = False

# The functions have one processor, and each further thread takes memory.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

# Pillow warns of damaged metadata, which sound photos often have, and of pixel counts, which this module checks itself.
for _category in (UserWarning, Image.DecompressionBombWarning):
    warnings.filterwarnings("ignore", category=_category, module=r"PIL\.")

# What Pillow raises for damaged files. Fuzzing met OSError, SyntaxError, ValueError, RuntimeError and warnings turned into
# errors; the others are within reach of the same code, which unpacks, indexes and decompresses. MemoryError is none of them:
# the same file may be decoded once memory is free again.
_PILLOW_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    Warning,
    struct.error,
    zlib.error,
)


# Cameras take photos of up to 3:2. Longer ones, mostly a video's 16:9, would be distorted too much.
_LONGEST: Final = 1.5

# Two different continuations of a JPEG without its end marker, and that marker.
_CONTINUATIONS: Final = (bytes(64) + b"\xff\xd9", b"\xb6" * 64 + b"\xff\xd9")


def decode(data: bytes, *, size: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a whole photo into ``size`` x ``size`` RGB pixels in sRGB. Raises what ``decode_regions`` raises."""
    (square,) = decode_regions(data, (WHOLE,), size=size, max_pixels=max_pixels)
    return square


def decode_regions(
    data: bytes, regions: Sequence[Region], *, size: int, max_pixels: int = MAX_PIXELS
) -> list[Image.Image]:
    """Decode regions of a photo into ``size`` x ``size`` RGB pixels in sRGB, each as if it was a photo of its own.

    It applies the EXIF orientation and the colour profile, lays transparency on white, takes the first frame of an animation,
    cuts a plain margin off a small product, trims the region to 3:2 if it is longer and resamples it to the square. The pixels of
    a region do not depend on the other regions. Several threads may call it.

    Raises what ``read_header`` raises before anything is decoded, ``CropTooSmall`` for a first region of too few pixels,
    ``UndecodableImage`` for a photo that is truncated or damaged, and ``MemoryError`` where memory runs out. Regions after the
    first may be as small as a pixel.
    """
    header = read_header(data, max_pixels=max_pixels)
    if header.has_end:
        return _Photo(header, header.data, size).squares(regions)
    # Where every pixel is there, it does not matter how the file goes on.
    start = header.data.rstrip(b"\xff")
    one, other = (_Photo(header, start + continuation, size).squares(regions) for continuation in _CONTINUATIONS)
    if one != other:
        raise damaged()
    return one


class _Loaded(NamedTuple):
    """A photo decoded at some scale, as it is stored, in a mode that can be resampled."""

    pixels: Image.Image
    turn: Turn
    profile: bytes | None


class _Photo:
    """A photo's file, decoded at the scales that its regions need: at one, unless it is a JPEG."""

    def __init__(self, header: Header, data: bytes, size: int) -> None:
        self._header = header
        self._data = data
        self._size = size
        self._loaded: dict[tuple[int, int], _Loaded] = {}

    def squares(self, regions: Sequence[Region]) -> list[Image.Image]:
        return [self._square(region, is_first=place == 0) for place, region in enumerate(regions)]

    def _square(self, region: Region, *, is_first: bool) -> Image.Image:
        loaded = self._load(region)
        stored = loaded.turn.stored(region)
        if is_first:
            self._check_size(stored)
        small = product_region(*_cut(loaded.pixels, stored), is_turned=loaded.turn.is_turned)
        if small:
            # A small product needs a finer scale.
            stored = stored.part(small)
            loaded = self._load(stored)
        return _resampled(loaded, stored, self._size)

    def _load(self, region: Region) -> _Loaded:
        """The photo at a scale that leaves a region at least twice the pixels that the model takes."""
        if self._loaded and self._header.format != "JPEG":
            return next(iter(self._loaded.values()))
        with _file_errors():
            image = Image.open(BytesIO(self._data), formats=(self._header.format,))
        with image:
            with _file_errors():
                # JPEGs are decoded at 1/2, 1/4 or 1/8 where that leaves enough.
                side = ceil(2 * self._size / min(region.width, region.height))
                image.draft(None, (side, side))
            scaled_size = image.size
            if scaled_size not in self._loaded:
                with _file_errors():
                    image.load()
                pixels = _resizable(image, self._header)
                if pixels is image and self._header.format == "WEBP" and not region.is_whole:
                    # Beside its pixels a WebP keeps its decoder, which has them twice: too much together with those of a crop.
                    pixels = image.copy()
                if self._header.frame:
                    pixels = _framed(pixels, self._header.frame)
                self._loaded[scaled_size] = _Loaded(pixels, *_metadata(image, self._header))
        return self._loaded[scaled_size]

    def _check_size(self, stored: Region) -> None:
        """Raise ``CropTooSmall`` for a region of a few pixels, unless the photo itself is as small."""
        for share, side in ((stored.width, self._header.width), (stored.height, self._header.height)):
            if share < 1 and share * side < MIN_CROP_SIDE - 0.5:
                raise CropTooSmall(
                    f"The crop has a side of {share * side:.0f} of the photo's pixels, and at least {MIN_CROP_SIDE} are needed. "
                    "Make it larger."
                )


def _cut(pixels: Image.Image, region: Region) -> tuple[Image.Image, Box]:
    """The pixels of a region, and its exact box among them. Beyond them nothing is seen, as in a photo that ends there."""
    # Rounded, so that a crop that a page computed from whole pixels is one of whole pixels.
    left, right = round(pixels.width * region.x, 6), round(pixels.width * region.right, 6)
    upper, lower = round(pixels.height * region.y, 6), round(pixels.height * region.lower, 6)
    outer = (floor(left), floor(upper), ceil(right), ceil(lower))
    part = pixels if outer == (0, 0, *pixels.size) else pixels.crop(outer)
    return part, (left - outer[0], upper - outer[1], right - outer[0], lower - outer[1])


@contextmanager
def _file_errors() -> Iterator[None]:
    """Turn Pillow's errors into ``ImageError``. For Pillow's code alone: an error in our own code is not the photo's fault."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels("The photo has more pixels than can be read. Send a smaller one.") from error
    except _PILLOW_ERRORS as error:
        if "out of memory" in str(error).lower():  # the words of Pillow's C decoders and of libavif
            raise MemoryError("There is not enough memory to decode the photo.") from error
        raise UndecodableImage(DAMAGED) from error


def _resampled(loaded: _Loaded, stored: Region, size: int) -> Image.Image:
    """Shrink a region, turn it and lay it on white, in the order that costs least."""
    part, box = _cut(loaded.pixels, stored)
    shrunk = part.resize((size, size), Image.Resampling.BICUBIC, _trimmed(box), reducing_gap=2.0)
    turned = shrunk if loaded.turn.undo is None else shrunk.transpose(loaded.turn.undo)
    upright = to_srgb(turned, loaded.profile)
    canvas = Image.new("RGB", (size, size), "white")
    canvas.paste(upright, None, upright if upright.mode == "RGBA" else None)
    return canvas


def _metadata(image: Image.Image, header: Header) -> tuple[Turn, bytes | None]:
    """How the picture is turned, and its colour profile. EXIF may be damaged where the picture itself is sound."""
    try:
        turn = TURNS.get(int(image.getexif().get(ExifTags.Base.Orientation, 1)), UPRIGHT)
    except _PILLOW_ERRORS:
        turn = UPRIGHT
    try:
        profile = profile_of(image, header)
    except _PILLOW_ERRORS:
        profile = None
    return turn, profile


def _trimmed(box: Box) -> Box:
    """The middle of a box, at most ``_LONGEST`` times as long as wide."""
    left, upper, right, lower = box
    width, height = right - left, lower - upper
    x = max(0.0, (width - height * _LONGEST) / 2)
    y = max(0.0, (height - width * _LONGEST) / 2)
    return left + x, upper + y, right - x, lower - y


def _resizable(image: Image.Image, header: Header) -> Image.Image:
    """The same picture with 8 bits a channel and no palette; RGBA if it may have transparent pixels."""
    if image.mode.startswith("I;16"):
        return _eight_bits(image, is_inverted=header.is_white_zero)
    if header.may_lack_alpha and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")
    if image.mode == "La":  # premultiplied alpha: Pillow converts it to LA only
        image = image.convert("LA")
    # These modes are resampled without a conversion, which would double the memory of a large photo.
    as_it_is, wanted = (("RGBA",), "RGBA") if image.has_transparency_data else (("RGB", "L", "CMYK"), "RGB")
    return image if image.mode in as_it_is else image.convert(wanted)


def _framed(image: Image.Image, frame: tuple[int, int, int, int]) -> Image.Image:
    """The part of the picture inside ``frame``, on white."""
    part = image.crop(frame)
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(part, frame[:2], part if part.mode == "RGBA" else None)
    return canvas


def _eight_bits(image: Image.Image, *, is_inverted: bool) -> Image.Image:
    """The high bytes of a greyscale of 16 bits. Pillow's own conversion clips at 255."""
    high = image.tobytes()[0 if image.mode == "I;16B" else 1 :: 2]
    grey = Image.frombytes("L", image.size, high)
    return grey.point([255 - level for level in range(256)]) if is_inverted else grey
